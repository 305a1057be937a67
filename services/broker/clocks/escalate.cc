#include "services/broker/clocks/escalate.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/policy/words.h"
#include "common/referral/clock_rules.h"
#include "common/referral/decision.h"
#include "services/broker/delivery/telling.h"
#include "services/broker/directory/families.h"
#include "services/broker/sharing/notices.h"
#include "services/broker/sharing/register.h"

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
int64_t Chases(absl::Time sender_step, absl::Time when) { return std::max<int64_t>((when - sender_step) / kChaseEvery, 0); }

// When the next step comes; nothing after the last chase. Steps that were missed while the broker was down come at once, one by one;
// chases are not made up for.
std::optional<absl::Time> NextTime(const referral::ClockRules& rules, const Missed& missed, bool immediate, absl::Time stored, absl::Time now) {
  const absl::Time sender_step = StepTime(rules, ESCALATION_STEP_SENDER, immediate, stored, missed.due());
  if (missed.step() == ESCALATION_STEP_SENDER) {
    const int64_t chase = Chases(sender_step, now) + 1;
    return chase > kChasesMax ? std::nullopt : std::optional(sender_step + chase * kChaseEvery);
  }
  return StepTime(rules, After(missed.step()), immediate, stored, missed.due());
}

// A recipient to which nothing was released yet learns of the referral by its delivery, not by a notice.
absl::StatusOr<bool> MayRemind(CommitContext& context, const Policy& policy, const StoredReferral& stored,
                               const referral::OpenedHeader& header, const StoredRecipient& recipient) {
  const auto read_plain = [&](std::string_view family, std::string_view key) { return context.Get(family, key); };
  ACCORD_ASSIGN_OR_RETURN(const Holding holding, HoldingOf(read_plain, recipient));
  if (holding.since_ms == 0) return false;
  const auto read = [&](std::string_view family, std::string_view key) { return context.GetSealed(family, key); };
  ACCORD_ASSIGN_OR_RETURN(referral::HeaderParts parts, PartsForTelling(read, stored, header));
  return MayTell(policy, std::move(parts), recipient.agency(), recipient.desk(), holding, context.now());
}

// Queues the referral for those who stand in for `named`, by the header and by the decision as it is now; once for both clocks.
// `index`: of the entry, at whose position it waits.
absl::Status QueueForStandIns(CommitContext& context, const Policy& policy, const std::string& header_digest,
                              const referral::OpenedHeader& header, const StoredRecipient& named, uint64_t index, StoredReferral& stored,
                              NewDeliveries& queued) {
  const auto read = [&](std::string_view family, std::string_view key) { return context.GetSealed(family, key); };
  for (const auto& row : header.recipients) {
    const std::string& agency = row.part.agency();
    if (row.part.on_behalf_of() != named.agency() || FindRecipient(stored, agency) != nullptr) continue;
    const auto facts = policy.compiled.sources().agencies.find(agency);
    if (facts == policy.compiled.sources().agencies.end() || !facts->second.active) continue;
    ACCORD_ASSIGN_OR_RETURN(const referral::HeaderParts parts, PartsNow(stored, header));
    ACCORD_ASSIGN_OR_RETURN(const auto caused_by, CausedBy(read, header.core.part));
    const referral::Decisions decided =
        referral::Decide(policy.compiled, parts, {caused_by.has_value() ? &*caused_by : nullptr}, context.now());
    const std::set<std::string> permitted = referral::PermittedSections(decided, agency);
    if (permitted.empty()) continue;
    ACCORD_ASSIGN_OR_RETURN(const auto first, LoadDelivery(context, named.delivery_id()));
    if (!first.has_value()) return Error(Reason::kStoreCorrupt, "a referral's delivery is not stored");

    const std::string delivery_id = context.RandomBytes(kIdBytes);
    auto& recipient = *stored.add_recipients();
    recipient.set_agency(agency);
    recipient.set_desk(row.part.desk() == DESK_CONFIDENTIAL ? DESK_CONFIDENTIAL : DESK_MAIN);
    recipient.set_state(REFERRAL_STATE_STORED);
    recipient.set_since_ms(absl::ToUnixMillis(context.now()));
    recipient.set_delivery_id(delivery_id);
    storage::v1::StoredDelivery delivery;
    delivery.set_agency(agency);
    delivery.set_desk(recipient.desk());
    delivery.set_header_digest(header_digest);
    delivery.set_sender(header.core.part.sender());
    delivery.set_lane(first->lane());
    delivery.set_ordering_key(first->ordering_key());
    ACCORD_RETURN_IF_ERROR(PutDelivery(context, delivery_id, std::move(delivery), index, queued));
    context.Put(kFamilyParty, PartyKey(agency, stored.stored_index()), header_digest);
    ACCORD_RETURN_IF_ERROR(EnterSharing(context, header_digest, stored, header.core.part,
                                        {{agency, ClassOf(parts, decided.decisions, agency, facts->second.kind, permitted)}}));
  }
  return absl::OkStatus();
}

}  // namespace

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
  const std::optional<absl::Time> next = NextTime(rules, missed, immediate, stored_at, context.now());
  if (step == ESCALATION_STEP_DEPUTY) {
    ACCORD_RETURN_IF_ERROR(QueueForStandIns(context, policy, due.header_digest, header, *recipient, index, *stored, queued));
  }
  ACCORD_RETURN_IF_ERROR(SaveReferral(context, due.header_digest, *stored));
  steps.With({missed.pick_up ? "pick_up" : "response", policy::ToWord(step)}).Add();
  if (!next.has_value()) return absl::OkStatus();
  return PutDue(context, due.kind, *next, due.header_digest, due.agency, due.desk);
}

}  // namespace accord::broker
