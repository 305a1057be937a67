#include "common/base/london_time.h"

#include <gtest/gtest.h>

namespace accord::london_time_test {
namespace {

absl::Time Utc(int month, int day, int hour, int minute) {
  return absl::FromCivil(absl::CivilMinute(2026, month, day, hour, minute), absl::UTCTimeZone());
}

TEST(LondonTimeTest, FollowsTheClockOverBothChanges) {
  EXPECT_EQ(LondonText(Utc(11, 26, 14, 2)), "26 Nov 14:02");
  EXPECT_EQ(LondonText(Utc(7, 1, 23, 30)), "2 Jul 00:30");
  EXPECT_EQ(LondonText(Utc(3, 29, 0, 59)), "29 Mar 00:59");
  EXPECT_EQ(LondonText(Utc(3, 29, 1, 0)), "29 Mar 02:00");
  EXPECT_EQ(LondonText(Utc(10, 25, 0, 59)), "25 Oct 01:59");
  EXPECT_EQ(LondonText(Utc(10, 25, 1, 0)), "25 Oct 01:00");
}

TEST(LondonTimeTest, ADeadlineAtMidnightIsTheEndOfTheDayBefore) {
  EXPECT_EQ(LondonDueText(Utc(12, 1, 0, 0)), "end of 30 Nov");
  EXPECT_EQ(LondonDueText(Utc(7, 1, 23, 0)), "end of 1 Jul");
  EXPECT_EQ(LondonDueText(Utc(7, 1, 0, 0)), "1 Jul 01:00");
  EXPECT_EQ(LondonDueText(Utc(12, 1, 0, 1)), "1 Dec 00:01");
}

TEST(LondonTimeTest, SaysAboutHowLong) {
  EXPECT_EQ(AboutText(absl::Seconds(5)), "1 minute");
  EXPECT_EQ(AboutText(absl::Minutes(59)), "59 minutes");
  EXPECT_EQ(AboutText(absl::Minutes(60)), "1 hour");
  EXPECT_EQ(AboutText(absl::Hours(47)), "47 hours");
  EXPECT_EQ(AboutText(absl::Hours(48)), "2 days");
}

}  // namespace
}  // namespace accord::london_time_test
