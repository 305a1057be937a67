#include "common/base/working_days.h"

#include <algorithm>
#include <array>

namespace accord {
namespace {

// England and Wales, with substitute days: Banking and Financial Dealings Act 1971 s1 and Schedule 1, New Year's Day and May Day by
// proclamation; the government lists them at www.gov.uk/bank-holidays. Ascending.
constexpr int kBankHolidays[][3] = {
    {2026, 1, 1}, {2026, 4, 3}, {2026, 4, 6}, {2026, 5, 4}, {2026, 5, 25}, {2026, 8, 31}, {2026, 12, 25}, {2026, 12, 28},
    {2027, 1, 1}, {2027, 3, 26}, {2027, 3, 29}, {2027, 5, 3}, {2027, 5, 31}, {2027, 8, 30}, {2027, 12, 27}, {2027, 12, 28},
    {2028, 1, 3}, {2028, 4, 14}, {2028, 4, 17}, {2028, 5, 1}, {2028, 5, 29}, {2028, 8, 28}, {2028, 12, 25}, {2028, 12, 26},
};

absl::CivilDay LastSunday(absl::civil_year_t year, int month) {
  return absl::PrevWeekday(absl::CivilDay(absl::CivilMonth(year, month) + 1), absl::Weekday::sunday);
}

// The start of summer time's first and of its last day in a year: both at 01:00 UTC, so that the first day still begins without it
// and the last still with it.
bool BeginsInSummerTime(absl::CivilDay day) { return day > LastSunday(day.year(), 3) && day <= LastSunday(day.year(), 10); }

}  // namespace

bool IsWorkingDay(absl::CivilDay day) {
  const absl::Weekday weekday = absl::GetWeekday(day);
  if (weekday == absl::Weekday::saturday || weekday == absl::Weekday::sunday) return false;
  return std::none_of(std::begin(kBankHolidays), std::end(kBankHolidays),
                      [&](const auto& date) { return absl::CivilDay(date[0], date[1], date[2]) == day; });
}

absl::Time StartOfLondonDay(absl::CivilDay day) {
  return absl::FromCivil(day, absl::UTCTimeZone()) - (BeginsInSummerTime(day) ? absl::Hours(1) : absl::ZeroDuration());
}

absl::CivilDay LondonDay(absl::Time time) {
  // London is never behind UTC, and never a day ahead.
  const absl::CivilDay day = absl::ToCivilDay(time, absl::UTCTimeZone());
  return time >= StartOfLondonDay(day + 1) ? day + 1 : day;
}

absl::Time EndOfWorkingDay(absl::Time time) {
  absl::CivilDay day = LondonDay(time);
  while (!IsWorkingDay(day)) ++day;
  return StartOfLondonDay(day + 1);
}

absl::Time EndOfNextWorkingDay(absl::Time time) { return EndOfWorkingDay(StartOfLondonDay(LondonDay(time) + 1)); }

}  // namespace accord
