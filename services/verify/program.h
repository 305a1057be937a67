// The program accord-verify: checks receipts and copies of a log offline, believing nobody but a verification key.
#pragma once

#include <string>

namespace accord::verify {

// What a run says.
struct Output {
  std::string out, err;
  bool terminal = false;  // The process's standard error is one: long runs tell there how far they are.
};

//   accord-verify [OPTIONS] receipt FILE [--openings FILE]
//   accord-verify [OPTIONS] ledger DIR
//   accord-verify [OPTIONS] range DIR [--from A] [--to B] [--old FILE]
//   accord-verify [OPTIONS] compare DIR1 DIR2
//   accord-verify [OPTIONS] bundle DIR [--ledger EXPORT] [--policy POLICY]
//   accord-verify [OPTIONS] case EXPORT PSEUDONYM
//   accord-verify [OPTIONS] receipts DIR --ledger EXPORT [--allow-newer]
// with [--config FILE] [--vkey FILE] [--json] [--threads N] [--progress]. Returns the exit status: 0 it verifies, 1 it does not, 2
// wrong use. Without --vkey the key is that of the configuration (`log_vkey`), else the file `vkey` beside FILE or in
// DIR: fit to find damage, but whoever made the copy chose that key too, and the output says so.
int RunVerify(int argc, const char* const* argv, Output& output);

}  // namespace accord::verify
