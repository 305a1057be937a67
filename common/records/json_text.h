// JSON in which each value knows its line, which Protocol Buffers' own reader does not tell, and whose errors do not quote what is about
// people, as that one's do. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace accord::records {

struct JsonMember;

struct JsonValue {
  enum class Kind { kNull, kBool, kNumber, kText, kObject, kArray };
  Kind kind = Kind::kNull;
  uint64_t line = 0;  // Where it begins, from 1.
  std::string text;   // Of text; a number as it stands; `true` or `false`.
  std::vector<JsonMember> members;   // Of an object, in their order.
  std::vector<JsonValue> elements;   // Of an array.
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

// One value, which `text` is the whole of; its first line has the number `first_line`. FIELD_INVALID with the line: it is no JSON, a key
// stands twice in an object, or more than kDepthMax objects and arrays are inside each other.
absl::StatusOr<JsonValue> ParseJson(std::string_view text, uint64_t first_line = 1);

}  // namespace accord::records
