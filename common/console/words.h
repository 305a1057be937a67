// Coded values as words for people, and back. All functions are thread-safe.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accord::console {

// The value's name without its enum's prefix, in lower-case words: CATEGORY_SAFE_CONTACT is "safe contact", the zero
// value "not stated", one that this program does not know "value 99".
std::string EnumWords(const google::protobuf::EnumDescriptor& type, int number);

template <typename Enum>
std::string Words(Enum value) {
  return EnumWords(*google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value));
}

// The value that a person names by its words, with spaces, hyphens or underscores, in either case, or by its full
// name; never the zero value.
std::optional<int> EnumFromWords(const google::protobuf::EnumDescriptor& type, std::string_view words);

// What EnumFromWords takes, as a person types it: "no-capacity, out-of-area, …".
std::string EnumChoices(const google::protobuf::EnumDescriptor& type);

// 2026-03-14 09:26:53Z; "-" for 0.
std::string TimeText(int64_t ms);

// `text` with control characters replaced, so that what another agency wrote cannot steer a terminal. Newlines stay.
std::string Printable(std::string_view text);

// Code points of UTF-8 `text`: what a fixed-width terminal shows of the languages that we expect.
size_t Width(std::string_view text);

}  // namespace accord::console
