#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/policy/cases.h"
#include "common/policy/difference.h"
#include "common/policy/policy_text.h"
#include "common/policy/reading.h"

namespace accord::policy::policy_test {
namespace {

using namespace type::v1;  // NOLINT: the texts are made of these words.
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::Time Day(int year, int month, int day) { return absl::FromCivil(absl::CivilDay(year, month, day), absl::UTCTimeZone()); }

std::string Message(const absl::Status& status) { return std::string(FromAbsl(status.message())); }

// `text` with its first `from` replaced.
std::string With(std::string_view text, std::string_view from, std::string_view to) {
  std::string changed(text);
  const size_t at = changed.find(from);
  ACCORD_CHECK(at != std::string::npos);
  return changed.replace(at, from.size(), to);
}

constexpr std::string_view kAgreement = R"(
id = "area"
version = "2026.11"
parties = ["police", "idva"]
effective_from = "2026-11-01"
expires = "2027-11-01T12:30:00Z"
[[route]]
id = "support"
from_kinds = ["police", "childrens_services"]
to_agencies = ["idva"]
to_forums = ["marac-area"]
purposes = ["support", "marac"]
categories = ["identity", "orders_and_bail"]
areas = ["E06000047"]
specialisms = ["duty_team"]
instruments = ["dara", "safelives_dash_ric"]
min_grade = "medium"
max_grade = "high"
min_score = 10
max_score = 24
forum = "marac-area"
gateways = ["cda1998_s115"]
article6 = ["public_task"]
article9 = ["safeguarding"]
criminal_offence = ["unlawful_acts"]
confidential_address = true
retention_days = 365
onward = "never"
feedback_working_days = 2
[[route]]
id = "old"
from_agencies = ["idva"]
to_kinds = ["police"]
purposes = ["support"]
categories = ["risk"]
needs_consent = true
)";

TEST(AgreementTextTest, ReadsEveryKey) {
  const auto agreement = ParseAgreement(kAgreement);
  ASSERT_EQ(agreement.status(), absl::OkStatus());
  EXPECT_EQ(agreement->id, "area");
  EXPECT_EQ(agreement->version, "2026.11");
  EXPECT_THAT(agreement->parties, ElementsAre("police", "idva"));
  EXPECT_EQ(agreement->effective_from, Day(2026, 11, 1));
  EXPECT_EQ(agreement->expires, Day(2027, 11, 1) + absl::Hours(12) + absl::Minutes(30));
  ASSERT_EQ(agreement->routes.size(), 2u);
  const referral::Route& route = agreement->routes[0];
  EXPECT_EQ(route.id, "support");
  EXPECT_THAT(route.from_kinds, ElementsAre(AGENCY_KIND_POLICE, AGENCY_KIND_CHILDRENS_SERVICES));
  EXPECT_THAT(route.to_agencies, ElementsAre("idva"));
  EXPECT_THAT(route.to_forums, ElementsAre("marac-area"));
  EXPECT_THAT(route.purposes, ElementsAre(PURPOSE_SUPPORT, PURPOSE_MARAC));
  EXPECT_THAT(route.categories, ElementsAre(CATEGORY_IDENTITY, CATEGORY_ORDERS_AND_BAIL));
  EXPECT_THAT(route.areas, ElementsAre("E06000047"));
  EXPECT_THAT(route.specialisms, ElementsAre("duty_team"));
  EXPECT_THAT(route.instruments, ElementsAre(INSTRUMENT_DARA, INSTRUMENT_SAFELIVES_DASH_RIC));
  EXPECT_EQ(route.min_grade, RISK_GRADE_MEDIUM);
  EXPECT_EQ(route.max_grade, RISK_GRADE_HIGH);
  EXPECT_EQ(route.min_score, 10u);
  EXPECT_EQ(route.max_score, 24u);
  EXPECT_EQ(route.forum, "marac-area");
  EXPECT_FALSE(route.needs_consent);
  EXPECT_THAT(route.gateways, ElementsAre(GATEWAY_CDA1998_S115));
  EXPECT_THAT(route.article6, ElementsAre(ARTICLE6_BASIS_PUBLIC_TASK));
  EXPECT_THAT(route.article9, ElementsAre(ARTICLE9_CONDITION_SAFEGUARDING));
  EXPECT_THAT(route.criminal_offence, ElementsAre(ARTICLE9_CONDITION_UNLAWFUL_ACTS));
  EXPECT_TRUE(route.confidential_address);
  EXPECT_EQ(route.retention_days, 365u);
  EXPECT_EQ(route.onward, ONWARD_SHARING_NEVER);
  EXPECT_EQ(route.feedback_working_days, 2u);
  EXPECT_THAT(agreement->routes[1].from_agencies, ElementsAre("idva"));
  EXPECT_THAT(agreement->routes[1].to_kinds, ElementsAre(AGENCY_KIND_POLICE));
  EXPECT_TRUE(agreement->routes[1].needs_consent);
}

TEST(AgreementTextTest, WhatIsNotSaidIsAsBefore) {
  const auto agreement = ParseAgreement(With(kAgreement, "id = \"area\"\n", ""));
  ASSERT_EQ(agreement.status(), absl::OkStatus());
  EXPECT_EQ(agreement->id, referral::Agreement().id);
  const referral::Route &route = agreement->routes[1], unset;
  EXPECT_THAT(route.areas, IsEmpty());
  EXPECT_THAT(route.instruments, IsEmpty());
  EXPECT_EQ(route.min_grade, unset.min_grade);
  EXPECT_EQ(route.max_grade, unset.max_grade);
  EXPECT_EQ(route.min_score, std::nullopt);
  EXPECT_EQ(route.max_score, std::nullopt);
  EXPECT_EQ(route.retention_days, 0u);
  EXPECT_EQ(route.onward, ONWARD_SHARING_ASK_ORIGINATOR);
  EXPECT_EQ(route.feedback_working_days, 0u);
  EXPECT_FALSE(route.confidential_address);
}

TEST(AgreementTextTest, SaysWhatIsWrongAndWhere) {
  const std::pair<std::string, std::string> cases[] = {
      {"version = ", "agreement:1"},                                                // Not TOML.
      {With(kAgreement, "version = \"2026.11\"\n", ""), "version: is required"},    // Missing.
      {With(kAgreement, "2026-11-01\"", "next year\""), "agreement:5: effective_from: a date such as"},
      {With(kAgreement, "2026-11-01\"", "2026-13-01\""), "a date such as"},
      {With(kAgreement, "2026-11-01\"", "2026-11-1\""), "a date such as"},
      {With(kAgreement, "2026-11-01\"", " 2026-11-1\""), "a date such as"},
      {With(kAgreement, "12:30:00Z", "12:30:00"), "a date such as"},
      {With(kAgreement, "\"support\", \"marac\"", "\"suport\""), "route[0].purposes: `suport` is not a word of the list: safeguarding_adult"},
      {With(kAgreement, "\"police\", \"childrens", "\"Police\", \"childrens"), "`Police`"},
      {With(kAgreement, "\"identity\"", "\"unspecified\""), "`unspecified`"},
      {With(kAgreement, "needs_consent", "need_consent"), "need_consent"},          // Unknown key.
      {With(kAgreement, "\"medium\"", "\"very high\""), "route[0].min_grade: `very high` is not a word of the list: standard, medium, high"},
      {With(kAgreement, "max_grade = \"high\"", "max_grade = \"\""), "max_grade: `` is not"},
      {With(kAgreement, "\"marac\"]", "\"immigration_enforcement\"]"), "agreement:8: route[0].id: route support: immigration"},
      {With(kAgreement, "max_grade = \"high\"", "max_grade = \"standard\""), "max_grade is below min_grade"},
      {With(kAgreement, "max_score = 24", "max_score = 9"), "max_score is below min_score"},
      {With(kAgreement, "max_score = 24", "max_score = 1001"), "max_score: must be from 0 to 1000"},
      {With(kAgreement, "max_score = 24", "max_score = -1"), "max_score: must be"},
      {With(kAgreement, "retention_days = 365", "retention_days = 36501"), "retention_days: must be from 0 to 36500"},
      {With(kAgreement, "feedback_working_days = 2", "feedback_working_days = 0"), "feedback_working_days: must be from 1 to 60"},
      {With(kAgreement, "feedback_working_days = 2", "feedback_working_days = 61"), "feedback_working_days: must be from 1 to 60"},
      {With(kAgreement, "\"never\"", "\"sometimes\""), "onward: `sometimes` is not a word of the list: never, ask_originator, free"},
      {With(kAgreement, "\"public_task\"", "\"public\""), "article6: `public`"},
      {With(kAgreement, "article9 = [\"safeguarding\"]", "article9 = [\"s\"]"), "article9: `s`"},
      {With(kAgreement, "\"dara\"", "\"dash\""), "instruments: `dash`"},
      {With(kAgreement, "\"E06000047\"", "7"), "areas: must be an array of texts"},
      {With(kAgreement, "\"duty_team\"", "\"a team\""), "`a team` is no code"},
      {With(kAgreement, "[\"marac-area\"]", "[\"Marac\"]"), "Marac is no forum id"},
      {With(kAgreement, "id = \"area\"", "id = \"The area\""), "id is not 1 to 63"},
      {With(kAgreement, "parties = [\"police\", \"idva\"]", "parties = [\"police\", \"health\"]"), "idva is no party"},
      {std::string(kAgreement) + "\xff", "not UTF-8"},
      {std::string(kPolicyTextBytesMax + 1, '#'), "over 262144 bytes"},
  };
  for (const auto& [text, needle] : cases) {
    const auto agreement = ParseAgreement(text);
    ASSERT_TRUE(HasReason(agreement.status(), Reason::kAgreementMalformed)) << needle << "\n" << agreement.status();
    EXPECT_THAT(Message(agreement.status()), HasSubstr(needle));
  }
  // All of them at once, each with its line, under the name that the text has.
  const auto many = ParseAgreement(With(With(kAgreement, "\"medium\"", "7"), "true", "\"yes\"") + "more = 1\n", "area.toml");
  EXPECT_THAT(Message(many.status()), HasSubstr("area.toml:17: route[0].min_grade"));
  EXPECT_THAT(Message(many.status()), HasSubstr("area.toml:26: route[0].confidential_address"));
  EXPECT_THAT(Message(many.status()), HasSubstr("area.toml:37: route[1].more: unknown key"));
}

TEST(AgreementTextTest, KindsAreWordsOfTheList) {
  EXPECT_EQ(ParseAgencyKind("childrens_services"), AGENCY_KIND_CHILDRENS_SERVICES);
  EXPECT_EQ(ParseAgencyKind("CHILDRENS_SERVICES"), std::nullopt);
  EXPECT_EQ(ParseAgencyKind("unspecified"), std::nullopt);
  EXPECT_EQ(ParseAgencyKind(""), std::nullopt);
  EXPECT_EQ(WordOf(*AgencyKind_descriptor(), 99), "99");
}

constexpr std::string_view kSchedule = R"(
version = "emergency-2"
effective_from = "2026-12-01"
categories = ["identity", "safe_contact"]
[[recipient]]
kind = "police"
[[recipient]]
kind = "health"
specialisms = ["emergency_department", "maternity"]
)";

TEST(ScheduleTextTest, ReadsEveryKey) {
  const auto schedule = ParseSchedule(kSchedule);
  ASSERT_EQ(schedule.status(), absl::OkStatus());
  EXPECT_EQ(schedule->version, "emergency-2");
  EXPECT_EQ(schedule->effective_from, Day(2026, 12, 1));
  EXPECT_THAT(schedule->categories, ElementsAre(CATEGORY_IDENTITY, CATEGORY_SAFE_CONTACT));
  ASSERT_EQ(schedule->recipients.size(), 2u);
  EXPECT_EQ(schedule->recipients[0].kind, AGENCY_KIND_POLICE);
  EXPECT_THAT(schedule->recipients[0].specialisms, IsEmpty());
  EXPECT_EQ(schedule->recipients[1].kind, AGENCY_KIND_HEALTH);
  EXPECT_THAT(schedule->recipients[1].specialisms, ElementsAre("emergency_department", "maternity"));
}

TEST(ScheduleTextTest, SaysWhatIsWrongAndWhere) {
  const std::pair<std::string, std::string> cases[] = {
      {"]", "schedule:1"},
      {With(kSchedule, "\"police\"", "\"army\""), "schedule:6: recipient[0].kind: `army` is not a word"},
      {With(kSchedule, "kind = \"police\"", ""), "recipient[0].kind: is required"},
      {With(kSchedule, "effective_from = \"2026-12-01\"", ""), "effective_from: is required"},
      {With(kSchedule, "\"identity\"", "\"name\""), "schedule:4: categories: `name`"},
      {With(kSchedule, "\"identity\"", "\"immigration_status\""), "immigration status are never"},
      {With(kSchedule, "\"identity\", \"safe_contact\"", ""), "no category"},
      {With(kSchedule, "\"police\"", "\"health\""), "there twice"},
      {"version = \"a\"\neffective_from = \"2026-12-01\"\ncategories = [\"risk\"]\n", "no recipient"},
      {With(kSchedule, "\"emergency-2\"", "\"Emergency 2\""), "version is not"},
      {With(kSchedule, "specialisms", "specialities"), "unknown key"},
  };
  for (const auto& [text, needle] : cases) {
    const auto schedule = ParseSchedule(text);
    ASSERT_TRUE(HasReason(schedule.status(), Reason::kScheduleMalformed)) << needle << "\n" << schedule.status();
    EXPECT_THAT(Message(schedule.status()), HasSubstr(needle));
  }
}

constexpr std::string_view kRegister = R"(
version = "law-2"
effective_from = "2026-12-01"
[[gateway]]
gateway = "ca2004_s16la"
jurisdictions = ["england", "wales"]
from = "2027-04-01"
until = "2030-04-01"
by_itself = false
replaces_consent = false
[[gateway]]
gateway = "court_order"
jurisdictions = ["scotland"]
[[basis]]
article6 = "recognised_legitimate_interest"
from = "2026-02-05"
until = "2031-01-01"
[[basis]]
article6 = "public_task"
)";

TEST(RegisterTextTest, ReadsEveryKey) {
  const auto law = ParseRegister(kRegister);
  ASSERT_EQ(law.status(), absl::OkStatus());
  EXPECT_EQ(law->version, "law-2");
  EXPECT_EQ(law->effective_from, Day(2026, 12, 1));
  ASSERT_EQ(law->gateways.size(), 2u);
  EXPECT_EQ(law->gateways[0].gateway, GATEWAY_CA2004_S16LA);
  EXPECT_THAT(law->gateways[0].jurisdictions, ElementsAre(JURISDICTION_ENGLAND, JURISDICTION_WALES));
  EXPECT_EQ(law->gateways[0].from, Day(2027, 4, 1));
  EXPECT_EQ(law->gateways[0].until, Day(2030, 4, 1));
  EXPECT_FALSE(law->gateways[0].by_itself);
  EXPECT_FALSE(law->gateways[0].replaces_consent);
  EXPECT_EQ(law->gateways[1].from, absl::InfinitePast());
  EXPECT_EQ(law->gateways[1].until, absl::InfiniteFuture());
  EXPECT_TRUE(law->gateways[1].by_itself);
  EXPECT_TRUE(law->gateways[1].replaces_consent);
  ASSERT_EQ(law->bases.size(), 2u);
  EXPECT_EQ(law->bases[0].article6, ARTICLE6_BASIS_RECOGNISED_LEGITIMATE_INTEREST);
  EXPECT_EQ(law->bases[0].from, Day(2026, 2, 5));
  EXPECT_EQ(law->bases[0].until, Day(2031, 1, 1));
  EXPECT_EQ(law->bases[1].until, absl::InfiniteFuture());
}

TEST(RegisterTextTest, SaysWhatIsWrongAndWhere) {
  const std::pair<std::string, std::string> cases[] = {
      {"]", "register:1"},
      {With(kRegister, "\"court_order\"", "\"court\""), "register:12: gateway[1].gateway: `court` is not a word"},
      {With(kRegister, "\"scotland\"", "\"france\""), "gateway[1].jurisdictions: `france`"},
      {With(kRegister, "[\"scotland\"]", "[]"), "extends nowhere"},
      {With(kRegister, "\"2030-04-01\"", "\"2027-04-01\""), "ends before it begins"},
      {With(kRegister, "\"2031-01-01\"", "\"2026-01-01\""), "ends before it begins"},
      {With(kRegister, "\"2031-01-01\"", "\"soon\""), "register:17: basis[0].until: a date"},
      {With(kRegister, "article6 = \"public_task\"", ""), "basis[1].article6: is required"},
      {With(kRegister, "by_itself = false", "by_itself = 0"), "by_itself: must be true or false"},
      {"version = \"law-2\"\neffective_from = \"2026-12-01\"\n", "no Article 6 basis"},
      {With(kRegister, "\"court_order\"", "\"ha1996_s213b\""), "rests on consent"},
      {With(kRegister, "replaces_consent", "replaces"), "unknown key"},
  };
  for (const auto& [text, needle] : cases) {
    const auto law = ParseRegister(text);
    ASSERT_TRUE(HasReason(law.status(), Reason::kLegalRegisterMalformed)) << needle << "\n" << law.status();
    EXPECT_THAT(Message(law.status()), HasSubstr(needle));
  }
}

// What the program is built with can be shown, compared and written on from.
TEST(BuiltInTextTest, ReadsBackAsItself) {
  const auto schedule = ParseSchedule(ScheduleText(referral::EmergencySchedule()));
  ASSERT_EQ(schedule.status(), absl::OkStatus());
  EXPECT_THAT(DiffSchedules(referral::EmergencySchedule(), *schedule), ElementsAre("effective_from: not set -> 1970-01-01"));
  const auto law = ParseRegister(RegisterText(referral::DefaultLegalRegister()));
  ASSERT_EQ(law.status(), absl::OkStatus());
  EXPECT_THAT(DiffRegisters(referral::DefaultLegalRegister(), *law), ElementsAre("effective_from: not set -> 1970-01-01"));
  // Every key that either can have.
  EXPECT_THAT(DiffSchedules(*ParseSchedule(kSchedule), *ParseSchedule(ScheduleText(*ParseSchedule(kSchedule)))), IsEmpty());
  EXPECT_THAT(DiffRegisters(*ParseRegister(kRegister), *ParseRegister(RegisterText(*ParseRegister(kRegister)))), IsEmpty());
}

TEST(DifferenceTest, OrderAndCommentsMakeNone) {
  const auto agreement = *ParseAgreement(kAgreement);
  auto other = *ParseAgreement("# In other words.\n" + With(kAgreement, "\"police\", \"childrens_services\"", "\"childrens_services\", \"police\""));
  std::swap(other.routes[0], other.routes[1]);
  EXPECT_THAT(DiffAgreements(agreement, other), IsEmpty());
}

TEST(DifferenceTest, SaysKeyByKeyWhatBecameOfARoute) {
  const auto before = *ParseAgreement(kAgreement);
  auto after = *ParseAgreement(With(kAgreement, "2026.11", "2026.12"));
  after.parties.push_back("health");
  after.expires = Day(2028, 11, 1);
  referral::Route& route = after.routes[0];
  route.categories = {CATEGORY_IDENTITY, CATEGORY_VOICE};
  route.from_kinds = {};
  route.specialisms = {"duty_team", "maternity"};
  route.min_grade = RISK_GRADE_UNSPECIFIED;
  route.max_score = 12;
  route.needs_consent = true;
  route.gateways = {};
  route.article6 = {};
  route.article9 = {ARTICLE9_CONDITION_VITAL_INTERESTS};
  route.criminal_offence = {};
  route.instruments = {INSTRUMENT_DARA};
  route.areas = {};
  route.to_forums = {};
  route.confidential_address = false;
  route.retention_days = 0;
  route.onward = ONWARD_SHARING_FREE;
  route.feedback_working_days = 5;
  route.forum = "";
  EXPECT_THAT(DiffAgreements(before, after),
              ElementsAre("version: 2026.11 -> 2026.12", "expires: 2027-11-01T12:30:00Z -> 2028-11-01", "parties: added health",
                          "route support: from_kinds: removed childrens_services, police; now not set",
                          "route support: to_forums: removed marac-area; now not set",
                          "route support: categories: added voice; removed orders_and_bail",
                          "route support: areas: removed E06000047; now not set", "route support: specialisms: added maternity",
                          "route support: instruments: removed safelives_dash_ric", "route support: min_grade: medium -> not set",
                          "route support: max_score: 24 -> 12", "route support: forum: marac-area -> not set",
                          "route support: needs_consent: not set -> true", "route support: gateways: removed cda1998_s115; now not set",
                          "route support: article6: removed public_task; now not set",
                          "route support: article9: added vital_interests; removed safeguarding",
                          "route support: criminal_offence: removed unlawful_acts; now not set",
                          "route support: confidential_address: true -> not set", "route support: retention_days: 365 -> not set",
                          "route support: onward: never -> free", "route support: feedback_working_days: 2 -> 5"));
}

TEST(DifferenceTest, SaysWholeWhatCameAndWent) {
  const auto before = *ParseAgreement(kAgreement);
  auto after = before;
  after.id = "other";
  after.routes.erase(after.routes.begin());
  after.routes[0].id = "anew";
  after.routes[0].to_agencies = {"police"};
  const std::vector<std::string> lines = DiffAgreements(before, after);
  ASSERT_GE(lines.size(), 10u);
  EXPECT_EQ(lines[0], "id: area -> other");
  EXPECT_EQ(lines[1], "route anew: added");
  EXPECT_EQ(lines[2], "route anew: from_agencies: idva");
  EXPECT_THAT(lines, ::testing::Contains("route old: removed; it said"));
  EXPECT_THAT(lines, ::testing::Contains("route old: needs_consent: true"));
  EXPECT_THAT(lines, ::testing::Contains("route support: removed; it said"));
  EXPECT_THAT(lines, ::testing::Contains("route support: categories: identity, orders_and_bail"));
  EXPECT_EQ(DiffAgreements(before, after), lines) << "the same every time";
}

TEST(DifferenceTest, OfSchedulesAndRegisters) {
  EXPECT_THAT(DiffSchedules(referral::EmergencySchedule(), *ParseSchedule(kSchedule)),
              ElementsAre("version: emergency-1 -> emergency-2", "effective_from: not set -> 2026-12-01",
                          "recipients: added health (emergency_department or maternity); removed childrens_services, health, idva",
                          "categories: removed children, incident, orders_and_bail, risk"));
  auto law = *ParseRegister(kRegister);
  law.version = "law-3";
  law.gateways[0].until = absl::InfiniteFuture();
  law.gateways[0].by_itself = true;
  law.gateways.push_back({.gateway = GATEWAY_COURT_ORDER, .jurisdictions = {JURISDICTION_ENGLAND}});
  law.bases.pop_back();
  EXPECT_THAT(DiffRegisters(*ParseRegister(kRegister), law),
              ElementsAre("version: law-2 -> law-3", "basis public_task: removed; it said", "gateway ca2004_s16la: until: 2030-04-01 -> not set",
                          "gateway ca2004_s16la: by_itself: false -> true", "gateway court_order: added",
                          "gateway court_order: jurisdictions: england", "gateway court_order: by_itself: true",
                          "gateway court_order: replaces_consent: true"));
}

TEST(DescribeRouteTest, SaysWhatIsSet) {
  EXPECT_THAT(DescribeRoute(ParseAgreement(kAgreement)->routes[1]),
              ElementsAre("from_agencies: idva", "to_kinds: police", "purposes: support", "categories: risk", "needs_consent: true",
                          "onward: ask_originator"));
}

TEST(DescribeScheduleTest, SaysToWhomAndWhat) {
  EXPECT_THAT(DescribeSchedule(*ParseSchedule(kSchedule)),
              ElementsAre("version: emergency-2", "effective_from: 2026-12-01", "recipients: health (emergency_department or maternity), police",
                          "categories: identity, safe_contact"));
}

constexpr std::string_view kPlace = R"(
[[agency]]
id = "police"
kind = "police"
areas = ["E06000047"]
[[agency]]
id = "idva"
kind = "idva"
confidential_desk = true
[[agency]]
id = "childrens"
kind = "childrens_services"
specialisms = ["duty_team"]
[[forum]]
id = "marac"
members = ["police", "idva"]
)";

referral::CompiledPolicy Policy() {
  referral::PolicySources sources;
  sources.agreements.push_back(*ParseAgreement(R"(
version = "7"
parties = ["police", "idva", "childrens"]
effective_from = "2026-01-01"
expires = "2027-01-01"
[[route]]
id = "all"
from_kinds = ["police"]
to_kinds = ["idva"]
purposes = ["support"]
categories = ["identity", "risk"]
retention_days = 30
)"));
  return referral::CompiledPolicy(std::move(sources));
}

std::string OneCase(std::string_view rest) {
  return fmt::format(R"({}
[[case]]
name = "one"
from = "police"
to = "idva"
purpose = "support"
article6 = "public_task"
article9 = "safeguarding"
{})", kPlace, rest);
}

std::vector<CaseResult> RunTable(const std::string& text, absl::Time now = Day(2026, 6, 1)) {
  const auto table = ParseCases(text);
  EXPECT_EQ(table.status(), absl::OkStatus());
  return table.ok() ? RunCases(Policy(), *table, now) : std::vector<CaseResult>();
}

TEST(CasesTest, PassesWhatIsDecidedAsExpected) {
  const auto results = RunTable(OneCase(R"(categories = ["identity", "risk"]
expect = "permit"
rule = "all"
retention_days = 30
onward = "ask_originator"
emergency = false
)"));
  ASSERT_EQ(results.size(), 2u);
  EXPECT_TRUE(results[0].passed) << results[0].got;
  EXPECT_EQ(results[0].category, CATEGORY_IDENTITY);
  EXPECT_EQ(results[0].expected, "permit, all, 30 days, onward ask_originator, not under the emergency schedule");
  EXPECT_EQ(results[0].got, "permit, agreement/7/all, 30 days, onward ask_originator, not under the emergency schedule");
  EXPECT_TRUE(results[1].passed);
  EXPECT_EQ(results[1].category, CATEGORY_RISK);
}

TEST(CasesTest, SaysWhatItGotInsteadAndWhy) {
  const std::string right = "category = \"identity\"\nexpect = \"permit\"\nrule = \"agreement/7/all\"\nretention_days = 30\n";
  ASSERT_TRUE(RunTable(OneCase(right)).at(0).passed);
  const std::pair<std::string, std::string> wrong[] = {
      {"\"permit\"", "\"withhold\""}, {"agreement/7/all", "agreement/8/all"}, {"agreement/7/all", "ll"}, {"30", "31"},
      {"retention_days = 30", "onward = \"free\""}, {"retention_days = 30", "emergency = true"}, {"retention_days = 30", "warning = \"999\""}};
  for (const auto& [from, to] : wrong) {
    const auto results = RunTable(OneCase(With(right, from, to)));
    EXPECT_FALSE(results.at(0).passed) << to;
    EXPECT_NE(results.at(0).expected, results.at(0).got);
  }
  const auto withheld = RunTable(OneCase("category = \"health\"\nexpect = \"permit\"\n")).at(0);
  EXPECT_FALSE(withheld.passed);
  EXPECT_THAT(withheld.got, HasSubstr("withhold, "));
  EXPECT_FALSE(withheld.reason.empty());
  EXPECT_FALSE(withheld.what_would_change_it.empty());
}

// Each key changes the question: from what is permitted to what is not, or back.
TEST(CasesTest, EveryKeyReachesTheDecision) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "permit"},
      {"consent = \"refused\"", "needs_basis"},
      {"consent = \"refused\"\ngateway = \"common_law_public_interest\"\napprover = true\nrationale = true", "permit"},
      {"consent = \"refused\"\ngateway = \"common_law_public_interest\"\nrationale = true", "needs_basis"},
      {"consent = \"refused\"\ngateway = \"common_law_public_interest\"\napprover = true", "needs_basis"},
      {"consent = \"refused\"\ngateway = \"chsa2011_s60\"\napprover = true\nrationale = true\njurisdiction = \"scotland\"", "permit"},
      {"consent = \"refused\"\ngateway = \"chsa2011_s60\"\napprover = true\nrationale = true\njurisdiction = \"wales\"", "needs_basis"},
      {"consent = \"given_with_limits\"", "permit"},
      {"consent = \"given_with_limits\"\nconsent_kinds = [\"police\"]", "needs_basis"},
      {"consent = \"given_with_limits\"\nconsent_agencies = [\"idva\"]", "permit"},
      {"consent = \"given_with_limits\"\nconsent_categories = [\"risk\"]", "needs_basis"},
      {"consent = \"given_with_limits\"\nconsent_purposes = [\"marac\"]", "needs_basis"},
      {"consent = \"given_with_limits\"\nconsent_excludes_kinds = [\"idva\"]", "needs_basis"},
      {"consent = \"given_with_limits\"\nconsent_excludes_agencies = [\"idva\"]", "needs_basis"},
      {"consent = \"given_with_limits\"\nconsent_excludes_categories = [\"identity\"]", "needs_basis"},
      {"consent_by = \"alleged_perpetrator\"", "needs_basis"},
      {"confidential_address = true", "withhold"},
      {"third_party_material = true\noriginator = \"childrens\"", "needs_basis"},
      {"third_party_material = true\noriginator = \"childrens\"\noriginator_agreement = \"given\"", "permit"},
      {"works_at = \"idva\"", "withhold"},
      {"works_at = \"idva\"\ndesk = \"confidential\"", "permit"},
      {"perpetrator_works_at = \"idva\"", "withhold"},
      {"excludes_agencies = [\"idva\"]", "withhold"},
      {"excludes_kinds = [\"idva\"]", "withhold"},
      {"excludes_kinds = [\"idva\"]\nexcludes_categories = [\"risk\"]", "permit"},
      {"worker = \"barred\"", "withhold"},
      {"at = \"2027-01-01\"", "withhold"},
      {"at = \"2026-12-31T23:59:59Z\"", "permit"},
      {"at = \"2027-01-01\"\nurgency = \"immediate\"\nemergency = true", "permit"},
      {"also_to = [\"childrens\"]\nchild = true\nwarning = \"child\"", "permit"},
      {"victim_age_band = \"under_16\"\nwarning = \"under 16\"", "permit"},
  };
  for (const auto& [keys, verdict] : cases) {
    const auto results = RunTable(OneCase(fmt::format("category = \"identity\"\nexpect = \"{}\"\n{}\n[[conflict]]\nagency = \"police\"\nworkers = [\"barred\"]\n", verdict, keys)));
    ASSERT_EQ(results.size(), 1u);
    EXPECT_TRUE(results[0].passed) << keys << "\nexpected " << results[0].expected << "\ngot " << results[0].got << "\n" << results[0].reason;
  }
}

TEST(CasesTest, TheTablesAgenciesStandInForTheDirectorys) {
  referral::PolicySources sources = Policy().sources();
  sources.agencies["police"] = {.kind = AGENCY_KIND_POLICE, .active = true};
  sources.agencies["idva"] = {.kind = AGENCY_KIND_IDVA, .active = true};
  const std::string rest = "category = \"identity\"\nexpect = \"permit\"\n";
  const std::string alone = OneCase(rest).substr(kPlace.size());
  const auto with = *ParseCases(OneCase(rest)), without = *ParseCases(alone);
  EXPECT_TRUE(RunCases(Policy(), with, Day(2026, 6, 1)).at(0).passed);
  EXPECT_FALSE(RunCases(Policy(), without, Day(2026, 6, 1)).at(0).passed) << "nobody is in the directory";
  EXPECT_TRUE(RunCases(referral::CompiledPolicy(sources), without, Day(2026, 6, 1)).at(0).passed);
}

TEST(CasesTest, SaysWhatIsWrongAndWhere) {
  const std::string good = OneCase("category = \"identity\"\nexpect = \"permit\"\n");
  ASSERT_EQ(ParseCases(good).status(), absl::OkStatus());
  const std::pair<std::string, std::string> cases[] = {
      {"]", "cases:1"},
      {"", "case: the table has no case"},
      {With(good, "\"permit\"", "\"allow\""), "case[0].expect: `allow` is not a word of the list: permit, withhold, needs_basis, refuse"},
      {With(good, "expect = \"permit\"", ""), "case[0].expect: is required"},
      {With(good, "category = \"identity\"", ""), "case[0].categories: is needed"},
      {With(good, "name = \"one\"", ""), "case[0].name: is required"},
      {With(good, "purpose = \"support\"", "purpose = \"help\""), "case[0].purpose: `help`"},
      {With(good, "expect", "expects"), "unknown key"},
      {With(good, "to = \"idva\"", "to = \"police\""), "no referral could be this case"},
      {With(good, "to = \"idva\"", "to = \"Idva!\""), "no referral could be this case"},
      {With(good, "expect", "at = \"today\"\nexpect"), "case[0].at: a date"},
      {With(good, "expect", "score = -1\nexpect"), "case[0].score: must be"},
      {With(good, "id = \"police\"\nkind", "id = \"idva\"\nkind"), "agency[1].id: idva is there twice"},
      {With(good, "id = \"marac\"", "id = \"The Marac\""), "forum[0].id: 1 to 63"},
      {good + With(good, kPlace, ""), "case[1].name: `one` is there twice"},
      {good + "\xff", "not UTF-8"},
      {std::string((1u << 20) + 1, '#'), "over 1048576 bytes"},
  };
  for (const auto& [text, needle] : cases) {
    const auto table = ParseCases(text);
    ASSERT_TRUE(HasReason(table.status(), Reason::kFieldInvalid)) << needle << "\n" << table.status();
    EXPECT_THAT(Message(table.status()), HasSubstr(needle));
  }
  std::string many;
  for (size_t i = 0; i <= kCasesMax; ++i) many += fmt::format("[[case]]\nname = \"{}\"\n", i);
  EXPECT_THAT(Message(ParseCases(many).status()), HasSubstr("over 1000 cases"));
}

}  // namespace
}  // namespace accord::policy::policy_test
