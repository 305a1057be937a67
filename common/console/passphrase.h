// A passphrase from whoever is at the terminal, or from a pipe.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace accord::console {

// The first line of standard input without its end: asked for with `prompt` on standard error and not shown where that is a terminal, and
// there, with `twice`, asked for again. FIELD_INVALID: empty, over 1,024 bytes, the two differ. The caller wipes it. Blocks. Not thread-safe.
absl::StatusOr<std::string> ReadPassphrase(std::string_view prompt, bool twice);

}  // namespace accord::console
