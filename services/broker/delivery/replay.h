// Delivering again what was acknowledged: for an agency whose store was lost, or put back to an older copy (docs/runbooks/agency-restore.md).
//
// Family `settled` has a row for each delivery that a desk acknowledged, in the order of the log. A replay puts what it finds there back into the mailbox,
// under its own delivery id, so that whoever has it already passes it over, and at its old position, so that all comes in the order in
// which it first did. The decision is taken again when it is released. What is acknowledged then is a row again, at its end.
//
// A replay takes as many calls as it needs, kReplayMax deliveries each. What was put back and acknowledged meanwhile is not put back again by the same replay: it
// ends where its first entry stands.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/storage/store.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr size_t kReplayMax = 256;                 // Deliveries that one call puts back.
inline constexpr size_t kReplayHoldReferralsMax = 20'000; // Referrals of one hold that a desk is told of again.

// Adds the row of `delivery`, whose settled_index the entry of the acknowledgement is. Sequencer thread.
void NoteSettled(CommitContext& context, std::string_view delivery_id, const storage::v1::StoredDelivery& delivery);

// What one call may put back, as committed state has it.
struct ReplayPlan {
  uint64_t position = 0;                               // From the entry of this leaf index on.
  std::vector<std::pair<uint64_t, std::string>> rows;  // Leaf index, delivery id: one more than kReplayMax tells that there are more.
  std::map<std::string, std::vector<std::string>> holds;  // Of each hold that a row is a notice of: all referrals that the desk was told of.
};

// What `desk` acknowledged by the entry of leaf index `position` and by later ones. MESSAGE_TOO_LARGE when a hold covers more than
// kReplayHoldReferralsMax; errors of `store`; DATA_LOSS. Thread-safe.
absl::StatusOr<ReplayPlan> PlanReplay(const storage::Store& store, const MailboxId& desk, uint64_t position);
// The leaf index of the first entry of them not before `time`, of a log of `size` entries; `size` when there is none. Times of entries
// never go back, so this halves what is left at each step. Errors of `store`; DATA_LOSS. Thread-safe.
absl::StatusOr<uint64_t> FirstSettledSince(const storage::Store& store, const MailboxId& desk, uint64_t size, absl::Time time);

// What is asked.
struct ReplayAsked {
  std::string request_id;
  type::v1::Worker worker;
  bool by_time = false;  // `from` is a time in ms, not a position.
  uint64_t from = 0;
};
// The answer.
struct Replayed {
  uint32_t queued = 0;
  uint64_t next_position = 0;  // 0: that was all.
  uint64_t index = 0;          // Of the MAILBOX_REPLAYED entry.
};
using ReplayedDone = absl::AnyInvocable<void(const absl::StatusOr<Replayed>&) &&>;

// Queues again what `plan` names and still stands as it says, with the entry in one batch. Not what was erased, and not referrals that
// were recalled. Of a hold in force the desk is told anew. Idempotent per request id.
//   NOT_PERMITTED      the worker is on the agency's list of conflicts
//   REQUEST_ID_REUSED  the id stands for another request
class ReplayCommand : public Command {
 public:
  // `directory` and `mailboxes` must outlive the command.
  ReplayCommand(Caller caller, ReplayAsked asked, ReplayPlan plan, const DirectoryHolder& directory, Mailboxes& mailboxes,
                ReplayedDone done);

  absl::Status Apply(CommitContext& context) override;
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  absl::Status FirstAnswer(CommitContext& context, uint64_t index);
  absl::Status QueueOne(CommitContext& context, uint64_t index, const std::string& delivery_id);
  absl::Status TellOfHolds(CommitContext& context);

  const Caller caller_;
  const MailboxId desk_;
  const ReplayAsked asked_;
  const ReplayPlan plan_;
  const DirectoryHolder& directory_;
  Mailboxes& mailboxes_;
  const std::string digest_;  // Sameness of a request.
  Replayed result_;
  NewDeliveries queued_;
  ReplayedDone done_;
};

}  // namespace accord::broker
