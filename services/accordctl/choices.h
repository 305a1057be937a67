// What a person types on the command line, and its meaning.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/generated_enum_reflection.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "common/console/words.h"

namespace accord::accordctl {

// A value of a coded list, as typed; CLI11 tells a person what there is. Thread-safe.
template <typename Enum>
CLI::Validator OneOf() {
  const auto& type = *google::protobuf::GetEnumDescriptor<Enum>();
  return CLI::Validator(
      [&type](std::string& words) {
        return console::EnumFromWords(type, words).has_value() ? std::string() : "one of " + console::EnumChoices(type);
      },
      console::EnumChoices(type));
}

// The value of words that OneOf let pass; the zero value otherwise. Thread-safe.
template <typename Enum>
Enum Value(const std::string& words) {
  return static_cast<Enum>(console::EnumFromWords(*google::protobuf::GetEnumDescriptor<Enum>(), words).value_or(0));
}

// Midnight, UTC, of a day as typed. A usage error that names `option`. Thread-safe.
absl::StatusOr<int64_t> DayMs(const std::string& option, const std::string& day);
// A time as typed, such as 2027-03-31T09:30:00Z, or a day. The same.
absl::StatusOr<int64_t> TimeMs(const std::string& option, const std::string& time);

}  // namespace accord::accordctl
