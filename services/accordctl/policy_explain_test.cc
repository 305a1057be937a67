#include "services/accordctl/policy_explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accord::accordctl::policy_explain_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::HasSubstr;
using ::testing::Not;

SectionDecision Decision(const std::string& section, Category category, const std::string& recipient, Verdict verdict, const std::string& rule) {
  SectionDecision decision;
  decision.set_section_id(section);
  decision.set_category(category);
  decision.set_recipient(recipient);
  decision.set_verdict(verdict);
  decision.set_rule_id(rule);
  decision.set_reason("Because of " + rule + ".");
  if (verdict == VERDICT_PERMIT) {
    decision.mutable_obligations()->set_onward(ONWARD_SHARING_ASK_ORIGINATOR);
    decision.mutable_obligations()->set_not_to_alleged_perpetrator(true);
  } else {
    decision.add_what_would_change_it("Ask the person.");
  }
  return decision;
}

CheckedRow Row(uint64_t index, int64_t time_ms, EventType type, const std::string& agreement, std::vector<SectionDecision> decisions) {
  CheckedRow row{.index = index};
  row.leaf.time_ms = static_cast<uint64_t>(time_ms);
  row.event.emplace().set_type(type);
  row.event->set_agreement_version(agreement);
  row.event->set_emergency_version("emergency-1");
  row.event->set_law_version("law-1");
  if (!decisions.empty()) {
    row.decisions.emplace();
    for (auto& decision : decisions) *row.decisions->add_decisions() = std::move(decision);
  }
  return row;
}

// Stored on one day; withheld from the Idva at release the day after.
std::vector<CheckedRow> Trail() {
  return {Row(3, 1'000, EVENT_TYPE_REFERRAL_STORED, "7",
              {Decision("s1", CATEGORY_RISK, "idva", VERDICT_PERMIT, "agreement/7/support"),
               Decision("s1", CATEGORY_RISK, "housing", VERDICT_WITHHOLD, "default/no-route"),
               Decision("s2", CATEGORY_HEALTH, "housing", VERDICT_WITHHOLD, "default/no-route")}),
          Row(4, 2'000, EVENT_TYPE_DELIVERED, "", {}),
          Row(5, 3'000, EVENT_TYPE_WITHHELD_AT_RELEASE, "8", {Decision("s1", CATEGORY_RISK, "idva", VERDICT_WITHHOLD, "always/protective-list")})};
}

std::vector<std::string> Rules(const std::vector<Explained>& decisions) {
  std::vector<std::string> rules;
  for (const Explained& each : decisions) rules.push_back(each.decision.recipient() + " " + each.decision.rule_id());
  return rules;
}

TEST(LastDecisionsTest, AreOfEachSectionAndRecipientTheLast) {
  const auto last = LastDecisions(Trail(), {});
  EXPECT_THAT(Rules(last), ::testing::ElementsAre("idva always/protective-list", "housing default/no-route", "housing default/no-route"));
  EXPECT_EQ(last[0].index, 5u);
  EXPECT_EQ(last[0].agreement_version, "8");
  EXPECT_EQ(last[1].index, 3u);
  EXPECT_EQ(last[1].agreement_version, "7");
  EXPECT_EQ(last[1].emergency_version, "emergency-1");
  EXPECT_EQ(last[1].law_version, "law-1");
}

TEST(LastDecisionsTest, AreAsTheyStoodThen) {
  EXPECT_THAT(Rules(LastDecisions(Trail(), {.recipient = "idva", .at_ms = 2'999})), ::testing::ElementsAre("idva agreement/7/support"));
  EXPECT_THAT(Rules(LastDecisions(Trail(), {.recipient = "idva", .at_ms = 3'000})), ::testing::ElementsAre("idva always/protective-list"));
  EXPECT_TRUE(LastDecisions(Trail(), {.at_ms = 999}).empty());
}

TEST(LastDecisionsTest, AreOfWhatIsAskedAbout) {
  EXPECT_EQ(LastDecisions(Trail(), {.category = CATEGORY_HEALTH}).size(), 1u);
  EXPECT_EQ(LastDecisions(Trail(), {.recipient = "housing"}).size(), 2u);
  EXPECT_TRUE(LastDecisions(Trail(), {.recipient = "police"}).empty());
  // An erased entry says nothing any more.
  auto erased = Trail();
  erased[2].event.reset();
  EXPECT_THAT(Rules(LastDecisions(erased, {.recipient = "idva"})), ::testing::ElementsAre("idva agreement/7/support"));
}

TEST(ExplainTimeTest, ADayIsToItsEnd) {
  EXPECT_EQ(ExplainTime("1970-01-01"), 86'399'999);
  EXPECT_EQ(ExplainTime("1970-01-01T00:00:01Z"), 1'000);
  EXPECT_EQ(ExplainTime("3 March"), std::nullopt);
  EXPECT_EQ(ExplainTime(""), std::nullopt);
}

TEST(RuleIdTest, NamesItsDocument) {
  EXPECT_EQ(RouteOfRule("agreement/2026.11/support"), std::pair(std::string("2026.11"), std::string("support")));
  EXPECT_EQ(RouteOfRule("always/protective-list"), std::nullopt);
  EXPECT_EQ(RouteOfRule("agreement/support"), std::nullopt);
  EXPECT_EQ(ScheduleOfRule("emergency/emergency-2"), "emergency-2");
  EXPECT_EQ(ScheduleOfRule("default/no-route"), std::nullopt);
}

TEST(ExplainTextTest, SaysWhoWhyWhenAndUnderWhat) {
  const std::string text = ExplainText(LastDecisions(Trail(), {.at_ms = 2'000}), 120);
  for (const char* said : {"idva", "permit", "[agreement/7/support]", "onward: ask originator", "never to the alleged perpetrator",
                           "kept by the recipient's own schedule", "risk, health", "withhold", "[default/no-route]", "Ask the person.",
                           "entry 3: referral stored", "agreement 7", "schedule emergency-1", "register law-1"}) {
    EXPECT_THAT(text, HasSubstr(said));
  }
  auto row = Row(9, 1'000, EVENT_TYPE_REFERRAL_STORED, "", {Decision("s", CATEGORY_RISK, "idva", VERDICT_PERMIT, "emergency/emergency-1")});
  row.decisions->mutable_decisions(0)->set_emergency_gap(true);
  row.decisions->mutable_decisions(0)->mutable_obligations()->set_retention_days(30);
  row.event->clear_law_version();
  const std::string emergency = ExplainText(LastDecisions({row}, {}), 120);
  for (const char* said : {"under the emergency schedule alone", "kept for 30 days", "no agreement", "register not kept"}) EXPECT_THAT(emergency, HasSubstr(said));
  EXPECT_THAT(emergency, Not(HasSubstr("would change it")));
}

}  // namespace
}  // namespace accord::accordctl::policy_explain_test
