#include "services/broker/disclosures/held.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/referral/header.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/disclosures/disclosure_store.h"
#include "services/broker/trails/looks.h"

namespace accord::broker {
namespace {

using inspection::v1::Disclosure;
using storage::v1::StoredReferral;

// The referral of the disclosure as it stands. ERASED.
absl::StatusOr<StoredReferral> ReferralOfDisclosure(CommitContext& context, const Disclosure& disclosure) {
  ACCORD_ASSIGN_OR_RETURN(auto referral, LoadReferral(context, disclosure.referral()));
  if (referral.has_value()) return *std::move(referral);
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const auto erased, FindErased(read, ErasedReferralMark(disclosure.referral())));
  if (erased.has_value()) return ErasedAt(*erased);
  return Error(Reason::kStoreCorrupt, "the referral of a disclosure is not there");
}

}  // namespace

absl::StatusOr<StoredParts> ReadStoredParts(const StoredReferral& stored) {
  StoredParts parts;
  bool read = true;
  for (const auto& opening : stored.openings()) {
    if (opening.label() == "core") {
      read = parts.core.ParseFromString(opening.content());
    } else if (opening.label() == "recipient") {
      type::v1::RecipientPart recipient;
      read = recipient.ParseFromString(opening.content());
      parts.recipients.insert(recipient.agency());
    } else if (opening.label() == "section") {
      type::v1::SectionPart section;
      read = section.ParseFromString(opening.content());
      parts.sections.emplace(section.section_id(), section);
    }
    if (!read) return Error(Reason::kStoreCorrupt, "a part of a stored referral does not parse");
  }
  return parts;
}

ScopeFacts FactsOfStored(const StoredReferral& stored, const StoredParts& parts, const DirectorySnapshot& directory) {
  ScopeFacts facts;
  facts.time_ms = stored.stored_at_ms();
  facts.event = referral::StoredEventOf(parts.core.type());
  facts.agencies = parts.recipients;
  facts.agencies.insert(parts.core.sender());
  for (const std::string& agency : facts.agencies) {
    const AgencyRow* const row = directory.FindAgency(agency);
    if (row != nullptr) facts.areas.insert(row->agency.areas().begin(), row->agency.areas().end());
  }
  facts.cases = {stored.cases().begin(), stored.cases().end()};
  return facts;
}

absl::StatusOr<std::optional<HeldReferral>> HeldBy(PlainReader read, const StoredReferral& stored, const StoredParts& parts, std::string_view agency) {
  HeldReferral held;
  if (parts.core.sender() == agency) {
    held.sections = {stored.section_ids().begin(), stored.section_ids().end()};
    return held;
  }
  const auto* const recipient = FindRecipient(stored, agency);
  if (recipient == nullptr) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(const bool released, WasReleased(read, *recipient));
  if (!released) return std::nullopt;
  if (recipient->desk() == type::v1::DESK_CONFIDENTIAL) held.desk = type::v1::DESK_CONFIDENTIAL;
  held.sections = {recipient->released_sections().begin(), recipient->released_sections().end()};
  return held;
}

bool AsksFor(const Disclosure& disclosure, type::v1::Category category) {
  const auto& asked = disclosure.categories();
  return asked.empty() || std::find(asked.begin(), asked.end(), category) != asked.end();
}

absl::StatusOr<QueryEntry> DisclosureEntry(CommitContext& context, const Disclosure& disclosure, type::v1::EventType type) {
  QueryEntry entry;
  auto& event = entry.draft.event;
  event.set_type(type);
  event.set_warrant(disclosure.warrant());
  event.set_concerns(PrincipalName(options::v1::CALLER_AGENCY, disclosure.agency()));
  event.set_disclosure(disclosure.number());
  event.set_disclosure_kind(disclosure.kind());
  auto& about = entry.draft.referral.emplace();
  about.set_desk(disclosure.desk());
  if (disclosure.kind() != type::v1::DISCLOSURE_KIND_SECTIONS) return entry;
  ACCORD_ASSIGN_OR_RETURN(const StoredReferral referral, ReferralOfDisclosure(context, disclosure));
  ACCORD_ASSIGN_OR_RETURN(const StoredParts parts, ReadStoredParts(referral));
  about.set_header_digest(disclosure.referral());
  about.set_sender(parts.core.sender());
  about.set_request_id(parts.core.request_id());
  entry.draft.chains = ChainsOf(referral);
  return entry;
}

absl::StatusOr<std::set<LookedAt>> OthersWhoMaySee(CommitContext& context, const Disclosure& disclosure) {
  if (disclosure.kind() != type::v1::DISCLOSURE_KIND_SECTIONS) return std::set<LookedAt>();
  ACCORD_ASSIGN_OR_RETURN(const StoredReferral referral, ReferralOfDisclosure(context, disclosure));
  ACCORD_ASSIGN_OR_RETURN(const StoredParts parts, ReadStoredParts(referral));
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(auto parties, PartiesOf(read, parts.core.sender(), referral));
  parties.erase(LookedAt{.agency = disclosure.agency(), .desk = disclosure.desk()});
  return parties;
}

absl::StatusOr<std::set<LookedAt>> OthersOfCases(const ReadView& view, std::span<const std::string> cases, const LookedAt& asked) {
  std::set<LookedAt> parties;
  for (const std::string& pseudonym : cases) {
    ACCORD_ASSIGN_OR_RETURN(auto of_case, PartiesOfCase(view, pseudonym));
    parties.merge(of_case);
  }
  parties.erase(asked);
  return parties;
}

absl::Status RecordOnCases(CommitContext& context, const Disclosure& disclosure, QueryEntry entry) {
  entry.draft.event.set_disclosure(disclosure.number());
  entry.looked_at.clear();  // They were told by the first.
  for (const auto& of_case : disclosure.cases()) {
    ACCORD_ASSIGN_OR_RETURN(const auto chain, context.Get(kFamilyChain, of_case.case_pseudonym()));
    if (!chain.has_value()) continue;
    entry.draft.chains = {of_case.case_pseudonym()};
    ACCORD_RETURN_IF_ERROR(RecordUnderWarrant(context, entry).status());
  }
  return absl::OkStatus();
}

absl::Status DisclosureGone(PlainReader read, uint64_t number) {
  ACCORD_ASSIGN_OR_RETURN(const auto erased, FindErased(read, ErasedDisclosureMark(number)));
  if (erased.has_value()) return ErasedAt(*erased);
  return Error(Reason::kStoreCorrupt, "a listed disclosure is not there");
}

absl::Status NoSuchDisclosure() { return Error(Reason::kDisclosureNotFound, "there is no such disclosure, or it is not the caller's"); }

}  // namespace accord::broker
