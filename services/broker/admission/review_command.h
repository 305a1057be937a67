// Records the sending agency's signed review of a gap or assessment of a breach: statement, entry and the end of its clock in one batch.
#pragma once

#include <utility>
#include <vector>

#include "common/referral/decision.h"
#include "common/referral/statement.h"
#include "services/broker/admission/sender_act.h"

namespace accord::broker {

//   those of FirstAnswer and BeginAct
//   SELF_REVIEW         by the worker who sent it
//   TRANSITION_ILLEGAL  nothing is open there
//   GAP_NOT_COMPLETED   COMPLETED, and with its tags something would still not be permitted, or under the emergency schedule alone
//   FIELD_INVALID …     COMPLETED, and a tag is none that the referral could have
//
// NOT_JUSTIFIED records a breach. COMPLETED puts its tags in place of the referral's, for every decision from then on. Holders are
// asked nothing: what they may do does not change. Who is released something later is told of the tags with it (release.h).
class ReviewCommand : public Command {
 public:
  // `tags`: of OpenTags. REQUIRES: the statement is of one of the two kinds.
  ReviewCommand(VerifiedStatement verified, std::vector<referral::Opened<type::v1::TagPart>> tags, const ActWork& work, SaidDone done)
      : verified_(std::move(verified)), tags_(std::move(tags)), work_(work), done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  // Makes `tags_` the referral's, if by them what was shared under the schedule alone is permitted without it now.
  absl::StatusOr<referral::Decisions> Complete(CommitContext& context);

  const VerifiedStatement verified_;
  const std::vector<referral::Opened<type::v1::TagPart>> tags_;
  const ActWork work_;
  SenderAct act_;
  SaidDone done_;
};

}  // namespace accord::broker
