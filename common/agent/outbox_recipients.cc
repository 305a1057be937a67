#include "common/agent/outbox_recipients.h"

#include <algorithm>

#include "common/agent/outbox.h"
#include "common/base/status.h"
#include "common/base/working_days.h"
#include "common/referral/referral_name.h"
#include "common/referral/states.h"

namespace accord::agent {
namespace {

using agency::v1::ReceivedStatement;
using agency::v1::SubmissionRecipient;
using storage::v1::StoredSubmission;

SubmissionRecipient* Find(StoredSubmission& submission, const std::string& agency) {
  auto& rows = *submission.mutable_recipients();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.agency() == agency; });
  return found == rows.end() ? nullptr : &*found;
}

// The state that an event leads to, from wherever: the recipient's own word for it.
type::v1::ReferralState StateAfter(referral::Event event) {
  for (const auto& arrow : referral::kArrows) {
    if (arrow.event == event) return arrow.to;
  }
  return type::v1::REFERRAL_STATE_UNSPECIFIED;
}

bool IsOnItsWay(type::v1::ReferralState state) {
  return state == type::v1::REFERRAL_STATE_STORED || state == type::v1::REFERRAL_STATE_RELEASED ||
         state == type::v1::REFERRAL_STATE_DELIVERED || state == type::v1::REFERRAL_STATE_DEAD_LETTER;
}

// Where a recipient has taken it on, and may still have something to tell.
bool IsTakenOn(type::v1::ReferralState state) {
  return state == type::v1::REFERRAL_STATE_ACCEPTED || state == type::v1::REFERRAL_STATE_DECIDED ||
         state == type::v1::REFERRAL_STATE_ACTION_RECORDED || state == type::v1::REFERRAL_STATE_LISTED ||
         state == type::v1::REFERRAL_STATE_RESEARCH_REQUESTED || state == type::v1::REFERRAL_STATE_HEARD ||
         state == type::v1::REFERRAL_STATE_DEFERRED || state == type::v1::REFERRAL_STATE_TRANSFERRED_IN;
}

// Of what was taken on, all but an action and a further step tell what came of it, or that nothing will.
bool EndsFeedback(const ReceivedStatement& statement, type::v1::ReferralState after) {
  return !IsTakenOn(after) || (statement.kind() == type::v1::STATEMENT_KIND_DECIDED &&
                               statement.decision() == type::v1::CONTACT_DECISION_NO_FURTHER_ACTION);
}

bool IsWatched(const StoredSubmission& submission) {
  if (submission.state() != agency::v1::SUBMISSION_STATE_SETTLED || submission.called_back()) return false;
  const auto& rows = submission.recipients();
  // Of a check its sender looks at who has opened it and who has answered.
  if (submission.draft().core().checks()) {
    return std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.check_answer() == type::v1::CHECK_ANSWER_UNSPECIFIED; });
  }
  if (!submission.draft().options().immediate()) return false;
  return std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.duty() != type::v1::DUTY_STATE_OPENED; });
}

}  // namespace

void SetRecipients(StoredSubmission& submission, const google::protobuf::RepeatedPtrField<broker::v1::RecipientStatus>& recipients) {
  submission.clear_recipients();
  for (const auto& status : recipients) {
    SubmissionRecipient& row = *submission.add_recipients();
    row.set_agency(status.agency());
    row.set_state(status.state());
    row.set_since_ms(status.since_ms());
    row.set_duty(status.duty());
    row.set_duty_telephone(status.duty_telephone());
    row.set_pick_up_due_ms(status.pick_up_due_ms());
    row.set_response_due_ms(status.response_due_ms());
    row.set_check_answer(status.check_answer());
    row.set_reseal_wanted(status.reseal_wanted_ms() != 0);
    row.set_feedback_due_ms(status.feedback_due_ms());
  }
}

void NoteStatement(StoredSubmission& submission, const ReceivedStatement& statement, bool by_person) {
  SubmissionRecipient* row = Find(submission, statement.agency());
  const auto event = referral::EventOf(statement.kind());
  if (row == nullptr || !event.has_value()) return;
  const bool opens = *event == referral::Event::kOpen;
  if (opens && !IsOnItsWay(row->state())) return;  // What was said since is known already.
  row->set_state(StateAfter(*event));
  row->set_since_ms(statement.acted_at_ms());
  if (statement.check_answer() != type::v1::CHECK_ANSWER_UNSPECIFIED) row->set_check_answer(statement.check_answer());
  if (opens && !by_person) return;
  if (!opens && by_person && EndsFeedback(statement, row->state())) row->clear_feedback_due_ms();
  row->clear_pick_up_due_ms();
  if (!opens) row->clear_response_due_ms();
  if (row->duty() != type::v1::DUTY_STATE_UNSPECIFIED) row->set_duty(type::v1::DUTY_STATE_OPENED);
}

void EndClocks(StoredSubmission& submission) {
  submission.set_called_back(true);
  submission.clear_reseal_for();
  for (auto& row : *submission.mutable_recipients()) {
    row.clear_pick_up_due_ms();
    row.clear_response_due_ms();
    row.clear_feedback_due_ms();
    row.clear_reseal_wanted();
  }
}

void WantReseal(StoredSubmission& submission, const std::string& agency) {
  auto& wanted = *submission.mutable_reseal_for();
  if (std::find(wanted.begin(), wanted.end(), agency) == wanted.end()) *wanted.Add() = agency;
  SubmissionRecipient* row = Find(submission, agency);
  if (row == nullptr) {  // Another recipient named it.
    row = submission.add_recipients();
    row->set_agency(agency);
    row->set_state(type::v1::REFERRAL_STATE_STORED);
  }
  row->set_reseal_wanted(true);
}

void EndReseal(StoredSubmission& submission, const std::string& agency) {
  auto& wanted = *submission.mutable_reseal_for();
  wanted.erase(std::remove(wanted.begin(), wanted.end(), agency), wanted.end());
  if (SubmissionRecipient* row = Find(submission, agency); row != nullptr) row->clear_reseal_wanted();
}

void NoteResealed(StoredSubmission& submission, const type::v1::Reseal& reseal) {
  for (auto& section : *submission.mutable_prepared()->mutable_sections()) {
    for (const auto& sealed : submission.pending_sections()) {
      if (sealed.section_id() == section.section_id()) section = sealed;
    }
  }
  EndReseal(submission, reseal.recipient().agency());
}

std::map<std::string, ReceivedStatement> NewestStatements(const StoredSubmission& submission) {
  std::map<std::string, ReceivedStatement> newest;
  for (const auto& statement : submission.statements()) {
    if (referral::EventOf(statement.kind()).has_value()) newest[statement.agency()] = statement;
  }
  return newest;
}

absl::Time ConcernsUntil(const ReceivedStatement& statement) {
  const absl::Time acted = absl::FromUnixMillis(statement.acted_at_ms());
  switch (statement.kind()) {
    case type::v1::STATEMENT_KIND_RETURNED:
    case type::v1::STATEMENT_KIND_REDIRECTED: return absl::InfiniteFuture();
    case type::v1::STATEMENT_KIND_DECLINED: return acted + kDeclinedShown;
    case type::v1::STATEMENT_KIND_DECIDED: return StartOfLondonDay(LondonDay(acted) + 2);
    default: return absl::InfinitePast();
  }
}

absl::Time ConcernsUntil(const StoredSubmission& submission) {
  if (submission.state() == agency::v1::SUBMISSION_STATE_NEEDS_PERSON) return absl::InfiniteFuture();
  if (submission.state() != agency::v1::SUBMISSION_STATE_SETTLED || submission.called_back()) return absl::InfinitePast();
  if (!submission.reseal_for().empty()) return absl::InfiniteFuture();
  for (const auto& row : submission.recipients()) {
    const bool waits = row.pick_up_due_ms() != 0 || row.response_due_ms() != 0 || row.feedback_due_ms() != 0 ||
                       row.state() == type::v1::REFERRAL_STATE_DEAD_LETTER;
    if (waits) return absl::InfiniteFuture();
  }
  absl::Time until = absl::InfinitePast();
  const auto newest = NewestStatements(submission);
  for (const auto& [agency, statement] : newest) until = std::max(until, ConcernsUntil(statement));
  return until;
}

void Outbox::TrackConcern(const std::string& request_id, const StoredSubmission& submission) {
  const absl::Time until = ConcernsUntil(submission);
  if (until == absl::InfinitePast()) {
    concerns_.erase(request_id);
  } else {
    concerns_[request_id] = until;
  }
  TrackWaits(request_id, submission);
}

absl::StatusOr<std::vector<std::pair<std::string, StoredSubmission>>> Outbox::Concerns(absl::Time now) {
  std::vector<std::string> ids;
  {
    absl::MutexLock lock(&mu_);
    for (auto row = concerns_.begin(); row != concerns_.end();) {
      row = row->second <= now ? concerns_.erase(row) : std::next(row);
    }
    for (const auto& [id, until] : concerns_) ids.push_back(id);
  }
  std::vector<std::pair<std::string, StoredSubmission>> rows;
  for (const std::string& id : ids) {
    ACCORD_ASSIGN_OR_RETURN(StoredSubmission submission, Get(id));
    rows.emplace_back(id, std::move(submission));
  }
  return rows;
}

absl::Status Outbox::AddNotice(const broker::v1::SharingNotice& notice) {
  std::string request_id;
  {
    absl::MutexLock lock(&mu_);
    const auto found = by_digest_.find(notice.header_digest());
    if (found == by_digest_.end()) return absl::OkStatus();
    request_id = found->second;
  }
  if (notice.kind() == type::v1::NOTICE_KIND_RESEAL_WANTED) {
    ACCORD_RETURN_IF_ERROR(Change(request_id, [&](StoredSubmission& submission) {
      if (submission.state() == agency::v1::SUBMISSION_STATE_SETTLED && !submission.called_back()) WantReseal(submission, notice.agency());
    }));
    absl::MutexLock lock(&mu_);
    to_seal_.emplace(request_id, notice.agency());
    return absl::OkStatus();
  }
  const bool pick_up = notice.kind() == type::v1::NOTICE_KIND_PICK_UP_OVERDUE;
  const bool response = notice.kind() == type::v1::NOTICE_KIND_RESPONSE_OVERDUE;
  const bool feedback = notice.kind() == type::v1::NOTICE_KIND_FEEDBACK_OVERDUE;
  // What died of a statement on it says nothing of where the referral itself is.
  const bool dead = notice.kind() == type::v1::NOTICE_KIND_DEAD_LETTER && !notice.of_statement();
  if (!pick_up && !response && !feedback && !dead) return absl::OkStatus();
  return Change(request_id, [&](StoredSubmission& submission) {
    if (submission.state() != agency::v1::SUBMISSION_STATE_SETTLED || submission.called_back()) return;
    SubmissionRecipient* row = Find(submission, notice.agency());
    if (row == nullptr) {  // It was sent before recipients were kept.
      row = submission.add_recipients();
      row->set_agency(notice.agency());
      row->set_state(type::v1::REFERRAL_STATE_STORED);
    }
    if (pick_up && IsOnItsWay(row->state())) row->set_pick_up_due_ms(notice.due_at_ms());
    if (response && (IsOnItsWay(row->state()) || row->state() == type::v1::REFERRAL_STATE_OPENED)) {
      row->set_response_due_ms(notice.due_at_ms());
    }
    if (feedback && IsTakenOn(row->state())) row->set_feedback_due_ms(notice.due_at_ms());
    if (dead && IsOnItsWay(row->state())) row->set_state(type::v1::REFERRAL_STATE_DEAD_LETTER);
  });
}

absl::StatusOr<StoredSubmission> Outbox::GetFresh(const std::string& request_id) {
  ACCORD_ASSIGN_OR_RETURN(StoredSubmission submission, Get(request_id));
  const absl::Time now = clock_.Now();
  if (!IsWatched(submission) || now < absl::FromUnixMillis(submission.recipients_asked_ms()) + kRecipientsAskedEvery) return submission;
  broker::v1::GetReferralRequest request;
  request.set_name(referral::ReferralName(submission.header_digest()));
  const auto response = broker_.GetReferral(request);
  if (!response.ok()) return submission;
  ACCORD_RETURN_IF_ERROR(Change(request_id, [&](StoredSubmission& stored) {
    stored.set_recipients_asked_ms(absl::ToUnixMillis(now));
    // A statement that arrived meanwhile may say more than the broker did when it was asked.
    if (stored.statements_size() == submission.statements_size()) SetRecipients(stored, response->referral().recipients());
    submission = stored;
  }));
  return submission;
}

}  // namespace accord::agent
