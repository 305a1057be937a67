#include "services/accordctl/decision_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accord::accordctl {
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
  for (const auto& change : changes) decision.add_what_would_change_it(change);
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

TEST(DecisionTableTest, TheMatrixHasEverySectionOnceAndEachReasonOnce) {
  EXPECT_EQ(DecisionText(Sample(), 110),
            "  section      idva  health\n"
            "  -----------  ----  -----------\n"
            "  identity     yes   yes\n"
            "  health       no    needs basis\n"
            "  narrative    no    -\n"
            "  narrative 2  yes   -\n"
            "\n"
            "  recipient  does not get       why                       what would change it\n"
            "  ---------  -----------------  ------------------------  --------------------\n"
            "  idva       health, narrative  no route [rule/no route]  an agreement\n"
            "                                                          or: consent\n"
            "  health     health             no basis [rule/no basis]  a basis\n");
}

TEST(DecisionTableTest, RecipientsOfWhomTheSameIsSaidShareARow) {
  Decisions decisions;
  for (const char* recipient : {"idva", "health"}) {
    Add(decisions, "1", type::v1::CATEGORY_RISK, recipient, type::v1::VERDICT_WITHHOLD, "never");
  }
  EXPECT_THAT(DecisionText(decisions, 110), HasSubstr("idva, health  risk          never [rule/never]  nothing\n"));
}

// A withheld section must never look shared: a verdict of a newer broker is no "yes".
TEST(DecisionTableTest, WhatIsNotPermittedIsNeverShownAsShared) {
  Decisions decisions;
  Add(decisions, "1", type::v1::CATEGORY_RISK, "idva", static_cast<type::v1::Verdict>(9));
  Add(decisions, "2", type::v1::CATEGORY_HEALTH, "idva", type::v1::VERDICT_UNSPECIFIED);
  EXPECT_THAT(SharesOf(decisions)[0].gets, IsEmpty());
  EXPECT_THAT(DecisionText(decisions, 110), Not(HasSubstr("yes")));
  EXPECT_THAT(DecisionText(decisions, 110), Not(HasSubstr("Nothing is withheld")));
}

TEST(DecisionTableTest, NothingDecidedAndNothingWithheldAreSaidSo) {
  EXPECT_THAT(DecisionText({}, 110), HasSubstr("Nothing is decided yet."));
  Decisions decisions;
  Add(decisions, "1", type::v1::CATEGORY_RISK, "idva", type::v1::VERDICT_PERMIT);
  EXPECT_THAT(DecisionText(decisions, 110), HasSubstr("Nothing is withheld."));
}

}  // namespace
}  // namespace accord::accordctl
