#include "services/broker/admission/correction.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/states.h"
#include "services/broker/cases/events.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

absl::Status Invalid(const char* field, const char* why) { return Error(Reason::kFieldInvalid, why, {{"field", field}}); }

std::vector<type::v1::SubjectPart> PeopleOf(const referral::OpenedHeader& header) {
  std::vector<type::v1::SubjectPart> people;
  for (const auto& subject : header.subjects) people.push_back(subject.part);
  return people;
}

}  // namespace

absl::Status CheckCorrection(const type::v1::Statement& statement, const Admitted& admitted) {
  const auto& core = admitted.header.core.part;
  if (core.type() != type::v1::REFERRAL_TYPE_CORRECTION) {
    return Invalid("submission.header.core.type", "what replaces a referral is of type CORRECTION");
  }
  if (core.caused_by() != statement.header_digest()) {
    return Invalid("submission.header.core.caused_by", "the statement is not on the referral that this one is caused by");
  }
  if (statement.replaced_by() != admitted.header_digest) {
    return Invalid("statement.replaced_by", "the statement names another referral than the one submitted");
  }
  if (statement.safe_contact_change() != core.safe_contact_change()) {
    return Invalid("statement.safe_contact_change", "statement and submission differ on whether safe contact changes");
  }
  return absl::OkStatus();
}

CorrectCommand::CorrectCommand(VerifiedStatement verified, Admitted admitted, const Admission& admission, const CaseLinker& linker,
                               const ActWork& work, CorrectedDone done)
    : verified_(std::move(verified)),
      request_key_(RequestKey(admitted.caller.principal, admitted.header.core.part.request_id())),
      header_digest_(admitted.header_digest),
      people_(PeopleOf(admitted.header)),
      checks_(admitted.header.core.part.checks()),
      work_(work),
      submit_(std::make_unique<SubmitCommand>(std::move(admitted), admission, linker, work.mailboxes,
                                              [this](absl::StatusOr<Stored> stored) { stored_ = std::move(stored); })),
      done_(std::move(done)) {}

absl::Status CorrectCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto first, FirstAnswer(context, verified_));
  if (first.has_value()) {
    act_.said = *std::move(first);
    return submit_->Apply(context);  // Its first answer too.
  }
  ACCORD_ASSIGN_OR_RETURN(act_, BeginAct(context, verified_, work_));
  if (!act_.stored.replaced_by().empty()) {
    return Error(Reason::kTransitionIllegal, "the referral was corrected already; correct the version that replaced it",
                 {{"replaced_by", ToHex(act_.stored.replaced_by())}});
  }
  if (checks_ != act_.header.core.part.checks()) {
    return Invalid("submission.header.core.checks", "a check is corrected by a check, and nothing else is");
  }
  ACCORD_RETURN_IF_ERROR(CheckVersions(context));
  ACCORD_ASSIGN_OR_RETURN(const auto used, context.Get(kFamilyRequest, request_key_));
  if (used.has_value()) return Error(Reason::kRequestIdReused, "this request id was used for a submission without a statement");
  return Correct(context);
}

absl::Status CorrectCommand::Correct(CommitContext& context) {
  act_.stored.set_replaced_by(header_digest_);
  ACCORD_RETURN_IF_ERROR(ChangeEvent(context, act_.stored, [&](storage::v1::StoredCaseEvent& event) { event.set_replaced_by(header_digest_); }));
  ACCORD_ASSIGN_OR_RETURN(referral::HeaderParts judged_by, PartsNow(act_.stored, act_.header));
  judged_by.subjects.insert(judged_by.subjects.end(), people_.begin(), people_.end());
  const std::set<int> holders = HoldersOf(act_);
  const std::set<int> may_be_told = WhoMayBeTold(act_, holders, judged_by, context.now());
  ACCORD_RETURN_IF_ERROR(RecordAct(context, verified_, nullptr, holders, may_be_told, act_));
  for (int i = 0; i < act_.stored.recipients_size(); ++i) {
    ACCORD_ASSIGN_OR_RETURN(auto copy, WaitingCopy(context, act_.stored.recipients(i)));
    if (copy.has_value()) ACCORD_RETURN_IF_ERROR(StopCopy(context, verified_, nullptr, i, *std::move(copy), referral::Event::kDie, act_));
  }
  ACCORD_RETURN_IF_ERROR(TellOfAct(context, verified_, holders, may_be_told, act_));
  // The version that replaces it has clocks of its own.
  for (auto& recipient : *act_.stored.mutable_recipients()) {
    ACCORD_RETURN_IF_ERROR(StopClocks(context, verified_.statement.header_digest(), recipient));
  }
  ACCORD_ASSIGN_OR_RETURN(std::string ordering_key, OrderingKeyOfDeliveries(context, act_.stored));
  ACCORD_RETURN_IF_ERROR(FinishAct(context, verified_, {}, act_));
  submit_->Follow(std::move(ordering_key), verified_.statement.safe_contact_change());
  return submit_->Apply(context);
}

absl::Status CorrectCommand::CheckVersions(CommitContext& context) const {
  std::string version = verified_.statement.header_digest(), before = act_.header.core.part.caused_by();
  for (size_t versions = 1; !before.empty(); ++versions) {
    if (versions == kVersionsMax) {
      return Error(Reason::kTransitionIllegal, "the referral was corrected too often to be followed; recall it, and send a new one");
    }
    ACCORD_ASSIGN_OR_RETURN(const auto older, LoadReferral(context, before));
    if (!older.has_value() || older->replaced_by() != version) break;
    ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*older));
    version = std::exchange(before, header.core.part.caused_by());
  }
  return absl::OkStatus();
}

void CorrectCommand::Published() {
  PublishAct(work_.mailboxes, act_);
  submit_->Published();
}

void CorrectCommand::Done(const absl::StatusOr<Committed>& outcome) {
  submit_->Done(outcome);  // Sets stored_.
  if (!stored_.ok()) return std::move(done_)(stored_.status());
  std::move(done_)(Corrected{*std::move(stored_), std::move(act_.said)});
}

}  // namespace accord::broker
