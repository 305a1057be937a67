#include "common/base/london_time.h"

#include <absl/time/civil_time.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "common/base/working_days.h"

namespace accord {
namespace {

constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

std::string LondonText(absl::Time time) {
  const absl::CivilSecond second = LondonTime(time);
  return fmt::format("{} {} {:02}:{:02}", second.day(), kMonths[second.month() - 1], second.hour(), second.minute());
}

std::string LondonDueText(absl::Time due) {
  const absl::CivilDay day = LondonDay(due);
  if (due != StartOfLondonDay(day)) return LondonText(due);
  return fmt::format("end of {} {}", (day - 1).day(), kMonths[(day - 1).month() - 1]);
}

std::string AboutText(absl::Duration duration) {
  const int64_t minutes = std::max<int64_t>(absl::ToInt64Minutes(duration), 1);
  const auto text = [](int64_t count, const char* unit) { return fmt::format("{} {}{}", count, unit, count == 1 ? "" : "s"); };
  if (minutes < 60) return text(minutes, "minute");
  return minutes < 48 * 60 ? text(minutes / 60, "hour") : text(minutes / (24 * 60), "day");
}

}  // namespace accord
