// What happens when a recipient does not tell in time what came of a referral: both ends are told, again and again (docs/clocks.md).
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>

#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sharing/due.h"

namespace accord::broker {

// Told at the due time and at the end of every working day after it, so often; from then on every kFeedbackLaterEvery, for ever;
// of what software alone has ended for good (referral::IsFinal) once more and then no more, for no person can end it.
inline constexpr uint32_t kFeedbackDailyMax = 20;
inline constexpr absl::Duration kFeedbackLaterEvery = absl::Hours(24 * 7);

// The handler of DueKind::kFeedback: FEEDBACK_OVERDUE entry, notices to the sender and to the recipient, unless a protective rule forbids
// by now, and the row of the next reminder. Errors of `context`. Sequencer thread.
absl::Status ChaseFeedback(CommitContext& context, const Policy& policy, const Due& due, NewDeliveries& queued);

}  // namespace accord::broker
