// What the readers of policy texts and of case tables share: coded words and dates out of a config::Table. What is wrong is
// rejected on the table, with line and key. Thread-compatible, as the table.
#pragma once

#include <absl/time/time.h>
#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "common/policy/words.h"

namespace accord::policy {

// `2026-11-01`, the start of that day, or `2026-11-01T09:30:00Z`; both UTC. Nothing for anything else.
std::optional<absl::Time> ParseTime(std::string_view text);
// The shorter of the two forms.
std::string TimeText(absl::Time time);

absl::Time RequiredTime(config::Table& table, std::string_view key);
absl::Time OptionalTime(config::Table& table, std::string_view key, absl::Time absent);

// "`x` is not a word of the list: …".
std::string NotAWord(const google::protobuf::EnumDescriptor& type, std::string_view word);

template <typename Enum>
std::vector<Enum> Words(config::Table& table, std::string_view key) {
  std::vector<Enum> values;
  for (const std::string& word : table.Strings(key)) {
    if (const auto value = FromWord<Enum>(word); value.has_value()) {
      values.push_back(*value);
    } else {
      table.Reject(key, NotAWord(*google::protobuf::GetEnumDescriptor<Enum>(), word));
    }
  }
  return values;
}

// `absent` without the key.
template <typename Enum>
Enum OptionalWord(config::Table& table, std::string_view key, Enum absent) {
  const bool there = table.Has(key);
  const std::string word = table.OptionalString(key);
  if (!there) return absent;
  const auto value = FromWord<Enum>(word);
  if (!value.has_value()) table.Reject(key, NotAWord(*google::protobuf::GetEnumDescriptor<Enum>(), word));
  return value.value_or(absent);
}

template <typename Enum>
Enum RequiredWord(config::Table& table, std::string_view key) {
  const std::string word = table.RequiredString(key);
  if (word.empty()) return Enum();  // Told already.
  const auto value = FromWord<Enum>(word);
  if (!value.has_value()) table.Reject(key, NotAWord(*google::protobuf::GetEnumDescriptor<Enum>(), word));
  return value.value_or(Enum());
}

}  // namespace accord::policy
