// Takes a change of consent: withdrawn, narrowed or widened.
#pragma once

#include <string>
#include <vector>

#include "common/referral/statement.h"
#include "services/broker/admission/sender_act.h"

namespace accord::broker {

// The statement's tags stand in place of the referral's for every decision from then on. A copy that has not left and of which nothing
// is permitted any more is stopped; what else waits is decided again when it is released. Holders of a section under one of the tags are
// told. Errors: those of FirstAnswer, BeginAct and ChangeTags.
class ChangeConsentCommand : public Command {
 public:
  // `tags`: of OpenTags. REQUIRES: the statement is of that kind.
  ChangeConsentCommand(VerifiedStatement verified, std::vector<referral::Opened<type::v1::TagPart>> tags, const ActWork& work, SaidDone done)
      : verified_(std::move(verified)), tags_(std::move(tags)), work_(work), done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Published() override { PublishAct(work_.mailboxes, act_); }
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  absl::Status StopCopies(CommitContext& context, const referral::Decisions& before, const referral::Decisions& after);
  // Holders of a section under a tag that changes.
  std::set<int> Concerned() const;

  const VerifiedStatement verified_;
  const std::vector<referral::Opened<type::v1::TagPart>> tags_;
  const ActWork work_;
  SenderAct act_;
  SaidDone done_;
};

}  // namespace accord::broker
