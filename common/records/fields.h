// The fields of a request by their names, set from what stands in a file: the same rules for a cell of CSV and a value of JSON.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/records/json_text.h"

namespace accord::records {

// The field called `name`, as the proto has it (`family_name`) or as its JSON does (`familyName`); null when there is none. Thread-safe.
const google::protobuf::FieldDescriptor* FindField(const google::protobuf::Descriptor& type, std::string_view name);

// What stands for one value.
enum class Written {
  kCell,    // Of CSV: text that may be anything.
  kText,    // Of JSON, in quotes.
  kNumber,  // Of JSON.
  kBool,    // Of JSON.
};

// Sets `field`, which is no message, to `text`; of a list it is added. Coded values by their short or full name, in any case; numbers in
// decimal; true and false, of a cell also yes, no, 1, 0; bytes in base64. ENUM_UNKNOWN or FIELD_INVALID at `path`, without a line.
absl::Status SetValue(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field, std::string_view path, Written written,
                      std::string_view text);

// Fills `message` from an object; null says nothing. FIELD_INVALID, ENUM_UNKNOWN with line and field, which is the path from `path` on.
absl::Status FillFromJson(google::protobuf::Message& message, const JsonValue& object, const std::string& path);

// A column of CSV, as its heading names it for one type of request: `victim.dates_of_birth[0]`. Thread-safe once made.
class Column {
 public:
  // The field's path as the proto has it, or why there is none; `number` counts columns from 1, by which the error names it: what stands in
  // the first row of a file without a heading is about people.
  static absl::StatusOr<Column> Find(const google::protobuf::Descriptor& type, std::string_view heading, size_t number);

  // Sets the field. An empty cell says nothing. Columns are used in the order of IsBefore, so that lists fill from their first item.
  // Errors of SetValue, and FIELD_MISSING at the item before one that is there.
  absl::Status Set(google::protobuf::Message& request, std::string_view cell) const;
  bool IsBefore(const Column& other) const;
  const std::string& path() const { return path_; }

 private:
  struct Step {
    const google::protobuf::FieldDescriptor* field = nullptr;
    int item = -1;  // Of a list.
  };
  std::string path_;
  std::vector<Step> steps_;
};

}  // namespace accord::records
