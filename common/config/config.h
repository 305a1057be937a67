// Reads a program's TOML configuration, strictly: a key that is missing, of the
// wrong type, out of range or unknown is an error that names file, line and key.
//
//   ACCORD_ASSIGN_OR_RETURN(config::Table root, config::Table::Load(path));
//   options.origin = root.RequiredString("origin");
//   config::Table server = root.Section("server");
//   options.port = server.OptionalInt("port", 7400, 1, 65535);
//   for (config::Table& agency : root.Tables("agency")) …
//   ACCORD_RETURN_IF_ERROR(root.Finish());  // Before any value is used.
//
// Getters return a harmless value after an error and remember it; Finish() on any
// table of the file tells all of them, and every key that nobody asked for.
// toml++ lives only here.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace accord::config {

inline constexpr size_t kFileBytesMax = 1u << 20;

// A table of the file; copies are handles to the same one. Single-thread.
class Table {
 public:
  // NOT_FOUND when absent, INVALID_ARGUMENT (with the line) when not TOML.
  static absl::StatusOr<Table> Load(const std::string& path);
  // `path` is what errors name and what relative paths are relative to.
  static absl::StatusOr<Table> Parse(std::string_view text, const std::string& path);

  // Whether the file has `key` here; does not count as asking for it.
  bool Has(std::string_view key) const;

  std::string RequiredString(std::string_view key);  // Not empty.
  std::string OptionalString(std::string_view key, std::string_view absent = "");
  // One of `allowed`; the first when absent.
  std::string OneOf(std::string_view key, std::initializer_list<std::string_view> allowed);
  std::vector<std::string> Strings(std::string_view key);  // An array; none when absent.

  int64_t RequiredInt(std::string_view key, int64_t min, int64_t max);
  int64_t OptionalInt(std::string_view key, int64_t absent, int64_t min, int64_t max);
  bool OptionalBool(std::string_view key, bool absent);

  // "250ms", "30s", "15m", "24h", "1h30m".
  absl::Duration OptionalDuration(std::string_view key, absl::Duration absent, absl::Duration min, absl::Duration max);
  // "4MiB", "64KiB", "1GiB", or a plain number of bytes.
  uint64_t OptionalBytes(std::string_view key, uint64_t absent, uint64_t min, uint64_t max);

  // A path; a relative one is taken from the directory of the file. `absent` too.
  std::string RequiredPath(std::string_view key);
  std::string OptionalPath(std::string_view key, std::string_view absent = "");

  // The table [key]; an empty one when absent, so that defaults and missing keys are told.
  Table Section(std::string_view key);
  // The tables [[key]]; none when absent.
  std::vector<Table> Tables(std::string_view key);

  // Adds an error about `key` to those that Finish() tells: for checks of the caller's own.
  void Reject(std::string_view key, std::string_view why);

  // OK when nothing was wrong in the whole file, otherwise INVALID_ARGUMENT with a
  // line for each error, in the order of reading.
  absl::Status Finish() const;

 private:
  struct File;
  struct Scope;
  Table(std::shared_ptr<File> file, Scope* scope) : file_(std::move(file)), scope_(scope) {}
  template <typename T>
  bool Read(std::string_view key, bool required, std::string_view wanted, T& value);
  // toml++'s nodes and tables, untyped so that its header stays out of this one.
  const void* Ask(std::string_view key, bool required);
  Table Open(const void* table, std::string name);

  std::shared_ptr<File> file_;
  Scope* scope_;  // Owned by *file_.
};

}  // namespace accord::config
