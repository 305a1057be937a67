// X.509 certificates, and the area authorities that an agency itself trusts.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/ecdsa.h"
#include "common/crypto/openssl.h"

namespace accord::crypto {

inline constexpr size_t kCertificateBytesMax = 16u << 10;  // DER; PEM is at most twice that.
inline constexpr size_t kTrustAnchorsMax = 64;
inline constexpr size_t kIntermediatesMax = 8;

// Bits of Certificate::key_usage(), as in RFC 5280.
inline constexpr uint32_t kDigitalSignature = 0x80;
inline constexpr uint32_t kKeyAgreement = 0x08;
inline constexpr uint32_t kKeyCertSign = 0x04;

// One parsed certificate. Parsing vouches for nothing but its form: whom it chains
// to is TrustAnchors::Verify, whom it names is for the caller. Copies share the
// parsed certificate. Thread-safe.
class Certificate {
 public:
  // FIELD_INVALID for anything but exactly one certificate, or one over the limit.
  static absl::StatusOr<Certificate> FromDer(std::string_view der);
  static absl::StatusOr<Certificate> FromPem(std::string_view pem);
  // All certificates of a PEM bundle, such as a chain, in its order; FIELD_INVALID for
  // none or over kTrustAnchorsMax.
  static absl::StatusOr<std::vector<Certificate>> ManyFromPem(std::string_view pem);

  const std::string& der() const { return parsed_->der; }
  std::string pem() const;
  const std::string& fingerprint() const { return parsed_->fingerprint; }      // SHA-256 of der().
  const std::string& spki() const { return parsed_->spki; }                    // DER, of any algorithm.
  const std::string& public_key_id() const { return parsed_->public_key_id; }  // SHA-256 of spki().
  // Empty when the extension is absent.
  const std::string& subject_key_id() const { return parsed_->subject_key_id; }
  absl::Time not_before() const { return parsed_->not_before; }
  absl::Time not_after() const { return parsed_->not_after; }
  // All of them, in order; a caller that wants one name must refuse two.
  const std::vector<std::string>& uri_sans() const { return parsed_->uri_sans; }
  // Exactly the bits of the extension; 0 when it is absent.
  uint32_t key_usage() const { return parsed_->key_usage; }
  bool is_authority() const { return parsed_->is_authority; }  // May issue certificates.

  // FIELD_INVALID when the key is not on P-256.
  absl::StatusOr<VerifyKey> verify_key() const;

  // OK when a section may be sealed to it by its form (docs/formats.md §4): P-256, subject
  // key identifier present, key usage key agreement only, exactly one URI SAN.
  // FIELD_INVALID otherwise, with `field` saying which.
  absl::Status CheckSealingForm() const;
  // The same of a signing certificate: P-256, key usage digital signature only, one URI SAN.
  absl::Status CheckSigningForm() const;

  // For OpenSSL calls within this folder.
  X509* native() const { return parsed_->native.get(); }

 private:
  struct Parsed {
    X509Ptr native;
    std::string der, fingerprint, spki, public_key_id, subject_key_id;
    absl::Time not_before, not_after;
    std::vector<std::string> uri_sans;
    uint32_t key_usage = 0;
    bool is_authority = false;
  };
  explicit Certificate(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  static absl::StatusOr<Certificate> FromNative(X509Ptr native);
  absl::Status CheckForm(uint32_t key_usage) const;

  std::shared_ptr<const Parsed> parsed_;
};

// The area authorities an agency configured for itself. Nothing is fetched and no
// revocation list is read: the registry's deny set does that. Thread-safe.
class TrustAnchors {
 public:
  // A PEM bundle. FIELD_INVALID when it holds none, too many, or a certificate that may not
  // issue others.
  static absl::StatusOr<TrustAnchors> FromPem(std::string_view pem);

  // OK when `certificate` chains through `intermediates` to an anchor, every certificate
  // of the chain being valid at `at`, of at least 112-bit strength, and allowed to issue.
  // Otherwise an error of `reason`, which the caller knows (SEALING_KEY_UNTRUSTED,
  // UNAUTHENTICATED …), saying why. More than kIntermediatesMax intermediates do not verify.
  absl::Status Verify(const Certificate& certificate, std::span<const Certificate> intermediates,
                      absl::Time at, Reason reason) const;

  const std::vector<Certificate>& certificates() const { return certificates_; }

 private:
  TrustAnchors(std::vector<Certificate> certificates, std::shared_ptr<X509_STORE> store)
      : certificates_(std::move(certificates)), store_(std::move(store)) {}

  std::vector<Certificate> certificates_;
  std::shared_ptr<X509_STORE> store_;  // X509_verify_cert takes its own lock on it.
};

}  // namespace accord::crypto
