// Risk instruments as people write them, a document a version (docs/instruments.md). All functions are thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <span>
#include <string>
#include <string_view>

#include "common/referral/instruments.h"

namespace accord::policy {

inline constexpr size_t kInstrumentTextBytesMax = 64u << 10;

// FIELD_INVALID, saying all that is wrong, each with line and key. `name` is what the errors call the text, such as its file. Pure.
absl::StatusOr<referral::InstrumentDocument> ParseInstrument(std::string_view text, const std::string& name = "instrument");

// The instruments of `directory`: every file in it that ends in `.toml`. Reads files; blocks.
//   NOT_FOUND           there is no such directory
//   INVALID_ARGUMENT    a text is not as it should be, they contradict one another, or there are none; all errors of all texts
absl::StatusOr<referral::Instruments> LoadInstruments(const std::string& directory);

// A document that the program is built with: those of deploy/instruments, byte for byte.
struct BuiltInInstrument {
  std::string_view name, text;
};
std::span<const BuiltInInstrument> BuiltInInstruments();
// What an agency has whose configuration names no directory.
const referral::Instruments& DefaultInstruments();

}  // namespace accord::policy
