#include "services/accordctl/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace accord::accordctl {
namespace {

constexpr std::string_view kProgressLineAgain = "\r\x1b[K";  // To its begin, and what is on it away.

const SystemClock kProgressClock;

void ShowProgress(std::string_view text) {
  std::fflush(stdout);  // What a person reads stays in the order in which it was said.
  std::fwrite(text.data(), 1, text.size(), stderr);
}

std::string ProgressNumber(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

}  // namespace

Progress::Progress(std::string what)
    : what_(std::move(what)), clock_(kProgressClock), say_(isatty(STDERR_FILENO) == 1 ? std::function<void(std::string_view)>(ShowProgress) : nullptr) {}

Progress::Progress(std::string what, const Clock& clock, std::function<void(std::string_view)> say)
    : what_(std::move(what)), clock_(clock), say_(std::move(say)) {}

void Progress::Tell(uint64_t done, uint64_t of, std::string_view phase) {
  if (say_ == nullptr) return;
  const absl::Time now = clock_.Now();
  if (phase == phase_ && now - told_ < kProgressEvery) return;
  told_ = now;
  phase_ = phase;
  shown_ = true;
  const std::string count = of == 0 && done == 0 ? "" : of == 0 ? fmt::format("{} {}", ProgressNumber(done), what_)
                                                               : fmt::format("{} of {} {}", ProgressNumber(done), ProgressNumber(of), what_);
  say_(fmt::format("{}{}{}{}", kProgressLineAgain, phase, phase.empty() || count.empty() ? "" : ": ", count));
}

void Progress::End() {
  if (shown_) say_(kProgressLineAgain);
  shown_ = false;
}

}  // namespace accord::accordctl
