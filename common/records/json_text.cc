#include "common/records/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>

#include "common/records/limits.h"

namespace accord::records {
namespace {

struct Position {
  uint64_t line = 1;
  char last = '\0';
};

// Counts the lines as the lexer reads them.
class Counted {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Counted(const char* at, Position* position) : at_(at), position_(position) {}
  reference operator*() const { return *at_; }
  Counted& operator++() {
    position_->last = *at_;
    if (*at_ == '\n') ++position_->line;
    ++at_;
    return *this;
  }
  Counted operator++(int) {
    Counted before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Counted& other) const { return at_ == other.at_; }
  bool operator!=(const Counted& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  Position* position_;
};

// What the lexer meets, as a tree. The names are nlohmann's.
class Handler {
 public:
  Handler(const Position& position, JsonValue& root) : position_(position), root_(root) {}

  bool null() { return Add(JsonValue::Kind::kNull, "", Line()); }
  bool boolean(bool value) { return Add(JsonValue::Kind::kBool, value ? "true" : "false", Line()); }
  bool number_integer(int64_t value) { return Add(JsonValue::Kind::kNumber, fmt::to_string(value), NumberLine()); }
  bool number_unsigned(uint64_t value) { return Add(JsonValue::Kind::kNumber, fmt::to_string(value), NumberLine()); }
  bool number_float(double, const std::string& text) { return Add(JsonValue::Kind::kNumber, text, NumberLine()); }
  bool string(std::string& value) { return Add(JsonValue::Kind::kText, std::move(value), Line()); }
  bool binary(nlohmann::json::binary_t&) { return false; }  // Not of JSON text.
  bool start_object(size_t) { return Enter(JsonValue::Kind::kObject); }
  bool start_array(size_t) { return Enter(JsonValue::Kind::kArray); }
  bool end_object() { return Leave(); }
  bool end_array() { return Leave(); }
  bool key(std::string& name) {
    const auto& members = open_.back()->members;
    const bool twice = std::any_of(members.begin(), members.end(), [&](const auto& member) { return member.name == name; });
    if (twice) return Fail("a key stands twice in one object");
    open_.back()->members.push_back({std::move(name), {}});
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) { return Fail("is no JSON from here on"); }

  absl::Status status() const { return status_; }

 private:
  uint64_t Line() const { return position_.line; }
  // A number ends with what follows it, which may be the end of its line.
  uint64_t NumberLine() const { return position_.line - (position_.last == '\n' ? 1 : 0); }
  bool Fail(std::string_view words) {
    if (status_.ok()) status_ = Wrong(Reason::kFieldInvalid, Line(), "", words);
    return false;
  }
  JsonValue& Next() {
    if (open_.empty()) return root_;
    if (open_.back()->kind == JsonValue::Kind::kObject) return open_.back()->members.back().value;
    return open_.back()->elements.emplace_back();
  }
  bool Add(JsonValue::Kind kind, std::string text, uint64_t line) {
    JsonValue& value = Next();
    value.kind = kind;
    value.text = std::move(text);
    value.line = line;
    return true;
  }
  bool Enter(JsonValue::Kind kind) {
    if (open_.size() >= kDepthMax) return Fail(fmt::format("more than {} objects and lists are inside each other", kDepthMax));
    JsonValue& value = Next();
    value.kind = kind;
    value.line = Line();
    open_.push_back(&value);  // Its siblings are added once it was left: the pointer stays good.
    return true;
  }
  bool Leave() {
    open_.pop_back();
    return true;
  }

  const Position& position_;
  JsonValue& root_;
  std::vector<JsonValue*> open_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<JsonValue> ParseJson(std::string_view text, uint64_t first_line) {
  Position position{first_line, '\0'};
  JsonValue root;
  Handler handler(position, root);
  const Counted begin(text.data(), &position), end(text.data() + text.size(), &position);
  if (nlohmann::json::sax_parse(begin, end, &handler)) return root;
  if (handler.status().ok()) return Wrong(Reason::kFieldInvalid, position.line, "", "is no JSON from here on");
  return handler.status();
}

}  // namespace accord::records
