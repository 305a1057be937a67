// The one conversion between std::string_view and Debian's absl::string_view,
// which are different types here (style.md §14).
#pragma once

#include <absl/strings/string_view.h>

#include <string_view>

namespace accord {

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view FromAbsl(absl::string_view text) { return {text.data(), text.size()}; }

// True when `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool IsUtf8(std::string_view text);

}  // namespace accord
