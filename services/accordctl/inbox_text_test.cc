#include "services/accordctl/inbox_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accord::accordctl::inbox_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

agency::v1::InboxItem Item() {
  agency::v1::InboxItem item;
  item.set_referral("referrals/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
  item.set_sender("police");
  item.set_state(type::v1::REFERRAL_STATE_OPENED);
  return item;
}

TEST(InboxTextTest, SaysWhoHasIt) {
  agency::v1::InboxItem item = Item();
  EXPECT_THAT(ItemText(item), Not(HasSubstr("with")));
  item.mutable_assignment()->set_team("north");
  EXPECT_EQ(AssignmentText(item.assignment()), "team north");
  item.mutable_assignment()->set_worker("m.bell");
  EXPECT_EQ(AssignmentText(item.assignment()), "m.bell, team north");
  EXPECT_THAT(ItemText(item), HasSubstr("m.bell, team north"));
  console::Table table = InboxTable();
  AddItem(table, item, absl::UnixEpoch());
  EXPECT_THAT(table.ToString(200), HasSubstr("m.bell, team north"));
  item.mutable_assignment()->clear_team();
  EXPECT_EQ(AssignmentText(item.assignment()), "m.bell");
}

TEST(InboxTextTest, APersonHasNamesAndADate) {
  const auto person = PersonOf("--person", " Ashdown , Miriam Jane,1990-02-03 ");
  ASSERT_TRUE(person.ok()) << person.status();
  EXPECT_EQ(person->family_name(), "Ashdown");
  EXPECT_EQ(person->given_names(), "Miriam Jane");
  EXPECT_EQ(person->dates_of_birth(0), "1990-02-03");
  for (const char* wrong : {"", "Ashdown", "Ashdown, Miriam", ", Miriam, 1990", "Ashdown, , 1990", "Ashdown, Miriam,"}) {
    const auto refused = PersonOf("--person", wrong);
    EXPECT_TRUE(IsUsageError(refused.status())) << wrong;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("--person"));
  }
}

}  // namespace
}  // namespace accord::accordctl::inbox_text_test
