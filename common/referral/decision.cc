#include "common/referral/decision.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/rules.h"

namespace accord::referral {
namespace {

using namespace type::v1;  // NOLINT: the rules read best in the field's own words.
using rules::InForce;
using rules::Question;
using rules::Ruling;

Ruling RuleOnSection(const rules::SectionQuestion& q, const std::vector<rules::OpenRoute>& open, bool& waived) {
  if (auto ruling = rules::OnSection(q); ruling.has_value()) return *std::move(ruling);
  return rules::AgreementAndBasis(q, open, waived);
}

// Do children's services know of it: do they send it, or may they have some of it?
bool ChildrensServicesKnow(const CompiledPolicy::Index& policy, const HeaderParts& parts, const Decisions& decisions) {
  const auto childrens = [&](const std::string& id) {
    const auto agency = policy.agencies.find(id);
    return agency != policy.agencies.end() && agency->second.facts->kind == AGENCY_KIND_CHILDRENS_SERVICES;
  };
  return childrens(parts.core.sender()) ||
         std::any_of(decisions.decisions.begin(), decisions.decisions.end(),
                     [&](const SectionDecision& d) { return d.verdict() == VERDICT_PERMIT && childrens(d.recipient()); });
}

// What the record of consent and basis lacks without any rule asking for it.
void WarnOfTags(const HeaderParts& parts, absl::Time now, std::vector<std::string>& warnings) {
  const auto any = [&](auto holds) { return std::any_of(parts.tags.begin(), parts.tags.end(), holds); };
  const auto any_section = [&](const TagPart& tag, Category category) {
    return std::any_of(parts.sections.begin(), parts.sections.end(),
                       [&](const SectionPart& section) { return section.tag_id() == tag.tag_id() && section.category() == category; });
  };
  if (any([&](const TagPart& tag) { return tag.consent_review_ms() != 0 && absl::FromUnixMillis(tag.consent_review_ms()) <= now; })) {
    warnings.push_back("The consent was to be reviewed by now: ask again, if it is safe.");
  }
  if (any([&](const TagPart& tag) {
        const bool told = tag.victim_awareness() == VICTIM_AWARENESS_INFORMED;
        return !told && tag.not_told_reason() == NOT_TOLD_REASON_UNSPECIFIED;
      })) {
    warnings.push_back("The person was not told, and why is not recorded.");
  }
  if (any([&](const TagPart& tag) {
        return any_section(tag, CATEGORY_HEALTH) && (tag.regime() == REGIME_DPA_PART3 ? tag.schedule8() == SCHEDULE8_CONDITION_UNSPECIFIED
                                                                                       : tag.article9() == ARTICLE9_CONDITION_UNSPECIFIED);
      })) {
    warnings.push_back("Health data is in it, and its condition (UK GDPR Article 9, or Schedule 8 under Part 3) is not recorded.");
  }
  if (any([&](const TagPart& tag) {
        return tag.regime() != REGIME_DPA_PART3 && tag.criminal_offence() == ARTICLE9_CONDITION_UNSPECIFIED &&
               (any_section(tag, CATEGORY_ALLEGED_PERPETRATOR) || any_section(tag, CATEGORY_ORDERS_AND_BAIL));
      })) {
    warnings.push_back("Data about alleged offences is in it, and its condition (UK GDPR Article 10, with Schedule 1) is not recorded.");
  }
}

bool MeetsMarac(const HeaderCore& core) { return core.risk().grade() == RISK_GRADE_HIGH || !core.marac_criteria().empty(); }

std::vector<std::string> Warnings(const HeaderParts& parts, bool childrens_know, size_t waived, absl::Time now) {
  std::vector<std::string> warnings;
  bool child = false;
  for (const SubjectPart& subject : parts.subjects) {
    child |= subject.role() == SUBJECT_ROLE_CHILD || subject.role() == SUBJECT_ROLE_UNBORN_CHILD;
    if (subject.role() != SUBJECT_ROLE_VICTIM) continue;
    if (subject.age_band() == AGE_BAND_UNDER_16) {
      warnings.push_back(childrens_know ? "The victim is under 16: this is child protection; children's services lead."
                                        : "The victim is under 16: this is child protection. Send it to children's services too, now.");
    } else if (subject.age_band() == AGE_BAND_16_17 && !childrens_know) {
      warnings.push_back("The victim is 16 or 17: send it to children's services as well as to Marac.");
    } else if (subject.age_band() == AGE_BAND_16_17 && parts.core.purpose() != PURPOSE_MARAC && MeetsMarac(parts.core)) {
      warnings.push_back("The victim is 16 or 17: refer to Marac as well as to children's services.");
    }
  }
  if (child && !childrens_know) warnings.push_back("A child is concerned, and this does not reach children's services.");
  WarnOfTags(parts, now, warnings);
  if (waived > 0) warnings.push_back("Shared under the emergency schedule: complete consent and basis within one working day. 999 is for danger now.");
  return warnings;
}

// A recipient with what holds of it whatever the section.
struct RecipientRuling {
  Question question;
  std::optional<Ruling> ruling;
  std::vector<rules::OpenRoute> open;  // When nothing rules it out.
};

std::string Versions(const std::vector<const CompiledAgreement*>& agreements) {
  std::vector<std::string_view> versions;
  for (const CompiledAgreement* agreement : agreements) versions.push_back(agreement->agreement->version);
  std::sort(versions.begin(), versions.end());
  return fmt::format("{}", fmt::join(versions, ","));
}

void Write(const Ruling& ruling, SectionDecision& decision) {
  decision.set_verdict(ruling.verdict);
  decision.set_rule_id(ruling.rule_id.data(), ruling.rule_id.size());
  decision.set_reason(ruling.reason.data(), ruling.reason.size());
  for (const rules::Alternative& alternative : ruling.alternatives) {
    ChangeSet& set = *decision.add_changes();
    for (const rules::Change& change : alternative) {
      set.add_changes(change.code);
      decision.add_what_would_change_it(change.words.data(), change.words.size());
    }
  }
}

void WriteObligations(const Question& q, const Ruling& ruling, bool waived, SectionDecision& decision) {
  // The copy's regime is the recipient's own: Part 3 does not follow material out of law enforcement (domain.md §3).
  decision.set_recipient_regime(q.kind() == AGENCY_KIND_POLICE || q.kind() == AGENCY_KIND_PROBATION ? REGIME_DPA_PART3 : REGIME_UK_GDPR);
  decision.set_emergency_gap(waived);
  Obligations& obligations = *decision.mutable_obligations();
  obligations.set_onward(ruling.route == nullptr ? ONWARD_SHARING_ASK_ORIGINATOR : ruling.route->onward);
  obligations.set_retention_days(ruling.route == nullptr ? 0 : ruling.route->retention_days);
  obligations.set_not_to_alleged_perpetrator(true);
  obligations.set_feedback_working_days(ruling.route == nullptr ? 0 : ruling.route->feedback_working_days);
}

// Why something is shared tells a good part of it: the reasons under a tag go with a section under that tag, or not at all.
void WithholdReasonsOfNothing(const HeaderParts& parts, Decisions& result) {
  const auto is_reasons = [](const auto& of) { return of.category() == CATEGORY_RATIONALE; };
  if (std::none_of(parts.sections.begin(), parts.sections.end(), is_reasons)) return;
  std::map<std::string_view, std::string_view> tags;  // Section id → tag id.
  for (const SectionPart& section : parts.sections) tags[section.section_id()] = section.tag_id();
  std::set<std::pair<std::string_view, std::string_view>> go;  // Recipient and tag of which a section goes.
  for (const SectionDecision& decision : result.decisions) {
    if (decision.verdict() == VERDICT_PERMIT && !is_reasons(decision)) go.emplace(decision.recipient(), tags[decision.section_id()]);
  }
  for (SectionDecision& decision : result.decisions) {
    if (decision.verdict() != VERDICT_PERMIT || !is_reasons(decision) || go.contains({decision.recipient(), tags[decision.section_id()]})) continue;
    if (decision.emergency_gap()) --result.gaps_waived;
    decision.clear_emergency_gap();
    decision.clear_obligations();
    decision.clear_recipient_regime();
    Write({VERDICT_WITHHOLD, "always/reasons-of-nothing", "The reasons go only with what they are the reasons of.", {}}, decision);
  }
}

}  // namespace

void ReceivedBefore::Add(Category category, OnwardSharing rule) {
  // Unspecified asks too. The published values ascend from the strictest.
  if (rule == ONWARD_SHARING_UNSPECIFIED) rule = ONWARD_SHARING_ASK_ORIGINATOR;
  const auto [known, added] = rules.emplace(category, rule);
  if (!added) known->second = std::min(known->second, rule);
}

Decisions Decide(const CompiledPolicy& policy, const HeaderParts& parts, const Facts& facts, absl::Time now) {
  const CompiledPolicy::Index& index = policy.index();
  const EmergencySchedule& schedule = policy.Schedule(now);
  const InForce law{index, index.Live(now), schedule, policy.Law(now), fmt::format("emergency/{}", schedule.version), now};
  Decisions result;
  result.agreement_version = Versions(law.agreements);
  result.emergency_version = schedule.version;
  result.law_version = law.law.version;
  const auto find = [&](const std::string& id) -> const CompiledAgency* {
    const auto agency = index.agencies.find(id);
    return agency == index.agencies.end() ? nullptr : &agency->second;
  };
  const CompiledAgency* const sender = find(parts.core.sender());
  std::vector<RecipientRuling> recipients;
  for (const RecipientPart& recipient : parts.recipients) {
    const Question question{law, parts, facts, sender, recipient, find(recipient.agency())};
    recipients.push_back({question, rules::OnRecipient(question), {}});
    if (!recipients.back().ruling.has_value()) recipients.back().open = rules::OpenRoutes(question);
  }
  result.decisions.reserve(parts.sections.size() * recipients.size());
  for (const SectionPart& section : parts.sections) {
    const auto tag = std::find_if(parts.tags.begin(), parts.tags.end(), [&](const TagPart& t) { return t.tag_id() == section.tag_id(); });
    ACCORD_CHECK(tag != parts.tags.end());
    const rules::TagFacts tag_facts = rules::FactsOf(law, parts, sender, *tag);
    for (const RecipientRuling& recipient : recipients) {
      const Question& question = recipient.question;
      bool waived = false;
      SectionDecision& decision = result.decisions.emplace_back();
      decision.set_section_id(section.section_id());
      decision.set_category(section.category());
      decision.set_recipient(question.recipient.agency());
      if (recipient.ruling.has_value()) {
        Write(*recipient.ruling, decision);
        continue;
      }
      const Ruling ruling = RuleOnSection({question, section, tag_facts, rules::ConsentCovers(question, section, *tag)}, recipient.open, waived);
      Write(ruling, decision);
      if (ruling.verdict == VERDICT_PERMIT) WriteObligations(question, ruling, waived, decision);
      if (waived) ++result.gaps_waived;
    }
  }
  WithholdReasonsOfNothing(parts, result);
  result.warnings = Warnings(parts, ChildrensServicesKnow(index, parts, result), result.gaps_waived, now);
  return result;
}

SectionDecision DecideCaseHistory(const CompiledPolicy& policy, const HeaderParts& parts, const std::string& agency, Desk desk,
                                  const Facts& facts, absl::Time now) {
  HeaderParts asked = parts;
  asked.recipients.assign(1, {});
  asked.recipients[0].set_agency(agency);
  asked.recipients[0].set_desk(desk);
  asked.recipients[0].set_capacity(RECIPIENT_CAPACITY_NAMED);
  asked.sections.assign(1, {});
  asked.sections[0].set_section_id(std::string(kIdBytes, '\0'));  // Of no section: it is the broker's own.
  asked.sections[0].set_category(CATEGORY_CASE_HISTORY);
  asked.sections[0].set_tag_id(asked.tags.at(0).tag_id());
  Decisions decisions = Decide(policy, asked, facts, now);
  return std::move(decisions.decisions.at(0));
}

std::string DecisionDigest(const Decisions& decisions) {
  std::vector<std::string> rows;
  for (const SectionDecision& decision : decisions.decisions) {
    rows.push_back(ByteWriter()
                       .Lp16(decision.section_id())
                       .Lp16(decision.recipient())
                       .U8(static_cast<uint8_t>(decision.verdict()))
                       .Lp16(decision.rule_id())
                       .bytes());
  }
  std::sort(rows.begin(), rows.end());
  ByteWriter writer;
  writer.Raw("accord/decision/v2").U8(0).Lp16(decisions.agreement_version).Lp16(decisions.emergency_version).Lp16(decisions.law_version);
  writer.U32(static_cast<uint32_t>(rows.size()));
  for (const std::string& row : rows) writer.Raw(row);
  return crypto::Sha256(writer.bytes());
}

std::set<std::string> PermittedSections(const Decisions& decisions, std::string_view agency) {
  std::set<std::string> ids;
  for (const SectionDecision& decision : decisions.decisions) {
    if (decision.recipient() == agency && decision.verdict() == VERDICT_PERMIT) ids.insert(decision.section_id());
  }
  return ids;
}

}  // namespace accord::referral
