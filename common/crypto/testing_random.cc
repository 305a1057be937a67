#include "common/crypto/testing_random.h"

#include <absl/synchronization/mutex.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <string>

#include "common/base/random.h"
#include "common/base/status.h"

// The method is the one hook that reaches the default provider; it is deprecated for want of use by programs.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace accord::crypto::testing {
namespace {

absl::Mutex mu(absl::kConstInit);
FakeRandom* chance ABSL_GUARDED_BY(mu) = nullptr;

int Draw(unsigned char* to, int count) {
  absl::MutexLock lock(&mu);
  const std::string bytes = chance->Bytes(static_cast<size_t>(count));
  std::copy(bytes.begin(), bytes.end(), to);
  return 1;
}

int Status() { return 1; }

}  // namespace

void SeedOpenSsl(uint64_t seed) {
  static constexpr RAND_METHOD kMethod = {nullptr, Draw, nullptr, nullptr, Draw, Status};
  {
    absl::MutexLock lock(&mu);
    static std::unique_ptr<FakeRandom> kept;
    kept = std::make_unique<FakeRandom>(seed);
    chance = kept.get();
  }
  ACCORD_CHECK(RAND_set_rand_method(&kMethod) == 1);
}

}  // namespace accord::crypto::testing
