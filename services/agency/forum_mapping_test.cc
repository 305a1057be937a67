#include "services/agency/forum_mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "common/referral/referral_name.h"

namespace accord::agency::forum_mapping_test {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::Context;
using agent::testing::Find;
using agent::testing::Told;
using ::testing::ElementsAre;

class ForumMappingTest : public ::testing::Test {
 protected:
  ForumMappingTest() {
    one_.header_digest = std::string(32, 'c');
    one_.header.core.part.set_sender("recovery");
    one_.header.core.part.set_forum("marac-northshire");
    one_.header.core.part.mutable_risk()->set_grade(RISK_GRADE_HIGH);
    one_.header.core.part.mutable_risk()->set_instrument(INSTRUMENT_PROFESSIONAL_JUDGEMENT);
    *sections_.emplace_back().mutable_content()->mutable_identity()->mutable_victim() = agent::testing::Somebody();
    auto& him = *sections_.emplace_back().mutable_content()->mutable_alleged_perpetrators()->add_alleged_perpetrators();
    him.mutable_person()->set_family_name("Harrow");
    sections_.emplace_back().mutable_content()->mutable_children()->add_children()->mutable_person()->set_given_names("Ada");
    sections_.emplace_back().mutable_content()->mutable_text()->set_text("what happened");
    action_.set_referral(referral::ReferralName(one_.header_digest));
    *action_.mutable_options() = agent::testing::Options();
    action_.set_owner("police");
    action_.set_code("address_flag");
    action_.set_words("Flag her sister's address.");
    action_.set_due_at_ms(4'102'444'800'000);
  }
  absl::StatusOr<agent::Draft> Map() { return MapAction(action_, one_, sections_, Context("marac")); }

  agent::InboxEntry one_;
  std::vector<agency::v1::OpenedSection> sections_;
  forum::v1::AddActionRequest action_;
};

TEST_F(ForumMappingTest, AnActionIsAboutThePeopleOfTheCaseAndFollowsIt) {
  const auto draft = Map();
  ASSERT_EQ(Told(draft), "OK") << draft.status();
  EXPECT_EQ(draft->core.type(), REFERRAL_TYPE_NOTIFICATION);
  EXPECT_EQ(draft->core.purpose(), PURPOSE_MARAC);
  EXPECT_EQ(draft->core.caused_by(), one_.header_digest);
  EXPECT_EQ(draft->core.risk().grade(), RISK_GRADE_HIGH);
  EXPECT_THAT(draft->recipients, ElementsAre("police"));
  EXPECT_THAT(agent::testing::Categories(*draft), ElementsAre(CATEGORY_IDENTITY, CATEGORY_CHILDREN, CATEGORY_ALLEGED_PERPETRATOR, CATEGORY_SAFETY_PLAN))
      << "and nothing else of what was received";
  EXPECT_EQ(agent::testing::TextIn(*draft, CATEGORY_SAFETY_PLAN),
            "Action address_flag of the forum marac-northshire, due by 2100-01-01 00:00 UTC: Flag her sister's address.");
}

TEST_F(ForumMappingTest, AnActionThatIsWrongIsRefused) {
  action_.mutable_options()->add_recipients("housing");
  EXPECT_EQ(Told(Map()), "FIELD_INVALID options.recipients");
  action_.mutable_options()->set_recipients(0, "police");
  EXPECT_EQ(Told(Map()), "OK");
  action_.set_words(std::string(kActionWordsCharsMax, 'x'));
  EXPECT_EQ(Told(Map()), "OK");
  action_.set_words(std::string(kActionWordsCharsMax + 1, 'x'));
  EXPECT_EQ(Told(Map()), "FIELD_INVALID words");
}

TEST_F(ForumMappingTest, ResearchAsksTheMembersButWhoMustNotBeTold) {
  forum::v1::RequestResearchRequest research;
  *research.mutable_options() = agent::testing::Options();
  research.set_referral(action_.referral());
  research.set_question("Known?");
  research.add_do_not_disclose_to("housing");
  auto checks = ResearchOf(research, one_, sections_, {"police", "housing", "marac", "health"}, "marac");
  EXPECT_THAT(checks.options().recipients(), ElementsAre("police", "health"));
  EXPECT_EQ(checks.options().caused_by(), research.referral());
  EXPECT_EQ(checks.victim().family_name(), "Ashdown");
  EXPECT_EQ(checks.alleged_perpetrators(0).person().family_name(), "Harrow");
  EXPECT_EQ(checks.children(0).person().given_names(), "Ada");
  EXPECT_EQ(checks.risk().grade(), RISK_GRADE_HIGH);
  EXPECT_EQ(checks.purpose(), PURPOSE_MARAC);
  EXPECT_EQ(checks.question(), "Known?");
  research.mutable_options()->add_recipients("idva");
  checks = ResearchOf(research, one_, sections_, {"police"}, "marac");
  EXPECT_THAT(checks.options().recipients(), ElementsAre("idva")) << "who is named was chosen by a person";
}

}  // namespace
}  // namespace accord::agency::forum_mapping_test
