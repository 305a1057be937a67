// Structured logs: one JSON object a line, written by a thread of its own.
//
//   telemetry::Log(Level::kWarn, "mailbox.lease_expired", {{"agency", id}, {"attempt", 3}});
//
// Fields are codes and numbers, never text of a peer or a person: a string value
// loses every character outside [A-Za-z0-9._:/@+,=-] (each becomes '_') and all
// beyond 200. No ids of referrals or cases, no payloads, no addresses.
// spdlog lives only in this folder. All functions are thread-safe.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "common/base/clock.h"

namespace accord::telemetry {

enum class Level { kDebug, kInfo, kWarn, kError };

// One field of a line. Holds a view: make it in the call.
class Field {
 public:
  Field(std::string_view key, std::string_view code) : key_(key), code_(code), kind_(Kind::kCode) {}
  Field(std::string_view key, const char* code) : Field(key, std::string_view(code)) {}
  Field(std::string_view key, const std::string& code) : Field(key, std::string_view(code)) {}
  template <typename T>
    requires std::is_arithmetic_v<T>
  Field(std::string_view key, T value) : key_(key) {
    if constexpr (std::is_same_v<T, bool>) {
      kind_ = Kind::kBool, whole_ = value;
    } else if constexpr (std::is_integral_v<T>) {
      kind_ = Kind::kWhole, whole_ = static_cast<int64_t>(value);
    } else {
      kind_ = Kind::kReal, real_ = value;
    }
  }
  // The reason's name, or the canonical code when there is none.
  Field(std::string_view key, const absl::Status& status);

  void AppendTo(std::string& json) const;

 private:
  enum class Kind { kCode, kWhole, kReal, kBool };
  std::string_view key_, code_;
  Kind kind_;
  int64_t whole_ = 0;
  double real_ = 0;
};

struct LogOptions {
  std::string file;  // Empty: stderr.
  Level level = Level::kInfo;
};

// Lines that wait for the writer; when full, the oldest are lost rather than a
// commit delayed.
inline constexpr size_t kLogLinesMax = 8192;

// Opens the log. Before this, and after StopLog(), lines of kWarn and above go to
// stderr at once. `clock` must outlive StopLog(). INVALID_ARGUMENT when the file
// cannot be opened. At most one log is open in a process.
absl::Status StartLog(const LogOptions& options, const Clock& clock);

// Writes what waits and closes. Idempotent; call it last in main().
void StopLog();

// `event` is a constant of the form "area.what_happened". Does not block on I/O.
void Log(Level level, std::string_view event, std::initializer_list<Field> fields = {});

}  // namespace accord::telemetry
