#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/referral/decision.h"
#include "common/referral/testing_parts.h"

namespace accord::referral {
namespace {

// Of random policies and referrals. A sanitizer, under which each takes ten times as long, sees each kind of round in a tenth of them.
#ifdef ACCORD_SANITIZED
constexpr int Rounds(int count) { return count / 10; }
#else
constexpr int Rounds(int count) { return count; }
#endif

using namespace testing;  // NOLINT

Decisions Decided(const PolicySources& policy, const HeaderParts& parts, const Facts& facts = {}) {
  return Decide(CompiledPolicy(policy), parts, facts, kNow);
}

// "idva:1=PERMIT agreement/test-1/to-idva" for each decision, in order.
std::string RuleOf(const Decisions& decisions, const std::string& recipient, Category category) {
  for (const auto& decision : decisions.decisions) {
    if (decision.recipient() == recipient && decision.category() == category) {
      return Verdict_Name(decision.verdict()).substr(8) + " " + decision.rule_id();
    }
  }
  return "none";
}

std::string RuleOf(const PolicySources& policy, const HeaderParts& parts, const std::string& recipient, Category category) {
  EXPECT_TRUE(ValidateParts(parts, false).ok()) << ValidateParts(parts, false);
  return RuleOf(Decided(policy, parts), recipient, category);
}
struct Case {
  const char* name;
  void (*change)(PolicySources&, HeaderParts&);
  const char* recipient;
  Category category;
  const char* expected;
};

// Shared without consent, with all that this needs.
void WithoutConsent(HeaderParts& parts, Gateway gateway) {
  parts.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  parts.tags[0].set_gateway(gateway);
  parts.tags[0].set_approver("sgt-1");
  AddRationale(parts);
}

void Limited(HeaderParts& parts) { parts.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); }

// A police request for counselling records that lacks nothing. The narrative that states it is its last section.
void MakeVictimInformationRequest(PolicySources& policy, HeaderParts& parts) {
  policy.agreements[0].routes[0].purposes.push_back(PURPOSE_VICTIM_INFORMATION_REQUEST);
  parts.core.set_type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
  parts.core.set_purpose(PURPOSE_VICTIM_INFORMATION_REQUEST);
  SectionPart& section = parts.sections.emplace_back();
  section.set_section_id(std::string(16, 'V'));
  section.set_category(CATEGORY_NARRATIVE);
  section.set_tag_id(parts.tags[0].tag_id());
  VictimInformationRequest& request = *parts.core.mutable_victim_information_request();
  request.add_sought(VICTIM_MATERIAL_COUNSELLING);
  request.set_statement_section(section.section_id());
  request.set_reasonable_line_of_enquiry(true);
  request.set_necessary_and_proportionate(true);
  request.set_notice(VICTIM_NOTICE_GIVEN);
  request.set_presumption_rebutted(true);
}

// Every reason that a rule may give, word for word: what people read is part of what is decided. `#` stands for the rules of
// agreements, `!` for those of emergency schedules.
const std::multimap<std::string_view, std::string_view> kReasons = {
    {"PERMIT #", "Permitted by the agreement; the person consents."},
    {"PERMIT #", "Permitted by the agreement; shared without consent under the recorded basis, rationale and approver."},
    {"PERMIT !", "Danger now: shared under the emergency schedule; the gap is queued for review."},
    {"NEEDS_BASIS #", "Under the agreement this goes only with the person's consent."},
    {"NEEDS_BASIS #", "Under the agreement this goes only on another lawful basis (UK GDPR Article 6)."},
    {"NEEDS_BASIS #", "Under the agreement this goes only under another condition of UK GDPR Article 9."},
    {"NEEDS_BASIS #", "Under the agreement this goes only under another condition for criminal-offence data (UK GDPR Article 10)."},
    {"NEEDS_BASIS always/lawful-basis", "No lawful basis (UK GDPR Article 6) is recorded."},
    {"NEEDS_BASIS always/lawful-basis", "The recorded lawful basis (UK GDPR Article 6) is not in force."},
    {"NEEDS_BASIS always/consent-or-basis", "The person has not consented to this, and what is needed to share without consent is not recorded."},
    {"NEEDS_BASIS always/ask-originator", "This came from another agency, which is asked before it goes further."},
    {"NEEDS_BASIS onward/ask-originator", "This was received from another agency, which is asked before it goes further."},
    {"WITHHOLD onward/never", "What was received under this agreement goes no further."},
    {"NEEDS_BASIS always/duty-to-refer-consent", "The duty to refer needs the person's consent and their choice of council (Housing Act 1996 s213B)."},
    {"NEEDS_BASIS always/duty-to-refer-choice", "The person chooses which council is notified (Housing Act 1996 s213B): more than one is addressed."},
    {"NEEDS_BASIS always/victim-information-incomplete",
     "A victim information request states what is sought, the line of enquiry, why it is necessary and proportionate, the notice to the victim and, for counselling records, why the presumption against is rebutted."},
    {"REFUSE always/immigration-enforcement", "Accord carries nothing for immigration enforcement."},
    {"REFUSE always/victim-information-request", "A police request for an investigation is a victim information request."},
    {"REFUSE always/victim-information-sender", "Only a police force makes a victim information request, and it is a request for information."},
    {"REFUSE always/victim-information-turned", "A victim information request never turns into anything else, nor anything else into one."},
    {"WITHHOLD always/confidential-address", "A refuge or confidential address is withheld unless the agreement names the route for it."},
    {"WITHHOLD always/duty-to-refer-england", "The duty to refer is law in England alone (Housing Act 1996 s213B)."},
    {"WITHHOLD always/duty-to-refer-recipient", "A duty-to-refer notice goes to a housing authority only."},
    {"WITHHOLD always/duty-to-refer-sender", "The duty to refer does not lie on this agency; it refers voluntarily."},
    {"WITHHOLD always/forum-members", "This agency also works with people who abuse: it has what concerns a Marac only as a named member of the forum."},
    {"WITHHOLD always/immigration-status", "Immigration status does not go to police."},
    {"WITHHOLD always/no-such-desk", "This agency has no confidential desk."},
    {"WITHHOLD always/originator-refused", "The agency this came from does not agree that it goes further."},
    {"WITHHOLD always/protective-list", "A protective rule applies to this recipient. Nothing more can be said here."},
    {"WITHHOLD always/recipient-unknown", "No active agency has this id."},
    {"WITHHOLD always/sender-unknown", "The sender is no active agency."},
    {"WITHHOLD always/works-at-agency", "Somebody concerned works at this agency: only its confidential desk may have it."},
    {"WITHHOLD default/no-agreement", "No data-sharing agreement is in force."},
    {"WITHHOLD default/no-route", "The agreement has no route for this category to this agency for this purpose."},
    {"WITHHOLD default/no-route", "The agreement's route for this asks for more than is recorded."},
};

bool IsReason(const SectionDecision& decision) {
  std::string rule = decision.rule_id();
  if (rule.starts_with("agreement/")) rule = "#";
  if (rule.starts_with("emergency/")) rule = "!";
  const auto [first, last] = kReasons.equal_range(Verdict_Name(decision.verdict()).substr(8) + " " + rule);
  return std::any_of(first, last, [&](const auto& row) { return row.second == decision.reason(); });
}

template <size_t kRows>
void Check(const Case (&table)[kRows]) {
  for (const Case& row : table) {
    PolicySources policy = SamplePolicy();
    HeaderParts parts = SampleParts();
    row.change(policy, parts);
    ASSERT_TRUE(ValidateParts(parts, false).ok()) << row.name << ": " << ValidateParts(parts, false);
    const Decisions decisions = Decided(policy, parts);
    EXPECT_EQ(RuleOf(decisions, row.recipient, row.category), row.expected) << row.name;
    for (const SectionDecision& decision : decisions.decisions) {
      EXPECT_TRUE(IsReason(decision)) << row.name << ": " << decision.ShortDebugString();
    }
  }
}

// No decision reads them; they are kept with what decides.
TEST(DecisionTest, OfClockAndCaseRulesTheNewestInForceCounts) {
  PolicySources sources;
  EXPECT_EQ(CompiledPolicy(sources).Clocks(kNow).version, DefaultClockRules().version);
  EXPECT_EQ(CompiledPolicy(sources).CaseRules(kNow).version, DefaultCaseRules().version);
  for (const auto& [version, from] : {std::pair("first", kNow - absl::Hours(1)), std::pair("later", kNow + absl::Hours(1))}) {
    auto& clocks = sources.clocks.emplace_back();
    clocks.version = version;
    clocks.effective_from = from;
    auto& cases = sources.cases.emplace_back();
    cases.version = version;
    cases.effective_from = from;
  }
  const CompiledPolicy policy(sources);
  EXPECT_EQ(policy.Clocks(kNow).version, "first");
  EXPECT_EQ(policy.CaseRules(kNow).version, "first");
  EXPECT_EQ(policy.ClocksOf("later", kNow).version, "later") << "by which a referral was timed";
  EXPECT_EQ(policy.ClocksOf("never", kNow).version, "first");
}

TEST(DecisionTest, Table) {
  const Case table[] = {
      {"route and consent", [](PolicySources&, HeaderParts&) {}, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"no route for the category", [](PolicySources&, HeaderParts&) {}, "housing", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"limits: no limit stated", [](PolicySources&, HeaderParts& r) { Limited(r); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: agency in scope", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_agencies("idva"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: agency out of scope", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_agencies("health"); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limits: agency in scope beside other kinds", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_agencies("idva"); r.tags[0].add_consent_kinds(AGENCY_KIND_HEALTH); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: agency excluded", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_excludes_agencies("idva"); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limits: another agency excluded", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_excludes_agencies("health"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: excluded though in scope", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_agencies("idva"); r.tags[0].add_consent_excludes_agencies("idva"); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limits: category excluded", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_excludes_categories(CATEGORY_RISK); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limits: another category excluded", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_excludes_categories(CATEGORY_HOUSING); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: purpose in scope", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_purposes(r.core.purpose()); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: purpose out of scope", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_purposes(PURPOSE_HEALTH_CARE); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"rationale claimed and absent", [](PolicySources&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); r.tags[0].set_rationale_present(true); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"rationale under another tag", [](PolicySources&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); AddRationale(r); r.tags.push_back(r.tags[0]); r.tags[1].set_tag_id(std::string(16, 'T')); r.sections.back().set_tag_id(r.tags[1].tag_id()); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CDA1998_S115 in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CDA1998_S115); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CDA1998_S115 in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CDA1998_S115); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CDA1998_S115 in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CDA1998_S115); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CDA1998_S115 in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CDA1998_S115); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CA1989_S47 in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA1989_S47); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CA1989_S47 in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA1989_S47); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CA1989_S47 in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA1989_S47); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CA1989_S47 in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA1989_S47); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"DVDS in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_DVDS); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"DVDS in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_DVDS); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"DVDS in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_DVDS); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"DVDS in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_DVDS); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"PCSCA2022_S44A in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_PCSCA2022_S44A); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"PCSCA2022_S44A in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_PCSCA2022_S44A); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"PCSCA2022_S44A in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_PCSCA2022_S44A); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"PCSCA2022_S44A in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_PCSCA2022_S44A); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CA2004_S11 in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA2004_S11); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CA2004_S11 in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA2004_S11); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CA2004_S11 in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA2004_S11); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CA2004_S11 in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA2004_S11); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CARE_ACT_S42_45 in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CARE_ACT_S42_45); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CARE_ACT_S42_45 in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CARE_ACT_S42_45); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CARE_ACT_S42_45 in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CARE_ACT_S42_45); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CARE_ACT_S42_45 in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CARE_ACT_S42_45); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"SSWBA2014_S128_130 in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_SSWBA2014_S128_130); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"SSWBA2014_S128_130 in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_SSWBA2014_S128_130); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"SSWBA2014_S128_130 in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_SSWBA2014_S128_130); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"SSWBA2014_S128_130 in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_SSWBA2014_S128_130); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CHSA2011_S60 in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CHSA2011_S60); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CHSA2011_S60 in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CHSA2011_S60); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CHSA2011_S60 in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CHSA2011_S60); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CHSA2011_S60 in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CHSA2011_S60); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"ASPA2007_S5 in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_ASPA2007_S5); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"ASPA2007_S5 in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_ASPA2007_S5); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"ASPA2007_S5 in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_ASPA2007_S5); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"ASPA2007_S5 in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_ASPA2007_S5); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CNIO1995_ART66 in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CNIO1995_ART66); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CNIO1995_ART66 in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CNIO1995_ART66); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CNIO1995_ART66 in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CNIO1995_ART66); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CNIO1995_ART66 in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CNIO1995_ART66); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COMMON_LAW_PUBLIC_INTEREST in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_COMMON_LAW_PUBLIC_INTEREST); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COMMON_LAW_PUBLIC_INTEREST in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_COMMON_LAW_PUBLIC_INTEREST); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COMMON_LAW_PUBLIC_INTEREST in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_COMMON_LAW_PUBLIC_INTEREST); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COMMON_LAW_PUBLIC_INTEREST in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_COMMON_LAW_PUBLIC_INTEREST); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COURT_ORDER in ENGLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_COURT_ORDER); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COURT_ORDER in WALES", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_COURT_ORDER); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COURT_ORDER in SCOTLAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_COURT_ORDER); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COURT_ORDER in NORTHERN_IRELAND", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_COURT_ORDER); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"third party: not asked", [](PolicySources&, HeaderParts& r) { r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/ask-originator"},
      {"third party: asked", [](PolicySources&, HeaderParts& r) { r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.sections[1].set_originator_agreement(ORIGINATOR_AGREEMENT_ASKED); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/ask-originator"},
      {"third party: agreed", [](PolicySources&, HeaderParts& r) { r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.sections[1].set_originator_agreement(ORIGINATOR_AGREEMENT_GIVEN); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"third party: refused", [](PolicySources&, HeaderParts& r) { r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.sections[1].set_originator_agreement(ORIGINATOR_AGREEMENT_REFUSED); }, "idva", CATEGORY_RISK, "WITHHOLD always/originator-refused"},
      {"third party: refused, danger now", [](PolicySources&, HeaderParts& r) { r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.core.set_urgency(URGENCY_IMMEDIATE); r.sections[1].set_originator_agreement(ORIGINATOR_AGREEMENT_REFUSED); }, "idva", CATEGORY_RISK, "WITHHOLD always/originator-refused"},
      {"third party: danger now", [](PolicySources&, HeaderParts& r) { r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"third party: goes back to it", [](PolicySources&, HeaderParts& r) { r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.sections[1].set_originator("idva"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"third party: is the sender", [](PolicySources&, HeaderParts& r) { r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.sections[1].set_originator("police"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"victim information: whole", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"victim information: no line of enquiry", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_reasonable_line_of_enquiry(false); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: not necessary", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_necessary_and_proportionate(false); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: notice would harm", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_notice(VICTIM_NOTICE_RISK_OF_HARM); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"victim information: counselling not rebutted", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_presumption_rebutted(false); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: medical needs no rebuttal", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_sought(0, VICTIM_MATERIAL_MEDICAL); request.set_presumption_rebutted(false); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"victim information: no narrative", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); r.sections.pop_back(); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: narrative is another", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_statement_section(std::string(16, 'W')); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: stated by another category", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); r.sections.back().set_category(CATEGORY_HOUSING); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: not asked by police", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); p.agencies["police"].kind = AGENCY_KIND_HEALTH; }, "idva", CATEGORY_RISK, "REFUSE always/victim-information-sender"},
      {"victim information: not a request", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); r.core.set_type(REFERRAL_TYPE_REFERRAL); }, "idva", CATEGORY_RISK, "REFUSE always/victim-information-sender"},
      {"victim information: turned into crime prevention", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); r.core.set_purpose(PURPOSE_CRIME_PREVENTION); }, "idva", CATEGORY_RISK, "REFUSE always/victim-information-request"},
      {"victim information: danger now waives none of it", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); r.core.set_urgency(URGENCY_IMMEDIATE); r.core.mutable_victim_information_request()->set_reasonable_line_of_enquiry(false); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: absent", [](PolicySources& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); r.core.clear_victim_information_request(); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"excluded: agency, this category", [](PolicySources&, HeaderParts& r) { auto& x = *r.subjects[0].add_exclusions(); x.set_agency("idva"); x.add_categories(CATEGORY_RISK); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"excluded: agency, another category", [](PolicySources&, HeaderParts& r) { auto& x = *r.subjects[0].add_exclusions(); x.set_agency("idva"); x.add_categories(CATEGORY_IDENTITY); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"excluded: kind, this category", [](PolicySources&, HeaderParts& r) { auto& x = *r.subjects[0].add_exclusions(); x.set_kind(AGENCY_KIND_IDVA); x.add_categories(CATEGORY_IDENTITY); x.add_categories(CATEGORY_RISK); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"excluded: another agency, this category", [](PolicySources&, HeaderParts& r) { auto& x = *r.subjects[0].add_exclusions(); x.set_agency("health"); x.add_categories(CATEGORY_RISK); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"excluded: this category, danger now", [](PolicySources&, HeaderParts& r) { auto& x = *r.subjects[0].add_exclusions(); r.core.set_urgency(URGENCY_IMMEDIATE); x.set_agency("idva"); x.add_categories(CATEGORY_RISK); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"sender's areas: not known is England", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_SSWBA2014_S128_130);  }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"sender's areas: Wales", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_SSWBA2014_S128_130); p.agencies["police"].areas = {"W06000015"}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"sender's areas: on both sides of the border", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_SSWBA2014_S128_130); p.agencies["police"].areas = {"E07000123", "W06000015"}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"sender's areas: Scotland", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_SSWBA2014_S128_130); p.agencies["police"].areas = {"S12000033"}; }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"sender's areas: what the referral says wins", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_SSWBA2014_S128_130); p.agencies["police"].areas = {"W06000015"}; r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"no agreement", [](PolicySources& p, HeaderParts&) { p.agreements.clear(); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"agreement not yet in force", [](PolicySources& p, HeaderParts&) { p.agreements[0].effective_from = kNow + absl::Seconds(1); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"agreement expired", [](PolicySources& p, HeaderParts&) { p.agreements[0].expires = kNow; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"sender is no party", [](PolicySources& p, HeaderParts&) { p.agreements[0].parties = {"idva", "housing"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"recipient is no party", [](PolicySources& p, HeaderParts&) { p.agreements[0].parties = {"police", "housing"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"other purpose", [](PolicySources&, HeaderParts& r) { r.core.set_purpose(PURPOSE_HEALTH_CARE); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"sender of another kind", [](PolicySources& p, HeaderParts&) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"sender inactive", [](PolicySources& p, HeaderParts&) { p.agencies["police"].active = false; }, "idva", CATEGORY_RISK, "WITHHOLD always/sender-unknown"},
      {"recipient inactive", [](PolicySources&, HeaderParts& r) { r.recipients[0].set_agency("closed"); }, "closed", CATEGORY_RISK, "WITHHOLD always/recipient-unknown"},
      {"recipient unknown", [](PolicySources&, HeaderParts& r) { r.recipients[0].set_agency("nobody"); }, "nobody", CATEGORY_RISK, "WITHHOLD always/recipient-unknown"},
      {"grade below the route's", [](PolicySources& p, HeaderParts& r) { p.agreements[0].routes[0].min_grade = RISK_GRADE_HIGH; r.core.mutable_risk()->set_grade(RISK_GRADE_MEDIUM); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"grade at the route's", [](PolicySources& p, HeaderParts& r) { p.agreements[0].routes[0].min_grade = RISK_GRADE_HIGH; r.core.mutable_risk()->set_grade(RISK_GRADE_HIGH); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"another forum", [](PolicySources& p, HeaderParts& r) { p.agreements[0].routes[0].forum = "marac-a"; r.core.set_forum("marac-b"); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"the forum", [](PolicySources& p, HeaderParts& r) { p.agreements[0].routes[0].forum = "marac-a"; r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"consent refused", [](PolicySources&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"refused, gateway alone", [](PolicySources&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"refused, gateway and rationale", [](PolicySources&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); AddRationale(r); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"refused, gateway, rationale, approver", [](PolicySources&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); AddRationale(r); r.tags[0].set_approver("sgt-1"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"the route needs consent", [](PolicySources& p, HeaderParts& r) { p.agreements[0].routes[0].needs_consent = true; r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); AddRationale(r); r.tags[0].set_approver("sgt-1"); }, "idva", CATEGORY_RISK, "NEEDS_BASIS agreement/test-1/to-idva"},
      {"withdrawn", [](PolicySources&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_WITHDRAWN); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"no lawful basis", [](PolicySources&, HeaderParts& r) { r.tags[0].clear_article6(); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/lawful-basis"},
      {"limit: not this kind", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_excludes_kinds(AGENCY_KIND_IDVA); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limit: another kind", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_excludes_kinds(AGENCY_KIND_POLICE); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limit: only other categories", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_categories(CATEGORY_HOUSING); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limit: only other kinds", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_kinds(AGENCY_KIND_HOUSING); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"excluded agency", [](PolicySources&, HeaderParts& r) { r.subjects[0].add_exclusions()->set_agency("idva"); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"excluded kind", [](PolicySources&, HeaderParts& r) { r.subjects[0].add_exclusions()->set_kind(AGENCY_KIND_IDVA); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"excluded agency, and it is closed", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].active = false; r.subjects[0].add_exclusions()->set_agency("idva"); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"excluded agency, and nobody has the id", [](PolicySources&, HeaderParts& r) { r.recipients[0].set_agency("nobody"); r.subjects[0].add_exclusions()->set_agency("nobody"); }, "nobody", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"worker with a conflict, and nobody has the recipient's id", [](PolicySources& p, HeaderParts& r) { r.recipients[0].set_agency("nobody"); p.conflicts["police"].insert("pc-1"); }, "nobody", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"another kind excluded", [](PolicySources&, HeaderParts& r) { r.subjects[0].add_exclusions()->set_kind(AGENCY_KIND_HEALTH); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"another agency excluded", [](PolicySources&, HeaderParts& r) { r.subjects[0].add_exclusions()->set_agency("health"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"excluded, and danger now", [](PolicySources&, HeaderParts& r) { r.core.set_urgency(URGENCY_IMMEDIATE); r.subjects[0].add_exclusions()->set_agency("idva"); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"worker with a conflict", [](PolicySources& p, HeaderParts&) { p.conflicts["police"].insert("pc-1"); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"another worker's conflict", [](PolicySources& p, HeaderParts&) { p.conflicts["police"].insert("pc-2"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"another agency's conflict", [](PolicySources& p, HeaderParts&) { p.conflicts["idva"].insert("pc-1"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"works at the recipient", [](PolicySources&, HeaderParts& r) { r.subjects[0].set_works_at("idva"); }, "idva", CATEGORY_RISK, "WITHHOLD always/works-at-agency"},
      {"works elsewhere", [](PolicySources&, HeaderParts& r) { r.subjects[0].set_works_at("health"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"works there, and it is closed", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].active = false; r.subjects[0].set_works_at("idva"); }, "idva", CATEGORY_RISK, "WITHHOLD always/works-at-agency"},
      {"works there, confidential desk", [](PolicySources&, HeaderParts& r) { r.subjects[0].set_works_at("idva"); r.recipients[0].set_desk(DESK_CONFIDENTIAL); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"immigration enforcement", [](PolicySources&, HeaderParts& r) { r.core.set_purpose(PURPOSE_IMMIGRATION_ENFORCEMENT); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "REFUSE always/immigration-enforcement"},
      {"immigration status to police", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].kind = AGENCY_KIND_POLICE; r.sections[1].set_category(CATEGORY_IMMIGRATION_STATUS); }, "idva", CATEGORY_IMMIGRATION_STATUS, "WITHHOLD always/immigration-status"},
      {"immigration status for support", [](PolicySources&, HeaderParts& r) { r.sections[1].set_category(CATEGORY_IMMIGRATION_STATUS); }, "idva", CATEGORY_IMMIGRATION_STATUS, "PERMIT agreement/test-1/to-idva"},
      {"confidential address", [](PolicySources&, HeaderParts& r) { r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "WITHHOLD always/confidential-address"},
      {"confidential address, named route", [](PolicySources& p, HeaderParts& r) { p.agreements[0].routes[0].confidential_address = true; r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "PERMIT agreement/test-1/to-idva"},
      {"confidential address, danger now", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); r.core.set_urgency(URGENCY_IMMEDIATE); r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "WITHHOLD always/confidential-address"},
      {"danger now, no agreement", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/emergency-1"},
      {"danger now, basis lacking", [](PolicySources&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/emergency-1"},
      {"danger now, category not in the schedule", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_HOUSING, "WITHHOLD default/no-agreement"},
      {"danger now, kind not in the schedule", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); r.core.set_urgency(URGENCY_IMMEDIATE); }, "housing", CATEGORY_IDENTITY, "WITHHOLD default/no-agreement"},
      {"duty to refer from police", [](PolicySources&, HeaderParts& r) { r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); }, "housing", CATEGORY_IDENTITY, "WITHHOLD always/duty-to-refer-sender"},
      {"duty to refer, in Wales as stated", [](PolicySources& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; p.agencies["police"].areas = {"E06000047"}; r.core.set_jurisdiction(JURISDICTION_WALES); r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); }, "housing", CATEGORY_IDENTITY, "WITHHOLD always/duty-to-refer-england"},
      {"duty to refer, in Wales as the sender's areas are", [](PolicySources& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; p.agencies["police"].areas = {"W06000015"}; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); }, "housing", CATEGORY_IDENTITY, "WITHHOLD always/duty-to-refer-england"},
      {"duty to refer, with areas on both sides of the border", [](PolicySources& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; p.agencies["police"].areas = {"W06000015", "E06000047"}; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE); }, "housing", CATEGORY_IDENTITY, "NEEDS_BASIS always/duty-to-refer-consent"},
      {"duty to refer to an Idva", [](PolicySources& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); }, "idva", CATEGORY_IDENTITY, "WITHHOLD always/duty-to-refer-recipient"},
      {"duty to refer without consent", [](PolicySources& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE); }, "housing", CATEGORY_IDENTITY, "NEEDS_BASIS always/duty-to-refer-consent"},
      {"duty to refer with consent", [](PolicySources& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; p.agreements[0].routes[1].from_kinds = {AGENCY_KIND_HEALTH}; p.agreements[0].routes[1].purposes = {PURPOSE_HOUSING_DUTY_TO_REFER}; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); }, "housing", CATEGORY_IDENTITY, "PERMIT agreement/test-1/to-housing"},
      {"sender inactive, danger now", [](PolicySources& p, HeaderParts& r) { p.agencies["police"].active = false; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "WITHHOLD always/sender-unknown"},
      {"sender inactive, named by the route", [](PolicySources& p, HeaderParts&) { p.agencies["police"].active = false; p.agreements[0].routes[0].from_agencies = {"police"}; }, "idva", CATEGORY_RISK, "WITHHOLD always/sender-unknown"},
      {"confidential desk that is not there", [](PolicySources&, HeaderParts& r) { r.recipients[1].set_desk(DESK_CONFIDENTIAL); }, "housing", CATEGORY_HOUSING, "WITHHOLD always/no-such-desk"},
      {"works there, no confidential desk", [](PolicySources&, HeaderParts& r) { r.subjects[0].set_works_at("housing"); r.recipients[1].set_desk(DESK_CONFIDENTIAL); }, "housing", CATEGORY_HOUSING, "WITHHOLD always/no-such-desk"},
      {"consent by the alleged perpetrator", [](PolicySources&, HeaderParts& r) { r.tags[0].set_consent_by(SUBJECT_ROLE_ALLEGED_PERPETRATOR); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"approver and rationale without gateway", [](PolicySources&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); AddRationale(r); r.tags[0].set_approver("sgt-1"); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"gateway that rests on consent", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_HA1996_S213B); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"gateway not commenced", [](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA2004_S16LA); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"gateway that the route names", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA2004_S16LA); p.agreements[0].routes[0].gateways = {GATEWAY_CA2004_S16LA}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"gateway that the route does not name", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_CDA1998_S115); p.agreements[0].routes[0].gateways = {GATEWAY_CA2004_S11}; }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"basis overrides a limit", [](PolicySources&, HeaderParts& r) { Limited(r); r.tags[0].add_consent_excludes_kinds(AGENCY_KIND_IDVA); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); AddRationale(r); r.tags[0].set_approver("sgt-1"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"another route permits what one does not", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_CDA1998_S115); Route strict = p.agreements[0].routes[0]; strict.id = "a-strict"; strict.needs_consent = true; strict.confidential_address = true; p.agreements[0].routes.push_back(strict); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"confidential address on the consent route alone, refused", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_CDA1998_S115); r.sections[1].set_confidential_address(true); Route strict = p.agreements[0].routes[0]; strict.id = "z-strict"; strict.needs_consent = true; strict.confidential_address = true; p.agreements[0].routes.push_back(strict); }, "idva", CATEGORY_RISK, "NEEDS_BASIS agreement/test-1/z-strict"},
      {"confidential address, danger now, the route does not name it", [](PolicySources&, HeaderParts& r) { r.core.set_urgency(URGENCY_IMMEDIATE); r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "WITHHOLD always/confidential-address"},
      {"confidential address, danger now, the route names it, basis lacking", [](PolicySources& p, HeaderParts& r) { p.agreements[0].routes[0].confidential_address = true; r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE); r.core.set_urgency(URGENCY_IMMEDIATE); r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "PERMIT emergency/emergency-1"},
      {"danger now, all in order", [](PolicySources&, HeaderParts& r) { r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"danger now, immigration status to police", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].kind = AGENCY_KIND_POLICE; p.schedules.emplace_back().categories.push_back(CATEGORY_IMMIGRATION_STATUS); r.core.set_urgency(URGENCY_IMMEDIATE); r.sections[1].set_category(CATEGORY_IMMIGRATION_STATUS); }, "idva", CATEGORY_IMMIGRATION_STATUS, "WITHHOLD always/immigration-status"},
      {"danger now, works there", [](PolicySources&, HeaderParts& r) { r.subjects[0].set_works_at("idva"); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "WITHHOLD always/works-at-agency"},
      {"danger now, duty to refer without consent", [](PolicySources& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; p.schedules.emplace_back().recipients.push_back({AGENCY_KIND_HOUSING, {}}); r.core.set_urgency(URGENCY_IMMEDIATE); r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); }, "housing", CATEGORY_IDENTITY, "NEEDS_BASIS always/duty-to-refer-consent"},
      {"duty to refer, consent not to housing", [](PolicySources& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); Limited(r); r.tags[0].add_consent_excludes_kinds(AGENCY_KIND_HOUSING); }, "housing", CATEGORY_IDENTITY, "NEEDS_BASIS always/duty-to-refer-consent"},
      {"a deputy is decided for itself", [](PolicySources& p, HeaderParts& r) { p.agencies["deputy"] = {AGENCY_KIND_IDVA, true, false}; p.agreements[0].parties.push_back("deputy"); r.recipients.push_back(r.recipients[0]); r.recipients[2].set_agency("deputy"); r.recipients[2].set_capacity(RECIPIENT_CAPACITY_DEPUTY); r.recipients[2].set_on_behalf_of("idva"); r.subjects[0].add_exclusions()->set_agency("deputy"); }, "deputy", CATEGORY_RISK, "WITHHOLD always/protective-list"},
  };
  Check(table);
}

Route& First(PolicySources& policy) { return policy.agreements[0].routes[0]; }

absl::Time Ago(int days) { return kNow - absl::Hours(24 * days); }

TEST(DecisionTest, RoutesOpenOnlyUnderTheirConditions) {
  const Case table[] = {
      {"area: both have it", [](PolicySources& p, HeaderParts&) { First(p).areas = {"E08000001"}; p.agencies["police"].areas = p.agencies["idva"].areas = {"E08000001"}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"area: each has one of them", [](PolicySources& p, HeaderParts&) { First(p).areas = {"E08000001", "E08000002"}; p.agencies["police"].areas = {"E08000001"}; p.agencies["idva"].areas = {"E08000002"}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"area: the sender is elsewhere", [](PolicySources& p, HeaderParts&) { First(p).areas = {"E08000001"}; p.agencies["police"].areas = {"E08000009"}; p.agencies["idva"].areas = {"E08000001"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"area: the recipient is elsewhere", [](PolicySources& p, HeaderParts&) { First(p).areas = {"E08000001"}; p.agencies["police"].areas = {"E08000001"}; p.agencies["idva"].areas = {"E08000009"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"area: not known", [](PolicySources& p, HeaderParts&) { First(p).areas = {"E08000001"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"specialism: offered", [](PolicySources& p, HeaderParts&) { First(p).specialisms = {"hospital_idva", "court_idva"}; p.agencies["idva"].specialisms = {"court_idva"}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"specialism: another", [](PolicySources& p, HeaderParts&) { First(p).specialisms = {"hospital_idva"}; p.agencies["idva"].specialisms = {"court_idva"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"specialism: the sender's does not count", [](PolicySources& p, HeaderParts&) { First(p).specialisms = {"hospital_idva"}; p.agencies["police"].specialisms = {"hospital_idva"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"instrument: named", [](PolicySources& p, HeaderParts& r) { First(p).instruments = {INSTRUMENT_DARA, INSTRUMENT_POLICE_DASH_2009}; r.core.mutable_risk()->set_instrument(INSTRUMENT_DARA); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"instrument: another", [](PolicySources& p, HeaderParts& r) { First(p).instruments = {INSTRUMENT_DARA}; r.core.mutable_risk()->set_instrument(INSTRUMENT_S_DASH); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"instrument: none", [](PolicySources& p, HeaderParts&) { First(p).instruments = {INSTRUMENT_DARA}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"grade: at the least", [](PolicySources& p, HeaderParts& r) { First(p).min_grade = RISK_GRADE_MEDIUM; r.core.mutable_risk()->set_grade(RISK_GRADE_MEDIUM); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"grade: below the least", [](PolicySources& p, HeaderParts& r) { First(p).min_grade = RISK_GRADE_MEDIUM; r.core.mutable_risk()->set_grade(RISK_GRADE_STANDARD); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"grade: not assessed", [](PolicySources& p, HeaderParts&) { First(p).min_grade = RISK_GRADE_STANDARD; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"grade: at the most", [](PolicySources& p, HeaderParts& r) { First(p).max_grade = RISK_GRADE_MEDIUM; r.core.mutable_risk()->set_grade(RISK_GRADE_MEDIUM); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"grade: above the most", [](PolicySources& p, HeaderParts& r) { First(p).max_grade = RISK_GRADE_MEDIUM; r.core.mutable_risk()->set_grade(RISK_GRADE_HIGH); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"score: at the least", [](PolicySources& p, HeaderParts& r) { First(p).min_score = 14; r.core.mutable_risk()->set_score(14); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"score: one below", [](PolicySources& p, HeaderParts& r) { First(p).min_score = 14; r.core.mutable_risk()->set_score(13); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"score: at the most", [](PolicySources& p, HeaderParts& r) { First(p).max_score = 14; r.core.mutable_risk()->set_score(14); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"score: one above", [](PolicySources& p, HeaderParts& r) { First(p).max_score = 14; r.core.mutable_risk()->set_score(15); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"score: none fits no band", [](PolicySources& p, HeaderParts&) { First(p).min_score = 0; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"score: none fits no band from above", [](PolicySources& p, HeaderParts&) { First(p).max_score = 24; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"score: nought is a score", [](PolicySources& p, HeaderParts& r) { First(p).min_score = 0; r.core.mutable_risk()->set_score(0); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"forum: the one", [](PolicySources& p, HeaderParts& r) { First(p).forum = "marac-a"; r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"forum: another", [](PolicySources& p, HeaderParts& r) { First(p).forum = "marac-a"; r.core.set_forum("marac-b"); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"forum: none", [](PolicySources& p, HeaderParts&) { First(p).forum = "marac-a"; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"to the members of a forum", [](PolicySources& p, HeaderParts& r) { First(p).to_kinds = {}; First(p).to_forums = {"marac-a"}; p.forums["marac-a"].members = {"idva"}; r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"to the members of a forum, for another", [](PolicySources& p, HeaderParts& r) { First(p).to_kinds = {}; First(p).to_forums = {"marac-a"}; p.forums["marac-a"].members = p.forums["marac-b"].members = {"idva"}; r.core.set_forum("marac-b"); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"to the members of a forum, one that is none", [](PolicySources& p, HeaderParts& r) { First(p).to_kinds = {}; First(p).to_forums = {"marac-a"}; p.forums["marac-a"].members = {"health"}; r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"to the members of a forum that is not there", [](PolicySources& p, HeaderParts& r) { First(p).to_kinds = {}; First(p).to_forums = {"marac-a"}; r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"to the members of a forum, none named", [](PolicySources& p, HeaderParts&) { First(p).to_kinds = {}; First(p).to_forums = {"marac-a"}; p.forums["marac-a"].members = {"idva"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"Article 6: one of the list", [](PolicySources& p, HeaderParts&) { First(p).article6 = {ARTICLE6_BASIS_LEGAL_OBLIGATION, ARTICLE6_BASIS_PUBLIC_TASK}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"Article 6: another", [](PolicySources& p, HeaderParts&) { First(p).article6 = {ARTICLE6_BASIS_LEGAL_OBLIGATION}; }, "idva", CATEGORY_RISK, "NEEDS_BASIS agreement/test-1/to-idva"},
      {"Article 9: one of the list", [](PolicySources& p, HeaderParts& r) { First(p).article9 = {ARTICLE9_CONDITION_SAFEGUARDING}; r.tags[0].set_article9(ARTICLE9_CONDITION_SAFEGUARDING); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"Article 9: another", [](PolicySources& p, HeaderParts& r) { First(p).article9 = {ARTICLE9_CONDITION_SAFEGUARDING}; r.tags[0].set_article9(ARTICLE9_CONDITION_LEGAL_CLAIMS); }, "idva", CATEGORY_RISK, "NEEDS_BASIS agreement/test-1/to-idva"},
      {"Article 9: none", [](PolicySources& p, HeaderParts&) { First(p).article9 = {ARTICLE9_CONDITION_SAFEGUARDING}; }, "idva", CATEGORY_RISK, "NEEDS_BASIS agreement/test-1/to-idva"},
      {"criminal offence: one of the list", [](PolicySources& p, HeaderParts& r) { First(p).criminal_offence = {ARTICLE9_CONDITION_UNLAWFUL_ACTS}; r.tags[0].set_criminal_offence(ARTICLE9_CONDITION_UNLAWFUL_ACTS); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"criminal offence: another", [](PolicySources& p, HeaderParts& r) { First(p).criminal_offence = {ARTICLE9_CONDITION_UNLAWFUL_ACTS}; r.tags[0].set_criminal_offence(ARTICLE9_CONDITION_SAFEGUARDING); }, "idva", CATEGORY_RISK, "NEEDS_BASIS agreement/test-1/to-idva"},
      {"criminal offence: none, though Article 9 has it", [](PolicySources& p, HeaderParts& r) { First(p).criminal_offence = {ARTICLE9_CONDITION_UNLAWFUL_ACTS}; r.tags[0].set_article9(ARTICLE9_CONDITION_UNLAWFUL_ACTS); }, "idva", CATEGORY_RISK, "NEEDS_BASIS agreement/test-1/to-idva"},
      {"criminal offence lacks, danger now", [](PolicySources& p, HeaderParts& r) { First(p).criminal_offence = {ARTICLE9_CONDITION_UNLAWFUL_ACTS}; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/emergency-1"},
      {"condition unmet, danger now", [](PolicySources& p, HeaderParts& r) { First(p).min_grade = RISK_GRADE_HIGH; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/emergency-1"},
      {"Article 9 lacks, danger now", [](PolicySources& p, HeaderParts& r) { First(p).article9 = {ARTICLE9_CONDITION_SAFEGUARDING}; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/emergency-1"},
      {"condition unmet, danger now, not in the schedule", [](PolicySources& p, HeaderParts& r) { First(p).min_grade = RISK_GRADE_HIGH; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_HOUSING, "WITHHOLD default/no-route"},
      {"condition unmet, danger now, confidential address", [](PolicySources& p, HeaderParts& r) { First(p).min_grade = RISK_GRADE_HIGH; r.core.set_urgency(URGENCY_IMMEDIATE); r.sections[1].set_confidential_address(true); }, "idva", CATEGORY_RISK, "WITHHOLD always/confidential-address"},
      {"a route without the condition stands beside it", [](PolicySources& p, HeaderParts&) { Route open = First(p); open.id = "z-open"; First(p).min_grade = RISK_GRADE_HIGH; p.agreements[0].routes.push_back(open); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/z-open"},
      {"from another agency of no listed kind", [](PolicySources& p, HeaderParts&) { First(p).from_kinds = {AGENCY_KIND_HEALTH}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"from the agency by name", [](PolicySources& p, HeaderParts&) { First(p).from_kinds = {}; First(p).from_agencies = {"police"}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"to the agency by name", [](PolicySources& p, HeaderParts&) { First(p).to_kinds = {}; First(p).to_agencies = {"idva"}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
  };
  Check(table);
}

TEST(DecisionTest, TheLawHoldsWhereAndFromWhenTheRegisterSays) {
  const Case table[] = {
      {"recognised legitimate interest has come", [](PolicySources&, HeaderParts& r) { r.tags[0].set_article6(ARTICLE6_BASIS_RECOGNISED_LEGITIMATE_INTEREST); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"basis: legal obligation", [](PolicySources&, HeaderParts& r) { r.tags[0].set_article6(ARTICLE6_BASIS_LEGAL_OBLIGATION); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"basis: vital interests", [](PolicySources&, HeaderParts& r) { r.tags[0].set_article6(ARTICLE6_BASIS_VITAL_INTERESTS); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"basis: legitimate interests", [](PolicySources&, HeaderParts& r) { r.tags[0].set_article6(ARTICLE6_BASIS_LEGITIMATE_INTERESTS); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"basis: consent", [](PolicySources&, HeaderParts& r) { r.tags[0].set_article6(ARTICLE6_BASIS_CONSENT); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"basis not in the register", [](PolicySources& p, HeaderParts&) { LegalRegister& law = p.laws.emplace_back(); law.bases = {{.article6 = ARTICLE6_BASIS_CONSENT}}; }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/lawful-basis"},
      {"basis from tomorrow", [](PolicySources& p, HeaderParts&) { LegalRegister& law = p.laws.emplace_back(); law.bases = {{.article6 = ARTICLE6_BASIS_PUBLIC_TASK, .from = Ago(-1)}}; }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/lawful-basis"},
      {"basis from now", [](PolicySources& p, HeaderParts&) { LegalRegister& law = p.laws.emplace_back(); law.bases = {{.article6 = ARTICLE6_BASIS_PUBLIC_TASK, .from = kNow}}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"basis until now", [](PolicySources& p, HeaderParts&) { LegalRegister& law = p.laws.emplace_back(); law.bases = {{.article6 = ARTICLE6_BASIS_PUBLIC_TASK, .until = kNow}}; }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/lawful-basis"},
      {"a register for tomorrow changes nothing today", [](PolicySources& p, HeaderParts&) { LegalRegister& law = p.laws.emplace_back(); law.effective_from = Ago(-1); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"the newer register is the law", [](PolicySources& p, HeaderParts&) { p.laws.push_back(DefaultLegalRegister()); p.laws.back().effective_from = Ago(9); p.laws.emplace_back().effective_from = Ago(1); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/lawful-basis"},
      {"the newer register is the law, however they stand", [](PolicySources& p, HeaderParts&) { p.laws.emplace_back().effective_from = Ago(1); p.laws.push_back(DefaultLegalRegister()); p.laws.back().effective_from = Ago(9); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/lawful-basis"},
      {"gateway from tomorrow", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA1989_S47); p.laws.push_back(DefaultLegalRegister()); for (auto& row : p.laws[0].gateways) row.from = Ago(-1); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"gateway from now", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA1989_S47); p.laws.push_back(DefaultLegalRegister()); for (auto& row : p.laws[0].gateways) row.from = kNow; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"gateway until now", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA1989_S47); p.laws.push_back(DefaultLegalRegister()); for (auto& row : p.laws[0].gateways) row.until = kNow; }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"gateway that the register lacks", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA1989_S47); p.laws.push_back(DefaultLegalRegister()); p.laws[0].gateways.clear(); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"gateway that the register has commenced", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA2004_S16LA); p.laws.push_back(DefaultLegalRegister()); for (auto& row : p.laws[0].gateways) row.by_itself = true; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"gateway named by the route, not yet law", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA2004_S16LA); First(p).gateways = {GATEWAY_CA2004_S16LA}; p.laws.push_back(DefaultLegalRegister()); for (auto& row : p.laws[0].gateways) row.from = Ago(-1); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"gateway of two rows, one of which holds", [](PolicySources& p, HeaderParts& r) { WithoutConsent(r, GATEWAY_CA1989_S47); p.laws.push_back(DefaultLegalRegister()); p.laws[0].gateways = {{.gateway = GATEWAY_CA1989_S47, .jurisdictions = {JURISDICTION_WALES}}, {.gateway = GATEWAY_CA1989_S47, .jurisdictions = {JURISDICTION_ENGLAND}}}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"basis not in force, danger now", [](PolicySources& p, HeaderParts& r) { p.laws.emplace_back(); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/emergency-1"},
  };
  Check(table);
}

TEST(DecisionTest, AgreementsFollowEachOtherAndStandBesideEachOther) {
  const Case table[] = {
      {"not yet", [](PolicySources& p, HeaderParts&) { p.agreements[0].effective_from = Ago(-1); p.agreements[0].expires = Ago(-2); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"from now", [](PolicySources& p, HeaderParts&) { p.agreements[0].effective_from = kNow; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"until now", [](PolicySources& p, HeaderParts&) { p.agreements[0].expires = kNow; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"the newer version is live", [](PolicySources& p, HeaderParts&) { p.agreements.push_back(p.agreements[0]); p.agreements[1].version = "test-2"; p.agreements[1].effective_from += absl::Minutes(1); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-2/to-idva"},
      {"the newer version is live, however they stand", [](PolicySources& p, HeaderParts&) { p.agreements.push_back(p.agreements[0]); p.agreements[0].version = "test-2"; p.agreements[0].effective_from += absl::Minutes(1); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-2/to-idva"},
      {"a version to come changes nothing yet", [](PolicySources& p, HeaderParts&) { p.agreements.push_back(p.agreements[0]); p.agreements[1].version = "test-2"; p.agreements[1].effective_from = Ago(-1); p.agreements[1].expires = Ago(-9); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"what the newer version dropped is gone", [](PolicySources& p, HeaderParts&) { p.agreements.push_back(p.agreements[0]); p.agreements[1].version = "test-2"; p.agreements[1].effective_from += absl::Minutes(1); p.agreements[1].routes.erase(p.agreements[1].routes.begin()); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"a newer version that ran out does not bring the older back", [](PolicySources& p, HeaderParts&) { p.agreements.push_back(p.agreements[0]); p.agreements[1].version = "test-2"; p.agreements[1].effective_from += absl::Minutes(1); p.agreements[1].expires = kNow; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"of two versions from the same time the later in the list", [](PolicySources& p, HeaderParts&) { p.agreements.push_back(p.agreements[0]); p.agreements[1].version = "test-2"; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-2/to-idva"},
      {"another agreement permits what this one does not", [](PolicySources& p, HeaderParts&) { p.agreements.push_back(p.agreements[0]); p.agreements[1].id = "area-b"; p.agreements[1].version = "b-1"; p.agreements[0].routes.erase(p.agreements[0].routes.begin()); }, "idva", CATEGORY_RISK, "PERMIT agreement/b-1/to-idva"},
      {"two agreements permit: the first by name", [](PolicySources& p, HeaderParts&) { p.agreements.push_back(p.agreements[0]); p.agreements[1].id = "area-b"; p.agreements[1].version = "b-1"; }, "idva", CATEGORY_RISK, "PERMIT agreement/b-1/to-idva"},
      {"two agreements permit: the one without need of consent", [](PolicySources& p, HeaderParts&) { p.agreements.push_back(p.agreements[0]); p.agreements[1].id = "area-b"; p.agreements[1].version = "b-1"; p.agreements[1].routes[0].needs_consent = true; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"one of two ran out", [](PolicySources& p, HeaderParts&) { p.agreements.push_back(p.agreements[0]); p.agreements[1].id = "area-b"; p.agreements[1].version = "b-1"; p.agreements[0].expires = kNow; }, "idva", CATEGORY_RISK, "PERMIT agreement/b-1/to-idva"},
      {"sender party to one, recipient to the other", [](PolicySources& p, HeaderParts&) { p.agreements.push_back(p.agreements[0]); p.agreements[1].id = "area-b"; p.agreements[1].version = "b-1"; p.agreements[0].parties = {"police", "housing"}; p.agreements[1].parties = {"idva", "housing"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"no agreement, danger now", [](PolicySources& p, HeaderParts& r) { p.agreements[0].expires = kNow; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/emergency-1"},
  };
  Check(table);
}

TEST(DecisionTest, AForumReachesThoseWhoAlsoWorkWithPerpetratorsAsMembersAlone) {
  const Case table[] = {
      {"member", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].works_with_perpetrators = true; p.forums["marac-a"].members = {"idva"}; r.core.set_purpose(PURPOSE_MARAC); r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"no member", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].works_with_perpetrators = true; p.forums["marac-a"].members = {"health"}; r.core.set_purpose(PURPOSE_MARAC); r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "WITHHOLD always/forum-members"},
      {"member of another", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].works_with_perpetrators = true; p.forums["marac-b"].members = {"idva"}; r.core.set_purpose(PURPOSE_MARAC); r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "WITHHOLD always/forum-members"},
      {"no forum named", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].works_with_perpetrators = true; p.forums["marac-a"].members = {"idva"}; r.core.set_purpose(PURPOSE_MARAC); }, "idva", CATEGORY_RISK, "WITHHOLD always/forum-members"},
      {"no forum is known", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].works_with_perpetrators = true; r.core.set_purpose(PURPOSE_MARAC); r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "WITHHOLD always/forum-members"},
      {"a forum named for another purpose", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].works_with_perpetrators = true; r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "WITHHOLD always/forum-members"},
      {"no forum concerned", [](PolicySources& p, HeaderParts&) { p.agencies["idva"].works_with_perpetrators = true; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"one that does not work with them needs no membership", [](PolicySources&, HeaderParts& r) { r.core.set_purpose(PURPOSE_MARAC); r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"probation always works with them", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].kind = AGENCY_KIND_PROBATION; First(p).to_kinds = {AGENCY_KIND_PROBATION}; r.core.set_purpose(PURPOSE_MARAC); r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "WITHHOLD always/forum-members"},
      {"probation as a member", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].kind = AGENCY_KIND_PROBATION; First(p).to_kinds = {AGENCY_KIND_PROBATION}; p.forums["marac-a"].members = {"idva"}; r.core.set_purpose(PURPOSE_MARAC); r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"danger now waives none of it", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].works_with_perpetrators = true; r.core.set_purpose(PURPOSE_MARAC); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "WITHHOLD always/forum-members"},
      {"whom a list protects from is not told so by it", [](PolicySources& p, HeaderParts& r) { p.agencies["idva"].works_with_perpetrators = true; r.core.set_purpose(PURPOSE_MARAC); r.subjects[0].add_exclusions()->set_agency("idva"); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
  };
  Check(table);
}

// A duty-to-refer notice from a hospital to two councils.
void TwoCouncils(PolicySources& policy, HeaderParts& parts) {
  policy.agencies["police"].kind = AGENCY_KIND_HEALTH;
  policy.agencies["council"] = {AGENCY_KIND_HOUSING, true, false};
  policy.agreements[0].parties.push_back("council");
  policy.agreements[0].routes[1].from_kinds = {AGENCY_KIND_HEALTH};
  policy.agreements[0].routes[1].purposes = {PURPOSE_HOUSING_DUTY_TO_REFER};
  parts.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER);
  parts.recipients[0].set_agency("council");
}

TEST(DecisionTest, ThePersonChoosesTheCouncil) {
  const Case table[] = {
      {"two councils, none chosen", [](PolicySources& p, HeaderParts& r) { TwoCouncils(p, r); }, "housing", CATEGORY_IDENTITY, "NEEDS_BASIS always/duty-to-refer-choice"},
      {"two councils, this one chosen", [](PolicySources& p, HeaderParts& r) { TwoCouncils(p, r); Limited(r); r.tags[0].add_consent_agencies("housing"); }, "housing", CATEGORY_IDENTITY, "PERMIT agreement/test-1/to-housing"},
      {"two councils, the other chosen", [](PolicySources& p, HeaderParts& r) { TwoCouncils(p, r); Limited(r); r.tags[0].add_consent_agencies("council"); }, "housing", CATEGORY_IDENTITY, "NEEDS_BASIS always/duty-to-refer-consent"},
      {"a council and its deputy", [](PolicySources& p, HeaderParts& r) { TwoCouncils(p, r); r.recipients[0].set_capacity(RECIPIENT_CAPACITY_DEPUTY); r.recipients[0].set_on_behalf_of("housing"); }, "housing", CATEGORY_IDENTITY, "PERMIT agreement/test-1/to-housing"},
      {"two councils, danger now", [](PolicySources& p, HeaderParts& r) { TwoCouncils(p, r); r.core.set_urgency(URGENCY_IMMEDIATE); }, "housing", CATEGORY_IDENTITY, "NEEDS_BASIS always/duty-to-refer-choice"},
      {"two councils, a closed one", [](PolicySources& p, HeaderParts& r) { TwoCouncils(p, r); p.agencies["council"].active = false; }, "housing", CATEGORY_IDENTITY, "PERMIT agreement/test-1/to-housing"},
  };
  Check(table);
}

TEST(DecisionTest, WhatFollowsAVictimInformationRequestIsOne) {
  HeaderCore request, referral;
  request.set_purpose(PURPOSE_VICTIM_INFORMATION_REQUEST);
  referral.set_purpose(PURPOSE_SAFEGUARDING_ADULT);
  struct Row {
    const HeaderCore* caused_by;
    bool is_request;
    const char* expected;
  };
  for (const Row& row : {Row{nullptr, false, "PERMIT agreement/test-1/to-idva"}, Row{&referral, false, "PERMIT agreement/test-1/to-idva"},
                         Row{&request, false, "REFUSE always/victim-information-turned"}, Row{nullptr, true, "PERMIT agreement/test-1/to-idva"},
                         Row{&referral, true, "REFUSE always/victim-information-turned"}, Row{&request, true, "PERMIT agreement/test-1/to-idva"}}) {
    for (const Urgency urgency : {URGENCY_ROUTINE, URGENCY_IMMEDIATE}) {
      PolicySources policy = SamplePolicy();
      HeaderParts parts = SampleParts();
      if (row.is_request) MakeVictimInformationRequest(policy, parts);
      parts.core.set_urgency(urgency);
      const Decisions decisions = Decided(policy, parts, {row.caused_by});
      EXPECT_EQ(RuleOf(decisions, "idva", CATEGORY_RISK), row.expected);
      for (const SectionDecision& decision : decisions.decisions) EXPECT_TRUE(IsReason(decision)) << decision.ShortDebugString();
    }
  }
}

// Every category, to one recipient, in danger and without agreement or basis: the schedule's, and no other.
TEST(DecisionTest, DangerNowCarriesWhatTheScheduleNames) {
  constexpr Category kCarried[] = {CATEGORY_IDENTITY, CATEGORY_SAFE_CONTACT, CATEGORY_RISK, CATEGORY_INCIDENT, CATEGORY_CHILDREN, CATEGORY_ORDERS_AND_BAIL};
  for (int value = 1; value < Category_ARRAYSIZE; ++value) {
    const auto category = static_cast<Category>(value);
    PolicySources policy = SamplePolicy();
    HeaderParts parts = SampleParts();
    policy.agreements.clear();
    parts.core.set_urgency(URGENCY_IMMEDIATE);
    parts.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE);
    parts.sections.resize(1);
    parts.sections[0].set_category(category);
    const bool carried = std::find(std::begin(kCarried), std::end(kCarried), category) != std::end(kCarried);
    EXPECT_EQ(RuleOf(policy, parts, "idva", category), carried ? "PERMIT emergency/emergency-1" : "WITHHOLD default/no-agreement") << category;
    EXPECT_EQ(RuleOf(policy, parts, "housing", category), "WITHHOLD default/no-agreement") << category;
    parts.core.set_urgency(URGENCY_ROUTINE);
    EXPECT_EQ(RuleOf(policy, parts, "idva", category), "WITHHOLD default/no-agreement") << category;
  }
}

TEST(DecisionTest, DangerNowReachesWhomTheScheduleNames) {
  constexpr AgencyKind kReached[] = {AGENCY_KIND_POLICE, AGENCY_KIND_HEALTH, AGENCY_KIND_CHILDRENS_SERVICES, AGENCY_KIND_IDVA};
  for (int value = 1; value < AgencyKind_ARRAYSIZE; ++value) {
    const auto kind = static_cast<AgencyKind>(value);
    PolicySources policy = SamplePolicy();
    HeaderParts parts = SampleParts();
    policy.agreements.clear();
    policy.agencies["idva"].kind = kind;
    parts.core.set_urgency(URGENCY_IMMEDIATE);
    const bool reached = std::find(std::begin(kReached), std::end(kReached), kind) != std::end(kReached);
    EXPECT_EQ(RuleOf(policy, parts, "idva", CATEGORY_RISK), reached ? "PERMIT emergency/emergency-1" : "WITHHOLD default/no-agreement") << kind;
  }
  const Case table[] = {
      {"a schedule of one's own", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); p.schedules = {{"e-2", Ago(1), {{AGENCY_KIND_HOUSING, {}}}, {CATEGORY_IDENTITY}}}; r.core.set_urgency(URGENCY_IMMEDIATE); }, "housing", CATEGORY_IDENTITY, "PERMIT emergency/e-2"},
      {"which ends the default one", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); p.schedules = {{"e-2", Ago(1), {{AGENCY_KIND_HOUSING, {}}}, {CATEGORY_IDENTITY}}}; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_IDENTITY, "WITHHOLD default/no-agreement"},
      {"a schedule to come", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); p.schedules = {{"e-2", Ago(-1), {{AGENCY_KIND_HOUSING, {}}}, {CATEGORY_IDENTITY}}}; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_IDENTITY, "PERMIT emergency/emergency-1"},
      {"a schedule from now", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); p.schedules = {{"e-2", kNow, {{AGENCY_KIND_HOUSING, {}}}, {CATEGORY_IDENTITY}}}; r.core.set_urgency(URGENCY_IMMEDIATE); }, "housing", CATEGORY_IDENTITY, "PERMIT emergency/e-2"},
      {"of two from the same time the later in the list", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); p.schedules = {{"e-2", Ago(1), {{AGENCY_KIND_IDVA, {}}}, {CATEGORY_RISK}}, {"e-3", Ago(1), {{AGENCY_KIND_IDVA, {}}}, {CATEGORY_RISK}}}; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/e-3"},
      {"the newer schedule", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); p.schedules = {{"e-3", Ago(1), {{AGENCY_KIND_IDVA, {}}}, {CATEGORY_IDENTITY}}, {"e-2", Ago(2), {{AGENCY_KIND_IDVA, {}}}, {CATEGORY_RISK}}}; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"specialism of the schedule", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); p.agencies["idva"].specialisms = {"duty_team"}; p.schedules = {{"e-2", Ago(1), {{AGENCY_KIND_IDVA, {"duty_team"}}}, {CATEGORY_RISK}}}; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/e-2"},
      {"without the specialism of the schedule", [](PolicySources& p, HeaderParts& r) { p.agreements.clear(); p.schedules = {{"e-2", Ago(1), {{AGENCY_KIND_IDVA, {"duty_team"}}}, {CATEGORY_RISK}}}; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
  };
  Check(table);
}

// A do-not-disclose entry for one category, asked for each: it hides that one and says nothing of the others.
TEST(DecisionTest, AnExclusionOfACategoryHidesThatOneAlone) {
  for (int value = 1; value < Category_ARRAYSIZE; ++value) {
    const auto excluded = static_cast<Category>(value);
    PolicySources policy = SamplePolicy();
    HeaderParts parts = SampleParts();
    Exclusion& exclusion = *parts.subjects[0].add_exclusions();
    exclusion.set_agency("idva");
    exclusion.add_categories(excluded);
    for (const Category category : {CATEGORY_IDENTITY, CATEGORY_RISK, CATEGORY_HOUSING}) {
      EXPECT_EQ(RuleOf(policy, parts, "idva", category), category == excluded ? "WITHHOLD always/protective-list" : "PERMIT agreement/test-1/to-idva");
    }
    EXPECT_EQ(RuleOf(policy, parts, "housing", CATEGORY_HOUSING), "PERMIT agreement/test-1/to-housing");
  }
}

// Each state of consent with and without what sharing without it needs.
TEST(DecisionTest, ConsentInEachStateWithAndWithoutABasis) {
  for (int value = 1; value < ConfidentialityConsent_ARRAYSIZE; ++value) {
    const auto consent = static_cast<ConfidentialityConsent>(value);
    const bool given = consent == CONFIDENTIALITY_CONSENT_GIVEN || consent == CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS;
    for (const bool basis : {false, true}) {
      for (const bool needs_consent : {false, true}) {
        PolicySources policy = SamplePolicy();
        HeaderParts parts = SampleParts();
        if (basis) WithoutConsent(parts, GATEWAY_CDA1998_S115);
        parts.tags[0].set_consent(consent);
        First(policy).needs_consent = needs_consent;
        const char* expected = given || (basis && !needs_consent) ? "PERMIT agreement/test-1/to-idva"
                               : needs_consent                    ? "NEEDS_BASIS agreement/test-1/to-idva"
                                                                  : "NEEDS_BASIS always/consent-or-basis";
        EXPECT_EQ(RuleOf(policy, parts, "idva", CATEGORY_RISK), expected) << consent << basis << needs_consent;
      }
    }
  }
}

// Codes of the alternatives of a decision, "gateway+rationale | consent": each set of changes alone would permit it.
std::vector<std::set<int>> Alternatives(const Decisions& decisions, const std::string& recipient, Category category) {
  std::vector<std::set<int>> alternatives;
  for (const auto& decision : decisions.decisions) {
    if (decision.recipient() != recipient || decision.category() != category) continue;
    for (const ChangeSet& set : decision.changes()) alternatives.emplace_back(set.changes().begin(), set.changes().end());
  }
  return alternatives;
}

TEST(DecisionTest, TheSmallestChangesAreSmallestAndEachEnough) {
  using Sets = std::vector<std::set<int>>;
  const auto of = [](void (*change)(PolicySources&, HeaderParts&), Category category = CATEGORY_RISK) {
    PolicySources policy = SamplePolicy();
    HeaderParts parts = SampleParts();
    change(policy, parts);
    return Alternatives(Decided(policy, parts), "idva", category);
  };
  EXPECT_EQ(of([](PolicySources&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE); }),
            (Sets{{CHANGE_CODE_RECORD_GATEWAY, CHANGE_CODE_ADD_RATIONALE, CHANGE_CODE_RECORD_APPROVER}, {CHANGE_CODE_RECORD_CONSENT}}))
      << "asking comes last: it must be safe";
  EXPECT_EQ(of([](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CDA1998_S115); r.tags[0].clear_approver(); }), (Sets{{CHANGE_CODE_RECORD_APPROVER}}))
      << "who refused is not pressed";
  EXPECT_EQ(of([](PolicySources&, HeaderParts& r) { WithoutConsent(r, GATEWAY_CDA1998_S115); r.tags[0].clear_article6(); r.tags[0].clear_gateway(); }),
            (Sets{{CHANGE_CODE_RECORD_ARTICLE6, CHANGE_CODE_RECORD_GATEWAY}}));
  EXPECT_EQ(of([](PolicySources& p, HeaderParts&) { First(p).min_score = 14; First(p).forum = "marac-a"; }), (Sets{{CHANGE_CODE_NAME_FORUM, CHANGE_CODE_ASSESS_RISK}}));
  EXPECT_EQ(of([](PolicySources& p, HeaderParts& r) { First(p).min_score = 14; r.sections[1].set_confidential_address(true); Route other = First(p); other.id = "z"; other.min_score.reset(); other.confidential_address = true; other.article9 = {ARTICLE9_CONDITION_SAFEGUARDING}; p.agreements[0].routes.push_back(other); }),
            (Sets{{CHANGE_CODE_RECORD_SPECIAL_CATEGORY_CONDITION}, {CHANGE_CODE_LEAVE_OUT_ADDRESS, CHANGE_CODE_ASSESS_RISK}}));
  EXPECT_EQ(of([](PolicySources& p, HeaderParts& r) { First(p).min_score = 14; r.core.mutable_risk()->set_score(13); }), (Sets{{CHANGE_CODE_CHANGE_AGREEMENT}}))
      << "a score is not to be made to fit";
  EXPECT_EQ(of([](PolicySources& p, HeaderParts&) { First(p).article6 = {ARTICLE6_BASIS_LEGAL_OBLIGATION}; Route other = First(p); other.id = "z"; other.min_score = 3; p.agreements[0].routes.push_back(other); }),
            (Sets{{CHANGE_CODE_RECORD_ARTICLE6}}))
      << "a set that contains another is not smallest";
  EXPECT_EQ(of([](PolicySources&, HeaderParts&) {}), (Sets{})) << "permitted";
}

TEST(DecisionTest, WordsSayWhatIsNotThereAndWhatIsNotGoodEnough) {
  const auto first = [](void (*change)(HeaderParts&)) {
    HeaderParts parts = SampleParts();
    change(parts);
    return Decided(SamplePolicy(), parts).decisions[0];
  };
  const SectionDecision none = first([](HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); });
  EXPECT_EQ(none.what_would_change_it(0), "Record the power or duty to share (the gateway).");
  const SectionDecision other = first([](HeaderParts& r) { WithoutConsent(r, GATEWAY_HA1996_S213B); });
  EXPECT_EQ(other.what_would_change_it(0), "Record another power or duty to share: this gateway does not replace consent here.");
  const SectionDecision no_basis = first([](HeaderParts& r) { r.tags[0].clear_article6(); });
  EXPECT_EQ(no_basis.reason(), "No lawful basis (UK GDPR Article 6) is recorded.");
  PolicySources policy = SamplePolicy();
  policy.laws.emplace_back();
  EXPECT_EQ(Decided(policy, SampleParts()).decisions[0].reason(), "The recorded lawful basis (UK GDPR Article 6) is not in force.");
}

TEST(DecisionTest, NoMoreAlternativesThanAPersonCanWeigh) {
  PolicySources policy = SamplePolicy();
  HeaderParts parts = SampleParts();
  parts.sections[1].set_confidential_address(true);
  Route with_address = First(policy);
  with_address.confidential_address = true;
  for (const char* id : {"a", "b", "c", "d"}) {
    policy.agreements[0].routes.push_back(with_address);
    policy.agreements[0].routes.back().id = id;
  }
  std::vector<Route>& routes = policy.agreements[0].routes;
  routes[2].forum = "marac-a";
  routes[3].min_score = 14;
  routes[4].article9 = {ARTICLE9_CONDITION_SAFEGUARDING};
  EXPECT_EQ(RuleOf(policy, parts, "idva", CATEGORY_RISK), "PERMIT agreement/test-1/d") << "the last route asks for nothing more";
  routes[5].article6 = {ARTICLE6_BASIS_LEGAL_OBLIGATION};
  const auto alternatives = Alternatives(Decided(policy, parts), "idva", CATEGORY_RISK);
  EXPECT_EQ(alternatives.size(), 4u) << "of five";
  // What a route withholds for its address is said before what no route is open for.
  EXPECT_EQ(RuleOf(policy, parts, "idva", CATEGORY_RISK), "NEEDS_BASIS agreement/test-1/c");
  routes.erase(routes.begin() + 3, routes.end());
  EXPECT_EQ(RuleOf(policy, parts, "idva", CATEGORY_RISK), "WITHHOLD always/confidential-address");
}

TEST(DecisionTest, ACopyIsUnderTheRecipientsOwnRegime) {
  for (const AgencyKind kind : {AGENCY_KIND_POLICE, AGENCY_KIND_PROBATION, AGENCY_KIND_HEALTH}) {
    PolicySources policy = SamplePolicy();
    policy.agencies["idva"].kind = kind;
    First(policy).to_kinds = {kind};
    First(policy).categories = {CATEGORY_RISK};
    for (const SectionDecision& decision : Decided(policy, SampleParts()).decisions) {
      if (decision.recipient() != "idva" || decision.verdict() != VERDICT_PERMIT) continue;
      EXPECT_EQ(decision.recipient_regime(), kind == AGENCY_KIND_HEALTH ? REGIME_UK_GDPR : REGIME_DPA_PART3) << kind;
    }
  }
}

// Idva and housing are sent what the sender, police, received from `originator` under `rule`; of category RISK too from elsewhere.
std::string OnwardRule(OnwardSharing rule, const std::function<void(HeaderParts&)>& change = [](HeaderParts&) {},
                       const std::string& originator = "health", Category category = CATEGORY_IDENTITY) {
  HeaderParts parts = SampleParts();
  parts.core.set_caused_by(std::string(32, 'c'));
  change(parts);
  ReceivedBefore received{originator, {}};
  received.Add(category, rule);
  const Decisions decisions = Decided(SamplePolicy(), parts, {.received = &received});
  for (const SectionDecision& decision : decisions.decisions) EXPECT_TRUE(IsReason(decision)) << decision.ShortDebugString();
  return RuleOf(decisions, "idva", CATEGORY_IDENTITY);
}

TEST(DecisionTest, WhatWasReceivedGoesFurtherAsItsSenderLetsIt) {
  const std::string own = "PERMIT agreement/test-1/to-idva";
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_NEVER), "WITHHOLD onward/never");
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_ASK_ORIGINATOR), "NEEDS_BASIS onward/ask-originator");
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_UNSPECIFIED), "NEEDS_BASIS onward/ask-originator");
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_FREE), own);
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_NEVER, [](HeaderParts&) {}, "idva"), own) << "back to who sent it";
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_NEVER, [](HeaderParts&) {}, "health", CATEGORY_RISK), own) << "of another category nothing was received";
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_ASK_ORIGINATOR, [](HeaderParts& r) { r.core.set_urgency(URGENCY_IMMEDIATE); }), own);
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_NEVER, [](HeaderParts& r) { r.core.set_urgency(URGENCY_IMMEDIATE); }), "WITHHOLD onward/never");
  // The rule of the route still decides on what may go further.
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_FREE, [](HeaderParts& r) { r.tags[0].clear_article6(); }), "NEEDS_BASIS always/lawful-basis");
}

TEST(DecisionTest, ItsSendersAgreementIsOfThatSenderAndGiven) {
  const auto said = [](bool material, const char* originator, OriginatorAgreement agreement) {
    return [=](HeaderParts& r) {
      r.sections[0].set_third_party_material(material);
      r.sections[0].set_originator(originator);
      r.sections[0].set_originator_agreement(agreement);
    };
  };
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_ASK_ORIGINATOR, said(true, "health", ORIGINATOR_AGREEMENT_GIVEN)), "PERMIT agreement/test-1/to-idva");
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_ASK_ORIGINATOR, said(false, "health", ORIGINATOR_AGREEMENT_GIVEN)), "NEEDS_BASIS onward/ask-originator");
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_ASK_ORIGINATOR, said(true, "housing", ORIGINATOR_AGREEMENT_GIVEN)), "NEEDS_BASIS onward/ask-originator");
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_ASK_ORIGINATOR, said(true, "police", ORIGINATOR_AGREEMENT_ASKED)), "NEEDS_BASIS onward/ask-originator");
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_ASK_ORIGINATOR, said(true, "health", ORIGINATOR_AGREEMENT_ASKED)), "NEEDS_BASIS always/ask-originator");
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_ASK_ORIGINATOR, said(true, "health", ORIGINATOR_AGREEMENT_REFUSED)), "WITHHOLD always/originator-refused");
  EXPECT_EQ(OnwardRule(ONWARD_SHARING_NEVER, said(true, "health", ORIGINATOR_AGREEMENT_GIVEN)), "WITHHOLD onward/never");
}

TEST(DecisionTest, ReasonsForSharingAreOfWhoShares) {
  PolicySources policy = SamplePolicy();
  First(policy).categories.push_back(CATEGORY_RATIONALE);
  HeaderParts parts = SampleParts();
  AddRationale(parts);
  ReceivedBefore received{"health", {}};
  received.Add(CATEGORY_RATIONALE, ONWARD_SHARING_NEVER);
  EXPECT_EQ(RuleOf(Decided(policy, parts, {.received = &received}), "idva", CATEGORY_RATIONALE), "PERMIT agreement/test-1/to-idva");
}

TEST(DecisionTest, ReasonsGoOnlyWithWhatTheyAreTheReasonsOf) {
  PolicySources policy = SamplePolicy();
  First(policy).categories.push_back(CATEGORY_RATIONALE);
  HeaderParts parts = SampleParts();
  AddRationale(parts);
  EXPECT_EQ(RuleOf(Decided(policy, parts), "idva", CATEGORY_RATIONALE), "PERMIT agreement/test-1/to-idva");
  // Nothing else goes to them; then something does, and under another tag.
  HeaderParts nothing = parts;
  for (SectionPart& section : nothing.sections) {
    if (section.category() != CATEGORY_RATIONALE) section.set_category(CATEGORY_VOICE);
  }
  EXPECT_EQ(RuleOf(Decided(policy, nothing), "idva", CATEGORY_VOICE), "WITHHOLD default/no-route");
  EXPECT_EQ(RuleOf(Decided(policy, nothing), "idva", CATEGORY_RATIONALE), "WITHHOLD always/reasons-of-nothing");
  HeaderParts other = parts;
  other.tags.push_back(other.tags[0]);
  other.tags[1].set_tag_id(Id('u'));
  for (SectionPart& section : other.sections) {
    if (section.category() != CATEGORY_RATIONALE) section.set_tag_id(Id('u'));
  }
  const auto decisions = Decided(policy, other);
  EXPECT_EQ(RuleOf(decisions, "idva", CATEGORY_RISK), "PERMIT agreement/test-1/to-idva");
  EXPECT_EQ(RuleOf(decisions, "idva", CATEGORY_RATIONALE), "WITHHOLD always/reasons-of-nothing");
}

TEST(DecisionTest, OfTwoRulesOfOneCategoryTheStricterHolds) {
  ReceivedBefore received;
  received.Add(CATEGORY_RISK, ONWARD_SHARING_FREE);
  received.Add(CATEGORY_RISK, ONWARD_SHARING_UNSPECIFIED);
  EXPECT_EQ(received.rules[CATEGORY_RISK], ONWARD_SHARING_ASK_ORIGINATOR);
  received.Add(CATEGORY_RISK, ONWARD_SHARING_NEVER);
  received.Add(CATEGORY_RISK, ONWARD_SHARING_FREE);
  EXPECT_EQ(received.rules[CATEGORY_RISK], ONWARD_SHARING_NEVER);
}

TEST(DecisionTest, PermittedSectionsAreTheRecipientsOwn) {
  const Decisions decisions = Decided(SamplePolicy(), SampleParts());
  EXPECT_EQ(PermittedSections(decisions, "idva"), (std::set<std::string>{Id('a'), Id('b'), Id('c')}));
  EXPECT_EQ(PermittedSections(decisions, "housing"), (std::set<std::string>{Id('a'), Id('c')}));
  EXPECT_EQ(PermittedSections(decisions, "health"), std::set<std::string>{});
}

TEST(DecisionTest, TheRouteLaysDownTheObligations) {
  PolicySources policy = SamplePolicy();
  First(policy).onward = ONWARD_SHARING_NEVER;
  First(policy).retention_days = 365;
  First(policy).feedback_working_days = 2;
  int of_the_route = 0;
  for (const SectionDecision& decision : Decided(policy, SampleParts()).decisions) {
    if (decision.rule_id() != "agreement/test-1/to-idva") continue;
    ++of_the_route;
    EXPECT_EQ(decision.obligations().onward(), ONWARD_SHARING_NEVER);
    EXPECT_EQ(decision.obligations().retention_days(), 365u);
    EXPECT_EQ(decision.obligations().feedback_working_days(), 2u);
    EXPECT_TRUE(decision.obligations().not_to_alleged_perpetrator());
  }
  EXPECT_EQ(of_the_route, 3);
}

TEST(DecisionTest, TheDigestNamesEveryVersion) {
  const auto digest = [](void (*change)(PolicySources&)) {
    PolicySources policy = SamplePolicy();
    change(policy);
    return DecisionDigest(Decided(policy, SampleParts()));
  };
  std::set<std::string> digests = {digest([](PolicySources&) {})};
  EXPECT_TRUE(digests.insert(digest([](PolicySources& p) { p.schedules = {EmergencySchedule{.version = "e-2"}}; })).second);
  EXPECT_TRUE(digests.insert(digest([](PolicySources& p) { p.laws = {DefaultLegalRegister()}; p.laws[0].version = "law-2"; })).second);
  EXPECT_TRUE(digests.insert(digest([](PolicySources& p) { p.agreements[0].version = "test-2"; })).second);
  EXPECT_TRUE(digests.insert(digest([](PolicySources& p) { p.agreements.push_back(p.agreements[0]); p.agreements[1].id = "b"; p.agreements[1].version = "z-1"; })).second);
  EXPECT_FALSE(digests.insert(digest([](PolicySources& p) { p.schedules = {EmergencySchedule()}; })).second) << "the default one is a version too";
}

TEST(DecisionTest, APermitSaysTheRegimeTheObligationsAndTheGap) {
  PolicySources policy = SamplePolicy();
  HeaderParts parts = SampleParts();
  for (const bool danger : {false, true}) {
    if (danger) {
      policy.agreements.clear();
      parts.core.set_urgency(URGENCY_IMMEDIATE);
    }
    int permits = 0;
    for (const SectionDecision& decision : Decided(policy, parts).decisions) {
      const bool permit = decision.verdict() == VERDICT_PERMIT;
      permits += permit;
      EXPECT_EQ(decision.recipient_regime(), permit ? REGIME_UK_GDPR : REGIME_UNSPECIFIED);
      EXPECT_EQ(decision.obligations().not_to_alleged_perpetrator(), permit);
      EXPECT_EQ(decision.obligations().onward(), permit ? ONWARD_SHARING_ASK_ORIGINATOR : ONWARD_SHARING_UNSPECIFIED);
      EXPECT_EQ(decision.emergency_gap(), permit && danger);
    }
    EXPECT_GT(permits, 0);
  }
}

TEST(DecisionTest, ChangesSayInCodesWhatTheirWordsSay) {
  HeaderParts parts = SampleParts();
  parts.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  const Decisions decisions = Decided(SamplePolicy(), parts);
  ASSERT_EQ(decisions.decisions[0].verdict(), VERDICT_NEEDS_BASIS);
  ASSERT_EQ(decisions.decisions[0].changes_size(), 1);
  const auto& changes = decisions.decisions[0].changes(0).changes();
  EXPECT_EQ(std::vector<int>(changes.begin(), changes.end()),
            (std::vector<int>{CHANGE_CODE_RECORD_GATEWAY, CHANGE_CODE_ADD_RATIONALE, CHANGE_CODE_RECORD_APPROVER}));
  EXPECT_EQ(decisions.decisions[0].what_would_change_it_size(), 3);
}

TEST(DecisionTest, EveryRefusalSaysWhyAndTheProtectiveOneSaysNoMore) {
  PolicySources policy = SamplePolicy();
  HeaderParts parts = SampleParts();
  parts.subjects[0].add_exclusions()->set_agency("idva");
  policy.conflicts["police"].insert("somebody-else");
  std::set<std::string> protective;
  for (const auto& decision : Decided(policy, parts).decisions) {
    EXPECT_FALSE(decision.reason().empty());
    EXPECT_FALSE(decision.rule_id().empty());
    if (decision.rule_id() == "always/protective-list") {
      protective.insert(decision.reason());
      EXPECT_EQ(decision.what_would_change_it_size(), 0);
    }
  }
  EXPECT_EQ(protective.size(), 1u);
}

TEST(DecisionTest, NothingIsPermittedThatNoRuleNames) {
  FakeRandom random(12);
  for (int round = 0; round < Rounds(300); ++round) {
    PolicySources policy = SamplePolicy();
    HeaderParts parts = SampleParts();
    for (SectionPart& section : parts.sections) section.set_category(static_cast<Category>(1 + random.Below(18)));
    for (RecipientPart& recipient : parts.recipients) recipient.set_desk(static_cast<Desk>(random.Below(3)));
    parts.core.set_purpose(static_cast<Purpose>(1 + random.Below(10)));
    parts.core.set_urgency(static_cast<Urgency>(random.Below(3)));
    if (random.Below(3) == 0) policy.agreements.clear();
    const auto has = [](const auto& list, auto value) { return std::find(list.begin(), list.end(), value) != list.end(); };
    for (const auto& decision : Decided(policy, parts).decisions) {
      if (decision.verdict() != VERDICT_PERMIT) continue;
      const AgencyKind kind = policy.agencies.at(decision.recipient()).kind;
      EXPECT_NE(parts.core.purpose(), PURPOSE_IMMIGRATION_ENFORCEMENT);
      if (decision.rule_id() == "emergency/emergency-1") {
        EXPECT_EQ(parts.core.urgency(), URGENCY_IMMEDIATE);
        const EmergencySchedule schedule;
        EXPECT_TRUE(std::any_of(schedule.recipients.begin(), schedule.recipients.end(), [&](const auto& row) { return row.kind == kind; }) &&
                    has(schedule.categories, decision.category()));
        continue;
      }
      ASSERT_TRUE(!policy.agreements.empty()) << decision.rule_id();
      const auto& routes = policy.agreements[0].routes;
      EXPECT_TRUE(std::any_of(routes.begin(), routes.end(), [&](const Route& route) {
        return decision.rule_id() == "agreement/test-1/" + route.id && has(route.to_kinds, kind) &&
               has(route.categories, decision.category()) && has(route.purposes, parts.core.purpose());
      })) << decision.rule_id();
    }
  }
}

template <typename Enum>
Enum Any(Random& random, int size) {
  return static_cast<Enum>(random.Below(static_cast<uint64_t>(size)));
}
template <typename Enum>
Enum AnySet(Random& random, int size) {
  return static_cast<Enum>(1 + random.Below(static_cast<uint64_t>(size - 1)));
}

// A policy of up to three agreements with routes under conditions of every kind, sometimes with a schedule and register of its own.
PolicySources AnyPolicy(Random& random) {
  PolicySources policy = SamplePolicy();
  for (const char* id : {"police", "idva", "housing"}) {
    if (random.Below(2) == 0) policy.agencies[id].areas = {random.Below(2) == 0 ? "E08000001" : "W06000015"};
    if (random.Below(3) == 0) policy.agencies[id].specialisms = {"duty_team"};
    if (random.Below(6) == 0) policy.agencies[id].works_with_perpetrators = true;
  }
  if (random.Below(2) == 0) policy.forums["marac-a"].members = {"idva"};
  const Route open = policy.agreements[0].routes[random.Below(2)];
  for (uint64_t count = random.Below(5); count > 0; --count) {
    Route& route = policy.agreements[0].routes.emplace_back(open);
    route.id = fmt::format("{}-{}", random.Below(2) == 0 ? "a" : "z", count);
    route.categories.push_back(AnySet<Category>(random, Category_ARRAYSIZE));
    if (random.Below(3) == 0) route.to_kinds = {AnySet<AgencyKind>(random, 6)};
    if (random.Below(4) == 0) route.to_forums = {"marac-a"};
    if (random.Below(4) == 0) route.areas = {"E08000001"};
    if (random.Below(4) == 0) route.specialisms = {"duty_team"};
    if (random.Below(4) == 0) route.instruments = {INSTRUMENT_DARA};
    if (random.Below(4) == 0) route.min_grade = Any<RiskGrade>(random, RiskGrade_ARRAYSIZE);
    if (random.Below(6) == 0) route.max_grade = RISK_GRADE_HIGH;
    if (random.Below(4) == 0) route.min_score = static_cast<uint32_t>(random.Below(20));
    if (random.Below(4) == 0) route.forum = "marac-a";
    if (random.Below(4) == 0) route.article6 = {AnySet<Article6Basis>(random, Article6Basis_ARRAYSIZE)};
    if (random.Below(4) == 0) route.criminal_offence = {AnySet<Article9Condition>(random, Article9Condition_ARRAYSIZE)};
    if (random.Below(4) == 0) route.article9 = {AnySet<Article9Condition>(random, Article9Condition_ARRAYSIZE)};
    route.needs_consent = random.Below(3) == 0;
    if (!route.needs_consent && random.Below(3) == 0) route.gateways = {AnySet<Gateway>(random, Gateway_ARRAYSIZE)};
    route.confidential_address = random.Below(2) == 0;
  }
  for (uint64_t count = random.Below(3); count > 0; --count) {
    Agreement& agreement = policy.agreements.emplace_back(policy.agreements[0]);
    agreement.id = fmt::format("agreement-{}", random.Below(2));
    agreement.version = fmt::format("other-{}", count);
    agreement.effective_from -= absl::Minutes(count);
    if (random.Below(3) == 0) agreement.routes.resize(1);
    if (random.Below(3) == 0) agreement.expires = kNow;
  }
  if (random.Below(5) == 0) policy.agreements.clear();
  if (random.Below(5) == 0) policy.schedules = {{"e-2", kNow, {{AGENCY_KIND_HOUSING, {"duty_team"}}}, {CATEGORY_IDENTITY, CATEGORY_HOUSING}}};
  return policy;
}

HeaderParts AnyParts(Random& random) {
  HeaderParts parts = SampleParts();
  for (SectionPart& section : parts.sections) {
    section.set_category(random.Below(3) == 0 ? AnySet<Category>(random, Category_ARRAYSIZE) : section.category());
    section.set_confidential_address(random.Below(6) == 0);
    if (random.Below(6) == 0) {
      section.set_third_party_material(true);
      section.set_originator("health");
      section.set_originator_agreement(Any<OriginatorAgreement>(random, OriginatorAgreement_ARRAYSIZE));
    }
  }
  parts.core.set_urgency(Any<Urgency>(random, Urgency_ARRAYSIZE));
  if (random.Below(3) == 0) parts.core.set_purpose(AnySet<Purpose>(random, PURPOSE_VICTIM_INFORMATION_REQUEST));
  if (random.Below(3) == 0) parts.core.set_forum(random.Below(2) == 0 ? "marac-a" : "marac-b");
  if (random.Below(2) == 0) parts.core.mutable_risk()->set_grade(Any<RiskGrade>(random, RiskGrade_ARRAYSIZE));
  if (random.Below(2) == 0) parts.core.mutable_risk()->set_score(static_cast<uint32_t>(random.Below(20)));
  if (random.Below(2) == 0) parts.core.mutable_risk()->set_instrument(Any<Instrument>(random, Instrument_ARRAYSIZE));
  TagPart& tag = parts.tags[0];
  tag.set_consent(AnySet<ConfidentialityConsent>(random, ConfidentialityConsent_ARRAYSIZE));
  if (random.Below(4) == 0) tag.add_consent_excludes_kinds(AGENCY_KIND_IDVA);
  if (random.Below(4) == 0) tag.set_article6(Any<Article6Basis>(random, Article6Basis_ARRAYSIZE));
  if (random.Below(2) == 0) tag.set_article9(Any<Article9Condition>(random, Article9Condition_ARRAYSIZE));
  if (random.Below(2) == 0) tag.set_criminal_offence(Any<Article9Condition>(random, Article9Condition_ARRAYSIZE));
  if (random.Below(2) == 0) tag.set_gateway(Any<Gateway>(random, Gateway_ARRAYSIZE));
  if (random.Below(2) == 0) AddRationale(parts);
  if (random.Below(2) == 0) tag.set_approver("sgt-1");
  return parts;
}

// One restriction more.
void Restrict(Random& random, PolicySources& policy, HeaderParts& parts) {
  const char* recipient = random.Below(2) == 0 ? "idva" : "housing";
  SubjectPart& victim = parts.subjects[0];
  switch (random.Below(15)) {
    case 0: victim.add_exclusions()->set_kind(AnySet<AgencyKind>(random, AgencyKind_ARRAYSIZE)); break;
    case 1: victim.add_exclusions()->set_agency(recipient); break;
    case 2: victim.add_exclusions()->set_agency(recipient); victim.mutable_exclusions(0)->add_categories(CATEGORY_RISK); break;
    case 3: policy.conflicts["police"].insert("pc-1"); break;
    case 4: parts.sections[random.Below(3)].set_confidential_address(true); break;
    case 5: victim.set_works_at(recipient); break;
    case 6: parts.tags[0].clear_gateway(); break;
    case 7: parts.tags[0].clear_approver(); break;
    case 8: parts.tags[0].clear_rationale_present(); break;
    case 9: parts.tags[0].clear_article6(); break;
    case 10: policy.agencies[random.Below(3) == 0 ? "police" : recipient].active = false; break;
    case 11: policy.agencies[recipient].works_with_perpetrators = true; break;
    case 12: policy.forums.clear(); break;
    case 13:
      for (Agreement& agreement : policy.agreements) agreement.routes.pop_back();
      break;
    default:
      for (SectionPart& section : parts.sections) {
        section.set_third_party_material(true);
        section.set_originator("health");
        section.set_originator_agreement(ORIGINATOR_AGREEMENT_REFUSED);
      }
  }
}

void ExpectNoMore(const Decisions& before, const Decisions& after, int round) {
  for (const char* agency : {"idva", "housing"}) {
    const auto had = PermittedSections(before, agency), has = PermittedSections(after, agency);
    EXPECT_TRUE(std::includes(had.begin(), had.end(), has.begin(), has.end())) << agency << " round " << round;
  }
}

TEST(DecisionPropertyTest, RestrictionsOnlyRestrict) {
  FakeRandom random(11);
  int restricted = 0;
  for (int round = 0; round < Rounds(3000); ++round) {
    PolicySources policy = AnyPolicy(random);
    HeaderParts parts = AnyParts(random);
    const Decisions before = Decided(policy, parts);
    Restrict(random, policy, parts);
    const Decisions after = Decided(policy, parts);
    ExpectNoMore(before, after, round);
    restricted += PermittedSections(before, "idva") != PermittedSections(after, "idva");
  }
  EXPECT_GT(restricted, Rounds(100)) << "the property is about something";
}

TEST(DecisionPropertyTest, OrderMeansNothing) {
  FakeRandom random(12);
  for (int round = 0; round < Rounds(1000); ++round) {
    const PolicySources policy = AnyPolicy(random);
    const HeaderParts parts = AnyParts(random);
    const std::string digest = DecisionDigest(Decided(policy, parts));
    HeaderParts shuffled = parts;
    std::reverse(shuffled.recipients.begin(), shuffled.recipients.end());
    std::reverse(shuffled.sections.begin(), shuffled.sections.end());
    PolicySources reversed = policy;
    // Of two versions of one id that take effect at once the later is live: those stay in their order.
    std::stable_sort(reversed.agreements.begin(), reversed.agreements.end(), [](const auto& a, const auto& b) { return a.id > b.id; });
    for (Agreement& agreement : reversed.agreements) {
      std::reverse(agreement.routes.begin(), agreement.routes.end());
      std::reverse(agreement.parties.begin(), agreement.parties.end());
    }
    EXPECT_EQ(DecisionDigest(Decided(reversed, shuffled)), digest) << "round " << round;
  }
}

TEST(DecisionPropertyTest, AFurtherRouteTakesNothingAway) {
  FakeRandom random(13);
  for (int round = 0; round < Rounds(1000); ++round) {
    const PolicySources policy = AnyPolicy(random);
    const HeaderParts parts = AnyParts(random);
    PolicySources wider = policy;
    for (Agreement& agreement : wider.agreements) {
      Route& route = agreement.routes.emplace_back(agreement.routes[random.Below(agreement.routes.size())]);
      route.id = random.Below(2) == 0 ? "0-further" : "zz-further";
      route.needs_consent = random.Below(2) == 0;
      route.confidential_address = random.Below(2) == 0;
    }
    ExpectNoMore(Decided(wider, parts), Decided(policy, parts), round);
  }
}

// Everything that a set of changes may mean, tried in turn: does any of it make `verdict` hold?
bool CanBePermitted(const CompiledPolicy& policy, const HeaderParts& parts, size_t section, size_t recipient, const std::vector<int>& changes) {
  std::vector<HeaderParts> tries = {parts};
  const auto each = [&](int size, auto apply) {
    std::vector<HeaderParts> more;
    for (const HeaderParts& from : tries) {
      for (int value = 1; value < size; ++value) apply(more.emplace_back(from), value);
    }
    tries = std::move(more);
  };
  for (const int change : changes) {
    switch (change) {
      case CHANGE_CODE_RECORD_ARTICLE6: each(Article6Basis_ARRAYSIZE, [](HeaderParts& p, int v) { p.tags[0].set_article6(static_cast<Article6Basis>(v)); }); break;
      case CHANGE_CODE_RECORD_SPECIAL_CATEGORY_CONDITION: each(Article9Condition_ARRAYSIZE, [](HeaderParts& p, int v) { p.tags[0].set_article9(static_cast<Article9Condition>(v)); }); break;
      case CHANGE_CODE_RECORD_CRIMINAL_OFFENCE_CONDITION: each(Article9Condition_ARRAYSIZE, [](HeaderParts& p, int v) { p.tags[0].set_criminal_offence(static_cast<Article9Condition>(v)); }); break;
      case CHANGE_CODE_RECORD_GATEWAY: each(Gateway_ARRAYSIZE, [](HeaderParts& p, int v) { p.tags[0].set_gateway(static_cast<Gateway>(v)); }); break;
      case CHANGE_CODE_RECORD_CONSENT: each(2, [](HeaderParts& p, int) { p.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN); }); break;
      case CHANGE_CODE_ADD_RATIONALE: each(2, [](HeaderParts& p, int) { AddRationale(p); }); break;
      case CHANGE_CODE_RECORD_APPROVER: each(2, [](HeaderParts& p, int) { p.tags[0].set_approver("sgt-1"); }); break;
      case CHANGE_CODE_LEAVE_OUT_ADDRESS: each(2, [&](HeaderParts& p, int) { p.sections[section].set_confidential_address(false); }); break;
      case CHANGE_CODE_NAME_FORUM: each(2, [](HeaderParts& p, int) { p.core.set_forum("marac-a"); }); break;
      case CHANGE_CODE_ASK_ORIGINATOR: each(2, [&](HeaderParts& p, int) { p.sections[section].set_originator_agreement(ORIGINATOR_AGREEMENT_GIVEN); }); break;
      case CHANGE_CODE_ASSESS_RISK:
        each(2 * 20 * RiskGrade_ARRAYSIZE, [](HeaderParts& p, int v) {
          Risk& risk = *p.core.mutable_risk();
          if (v % 2 == 0) risk.set_instrument(INSTRUMENT_DARA);
          if (!risk.has_score()) risk.set_score(static_cast<uint32_t>(v / 2 % 20));
          if (risk.grade() == RISK_GRADE_UNSPECIFIED) risk.set_grade(static_cast<RiskGrade>(v / 40));
        });
        break;
      default: return false;
    }
  }
  return std::any_of(tries.begin(), tries.end(), [&](const HeaderParts& changed) {
    return Decide(policy, changed, {}, kNow).decisions[section * changed.recipients.size() + recipient].verdict() == VERDICT_PERMIT;
  });
}

// Each alternative that the agreement's rules offer is enough, and no change of it can be left out.
TEST(DecisionPropertyTest, EachAlternativeIsEnoughAndNoneOfItTooMuch) {
  FakeRandom random(14);
  int alternatives = 0;
  for (int round = 0; round < Rounds(400); ++round) {
    const CompiledPolicy policy(AnyPolicy(random));
    HeaderParts parts = AnyParts(random);
    for (SectionPart& section : parts.sections) section.set_third_party_material(false);
    const Decisions decisions = Decide(policy, parts, {}, kNow);
    for (size_t i = 0; i < decisions.decisions.size(); ++i) {
      const SectionDecision& decision = decisions.decisions[i];
      if (decision.rule_id().starts_with("always/duty-to-refer") || decision.rule_id() == "always/forum-members") continue;
      for (const ChangeSet& set : decision.changes()) {
        const std::vector<int> changes(set.changes().begin(), set.changes().end());
        if (changes == std::vector<int>{CHANGE_CODE_CHANGE_AGREEMENT} || changes.front() < CHANGE_CODE_RECORD_ARTICLE6) continue;
        ++alternatives;
        const size_t section = i / parts.recipients.size(), recipient = i % parts.recipients.size();
        EXPECT_TRUE(CanBePermitted(policy, parts, section, recipient, changes)) << "round " << round << ": " << decision.ShortDebugString();
        for (size_t left_out = 0; left_out < changes.size(); ++left_out) {
          std::vector<int> fewer = changes;
          fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(left_out));
          EXPECT_FALSE(CanBePermitted(policy, parts, section, recipient, fewer)) << "round " << round << ": " << decision.ShortDebugString();
        }
      }
    }
  }
  EXPECT_GT(alternatives, Rounds(300));
}

// "victim" for a warning of its age, "child" for one of another child, "review", "emergency": in their order.
std::string WarningsOf(const PolicySources& policy, const HeaderParts& parts) {
  std::string kinds;
  for (const std::string& warning : Decided(policy, parts).warnings) {
    for (const auto& [words, kind] : {std::pair("The victim is ", "victim "), std::pair("A child", "child "), std::pair("reviewed", "review "),
                                      std::pair("emergency", "emergency "),
                                      std::pair("why is not recorded", "untold "), std::pair("Health data", "health "), std::pair("alleged offences", "offence ")}) {
      if (warning.find(words) != std::string::npos) kinds += kind;
    }
  }
  return kinds;
}

TEST(DecisionTest, WarningsStopNothingAndNameWhatIsForgotten) {
  PolicySources policy = SamplePolicy();
  HeaderParts parts = SampleParts();
  const std::string digest = DecisionDigest(Decided(policy, parts));
  EXPECT_EQ(WarningsOf(policy, parts), "");

  parts.subjects[0].set_age_band(AGE_BAND_UNDER_16);
  const Decisions under_16 = Decided(policy, parts);
  ASSERT_EQ(under_16.warnings.size(), 1u);
  EXPECT_NE(under_16.warnings[0].find("Send it to children's services too, now."), std::string::npos);
  EXPECT_EQ(DecisionDigest(under_16), digest) << "warned of, never dropped";
  parts.subjects[0].set_age_band(AGE_BAND_16_17);
  EXPECT_EQ(WarningsOf(policy, parts), "victim ");

  SubjectPart child = parts.subjects[0];
  child.set_subject_id(Id('w'));
  child.set_role(SUBJECT_ROLE_UNBORN_CHILD);
  child.set_age_band(AGE_BAND_UNBORN);
  parts.subjects.push_back(child);
  parts.tags[0].set_consent_review_ms(absl::ToUnixMillis(kNow));
  EXPECT_EQ(WarningsOf(policy, parts), "victim child review ");
  parts.tags[0].set_consent_review_ms(absl::ToUnixMillis(kNow) + 1);
  EXPECT_EQ(WarningsOf(policy, parts), "victim child ");

  // Addressed to children's services, but nothing may reach them: the warning stands.
  RecipientPart childrens = parts.recipients[0];
  childrens.set_agency("childrens");
  parts.recipients.push_back(childrens);
  EXPECT_EQ(WarningsOf(policy, parts), "victim child ");
  policy.agreements[0].routes[0].to_kinds.push_back(AGENCY_KIND_CHILDRENS_SERVICES);
  EXPECT_EQ(WarningsOf(policy, parts), "");
  parts.subjects[0].set_age_band(AGE_BAND_UNDER_16);
  EXPECT_EQ(WarningsOf(policy, parts), "victim ") << "that they lead is told all the same";

  parts.recipients.pop_back();
  parts.core.set_urgency(URGENCY_IMMEDIATE);
  policy.agreements.clear();
  EXPECT_EQ(WarningsOf(policy, parts), "victim child emergency ");
  policy.agencies["police"].kind = AGENCY_KIND_CHILDRENS_SERVICES;
  EXPECT_EQ(WarningsOf(policy, parts), "victim emergency ") << "children's services are the sender";
  EXPECT_EQ(Decided(policy, parts).gaps_waived, 2u) << "identity and risk, to the Idva alone";
}

TEST(DecisionTest, WarningsOfTheRecordItself) {
  PolicySources policy = SamplePolicy();
  HeaderParts parts = SampleParts();
  TagPart& tag = parts.tags[0];
  tag.set_victim_awareness(VICTIM_AWARENESS_NOT_INFORMED_UNSAFE);
  EXPECT_EQ(WarningsOf(policy, parts), "untold ");
  tag.set_not_told_reason(NOT_TOLD_REASON_RAISES_RISK);
  EXPECT_EQ(WarningsOf(policy, parts), "");

  parts.sections[1].set_category(CATEGORY_HEALTH);
  tag.set_regime(REGIME_UK_GDPR);
  EXPECT_EQ(WarningsOf(policy, parts), "health ");
  tag.set_article9(ARTICLE9_CONDITION_HEALTH_OR_SOCIAL_CARE);
  EXPECT_EQ(WarningsOf(policy, parts), "");
  tag.set_regime(REGIME_DPA_PART3);
  EXPECT_EQ(WarningsOf(policy, parts), "health ") << "Part 3 asks for a condition of Schedule 8";
  tag.set_schedule8(SCHEDULE8_CONDITION_SAFEGUARDING);
  EXPECT_EQ(WarningsOf(policy, parts), "");

  for (const Category category : {CATEGORY_ALLEGED_PERPETRATOR, CATEGORY_ORDERS_AND_BAIL}) {
    parts.sections[1].set_category(category);
    EXPECT_EQ(WarningsOf(policy, parts), "") << "Part 3 has no Article 10";
    tag.set_regime(REGIME_UK_GDPR);
    EXPECT_EQ(WarningsOf(policy, parts), "offence ");
    tag.set_criminal_offence(ARTICLE9_CONDITION_UNLAWFUL_ACTS);
    EXPECT_EQ(WarningsOf(policy, parts), "");
    tag.clear_criminal_offence();
    tag.set_regime(REGIME_DPA_PART3);
  }
}

TEST(DecisionTest, AVictimOf16Or17GoesToChildrensServicesAndToMarac) {
  PolicySources policy = SamplePolicy();
  policy.agencies["police"].kind = AGENCY_KIND_CHILDRENS_SERVICES;  // They know.
  HeaderParts parts = SampleParts();
  parts.subjects[0].set_age_band(AGE_BAND_16_17);
  EXPECT_EQ(WarningsOf(policy, parts), "");
  parts.core.mutable_risk()->set_grade(RISK_GRADE_MEDIUM);
  EXPECT_EQ(WarningsOf(policy, parts), "");
  parts.core.mutable_risk()->set_grade(RISK_GRADE_HIGH);
  EXPECT_EQ(WarningsOf(policy, parts), "victim ");
  parts.core.set_purpose(PURPOSE_MARAC);
  EXPECT_EQ(WarningsOf(policy, parts), "") << "it goes there";
  parts.core.set_purpose(PURPOSE_SAFEGUARDING_ADULT);
  parts.core.mutable_risk()->set_grade(RISK_GRADE_STANDARD);
  parts.core.add_marac_criteria(MARAC_CRITERION_POTENTIAL_ESCALATION);
  EXPECT_EQ(WarningsOf(policy, parts), "victim ");
}

TEST(AgreementTest, ContradictionsAreNamed) {
  const auto expect = [](void (*spoil)(Agreement&), std::string_view words) {
    Agreement agreement = SamplePolicy().agreements[0];
    spoil(agreement);
    const absl::Status status = ValidateAgreement(agreement);
    EXPECT_TRUE(HasReason(status, Reason::kAgreementMalformed)) << words;
    EXPECT_NE(std::string(status.message()).find(words), std::string::npos) << status;
  };
  EXPECT_TRUE(ValidateAgreement(SamplePolicy().agreements[0]).ok());
  expect([](Agreement& a) { a.version = "A B"; }, "version");
  expect([](Agreement& a) { a.expires = a.effective_from; }, "expires");
  expect([](Agreement& a) { a.parties = {"police"}; }, "two parties");
  expect([](Agreement& a) { a.routes.clear(); }, "no route");
  expect([](Agreement& a) { a.routes[1].id = a.routes[0].id; }, "twice");
  expect([](Agreement& a) { a.routes[0].categories.clear(); }, "no category");
  expect([](Agreement& a) { a.routes[0].to_agencies = {"stranger"}; }, "no party");
  expect([](Agreement& a) { a.routes[0].purposes = {PURPOSE_IMMIGRATION_ENFORCEMENT}; }, "never a purpose");
  expect([](Agreement& a) { a.routes[0].to_kinds = {AGENCY_KIND_POLICE}; }, "does not go to police");
  expect([](Agreement& a) { a.routes[0].gateways = {GATEWAY_HA1996_S213B}; }, "rests on consent");
  expect([](Agreement& a) { a.routes[0].needs_consent = true; a.routes[0].gateways = {GATEWAY_CA2004_S11}; }, "no gateway can replace it");
  expect([](Agreement& a) { a.routes[0].from_kinds.clear(); }, "from nobody");
  expect([](Agreement& a) { a.routes[0].to_kinds.clear(); }, "to nobody");
  expect([](Agreement& a) { a.routes[0].purposes.clear(); }, "no purpose");
  expect([](Agreement& a) { a.routes[0].id = "No Id"; }, "route's id");
  expect([](Agreement& a) { a.parties.push_back("No Id"); }, "no agency id");
  expect([](Agreement& a) { a.parties.push_back("police"); }, "each once");
  expect([](Agreement& a) { a.id = "No Id"; }, "id is not");
  expect([](Agreement& a) { a.routes[0].to_forums = {"No Id"}; }, "no forum id");
  expect([](Agreement& a) { a.routes[0].areas = {"E 1"}; }, "no code");
  expect([](Agreement& a) { a.routes[0].specialisms = {""}; }, "no code");
  expect([](Agreement& a) { a.routes[0].min_grade = RISK_GRADE_HIGH; a.routes[0].max_grade = RISK_GRADE_MEDIUM; }, "max_grade");
  expect([](Agreement& a) { a.routes[0].min_score = 10; a.routes[0].max_score = 9; }, "max_score");
  expect([](Agreement& a) { a.routes[0].retention_days = kRetentionDaysMax + 1; }, "retention_days");
  expect([](Agreement& a) { a.routes[0].feedback_working_days = kFeedbackDaysMax + 1; }, "feedback_working_days");
  expect([](Agreement& a) { while (a.routes.size() <= kAgreementRoutesMax) { a.routes.push_back(a.routes[0]); a.routes.back().id = fmt::format("r-{}", a.routes.size()); } }, "over 1000 routes");

  Agreement at_the_limits = SamplePolicy().agreements[0];
  at_the_limits.routes[0].to_kinds.clear();
  at_the_limits.routes[0].to_forums = {"marac-a"};
  at_the_limits.routes[0].retention_days = kRetentionDaysMax;
  at_the_limits.routes[0].feedback_working_days = kFeedbackDaysMax;
  at_the_limits.routes[0].min_score = at_the_limits.routes[0].max_score = 14;
  at_the_limits.routes[0].min_grade = at_the_limits.routes[0].max_grade = RISK_GRADE_HIGH;
  while (at_the_limits.routes.size() < kAgreementRoutesMax) {
    at_the_limits.routes.push_back(at_the_limits.routes[0]);
    at_the_limits.routes.back().id = fmt::format("r-{}", at_the_limits.routes.size());
  }
  EXPECT_EQ(ValidateAgreement(at_the_limits), absl::OkStatus());
}

TEST(ScheduleTest, ContradictionsAreNamed) {
  const auto expect = [](void (*spoil)(EmergencySchedule&), std::string_view words) {
    EmergencySchedule schedule;
    spoil(schedule);
    const absl::Status status = ValidateSchedule(schedule);
    EXPECT_TRUE(HasReason(status, Reason::kScheduleMalformed)) << words;
    EXPECT_NE(std::string(status.message()).find(words), std::string::npos) << status;
  };
  EXPECT_EQ(ValidateSchedule({}), absl::OkStatus()) << "the default one";
  expect([](EmergencySchedule& s) { s.version = ""; }, "version");
  expect([](EmergencySchedule& s) { s.recipients.clear(); }, "no recipient");
  expect([](EmergencySchedule& s) { s.categories.clear(); }, "no category");
  expect([](EmergencySchedule& s) { s.recipients.push_back(s.recipients[0]); }, "twice");
  expect([](EmergencySchedule& s) { s.recipients[0].specialisms = {"a b"}; }, "no code");
  expect([](EmergencySchedule& s) { s.categories.push_back(CATEGORY_RATIONALE); }, "never in an emergency schedule");
  expect([](EmergencySchedule& s) { s.categories.push_back(CATEGORY_IMMIGRATION_STATUS); }, "never in an emergency schedule");
}

TEST(LegalRegisterTest, ContradictionsAreNamed) {
  const auto expect = [](void (*spoil)(LegalRegister&), std::string_view words) {
    LegalRegister law = DefaultLegalRegister();
    spoil(law);
    const absl::Status status = ValidateRegister(law);
    EXPECT_TRUE(HasReason(status, Reason::kLegalRegisterMalformed)) << words;
    EXPECT_NE(std::string(status.message()).find(words), std::string::npos) << status;
  };
  EXPECT_EQ(ValidateRegister(DefaultLegalRegister()), absl::OkStatus());
  expect([](LegalRegister& l) { l.version = "A"; }, "version");
  expect([](LegalRegister& l) { l.bases.clear(); }, "nothing could be shared");
  expect([](LegalRegister& l) { l.gateways[0].jurisdictions.clear(); }, "extends nowhere");
  expect([](LegalRegister& l) { l.gateways[0].from = l.gateways[0].until = kNow; }, "GATEWAY_CDA1998_S115 ends before");
  expect([](LegalRegister& l) { l.bases[0].from = l.bases[0].until = kNow; }, "ARTICLE6_BASIS_CONSENT ends before");
  expect([](LegalRegister& l) { for (auto& row : l.gateways) row.replaces_consent = true; }, "rests on consent");
}

// The day on which recognised legitimate interest became law (domain.md §3), to the second.
TEST(LegalRegisterTest, ABasisHoldsFromItsDay) {
  const absl::Time day = absl::FromCivil(absl::CivilDay(2026, 2, 5), absl::UTCTimeZone());
  PolicySources policy = SamplePolicy();
  policy.agreements[0].effective_from = day - absl::Hours(24);
  policy.agreements[0].expires = day + absl::Hours(24);
  HeaderParts parts = SampleParts();
  parts.tags[0].set_article6(ARTICLE6_BASIS_RECOGNISED_LEGITIMATE_INTEREST);
  const CompiledPolicy compiled(policy);
  EXPECT_EQ(RuleOf(Decide(compiled, parts, {}, day), "idva", CATEGORY_RISK), "PERMIT agreement/test-1/to-idva");
  EXPECT_EQ(RuleOf(Decide(compiled, parts, {}, day - absl::Seconds(1)), "idva", CATEGORY_RISK), "NEEDS_BASIS always/lawful-basis");
}

}  // namespace
}  // namespace accord::referral
