// Case rules as text: what reads, what is refused and how it is said, and what differs.
#include "common/policy/case_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/policy/difference.h"

namespace accord::policy::case_text_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kText =
    "version = \"c-1\"\neffective_from = \"2026-11-01\"\n[escalation]\nevents = 4\nmonths = 6\ntypes = [\"event_notice\"]\n"
    "[repeat]\nmonths = 18\nanchor = \"hearing\"\n[other_victims]\nmonths = 24\n[grades]\nric_medium = 9\nric_high = 16\n";

// kText with `with` in place of `what`.
std::string But(const std::string& what, const std::string& with) {
  std::string text = kText;
  return text.replace(text.find(what), what.size(), with);
}
std::string Why(const std::string& text) {
  const auto rules = ParseCaseRules(text, "rules.toml");
  EXPECT_TRUE(HasReason(rules.status(), Reason::kFieldInvalid)) << rules.status();
  return std::string(FromAbsl(rules.status().message()));
}

TEST(CaseTextTest, ReadsWhatIsWritten) {
  const auto rules = ParseCaseRules(kText);
  ASSERT_EQ(rules.status(), absl::OkStatus());
  EXPECT_EQ(rules->escalation_events, 4u);
  EXPECT_EQ(rules->escalation_months, 6u);
  EXPECT_THAT(rules->event_types, ElementsAre(type::v1::REFERRAL_TYPE_EVENT_NOTICE));
  EXPECT_EQ(rules->repeat_months, 18u);
  EXPECT_EQ(rules->repeat_anchor, referral::CaseRules::Anchor::kHearing);
  EXPECT_EQ(rules->other_victim_months, 24u);
  EXPECT_EQ(rules->ric.medium, 9u);
  EXPECT_EQ(rules->ric.high, 16u);
  const auto again = ParseCaseRules(CaseRulesText(*rules));
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_THAT(DiffCaseRules(*rules, *again), IsEmpty());
}

TEST(CaseTextTest, TheShippedOnesSayWhatTheProgramIsBuiltWith) {
  const auto text = ReadFile("deploy/case-rules.toml", 1u << 20);
  ASSERT_EQ(text.status(), absl::OkStatus());
  const auto shipped = ParseCaseRules(*text, "deploy/case-rules.toml");
  ASSERT_EQ(shipped.status(), absl::OkStatus());
  EXPECT_THAT(DiffCaseRules(referral::DefaultCaseRules(), *shipped),
              ElementsAre("version: cases-1 -> cases-2", "effective_from: not set -> 2026-01-01"));
}

TEST(CaseTextTest, SaysWhatIsWrongWhere) {
  EXPECT_THAT(Why("version = "), HasSubstr("rules.toml"));
  EXPECT_THAT(Why(kText + "unknown = 1\n"), HasSubstr("unknown"));
  EXPECT_THAT(Why(But("\"hearing\"", "\"meeting\"")), HasSubstr("`meeting` is neither `referral` nor `hearing`"));
  EXPECT_THAT(Why(But("event_notice", "rumour")), HasSubstr("`rumour` is not a word of the list"));
  EXPECT_THAT(Why(But("\"event_notice\"", "")), HasSubstr("types has none"));
  EXPECT_THAT(Why(But("event_notice", "correction")), HasSubstr("of the type of what it corrects"));
  EXPECT_THAT(Why(But("event_notice", "not_shared")), HasSubstr("reports no event"));
  EXPECT_THAT(Why(But("events = 4", "events = 1")), HasSubstr("events"));
  EXPECT_THAT(Why(But("months = 18", "months = 0")), HasSubstr("months"));
  EXPECT_THAT(Why(But("ric_medium = 9", "ric_medium = 17")), HasSubstr("in this order"));
  EXPECT_THAT(Why(But("[grades]\nric_medium = 9\nric_high = 16\n", "")), HasSubstr("ric_medium"));
}

TEST(CaseTextTest, SaysWhatDiffers) {
  const auto before = ParseCaseRules(kText), after = ParseCaseRules(But("months = 18\nanchor = \"hearing\"", "months = 12\nanchor = \"referral\""));
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_THAT(DiffCaseRules(*before, *after), ElementsAre("repeat: months: 18 -> 12", "repeat: anchor: hearing -> referral"));
}

}  // namespace
}  // namespace accord::policy::case_text_test
