#include "common/console/passphrase.h"

#include <termios.h>
#include <unistd.h>

#include <cstdio>

#include "common/base/status.h"

namespace accord::console {
namespace {

constexpr size_t kBytesMax = 1024;

// Nothing that is typed is shown while it lives.
class NoEcho {
 public:
  NoEcho() {
    if (isatty(STDIN_FILENO) == 0 || tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (!changed_) return;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stderr);
  }
  NoEcho(const NoEcho&) = delete;

 private:
  termios before_ = {};
  bool changed_ = false;
};

// Byte by byte: nothing behind the line is taken from whoever reads on.
absl::StatusOr<std::string> ReadLine() {
  std::string line;
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') {
    if (line.size() == kBytesMax) return Error(Reason::kFieldInvalid, "the passphrase is over 1,024 bytes");
    line += byte;
  }
  if (line.empty()) return Error(Reason::kFieldInvalid, "no passphrase was given");
  return line;
}

}  // namespace

absl::StatusOr<std::string> ReadPassphrase(std::string_view prompt, bool twice) {
  const bool asked = isatty(STDIN_FILENO) != 0;
  const auto ask = [&](const char* again) -> absl::StatusOr<std::string> {
    if (asked) std::fprintf(stderr, "%.*s%s: ", static_cast<int>(prompt.size()), prompt.data(), again);
    const NoEcho quiet;
    return ReadLine();
  };
  ACCORD_ASSIGN_OR_RETURN(std::string first, ask(""));
  if (!asked || !twice) return first;
  ACCORD_ASSIGN_OR_RETURN(const std::string second, ask(", again"));
  if (first != second) return Error(Reason::kFieldInvalid, "the two passphrases differ");
  return first;
}

}  // namespace accord::console
