#include "common/base/working_days.h"

#include <algorithm>
#include <iterator>

namespace accord {
namespace {

// England and Wales, with substitute days: Banking and Financial Dealings Act 1971 s1 and Schedule 1, New Year's Day and May Day by
// proclamation; the government lists them at www.gov.uk/bank-holidays. Ascending.
constexpr absl::CivilDay kBankHolidays[] = {
    absl::CivilDay(2026, 1, 1), absl::CivilDay(2026, 4, 3), absl::CivilDay(2026, 4, 6), absl::CivilDay(2026, 5, 4),
    absl::CivilDay(2026, 5, 25), absl::CivilDay(2026, 8, 31), absl::CivilDay(2026, 12, 25), absl::CivilDay(2026, 12, 28),
    absl::CivilDay(2027, 1, 1), absl::CivilDay(2027, 3, 26), absl::CivilDay(2027, 3, 29), absl::CivilDay(2027, 5, 3),
    absl::CivilDay(2027, 5, 31), absl::CivilDay(2027, 8, 30), absl::CivilDay(2027, 12, 27), absl::CivilDay(2027, 12, 28),
    absl::CivilDay(2028, 1, 3), absl::CivilDay(2028, 4, 14), absl::CivilDay(2028, 4, 17), absl::CivilDay(2028, 5, 1),
    absl::CivilDay(2028, 5, 29), absl::CivilDay(2028, 8, 28), absl::CivilDay(2028, 12, 25), absl::CivilDay(2028, 12, 26),
};

absl::CivilDay LastSunday(absl::civil_year_t year, int month) {
  return absl::PrevWeekday(absl::CivilDay(absl::CivilMonth(year, month) + 1), absl::Weekday::sunday);
}

// The start of summer time's first and of its last day in a year: both at 01:00 UTC, so that the first day still begins without it
// and the last still with it.
bool BeginsInSummerTime(absl::CivilDay day) { return day > LastSunday(day.year(), 3) && day <= LastSunday(day.year(), 10); }

}  // namespace

std::span<const absl::CivilDay> BankHolidays() { return kBankHolidays; }

absl::CivilSecond LondonTime(absl::Time time) {
  const auto year = absl::ToCivilYear(time, absl::UTCTimeZone()).year();
  const auto change = [&](int month) { return absl::FromCivil(absl::CivilHour(LastSunday(year, month)) + 1, absl::UTCTimeZone()); };
  const bool summer = time >= change(3) && time < change(10);
  return absl::ToCivilSecond(time, absl::UTCTimeZone()) + (summer ? 3600 : 0);
}

bool IsWorkingDay(absl::CivilDay day) {
  const absl::Weekday weekday = absl::GetWeekday(day);
  if (weekday == absl::Weekday::saturday || weekday == absl::Weekday::sunday) return false;
  return std::find(std::begin(kBankHolidays), std::end(kBankHolidays), day) == std::end(kBankHolidays);
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
