#include "services/broker/delivery/telling.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/status.h"
#include "common/referral/decision.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

using storage::v1::StoredReferral;

// The rules of decision.cc that speak of whom something would reach, not of whether it was rightly shared.
constexpr std::array<std::string_view, 4> kProtectiveRules = {"always/protective-list", "always/works-at-agency", "always/recipient-unknown",
                                                              "always/no-such-desk"};

}  // namespace

absl::StatusOr<Holding> HoldingOf(PlainReader read, const storage::v1::StoredRecipient& recipient) {
  Holding holding;
  if (recipient.first_released_ms() > 0) {
    holding.since_ms = recipient.first_released_ms();
    for (int i = 0; i < recipient.released_sections_size(); ++i) {
      holding.sections.push_back({recipient.released_sections(i), i < recipient.released_rules_size() ? recipient.released_rules(i) : ""});
    }
    return holding;
  }
  if (recipient.delivery_id().empty()) return holding;  // Another recipient named it, and nothing is sealed for it yet.
  // Released before this was kept of the recipient: its delivery has the last attempt.
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyDelivery, recipient.delivery_id()));
  storage::v1::StoredDelivery delivery;
  if (!bytes.has_value() || !delivery.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a referral's delivery is not stored");
  if (delivery.first_released_ms() == 0) return holding;
  holding.since_ms = delivery.first_released_ms();
  for (const std::string& id : delivery.released_sections()) holding.sections.push_back({id, ""});
  return holding;
}

absl::StatusOr<referral::HeaderParts> PartsForTelling(SealedReader read, const StoredReferral& stored,
                                                      const referral::OpenedHeader& header) {
  ACCORD_ASSIGN_OR_RETURN(referral::HeaderParts parts, PartsNow(stored, header));
  std::string next = stored.replaced_by();
  for (size_t versions = 0; !next.empty(); ++versions) {
    if (versions == kVersionsMax) return Error(Reason::kStoreCorrupt, "a referral has more versions than can be followed");
    ACCORD_ASSIGN_OR_RETURN(const auto newer, LoadReferral(read, next));
    if (!newer.has_value()) break;  // Erased: nothing is known of it any more.
    ACCORD_ASSIGN_OR_RETURN(const auto opened, OpenStored(*newer));
    for (const auto& subject : opened.subjects) parts.subjects.push_back(subject.part);
    next = newer->replaced_by();
  }
  return parts;
}

bool MayTell(const Policy& policy, referral::HeaderParts parts, std::string_view agency, type::v1::Desk desk, const Holding& holding,
             absl::Time now) {
  parts.core.mutable_worker()->clear_pseudonym();
  parts.recipients.assign(1, {});
  parts.recipients[0].set_agency(std::string(agency));
  parts.recipients[0].set_desk(desk);
  parts.recipients[0].set_capacity(type::v1::RECIPIENT_CAPACITY_NAMED);
  const referral::Decisions decided = referral::Decide(policy.compiled, parts, {}, now);
  return std::none_of(decided.decisions.begin(), decided.decisions.end(), [&](const type::v1::SectionDecision& decision) {
    const bool held = std::any_of(holding.sections.begin(), holding.sections.end(),
                                  [&](const Holding::Section& section) { return section.id == decision.section_id(); });
    return held && std::find(kProtectiveRules.begin(), kProtectiveRules.end(), decision.rule_id()) != kProtectiveRules.end();
  });
}

}  // namespace accord::broker
