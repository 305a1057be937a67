// Replaces a referral by a corrected one: the statement on the older version and the newer one in one batch.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <memory>

#include "services/broker/admission/sender_act.h"
#include "services/broker/admission/submit_command.h"

namespace accord::broker {

// The answer.
struct Corrected {
  Stored stored;  // As SubmitCommand answers.
  Said said;      // Of the older version.
};
using CorrectedDone = absl::AnyInvocable<void(absl::StatusOr<Corrected>) &&>;

// OK when statement and submission are of each other: a CORRECTION of the referral that the newer one is caused by, replaced by it, and
// of one word on whether safe contact changes. FIELD_INVALID with the field. Thread-safe.
absl::Status CheckCorrection(const type::v1::Statement& statement, const Admitted& admitted);

// Every holder of the older version that may be told gets the statement; then the newer version's deliveries are queued behind it, in
// the same order, and in lane IMMEDIATE too when safe contact changes: so the old value is marked before the new one is shown. Copies
// of the older version that have not left are stopped. Who may be told is judged by the people of both versions.
//   TRANSITION_ILLEGAL  it was replaced already (correct the newer one), or has kVersionsMax versions
//   FIELD_INVALID       one of the two versions is a check, and the other is not
//   REQUEST_ID_REUSED   the submission's id was used without the statement
//   those of FirstAnswer, BeginAct and SubmitCommand
class CorrectCommand : public Command {
 public:
  // All references must outlive the command. REQUIRES: CheckCorrection.
  CorrectCommand(VerifiedStatement verified, Admitted admitted, const Admission& admission, const CaseLinker& linker, const ActWork& work,
                 CorrectedDone done);
  absl::Status Apply(CommitContext& context) override;
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;
  // What somebody's safety may hang on is never refused for want of room.
  bool MayBeRefusedForSpace() const override { return !verified_.statement.safe_contact_change() && submit_->MayBeRefusedForSpace(); }

 private:
  absl::Status Correct(CommitContext& context);
  absl::Status CheckVersions(CommitContext& context) const;

  const VerifiedStatement verified_;
  const std::string request_key_;                 // Of the submission.
  const std::string header_digest_;               // Of the newer version.
  const std::vector<type::v1::SubjectPart> people_;  // Of the newer version.
  const bool checks_;                                // The newer version is a check.
  const ActWork work_;
  std::unique_ptr<SubmitCommand> submit_;
  absl::StatusOr<Stored> stored_;  // From Done on: what `submit_` answered.
  SenderAct act_;
  CorrectedDone done_;
};

}  // namespace accord::broker
