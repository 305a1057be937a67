// Sealed sections: CMS AuthEnvelopedData in the one profile of docs/formats.md §4.
//
// Made and opened with OpenSSL's CMS, so `openssl cms -decrypt` opens them too.
// Read without a key, and cut down to one recipient, by a strict DER walk of our
// own, since OpenSSL can neither drop a recipient nor refuse other algorithms.
// The plaintext here is opaque; its binding and padding are common/referral's.
//
// All functions are thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/certificate.h"
#include "common/crypto/ecdsa.h"

namespace accord::crypto {

// The private half of a sealing certificate. Thread-safe.
class SealingKey : public P256PrivateKey {
 public:
  // As SigningKey's.
  static absl::StatusOr<SealingKey> FromPem(std::string_view pem);
  static absl::StatusOr<SealingKey> FromPemFile(const std::string& path);
  static SealingKey Generate();

 private:
  explicit SealingKey(P256PrivateKey key) : P256PrivateKey(std::move(key)) {}
};

namespace cms {

inline constexpr size_t kPlaintextBytesMax = 8u << 20;  // docs/formats.md, kSectionPlaintextBytesMax.
inline constexpr size_t kRecipientsMax = 64;
inline constexpr size_t kSubjectKeyIdBytesMax = 64;
// Follows from the others; for the limits of messages and files.
inline constexpr size_t kSealedBytesMax = kPlaintextBytesMax + (64u << 10);

struct Recipient {
  std::string subject_key_id;  // Names the sealing certificate.
  std::string info;            // DER of the RecipientInfo.
};

// What a sealed section shows to whoever cannot open it.
struct Parsed {
  std::vector<Recipient> recipients;  // At least one; no subject key id twice.
  std::string digest;                 // The section digest; the same for every recipient.
  size_t encrypted_bytes = 0;         // Length of the encrypted content, which is the plaintext's.
};

// Seals `plaintext` to every one of `recipients`, in DER.
//   FIELD_INVALID      none or too many recipients, two with one subject key id, or one that
//                      fails Certificate::CheckSealingForm; nothing is verified beyond form
//   MESSAGE_TOO_LARGE  plaintext empty or over its limit
//   INTERNAL           OpenSSL failed
absl::StatusOr<std::string> Seal(std::string_view plaintext, std::span<const Certificate> recipients);

// Opens `der` with the key of `certificate`, one of its recipients.
//   SECTION_MALFORMED    not of the profile, altered, or `key` is not the certificate's
//   SEALING_KEY_UNKNOWN  not sealed for that certificate
absl::StatusOr<std::string> Open(std::string_view der, const SealingKey& key, const Certificate& certificate);

// Reads what needs no key. SECTION_MALFORMED for anything outside the profile: another
// algorithm, indefinite or over-long lengths, attributes, trailing bytes, sizes over the limits.
absl::StatusOr<Parsed> Parse(std::string_view der);

// `der` with the one recipient info of `subject_key_id`; its digest is the same.
//   SECTION_MALFORMED    `der` does not parse
//   SEALING_KEY_UNKNOWN  not sealed for that key
absl::StatusOr<std::string> ForRecipient(std::string_view der, std::string_view subject_key_id);

// `der`, one of whose recipients is `own` with `key`, sealed for `recipient` too: the encrypted content stays as it is, byte for
// byte, and with it the digest; the recipient infos are the old ones and one more. Nothing is verified beyond form.
//   SECTION_MALFORMED    `der` does not parse, was altered, or `key` is not the certificate's
//   SEALING_KEY_UNKNOWN  not sealed for `own`
//   FIELD_INVALID        sealed for `recipient` before, for as many as there may be, or its certificate fails CheckSealingForm
//   INTERNAL             OpenSSL failed
absl::StatusOr<std::string> AddRecipient(std::string_view der, const SealingKey& key, const Certificate& own, const Certificate& recipient);

}  // namespace cms
}  // namespace accord::crypto
