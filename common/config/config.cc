#include "common/config/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::config {
namespace {

constexpr size_t kErrorsMax = 20;

std::optional<absl::Duration> ToDuration(const toml::node& node) {
  const auto text = node.value<std::string>();
  absl::Duration duration;
  if (!text || !absl::ParseDuration(ToAbsl(*text), &duration)) return std::nullopt;
  return duration;
}

std::optional<uint64_t> ToByteCount(const toml::node& node) {
  if (const auto whole = node.value_exact<int64_t>(); whole) {
    return *whole < 0 ? std::nullopt : std::optional<uint64_t>(*whole);
  }
  const std::string text = node.value_exact<std::string>().value_or("");
  uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(end, text.data() + text.size() - end);
  const int shift = unit == "KiB" ? 10 : unit == "MiB" ? 20 : unit == "GiB" ? 30 : unit == "TiB" ? 40 : unit == "B" ? 0 : -1;
  if (shift < 0 || count > UINT64_MAX >> shift) return std::nullopt;
  return count << shift;
}

std::string ToPath(const std::string& file, std::string_view path) {
  if (path.empty()) return "";
  return (std::filesystem::path(file).parent_path() / path).lexically_normal().string();
}

}  // namespace

struct Table::Scope {
  const toml::table* table;  // Null when the file has none.
  std::string name;          // "server.tls", "agency[1]"; empty for the root.
  size_t line;
  std::set<std::string, std::less<>> known;
};

struct Table::File {
  std::string path;
  toml::table root;
  std::vector<std::unique_ptr<Scope>> scopes;
  std::vector<std::string> errors;

  void Reject(size_t line, std::string_view name, std::string_view why) {
    errors.push_back(fmt::format("{}:{}: {}: {}", path, line, name, why));
  }
};

namespace {

std::string Qualified(std::string_view scope, std::string_view key) {
  return scope.empty() ? std::string(key) : fmt::format("{}.{}", scope, key);
}

}  // namespace

absl::StatusOr<Table> Table::Load(const std::string& path) {
  ACCORD_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kFileBytesMax));
  return Parse(text, path);
}

absl::StatusOr<Table> Table::Parse(std::string_view text, const std::string& path) {
  auto file = std::make_shared<File>();
  file->path = path;
  try {
    file->root = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
  }
  file->scopes.push_back(std::make_unique<Scope>(Scope{&file->root, "", 1}));
  Scope* root = file->scopes.back().get();
  return Table(std::move(file), root);
}

bool Table::Has(std::string_view key) const { return scope_->table != nullptr && scope_->table->contains(key); }

void Table::Reject(std::string_view key, std::string_view why) {
  const toml::node* node = scope_->table == nullptr ? nullptr : scope_->table->get(key);
  file_->Reject(node == nullptr ? scope_->line : node->source().begin.line, Qualified(scope_->name, key), why);
}

const void* Table::Ask(std::string_view key, bool required) {
  scope_->known.emplace(key);
  const toml::node* node = scope_->table == nullptr ? nullptr : scope_->table->get(key);
  if (node == nullptr && required) Reject(key, "is required and missing");
  return node;
}

template <typename T>
bool Table::Read(std::string_view key, bool required, std::string_view wanted, T& value) {
  const auto* node = static_cast<const toml::node*>(Ask(key, required));
  if (node == nullptr) return false;
  std::optional<T> read;
  if constexpr (std::is_same_v<T, absl::Duration>) {
    read = ToDuration(*node);
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    read = ToByteCount(*node);
  } else {
    read = node->value_exact<T>();
  }
  if (!read.has_value()) return Reject(key, fmt::format("must be {}", wanted)), false;
  value = *read;
  return true;
}

std::string Table::RequiredString(std::string_view key) {
  std::string value;
  if (Read(key, true, "text", value) && value.empty()) Reject(key, "must not be empty");
  return value;
}

std::string Table::OptionalString(std::string_view key, std::string_view absent) {
  std::string value(absent);
  Read(key, false, "text", value);
  return value;
}

std::string Table::OneOf(std::string_view key, std::initializer_list<std::string_view> allowed) {
  std::string value(*allowed.begin());
  Read(key, false, "text", value);
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    Reject(key, fmt::format("must be one of {}", fmt::join(allowed, ", ")));
    return std::string(*allowed.begin());
  }
  return value;
}

std::vector<std::string> Table::Strings(std::string_view key) {
  std::vector<std::string> values;
  const auto* node = static_cast<const toml::node*>(Ask(key, false));
  if (node == nullptr) return values;
  const toml::array* array = node->as_array();
  for (size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const auto value = (*array)[i].value_exact<std::string>();
    if (value.has_value()) values.push_back(*value);
  }
  if (array == nullptr || values.size() != array->size()) Reject(key, "must be an array of texts");
  return values;
}

int64_t Table::RequiredInt(std::string_view key, int64_t min, int64_t max) {
  int64_t value = min;
  if (Read(key, true, "a whole number", value) && (value < min || value > max)) {
    Reject(key, fmt::format("must be from {} to {}", min, max));
    return min;
  }
  return value;
}

int64_t Table::OptionalInt(std::string_view key, int64_t absent, int64_t min, int64_t max) {
  int64_t value = absent;
  if (Read(key, false, "a whole number", value) && (value < min || value > max)) {
    Reject(key, fmt::format("must be from {} to {}", min, max));
    return absent;
  }
  return value;
}

bool Table::OptionalBool(std::string_view key, bool absent) {
  bool value = absent;
  Read(key, false, "true or false", value);
  return value;
}

absl::Duration Table::OptionalDuration(std::string_view key, absl::Duration absent, absl::Duration min,
                                       absl::Duration max) {
  absl::Duration value = absent;
  if (Read(key, false, "a duration such as \"30s\"", value) && (value < min || value > max)) {
    Reject(key, fmt::format("must be from {} to {}", absl::FormatDuration(min), absl::FormatDuration(max)));
    return absent;
  }
  return value;
}

uint64_t Table::OptionalBytes(std::string_view key, uint64_t absent, uint64_t min, uint64_t max) {
  uint64_t value = absent;
  if (Read(key, false, "a size such as \"64MiB\"", value) && (value < min || value > max)) {
    Reject(key, fmt::format("must be from {} to {} bytes", min, max));
    return absent;
  }
  return value;
}

std::string Table::RequiredPath(std::string_view key) { return ToPath(file_->path, RequiredString(key)); }

std::string Table::OptionalPath(std::string_view key, std::string_view absent) {
  return ToPath(file_->path, OptionalString(key, absent));
}

Table Table::Open(const void* node, std::string name) {
  const auto* table = static_cast<const toml::table*>(node);
  const size_t line = table == nullptr ? scope_->line : table->source().begin.line;
  file_->scopes.push_back(std::make_unique<Scope>(Scope{table, std::move(name), line}));
  return Table(file_, file_->scopes.back().get());
}

Table Table::Section(std::string_view key) {
  const auto* node = static_cast<const toml::node*>(Ask(key, false));
  if (node != nullptr && !node->is_table()) Reject(key, "must be a table");
  return Open(node == nullptr ? nullptr : node->as_table(), Qualified(scope_->name, key));
}

std::vector<Table> Table::Tables(std::string_view key) {
  std::vector<Table> tables;
  const auto* node = static_cast<const toml::node*>(Ask(key, false));
  if (node == nullptr) return tables;
  if (!node->is_array_of_tables()) return Reject(key, "must be tables, [[…]]"), tables;
  const toml::array& array = *node->as_array();
  for (size_t i = 0; i < array.size(); ++i) {
    tables.push_back(Open(array[i].as_table(), fmt::format("{}[{}]", Qualified(scope_->name, key), i)));
  }
  return tables;
}

absl::Status Table::Finish() const {
  std::vector<std::string> errors = file_->errors;
  for (const auto& scope : file_->scopes) {
    if (scope->table == nullptr) continue;
    for (const auto& [key, node] : *scope->table) {
      if (scope->known.contains(key.str())) continue;
      errors.push_back(fmt::format("{}:{}: {}: unknown key; known here: {}", file_->path, key.source().begin.line,
                                   Qualified(scope->name, key.str()), fmt::join(scope->known, ", ")));
    }
  }
  if (errors.empty()) return absl::OkStatus();
  if (errors.size() > kErrorsMax) errors.resize(kErrorsMax);
  return absl::InvalidArgumentError(fmt::format("{}", fmt::join(errors, "\n")));
}

}  // namespace accord::config
