#include "common/console/message_text.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <vector>

#include "common/base/bytes.h"
#include "common/console/table.h"
#include "common/console/words.h"

namespace accord::console {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kStep = 2;
constexpr size_t kHexBytesMax = 64;  // Longer bytes are only counted.

std::string FieldWords(const std::string& name) {
  std::string words = name;
  for (char& c : words) {
    if (c == '_') c = ' ';
  }
  if (words.ends_with(" ms")) words.resize(words.size() - 3);
  return words;
}

// The value of a field that is no message; `at` is its place in a repeated one, -1 otherwise.
std::string Scalar(const Message& message, const FieldDescriptor& field, int at) {
  const auto& reflection = *message.GetReflection();
  const bool many = at >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return (many ? reflection.GetRepeatedBool(message, &field, at) : reflection.GetBool(message, &field)) ? "yes" : "no";
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumWords(*field.enum_type(), many ? reflection.GetRepeatedEnumValue(message, &field, at)
                                                : reflection.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_INT32:
      return fmt::to_string(many ? reflection.GetRepeatedInt32(message, &field, at) : reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return fmt::to_string(many ? reflection.GetRepeatedUInt32(message, &field, at)
                                 : reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return fmt::to_string(many ? reflection.GetRepeatedUInt64(message, &field, at)
                                 : reflection.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_INT64: {
      const int64_t value = many ? reflection.GetRepeatedInt64(message, &field, at) : reflection.GetInt64(message, &field);
      return field.name().ends_with("_ms") ? TimeText(value) : fmt::to_string(value);
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string value =
          many ? reflection.GetRepeatedString(message, &field, at) : reflection.GetString(message, &field);
      if (field.type() != FieldDescriptor::TYPE_BYTES) return Printable(value);
      return value.size() <= kHexBytesMax ? ToHex(value) : fmt::format("({} bytes)", value.size());
    }
    default:
      return "(a value of a type that is not shown)";
  }
}

void Append(const Message& message, size_t indent, std::string& out) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  const std::string margin(indent, ' ');
  for (const FieldDescriptor* field : fields) {
    const std::string name = FieldWords(field->name());
    const int count = field->is_repeated() ? message.GetReflection()->FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const int at = field->is_repeated() ? i : -1;
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        out += fmt::format("{}{}\n", margin, name);
        Append(at >= 0 ? message.GetReflection()->GetRepeatedMessage(message, field, at)
                       : message.GetReflection()->GetMessage(message, field),
               indent + kStep, out);
        continue;
      }
      // Further lines of a text stand under its first.
      std::string value = Scalar(message, *field, at);
      const std::string hanging = "\n" + std::string(indent + kStep, ' ');
      for (size_t end = value.find('\n'); end != std::string::npos; end = value.find('\n', end + hanging.size())) {
        value.replace(end, 1, hanging);
      }
      out += fmt::format("{}{}: {}\n", margin, name, value);
    }
  }
}

}  // namespace

std::string MessageText(const Message& message, size_t indent) {
  std::string out;
  Append(message, indent, out);
  return out;
}

}  // namespace accord::console
