#include "common/policy/cases.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/policy/policy_text.h"
#include "common/policy/reading.h"

namespace accord::policy {
namespace {

using namespace type::v1;  // NOLINT: the tables are made of these words.

constexpr size_t kTableBytesMax = 1u << 20;
constexpr char kRequestId[] = "policy-case", kPerson[] = "policy-case";

// Ids need only differ within one case.
std::string Id(size_t number) { return std::string(kIdBytes, static_cast<char>(number + 1)); }

template <typename Enum, typename Repeated>
void Fill(config::Table& row, std::string_view key, Repeated* list) {
  for (const Enum value : Words<Enum>(row, key)) list->Add(value);
}
template <typename Repeated>
void FillTexts(config::Table& row, std::string_view key, Repeated* list) {
  for (std::string& text : row.Strings(key)) *list->Add() = std::move(text);
}

void SetWorker(HeaderCore& core, const std::string& pseudonym) {
  core.mutable_worker()->set_pseudonym(pseudonym);
  core.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
  core.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
}

void ReadRisk(config::Table& row, Risk& risk) {
  risk.set_grade(OptionalWord(row, "grade", RISK_GRADE_UNSPECIFIED));
  risk.set_instrument(OptionalWord(row, "instrument", INSTRUMENT_UNSPECIFIED));
  if (row.Has("score")) risk.set_score(static_cast<uint32_t>(row.OptionalInt("score", 0, 0, kScoreMax)));
  if (risk.grade() != RISK_GRADE_UNSPECIFIED) risk.set_subject(SUBJECT_ROLE_VICTIM);
}

void ReadCore(config::Table& row, HeaderCore& core) {
  core.set_request_id(kRequestId);
  core.set_sender(row.RequiredString("from"));
  SetWorker(core, row.OptionalString("worker", kPerson));
  core.set_type(OptionalWord(row, "type", REFERRAL_TYPE_REFERRAL));
  core.set_purpose(RequiredWord<Purpose>(row, "purpose"));
  core.set_urgency(OptionalWord(row, "urgency", URGENCY_ROUTINE));
  core.set_jurisdiction(OptionalWord(row, "jurisdiction", JURISDICTION_UNSPECIFIED));
  core.set_forum(row.OptionalString("forum"));
  core.set_signed_at_ms(1);
  ReadRisk(row, *core.mutable_risk());
}

void ReadRecipients(config::Table& row, PolicyCase& made) {
  made.recipient = row.RequiredString("to");
  std::vector<std::string> all = row.Strings("also_to");
  all.insert(all.begin(), made.recipient);
  for (const std::string& agency : all) {
    RecipientPart& part = made.parts.recipients.emplace_back();
    part.set_agency(agency);
    part.set_capacity(RECIPIENT_CAPACITY_NAMED);
  }
  made.parts.recipients.front().set_desk(OptionalWord(row, "desk", DESK_MAIN));
}

void ReadConsent(config::Table& row, TagPart& tag) {
  tag.set_consent(OptionalWord(row, "consent", CONFIDENTIALITY_CONSENT_GIVEN));
  tag.set_consent_by(OptionalWord(row, "consent_by", SUBJECT_ROLE_VICTIM));
  Fill<AgencyKind>(row, "consent_kinds", tag.mutable_consent_kinds());
  Fill<AgencyKind>(row, "consent_excludes_kinds", tag.mutable_consent_excludes_kinds());
  Fill<Category>(row, "consent_categories", tag.mutable_consent_categories());
  Fill<Category>(row, "consent_excludes_categories", tag.mutable_consent_excludes_categories());
  Fill<Purpose>(row, "consent_purposes", tag.mutable_consent_purposes());
  FillTexts(row, "consent_agencies", tag.mutable_consent_agencies());
  FillTexts(row, "consent_excludes_agencies", tag.mutable_consent_excludes_agencies());
}

void ReadTag(config::Table& row, TagPart& tag) {
  tag.set_tag_id(Id(0));
  ReadConsent(row, tag);
  tag.set_victim_awareness(OptionalWord(row, "awareness", VICTIM_AWARENESS_INFORMED));
  tag.set_not_told_reason(OptionalWord(row, "not_told_reason", NOT_TOLD_REASON_UNSPECIFIED));
  tag.set_article6(OptionalWord(row, "article6", ARTICLE6_BASIS_UNSPECIFIED));
  tag.set_article9(OptionalWord(row, "article9", ARTICLE9_CONDITION_UNSPECIFIED));
  tag.set_criminal_offence(OptionalWord(row, "criminal_offence", ARTICLE9_CONDITION_UNSPECIFIED));
  tag.set_schedule8(OptionalWord(row, "schedule8", SCHEDULE8_CONDITION_UNSPECIFIED));
  tag.set_regime(OptionalWord(row, "regime", REGIME_UK_GDPR));
  tag.set_gateway(OptionalWord(row, "gateway", GATEWAY_UNSPECIFIED));
  if (row.OptionalBool("approver", false)) tag.set_approver(kPerson);
  tag.set_decision_maker(kPerson);
}

SectionPart& AddSection(referral::HeaderParts& parts, Category category) {
  SectionPart& section = parts.sections.emplace_back();
  section.set_section_id(Id(parts.sections.size()));
  section.set_category(category);
  section.set_tag_id(parts.tags.front().tag_id());
  return section;
}

// The sections that are judged, then those that stand beside them.
void ReadSections(config::Table& row, PolicyCase& made) {
  made.categories = Words<Category>(row, "categories");
  if (row.Has("category")) made.categories.insert(made.categories.begin(), RequiredWord<Category>(row, "category"));
  if (made.categories.empty()) row.Reject("categories", "is needed, or `category`");
  const bool confidential = row.OptionalBool("confidential_address", false);
  const bool third_party = row.OptionalBool("third_party_material", false);
  const std::string originator = row.OptionalString("originator");
  const auto agreement = OptionalWord(row, "originator_agreement", ORIGINATOR_AGREEMENT_UNSPECIFIED);
  for (const Category category : made.categories) {
    SectionPart& section = AddSection(made.parts, category);
    section.set_confidential_address(confidential);
    section.set_third_party_material(third_party);
    section.set_originator(originator);
    section.set_originator_agreement(agreement);
  }
  if (row.OptionalBool("rationale", false)) {
    made.parts.tags.front().set_rationale_present(true);
    AddSection(made.parts, CATEGORY_RATIONALE);
  }
}

void ReadSubjects(config::Table& row, referral::HeaderParts& parts) {
  SubjectPart& victim = parts.subjects.emplace_back();
  victim.set_subject_id(Id(1));
  victim.set_role(SUBJECT_ROLE_VICTIM);
  victim.set_age_band(OptionalWord(row, "victim_age_band", AGE_BAND_ADULT));
  victim.set_works_at(row.OptionalString("works_at"));
  const auto categories = Words<Category>(row, "excludes_categories");
  const auto exclude = [&]() -> Exclusion& {
    Exclusion& exclusion = *victim.add_exclusions();
    for (const Category category : categories) exclusion.add_categories(category);
    return exclusion;
  };
  for (std::string& agency : row.Strings("excludes_agencies")) exclude().set_agency(std::move(agency));
  for (const AgencyKind kind : Words<AgencyKind>(row, "excludes_kinds")) exclude().set_kind(kind);
  SubjectPart& perpetrator = parts.subjects.emplace_back();
  perpetrator.set_subject_id(Id(2));
  perpetrator.set_role(SUBJECT_ROLE_ALLEGED_PERPETRATOR);
  perpetrator.set_age_band(AGE_BAND_ADULT);
  perpetrator.set_works_at(row.OptionalString("perpetrator_works_at"));
  if (!row.OptionalBool("child", false)) return;
  SubjectPart& child = parts.subjects.emplace_back();
  child.set_subject_id(Id(3));
  child.set_role(SUBJECT_ROLE_CHILD);
  child.set_age_band(AGE_BAND_UNDER_16);
}

// What a victim information request states; its words are a narrative section of their own.
void ReadVictimInformation(config::Table& row, PolicyCase& made) {
  const bool stated = row.OptionalBool("statement", true);
  VictimInformationRequest request;
  Fill<VictimMaterial>(row, "sought", request.mutable_sought());
  request.set_notice(OptionalWord(row, "notice", VICTIM_NOTICE_GIVEN));
  request.set_reasonable_line_of_enquiry(row.OptionalBool("line_of_enquiry", true));
  request.set_necessary_and_proportionate(row.OptionalBool("necessary_and_proportionate", true));
  request.set_presumption_rebutted(row.OptionalBool("presumption_rebutted", false));
  if (request.sought().empty()) return;
  const std::string& section = AddSection(made.parts, CATEGORY_NARRATIVE).section_id();
  request.set_statement_section(stated ? section : Id(0));
  *made.parts.core.mutable_victim_information_request() = std::move(request);
}

// The referral that this one answers or follows.
void ReadCause(config::Table& row, PolicyCase& made) {
  const auto purpose = OptionalWord(row, "caused_by_purpose", PURPOSE_UNSPECIFIED);
  const auto type = OptionalWord(row, "caused_by_type", REFERRAL_TYPE_REFERRAL);
  const std::string from = row.OptionalString("caused_by_from", made.recipient);
  if (purpose == PURPOSE_UNSPECIFIED) return;
  made.parts.core.set_caused_by(std::string(32, '\1'));
  HeaderCore& core = made.caused_by.emplace();
  core.set_request_id(kRequestId);
  core.set_sender(from);
  SetWorker(core, kPerson);
  core.set_type(type);
  core.set_purpose(purpose);
  core.set_signed_at_ms(1);
}

void ReadExpectation(config::Table& row, Expectation& expect) {
  expect.verdict = RequiredWord<Verdict>(row, "expect");
  expect.rule = row.OptionalString("rule");
  expect.warning = row.OptionalString("warning");
  if (row.Has("retention_days")) {
    expect.retention_days = static_cast<uint32_t>(row.OptionalInt("retention_days", 0, 0, referral::kRetentionDaysMax));
  }
  if (row.Has("onward")) expect.onward = RequiredWord<OnwardSharing>(row, "onward");
  if (row.Has("emergency")) expect.emergency = row.OptionalBool("emergency", false);
}

PolicyCase ReadCase(config::Table& row) {
  PolicyCase made;
  made.name = row.RequiredString("name");
  if (row.Has("at")) made.at = OptionalTime(row, "at", absl::UnixEpoch());
  ReadCore(row, made.parts.core);
  ReadRecipients(row, made);
  ReadTag(row, made.parts.tags.emplace_back());
  ReadSections(row, made);
  ReadSubjects(row, made.parts);
  ReadVictimInformation(row, made);
  ReadCause(row, made);
  ReadExpectation(row, made.expect);
  return made;
}

referral::PolicyAgency ReadAgency(config::Table& row) {
  const auto set = [&](std::string_view key) {
    const std::vector<std::string> list = row.Strings(key);
    return std::set<std::string, std::less<>>(list.begin(), list.end());
  };
  return {.kind = RequiredWord<AgencyKind>(row, "kind"),
          .active = row.OptionalBool("active", true),
          .has_confidential_desk = row.OptionalBool("confidential_desk", false),
          .areas = set("areas"),
          .specialisms = set("specialisms"),
          .works_with_perpetrators = row.OptionalBool("works_with_perpetrators", false)};
}

// The agencies, forums and conflict lists of the table.
void ReadPlace(config::Table& root, CaseTable& table) {
  const auto id = [](config::Table& row, std::string_view key, const auto& taken) {
    const std::string text = row.RequiredString(key);
    if (!text.empty() && !IsAgencyId(text)) row.Reject(key, "1 to 63 of [a-z0-9-] are needed");
    if (taken.contains(text)) row.Reject(key, fmt::format("{} is there twice", text));
    return text;
  };
  for (config::Table& row : root.Tables("agency")) {
    const std::string agency = id(row, "id", table.agencies);
    table.agencies[agency] = ReadAgency(row);
  }
  for (config::Table& row : root.Tables("forum")) {
    const std::string forum = id(row, "id", table.forums);
    const std::vector<std::string> members = row.Strings("members");
    table.forums[forum].members.insert(members.begin(), members.end());
  }
  for (config::Table& row : root.Tables("conflict")) {
    const std::string agency = id(row, "agency", table.conflicts);
    const std::vector<std::string> workers = row.Strings("workers");
    table.conflicts[agency].insert(workers.begin(), workers.end());
  }
}

bool SameRule(const std::string& id, const std::string& wanted) {
  return id == wanted || (id.starts_with("agreement/") && wanted.find('/') == std::string::npos && id.ends_with("/" + wanted));
}

// What was got, in as many words as are expected.
struct Compared {
  std::vector<std::string> expected, got;
  bool same = true;

  void Add(std::string want, std::string have, bool equal) {
    expected.push_back(std::move(want)), got.push_back(std::move(have));
    same &= equal;
  }
};

Compared Compare(const Expectation& expect, const SectionDecision& decision, const std::vector<std::string>& warnings) {
  Compared compared;
  compared.Add(ToWord(expect.verdict), ToWord(decision.verdict()), expect.verdict == decision.verdict());
  // The rule is told even when none is expected: it is the first thing that is asked of a surprise.
  const bool same_rule = expect.rule.empty() || SameRule(decision.rule_id(), expect.rule);
  compared.Add(expect.rule.empty() ? "any rule" : expect.rule, decision.rule_id(), same_rule);
  if (expect.retention_days.has_value()) {
    const uint32_t days = decision.obligations().retention_days();
    compared.Add(fmt::format("{} days", *expect.retention_days), fmt::format("{} days", days), days == *expect.retention_days);
  }
  if (expect.onward.has_value()) {
    const OnwardSharing onward = decision.obligations().onward();
    compared.Add("onward " + ToWord(*expect.onward), "onward " + ToWord(onward), onward == *expect.onward);
  }
  if (expect.emergency.has_value()) {
    const auto words = [](bool gap) { return gap ? "under the emergency schedule" : "not under the emergency schedule"; };
    compared.Add(words(*expect.emergency), words(decision.emergency_gap()), decision.emergency_gap() == *expect.emergency);
  }
  if (!expect.warning.empty()) {
    const bool warned = std::any_of(warnings.begin(), warnings.end(), [&](const std::string& warning) {
      return warning.find(expect.warning) != std::string::npos;
    });
    compared.Add(fmt::format("a warning of `{}`", expect.warning),
                 warnings.empty() ? "no warning" : fmt::format("warnings: {}", fmt::join(warnings, " ")), warned);
  }
  return compared;
}

}  // namespace

absl::StatusOr<CaseTable> ParseCases(std::string_view text, const std::string& name) {
  const auto invalid = [](std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", "cases"}}); };
  if (!IsUtf8(text)) return invalid(fmt::format("{}: the table is not UTF-8", name));
  if (text.size() > kTableBytesMax) return invalid(fmt::format("{}: the table is over {} bytes", name, kTableBytesMax));
  auto root = config::Table::Parse(text, name);
  if (!root.ok()) return invalid(FromAbsl(root.status().message()));
  CaseTable table;
  ReadPlace(*root, table);
  std::vector<config::Table> rows = root->Tables("case");
  if (rows.empty()) root->Reject("case", "the table has no case");
  if (rows.size() > kCasesMax) {
    root->Reject("case", fmt::format("the table has over {} cases", kCasesMax));
    rows.resize(kCasesMax, *root);
  }
  std::set<std::string> names;
  for (config::Table& row : rows) {
    PolicyCase made = ReadCase(row);
    if (!names.insert(made.name).second) row.Reject("name", fmt::format("`{}` is there twice", made.name));
    table.cases.push_back(std::move(made));
  }
  if (const absl::Status finished = root->Finish(); !finished.ok()) return invalid(FromAbsl(finished.message()));
  // Words and keys are right: now whether it could be a referral at all.
  for (size_t i = 0; i < rows.size(); ++i) {
    const absl::Status valid = referral::ValidateParts(table.cases[i].parts, /*digests_required=*/false);
    if (!valid.ok()) rows[i].Reject("name", fmt::format("no referral could be this case: {}", FromAbsl(valid.message())));
  }
  if (const absl::Status finished = root->Finish(); !finished.ok()) return invalid(FromAbsl(finished.message()));
  return table;
}

std::vector<CaseResult> RunCases(const referral::CompiledPolicy& policy, const CaseTable& table, absl::Time now) {
  referral::PolicySources sources = policy.sources();
  if (!table.agencies.empty()) sources.agencies = table.agencies;
  if (!table.forums.empty()) sources.forums = table.forums;
  if (!table.conflicts.empty()) sources.conflicts = table.conflicts;
  const referral::CompiledPolicy compiled(std::move(sources));
  std::vector<CaseResult> results;
  for (const PolicyCase& each : table.cases) {
    const referral::Facts facts{.caused_by = each.caused_by.has_value() ? &*each.caused_by : nullptr};
    const referral::Decisions decisions = referral::Decide(compiled, each.parts, facts, each.at.value_or(now));
    for (size_t i = 0; i < each.categories.size(); ++i) {
      const auto decision = std::find_if(decisions.decisions.begin(), decisions.decisions.end(), [&](const SectionDecision& d) {
        return d.section_id() == each.parts.sections[i].section_id() && d.recipient() == each.recipient;
      });
      ACCORD_CHECK(decision != decisions.decisions.end());
      const Compared compared = Compare(each.expect, *decision, decisions.warnings);
      results.push_back({.name = each.name,
                         .category = each.categories[i],
                         .passed = compared.same,
                         .expected = fmt::format("{}", fmt::join(compared.expected, ", ")),
                         .got = fmt::format("{}", fmt::join(compared.got, ", ")),
                         .reason = decision->reason(),
                         .what_would_change_it = {decision->what_would_change_it().begin(), decision->what_would_change_it().end()}});
    }
  }
  return results;
}

}  // namespace accord::policy
