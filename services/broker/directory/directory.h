// Who the agencies, administrators and inspectors are, and which keys are denied, as of one epoch.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "common/crypto/certificate.h"
#include "common/storage/store.h"

namespace accord::broker {

// An agency with its certificates parsed. Those on the deny set are left out of the parsed
// lists, so that whoever uses this uses no denied key; `agency` is as stored.
struct AgencyRow {
  admin::v1::Agency agency;
  struct SigningKey {
    crypto::Certificate certificate;
    crypto::VerifyKey key;
  };
  std::vector<SigningKey> signing;
  std::optional<crypto::Certificate> sealing;
  std::optional<crypto::Certificate> confidential_sealing;  // Absent when there is no such desk.
};

// The certificate that a desk's sections are sealed for: the confidential desk has a key of its own.
inline const std::optional<crypto::Certificate>& SealingOf(const AgencyRow& row, type::v1::Desk desk) {
  return desk == type::v1::DESK_CONFIDENTIAL ? row.confidential_sealing : row.sealing;
}

// No agency's id: the conflict list of this name is that of administrators.
inline constexpr std::string_view kAdministrators = "administrators";

// Since when and why a principal is shut out (suspension.h).
struct Suspension {
  admin::v1::SuspensionReason reason = admin::v1::SUSPENSION_REASON_UNSPECIFIED;
  absl::Time since;
  uint64_t index = 0;  // Leaf index of its entry.
};

// Immutable; shared by handlers and the sequencer.
class DirectorySnapshot {
 public:
  // Reads the families `agency`, `officer`, `suspension` and `deny`, and the conflict lists of `policy`. DATA_LOSS when a row does not parse; the
  // errors of `store`.
  static absl::StatusOr<std::shared_ptr<const DirectorySnapshot>> Load(const storage::Store& store, uint64_t epoch);

  uint64_t epoch() const { return epoch_; }
  // All agencies by id, inactive ones included.
  const std::map<std::string, AgencyRow, std::less<>>& agencies() const { return agencies_; }
  // Null when there is none, or when it is inactive for FindActiveAgency.
  const AgencyRow* FindAgency(std::string_view id) const;
  const AgencyRow* FindActiveAgency(std::string_view id) const;
  const storage::v1::StoredOfficer* FindOfficer(bool inspector, std::string_view id) const;
  // All administrators and inspectors, by OfficerKey.
  const std::map<std::string, storage::v1::StoredOfficer, std::less<>>& officers() const { return officers_; }
  // True when "agency/<id>", "admin/<id>" or "inspector/<id>" is shut out (suspension.h).
  bool IsSuspended(std::string_view principal) const { return FindSuspension(principal) != nullptr; }
  // Why and since when; null when it is not shut out.
  const Suspension* FindSuspension(std::string_view principal) const;

  // The key with `key_id` that the active agency `id` may sign with at `at`; null otherwise
  // (SIGNING_KEY_UNKNOWN).
  const AgencyRow::SigningKey* FindSigningKey(std::string_view id, std::string_view key_id, absl::Time at) const;

  // Whose sealing key has this subject key identifier; null when nobody's (SEALING_KEY_UNKNOWN).
  struct SealingKeyOwner {
    std::string agency;
    type::v1::Desk desk = type::v1::DESK_MAIN;
  };
  const SealingKeyOwner* FindSealingKeyOwner(std::string_view subject_key_id) const;

  // Who is barred for a conflict of interest: agency, or kAdministrators, → workers' pseudonyms or administrators' ids.
  using Conflicts = std::map<std::string, std::set<std::string>, std::less<>>;
  const Conflicts& conflicts() const { return conflicts_; }
  // True when `worker` is on the list of `agency`.
  bool IsBarred(std::string_view agency, const std::string& worker) const;

  // True when the deny set has `digest`: of a certificate or of a public key.
  bool IsDenied(std::string_view digest) const { return denied_.contains(std::string(digest)); }

 private:
  DirectorySnapshot() = default;

  uint64_t epoch_ = 0;
  std::map<std::string, AgencyRow, std::less<>> agencies_;
  std::map<std::string, storage::v1::StoredOfficer, std::less<>> officers_;  // By OfficerKey.
  std::map<std::string, SealingKeyOwner, std::less<>> sealing_owners_;
  std::map<std::string, Suspension, std::less<>> suspended_;  // By principal.
  absl::flat_hash_set<std::string> denied_;
  Conflicts conflicts_;
};

// The directory in force. The sequencer sets it between batches, before the next command is
// applied; so on the sequencer thread it is always that of the committed state. Thread-safe.
class DirectoryHolder {
 public:
  // Never null after the broker has opened.
  std::shared_ptr<const DirectorySnapshot> Get() const {
    absl::MutexLock lock(&mu_);
    return snapshot_;
  }
  void Set(std::shared_ptr<const DirectorySnapshot> snapshot) {
    absl::MutexLock lock(&mu_);
    snapshot_ = std::move(snapshot);
  }

 private:
  mutable absl::Mutex mu_;
  std::shared_ptr<const DirectorySnapshot> snapshot_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::broker
