#include "common/policy/words.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>

namespace accord::policy {
namespace {

using google::protobuf::EnumDescriptor;

constexpr std::string_view kZero = "UNSPECIFIED";

// What every name of the list begins with: the zero value is PREFIX_UNSPECIFIED.
std::string Prefix(const EnumDescriptor& type) {
  const std::string& zero = type.FindValueByNumber(0)->name();
  return zero.substr(0, zero.size() - kZero.size());
}

}  // namespace

std::optional<int> NumberOf(const EnumDescriptor& type, std::string_view word) {
  if (std::any_of(word.begin(), word.end(), [](unsigned char c) { return absl::ascii_isupper(c); })) return std::nullopt;
  const auto* const value = type.FindValueByName(Prefix(type) + absl::AsciiStrToUpper(std::string(word)));
  if (value == nullptr || value->number() == 0) return std::nullopt;
  return value->number();
}

std::string WordOf(const EnumDescriptor& type, int number) {
  const auto* const value = type.FindValueByNumber(number);
  if (value == nullptr) return fmt::format("{}", number);
  return absl::AsciiStrToLower(value->name().substr(Prefix(type).size()));
}

std::string AllWords(const EnumDescriptor& type) {
  std::string words;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() == 0) continue;
    words += (words.empty() ? "" : ", ") + WordOf(type, type.value(i)->number());
  }
  return words;
}

}  // namespace accord::policy
