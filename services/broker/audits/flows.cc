// What was shared and what was not: flows, withheld, without consent, missing rationales.
#include <algorithm>
#include <array>
#include <map>
#include <tuple>

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
  for (const ReferralFacts* facts : input.referrals) {
    for (const SectionDecision& decision : StoredDecisions(*facts).decisions()) {
      if (decision.verdict() != type::v1::VERDICT_PERMIT || !input.Has(decision.category())) continue;
      const type::v1::TagPart& tag = TagOf(*facts, decision.section_id());
      AuditTally& flow = flows[{CoreOf(*facts).sender(), decision.recipient(), Code(decision.category()), Article6Cell(tag), GatewayCell(tag),
                                AgreementCell(decision), BoolCell(decision.emergency_gap())}];
      ++flow.count;
      flow.released += facts->FirstOwn(type::v1::EVENT_TYPE_RELEASED, decision.recipient()) != nullptr;
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
  table.add_notes("What was told outside Accord is not here: the register of sharing has it.");
}

void AuditWithheld(const AuditInput& input, Table& table) {
  SetColumns(table, {{"sender"}, {"recipient"}, {"category"}, {"verdict"}, {"rule"}, {"reason"}, {"when"}, {"sections", COLUMN_KIND_COUNT},
                     {"referrals", COLUMN_KIND_COUNT}});
  std::map<std::array<std::string, 7>, AuditTally> withheld;
  const auto add = [&](const ReferralFacts& facts, const FactEvent& event, std::string_view when) {
    if (!event.decisions.has_value()) return;
    for (const SectionDecision& decision : event.decisions->decisions()) {
      if (decision.verdict() == type::v1::VERDICT_PERMIT || !input.Has(decision.category())) continue;
      AuditTally& tally = withheld[{CoreOf(facts).sender(), decision.recipient(), Code(decision.category()), Code(decision.verdict()), decision.rule_id(),
                                    decision.reason(), std::string(when)}];
      ++tally.count;
      tally.entries.insert(event.index);
    }
  };
  for (const ReferralFacts* facts : input.referrals) {
    if (facts->events.empty()) continue;
    add(*facts, facts->events.front(), "STORED");
    for (const FactEvent& event : facts->events) {
      if (event.event.type() == type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE) add(*facts, event, "RELEASE");
    }
  }
  for (const auto& [key, tally] : withheld) {
    std::vector<std::string> cells(key.begin(), key.end());
    cells.insert(cells.end(), {CountCell(tally.count), CountCell(tally.entries.size())});
    AddAnswerRow(table, std::move(cells), tally.Entries());
  }
  table.add_notes("Protective rules answer with one reason, here too: it does not say which of them applied.");
  table.add_notes("Submissions of which nothing was permitted are refusals and no referrals: see the audit of probing.");
}

void AuditWithoutConsent(const AuditInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"stored", COLUMN_KIND_TIME}, {"sender"}, {"worker"}, {"recipient"}, {"consent"}, {"article6"},
                     {"article9"}, {"gateway"}, {"approver"}, {"sections", COLUMN_KIND_COUNT}});
  for (const ReferralFacts* facts : input.referrals) {
    // By recipient and tag: the sections.
    std::map<std::pair<std::string, const type::v1::TagPart*>, uint64_t> shared;
    for (const SectionDecision& decision : StoredDecisions(*facts).decisions()) {
      const type::v1::TagPart& tag = TagOf(*facts, decision.section_id());
      if (decision.verdict() == type::v1::VERDICT_PERMIT && WithoutConsent(tag.consent())) ++shared[{decision.recipient(), &tag}];
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
}

void AuditMissingRationales(const AuditInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"stored", COLUMN_KIND_TIME}, {"sender"}, {"worker"}, {"consent"}, {"article6"}, {"gateway"},
                     {"said_to_be_there", COLUMN_KIND_BOOL}, {"emergency", COLUMN_KIND_BOOL}});
  for (const ReferralFacts* facts : input.referrals) {
    std::map<std::string, bool> shared;  // Tag, and whether any of it under the emergency schedule alone.
    for (const SectionDecision& decision : StoredDecisions(*facts).decisions()) {
      if (decision.verdict() != type::v1::VERDICT_PERMIT) continue;
      bool& emergency = shared[TagOf(*facts, decision.section_id()).tag_id()];
      emergency = emergency || decision.emergency_gap();
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
}

}  // namespace accord::broker
