// OpenSSL's chance from a seed, so that keys, signatures and ciphertexts are the same bytes at every run. Never for use outside tests.
#pragma once

#include <cstdint>

namespace accord::crypto::testing {

// From now on, in the whole process and for good, all randomness that OpenSSL draws follows from `seed`. What is drawn by several threads
// comes in the order of their turns. Thread-safe.
void SeedOpenSsl(uint64_t seed);

}  // namespace accord::crypto::testing
