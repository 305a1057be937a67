#include "common/referral/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "accord/options/v1/options.pb.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::referral {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool IsRequired(const FieldDescriptor& field) {
  const auto& options = field.options();
  for (int i = 0; i < options.ExtensionSize(options::v1::behavior); ++i) {
    if (options.GetExtension(options::v1::behavior, i) == options::v1::FIELD_BEHAVIOR_REQUIRED) return true;
  }
  return false;
}

// Where a value stands, as links up to the whole message: most values are right, so that no path is written for them.
struct Place {
  const Place* in = nullptr;
  const FieldDescriptor* field = nullptr;
  int index = -1;  // Of a repeated field.

  std::string Path() const {
    const std::string name = index < 0 ? field->name() : fmt::format("{}[{}]", field->name(), index);
    return in == nullptr ? name : fmt::format("{}.{}", in->Path(), name);
  }
};

absl::Status Wrong(Reason reason, const Place& place, std::string_view why) {
  const std::string path = place.Path();
  return Error(reason, fmt::format("{} {}", path, why), {{"field", path}});
}

// Proto3 does not list scalars that have their default value: a required one that is absent is empty or zero.
bool IsPresent(const Message& message, const FieldDescriptor& field) {
  const auto* reflection = message.GetReflection();
  if (field.is_repeated()) return reflection->FieldSize(message, &field) > 0;
  return reflection->HasField(message, &field);
}

absl::Status CheckValue(const Message& message, const Place& place, size_t text_bytes_max) {
  const auto* reflection = message.GetReflection();
  const FieldDescriptor& field = *place.field;
  const bool repeated = field.is_repeated();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    const int value = repeated ? reflection->GetRepeatedEnumValue(message, &field, place.index)
                               : reflection->GetEnumValue(message, &field);
    if (field.enum_type()->FindValueByNumber(value) == nullptr || (repeated && value == 0)) {
      return Wrong(Reason::kEnumUnknown, place, "has no known value");
    }
  } else if (field.type() == FieldDescriptor::TYPE_STRING) {
    std::string scratch;
    const std::string& text = repeated ? reflection->GetRepeatedStringReference(message, &field, place.index, &scratch)
                                       : reflection->GetStringReference(message, &field, &scratch);
    if (!IsUtf8(text)) return Wrong(Reason::kTextNotUtf8, place, "is not UTF-8");
    if (text.size() > text_bytes_max) {
      return Wrong(Reason::kFieldInvalid, place, fmt::format("is longer than {} bytes", text_bytes_max));
    }
  }
  return absl::OkStatus();
}

absl::Status Check(const Message& message, const Place* in, size_t text_bytes_max) {
  const auto* descriptor = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor& field = *descriptor->field(i);
    if (!IsPresent(message, field)) {
      if (IsRequired(field)) return Wrong(Reason::kFieldMissing, {in, &field}, "is required");
      continue;
    }
    const int count = field.is_repeated() ? reflection->FieldSize(message, &field) : 1;
    for (int at = 0; at < count; ++at) {
      const Place place{in, &field, field.is_repeated() ? at : -1};
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        ACCORD_RETURN_IF_ERROR(Check(field.is_repeated() ? reflection->GetRepeatedMessage(message, &field, at)
                                                         : reflection->GetMessage(message, &field),
                                     &place, text_bytes_max));
      } else {
        ACCORD_RETURN_IF_ERROR(CheckValue(message, place, text_bytes_max));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateMessage(const Message& message, size_t text_bytes_max) {
  if (message.ByteSizeLong() > kMessageBytesMax) {
    return Error(Reason::kMessageTooLarge, fmt::format("the message is over {} bytes", kMessageBytesMax),
                 {{"limit_bytes", std::to_string(kMessageBytesMax)}});
  }
  return Check(message, nullptr, text_bytes_max);
}

}  // namespace accord::referral
