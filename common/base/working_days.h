// Working days of England and Wales, for what is due by one. Pure. Thread-safe.
//
// A day is one of London's, whose clock is put forward and back by rule (Summer Time Act 1972 as amended by the Summer Time Order
// 2002), so that no table of time zones need be installed. Scotland and Northern Ireland keep other bank holidays: a due time there
// may be a day early or late by these.
#pragma once

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <span>

namespace accord {

// The bank holidays of England and Wales that are known, ascending: from 2026 to 2028.
std::span<const absl::CivilDay> BankHolidays();

// True from Monday to Friday but on bank holidays. These are known from 2026 to 2028; in other years every weekday is a working day,
// so that something is due too early rather than too late.
bool IsWorkingDay(absl::CivilDay day);

// What clock and calendar show in London at `time`; the day alone; and the instant at which a day begins there.
absl::CivilSecond LondonTime(absl::Time time);
absl::CivilDay LondonDay(absl::Time time);
absl::Time StartOfLondonDay(absl::CivilDay day);

// When the first working day that is not over at `time` ends: the start of the day after it.
absl::Time EndOfWorkingDay(absl::Time time);
// When the first working day that begins after `time` ends: "by the end of the next working day".
absl::Time EndOfNextWorkingDay(absl::Time time);

}  // namespace accord
