// The coded words of policy texts: names of the published lists without their prefix, in lower case, so that
// AGENCY_KIND_CHILDRENS_SERVICES is `childrens_services`. All functions are thread-safe.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>

#include <optional>
#include <string>
#include <string_view>

namespace accord::policy {

// The number that `word` stands for; nothing for any other word, and for `unspecified`.
std::optional<int> NumberOf(const google::protobuf::EnumDescriptor& type, std::string_view word);
// The word of `number`; its digits when the list does not have it.
std::string WordOf(const google::protobuf::EnumDescriptor& type, int number);
// All words, in the order of the list, with commas: for errors.
std::string AllWords(const google::protobuf::EnumDescriptor& type);

template <typename Enum>
std::optional<Enum> FromWord(std::string_view word) {
  const auto number = NumberOf(*google::protobuf::GetEnumDescriptor<Enum>(), word);
  if (!number.has_value()) return std::nullopt;
  return static_cast<Enum>(*number);
}
template <typename Enum>
std::string ToWord(Enum value) {
  return WordOf(*google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value));
}

}  // namespace accord::policy
