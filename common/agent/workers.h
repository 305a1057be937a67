// Who works at this agency, about whom they may not know, and who has which received referral.
//
// While the register is empty, whoever the agency's systems name may act. From its first worker on only those may who are in it, in a role
// that they are enrolled in, until they leave. An agency's register is never without somebody: the last one cannot be ended.
//
// Register and assignments are one object, so that ending somebody's access is one write under one lock: no assignment slips in between.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accord/agency/v1/workers_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "common/agent/agency_keys.h"
#include "common/agent/agency_store.h"
#include "common/agent/inbox_people.h"
#include "common/agent/journal.h"
#include "common/base/clock.h"

namespace accord::agent {

inline constexpr size_t kWorkersMax = 20000;
inline constexpr int kTeamsPerWorkerMax = 16;
inline constexpr int kConflictsPerWorkerMax = 32;

// 1 to 63 of [a-z0-9-]. Thread-safe.
bool IsTeamId(std::string_view id);

// Sole writer of the families `worker` and `assignment`. Thread-safe. A change blocks on fsync, and the checks with it.
class Workers {
 public:
  // Whom a received referral is about, by header digest; errors of Inbox::People.
  using PeopleOf = absl::FunctionRef<absl::StatusOr<storage::v1::StoredInboxPeople>(std::string_view header_digest)>;

  // All must outlive this.
  Workers(AgencyStore& store, const AgencyKeys& keys, Journal& journal, const Clock& clock)
      : store_(store), keys_(keys), journal_(journal), clock_(clock) {}

  // Reads the register and the assignments. Errors of the store, and STORE_CORRUPT when a conflict's linkage key is not configured.
  absl::Status Load();

  // May `worker` act here, in this role?
  //   WORKER_NOT_KNOWN  not in the register, or not in this role
  //   WORKER_LEFT       from the moment End was called on
  absl::Status Check(const type::v1::Worker& worker) const;
  bool empty() const;

  // Whether there is anybody about whom the worker may not know.
  bool HasConflicts(std::string_view pseudonym) const;
  // Whether one of them is among `people`. Always so of what names more people than are kept.
  bool Bars(std::string_view pseudonym, const storage::v1::StoredInboxPeople& people) const;

  // Puts a worker; what they have and may not know about any more goes back to its team. OK: durable. The same request id again: the
  // record as it stands.
  //   FIELD_INVALID   a pseudonym, role, team or conflict is not as workers_service.proto says; a conflict that nobody is recognised by
  //   QUOTA_EXCEEDED  kWorkersMax
  absl::StatusOr<agency::v1::WorkerRecord> Put(const std::string& request_id, const agency::v1::WorkerRecord& record,
                                               const type::v1::Worker& by, PeopleOf people_of);

  struct Ended {
    int64_t left_at_ms = 0;
    uint64_t returned = 0;  // How many referrals went back.
  };
  // Ends a worker's access: in one write they have left, and what they had open goes to the team that it was given for, else to their first
  // team, else to nobody. `is_open` says of a header digest whether work on it is left. OK: durable. Of who has left: the first answer.
  //   WORKER_NOT_KNOWN
  //   TRANSITION_ILLEGAL  nobody else is left who could act or enrol anybody
  absl::StatusOr<Ended> End(const std::string& pseudonym, const type::v1::Worker& by, absl::FunctionRef<bool(std::string_view header_digest)> is_open);

  // By pseudonym, those after `after`, without conflicts. REQUIRES: 1 ≤ limit ≤ 500.
  std::vector<agency::v1::WorkerRecord> List(std::string_view after, int limit) const;

  // Gives a referral about `people` to a worker, a team, or, both empty, to nobody. OK: durable. The same request id again: as it stands.
  //   WORKER_NOT_KNOWN, WORKER_LEFT, WORKER_BARRED  of `to_worker`
  //   FIELD_INVALID      no team of anybody who works here, or not a pseudonym
  //   REQUEST_ID_REUSED  the id stands for another assignment of this referral
  absl::StatusOr<agency::v1::Assignment> Assign(const std::string& request_id, std::string_view header_digest, const type::v1::Worker& by,
                                                const std::string& to_worker, const std::string& to_team,
                                                const storage::v1::StoredInboxPeople& people);
  // Who has it; nothing when nobody does.
  std::optional<agency::v1::Assignment> AssignmentOf(std::string_view header_digest) const;
  // Adds to `batch`, which erases the referral, that nobody has it.
  void Release(accord::storage::Batch& batch, std::string_view header_digest);

 private:
  struct Row {
    storage::v1::StoredWorker stored;
    std::vector<PersonTokens> conflicts;
  };
  absl::Status CheckLocked(std::string_view pseudonym, std::optional<type::v1::WorkerRole> role) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  bool BarsLocked(std::string_view pseudonym, const storage::v1::StoredInboxPeople& people) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  bool IsTeamOfSomebodyLocked(const std::string& team) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  // Header digests of what the worker has.
  std::vector<std::string> HeldBy(std::string_view pseudonym) const;
  // Gives back what of `digests` the worker still has: adds the rows to `batch`, and returns them to be kept once that is written.
  std::map<std::string, storage::v1::StoredAssignment> ReturnLocked(accord::storage::Batch& batch, const Row& row,
                                                                    const std::vector<std::string>& digests, const type::v1::Worker& by)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void KeepLocked(std::string_view header_digest, storage::v1::StoredAssignment stored) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  AgencyStore& store_;
  const AgencyKeys& keys_;
  Journal& journal_;
  const Clock& clock_;

  absl::Mutex change_mu_;  // Held over a whole Put or End; taken before mu_, never after.
  mutable absl::Mutex mu_;
  std::map<std::string, Row, std::less<>> rows_ ABSL_GUARDED_BY(mu_);  // By pseudonym.
  std::set<std::string, std::less<>> ending_ ABSL_GUARDED_BY(mu_);     // Who End was called of; not necessarily durable.
  std::map<std::string, storage::v1::StoredAssignment, std::less<>> assignments_ ABSL_GUARDED_BY(mu_);  // By header digest.
};

}  // namespace accord::agent
