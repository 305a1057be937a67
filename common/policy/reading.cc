#include "common/policy/reading.h"

namespace accord::policy {
namespace {

constexpr size_t kDayChars = 10, kInstantChars = 20;
constexpr std::string_view kTimeWanted = "a date such as 2026-11-01, or a time such as 2026-11-01T09:30:00Z, is needed";

}  // namespace

std::optional<absl::Time> ParseTime(std::string_view text) {
  if (text.size() != kDayChars && text.size() != kInstantChars) return std::nullopt;
  absl::Time time;
  std::string error;
  const char* const format = text.size() == kDayChars ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%SZ";
  if (!absl::ParseTime(format, std::string(text), absl::UTCTimeZone(), &time, &error)) return std::nullopt;
  // absl is lenient about blanks; a text that is compared byte for byte is not.
  if (absl::FormatTime(format, time, absl::UTCTimeZone()) != text) return std::nullopt;
  return time;
}

std::string TimeText(absl::Time time) {
  const absl::CivilSecond civil = absl::ToCivilSecond(time, absl::UTCTimeZone());
  const bool midnight = absl::FromCivil(absl::CivilDay(civil), absl::UTCTimeZone()) == time;
  return absl::FormatTime(midnight ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

absl::Time RequiredTime(config::Table& table, std::string_view key) {
  const std::string text = table.RequiredString(key);
  const auto time = ParseTime(text);
  // `text` is empty when the key is missing, which is told already.
  if (!time.has_value() && !text.empty()) table.Reject(key, kTimeWanted);
  return time.value_or(absl::Time());
}

absl::Time OptionalTime(config::Table& table, std::string_view key, absl::Time absent) {
  const bool there = table.Has(key);
  const std::string text = table.OptionalString(key);
  if (!there) return absent;
  const auto time = ParseTime(text);
  if (!time.has_value()) table.Reject(key, kTimeWanted);
  return time.value_or(absent);
}

std::string NotAWord(const google::protobuf::EnumDescriptor& type, std::string_view word) {
  return fmt::format("`{}` is not a word of the list: {}", word, AllWords(type));
}

}  // namespace accord::policy
