// AES-256-GCM with a key, nonce and tag of fixed sizes: encryption at rest
// (docs/formats.md §8). All functions are thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/crypto/secret.h"

namespace accord::crypto::aead {

inline constexpr size_t kKeyBytes = 32;
inline constexpr size_t kNonceBytes = 12;
inline constexpr size_t kTagBytes = 16;
inline constexpr size_t kPlaintextBytesMax = size_t{1} << 30;

// ciphertext ‖ tag[16]. REQUIRES: a key of 32 and a nonce of 12 bytes, never used
// together before; a plaintext within its limit.
std::string Seal(const SecretBytes& key, std::string_view nonce, std::string_view aad,
                 std::string_view plaintext);

// The plaintext; nothing when key, nonce, `aad` or any byte differs from what was
// sealed, or a size is wrong. REQUIRES: a key of 32 bytes.
std::optional<std::string> Open(const SecretBytes& key, std::string_view nonce, std::string_view aad,
                                std::string_view sealed);

}  // namespace accord::crypto::aead
