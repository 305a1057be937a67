// What happens when a clock is missed: reminder, managers, deputy, sender, each once and in this order (docs/clocks.md).
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>

#include "common/telemetry/metrics.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sharing/due.h"

namespace accord::broker {

// Who has been told all is told again as often, as SENDER, until the clock ends.
inline constexpr absl::Duration kChaseEvery = absl::Hours(24);
// And so often. Then it only stands as overdue: each chase is an entry, and what is never answered must grow old for retention all the same.
inline constexpr int64_t kChasesMax = 28;

// Steps taken, by clock and step. A batch that fails and is made again counts again.
telemetry::Family<telemetry::Counter> EscalationSteps(telemetry::Metrics& metrics);

// The handler of DueKind::kPickUp and kResponse: the entry of the next step, its notices, the stand-ins' deliveries at the step
// DEPUTY, and the row of the step after. Sequencer thread.
//
//   reminder, managers   to the recipient, from when something was released to it, unless a protective rule forbids by now
//   deputy               what stand-ins of the recipient may have is queued for them; the delivery is what tells them
//   sender               to the sender; from then on every kChaseEvery, kChasesMax times
absl::Status EscalateClock(CommitContext& context, const Policy& policy, const telemetry::Family<telemetry::Counter>& steps,
                           const Due& due, NewDeliveries& queued);

}  // namespace accord::broker
