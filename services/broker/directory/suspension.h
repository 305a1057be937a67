// Shutting a principal out at once, and letting it in again (docs/administrators.md).
//
// A suspended principal is known and is answered nothing: CheckPrincipal refuses it, and its streams end, for the directory epoch moves. What
// waits for a suspended agency keeps waiting, and its clocks run. One officer is enough, for it cannot wait; each act is an entry on the
// administration chain that names whom it concerns and why.
//
// The commands are idempotent by request id, scoped to the officer.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "accord/admin/v1/admin_service.pb.h"
#include "services/broker/directory/changes.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// True when `principal` ("agency/<id>", "admin/<id>", "inspector/<id>") is in the directory, active or not. Thread-safe.
bool IsInDirectory(const DirectorySnapshot& directory, std::string_view principal);

using SuspensionDone = absl::AnyInvocable<void(const absl::StatusOr<uint64_t>& index) &&>;

// What was done to whom.
struct SuspensionAct {
  std::string principal;
  admin::v1::SuspensionReason reason = admin::v1::SUSPENSION_REASON_UNSPECIFIED;  // Unspecified: it was let in again.
  absl::Time time;
  uint64_t index = 0;  // Leaf index of the entry.
};
// Called once an act is durable and shown to readers, on the sequencer thread; must not block.
using SuspensionTold = std::function<void(const SuspensionAct& act)>;

// Suspends `principal`, or lets it in again when `reason` is unspecified. The result is the leaf index of the entry; suspending for the reason
// for which it is suspended already answers with the entry that it is suspended by, makes none and tells nobody.
//   FIELD_INVALID       no name of a principal, or one's own
//   PRINCIPAL_NOT_FOUND nobody of that name is enrolled
//   LAST_ADMINISTRATOR  nobody could undo it
//   TRANSITION_ILLEGAL  to be let in, and not suspended
//   PRINCIPAL_UNKNOWN   the officer itself has been suspended or removed meanwhile
//   REQUEST_ID_REUSED
class SuspensionCommand : public Command {
 public:
  // `directory` must outlive the command.
  SuspensionCommand(const DirectoryHolder& directory, Administrator administrator, std::string request_id, std::string principal,
                    admin::v1::SuspensionReason reason, SuspensionTold told, SuspensionDone done);
  absl::Status Apply(CommitContext& context) override;
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  bool lets_in() const { return reason_ == admin::v1::SUSPENSION_REASON_UNSPECIFIED; }
  absl::Status Check(const DirectorySnapshot& directory) const;

  const DirectoryHolder& directory_;
  const Administrator administrator_;
  const std::string request_id_, principal_;
  const admin::v1::SuspensionReason reason_;
  const std::string digest_;
  uint64_t index_ = 0;
  SuspensionAct act_;
  bool acted_ = false;  // An entry was made.
  const SuspensionTold told_;
  SuspensionDone done_;
};

}  // namespace accord::broker
