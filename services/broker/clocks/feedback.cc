#include "services/broker/clocks/feedback.h"

#include <algorithm>
#include <vector>

#include "common/base/status.h"
#include "common/referral/clock_rules.h"
#include "common/referral/states.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/clocks/escalate.h"
#include "services/broker/sharing/notices.h"

namespace accord::broker {

absl::Status ChaseFeedback(CommitContext& context, const Policy& policy, const Due& due, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, due.header_digest));
  if (!stored.has_value()) return absl::OkStatus();  // Erased.
  auto* const recipient = FindRecipient(*stored, due.agency);
  if (recipient == nullptr || recipient->desk() != due.desk || recipient->feedback_due_ms() == 0) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
  const type::v1::HeaderCore& core = header.core.part;
  recipient->set_feedback_reminders(recipient->feedback_reminders() + 1);
  std::vector<MailboxId> desks = {{core.sender(), type::v1::DESK_MAIN}};
  ACCORD_ASSIGN_OR_RETURN(const bool may, MayRemind(context, policy, *stored, header, *recipient));
  if (may) desks.push_back({recipient->agency(), recipient->desk()});
  Overdue overdue{type::v1::NOTICE_KIND_FEEDBACK_OVERDUE, due.header_digest, due.agency, absl::FromUnixMillis(recipient->feedback_due_ms()),
                  recipient->feedback_reminders()};
  overdue.clock_version = recipient->clock_version();
  ACCORD_RETURN_IF_ERROR(
      TellOverdue(context, type::v1::EVENT_TYPE_FEEDBACK_OVERDUE, overdue, *stored, core, desks, queued));
  // Software alone has ended it there: no person told what came of it, and none can any more, so that it would else be told for ever.
  const bool last = referral::IsFinal(recipient->state());
  if (last) recipient->set_feedback_due_ms(0);
  ACCORD_RETURN_IF_ERROR(SaveReferral(context, due.header_digest, *stored));
  if (last) return absl::OkStatus();
  // Reminders that were missed while the broker was down are not made up for.
  const absl::Time told = std::max(context.now(), due.when);
  const absl::Time next = recipient->feedback_reminders() < kFeedbackDailyMax
                              ? referral::NextWorkingDayEnd(HolidaysOf(policy, *recipient, context.now()), told)
                              : told + kFeedbackLaterEvery;
  return PutDue(context, due.kind, next, due.header_digest, due.agency, due.desk);
}

}  // namespace accord::broker
