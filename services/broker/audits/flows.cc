// What was shared and what was not: flows, withheld, without consent, missing rationales.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "services/broker/audits/audit.h"
#include "services/broker/questions/rows.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using type::v1::SectionDecision;
using enum inspection::v1::ColumnKind;

const type::v1::EntryDecisions& StoredDecisions(const ReferralFacts& facts) {
  static const auto& none = *new type::v1::EntryDecisions();
  return facts.events.empty() || !facts.events.front().decisions.has_value() ? none : *facts.events.front().decisions;
}

// The tag that the section stands under; a default one when there is none.
const type::v1::TagPart& TagOf(const ReferralFacts& facts, const std::string& section_id) {
  for (const auto& section : facts.parts.sections) {
    if (section.section_id() != section_id) continue;
    for (const auto& tag : facts.parts.tags) {
      if (tag.tag_id() == section.tag_id()) return tag;
    }
  }
  return type::v1::TagPart::default_instance();
}

bool WithoutConsent(type::v1::ConfidentialityConsent consent) {
  return consent == type::v1::CONFIDENTIALITY_CONSENT_REFUSED || consent == type::v1::CONFIDENTIALITY_CONSENT_WITHDRAWN ||
         consent == type::v1::CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE;
}

bool ConsentStands(type::v1::ConfidentialityConsent consent) {
  return consent == type::v1::CONFIDENTIALITY_CONSENT_GIVEN || consent == type::v1::CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS;
}

// Where consent was given without limits none is needed (docs/agreements.md), and an empty cell would read as a hole in the record.
std::string GatewayCell(const type::v1::TagPart& tag) {
  if (tag.gateway() != type::v1::GATEWAY_UNSPECIFIED) return Code(tag.gateway());
  return tag.consent() == type::v1::CONFIDENTIALITY_CONSENT_GIVEN ? "NONE_NEEDED" : "NONE_STATED";
}
// Likewise under Part 3 of the Data Protection Act 2018, which knows no Article 6.
std::string Article6Cell(const type::v1::TagPart& tag) {
  if (tag.article6() != type::v1::ARTICLE6_BASIS_UNSPECIFIED) return Code(tag.article6());
  return tag.regime() == type::v1::REGIME_DPA_PART3 ? "NONE_UNDER_PART3" : "NONE_STATED";
}

// Nor is an agreement missing where danger now was shared without one.
std::string AgreementCell(const SectionDecision& decision) { return decision.emergency_gap() ? "NONE_EMERGENCY" : PermittedUnder(decision); }

// What became of one section for one recipient.
struct Share {
  const SectionDecision* stored = nullptr;   // Absent: the recipient was named later, or would stand in for another.
  const SectionDecision* left = nullptr;     // By which it first left; absent: it has not.
  const SectionDecision* stopped = nullptr;  // By which it was first kept back as it was to leave, before it ever left.
  uint64_t left_index = 0, stopped_index = 0;
  bool may_have_left = false;  // The record does not say it any more.

  bool PermittedAsStored() const { return stored != nullptr && stored->verdict() == type::v1::VERDICT_PERMIT; }
  // By which it was shared: as it was stored, or as it left all the same.
  const SectionDecision* Permitted() const { return PermittedAsStored() ? stored : left; }
};
using Shares = std::map<std::pair<std::string, std::string>, Share>;  // By recipient and section.

// Of the sections of the header: what the broker tells of cases is decided as the referral leaves, too, and is not its sender's.
// Adds to `unknown` those of which it is not known whether they left.
Shares SharesOf(const AuditInput& input, const ReferralFacts& facts, uint64_t& unknown) {
  std::set<std::string_view> sections;
  for (const auto& section : facts.parts.sections) sections.insert(section.section_id());
  std::set<std::string_view> stand_ins;  // To whom nothing goes, whatever is permitted, unless it is handed over.
  for (const auto& recipient : facts.parts.recipients) {
    if (!recipient.on_behalf_of().empty()) stand_ins.insert(recipient.agency());
  }
  Shares shares;
  for (const SectionDecision& decision : StoredDecisions(facts).decisions()) {
    if (!stand_ins.contains(decision.recipient())) shares[{decision.recipient(), decision.section_id()}].stored = &decision;
  }
  const SectionsLeaving leaving(facts);
  for (const FactEvent& event : facts.events) {
    const bool released = event.event.type() == type::v1::EVENT_TYPE_RELEASED;
    if (!event.decisions.has_value() || (!released && event.event.type() != type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE)) continue;
    for (const SectionDecision& decision : event.decisions->decisions()) {
      if (!sections.contains(decision.section_id())) continue;
      Share& share = shares[{decision.recipient(), decision.section_id()}];
      if (share.left != nullptr) continue;
      if (decision.verdict() != type::v1::VERDICT_PERMIT) {
        if (share.stopped != nullptr) continue;
        share.stopped = &decision;
        share.stopped_index = event.index;
      } else if (const Leaving left = released ? leaving.Of(input, event, decision) : Leaving::kStayed; left == Leaving::kLeft) {
        share.left = &decision;
        share.left_index = event.index;
      } else if (left == Leaving::kUnknown) {
        share.may_have_left = true;
      }
    }
  }
  for (const auto& [of, share] : shares) unknown += share.may_have_left && share.left == nullptr;
  return shares;
}

// By which `share` was shared under the tag as it was stored. What left only after its sender changed the consent left under another, which the header does not have.
const SectionDecision* PermittedUnderTag(const ReferralFacts& facts, const Share& share) {
  if (share.PermittedAsStored() || share.left == nullptr) return share.Permitted();
  const FactEvent* const changed = facts.FirstStatement(type::v1::STATEMENT_KIND_CONSENT_CHANGE, CoreOf(facts).sender());
  return changed == nullptr || share.left_index < changed->index ? share.left : nullptr;
}

// A count with the entries behind it.
struct AuditTally {
  uint64_t count = 0, released = 0;
  std::set<uint64_t> entries;
  std::vector<uint64_t> Entries() const { return {entries.begin(), entries.end()}; }
};

}  // namespace

void AuditFlows(const AuditInput& input, Table& table) {
  SetColumns(table, {{"sender"}, {"recipient"}, {"category"}, {"article6"}, {"gateway"}, {"agreement"}, {"emergency", COLUMN_KIND_BOOL},
                     {"sections", COLUMN_KIND_COUNT}, {"released", COLUMN_KIND_COUNT}, {"referrals", COLUMN_KIND_COUNT}});
  std::map<std::array<std::string, 7>, AuditTally> flows;
  uint64_t unknown = 0;
  for (const ReferralFacts* facts : input.referrals) {
    for (const auto& [of, share] : SharesOf(input, *facts, unknown)) {
      const SectionDecision* const decision = share.Permitted();
      if (decision == nullptr || !input.Has(decision->category())) continue;
      const type::v1::TagPart& tag = TagOf(*facts, decision->section_id());
      AuditTally& flow = flows[{CoreOf(*facts).sender(), decision->recipient(), Code(decision->category()), Article6Cell(tag), GatewayCell(tag),
                                AgreementCell(*decision), BoolCell(decision->emergency_gap())}];
      ++flow.count;
      flow.released += share.left != nullptr;
      flow.entries.insert(facts->stored_index);
    }
  }
  for (const auto& [key, flow] : flows) {
    std::vector<std::string> cells(key.begin(), key.end());
    cells.insert(cells.end(), {CountCell(flow.count), CountCell(flow.released), CountCell(flow.entries.size())});
    AddAnswerRow(table, std::move(cells), flow.Entries());
  }
  table.add_notes("NONE_STATED: the sender recorded none. NONE_NEEDED: consent was given without limits, beside which no gateway is needed. NONE_UNDER_PART3: Part 3 of the "
                  "Data Protection Act 2018 knows no Article 6 basis. NONE_EMERGENCY: no agreement permitted it, but the emergency schedule.");
  table.add_notes("To who would stand in for another nothing counts before it was handed over. Basis and gateway are those of the referral as it was stored: a later change of consent stands in its trail.");
  table.add_notes("What was told outside Accord is not here: the register of sharing has it.");
  AddUnknownLeaving(unknown, table);
}

void AuditWithheld(const AuditInput& input, Table& table) {
  SetColumns(table, {{"sender"}, {"recipient"}, {"category"}, {"verdict"}, {"rule"}, {"reason"}, {"when"}, {"sections", COLUMN_KIND_COUNT},
                     {"referrals", COLUMN_KIND_COUNT}});
  std::map<std::array<std::string, 7>, AuditTally> withheld;
  const auto add = [&](const ReferralFacts& facts, const SectionDecision& decision, std::string_view when, uint64_t entry) {
    if (!input.Has(decision.category())) return;
    AuditTally& tally = withheld[{CoreOf(facts).sender(), decision.recipient(), Code(decision.category()), Code(decision.verdict()), decision.rule_id(),
                                  decision.reason(), std::string(when)}];
    ++tally.count;
    tally.entries.insert(entry);
  };
  uint64_t unknown = 0;
  for (const ReferralFacts* facts : input.referrals) {
    for (const auto& [of, share] : SharesOf(input, *facts, unknown)) {
      if (share.stored != nullptr && !share.PermittedAsStored()) {
        add(*facts, *share.stored, "STORED", facts->stored_index);
      } else if (share.stopped != nullptr) {
        add(*facts, *share.stopped, "RELEASE", share.stopped_index);
      }
    }
  }
  for (const auto& [key, tally] : withheld) {
    std::vector<std::string> cells(key.begin(), key.end());
    cells.insert(cells.end(), {CountCell(tally.count), CountCell(tally.entries.size())});
    AddAnswerRow(table, std::move(cells), tally.Entries());
  }
  table.add_notes("Protective rules answer with one reason, here too: it does not say which of them applied.");
  table.add_notes("Submissions of which nothing was permitted are refusals and no referrals: see the audit of probing.");
  AddUnknownLeaving(unknown, table);
}

void AuditWithoutConsent(const AuditInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"stored", COLUMN_KIND_TIME}, {"sender"}, {"worker"}, {"recipient"}, {"consent"}, {"article6"},
                     {"article9"}, {"gateway"}, {"approver"}, {"sections", COLUMN_KIND_COUNT}});
  uint64_t unknown = 0;
  for (const ReferralFacts* facts : input.referrals) {
    // By recipient and tag: the sections.
    std::map<std::pair<std::string, const type::v1::TagPart*>, uint64_t> shared;
    for (const auto& [of, share] : SharesOf(input, *facts, unknown)) {
      const auto& [recipient, section_id] = of;
      const type::v1::TagPart& tag = TagOf(*facts, section_id);
      if (PermittedUnderTag(*facts, share) != nullptr && WithoutConsent(tag.consent())) ++shared[{recipient, &tag}];
    }
    // In the order of the tags, which addresses do not keep.
    for (const type::v1::TagPart& tag : facts->parts.tags) {
      for (const auto& [key, sections] : shared) {
        if (key.second != &tag) continue;
        AddAnswerRow(table, {ReferralCell(*facts), TimeCell(facts->stored_ms), CoreOf(*facts).sender(), CoreOf(*facts).worker().pseudonym(), key.first,
                             Code(tag.consent()), Article6Cell(tag), Code(tag.article9()), GatewayCell(tag), tag.approver(), CountCell(sections)},
                     {facts->stored_index});
      }
    }
  }
  table.add_notes("Sharing without consent can be right: it needs a basis, a gateway, somebody who approved, and a rationale. That a row is here is no finding.");
  table.add_notes("Consent that was withdrawn after the referral was stored stands in its trail.");
  AddUnknownLeaving(unknown, table);
}

void AuditMissingRationales(const AuditInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"stored", COLUMN_KIND_TIME}, {"sender"}, {"worker"}, {"consent"}, {"article6"}, {"gateway"},
                     {"said_to_be_there", COLUMN_KIND_BOOL}, {"emergency", COLUMN_KIND_BOOL}});
  uint64_t unknown = 0;
  for (const ReferralFacts* facts : input.referrals) {
    std::map<std::string, bool> shared;  // Tag, and whether any of it under the emergency schedule alone.
    for (const auto& [of, share] : SharesOf(input, *facts, unknown)) {
      const SectionDecision* const decision = PermittedUnderTag(*facts, share);
      if (decision == nullptr) continue;
      bool& emergency = shared[TagOf(*facts, decision->section_id()).tag_id()];
      emergency = emergency || decision->emergency_gap();
    }
    for (const type::v1::TagPart& tag : facts->parts.tags) {
      const auto found = shared.find(tag.tag_id());
      if (found == shared.end() || ConsentStands(tag.consent())) continue;
      const bool there = std::any_of(facts->parts.sections.begin(), facts->parts.sections.end(), [&](const type::v1::SectionPart& section) {
        return section.category() == type::v1::CATEGORY_RATIONALE && section.tag_id() == tag.tag_id();
      });
      if (there && tag.rationale_present()) continue;
      AddAnswerRow(table, {ReferralCell(*facts), TimeCell(facts->stored_ms), CoreOf(*facts).sender(), CoreOf(*facts).worker().pseudonym(), Code(tag.consent()),
                           Article6Cell(tag), GatewayCell(tag), BoolCell(tag.rationale_present()), BoolCell(found->second)},
                   {facts->stored_index});
    }
  }
  table.add_notes("What a rationale says is sealed: whether it is a good one only the sender and its recipients can tell.");
  AddUnknownLeaving(unknown, table);
}

}  // namespace accord::broker
