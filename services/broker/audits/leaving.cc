// What left of a referral, as far as the record says it.
#include <fmt/format.h>

#include "services/broker/audits/audit.h"
#include "services/broker/questions/rows.h"

namespace accord::broker {

SectionsLeaving::SectionsLeaving(const ReferralFacts& facts) {
  for (const auto& section : facts.parts.sections) digests_[section.section_id()] = section.digest();
  if (facts.events.empty() || !facts.events.front().decisions.has_value()) return;
  std::set<std::string_view> stand_ins;
  for (const auto& recipient : facts.parts.recipients) {
    if (!recipient.on_behalf_of().empty()) stand_ins.insert(recipient.agency());
  }
  for (const auto& decision : facts.events.front().decisions->decisions()) {
    if (decision.verdict() == type::v1::VERDICT_PERMIT && !stand_ins.contains(decision.recipient())) permitted_.emplace(decision.recipient(), decision.section_id());
  }
}

bool SectionsLeaving::IsSaidByDigestsAlone(const type::v1::SectionDecision& decision) const {
  return decision.verdict() == type::v1::VERDICT_PERMIT && digests_.contains(decision.section_id()) &&
         !permitted_.contains({decision.recipient(), decision.section_id()});
}

Leaving SectionsLeaving::Of(const AuditInput& input, const FactEvent& released, const type::v1::SectionDecision& decision) const {
  if (decision.verdict() != type::v1::VERDICT_PERMIT) return Leaving::kStayed;
  if (permitted_.contains({decision.recipient(), decision.section_id()})) return Leaving::kLeft;
  const auto digest = digests_.find(decision.section_id());
  if (digest == digests_.end()) return Leaving::kStayed;
  const auto left = input.left.find(released.index);
  if (left == input.left.end()) return Leaving::kUnknown;
  return left->second.contains(digest->second) ? Leaving::kLeft : Leaving::kStayed;
}

void AddUnknownLeaving(uint64_t sections, inspection::v1::Table& table) {
  if (sections == 0) return;
  table.add_notes(fmt::format("{} times a section was permitted to a recipient later for whom it was not sealed, or may not have been, as the referral was stored; whether "
                              "it left the record does not say any more. It is not counted as left.",
                              sections));
}

}  // namespace accord::broker
