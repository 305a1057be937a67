#include "common/agent/outbox.h"

#include <absl/strings/numbers.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "common/agent/outbox_recipients.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/crypto/digest.h"
#include "common/referral/states.h"

namespace accord::agent {
namespace {

using storage::v1::StoredDraft;
using storage::v1::StoredSubmission;

StoredDraft ToStored(const Draft& draft) {
  StoredDraft stored;
  stored.set_method(draft.method);
  *stored.mutable_options() = draft.options;
  *stored.mutable_core() = draft.core;
  for (const std::string& recipient : draft.recipients) stored.add_recipients(recipient);
  for (const DraftSection& section : draft.sections) {
    auto& row = *stored.add_sections();
    row.set_category(section.category);
    *row.mutable_content() = section.content;
    row.set_third_party_material(section.third_party_material);
    row.set_confidential_address(section.confidential_address);
  }
  for (const DraftSubject& subject : draft.subjects) {
    auto& row = *stored.add_subjects();
    *row.mutable_part() = subject.part;
    *row.mutable_person() = subject.person;
  }
  for (const std::string& warning : draft.warnings) stored.add_warnings(warning);
  return stored;
}

Draft FromStored(const StoredDraft& stored) {
  Draft draft;
  draft.method = stored.method();
  draft.options = stored.options();
  draft.core = stored.core();
  draft.recipients.assign(stored.recipients().begin(), stored.recipients().end());
  for (const auto& row : stored.sections()) {
    draft.sections.push_back({row.category(), row.content(), row.third_party_material(), row.confidential_address()});
  }
  for (const auto& row : stored.subjects()) draft.subjects.push_back({row.part(), row.person()});
  draft.warnings.assign(stored.warnings().begin(), stored.warnings().end());
  return draft;
}

// What makes two pushes the same: all that was pushed, without how long the caller waits, and without what is derived from
// the day and the agency's configuration, either of which may move before a push is repeated.
std::string DigestOfPush(StoredDraft draft) {
  draft.clear_recipients();  // Those that were named stand in the options.
  draft.clear_warnings();
  draft.mutable_core()->clear_purpose();
  for (auto& subject : *draft.mutable_subjects()) subject.mutable_part()->clear_age_band();
  return crypto::Sha256(draft.SerializeAsString());
}

agency::v1::JournalEntry NoteOfPush(const std::string& request_id, const StoredSubmission& submission) {
  agency::v1::JournalEntry entry;
  entry.set_act(agency::v1::JOURNAL_ACT_PUSHED);
  *entry.mutable_worker() = submission.draft().options().worker();
  entry.set_about(request_id);
  return entry;
}

// Whether what was pushed first under the id is this. What one of the two does not know of its request is compared as it was mapped.
bool IsSamePush(const StoredSubmission& earlier, const std::string& request_digest, const std::string& draft_digest) {
  const bool by_request = !earlier.request_digest().empty() && !request_digest.empty();
  return by_request ? earlier.request_digest() == request_digest : earlier.draft_digest() == draft_digest;
}

// Who may have what, without the ids that are drawn anew at each preparation.
std::multiset<std::pair<std::string, int>> Permitted(
    const google::protobuf::RepeatedPtrField<type::v1::SectionDecision>& decisions) {
  std::multiset<std::pair<std::string, int>> permitted;
  for (const auto& decision : decisions) {
    if (decision.verdict() == type::v1::VERDICT_PERMIT) permitted.emplace(decision.recipient(), decision.category());
  }
  return permitted;
}

// A definite refusal after which preparing anew can help: the broker's view moved since the preview.
bool IsStale(const absl::Status& status) {
  return HasReason(status, Reason::kDecisionChanged) || HasReason(status, Reason::kSealedTooWidely) ||
         HasReason(status, Reason::kSealingKeyUnknown) || HasReason(status, Reason::kEpochMoved) ||
         HasReason(status, Reason::kNothingPermitted);
}

// Something of it waits for the broker.
bool Waits(const StoredSubmission& submission) { return IsWaiting(submission.state()) || submission.has_pending_act(); }

bool IsCorrectionOnItsWay(const StoredSubmission& submission) {
  return !submission.draft().options().corrects().empty() && (submission.state() == agency::v1::SUBMISSION_STATE_PREPARED ||
                                                              submission.state() == agency::v1::SUBMISSION_STATE_SENT);
}

}  // namespace

absl::Status Outbox::Load() {
  std::vector<std::pair<uint64_t, std::string>> order;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyOutboxOrder, {}, [&](std::string_view key, std::string_view id) {
    order.emplace_back(U64FromKey(key).value_or(0), id);
    return true;
  }));
  absl::MutexLock lock(&mu_);
  for (const auto& [sequence, request_id] : order) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, store_.Get<StoredSubmission>(kFamilyOutbox, request_id));
    if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "the outbox order names a submission that is not there");
    sequence_ = std::max(sequence_, sequence);
    if (Waits(*stored)) SetDue(request_id, DueNow(*stored));
    if (IsCorrectionOnItsWay(*stored)) correcting_[stored->draft().options().corrects()] = request_id;
    if (!stored->header_digest().empty()) by_digest_[stored->header_digest()] = request_id;
    for (const std::string& agency : stored->reseal_for()) to_seal_.emplace(request_id, agency);
    TrackConcern(request_id, *stored);
  }
  return absl::OkStatus();
}

absl::Status SubmissionNotFound() { return Error(Reason::kReferralNotFound, "no submission has this request id"); }

absl::StatusOr<StoredSubmission> Outbox::Push(Draft draft) {
  const std::string request_id = draft.options.request_id();
  if (!IsRequestId(request_id)) {
    return Error(Reason::kFieldInvalid, "options.request_id must be 8 to 128 characters of [A-Za-z0-9._:/-]",
                 {{"field", "options.request_id"}});
  }
  if (!draft.request_digest.empty()) {  // Said again as it was: it stands, even if it could not be mapped or corrected any more.
    ACCORD_ASSIGN_OR_RETURN(auto earlier, store_.Get<StoredSubmission>(kFamilyOutbox, request_id));
    if (earlier.has_value() && earlier->request_digest() == draft.request_digest) return *std::move(earlier);
  }
  ACCORD_RETURN_IF_ERROR(AsCorrection(draft));
  ACCORD_RETURN_IF_ERROR(preparer_.Parts(draft));
  StoredDraft stored_draft = ToStored(draft);
  stored_draft.mutable_options()->clear_wait_ms();
  stored_draft.mutable_options()->clear_preview_only();
  if (stored_draft.ByteSizeLong() > kDraftBytesMax) {
    return Error(Reason::kMessageTooLarge, "the push is too large", {{"limit_bytes", std::to_string(kDraftBytesMax)}});
  }
  const std::string digest = DigestOfPush(stored_draft);

  StoredSubmission submission;
  submission.set_state(agency::v1::SUBMISSION_STATE_ACCEPTED);
  *submission.mutable_draft() = std::move(stored_draft);
  submission.set_draft_digest(digest);
  submission.set_request_digest(draft.request_digest);
  submission.set_accepted_at_ms(absl::ToUnixMillis(clock_.Now()));
  const absl::Status room = CheckRoom(submission);  // Of a new one: what is there already takes none.
  {
    absl::MutexLock lock(&mu_);
    ACCORD_ASSIGN_OR_RETURN(auto earlier, store_.Get<StoredSubmission>(kFamilyOutbox, request_id));
    if (earlier.has_value()) {
      if (earlier->state() == agency::v1::SUBMISSION_STATE_ERASED) {
        return Error(Reason::kErased, "this agency's copy of what this request id stood for was erased; give new content its own id");
      }
      if (IsSamePush(*earlier, draft.request_digest, digest)) return *std::move(earlier);
      return Error(Reason::kRequestIdReused, "this request id was used for other content; give the new version its own id",
                   {{"first_digest", ToHex(earlier->draft_digest())}});
    }
    if (const std::string& corrects = submission.draft().options().corrects(); !corrects.empty()) {
      ACCORD_ASSIGN_OR_RETURN(const auto corrected, store_.Get<StoredSubmission>(kFamilyOutbox, corrects));
      if (!corrected.has_value() || corrected->state() != agency::v1::SUBMISSION_STATE_SETTLED) {
        return Error(Reason::kTransitionIllegal, "what this corrects was erased here", {{"state", "erased"}});
      }
    }
    if (due_.size() >= kSubmissionsWaitingMax) {
      return Error(Reason::kQueueFull, "too many submissions wait for the broker", {{"retry_after_ms", "60000"}});
    }
    ACCORD_RETURN_IF_ERROR(room);
    ACCORD_RETURN_IF_ERROR(CheckFiles(draft));
    submission.set_sequence(sequence_ + 1);
    accord::storage::Batch batch;
    if (files_ != nullptr) ACCORD_RETURN_IF_ERROR(files_->Take(batch, submission.draft().options().attachments(), request_id));
    store_.Put(batch, kFamilyOutbox, request_id, submission);
    batch.Put(kFamilyOutboxOrder, KeyU64(submission.sequence()), request_id);
    if (journal_ != nullptr) journal_->Append(batch, NoteOfPush(request_id, submission));
    ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
    ++sequence_;
    SetDue(request_id, DueNow(submission));
    TrackConcern(request_id, submission);
    ++changes_;
  }
  wake_();
  return submission;
}

bool Outbox::Step() {
  std::string request_id;
  Due due;
  {
    absl::MutexLock lock(&mu_);
    const absl::Time now = clock_.Now();
    const auto next = std::find_if(lanes_.begin(), lanes_.end(),
                                   [&](const auto& lane) { return lane.second.begin()->first.first <= now; });
    if (next == lanes_.end()) return false;
    request_id = next->second.begin()->second;
    due = due_.at(request_id);
  }
  const absl::Status status = alarm_.Check().ok() ? Advance(request_id, due) : alarm_.Check();
  const auto after = store_.Get<StoredSubmission>(kFamilyOutbox, request_id);
  absl::MutexLock lock(&mu_);
  ++changes_;
  if (after.ok() && after->has_value() && !Waits(**after)) {
    ClearDue(request_id);
    return true;
  }
  if (status.ok()) {  // It keeps its turn: what is under way is finished first.
    due.delay = kRetryDelayMin;
  } else {
    due.at = clock_.Now() + due.delay;
    due.delay = std::min(due.delay * 2, kRetryDelayMax);
  }
  SetDue(request_id, due);
  return true;
}

Outbox::Due Outbox::DueNow(const StoredSubmission& submission) const {
  const auto& core = submission.draft().core();
  const auto urgency = submission.draft().options().immediate() ? type::v1::URGENCY_IMMEDIATE : type::v1::URGENCY_ROUTINE;
  Due due;
  due.act = !IsWaiting(submission.state());
  // Consent that was withdrawn and a safe contact that changed overtake all else, and so does what else is told of a referral.
  due.lane = due.act || core.safe_contact_change() ? type::v1::LANE_IMMEDIATE
                                                   : referral::LaneOf(core.type(), urgency, core.risk().grade());
  due.sequence = submission.sequence();
  due.at = clock_.Now();
  return due;
}

void Outbox::SetDue(const std::string& request_id, const Due& due) {
  ClearDue(request_id);
  due_[request_id] = due;
  acts_due_ += due.act ? 1 : 0;
  lanes_[due.lane][{due.at, due.sequence}] = request_id;
}

void Outbox::ClearDue(const std::string& request_id) {
  const auto row = due_.find(request_id);
  if (row == due_.end()) return;
  const auto lane = lanes_.find(row->second.lane);
  lane->second.erase({row->second.at, row->second.sequence});
  if (lane->second.empty()) lanes_.erase(lane);  // No lane is empty: Step looks at the first of each.
  acts_due_ -= row->second.act ? 1 : 0;
  due_.erase(row);
}

absl::Time Outbox::NextDue() const {
  absl::MutexLock lock(&mu_);
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [name, lane] : lanes_) next = std::min(next, lane.begin()->first.first);
  return next;
}

absl::Status Outbox::Save(const std::string& request_id, StoredSubmission& submission) {
  absl::MutexLock lock(&mu_);
  // A statement can arrive while the submission is being sent: what the inbox added stays.
  ACCORD_ASSIGN_OR_RETURN(const auto standing, store_.Get<StoredSubmission>(kFamilyOutbox, request_id));
  if (standing.has_value()) *submission.mutable_statements() = standing->statements();
  const bool settles = submission.state() == agency::v1::SUBMISSION_STATE_SETTLED;
  for (const auto& statement : submission.statements()) {
    if (settles) NoteStatement(submission, statement, /*by_person=*/false);
  }
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyOutbox, request_id, submission);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  if (!submission.header_digest().empty()) by_digest_[submission.header_digest()] = request_id;
  const std::string& corrects = submission.draft().options().corrects();
  if (IsCorrectionOnItsWay(submission)) {
    correcting_[corrects] = request_id;
  } else if (const auto row = correcting_.find(corrects); row != correcting_.end() && row->second == request_id) {
    correcting_.erase(row);
  }
  TrackConcern(request_id, submission);
  ++changes_;
  return absl::OkStatus();
}

absl::Status Outbox::Advance(const std::string& request_id, Due& due) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<StoredSubmission>(kFamilyOutbox, request_id));
  if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "a submission that waits is not there");
  if (!IsWaiting(stored->state())) {
    absl::MutexLock act(&act_mu_);
    return SendAct(request_id);
  }
  absl::Status status;
  if (stored->state() == agency::v1::SUBMISSION_STATE_ACCEPTED) {
    status = Prepare(request_id, *stored);
  } else {
    status = Send(request_id, *stored, due);
  }
  if (status.ok() || HasReason(status, Reason::kStoreUnavailable)) return status;
  // Retried by itself: say why it waits, without a new state.
  ACCORD_ASSIGN_OR_RETURN(stored, store_.Get<StoredSubmission>(kFamilyOutbox, request_id));
  if (stored.has_value() && stored->waiting_for() != WaitingWords(status)) {
    stored->set_waiting_for(WaitingWords(status));
    ACCORD_RETURN_IF_ERROR(Save(request_id, *stored));
  }
  return status;
}

absl::Status Outbox::Prepare(const std::string& request_id, StoredSubmission& submission) {
  // A correction's statement names the act before it: none may begin until it is signed.
  const bool correction = !submission.draft().options().corrects().empty();
  std::optional<absl::MutexLock> act;
  if (correction) {
    act.emplace(&act_mu_);
    act_mu_.AssertHeld();
    const absl::Status may = MayCorrect(request_id, submission.draft().options().corrects());
    if (!may.ok()) return IsDefiniteRefusal(may) ? Ask(request_id, submission, may) : may;
  }
  broker::v1::PreviewReferralResponse preview;
  const Draft draft = FromStored(submission.draft());
  auto prepared = preparer_.Prepare(draft, preview);
  // Decided on before, and perhaps shown to a person: one is asked only if more would be shared than that.
  const auto before = Permitted(submission.decisions());
  const bool decided_before = !submission.decisions().empty();
  const auto now = Permitted(preview.decisions());
  if (!preview.decisions().empty()) {  // With the advice: whoever has to settle it reads why, and what to do.
    *submission.mutable_decisions() = preview.decisions();
    *submission.mutable_warnings() = preview.warnings();
  }
  if (!prepared.ok()) {
    // Nothing permitted, or the broker refuses the content itself: a person decides. The rest is tried again.
    const absl::StatusCode code = prepared.status().code();
    const bool definite = code == absl::StatusCode::kInvalidArgument || code == absl::StatusCode::kFailedPrecondition;
    if (definite && alarm_.Check().ok()) return Ask(request_id, submission, prepared.status());
    return prepared.status();
  }
  if (decided_before && !std::includes(before.begin(), before.end(), now.begin(), now.end())) {
    return Ask(request_id, submission,
               Error(Reason::kDecisionChanged, "the policy changed meanwhile and would now share more widely; review, then "
                                               "send or withdraw"));
  }
  *submission.mutable_prepared() = std::move(prepared->submission);
  submission.set_header_digest(prepared->header_digest);
  submission.set_decision_digest(preview.decision_digest());
  *submission.mutable_warnings() = preview.warnings();
  if (correction) {
    act_mu_.AssertHeld();
    ACCORD_RETURN_IF_ERROR(SignCorrection(request_id, submission));
  }
  submission.set_state(agency::v1::SUBMISSION_STATE_PREPARED);
  submission.clear_waiting_for();
  ACCORD_RETURN_IF_ERROR(Save(request_id, submission));
  uploaded_[request_id] = 0;
  return TidySections(request_id);  // Of an earlier preparation.
}

absl::Status Outbox::Send(const std::string& request_id, StoredSubmission& submission, Due& due) {
  if (const auto more = UploadNext(request_id, submission); !more.ok() || *more) {
    return more.ok() || !IsDefiniteRefusal(more.status()) ? more.status() : Ask(request_id, submission, more.status());
  }
  submission.set_state(agency::v1::SUBMISSION_STATE_SENT);
  submission.set_attempts(submission.attempts() + 1);
  ACCORD_RETURN_IF_ERROR(Save(request_id, submission));

  const auto response = Submit(request_id, submission);
  if (response.ok()) {
    submission.clear_decisions();
    const auto& named = submission.draft().recipients();
    for (const auto& decision : response->decisions()) {  // Not those about who stands in for one of them.
      if (std::find(named.begin(), named.end(), decision.recipient()) != named.end()) *submission.add_decisions() = decision;
    }
    SetRecipients(submission, response->recipients());
    return Settle(request_id, submission, response->receipt());
  }
  const absl::Status& refusal = response.status();
  if (HasReason(refusal, Reason::kRequestIdReused)) return SettleAsHeld(request_id, submission, refusal);
  if (HasReason(refusal, Reason::kUploadNotFound)) {
    uploaded_[request_id] = 0;  // All of them again.
    return refusal;
  }
  // What was signed with a key that the agency has since replaced is signed anew; a key not enrolled yet is waited for.
  const bool retired_key = HasReason(refusal, Reason::kSigningKeyUnknown) &&
                           submission.prepared().header().key_id() != preparer_.signing_key_id();
  if (retired_key || IsStale(refusal)) {
    // Nothing was stored and the id is free: prepare again under it.
    if (++due.preparations >= kPreparationsMax) return Ask(request_id, submission, refusal);
    submission.set_state(agency::v1::SUBMISSION_STATE_ACCEPTED);
    submission.set_waiting_for(WaitingWords(refusal));
    return Save(request_id, submission);
  }
  const absl::StatusCode code = refusal.code();
  const bool transient = code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded ||
                         code == absl::StatusCode::kResourceExhausted || code == absl::StatusCode::kAborted ||
                         code == absl::StatusCode::kPermissionDenied || code == absl::StatusCode::kUnauthenticated ||
                         code == absl::StatusCode::kInternal || code == absl::StatusCode::kCancelled ||
                         code == absl::StatusCode::kUnknown || code == absl::StatusCode::kDataLoss;
  return transient ? refusal : Ask(request_id, submission, refusal);
}

absl::Status Outbox::Settle(const std::string& request_id, StoredSubmission& submission, const type::v1::Receipt& receipt) {
  ACCORD_ASSIGN_OR_RETURN(const VerifiedReceipt verified,
                          log_.Verify(receipt, referral::StoredEventOf(submission.draft().core().type()), submission.header_digest(),
                                      OfRequest{preparer_.agency(), request_id}));
  *submission.mutable_receipt() = receipt;
  submission.set_stored_index(verified.index);
  if (submission.decisions().empty()) *submission.mutable_decisions() = verified.decisions.decisions();
  submission.set_state(agency::v1::SUBMISSION_STATE_SETTLED);
  submission.clear_waiting_for();
  ACCORD_RETURN_IF_ERROR(EndResealsOf(submission));
  return Save(request_id, submission);
}

absl::Status Outbox::SettleAsHeld(const std::string& request_id, StoredSubmission& submission, const absl::Status& reused) {
  const auto metadata = DetailOf(reused).metadata;
  const auto digest_row = metadata.find("first_digest"), index_row = metadata.find("first_index");
  uint64_t index = 0;
  const auto digest = digest_row == metadata.end() ? std::nullopt : FromHex(digest_row->second);
  if (!digest.has_value() || digest->size() != crypto::kDigestBytes || index_row == metadata.end() ||
      !absl::SimpleAtoi(index_row->second, &index)) {
    return Ask(request_id, submission, reused);
  }
  ACCORD_ASSIGN_OR_RETURN(const type::v1::Receipt receipt, broker_.GetReceipt(index));
  // All that this agency asks of the broker shares its ids. One that stands for an act of a worker is no push: a person gives this another.
  if (const auto [event, about] = WhatOf(receipt); event.type() != referral::StoredEventOf(submission.draft().core().type())) {
    ACCORD_RETURN_IF_ERROR(log_.Verify(receipt, event.type(), about.header_digest()).status());
    return Ask(request_id, submission, reused);
  }
  submission.set_header_digest(*digest);
  submission.clear_prepared();  // Those bytes were never stored.
  submission.clear_decision_digest();
  submission.clear_decisions();
  submission.add_warnings("The broker held this request id already, as this agency sent it before. What was stored first stands, "
                          "and may differ from what was pushed now: read it back before relying on it.");
  ACCORD_RETURN_IF_ERROR(Settle(request_id, submission, receipt));
  return TidySections(request_id);
}

absl::Status Outbox::Ask(const std::string& request_id, StoredSubmission& submission, const absl::Status& why) {
  submission.set_state(agency::v1::SUBMISSION_STATE_NEEDS_PERSON);
  submission.set_waiting_for(WaitingWords(why));
  return Save(request_id, submission);
}

absl::StatusOr<StoredSubmission> Outbox::Get(const std::string& request_id) const {
  if (request_id.empty()) return Error(Reason::kFieldMissing, "request_id is required", {{"field", "request_id"}});
  ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<StoredSubmission>(kFamilyOutbox, request_id));
  if (!stored.has_value()) return SubmissionNotFound();
  return *std::move(stored);
}

absl::StatusOr<std::vector<std::pair<std::string, StoredSubmission>>> Outbox::List(uint64_t before, int limit) const {
  std::vector<std::string> ids;
  accord::storage::Range range;
  range.descending = true;
  if (before != 0) range.upper = KeyU64(before);
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyOutboxOrder, range, [&](std::string_view, std::string_view id) {
    ids.emplace_back(id);
    return ids.size() < static_cast<size_t>(limit);
  }));
  std::vector<std::pair<std::string, StoredSubmission>> rows;
  for (const std::string& id : ids) {
    ACCORD_ASSIGN_OR_RETURN(StoredSubmission submission, Get(id));
    rows.emplace_back(id, std::move(submission));
  }
  return rows;
}

absl::StatusOr<StoredSubmission> Outbox::Resolve(const std::string& request_id, bool send) {
  ACCORD_ASSIGN_OR_RETURN(StoredSubmission submission, Get(request_id));
  if (submission.state() != agency::v1::SUBMISSION_STATE_NEEDS_PERSON) {
    return Error(Reason::kTransitionIllegal, "this submission does not wait for a person",
                 {{"state", agency::v1::SubmissionState_Name(submission.state())}});
  }
  submission.set_state(send ? agency::v1::SUBMISSION_STATE_ACCEPTED : agency::v1::SUBMISSION_STATE_WITHDRAWN);
  // The decisions stay: what they permit the person has seen, and nothing beyond it is sent without asking again.
  submission.clear_header_digest();
  submission.clear_prepared();
  submission.clear_waiting_for();
  ACCORD_RETURN_IF_ERROR(Save(request_id, submission));
  ACCORD_RETURN_IF_ERROR(TidySections(request_id));
  if (send) {
    absl::MutexLock lock(&mu_);
    SetDue(request_id, DueNow(submission));
  }
  wake_();
  return submission;
}

absl::StatusOr<bool> Outbox::Has(std::string_view header_digest) const {
  absl::MutexLock lock(&mu_);
  const auto found = by_digest_.find(std::string(header_digest));
  if (found == by_digest_.end()) return false;
  ACCORD_ASSIGN_OR_RETURN(const auto submission, store_.Get<StoredSubmission>(kFamilyOutbox, found->second));
  return submission.has_value() && submission->header_digest() == header_digest &&
         submission->state() != agency::v1::SUBMISSION_STATE_ERASED;
}

}  // namespace accord::agent
