#include "common/base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord {

uint64_t Random::Below(uint64_t bound) {
  ACCORD_CHECK(bound > 0);
  // Rejects the uneven tail, so that every number is equally likely.
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    const uint64_t value = *U64FromKey(Bytes(8));
    if (value < limit) return value % bound;
  }
}

namespace {

void Fill(char* to, size_t count) {
  size_t filled = 0;
  while (filled < count) {
    const ssize_t got = getrandom(to + filled, count - filled, 0);
    if (got < 0) {
      ACCORD_CHECK(errno == EINTR);
      continue;
    }
    filled += static_cast<size_t>(got);
  }
}

// Bytes drawn ahead, each thread its own; gone with the process, and never twice: nothing here forks and goes on.
struct Pool {
  std::array<char, kRandomPoolBytes> bytes;
  size_t used = kRandomPoolBytes;
};

}  // namespace

std::string SystemRandom::Bytes(size_t count) {
  std::string bytes(count, '\0');
  if (count > kRandomPoolBytes / 4) {
    Fill(bytes.data(), count);
    return bytes;
  }
  thread_local Pool pool;
  if (kRandomPoolBytes - pool.used < count) {
    Fill(pool.bytes.data(), kRandomPoolBytes);
    pool.used = 0;
  }
  const auto first = pool.bytes.begin() + static_cast<std::ptrdiff_t>(pool.used);
  std::copy_n(first, count, bytes.begin());
  std::fill_n(first, count, '\0');  // What was given out is nowhere else.
  pool.used += count;
  return bytes;
}

std::string FakeRandom::Bytes(size_t count) {
  absl::MutexLock lock(&mu_);
  ByteWriter writer;
  while (writer.bytes().size() < count) {
    // splitmix64: tiny, well spread, and the same on every platform.
    uint64_t z = state_ += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    writer.U64(z ^ (z >> 31));
  }
  return writer.bytes().substr(0, count);
}

}  // namespace accord
