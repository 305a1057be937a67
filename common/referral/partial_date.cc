#include "common/referral/partial_date.h"

#include <absl/strings/numbers.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <optional>

#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::referral {
namespace {

constexpr int kYearMin = 1900, kYearMax = 2199;

// Decimal digits and nothing else.
std::optional<int> Digits(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

template <typename Civil>
type::v1::TimeRange RangeOf(Civil unit) {
  const auto start = [](Civil at) { return absl::ToUnixMillis(absl::FromCivil(at, absl::UTCTimeZone())); };
  type::v1::TimeRange range;
  range.set_earliest_ms(start(unit));
  range.set_latest_ms(start(unit + 1) - 1);
  return range;
}

std::optional<type::v1::TimeRange> Parse(std::string_view text) {
  if (text.size() != 4 && text.size() != 7 && text.size() < 10) return std::nullopt;
  const auto year = Digits(text.substr(0, 4));
  if (!year.has_value() || *year < kYearMin || *year > kYearMax) return std::nullopt;
  if (text.size() == 4) return RangeOf(absl::CivilYear(*year));

  const auto month = Digits(text.substr(5, 2));
  if (text[4] != '-' || !month.has_value() || *month < 1 || *month > 12) return std::nullopt;
  if (text.size() == 7) return RangeOf(absl::CivilMonth(*year, *month));

  const auto day_of_month = Digits(text.substr(8, 2));
  if (text[7] != '-' || !day_of_month.has_value()) return std::nullopt;
  const absl::CivilDay day(*year, *month, *day_of_month);  // 30 February becomes a day of March.
  if (day.month() != *month || day.day() != *day_of_month) return std::nullopt;
  if (text.size() == 10) return RangeOf(day);

  absl::Time at;
  // absl's parser takes blanks round the text; RFC 3339 does not.
  if (text[10] != 'T' || text.back() == ' ' || !absl::ParseTime(absl::RFC3339_full, ToAbsl(text), &at, nullptr)) return std::nullopt;
  type::v1::TimeRange range;
  range.set_earliest_ms(absl::ToUnixMillis(at));
  range.set_latest_ms(range.earliest_ms());
  return range;
}

absl::CivilDay DayOfPartial(int64_t ms) { return absl::ToCivilDay(absl::FromUnixMillis(ms), absl::UTCTimeZone()); }

}  // namespace

absl::StatusOr<type::v1::TimeRange> ParsePartialDate(std::string_view text, std::string_view field) {
  const auto range = Parse(text);
  if (range.has_value()) return *range;
  return Error(Reason::kFieldInvalid,
               fmt::format("{} is no date: give YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ", field),
               {{"field", std::string(field)}});
}

type::v1::AgeBand AgeBandAt(const type::v1::TimeRange& event,
                            const google::protobuf::RepeatedPtrField<std::string>& dates_of_birth) {
  const absl::CivilDay on = DayOfPartial(event.earliest_ms());
  std::optional<int64_t> youngest;
  for (const std::string& date : dates_of_birth) {
    const auto born = Parse(date);
    if (!born.has_value()) continue;
    const absl::CivilDay birth = DayOfPartial(born->latest_ms());
    const bool birthday_to_come = absl::CivilDay(2000, on.month(), on.day()) < absl::CivilDay(2000, birth.month(), birth.day());
    const int64_t age = on.year() - birth.year() - (birthday_to_come ? 1 : 0);
    if (!youngest.has_value() || age < *youngest) youngest = age;
  }
  if (!youngest.has_value()) return type::v1::AGE_BAND_UNSPECIFIED;
  if (*youngest < 16) return type::v1::AGE_BAND_UNDER_16;
  return *youngest < 18 ? type::v1::AGE_BAND_16_17 : type::v1::AGE_BAND_ADULT;
}

}  // namespace accord::referral
