// An agency's service says that it ran its alert about an IMMEDIATE referral (docs/clocks.md).
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>

#include <string>
#include <utility>

#include "services/broker/directory/access.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

using AlertDone = absl::AnyInvocable<void(const absl::Status&) &&>;

// Notes when the alert was run first, with an entry DUTY_ALERTED; after that nothing, for alerts are repeated until a person opens.
//   DELIVERY_NOT_FOUND  not there, another desk's, not of a referral in lane IMMEDIATE, or never released
class AlertCommand : public Command {
 public:
  AlertCommand(std::string delivery_id, Caller caller, AlertDone done)
      : delivery_id_(std::move(delivery_id)), caller_(std::move(caller)), done_(std::move(done)) {}

  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override { std::move(done_)(outcome.status()); }

 private:
  const std::string delivery_id_;
  const Caller caller_;
  AlertDone done_;
};

}  // namespace accord::broker
