// Takes a sender's withdrawal of a referral: the person no longer wants it, or it is not needed.
#pragma once

#include "services/broker/admission/sender_act.h"

namespace accord::broker {

// Copies that have not left are stopped, every holder that may be told is told, and no answer is asked of anybody; wherever the
// referral has not come to an end its state is WITHDRAWN from now on, and its clocks end. Unlike a recall it takes nothing back: what
// had left stays with whoever holds it, sealed sections stay here, and there is no breach. Errors: those of FirstAnswer and BeginAct, and
//   TRANSITION_ILLEGAL  it was recalled or withdrawn, a correction replaced it, or it has come to an end everywhere
class WithdrawCommand : public Command {
 public:
  // REQUIRES: the statement is of that kind.
  WithdrawCommand(VerifiedStatement verified, const ActWork& work, SaidDone done)
      : verified_(std::move(verified)), work_(work), done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Published() override { PublishAct(work_.mailboxes, act_); }
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  absl::Status MoveRecipients(CommitContext& context);

  const VerifiedStatement verified_;
  const ActWork work_;
  SenderAct act_;
  SaidDone done_;
};

}  // namespace accord::broker
