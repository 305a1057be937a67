#include "common/console/passphrase.h"

#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>

#include "common/base/status.h"

namespace accord::console {
namespace {

constexpr size_t kBytesMax = 1024;

constexpr std::array<int, 4> kEndingSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

termios terminal_before = {};  // For the handler; one passphrase is asked for at a time.

// Whoever breaks off (Ctrl-C) has a terminal that shows again what is typed.
extern "C" void ShowAgainAndEnd(int signal) {
  tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// Nothing that is typed is shown while it lives.
class NoEcho {
 public:
  NoEcho() {
    if (isatty(STDIN_FILENO) == 0 || tcgetattr(STDIN_FILENO, &terminal_before) != 0) return;
    struct sigaction action {};
    action.sa_handler = &ShowAgainAndEnd;
    action.sa_flags = SA_NODEFER;
    for (size_t i = 0; i < kEndingSignals.size(); ++i) {
      sigaction(kEndingSignals[i], &action, &actions_before_[i]);
      if (actions_before_[i].sa_handler == SIG_IGN) sigaction(kEndingSignals[i], &actions_before_[i], nullptr);  // As of `nohup`.
    }
    termios quiet = terminal_before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    asked_ = true;
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
    if (!asked_) return;
    for (size_t i = 0; i < kEndingSignals.size(); ++i) sigaction(kEndingSignals[i], &actions_before_[i], nullptr);
    std::fputc('\n', stderr);
  }
  NoEcho(const NoEcho&) = delete;

 private:
  std::array<struct sigaction, kEndingSignals.size()> actions_before_ = {};
  bool asked_ = false, changed_ = false;
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
