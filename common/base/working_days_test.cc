#include "common/base/working_days.h"

#include <gtest/gtest.h>

namespace accord::working_days_test {
namespace {

absl::Time Utc(int year, int month, int day, int hour = 0, int minute = 0, int second = 0) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute, second), absl::UTCTimeZone());
}

TEST(WorkingDaysTest, KnowsWeekendsAndBankHolidays) {
  EXPECT_TRUE(IsWorkingDay(absl::CivilDay(2026, 12, 24)));
  EXPECT_FALSE(IsWorkingDay(absl::CivilDay(2026, 12, 25)));
  EXPECT_FALSE(IsWorkingDay(absl::CivilDay(2026, 12, 26)));  // A Saturday: the Monday stands in for it.
  EXPECT_FALSE(IsWorkingDay(absl::CivilDay(2026, 12, 28)));
  EXPECT_TRUE(IsWorkingDay(absl::CivilDay(2026, 12, 29)));
  EXPECT_FALSE(IsWorkingDay(absl::CivilDay(2027, 12, 28)));
  EXPECT_FALSE(IsWorkingDay(absl::CivilDay(2028, 1, 3)));
  EXPECT_TRUE(IsWorkingDay(absl::CivilDay(2028, 1, 4)));
  EXPECT_TRUE(IsWorkingDay(absl::CivilDay(2029, 12, 25)));  // Not known: early rather than late.
}

TEST(WorkingDaysTest, EveryBankHolidayIsAWeekdayThatWouldBeWorked) {
  int holidays = 0;
  for (absl::CivilDay day(2026, 1, 1); day < absl::CivilDay(2029, 1, 1); ++day) {
    const absl::Weekday weekday = absl::GetWeekday(day);
    const bool weekend = weekday == absl::Weekday::saturday || weekday == absl::Weekday::sunday;
    if (!weekend && !IsWorkingDay(day)) ++holidays;
  }
  EXPECT_EQ(holidays, 24);  // Eight a year; one that falls on a weekend would be missing here.
}

TEST(WorkingDaysTest, TheNextWorkingDayEndsWhereTheDayAfterBegins) {
  EXPECT_EQ(EndOfNextWorkingDay(Utc(2026, 11, 24, 10)), Utc(2026, 11, 26));          // Tuesday: Wednesday's end.
  EXPECT_EQ(EndOfNextWorkingDay(Utc(2026, 11, 27, 16)), Utc(2026, 12, 1));           // Friday: Monday's end.
  EXPECT_EQ(EndOfNextWorkingDay(Utc(2026, 11, 28, 9)), Utc(2026, 12, 1));            // Saturday.
  EXPECT_EQ(EndOfNextWorkingDay(Utc(2026, 12, 24, 12)), Utc(2026, 12, 30));          // Over Christmas: Tuesday's end.
  EXPECT_EQ(EndOfNextWorkingDay(Utc(2026, 11, 23, 23, 59, 59)), Utc(2026, 11, 25));  // The last second of Monday.
  EXPECT_EQ(EndOfNextWorkingDay(Utc(2026, 11, 24)), Utc(2026, 11, 26));              // The first of Tuesday.
}

TEST(WorkingDaysTest, ARunningWorkingDayEndsWithItself) {
  EXPECT_EQ(EndOfWorkingDay(Utc(2026, 11, 24)), Utc(2026, 11, 25));
  EXPECT_EQ(EndOfWorkingDay(Utc(2026, 11, 24, 23, 59, 59)), Utc(2026, 11, 25));
  EXPECT_EQ(EndOfWorkingDay(Utc(2026, 11, 28)), Utc(2026, 12, 1));
}

TEST(WorkingDaysTest, SummerTimeMovesTheMidnight) {
  EXPECT_EQ(EndOfNextWorkingDay(Utc(2026, 6, 9, 10)), Utc(2026, 6, 10, 23));
  EXPECT_EQ(LondonDay(Utc(2026, 6, 9, 23)), absl::CivilDay(2026, 6, 10));
  EXPECT_EQ(LondonDay(Utc(2026, 6, 9, 22, 59, 59)), absl::CivilDay(2026, 6, 9));
  EXPECT_EQ(LondonDay(Utc(2026, 12, 9, 23)), absl::CivilDay(2026, 12, 9));
  // 29 March 2026 begins in winter time and ends in summer time; 25 October the other way round.
  EXPECT_EQ(StartOfLondonDay(absl::CivilDay(2026, 3, 29)), Utc(2026, 3, 29));
  EXPECT_EQ(StartOfLondonDay(absl::CivilDay(2026, 3, 30)), Utc(2026, 3, 29, 23));
  EXPECT_EQ(StartOfLondonDay(absl::CivilDay(2026, 10, 25)), Utc(2026, 10, 24, 23));
  EXPECT_EQ(StartOfLondonDay(absl::CivilDay(2026, 10, 26)), Utc(2026, 10, 26));
}

}  // namespace
}  // namespace accord::working_days_test
