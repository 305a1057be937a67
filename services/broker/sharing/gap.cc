#include "services/broker/sharing/gap.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/referral/clock_rules.h"
#include "services/broker/delivery/telling.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/notices.h"
#include "services/broker/sharing/reviews.h"

namespace accord::broker {
namespace {

using storage::v1::StoredGap;

// Who may list it, beside administrators: its sender and the recipients concerned.
std::vector<std::string> ViewersOf(const StoredGap& gap) {
  std::vector<std::string> viewers(gap.recipients().begin(), gap.recipients().end());
  viewers.push_back(gap.sender());
  return viewers;
}

// Begins the clock of `gap`, from now.
absl::Status OpenGap(CommitContext& context, const Policy& policy, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                     StoredGap& gap) {
  const absl::Time due = referral::EndOfNthWorkingDay(context.now(), 1, HolidaysInForce(policy, gap.sender(), context.now()));
  gap.set_shared_at_ms(absl::ToUnixMillis(context.now()));
  gap.set_due_at_ms(absl::ToUnixMillis(due));
  ACCORD_RETURN_IF_ERROR(SaveReview(context, kFamilyGap, header_digest, stored, gap));
  ListReview(context, ReviewKind::kGap, ViewersOf(gap), /*open=*/true, gap.due_at_ms(), header_digest);
  return PutDue(context, DueKind::kGap, due, header_digest, gap.sender(), type::v1::DESK_MAIN);
}

// Whom a reminder goes to: the sender's main desk, and of the recipients concerned those that have something and may be told.
absl::StatusOr<std::vector<MailboxId>> DesksToTell(CommitContext& context, const Policy& policy, const storage::v1::StoredReferral& stored,
                                                   const referral::OpenedHeader& header, const StoredGap& gap) {
  const auto sealed = SealedReaderOf(context);
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const auto parts, PartsForTelling(sealed, stored, header));
  std::vector<MailboxId> desks = {{gap.sender(), type::v1::DESK_MAIN}};
  for (const std::string& agency : gap.recipients()) {
    const auto* recipient = FindRecipient(stored, agency);
    if (recipient == nullptr) continue;
    ACCORD_ASSIGN_OR_RETURN(const Holding holding, HoldingOf(read, *recipient));
    if (holding.since_ms > 0 && MayTell(policy, parts, agency, recipient->desk(), holding, context.now())) {
      desks.push_back({agency, recipient->desk()});
    }
  }
  return desks;
}

}  // namespace

absl::Status RecordGap(CommitContext& context, const Policy& policy, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                       const type::v1::HeaderCore& core, const GapFound& found) {
  StoredGap gap;
  gap.set_sender(core.sender());
  gap.set_worker(core.worker().pseudonym());
  for (const std::string& recipient : found.recipients) gap.add_recipients(recipient);
  gap.set_sections(found.sections);
  return OpenGap(context, policy, header_digest, stored, gap);
}

absl::Status ExtendGap(CommitContext& context, const Policy& policy, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                       const type::v1::HeaderCore& core, const std::string& agency, uint32_t sections) {
  ACCORD_ASSIGN_OR_RETURN(const auto known, LoadGap(context, header_digest));
  if (!known.has_value()) return RecordGap(context, policy, header_digest, stored, core, {{agency}, sections});
  if (std::find(known->recipients().begin(), known->recipients().end(), agency) != known->recipients().end()) return absl::OkStatus();
  StoredGap gap = *known;
  gap.add_recipients(agency);
  std::sort(gap.mutable_recipients()->begin(), gap.mutable_recipients()->end());
  gap.set_sections(gap.sections() + sections);
  if (gap.review() == type::v1::GAP_REVIEW_UNSPECIFIED) {
    ACCORD_RETURN_IF_ERROR(SaveReview(context, kFamilyGap, header_digest, stored, gap));
    ListReview(context, ReviewKind::kGap, ViewersOf(gap), /*open=*/true, gap.due_at_ms(), header_digest);
    return absl::OkStatus();
  }
  UnlistReview(context, ReviewKind::kGap, ViewersOf(*known), known->due_at_ms(), header_digest);
  gap.clear_review();
  gap.clear_reviewed_at_ms();
  gap.clear_reviewer();
  gap.clear_reminders();
  return OpenGap(context, policy, header_digest, stored, gap);
}

absl::StatusOr<std::optional<StoredGap>> LoadGap(CommitContext& context, std::string_view header_digest) {
  return LoadReview<StoredGap>(context, kFamilyGap, header_digest);
}

absl::Status CloseGap(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                      type::v1::GapReview review, std::string_view reviewer) {
  ACCORD_ASSIGN_OR_RETURN(const auto known, LoadGap(context, header_digest));
  if (!known.has_value() || known->review() != type::v1::GAP_REVIEW_UNSPECIFIED) {
    return Error(Reason::kTransitionIllegal, "nothing of this referral waits for a review");
  }
  StoredGap gap = *known;
  gap.set_review(review);
  gap.set_reviewed_at_ms(absl::ToUnixMillis(context.now()));
  gap.set_reviewer(std::string(reviewer));
  ACCORD_RETURN_IF_ERROR(SaveReview(context, kFamilyGap, header_digest, stored, gap));
  ListReview(context, ReviewKind::kGap, ViewersOf(gap), /*open=*/false, gap.due_at_ms(), header_digest);
  return ClearDue(context, DueKind::kGap, header_digest, gap.sender(), type::v1::DESK_MAIN);
}

absl::Status ChaseGap(CommitContext& context, const Policy& policy, const Due& due, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(const auto known, LoadGap(context, due.header_digest));
  if (!known.has_value() || known->review() != type::v1::GAP_REVIEW_UNSPECIFIED) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(context, due.header_digest));
  if (!stored.has_value()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
  StoredGap gap = *known;
  gap.set_reminders(gap.reminders() + 1);
  ACCORD_RETURN_IF_ERROR(SaveReview(context, kFamilyGap, due.header_digest, *stored, gap));
  ACCORD_ASSIGN_OR_RETURN(const auto desks, DesksToTell(context, policy, *stored, header, gap));
  ACCORD_RETURN_IF_ERROR(TellOverdue(
      context, type::v1::EVENT_TYPE_GAP_OVERDUE,
      {type::v1::NOTICE_KIND_GAP_OVERDUE, due.header_digest, gap.sender(), absl::FromUnixMillis(gap.due_at_ms()), gap.reminders()}, *stored,
      header.core.part, desks, queued));
  return PutDue(context, DueKind::kGap,
                referral::NextWorkingDayEnd(HolidaysInForce(policy, gap.sender(), context.now()), std::max(context.now(), due.when)),
                due.header_digest, gap.sender(), type::v1::DESK_MAIN);
}

}  // namespace accord::broker
