#include "services/accordctl/change_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace accord::accordctl::change_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ProposedChangeTextTest, AnApproverSeesWhatAHoldCoversAsTheOrderNamesIt) {
  admin::v1::Change change;
  auto& hold = *change.mutable_set_hold();
  hold.add_case_pseudonyms(std::string(16, '\x11'));
  hold.add_case_pseudonyms(std::string(16, '\xab'));
  auto& subject = *hold.add_subjects();
  subject.set_domain("area-1");
  subject.set_token_key("2026");
  subject.set_recipe(3);
  subject.set_token(std::string(32, '\x22'));
  const std::string text = NamedText(change);
  EXPECT_THAT(text, HasSubstr("covers case 11111111111111111111111111111111\ncovers case abababababababababababababababab\n"));
  EXPECT_THAT(text, HasSubstr("a token of area-1:2026:3;"));
  EXPECT_THAT(text, HasSubstr(" 2222222222222222222222222222222222222222222222222222222222222222\n"));
}

TEST(ProposedChangeTextTest, WhomAConflictListBarsIsNamedAndOfOtherChangesNothingIs) {
  admin::v1::Change change;
  change.mutable_put_conflict_list()->set_agency("administrators");
  change.mutable_put_conflict_list()->add_workers("carol");
  EXPECT_THAT(NamedText(change), HasSubstr("\"carol\""));
  change.mutable_lift_hold()->set_id("inquest-42");
  EXPECT_EQ(NamedText(change), "");
}

TEST(ProposedChangeTextTest, AnApproverIsToldWhatIsPlannedBeforeAndWhatGoesForIt) {
  admin::v1::GetChangeResponse response;
  EXPECT_EQ(PlannedText(response, 400), "");
  response.add_planned_before("changes/7");
  EXPECT_THAT(PlannedText(response, 400), HasSubstr("replaced by changes/7, as was approved"));
  EXPECT_THAT(PlannedText(response, 400), Not(HasSubstr("withdrawn")));
  response.clear_planned_before();
  response.add_planned_withdrawn("changes/9");
  response.add_planned_withdrawn("changes/12");
  EXPECT_THAT(PlannedText(response, 400), HasSubstr("withdrawn when its time comes: changes/9, changes/12. Propose anew"));
  EXPECT_THAT(PlannedText(response, 400), Not(HasSubstr("replaced by")));
}

}  // namespace
}  // namespace accord::accordctl::change_text_test
