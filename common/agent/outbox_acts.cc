// What is said of a submission after it was settled: our acts on it, what a correction needs beside its own sending, what
// recipients say, and its erasure here.
#include <algorithm>
#include <utility>

#include "common/agent/agency_keys.h"
#include "common/agent/outbox.h"
#include "common/agent/outbox_recipients.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/header.h"
#include "common/referral/referral_name.h"
#include "common/referral/statement.h"

namespace accord::agent {
namespace {

using storage::v1::StoredSubmission;
using type::v1::Statement;

constexpr std::string_view kStatementSuffix = ".statement";  // Of the request id of a correction's statement (referral_service.proto).

// What makes two acts on a submission the same.
std::string DigestOfAct(const Statement& asked, const agency::v1::SharingBasis* basis) {
  return crypto::Sha256(crypto::Sha256(asked.SerializeAsString()) + (basis == nullptr ? "" : basis->SerializeAsString()));
}

absl::Status IllegalAct(std::string_view why, const StoredSubmission& submission) {
  return Error(Reason::kTransitionIllegal, why, {{"state", agency::v1::SubmissionState_Name(submission.state())}});
}

absl::Status InvalidAct(const std::string& field, std::string_view why) {
  return Error(Reason::kFieldInvalid, field + " " + std::string(why), {{"field", field}});
}

void AddReceipt(StoredSubmission& submission, const type::v1::Receipt& receipt) {
  auto& receipts = *submission.mutable_act_receipts();
  if (receipts.size() == kActReceiptsMax) receipts.DeleteSubrange(0, 1);
  *receipts.Add() = receipt;
}

void DropAct(StoredSubmission& submission) {
  submission.clear_pending_act();
  submission.clear_pending_openings();
  submission.clear_pending_sections();
  submission.clear_pending_digest();
}

// What the broker said to an act.
struct Answer {
  absl::Status status;
  type::v1::Receipt receipt;
  google::protobuf::RepeatedPtrField<std::string> not_told;
  google::protobuf::RepeatedPtrField<broker::v1::RecipientStatus> recipients;
};

template <typename Response>
Answer Taken(const absl::StatusOr<Response>& response) {
  if (!response.ok()) return {response.status(), {}, {}, {}};
  Answer answer{absl::OkStatus(), response->receipt(), {}, {}};
  if constexpr (requires { response->not_told(); }) answer.not_told = response->not_told();
  if constexpr (requires { response->recipients(); }) answer.recipients = response->recipients();
  return answer;
}

template <typename Request>
Request RequestOf(const Statement& statement, const StoredSubmission& submission) {
  Request request;
  request.set_request_id(statement.request_id());
  *request.mutable_statement() = submission.pending_act();
  if constexpr (requires { request.mutable_openings(); }) *request.mutable_openings() = submission.pending_openings();
  if constexpr (requires { request.mutable_sections(); }) *request.mutable_sections() = submission.pending_sections();
  return request;
}

Answer AskBroker(BrokerLink& broker, const Statement& statement, const StoredSubmission& submission) {
  switch (statement.kind()) {
    case type::v1::STATEMENT_KIND_CONSENT_CHANGE:
      return Taken(broker.ChangeConsent(RequestOf<broker::v1::ChangeConsentRequest>(statement, submission)));
    case type::v1::STATEMENT_KIND_RECALL:
      return Taken(broker.Recall(RequestOf<broker::v1::RecallReferralRequest>(statement, submission)));
    case type::v1::STATEMENT_KIND_WITHDRAWN:
      return Taken(broker.Withdraw(RequestOf<broker::v1::WithdrawReferralRequest>(statement, submission)));
    case type::v1::STATEMENT_KIND_RESEALED:
      return Taken(broker.Reseal(RequestOf<broker::v1::ResealReferralRequest>(statement, submission)));
    case type::v1::STATEMENT_KIND_REGRADED:
      return Taken(broker.Regrade(RequestOf<broker::v1::RegradeReferralRequest>(statement, submission)));
    default:
      return Taken(broker.RecordReview(RequestOf<broker::v1::RecordReviewRequest>(statement, submission)));
  }
}

}  // namespace

absl::Status Outbox::AsCorrection(Draft& draft) const {
  const auto& options = draft.options;
  if (options.corrects().empty()) {
    return options.safe_contact_change() ? InvalidAct("options.safe_contact_change", "goes with options.corrects") : absl::OkStatus();
  }
  if (options.corrects() == options.request_id()) return InvalidAct("options.corrects", "is the push itself");
  if (!IsRequestId(options.request_id() + std::string(kStatementSuffix))) {
    return InvalidAct("options.request_id", "of a correction is at most 118 characters");
  }
  ACCORD_ASSIGN_OR_RETURN(const StoredSubmission corrected, Get(options.corrects()));
  // One that was erased since is looked at by Push, so that a repeated push still gets its first answer.
  const bool stored = corrected.state() == agency::v1::SUBMISSION_STATE_SETTLED || corrected.state() == agency::v1::SUBMISSION_STATE_ERASED;
  if (!stored) return IllegalAct("what this corrects is not settled: nobody has it yet", corrected);
  if (referral::IsRecordOnly(corrected.draft().core().type())) {
    return IllegalAct("a record alone is with nobody who could be told of a correction; push what is shared now", corrected);
  }
  if (corrected.draft().core().checks() != draft.core.checks()) {
    return InvalidAct("options.corrects", "a check is corrected by a check, and nothing else is");
  }
  draft.core.set_type(type::v1::REFERRAL_TYPE_CORRECTION);
  draft.core.set_caused_by(corrected.header_digest());  // Whatever the older version followed, it says itself.
  draft.core.set_safe_contact_change(options.safe_contact_change());
  return absl::OkStatus();
}

absl::StatusOr<StoredSubmission> Outbox::Act(const std::string& request_id, const Statement& asked,
                                             const agency::v1::SharingBasis* basis) {
  if (!IsRequestId(asked.request_id())) return InvalidAct("request_id", "must be 8 to 128 characters of [A-Za-z0-9._:/-]");
  absl::MutexLock act(&act_mu_);
  ACCORD_ASSIGN_OR_RETURN(const bool begun, BeginAct(request_id, asked, basis));
  if (begun) {
    const absl::Status sent = SendAct(request_id);
    ScheduleAct(request_id);
    ACCORD_RETURN_IF_ERROR(sent);
  }
  return Get(request_id);
}

absl::StatusOr<bool> Outbox::BeginAct(const std::string& request_id, const Statement& asked, const agency::v1::SharingBasis* basis,
                                      const Resealed* resealed) {
  const std::string digest = DigestOfAct(asked, basis);
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(StoredSubmission submission, Get(request_id));
  const auto same = [&](const std::string& earlier) -> absl::Status {
    if (earlier == digest) return absl::OkStatus();
    return Error(Reason::kRequestIdReused, "this request id was used for another act; give each its own");
  };
  if (submission.has_pending_act()) {
    ACCORD_ASSIGN_OR_RETURN(const Statement pending, referral::ParseStatement(submission.pending_act()));
    if (pending.request_id() != asked.request_id()) return IllegalAct("another act on it waits for the broker's answer", submission);
    ACCORD_RETURN_IF_ERROR(same(submission.pending_digest()));
    return true;
  }
  if (submission.last_request_id() == asked.request_id()) {
    ACCORD_RETURN_IF_ERROR(same(submission.last_act()));
    return false;
  }
  if (submission.state() != agency::v1::SUBMISSION_STATE_SETTLED) return IllegalAct("it is not settled: the broker has not stored it", submission);
  if (correcting_.contains(request_id)) return IllegalAct("a correction of it waits for the broker's answer", submission);

  Statement statement = asked;
  std::vector<type::v1::Opening> openings;
  if (basis != nullptr) {
    ACCORD_ASSIGN_OR_RETURN(openings, preparer_.RemakeTags(submission.prepared(), *basis, statement));
    if (openings.empty()) return IllegalAct("what was sent is not in this store any more, so that its tags cannot be replaced; recall it", submission);
  }
  if (resealed != nullptr) {
    *statement.mutable_reseal() = resealed->reseal;
    submission.mutable_pending_sections()->Assign(resealed->sections.begin(), resealed->sections.end());
  }
  statement.set_header_digest(submission.header_digest());
  statement.set_previous_statement(submission.last_statement());
  statement.set_acted_at_ms(absl::ToUnixMillis(clock_.Now()));
  ACCORD_ASSIGN_OR_RETURN(*submission.mutable_pending_act(), preparer_.Sign(std::move(statement)));
  submission.mutable_pending_openings()->Assign(openings.begin(), openings.end());
  submission.set_pending_digest(digest);
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyOutbox, request_id, submission);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  TrackConcern(request_id, submission);
  ++changes_;
  return true;
}

absl::Status Outbox::SendAct(const std::string& request_id) {
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  ACCORD_ASSIGN_OR_RETURN(const StoredSubmission submission, Get(request_id));
  if (!submission.has_pending_act()) return absl::OkStatus();  // Answered since it became due.
  const type::v1::SignedPayload& document = submission.pending_act();
  ACCORD_ASSIGN_OR_RETURN(const Statement statement, referral::ParseStatement(document));
  const bool reseals = statement.kind() == type::v1::STATEMENT_KIND_RESEALED;
  if (reseals) ACCORD_RETURN_IF_ERROR(UploadSections(request_id, submission.pending_sections()));
  const Answer answer = AskBroker(broker_, statement, submission);
  if (!answer.status.ok()) {
    // What was signed with a key that the agency has since replaced is signed anew; a key not enrolled yet is waited for.
    const bool retired_key = HasReason(answer.status, Reason::kSigningKeyUnknown) && document.key_id() != preparer_.signing_key_id();
    type::v1::SignedPayload signed_anew = document;
    if (retired_key) {
      ACCORD_ASSIGN_OR_RETURN(signed_anew, preparer_.Sign(statement));
    }
    ACCORD_RETURN_IF_ERROR(Change(request_id, [&](StoredSubmission& stored) {
      *stored.mutable_pending_act() = signed_anew;
      if (IsDefiniteRefusal(answer.status)) DropAct(stored);
      stored.set_waiting_for(WaitingWords(answer.status));
    }));
    if (reseals) ACCORD_RETURN_IF_ERROR(TidySections(request_id));
    return answer.status;
  }
  ACCORD_RETURN_IF_ERROR(log_.Verify(answer.receipt, type::v1::EVENT_TYPE_STATEMENT, submission.header_digest()));
  ACCORD_RETURN_IF_ERROR(Change(request_id, [&](StoredSubmission& stored) {
    stored.set_last_statement(referral::DigestOf(document));
    stored.set_last_request_id(statement.request_id());
    stored.set_last_act(stored.pending_digest());
    AddReceipt(stored, answer.receipt);
    *stored.mutable_not_told() = answer.not_told;
    if (statement.kind() == type::v1::STATEMENT_KIND_RECALL || statement.kind() == type::v1::STATEMENT_KIND_WITHDRAWN) EndClocks(stored);
    if (reseals) NoteResealed(stored, statement.reseal());
    if (statement.kind() == type::v1::STATEMENT_KIND_REGRADED) {
      *stored.mutable_regraded() = statement.regraded();
      SetRecipients(stored, answer.recipients);
      // A statement that arrived meanwhile may say more than the broker did when it answered.
      for (const auto& said : stored.statements()) NoteStatement(stored, said, /*by_person=*/false);
    }
    stored.clear_waiting_for();
    DropAct(stored);
  }));
  return reseals ? TidySections(request_id) : absl::OkStatus();
}

void Outbox::ScheduleAct(const std::string& request_id) {
  {
    absl::MutexLock lock(&mu_);
    const auto stored = store_.Get<StoredSubmission>(kFamilyOutbox, request_id);
    if (stored.ok() && stored->has_value() && (*stored)->has_pending_act()) {
      Due due = DueNow(**stored);
      due.at += due.delay;
      SetDue(request_id, due);
    } else {
      ClearDue(request_id);
    }
  }
  wake_();
}

absl::Status Outbox::Change(const std::string& request_id, absl::FunctionRef<void(StoredSubmission&)> change) {
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(StoredSubmission stored, Get(request_id));
  change(stored);
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyOutbox, request_id, stored);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  TrackConcern(request_id, stored);
  ++changes_;
  return absl::OkStatus();
}

absl::Status Outbox::MayCorrect(const std::string& request_id, const std::string& corrects) const {
  ACCORD_ASSIGN_OR_RETURN(const StoredSubmission corrected, Get(corrects));
  if (corrected.state() != agency::v1::SUBMISSION_STATE_SETTLED) return IllegalAct("what this corrects was erased here", corrected);
  absl::MutexLock lock(&mu_);
  const auto row = correcting_.find(corrects);
  const bool another = row != correcting_.end() && row->second != request_id;
  if (!corrected.has_pending_act() && !another) return absl::OkStatus();
  return Error(Reason::kBrokerUnreachable, "an act on what this corrects, or another correction of it, waits for the broker's answer first");
}

absl::Status Outbox::SignCorrection(const std::string& request_id, StoredSubmission& correction) {
  const auto& options = correction.draft().options();
  ACCORD_ASSIGN_OR_RETURN(const StoredSubmission corrected, Get(options.corrects()));
  Statement statement;
  statement.set_request_id(request_id + std::string(kStatementSuffix));
  *statement.mutable_worker() = options.worker();
  statement.set_kind(type::v1::STATEMENT_KIND_CORRECTION);
  statement.set_header_digest(corrected.header_digest());
  statement.set_previous_statement(corrected.last_statement());
  statement.set_acted_at_ms(absl::ToUnixMillis(clock_.Now()));
  statement.set_replaced_by(correction.header_digest());
  statement.set_safe_contact_change(options.safe_contact_change());
  ACCORD_ASSIGN_OR_RETURN(*correction.mutable_correction_statement(), preparer_.Sign(std::move(statement)));
  return absl::OkStatus();
}

absl::StatusOr<broker::v1::SubmitReferralResponse> Outbox::Submit(const std::string& request_id, StoredSubmission& submission) {
  if (!submission.draft().options().corrects().empty()) return SubmitCorrection(request_id, submission);
  broker::v1::SubmitReferralRequest request;
  request.set_request_id(request_id);
  *request.mutable_submission() = submission.prepared();
  request.set_decision_digest(submission.decision_digest());
  return broker_.Submit(request);
}

absl::StatusOr<broker::v1::SubmitReferralResponse> Outbox::SubmitCorrection(const std::string& request_id, StoredSubmission& correction) {
  broker::v1::CorrectReferralRequest request;
  request.set_request_id(request_id);
  *request.mutable_submission() = correction.prepared();
  *request.mutable_statement() = correction.correction_statement();
  ACCORD_ASSIGN_OR_RETURN(const broker::v1::CorrectReferralResponse response, broker_.Correct(request));
  ACCORD_ASSIGN_OR_RETURN(const Statement statement, referral::ParseStatement(correction.correction_statement()));
  ACCORD_ASSIGN_OR_RETURN(const type::v1::Receipt receipt, broker_.GetReceipt(response.index()));
  ACCORD_RETURN_IF_ERROR(log_.Verify(receipt, type::v1::EVENT_TYPE_STATEMENT, statement.header_digest()));
  const std::string digest = referral::DigestOf(correction.correction_statement());
  ACCORD_RETURN_IF_ERROR(Change(correction.draft().options().corrects(), [&](StoredSubmission& corrected) {
    *corrected.mutable_not_told() = response.not_told();
    EndClocks(corrected);
    if (corrected.last_statement() == digest) return;  // Answered before, and the service ended before it settled.
    corrected.set_last_statement(digest);
    AddReceipt(corrected, receipt);
  }));
  *correction.mutable_not_told() = response.not_told();
  return response.stored();
}

absl::Status Outbox::AddStatement(std::string_view header_digest, const type::v1::Statement& statement) {
  agency::v1::ReceivedStatement row;
  row.set_agency(statement.agency());
  row.set_kind(statement.kind());
  row.set_decline_reason(statement.decline_reason());
  row.set_decision(statement.decision());
  row.set_outcome_code(statement.outcome_code());
  row.set_acted_at_ms(statement.acted_at_ms());
  *row.mutable_return_reasons() = statement.return_reasons();
  row.set_redirect_to(statement.redirect_to());
  row.set_close_reason(statement.close_reason());
  row.set_threshold(statement.threshold());
  row.set_decision_reason(statement.decision_reason());
  row.set_meeting_at_ms(statement.meeting_at_ms());
  row.set_other_forum(statement.other_forum());
  row.set_change_answer(statement.change_answer());
  row.set_kept_article6(statement.kept_article6());
  row.set_check_answer(statement.check_answer());
  row.set_check_withheld_reason(statement.check_withheld_reason());

  absl::MutexLock lock(&mu_);
  const auto found = by_digest_.find(std::string(header_digest));
  if (found == by_digest_.end()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(auto submission, store_.Get<StoredSubmission>(kFamilyOutbox, found->second));
  if (!submission.has_value()) return Error(Reason::kStoreCorrupt, "a submission that was sent is not there");
  for (const auto& known : submission->statements()) {
    if (known.SerializeAsString() == row.SerializeAsString()) return absl::OkStatus();  // Delivered again.
  }
  if (submission->state() == agency::v1::SUBMISSION_STATE_ERASED) return absl::OkStatus();  // Nothing of it is kept any more.
  NoteStatement(*submission, row, IsPerson(statement.worker()));
  *submission->add_statements() = std::move(row);
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyOutbox, found->second, *submission);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  TrackConcern(found->second, *submission);
  return absl::OkStatus();
}

absl::Status Outbox::AddResponse(std::string_view header_digest, std::string_view response_digest) {
  absl::MutexLock lock(&mu_);
  const auto found = by_digest_.find(std::string(header_digest));
  if (found == by_digest_.end()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(auto submission, store_.Get<StoredSubmission>(kFamilyOutbox, found->second));
  if (!submission.has_value()) return Error(Reason::kStoreCorrupt, "a submission that was sent is not there");
  const auto& known = submission->responses();
  const bool again = std::find(known.begin(), known.end(), response_digest) != known.end();
  if (!submission->draft().core().checks() || again || known.size() == kResponsesMax) return absl::OkStatus();
  submission->add_responses(std::string(response_digest));
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyOutbox, found->second, *submission);
  return store_.Commit(batch);
}

absl::StatusOr<bool> Outbox::Erase(std::string_view header_digest,
                                   absl::FunctionRef<void(accord::storage::Batch& batch, const StoredSubmission& erased)> fill) {
  absl::MutexLock lock(&mu_);
  const auto found = by_digest_.find(std::string(header_digest));
  if (found == by_digest_.end()) return false;
  ACCORD_ASSIGN_OR_RETURN(const auto submission, store_.Get<StoredSubmission>(kFamilyOutbox, found->second));
  if (!submission.has_value() || submission->header_digest() != header_digest ||
      submission->state() == agency::v1::SUBMISSION_STATE_ERASED) {
    return false;
  }
  if (submission->state() != agency::v1::SUBMISSION_STATE_SETTLED) {
    return Error(Reason::kTransitionIllegal, "the submission is on its way; erase it once it is settled or withdrawn",
                 {{"state", agency::v1::SubmissionState_Name(submission->state())}});
  }
  if (submission->has_pending_act() || correcting_.contains(found->second)) {
    return Error(Reason::kTransitionIllegal, "an act on this submission, or a correction of it, waits for the broker; erase it once that is answered",
                 {{"state", agency::v1::SubmissionState_Name(submission->state())}});
  }
  StoredSubmission left;
  left.set_state(agency::v1::SUBMISSION_STATE_ERASED);
  left.set_header_digest(submission->header_digest());
  left.set_accepted_at_ms(submission->accepted_at_ms());
  left.set_stored_index(submission->stored_index());
  left.set_sequence(submission->sequence());
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyOutbox, found->second, left);
  ACCORD_RETURN_IF_ERROR(DropBeside(batch, found->second, *submission));
  fill(batch, *submission);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  TrackConcern(found->second, left);
  ++changes_;
  return true;
}

absl::StatusOr<broker::v1::GetHoldersResponse> Outbox::Holders(const std::string& request_id) const {
  ACCORD_ASSIGN_OR_RETURN(const StoredSubmission submission, Get(request_id));
  if (submission.state() != agency::v1::SUBMISSION_STATE_SETTLED && submission.state() != agency::v1::SUBMISSION_STATE_ERASED) {
    return Error(Reason::kReferralNotFound, "the broker has not stored this submission: nobody holds it");
  }
  broker::v1::GetHoldersRequest request;
  request.set_referral(referral::ReferralName(submission.header_digest()));
  return broker_.GetHolders(request);
}

}  // namespace accord::agent
