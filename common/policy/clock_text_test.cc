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

namespace accord::policy {
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
              ElementsAre("version: clocks-1.1 -> clocks-3", "effective_from: not set -> 2026-01-01"));
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
}  // namespace accord::policy
