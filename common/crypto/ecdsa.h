// P-256 keys and ECDSA with SHA-256: signatures of agencies (docs/formats.md §2).
//
// Keys are parsed once and shared: copies are cheap and hold the same key. Parsing
// costs twice a verification, so keep the object, not its bytes.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/crypto/openssl.h"
#include "common/crypto/secret.h"

namespace accord::crypto {

// The larger of the two usual encodings of a P-256 signature in DER.
inline constexpr size_t kEcdsaSignatureBytesMax = 72;

// A P-256 public key that checks signatures. Thread-safe.
class VerifyKey {
 public:
  // From a SubjectPublicKeyInfo in DER or PEM. FIELD_INVALID for anything but one P-256 key
  // in its usual 91 bytes (named curve, uncompressed point), so that a key has one key id.
  static absl::StatusOr<VerifyKey> FromSpki(std::string_view der);
  static absl::StatusOr<VerifyKey> FromPem(std::string_view pem);

  // The SubjectPublicKeyInfo in DER, and SHA-256 of it.
  const std::string& spki() const { return parsed_->spki; }
  const std::string& key_id() const { return parsed_->key_id; }
  std::string ToPem() const;

  // OK when `signature` is one over SHA-256(message) by this key; SIGNATURE_INVALID otherwise.
  absl::Status Verify(std::string_view message, std::string_view signature) const;
  // The same of a digest made before (PaeDigest). SIGNATURE_INVALID if it is not 32 bytes.
  absl::Status VerifyDigest(std::string_view digest, std::string_view signature) const;

 private:
  struct Parsed {
    std::string spki, key_id;
    EvpPkeyCtxPtr verifier;  // Set up once and duplicated by each call: saves its fetches.
  };
  explicit VerifyKey(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}

  std::shared_ptr<const Parsed> parsed_;
};

// What every private P-256 key can do. Thread-safe.
class P256PrivateKey {
 public:
  const std::string& spki() const { return public_key_.spki(); }
  const std::string& key_id() const { return public_key_.key_id(); }
  const VerifyKey& public_key() const { return public_key_; }
  // Unencrypted PKCS#8.
  SecretBytes ToPem() const;
  // For OpenSSL calls within this folder.
  EVP_PKEY* native() const { return key_.get(); }

 protected:
  P256PrivateKey(VerifyKey public_key, std::shared_ptr<EVP_PKEY> key)
      : public_key_(std::move(public_key)), key_(std::move(key)) {}
  static absl::StatusOr<P256PrivateKey> FromNative(EvpPkeyPtr key);
  static absl::StatusOr<P256PrivateKey> Parse(std::string_view pem);
  static absl::StatusOr<P256PrivateKey> Load(const std::string& path);
  static P256PrivateKey Make();

 private:
  VerifyKey public_key_;
  std::shared_ptr<EVP_PKEY> key_;
};

// An agency's signing key. Sealing keys are another type (cms.h), so that neither
// does the other's work. Thread-safe.
class SigningKey : public P256PrivateKey {
 public:
  // An unencrypted PEM private key; a passphrase is never asked for.
  //   FIELD_INVALID  not a P-256 private key in PEM
  static absl::StatusOr<SigningKey> FromPem(std::string_view pem);
  // Also the errors of ReadFile.
  static absl::StatusOr<SigningKey> FromPemFile(const std::string& path);
  static SigningKey Generate();

  // A DER signature over SHA-256(message), another one each time. INTERNAL if OpenSSL fails.
  absl::StatusOr<std::string> Sign(std::string_view message) const;
  // The same of a digest made before. REQUIRES: 32 bytes.
  absl::StatusOr<std::string> SignDigest(std::string_view digest) const;

 private:
  explicit SigningKey(P256PrivateKey key) : P256PrivateKey(std::move(key)) {}
};

}  // namespace accord::crypto
