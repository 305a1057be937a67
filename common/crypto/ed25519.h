// Ed25519 (RFC 8032): checkpoints and cosignatures of the ledger.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>

#include "common/crypto/openssl.h"
#include "common/crypto/secret.h"

namespace accord::crypto {

inline constexpr size_t kEd25519SeedBytes = 32;
inline constexpr size_t kEd25519PublicKeyBytes = 32;
inline constexpr size_t kEd25519SignatureBytes = 64;

// A public key that checks signatures. Copies share the parsed key. Thread-safe.
class Ed25519Verifier {
 public:
  // From the raw 32 bytes. FIELD_INVALID for another length.
  static absl::StatusOr<Ed25519Verifier> FromPublicKey(std::string_view raw);

  const std::string& public_key() const { return public_key_; }  // Raw.
  // False for a wrong or malformed signature.
  bool Verify(std::string_view message, std::string_view signature) const;

 private:
  friend class Ed25519Signer;
  Ed25519Verifier(std::string raw, std::shared_ptr<EVP_PKEY> key)
      : public_key_(std::move(raw)), key_(std::move(key)) {}

  std::string public_key_;
  std::shared_ptr<EVP_PKEY> key_;
};

// A private key. Deterministic: the same message gets the same signature. Copies
// share the key. Thread-safe.
class Ed25519Signer {
 public:
  // From the 32 bytes RFC 8032 calls the private key. FIELD_INVALID for another length.
  static absl::StatusOr<Ed25519Signer> FromSeed(std::string_view seed);
  static Ed25519Signer Generate();
  // An unencrypted PEM private key; a passphrase is never asked for. FIELD_INVALID for
  // anything else; FromPemFile also has the errors of ReadFile.
  static absl::StatusOr<Ed25519Signer> FromPem(std::string_view pem);
  static absl::StatusOr<Ed25519Signer> FromPemFile(const std::string& path);

  const std::string& public_key() const { return verifier_.public_key(); }  // Raw, 32 bytes.
  const Ed25519Verifier& verifier() const { return verifier_; }
  SecretBytes ToPem() const;  // Unencrypted PKCS#8.

  std::string Sign(std::string_view message) const;  // 64 bytes.

 private:
  explicit Ed25519Signer(Ed25519Verifier verifier) : verifier_(std::move(verifier)) {}
  static absl::StatusOr<Ed25519Signer> FromParsed(EvpPkeyPtr key);

  Ed25519Verifier verifier_;  // Its key holds the private half too.
};

}  // namespace accord::crypto
