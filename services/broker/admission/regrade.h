// Takes a sender's change of the grade of a referral: whoever has not answered yet has the time of the new grade.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <string>
#include <utility>
#include <vector>

#include "services/broker/admission/sender_act.h"

namespace accord::broker {

// The answer to a change of the grade.
struct Regraded {
  Said said;
  std::vector<storage::v1::StoredRecipient> recipients;  // As they stand.
  bool immediate = false;                                // Urgency of the referral.
};
using RegradedDone = absl::AnyInvocable<void(absl::StatusOr<Regraded>) &&>;

// The signed grade is that of the referral from now on: by it is decided at release, and clocks that run and were not missed run by it from
// when the referral was stored, so that a raise leaves less time and a lowering more. Copies that wait move to its lane, but for what
// rides IMMEDIATE, which a grade does not change. Every holder that may be told is told, in that lane if it is HIGH and among the notices
// otherwise; no answer is asked. Errors: those of FirstAnswer and BeginAct, and
//   RISK_LOWERED        below what the score of the same assessment gives, or lower than before without supervisor and reason
//   TRANSITION_ILLEGAL  it was withdrawn, a correction replaced it, or it has come to an end everywhere
class RegradeCommand : public Command {
 public:
  // REQUIRES: the statement is of that kind.
  RegradeCommand(VerifiedStatement verified, const ActWork& work, RegradedDone done)
      : verified_(std::move(verified)), work_(work), done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  absl::Status Regrade(CommitContext& context);
  // The grade as the rules about cases read it; and what became of it, by whom and why, for the trail.
  absl::Status NoteInCases(CommitContext& context, const type::v1::Risk& before, const std::string& rules_version);
  absl::Status MoveClocks(CommitContext& context);
  // Moves the copy for `recipient`, if it waits in the lane of the grade `before`, to that of the grade as it is now.
  absl::Status MoveCopy(CommitContext& context, const type::v1::Risk& before, const storage::v1::StoredRecipient& recipient);

  const VerifiedStatement verified_;
  const ActWork work_;
  SenderAct act_;
  std::vector<Waiting> moved_;  // To be moved in the mailboxes once the act is published.
  RegradedDone done_;
};

}  // namespace accord::broker
