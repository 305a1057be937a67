// The program accord-verify: checks receipts and copies of a log offline, believing nobody but a verification key.
#pragma once

#include <string>

namespace accord::verify {

// What a run says.
struct Output {
  std::string out, err;
  bool progress = false;  // Long runs tell how far they are on the process's standard error.
};

//   accord-verify [--config FILE] receipt FILE [--openings FILE] [--vkey FILE] [--json]
//   accord-verify [--config FILE] ledger DIR [--vkey FILE] [--json]
//   accord-verify bundle DIR
// Returns the exit status: 0 it verifies, 1 it does not (or cannot be told yet: bundles), 2 wrong use. Without --vkey
// the key is that of the configuration (`log_vkey`), else the file `vkey` beside FILE or in DIR: fit to find
// damage, but whoever made the copy chose that key too, and the output says so.
int RunVerify(int argc, const char* const* argv, Output& output);

}  // namespace accord::verify
