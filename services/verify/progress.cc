#include "services/verify/progress.h"

#include <fmt/format.h>

namespace accord::verify {

std::string Grouped(uint64_t number) {
  const std::string digits = fmt::format("{}", number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

void ProgressMeter::Tell(uint64_t entries, uint64_t size) {
  // Whoever finds another thread at it has nothing to add.
  if (!mu_.TryLock()) return;
  const absl::Time now = clock_.Now();
  if (now - said_ >= kProgressEvery && entries > 0 && entries <= size) {
    said_ = now;
    const double rate = static_cast<double>(entries) / absl::ToDoubleSeconds(now - started_);
    say_(fmt::format("{} of {} entries ({} %), {} a second, {:.0f} s left", Grouped(entries), Grouped(size),
                     entries * 100 / size, Grouped(static_cast<uint64_t>(rate)), static_cast<double>(size - entries) / rate));
  }
  mu_.Unlock();
}

}  // namespace accord::verify
