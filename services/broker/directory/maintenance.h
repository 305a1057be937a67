// Maintenance: while the operator works on the broker, what is new and can wait does (docs/administrators.md).
//
// It moves no epoch and ends no stream: everything but new referrals that are not IMMEDIATE is taken as ever. It outlasts restarts, and ends
// only when an officer ends it.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "accord/storage/v1/inspection.pb.h"
#include "services/broker/directory/changes.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

inline constexpr int kMaintenanceRetryAfterMs = 60'000;

// That under way; nothing when there is none. Errors of `read`; STORE_CORRUPT. Thread-safe as `read` is.
absl::StatusOr<std::optional<storage::v1::StoredMaintenance>> MaintenanceUnderWay(PlainReader read);

// OK unless the broker is under maintenance. MAINTENANCE, with `retry_after_ms` and, when it is known, `until`. Sequencer thread.
absl::Status CheckNoMaintenance(CommitContext& context);

using MaintenanceDone = absl::AnyInvocable<void(const absl::StatusOr<uint64_t>& index) &&>;

// Begins maintenance, or changes until when it is expected to last; or ends it. OK: durable, with an entry MAINTENANCE_SET on the
// administration chain. What stands already makes no entry and answers with the one by which it stands. Idempotent by request id, scoped to
// the officer.
//   FIELD_INVALID       `until_ms` is not in the future, or goes with an end
//   TRANSITION_ILLEGAL  to be ended, and not under way
//   PRINCIPAL_UNKNOWN   the officer itself has been suspended or removed meanwhile
//   REQUEST_ID_REUSED
class SetMaintenanceCommand : public Command {
 public:
  // `directory` must outlive the command.
  SetMaintenanceCommand(const DirectoryHolder& directory, Administrator administrator, std::string request_id, bool on, int64_t until_ms,
                        MaintenanceDone done);
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const DirectoryHolder& directory_;
  const Administrator administrator_;
  const std::string request_id_;
  const bool on_;
  const int64_t until_ms_;
  uint64_t index_ = 0;
  MaintenanceDone done_;
};

}  // namespace accord::broker
