#include "common/console/words.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include "common/base/text.h"

namespace accord::console {
namespace {

constexpr std::string_view kUnspecified = "UNSPECIFIED";

// "CATEGORY_", from the zero value that every enum of ours has.
std::string_view Prefix(const google::protobuf::EnumDescriptor& type) {
  const auto* zero = type.FindValueByNumber(0);
  if (zero == nullptr || !std::string_view(zero->name()).ends_with(kUnspecified)) return {};
  return std::string_view(zero->name()).substr(0, zero->name().size() - kUnspecified.size());
}

std::string Shape(std::string_view name, char between) {
  std::string shaped;
  for (const char c : name) {
    const bool separates = c == '_' || c == '-' || c == ' ';
    shaped.push_back(separates ? between : (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c));
  }
  return shaped;
}

std::string_view ShortName(const google::protobuf::EnumDescriptor& type,
                           const google::protobuf::EnumValueDescriptor& value) {
  const std::string_view prefix = Prefix(type), name = value.name();
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

}  // namespace

std::string EnumWords(const google::protobuf::EnumDescriptor& type, int number) {
  if (number == 0) return "not stated";
  const auto* value = type.FindValueByNumber(number);
  return value == nullptr ? fmt::format("value {}", number) : Shape(ShortName(type, *value), ' ');
}

std::optional<int> EnumFromWords(const google::protobuf::EnumDescriptor& type, std::string_view words) {
  const std::string wanted = Shape(words, ' ');
  for (int i = 0; i < type.value_count(); ++i) {
    const auto& value = *type.value(i);
    if (value.number() == 0) continue;
    if (wanted == Shape(ShortName(type, value), ' ') || wanted == Shape(value.name(), ' ')) return value.number();
  }
  return std::nullopt;
}

std::string EnumChoices(const google::protobuf::EnumDescriptor& type) {
  std::string choices;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() == 0) continue;
    choices += fmt::format("{}{}", choices.empty() ? "" : ", ", Shape(ShortName(type, *type.value(i)), '-'));
  }
  return choices;
}

std::string TimeText(int64_t ms) {
  if (ms == 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

std::string Printable(std::string_view text) {
  if (!IsUtf8(text)) return fmt::format("({} bytes that are not UTF-8)", text.size());
  std::string printable;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are C2 80 to C2 9F: control characters too.
    const bool c1 = c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) ++i;
    if (c1 || c == 0x7F || (c < 0x20 && c != '\n')) {
      printable += c == '\t' ? " " : "\uFFFD";
    } else {
      printable.push_back(static_cast<char>(c));
    }
  }
  return printable;
}

size_t Width(std::string_view text) {
  size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return width;
}

}  // namespace accord::console
