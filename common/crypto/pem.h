// Private keys in PEM, for the key classes of this folder only. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <string_view>

#include "common/crypto/openssl.h"
#include "common/crypto/secret.h"

namespace accord::crypto {

inline constexpr size_t kKeyPemBytesMax = 8u << 10;

// A passphrase callback that has none: a service must never wait at a terminal.
int NeverAskForPassphrase(char* buffer, int size, int writing, void* context);

// An unencrypted private key of any algorithm. FIELD_INVALID otherwise.
absl::StatusOr<EvpPkeyPtr> PrivateKeyFromPem(std::string_view pem);

// Unencrypted PKCS#8.
SecretBytes PrivateKeyToPem(EVP_PKEY* key);

}  // namespace accord::crypto
