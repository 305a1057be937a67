#include "services/broker/sharing/breach.h"

#include <algorithm>

#include "common/base/status.h"
#include "services/broker/sharing/notices.h"
#include "services/broker/sharing/reviews.h"

namespace accord::broker {

using storage::v1::StoredBreach;

absl::Status RecordBreach(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                          const type::v1::HeaderCore& core, type::v1::RecallReason reason, const type::v1::EntryActor& actor) {
  ACCORD_ASSIGN_OR_RETURN(const auto known, LoadBreach(context, header_digest));
  if (known.has_value() && known->assessment() == type::v1::BREACH_ASSESSMENT_UNSPECIFIED) {
    StoredBreach open = *known;
    if (open.reason() == type::v1::RECALL_REASON_UNSPECIFIED) open.set_reason(reason);
    return SaveReview(context, kFamilyBreach, header_digest, stored, open);
  }
  if (known.has_value()) UnlistReview(context, ReviewKind::kBreach, {known->agency()}, known->due_at_ms(), header_digest);
  const absl::Time due = context.now() + kBreachTime;
  StoredBreach breach;
  breach.set_agency(core.sender());
  breach.set_reason(reason);
  breach.set_recorded_at_ms(absl::ToUnixMillis(context.now()));
  breach.set_due_at_ms(absl::ToUnixMillis(due));
  ACCORD_RETURN_IF_ERROR(SaveReview(context, kFamilyBreach, header_digest, stored, breach));
  ListReview(context, ReviewKind::kBreach, {breach.agency()}, /*open=*/true, breach.due_at_ms(), header_digest);

  EntryDraft entry;
  entry.chains = ChainsOf(stored);
  entry.event.set_type(type::v1::EVENT_TYPE_BREACH_RECORDED);
  entry.event.set_due_at_ms(breach.due_at_ms());
  entry.actor = actor;
  auto& about = entry.referral.emplace();
  about.set_header_digest(std::string(header_digest));
  about.set_sender(core.sender());
  about.set_request_id(core.request_id());
  ACCORD_RETURN_IF_ERROR(context.AddEntry(entry).status());
  return PutDue(context, DueKind::kBreach, context.now() + kBreachFirstReminder, header_digest, breach.agency(), type::v1::DESK_MAIN);
}

absl::StatusOr<std::optional<StoredBreach>> LoadBreach(CommitContext& context, std::string_view header_digest) {
  return LoadReview<StoredBreach>(context, kFamilyBreach, header_digest);
}

absl::Status AssessBreach(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                          type::v1::BreachAssessment assessment) {
  ACCORD_ASSIGN_OR_RETURN(const auto known, LoadBreach(context, header_digest));
  if (!known.has_value() || known->assessment() != type::v1::BREACH_ASSESSMENT_UNSPECIFIED) {
    return Error(Reason::kTransitionIllegal, "no breach of this referral waits for an assessment");
  }
  StoredBreach breach = *known;
  breach.set_assessment(assessment);
  breach.set_assessed_at_ms(absl::ToUnixMillis(context.now()));
  ACCORD_RETURN_IF_ERROR(SaveReview(context, kFamilyBreach, header_digest, stored, breach));
  ListReview(context, ReviewKind::kBreach, {breach.agency()}, /*open=*/false, breach.due_at_ms(), header_digest);
  return ClearDue(context, DueKind::kBreach, header_digest, breach.agency(), type::v1::DESK_MAIN);
}

absl::Status ChaseBreach(CommitContext& context, const Due& due, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(const auto known, LoadBreach(context, due.header_digest));
  if (!known.has_value() || known->assessment() != type::v1::BREACH_ASSESSMENT_UNSPECIFIED) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(context, due.header_digest));
  if (!stored.has_value()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
  StoredBreach breach = *known;
  breach.set_reminders(breach.reminders() + 1);
  ACCORD_RETURN_IF_ERROR(SaveReview(context, kFamilyBreach, due.header_digest, *stored, breach));
  const absl::Time end = absl::FromUnixMillis(breach.due_at_ms());
  ACCORD_RETURN_IF_ERROR(TellOverdue(context, type::v1::EVENT_TYPE_BREACH_OVERDUE,
                                     {type::v1::NOTICE_KIND_BREACH_OVERDUE, due.header_digest, breach.agency(), end, breach.reminders()},
                                     *stored, header.core.part, {{breach.agency(), type::v1::DESK_MAIN}}, queued));
  // Counted from the time it was to be: a late one neither shifts those after it nor is followed by all that were missed.
  absl::Duration rest;
  const int64_t missed = std::max<int64_t>(absl::IDivDuration(context.now() - due.when, kBreachReminderEvery, &rest), 0);
  return PutDue(context, DueKind::kBreach, due.when + (missed + 1) * kBreachReminderEvery, due.header_digest, breach.agency(),
                type::v1::DESK_MAIN);
}

}  // namespace accord::broker
