#include "services/accordctl/decision_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accord::accordctl::decision_table_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

void Add(Decisions& decisions, const std::string& id, type::v1::Category category, const std::string& recipient,
         type::v1::Verdict verdict, const std::string& reason = "", const std::vector<std::string>& changes = {}) {
  auto& decision = *decisions.Add();
  decision.set_section_id(id);
  decision.set_category(category);
  decision.set_recipient(recipient);
  decision.set_verdict(verdict);
  decision.set_rule_id("rule/" + reason);
  decision.set_reason(reason);
  for (const auto& change : changes) {  // Each an alternative.
    decision.add_what_would_change_it(change);
    decision.add_changes()->add_changes(type::v1::CHANGE_CODE_CHANGE_AGREEMENT);
  }
}

Decisions Sample() {
  Decisions decisions;
  Add(decisions, "1", type::v1::CATEGORY_IDENTITY, "idva", type::v1::VERDICT_PERMIT);
  Add(decisions, "1", type::v1::CATEGORY_IDENTITY, "health", type::v1::VERDICT_PERMIT);
  Add(decisions, "2", type::v1::CATEGORY_HEALTH, "idva", type::v1::VERDICT_WITHHOLD, "no route",
      {"an agreement", "consent"});
  Add(decisions, "2", type::v1::CATEGORY_HEALTH, "health", type::v1::VERDICT_NEEDS_BASIS, "no basis", {"a basis"});
  Add(decisions, "3", type::v1::CATEGORY_NARRATIVE, "idva", type::v1::VERDICT_WITHHOLD, "no route",
      {"an agreement", "consent"});
  Add(decisions, "4", type::v1::CATEGORY_NARRATIVE, "idva", type::v1::VERDICT_PERMIT);
  return decisions;
}

TEST(DecisionTableTest, EachRecipientIsToldWhatItGetsAndWhatNot) {
  const auto shares = SharesOf(Sample());
  ASSERT_EQ(shares.size(), 2u);
  EXPECT_EQ(shares[0].recipient, "idva");
  EXPECT_THAT(shares[0].gets, ElementsAre("identity", "narrative 2"));
  EXPECT_THAT(shares[0].does_not_get, ElementsAre("health", "narrative"));
  EXPECT_THAT(shares[1].gets, ElementsAre("identity"));
  EXPECT_THAT(shares[1].does_not_get, ElementsAre("health"));
}

TEST(DecisionTableTest, TheMatrixHasEverySectionOnceAndEachReasonOnceByItsNumber) {
  EXPECT_EQ(DecisionText(Sample(), 110, false),
            "  section      idva    health\n"
            "  -----------  ------  ---------------\n"
            "  identity     yes     yes\n"
            "  health       no (1)  needs basis (2)\n"
            "  narrative    no (1)  -\n"
            "  narrative 2  yes     -\n"
            "\n"
            "       recipient  verdict      sections           why                       what would change it\n"
            "  ---  ---------  -----------  -----------------  ------------------------  --------------------\n"
            "  (1)  idva       no           health, narrative  no route [rule/no route]  an agreement\n"
            "                                                                            or: consent\n"
            "  (2)  health     needs basis  health             no basis [rule/no basis]  a basis\n");
}

// "or" where "and" is meant would send a worker away with a quarter of what is needed.
TEST(DecisionTableTest, WhatIsNeededTogetherIsToldFromAlternatives) {
  Decisions decisions;
  Add(decisions, "1", type::v1::CATEGORY_RISK, "idva", type::v1::VERDICT_NEEDS_BASIS, "no basis", {"a basis", "an approver", "consent"});
  auto& decision = decisions[0];
  decision.mutable_changes(0)->add_changes(type::v1::CHANGE_CODE_RECORD_APPROVER);
  decision.mutable_changes()->DeleteSubrange(2, 1);
  EXPECT_THAT(DecisionText(decisions, 200, false), HasSubstr("a basis\n"));
  EXPECT_THAT(DecisionText(decisions, 200, false), HasSubstr("  and: an approver\n"));
  EXPECT_THAT(DecisionText(decisions, 200, false), HasSubstr("  or: consent\n"));
  decision.clear_changes();  // A broker that does not say.
  EXPECT_THAT(DecisionText(decisions, 200, false), Not(HasSubstr("or: ")));
  EXPECT_THAT(DecisionText(decisions, 200, false), Not(HasSubstr("and: ")));
}

TEST(DecisionTableTest, ColoursSayTheVerdictBesidesTheWords) {
  const std::string text = DecisionText(Sample(), 110, true);
  EXPECT_THAT(text, HasSubstr("\x1b[32myes\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[31mno (1)\x1b[0m  \x1b[33mneeds basis (2)\x1b[0m\n"));
  EXPECT_THAT(DecisionText(Sample(), 110, false), Not(HasSubstr("\x1b")));
}

TEST(DecisionTableTest, RecipientsOfWhomTheSameIsSaidShareARow) {
  Decisions decisions;
  for (const char* recipient : {"idva", "health"}) {
    Add(decisions, "1", type::v1::CATEGORY_RISK, recipient, type::v1::VERDICT_REFUSE, "never");
  }
  const std::string text = DecisionText(decisions, 110, false);
  EXPECT_THAT(text, HasSubstr("risk     refused (1)  refused (1)\n"));
  EXPECT_THAT(text, HasSubstr("(1)  idva, health  refused  risk      never [rule/never]  nothing\n"));
  EXPECT_THAT(text, Not(HasSubstr("(2)")));
}

TEST(DecisionTableTest, WhatTheEmergencyScheduleAlonePermitsSaysSo) {
  Decisions decisions;
  Add(decisions, "1", type::v1::CATEGORY_RISK, "idva", type::v1::VERDICT_PERMIT, "danger now");
  decisions[0].set_rule_id("emergency");
  decisions[0].set_emergency_gap(true);
  EXPECT_THAT(DecisionText(decisions, 110, false), HasSubstr("yes, emergency (1)"));
  EXPECT_THAT(DecisionText(decisions, 110, false), HasSubstr("danger now [emergency]"));
  EXPECT_THAT(SharesOf(decisions)[0].gets, ElementsAre("risk"));
}

// A withheld section must never look shared: a verdict of a newer broker is no "yes".
TEST(DecisionTableTest, WhatIsNotPermittedIsNeverShownAsShared) {
  Decisions decisions;
  Add(decisions, "1", type::v1::CATEGORY_RISK, "idva", static_cast<type::v1::Verdict>(9));
  Add(decisions, "2", type::v1::CATEGORY_HEALTH, "idva", type::v1::VERDICT_UNSPECIFIED);
  EXPECT_THAT(SharesOf(decisions)[0].gets, IsEmpty());
  EXPECT_THAT(DecisionText(decisions, 110, false), Not(HasSubstr("yes")));
  EXPECT_THAT(DecisionText(decisions, 110, false), Not(HasSubstr("Nothing is withheld")));
}

TEST(DecisionTableTest, NothingDecidedAndNothingWithheldAreSaidSo) {
  EXPECT_THAT(DecisionText({}, 110, false), HasSubstr("Nothing is decided yet."));
  Decisions decisions;
  Add(decisions, "1", type::v1::CATEGORY_RISK, "idva", type::v1::VERDICT_PERMIT);
  EXPECT_THAT(DecisionText(decisions, 110, false), HasSubstr("Nothing is withheld."));
}

}  // namespace
}  // namespace accord::accordctl::decision_table_test
