// Takes the recall of a misdirected referral.
#pragma once

#include "services/broker/admission/sender_act.h"
#include "services/broker/cases/case_linker.h"

namespace accord::broker {

// Nothing of it is released any more. Copies that have not left are stopped, and all its sealed sections are deleted, unless a legal
// hold covers it: header, openings, statements and entries stay until it is erased. Every holder is told, and a personal data breach
// is recorded when there is one. Errors: those of FirstAnswer and BeginAct.
class RecallCommand : public Command {
 public:
  // `linker` must outlive the command. REQUIRES: the statement is of that kind.
  RecallCommand(VerifiedStatement verified, const CaseLinker& linker, const ActWork& work, SaidDone done)
      : verified_(std::move(verified)), linker_(linker), work_(work), done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Published() override { PublishAct(work_.mailboxes, act_); }
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  absl::Status DeleteSections(CommitContext& context) const;

  const VerifiedStatement verified_;
  const CaseLinker& linker_;
  const ActWork work_;
  SenderAct act_;
  SaidDone done_;
};

}  // namespace accord::broker
