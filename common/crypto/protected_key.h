// Keys at rest under a passphrase (docs/formats.md §13): PKCS#8 EncryptedPrivateKeyInfo in PEM, PBES2 with scrypt and AES-256-CBC, as
// `openssl pkcs8 -topk8 -scrypt` writes it. A key of plain bytes is its `privateKey`, under the algorithm hmacWithSHA256, as Java's
// PKCS#12 stores have secret keys: one format, which OpenSSL reads and writes whole. All functions are thread-safe.
//
// Whoever has a file may try passphrases on it, at kScryptN · kScryptR · kScryptP · 128 bytes of work each: it must be a long one.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/random.h"
#include "common/crypto/secret.h"

namespace accord::crypto {

inline constexpr size_t kPassphraseBytesMin = 12;    // Of a new one.
inline constexpr size_t kPassphraseBytesMax = 1024;
// OpenSSL reads at most 32 MiB of scrypt: 16 MiB, gone through five times, is some 0.3 s on one core.
inline constexpr uint64_t kScryptN = 1 << 14, kScryptR = 8, kScryptP = 5;

// Whether `pem` is of this format, by its first line.
bool IsProtected(std::string_view pem);

// An unencrypted private key in PEM, or 1 to 4,096 bytes, under `passphrase`.
//   FIELD_INVALID  not one, or a passphrase of another length than kPassphraseBytesMin to kPassphraseBytesMax
absl::StatusOr<std::string> ProtectPrivateKey(std::string_view pem, std::string_view passphrase, Random& random);
absl::StatusOr<std::string> ProtectBytes(std::string_view bytes, std::string_view passphrase, Random& random);

// The private key as unencrypted PKCS#8 in PEM, or the bytes.
//   PASSPHRASE_WRONG  the passphrase does not open it
//   FIELD_INVALID     not of this format, or a key of the other sort
absl::StatusOr<SecretBytes> UnprotectPrivateKey(std::string_view pem, std::string_view passphrase);
absl::StatusOr<SecretBytes> UnprotectBytes(std::string_view pem, std::string_view passphrase);

}  // namespace accord::crypto
