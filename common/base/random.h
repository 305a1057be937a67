// Chance, handed in: nothing outside common/base asks the system for randomness.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <absl/synchronization/mutex.h>

namespace accord {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  // `count` bytes nobody can predict (SystemRandom) or that a seed repeats (FakeRandom).
  virtual std::string Bytes(size_t count) = 0;
  // A number in [0, bound). REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound);
};

inline constexpr size_t kRandomPoolBytes = 2048;  // Drawn at once by each thread: a call for each salt costs more than the salt.

// The kernel's generator, getrandom(2). Thread-safe.
class SystemRandom : public Random {
 public:
  std::string Bytes(size_t count) override;
};

// The same bytes for the same seed; for tests and simulations only. Thread-safe.
class FakeRandom : public Random {
 public:
  explicit FakeRandom(uint64_t seed) : state_(seed) {}
  std::string Bytes(size_t count) override;

 private:
  absl::Mutex mu_;
  uint64_t state_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord
