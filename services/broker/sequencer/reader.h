// How rows are read by functions that need nothing more of a CommitContext, a ReadView or a store. Thread-safe as what is read.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>

namespace accord::broker {

// A row, or nothing when it is absent; a SealedReader opens what is sealed under a key slot. Errors of what is read.
using PlainReader = absl::FunctionRef<absl::StatusOr<std::optional<std::string>>(std::string_view family, std::string_view key)>;
using SealedReader = PlainReader;

// That of `from`, and no longer than it.
auto PlainReaderOf(auto& from) {
  return [&from](std::string_view family, std::string_view key) { return from.Get(family, key); };
}
auto SealedReaderOf(auto& from) {
  return [&from](std::string_view family, std::string_view key) { return from.GetSealed(family, key); };
}

}  // namespace accord::broker
