// Handing a notice of a hold over, as release.h does for referrals: recorded first, then sent.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <string>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "accord/storage/v1/hold.pb.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// A notice that may leave.
struct ReleasedHold {
  storage::v1::StoredDelivery delivery;  // As of this attempt.
  storage::v1::StoredHold hold;          // As it stands.
  uint64_t index = 0;                    // Of its RELEASED entry.
};
using ReleasedHoldDone = absl::AnyInvocable<void(absl::StatusOr<ReleasedHold>) &&>;

// Makes attempt, first release and RELEASED entry durable. Its Done gives no lease back: whoever leased it does.
//   DELIVERY_NOT_FOUND  not there, settled, or not this mailbox's
class ReleaseHoldCommand : public Command {
 public:
  ReleaseHoldCommand(std::string delivery_id, MailboxId mailbox, Caller caller, ReleasedHoldDone done)
      : delivery_id_(std::move(delivery_id)), mailbox_(std::move(mailbox)), caller_(std::move(caller)), done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const std::string delivery_id_;
  const MailboxId mailbox_;
  const Caller caller_;
  ReleasedHold result_;
  ReleasedHoldDone done_;
};

}  // namespace accord::broker
