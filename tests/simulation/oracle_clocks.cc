// The oracle's clocks: each missed deadline escalates, step by step, each step once and neither too early nor too late.
#include <fmt/format.h>

#include "tests/simulation/oracle.h"

namespace accord::simulation {
namespace {

using namespace type::v1;  // NOLINT: steps.

// Looks at what is due that may pass before a step is taken: some fail with the store, and each takes 64 rows.
constexpr int kLateTicksMax = 40;
constexpr absl::Duration kChase = absl::Hours(24);
constexpr int kSender = ESCALATION_STEP_SENDER;

}  // namespace

absl::Time Oracle::StepAt(const Deadline& deadline, int step) {
  switch (step) {
    case ESCALATION_STEP_REMINDER: return deadline.due;
    case ESCALATION_STEP_MANAGERS: return deadline.due + (deadline.immediate ? absl::Minutes(5) : deadline.allowed / 4);
    case ESCALATION_STEP_DEPUTY: return deadline.due + (deadline.immediate ? absl::Minutes(10) : deadline.allowed / 2);
    default: return deadline.due + (deadline.immediate ? absl::Minutes(15) : deadline.allowed);
  }
}

void Oracle::Await(Deadline& deadline) {
  deadline.late_ticks = 0;
  deadline.next = StepAt(deadline, deadline.step + 1);
  waiting_.insert({deadline.next, &deadline});
}

void Oracle::StartClock(Deadline& deadline, std::string name, absl::Time stored, absl::Duration allowed, bool immediate) {
  deadline.name = std::move(name);
  deadline.stored = stored;
  deadline.allowed = allowed;
  deadline.due = stored + allowed;
  deadline.immediate = immediate;
  deadline.runs = true;
  Await(deadline);
}

void Oracle::StopClock(Deadline& deadline) {
  if (!deadline.runs) return;
  deadline.runs = false;
  waiting_.erase({deadline.next, &deadline});
}

void Oracle::OnTick(absl::Time now) {
  for (auto row = waiting_.begin(); row != waiting_.end() && row->first + absl::Seconds(1) < now;) {
    Deadline& deadline = *row->second;
    ++row;
    if (++deadline.late_ticks != kLateTicksMax) continue;
    Fail("every missed deadline escalates once", fmt::format("{}: step {} was due {} ago and is not taken", deadline.name, deadline.step + 1,
                                                             absl::FormatDuration(now - deadline.next)));
  }
}

void Oracle::OnOverdue(const Seen& entry) {
  constexpr std::string_view kInvariant = "every missed deadline escalates once";
  ++steps_;
  Copy* copy = FindCopy(entry);
  if (copy == nullptr) return Fail(kInvariant, "a clock of nobody's is missed");
  Deadline& deadline = entry.event.type() == EVENT_TYPE_PICK_UP_OVERDUE ? copy->pick_up : copy->response;
  if (!deadline.runs) return Fail(kInvariant, fmt::format("{} escalates and runs no more", deadline.name));
  if (entry.event.due_at_ms() != absl::ToUnixMillis(deadline.due)) Fail(kInvariant, fmt::format("{} is due at another time", deadline.name));
  const int step = entry.event.step();
  if (deadline.step == kSender) {  // Chases: those that were missed are not made up for.
    if (step != kSender || entry.event.reminder() <= deadline.reminder) Fail(kInvariant, fmt::format("{} is chased twice", deadline.name));
    const absl::Time chase = StepAt(deadline, kSender) + (static_cast<int>(entry.event.reminder()) - kSender) * kChase;
    if (entry.time < chase) Fail(kInvariant, fmt::format("{} is chased too early", deadline.name));
    deadline.reminder = entry.event.reminder();
    return;
  }
  if (step != deadline.step + 1) Fail(kInvariant, fmt::format("{} goes from step {} to {}", deadline.name, deadline.step, step));
  if (entry.time < StepAt(deadline, step)) Fail(kInvariant, fmt::format("{} takes step {} too early", deadline.name, step));
  waiting_.erase({deadline.next, &deadline});
  deadline.step = step;
  deadline.reminder = entry.event.reminder();
  if (step < kSender) Await(deadline);
}

}  // namespace accord::simulation
