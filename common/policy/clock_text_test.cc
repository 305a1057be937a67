// Clock rules as text: what reads, what is refused and how it is said, and what differs.
#include "common/policy/clock_text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/policy/difference.h"

namespace accord::policy::clock_text_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kHead = "version = \"c-1\"\neffective_from = \"2026-11-01\"\n";
constexpr std::string_view kPickUp = "[[pick_up]]\nlane = \"medium\"\nworking_days = 3\n[[pick_up]]\nlane = \"standard\"\nhours = 120\n";
constexpr std::string_view kResponse = "[[response]]\nworking_days = 5\n";
constexpr std::string_view kSteps =
    "[escalation]\nmanagers_percent = 25\ndeputy_percent = 50\nsender_percent = 100\n"
    "[escalation_immediate]\nmanagers_minutes = 5\ndeputy_minutes = 10\nsender_minutes = 15\n";

std::string Text(std::string_view more = "", std::string_view pick_up = kPickUp, std::string_view response = kResponse) {
  return fmt::format("{}{}{}{}{}", kHead, pick_up, response, kSteps, more);
}
std::string Why(const std::string& text) {
  const auto rules = ParseClockRules(text, "rules.toml");
  EXPECT_TRUE(HasReason(rules.status(), Reason::kFieldInvalid)) << rules.status();
  return std::string(FromAbsl(rules.status().message()));
}

TEST(ClockTextTest, ReadsWhatIsWritten) {
  const auto rules = ParseClockRules(Text("[[bank_holidays]]\njurisdictions = [\"wales\"]\ndays = [\"2026-12-25\"]\n"));
  ASSERT_EQ(rules.status(), absl::OkStatus());
  EXPECT_EQ(rules->pick_up.at(type::v1::LANE_IMMEDIATE), (referral::Allowance{absl::Minutes(30), 0})) << "it need not be said";
  EXPECT_EQ(rules->pick_up.at(type::v1::LANE_STANDARD), (referral::Allowance{absl::Hours(120), 0}));
  EXPECT_EQ(rules->bank_holidays[0].days, std::set<absl::CivilDay>{absl::CivilDay(2026, 12, 25)});
  const auto again = ParseClockRules(ClockRulesText(*rules));
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_THAT(DiffClockRules(*rules, *again), IsEmpty());
}

TEST(ClockTextTest, TheShippedOnesSayWhatTheProgramIsBuiltWith) {
  const auto text = ReadFile("deploy/clock-rules.toml", 1u << 20);
  ASSERT_EQ(text.status(), absl::OkStatus());
  const auto shipped = ParseClockRules(*text, "deploy/clock-rules.toml");
  ASSERT_EQ(shipped.status(), absl::OkStatus());
  EXPECT_THAT(DiffClockRules(referral::DefaultClockRules(), *shipped),
              ElementsAre("version: clocks-1.2 -> clocks-4", "effective_from: not set -> 2026-01-01", "school E06000047 from 2026-09-01: added",
                          "school E06000047 from 2026-09-01: last_day: 2026-12-18", "school E06000047 from 2026-09-01: closed: 2026-10-26/2026-10-30",
                          "school E06000047 from 2026-09-01: begins: 08:45", "school E06000047 from 2027-01-04: added",
                          "school E06000047 from 2027-01-04: last_day: 2027-03-25", "school E06000047 from 2027-01-04: closed: 2027-02-15/2027-02-19",
                          "school E06000047 from 2027-01-04: begins: 08:45", "school E06000047 from 2027-04-12: added",
                          "school E06000047 from 2027-04-12: last_day: 2027-07-21", "school E06000047 from 2027-04-12: closed: 2027-05-31/2027-06-04",
                          "school E06000047 from 2027-04-12: begins: 08:45"));
  const auto built_in = ParseClockRules(ClockRulesText(referral::DefaultClockRules()));
  ASSERT_EQ(built_in.status(), absl::OkStatus());
  EXPECT_THAT(DiffClockRules(referral::DefaultClockRules(), *built_in), ElementsAre("effective_from: not set -> 1970-01-01"));
}

TEST(ClockTextTest, DangerIsNotARuleThatATextChanges) {
  const std::string immediate = Why(Text("[[pick_up]]\nlane = \"immediate\"\nworking_days = 1\n"));
  EXPECT_THAT(immediate, HasSubstr("rules.toml:"));
  EXPECT_THAT(immediate, HasSubstr("immediate is opened within 30 minutes"));
  EXPECT_THAT(Why(Text("[[pick_up]]\nlane = \"high\"\nhours = 25\n")), HasSubstr("high is opened within 24 hours"));
  EXPECT_EQ(ParseClockRules(Text("[[pick_up]]\nlane = \"immediate\"\nminutes = 30\n[[pick_up]]\nlane = \"high\"\nhours = 24\n")).status(), absl::OkStatus());
}

TEST(ClockTextTest, SaysWhatIsWrongWhere) {
  EXPECT_THAT(Why("version = "), HasSubstr("rules.toml"));
  EXPECT_THAT(Why(Text("unknown = 1\n")), HasSubstr("unknown"));
  EXPECT_THAT(Why(Text("[[bank_holidays]]\njurisdictions = [\"wales\"]\ndays = [\"2026-12-32\"]\n")), HasSubstr("`2026-12-32` is no day"));
  EXPECT_THAT(Why(Text("[[bank_holidays]]\njurisdictions = [\"wales\"]\ndays = [\"2026-12-25T00:00:00Z\"]\n")), HasSubstr("is no day"));
  EXPECT_THAT(Why(Text("[[bank_holidays]]\njurisdictions = [\"wales\"]\ndays = [\"2026-12-25\", \"2026-12-25\"]\n")), HasSubstr("twice"));
  EXPECT_THAT(Why(Text("[[pick_up]]\nlane = \"medium\"\nhours = 1\n")), HasSubstr("two rows of this lane"));
  EXPECT_THAT(Why(Text("[[pick_up]]\nlane = \"notices\"\nhours = 1\n")), HasSubstr("no clock runs for notices"));
  EXPECT_THAT(Why(Text("", kPickUp, "[[response]]\nworking_days = 5\nhours = 1\n")), HasSubstr("one alone"));
  EXPECT_THAT(Why(Text("", kPickUp, "[[response]]\nkinds = [\"police\"]\nhours = 1\n")), HasSubstr("a last row"));
  EXPECT_THAT(Why(Text("", "[[pick_up]]\nlane = \"medium\"\nhours = 1\n")), HasSubstr("pick_up standard: has no row"));
  EXPECT_THAT(Why(Text("", kPickUp, "[[response]]\nworking_days = 61\n")), HasSubstr("working_days"));
  EXPECT_THAT(Why(fmt::format("{}{}{}", kHead, kPickUp, kResponse)), HasSubstr("managers_percent"));
}

// A term with what may be wrong in it.
std::string Term(std::string_view more, std::string_view days = "first_day = \"2026-09-01\"\nlast_day = \"2026-12-18\"\n") {
  return Text(fmt::format("[[school_terms]]\n{}{}\n", days, more));
}

TEST(ClockTextTest, ReadsSchoolTermsAndWhatIsOpenedBeforeSchool) {
  const auto without = ParseClockRules(Text());
  ASSERT_EQ(without.status(), absl::OkStatus());
  EXPECT_TRUE(without->before_school.empty() && without->school_terms.empty()) << "a text that says nothing of it means what it meant";
  const auto rules = ParseClockRules(Text(
      "[[before_school]]\ntypes = [\"notification\"]\npurposes = [\"safeguarding_child\"]\nfrom_kinds = [\"police\"]\nto_kinds = [\"education\", \"health\"]\n"
      "[[before_school]]\n"
      "[[school_terms]]\nareas = [\"E06000047\", \"E06000052\"]\nfirst_day = \"2026-09-01\"\nlast_day = \"2026-12-18\"\n"
      "closed = [\"2026-10-26/2026-10-30\", \"2026-11-02\", \"2026-10-31/2026-10-31\"]\nbegins = \"09:05\"\n"
      "[[school_terms]]\nfirst_day = \"2026-09-02\"\nlast_day = \"2026-09-02\"\n"));
  ASSERT_EQ(rules.status(), absl::OkStatus());
  ASSERT_EQ(rules->before_school.size(), 2u);
  EXPECT_EQ(rules->before_school[0].purposes, std::vector{type::v1::PURPOSE_SAFEGUARDING_CHILD});
  EXPECT_EQ(rules->before_school[0].from_kinds, std::vector{type::v1::AGENCY_KIND_POLICE});
  EXPECT_EQ(rules->before_school[0].to_kinds, (std::vector{type::v1::AGENCY_KIND_EDUCATION, type::v1::AGENCY_KIND_HEALTH}));
  ASSERT_EQ(rules->school_terms.size(), 2u);
  const auto& term = rules->school_terms[0];
  EXPECT_EQ(term.areas, (std::set<std::string>{"E06000047", "E06000052"}));
  EXPECT_EQ(term.closed.size(), 7u);
  EXPECT_EQ(term.begins, 9u * 60 + 5);
  EXPECT_THAT(DaysText(term.closed), ElementsAre("2026-10-26/2026-10-31", "2026-11-02"));
  EXPECT_TRUE(rules->school_terms[1].areas.empty());
  EXPECT_EQ(rules->school_terms[1].begins, 8u * 60 + 45) << "unless it says otherwise";
  EXPECT_EQ(rules->school_terms[1].first, rules->school_terms[1].last);
  const auto again = ParseClockRules(ClockRulesText(*rules));
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_THAT(DiffClockRules(*rules, *again), IsEmpty());
  EXPECT_THAT(DiffClockRules(*without, *rules), ::testing::Contains("school elsewhere from 2026-09-02: begins: 08:45"));
  EXPECT_THAT(DiffClockRules(*without, *rules), ::testing::Contains("before_school 001: to_kinds: education, health"));
}

TEST(ClockTextTest, SaysWhatIsWrongWithATermAndWhere) {
  EXPECT_THAT(Why(Term("", "last_day = \"2026-12-18\"")), HasSubstr("first_day"));
  EXPECT_THAT(Why(Term("", "first_day = \"2026-09-31\"\nlast_day = \"2026-12-18\"")), HasSubstr("first_day: `2026-09-31` is no day"));
  EXPECT_THAT(Why(Term("", "first_day = \"2026-09-02\"\nlast_day = \"2026-09-01\"")), HasSubstr("last_day: is before the first"));
  EXPECT_EQ(ParseClockRules(Term("", "first_day = \"2026-09-01\"\nlast_day = \"2027-09-01\"")).status(), absl::OkStatus()) << "366 days";
  EXPECT_THAT(Why(Term("", "first_day = \"2026-09-01\"\nlast_day = \"2027-09-02\"")), HasSubstr("more than 366 days"));
  EXPECT_THAT(Why(Term("areas = [\"Durham\"]")), HasSubstr("areas: `Durham` is no GSS code"));
  EXPECT_THAT(Why(Term("areas = []")), HasSubstr("areas: is empty"));
  EXPECT_THAT(Why(Term("areas = [\"E06000047\", \"E06000047\"]")), HasSubstr("E06000047 is there twice"));
  EXPECT_THAT(Why(Term("closed = [\"half-term\"]")), HasSubstr("closed: `half-term` is no day"));
  EXPECT_THAT(Why(Term("closed = [\"2026-10-30/2026-10-26\"]")), HasSubstr("is no day"));
  EXPECT_THAT(Why(Term("closed = [\"2026-10-26/\"]")), HasSubstr("is no day"));
  EXPECT_THAT(Why(Term("closed = [\"2026-12-18/2026-12-19\"]")), HasSubstr("2026-12-18/2026-12-19 is not in the term"));
  EXPECT_THAT(Why(Term("closed = [\"2026-08-31\"]")), HasSubstr("is not in the term"));
  EXPECT_THAT(Why(Term("closed = [\"2026-10-26/2026-10-30\", \"2026-10-28\"]")), HasSubstr("2026-10-28 is there twice"));
  for (const char* begins : {"8:45", "05:59", "12:01", "08:60", "early"}) {
    EXPECT_THAT(Why(Term(fmt::format("begins = \"{}\"", begins))), HasSubstr("begins: a time such as 08:45 is needed, from 06:00 to 12:00"));
  }
  for (const char* begins : {"06:00", "12:00"}) EXPECT_EQ(ParseClockRules(Term(fmt::format("begins = \"{}\"", begins))).status(), absl::OkStatus());
  EXPECT_THAT(Why(Term("until = \"2026-12-18\"")), HasSubstr("until"));
  EXPECT_THAT(Why(Term("closed = [\"half-term\"]")), HasSubstr("rules.toml:22: school_terms[0].closed")) << "the line";
  EXPECT_THAT(Why(Term("[[school_terms]]\nfirst_day = \"2026-12-18\"\nlast_day = \"2027-03-25\"")), HasSubstr("the term from 2026-12-18: begins before"));
  EXPECT_THAT(Why(Text("[[before_school]]\nto_kinds = [\"school\"]\n")), HasSubstr("to_kinds: `school` is not a word of the list"));
  EXPECT_THAT(Why(Text("[[before_school]]\ntypes = [\"response\"]\n")), HasSubstr("nobody has to open"));
}

TEST(ClockTextTest, SaysWhatDiffers) {
  const auto before = ParseClockRules(Text());
  const auto after = ParseClockRules(Text("[[bank_holidays]]\njurisdictions = [\"wales\"]\ndays = [\"2026-12-25\"]\n",
                                          "[[pick_up]]\nlane = \"medium\"\nworking_days = 2\n[[pick_up]]\nlane = \"standard\"\nhours = 120\n",
                                          "[[response]]\nkinds = [\"police\"]\nhours = 48\n[[response]]\nworking_days = 5\n"));
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_THAT(DiffClockRules(*before, *after),
              ElementsAre("bank holidays wales: added", "bank holidays wales: days: 2026-12-25", "pick_up medium: within: 3 working days -> 2 working days",
                          "response 001: kinds: added police; was not set", "response 001: within: 5 working days -> 48 hours", "response 002: added",
                          "response 002: within: 5 working days"));
}

}  // namespace
}  // namespace accord::policy::clock_text_test
