#include "common/records/fields.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/text.h"
#include "common/console/words.h"
#include "common/records/limits.h"

namespace accord::records {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status Invalid(std::string_view path, std::string_view words, uint64_t line = 0) { return Wrong(Reason::kFieldInvalid, line, path, words); }

std::string Join(const std::string& path, const FieldDescriptor& field) { return path.empty() ? field.name() : fmt::format("{}.{}", path, field.name()); }

std::optional<bool> ToBool(Written written, std::string_view text) {
  if (written == Written::kText || written == Written::kNumber) return std::nullopt;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (lower == "true" || lower == "yes" || lower == "1") return true;
  if (lower == "false" || lower == "no" || lower == "0") return false;
  return std::nullopt;
}

template <typename Number>
std::optional<Number> ToNumber(Written written, std::string_view text) {
  Number number = 0;
  if (written == Written::kBool) return std::nullopt;
  // SimpleAtoi leaves blanks out: what is written is what is meant.
  if (text.empty() || text.find_first_not_of("+-0123456789") != std::string_view::npos) return std::nullopt;
  if (!absl::SimpleAtoi(ToAbsl(text), &number)) return std::nullopt;
  return number;
}

std::optional<double> ToReal(Written written, std::string_view text) {
  double number = 0;
  if (written == Written::kBool || text.empty() || !absl::SimpleAtod(ToAbsl(text), &number) || !std::isfinite(number)) return std::nullopt;
  return number;
}

// Sets or adds, as the field is one value or a list.
#define ACCORD_PUT(kType, value) \
  (field.is_repeated() ? reflection.Add##kType(&message, &field, value) : reflection.Set##kType(&message, &field, value))

absl::Status SetNumber(Message& message, const FieldDescriptor& field, std::string_view path, Written written, std::string_view text) {
  const Reflection& reflection = *message.GetReflection();
  constexpr std::string_view kWhole = "is no whole number, or out of its range";
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      if (const auto number = ToNumber<int32_t>(written, text)) return ACCORD_PUT(Int32, *number), absl::OkStatus();
      return Invalid(path, kWhole);
    case FieldDescriptor::CPPTYPE_INT64:
      if (const auto number = ToNumber<int64_t>(written, text)) return ACCORD_PUT(Int64, *number), absl::OkStatus();
      return Invalid(path, kWhole);
    case FieldDescriptor::CPPTYPE_UINT32:
      if (const auto number = ToNumber<uint32_t>(written, text)) return ACCORD_PUT(UInt32, *number), absl::OkStatus();
      return Invalid(path, kWhole);
    case FieldDescriptor::CPPTYPE_UINT64:
      if (const auto number = ToNumber<uint64_t>(written, text)) return ACCORD_PUT(UInt64, *number), absl::OkStatus();
      return Invalid(path, kWhole);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (const auto number = ToReal(written, text)) return ACCORD_PUT(Double, *number), absl::OkStatus();
      return Invalid(path, "is no number");
    default:
      if (const auto number = ToReal(written, text)) return ACCORD_PUT(Float, static_cast<float>(*number)), absl::OkStatus();
      return Invalid(path, "is no number");
  }
}

absl::Status SetText(Message& message, const FieldDescriptor& field, std::string_view path, Written written, std::string_view text) {
  const Reflection& reflection = *message.GetReflection();
  // A number would have lost its leading zeros already.
  if (written != Written::kCell && written != Written::kText) return Invalid(path, "is text, and stands in quotes");
  if (field.type() != FieldDescriptor::TYPE_BYTES) return ACCORD_PUT(String, std::string(text)), absl::OkStatus();
  const auto bytes = FromBase64(text);
  if (!bytes.has_value()) return Invalid(path, "is no base64");
  return ACCORD_PUT(String, *bytes), absl::OkStatus();
}

absl::Status FillList(Message& message, const FieldDescriptor& field, const JsonValue& list, const std::string& path);

absl::Status FillValue(Message& message, const FieldDescriptor& field, const JsonValue& value, const std::string& path) {
  using Kind = JsonValue::Kind;
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (value.kind != Kind::kObject) return Invalid(path, "is no object", value.line);
    const Reflection& reflection = *message.GetReflection();
    return FillFromJson(*(field.is_repeated() ? reflection.AddMessage(&message, &field) : reflection.MutableMessage(&message, &field)), value, path);
  }
  if (value.kind == Kind::kObject || value.kind == Kind::kArray || value.kind == Kind::kNull) return Invalid(path, "is one value, and has another form here", value.line);
  const Written written = value.kind == Kind::kText ? Written::kText : value.kind == Kind::kNumber ? Written::kNumber : Written::kBool;
  return AtLine(SetValue(message, field, path, written, value.text), value.line);
}

absl::Status FillList(Message& message, const FieldDescriptor& field, const JsonValue& list, const std::string& path) {
  if (list.kind != JsonValue::Kind::kArray) return Invalid(path, "is a list, and stands in brackets", list.line);
  if (list.elements.size() > kListItemsMax) return Invalid(path, fmt::format("has more than {} items", kListItemsMax), list.line);
  for (size_t i = 0; i < list.elements.size(); ++i) {
    ACCORD_RETURN_IF_ERROR(FillValue(message, field, list.elements[i], fmt::format("{}[{}]", path, i)));
  }
  return absl::OkStatus();
}

}  // namespace

const FieldDescriptor* FindField(const Descriptor& type, std::string_view name) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (name == field.name() || name == field.json_name()) return &field;
  }
  return nullptr;
}

absl::Status SetValue(Message& message, const FieldDescriptor& field, std::string_view path, Written written, std::string_view text) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: return SetText(message, field, path, written, text);
    case FieldDescriptor::CPPTYPE_BOOL: {
      const auto value = ToBool(written, text);
      if (!value.has_value()) return Invalid(path, "is neither true nor false");
      return ACCORD_PUT(Bool, *value), absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const bool named = written == Written::kCell || written == Written::kText;
      const auto value = named ? console::EnumFromWords(*field.enum_type(), text) : std::nullopt;
      if (!value.has_value()) return Wrong(Reason::kEnumUnknown, 0, path, fmt::format("is none of {}", console::EnumChoices(*field.enum_type())));
      return ACCORD_PUT(EnumValue, *value), absl::OkStatus();
    }
    default: return SetNumber(message, field, path, written, text);
  }
}
#undef ACCORD_PUT

absl::Status FillFromJson(Message& message, const JsonValue& object, const std::string& path) {
  size_t number = 0;
  std::vector<const FieldDescriptor*> seen;
  for (const auto& [key, value] : object.members) {
    ++number;
    const FieldDescriptor* field = FindField(*message.GetDescriptor(), key);
    if (field == nullptr) {
      // By its place: a key that is no field's name may be anything.
      return Wrong(Reason::kFieldInvalid, value.line, path, fmt::format("{}its key {} is no field of {}", path.empty() ? "" : "has a key too many: ", number,
                                                                        message.GetDescriptor()->name()));
    }
    const std::string inner = Join(path, *field);
    if (std::find(seen.begin(), seen.end(), field) != seen.end()) return Invalid(inner, "stands twice", value.line);
    seen.push_back(field);
    if (value.kind == JsonValue::Kind::kNull) continue;
    ACCORD_RETURN_IF_ERROR(field->is_repeated() ? FillList(message, *field, value, inner) : FillValue(message, *field, value, inner));
  }
  return absl::OkStatus();
}

absl::StatusOr<Column> Column::Find(const Descriptor& type, std::string_view heading, size_t number) {
  Column column;
  const Descriptor* inside = &type;
  const auto wrong = [&](std::string_view words) { return Invalid(fmt::format("column {}", number), words); };
  for (std::string_view rest = heading; inside != nullptr || !rest.empty();) {
    if (inside == nullptr) return wrong(fmt::format("goes on after {}, which has no fields", column.path_));
    const std::string_view piece = rest.substr(0, rest.find('.'));
    rest.remove_prefix(std::min(rest.size(), piece.size() + 1));
    const size_t bracket = piece.find('[');
    Step step{FindField(*inside, piece.substr(0, bracket)), -1};
    if (step.field == nullptr) return wrong(fmt::format("is headed by no field of {}", type.name()));
    column.path_ = Join(column.path_, *step.field);
    if (step.field->is_repeated() != (bracket != std::string_view::npos)) {
      return wrong(step.field->is_repeated() ? fmt::format("is of the list {}, and needs its item's number: [0], [1], …", column.path_)
                                             : fmt::format("numbers an item of {}, which is no list", column.path_));
    }
    if (step.field->is_repeated()) {
      const std::string_view item = piece.substr(bracket + 1);
      if (!item.ends_with(']') || !absl::SimpleAtoi(ToAbsl(item.substr(0, item.size() - 1)), &step.item) || step.item < 0 ||
          static_cast<size_t>(step.item) >= kListItemsMax) {
        return wrong(fmt::format("is of the list {}, whose items are numbered [0] to [{}]", column.path_, kListItemsMax - 1));
      }
      column.path_ += fmt::format("[{}]", step.item);
    }
    column.steps_.push_back(step);
    inside = step.field->message_type();
  }
  return column;
}

absl::Status Column::Set(Message& request, std::string_view cell) const {
  if (cell.empty()) return absl::OkStatus();
  Message* message = &request;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    const Reflection& reflection = *message->GetReflection();
    const int items = step.field->is_repeated() ? reflection.FieldSize(*message, step.field) : 0;
    if (step.item > items) {
      return Wrong(Reason::kFieldMissing, 0, path_, fmt::format("is there and item [{}] before it is not", items));
    }
    if (i + 1 == steps_.size()) return SetValue(*message, *step.field, path_, Written::kCell, cell);
    message = !step.field->is_repeated() ? reflection.MutableMessage(message, step.field)
              : step.item == items       ? reflection.AddMessage(message, step.field)
                                         : reflection.MutableRepeatedMessage(message, step.field, step.item);
  }
  return absl::OkStatus();
}

bool Column::IsBefore(const Column& other) const {
  return std::lexicographical_compare(steps_.begin(), steps_.end(), other.steps_.begin(), other.steps_.end(), [](const Step& a, const Step& b) {
    return std::pair(a.field->number(), a.item) < std::pair(b.field->number(), b.item);
  });
}

}  // namespace accord::records
