#include "services/broker/disclosures/disclosure_clock.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/disclosures/held.h"
#include "services/broker/warrants/warrant_states.h"

namespace accord::broker {
namespace {

using storage::v1::StoredDisclosure;
using storage::v1::StoredWarrant;

constexpr std::string_view kDisclosureClock = "broker";

// From when nothing of it is kept, as the warrant stands.
absl::Time GoneFrom(const StoredWarrant& warrant) {
  const int64_t end_ms = warrant.ended_at_ms() > 0 ? std::min(warrant.ended_at_ms(), warrant.warrant().ends_ms()) : warrant.warrant().ends_ms();
  return absl::FromUnixMillis(end_ms) + kDisclosedKept;
}

bool WaitsForAnswer(const StoredDisclosure& stored) {
  return stored.disclosure().answer() == type::v1::DISCLOSURE_ANSWER_UNSPECIFIED && !stored.disclosure().overdue();
}

// Deletes what was asked and released, but not that it was.
absl::Status ForgetContent(CommitContext& context, StoredDisclosure& stored) {
  for (int part = 0; part < stored.section_ids_size(); ++part) {
    context.Delete(kFamilyDisclosed, DisclosedKey(stored.disclosure().number(), static_cast<uint32_t>(part)));
  }
  stored.clear_persons();
  stored.mutable_disclosure()->clear_referrals();
  stored.mutable_disclosure()->clear_cases();
  stored.set_gone(true);
  CloseDisclosure(context, stored.disclosure());
  return SaveDisclosure(context, stored);
}

// Whether it could be answered until its clock had run out, as the warrant stands: also where that was the warrant's own end, from which on nothing else
// is recorded under it.
bool CouldBeAnswered(const StoredWarrant& warrant, absl::Time now) {
  const bool ran_out = warrant.warrant().state() == inspection::v1::WARRANT_STATE_ACTIVE && WarrantStateAt(warrant, now) == inspection::v1::WARRANT_STATE_EXPIRED;
  return ran_out || CheckInForce(warrant, now).ok();
}

absl::Status BecomeOverdue(CommitContext& context, const StoredWarrant& warrant, StoredDisclosure& stored) {
  ACCORD_ASSIGN_OR_RETURN(QueryEntry entry, DisclosureEntry(context, stored.disclosure(), type::v1::EVENT_TYPE_DISCLOSURE_OVERDUE));
  entry.draft.event.set_due_at_ms(stored.disclosure().due_at_ms());
  entry.draft.event.set_reminder(1);
  entry.draft.actor.emplace().set_principal(std::string(kDisclosureClock));
  ACCORD_RETURN_IF_ERROR(RecordOfWarrant(context, warrant, entry).status());
  stored.mutable_disclosure()->set_overdue(true);
  return SaveDisclosure(context, stored);
}

}  // namespace

absl::Status PutDisclosureDue(CommitContext& context, const StoredDisclosure& stored, const StoredWarrant& warrant) {
  const absl::Time gone_from = GoneFrom(warrant);
  const absl::Time answer_due = absl::FromUnixMillis(stored.disclosure().due_at_ms());
  absl::Time next = gone_from;
  if (!IsWarrantOver(warrant, context.now())) {
    // It may be ended, or resumed, before it is looked at again.
    next = std::min(gone_from, context.now() + kDisclosureLookedAfter);
    if (WaitsForAnswer(stored) && answer_due > context.now()) next = std::min(gone_from, answer_due);
  }
  return PutDue(context, DueKind::kDisclosure, next, ChangeMark(stored.disclosure().number()), stored.disclosure().agency(), stored.disclosure().desk());
}

absl::Status SweepDisclosure(CommitContext& context, const Due& due, NewDeliveries&) {
  const auto number = U64FromKey(std::string_view(due.header_digest).substr(due.header_digest.size() - sizeof(uint64_t)));
  if (!number.has_value()) return Error(Reason::kStoreCorrupt, "what is due of a disclosure names none");
  const auto sealed = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadDisclosure(sealed, *number));
  if (!stored.has_value() || stored->gone()) return absl::OkStatus();
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const StoredWarrant warrant, WarrantOfDisclosure(read, stored->disclosure()));
  if (context.now() >= GoneFrom(warrant)) return ForgetContent(context, *stored);
  const bool due_now = context.now() >= absl::FromUnixMillis(stored->disclosure().due_at_ms());
  if (WaitsForAnswer(*stored) && due_now && CouldBeAnswered(warrant, context.now())) ACCORD_RETURN_IF_ERROR(BecomeOverdue(context, warrant, *stored));
  if (IsWarrantOver(warrant, context.now())) CloseDisclosure(context, stored->disclosure());
  return PutDisclosureDue(context, *stored, warrant);
}

}  // namespace accord::broker
