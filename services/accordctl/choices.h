// What a person types on the command line, and its meaning.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/generated_enum_reflection.h>

#include <cstdint>
#include <string>

#include "common/console/words.h"
#include "services/accordctl/command_line.h"

namespace accord::accordctl {

// The values of a coded list, as typed. Thread-safe.
Choices OneOf(const google::protobuf::EnumDescriptor& type);
template <typename Enum>
Choices OneOf() {
  return OneOf(*google::protobuf::GetEnumDescriptor<Enum>());
}

// The value of words that OneOf let pass; the zero value otherwise. Thread-safe.
template <typename Enum>
Enum Value(const std::string& words) {
  return static_cast<Enum>(console::EnumFromWords(*google::protobuf::GetEnumDescriptor<Enum>(), words).value_or(0));
}

// Midnight, UTC, of a day as typed. A usage error that names `option`. Thread-safe.
absl::StatusOr<int64_t> DayMs(const std::string& option, const std::string& day);
// A time as typed, such as 2027-03-31T09:30:00Z, or a day; not before 1970. The same.
absl::StatusOr<int64_t> TimeMs(const std::string& option, const std::string& time);
// The same; 0 when nothing was typed.
absl::StatusOr<int64_t> TimeMsOrNone(const std::string& option, const std::string& time);

}  // namespace accord::accordctl
