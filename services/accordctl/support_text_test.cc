#include "services/accordctl/support_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accord::accordctl::support_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(SupportTextTest, SaysWhomAnAgencyTakesAndWhetherItHasRoom) {
  admin::v1::SupportOffer offer;
  EXPECT_EQ(RoomText(offer), "no room");
  EXPECT_EQ(WhomText(offer), "anybody");
  offer.set_places(1);
  EXPECT_EQ(RoomText(offer), "1 place");
  offer.set_places(3);
  EXPECT_EQ(RoomText(offer), "3 places");
  offer.set_age_from(16);
  EXPECT_EQ(WhomText(offer), "from age 16");
  offer.set_age_to(17);
  offer.add_genders("female");
  offer.add_genders("non-binary");
  offer.add_grades(type::v1::RISK_GRADE_HIGH);
  offer.add_languages("polish");
  EXPECT_EQ(WhomText(offer), "age 16 to 17; female or non-binary; high; polish");
  offer.set_places_not_counted(true);
  EXPECT_EQ(RoomText(offer), "takes new clients");
  offer.set_closed(true);
  EXPECT_EQ(RoomText(offer), "closed");
}

TEST(SupportTextTest, ListsThoseWhoPublished) {
  std::vector<admin::v1::Agency> agencies(2);
  agencies[0].set_id("housing");
  EXPECT_EQ(SupportTable(agencies, 120), "No agency has published whom it takes.\n");
  agencies[1].set_id("idva");
  agencies[1].mutable_support()->add_areas("E06000047");
  agencies[1].mutable_support()->add_languages("fars\x1bi");
  agencies[1].mutable_support()->set_published_at_ms(1'800'000'000'000);
  const std::string table = SupportTable(agencies, 200);
  EXPECT_THAT(table, HasSubstr("E06000047"));
  EXPECT_THAT(table, HasSubstr("no room"));
  EXPECT_THAT(table, HasSubstr("2027"));
  EXPECT_THAT(table, Not(HasSubstr("housing")));
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace accord::accordctl::support_text_test
