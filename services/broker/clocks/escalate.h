// What happens when a clock is missed: reminder, managers, deputy, sender, each once and in this order (docs/clocks.md).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>

#include "common/telemetry/metrics.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sharing/due.h"

namespace accord::broker {

// Who has been told all is told again as often, as SENDER, so many times; then as often as that, until the clock ends: nobody is
// forgotten.
inline constexpr absl::Duration kChaseEvery = absl::Hours(24);
inline constexpr int64_t kDailyChasesMax = 28;
inline constexpr absl::Duration kLaterChaseEvery = absl::Hours(24 * 7);

// Steps taken, by clock and step. A batch that fails and is made again counts again.
telemetry::Family<telemetry::Counter> EscalationSteps(telemetry::Metrics& metrics);

// Whether a notice may tell `recipient` that it is late: something was released to it, for otherwise it learns of the referral by its
// delivery, and no protective rule forbids it by now. Errors of `context`. Sequencer thread.
absl::StatusOr<bool> MayRemind(CommitContext& context, const Policy& policy, const storage::v1::StoredReferral& stored,
                               const referral::OpenedHeader& header, const storage::v1::StoredRecipient& recipient);

// The handler of DueKind::kPickUp and kResponse: the entry of the next step, its notices, the stand-ins' deliveries at the step
// DEPUTY, and the row of the step after. Sequencer thread.
//
//   reminder, managers   to the recipient, from when something was released to it, unless a protective rule forbids by now
//   deputy               what stand-ins of the recipient may have is queued for them; the delivery is what tells them
//   sender               to the sender; from then on every kChaseEvery, and after kDailyChasesMax times every kLaterChaseEvery
absl::Status EscalateClock(CommitContext& context, const Policy& policy, const telemetry::Family<telemetry::Counter>& steps,
                           const Due& due, NewDeliveries& queued);

}  // namespace accord::broker
