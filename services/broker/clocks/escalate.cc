#include "services/broker/clocks/escalate.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/policy/words.h"
#include "common/referral/clock_rules.h"
#include "services/broker/clocks/stand_ins.h"
#include "services/broker/delivery/telling.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/notices.h"

namespace accord::broker {
namespace {

using namespace type::v1;  // NOLINT: steps and kinds.
using storage::v1::StoredRecipient;
using storage::v1::StoredReferral;

// One clock that was missed.
struct Missed {
  bool pick_up = false;
  StoredRecipient& recipient;

  absl::Time due() const { return absl::FromUnixMillis(pick_up ? recipient.pick_up_due_ms() : recipient.response_due_ms()); }
  bool runs() const { return (pick_up ? recipient.pick_up_due_ms() : recipient.response_due_ms()) > 0; }
  EscalationStep step() const { return pick_up ? recipient.pick_up_step() : recipient.response_step(); }
  void set_step(EscalationStep step) const { pick_up ? recipient.set_pick_up_step(step) : recipient.set_response_step(step); }
};

EscalationStep After(EscalationStep step) {
  return step >= ESCALATION_STEP_SENDER ? ESCALATION_STEP_SENDER : static_cast<EscalationStep>(step + 1);
}

// How many whole chases after the step SENDER `when` is.
int64_t Chases(absl::Time sender_step, absl::Time when) {
  const absl::Time daily_end = sender_step + kDailyChasesMax * kChaseEvery;
  return when <= daily_end ? std::max<int64_t>((when - sender_step) / kChaseEvery, 0)
                           : kDailyChasesMax + (when - daily_end) / kLaterChaseEvery;
}

// When the chase of this number is.
absl::Time ChaseTime(absl::Time sender_step, int64_t chase) {
  const int64_t daily = std::min(chase, kDailyChasesMax);
  return sender_step + daily * kChaseEvery + (chase - daily) * kLaterChaseEvery;
}

// When the next step comes. Steps that were missed while the broker was down come at once, one by one; chases are not made up for.
absl::Time NextTime(const referral::ClockRules& rules, const Missed& missed, bool immediate, absl::Time stored, absl::Time now) {
  const absl::Time sender_step = StepTime(rules, ESCALATION_STEP_SENDER, immediate, stored, missed.due());
  if (missed.step() == ESCALATION_STEP_SENDER) {
    return ChaseTime(sender_step, Chases(sender_step, now) + 1);
  }
  return StepTime(rules, After(missed.step()), immediate, stored, missed.due());
}

}  // namespace

absl::StatusOr<bool> MayRemind(CommitContext& context, const Policy& policy, const StoredReferral& stored,
                               const referral::OpenedHeader& header, const StoredRecipient& recipient) {
  const auto read_plain = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const Holding holding, HoldingOf(read_plain, recipient));
  if (holding.since_ms == 0) return false;
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(referral::HeaderParts parts, PartsForTelling(read, stored, header));
  return MayTell(policy, std::move(parts), recipient.agency(), recipient.desk(), holding, context.now());
}

telemetry::Family<telemetry::Counter> EscalationSteps(telemetry::Metrics& metrics) {
  return metrics.Counters("accord_clock_steps_total", "Steps of the escalation of clocks that were missed.", {"clock", "step"});
}

absl::Status EscalateClock(CommitContext& context, const Policy& policy, const telemetry::Family<telemetry::Counter>& steps,
                           const Due& due, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, due.header_digest));
  if (!stored.has_value()) return absl::OkStatus();  // Erased.
  auto* const recipient = FindRecipient(*stored, due.agency);
  if (recipient == nullptr || recipient->desk() != due.desk) return absl::OkStatus();
  const Missed missed{due.kind == DueKind::kPickUp, *recipient};
  if (!missed.runs()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
  const HeaderCore& core = header.core.part;
  const bool immediate = core.urgency() == URGENCY_IMMEDIATE;
  const absl::Time stored_at = absl::FromUnixMillis(stored->stored_at_ms());
  const referral::ClockRules& rules = policy.compiled.ClocksOf(recipient->clock_version(), context.now());

  const bool again = missed.step() == ESCALATION_STEP_SENDER;
  const EscalationStep step = After(missed.step());
  missed.set_step(step);
  std::vector<MailboxId> desks;
  if (step == ESCALATION_STEP_REMINDER || step == ESCALATION_STEP_MANAGERS) {
    ACCORD_ASSIGN_OR_RETURN(const bool may, MayRemind(context, policy, *stored, header, *recipient));
    if (may) desks.push_back({recipient->agency(), recipient->desk()});
  } else if (step == ESCALATION_STEP_SENDER) {
    desks.push_back({core.sender(), DESK_MAIN});
  }
  uint32_t reminder = static_cast<uint32_t>(step);
  if (again) {
    const absl::Time sender_step = StepTime(rules, ESCALATION_STEP_SENDER, immediate, stored_at, missed.due());
    reminder += static_cast<uint32_t>(std::max<int64_t>(Chases(sender_step, due.when), 1));
  }
  ACCORD_ASSIGN_OR_RETURN(
      const uint64_t index,
      TellOverdue(context, missed.pick_up ? EVENT_TYPE_PICK_UP_OVERDUE : EVENT_TYPE_RESPONSE_OVERDUE,
                  {missed.pick_up ? NOTICE_KIND_PICK_UP_OVERDUE : NOTICE_KIND_RESPONSE_OVERDUE, due.header_digest, due.agency, missed.due(),
                   reminder, step, recipient->clock_version()},
                  *stored, core, desks, queued));
  const absl::Time next = NextTime(rules, missed, immediate, stored_at, context.now());
  if (step == ESCALATION_STEP_DEPUTY) {
    ACCORD_RETURN_IF_ERROR(QueueForStandIns(context, policy, due.header_digest, header, *recipient, index, *stored, queued));
  }
  ACCORD_RETURN_IF_ERROR(SaveReferral(context, due.header_digest, *stored));
  steps.With({missed.pick_up ? "pick_up" : "response", policy::ToWord(step)}).Add();
  return PutDue(context, due.kind, next, due.header_digest, due.agency, due.desk,
                step == ESCALATION_STEP_SENDER ? missed.due() : absl::InfiniteFuture());
}

}  // namespace accord::broker
