// Signatures and sealing that cost nothing, linked in place of common/crypto's (the --wrap options of CMakeLists.txt): whoever links this
// file proves nothing and hides nothing. It is a source of one test's program and of nothing else, and no option of any program leads to it.
//
// What is kept is what the code around relies on: a signature is one key's over one message, sealed bytes name those who may open them,
// only their keys open them, and a section's digest is the same for every recipient. Parsing and chains of certificates are the real
// ones, each worked out once.
#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "common/crypto/cms.h"
#include "common/crypto/digest.h"
#include "common/crypto/ecdsa.h"
#include "common/crypto/ed25519.h"

namespace accord::crypto {
namespace {

constexpr std::string_view kMagic = "FAKE";

std::string Signature(std::string_view key, std::string_view message) {
  return Sha256(ByteWriter().Raw(kMagic).Lp16(key).Raw(message).bytes());
}
std::string LongSignature(std::string_view key, std::string_view message) {
  const std::string half = Signature(key, message);
  return half + half;
}

struct Sealed {
  std::vector<std::string> recipients;
  std::string content;

  std::string ToString() const {
    ByteWriter writer;
    writer.Raw(kMagic).U8(static_cast<uint8_t>(recipients.size()));
    for (const std::string& recipient : recipients) writer.Lp8(recipient);
    return writer.Raw(content).bytes();
  }
};

absl::StatusOr<Sealed> ReadSealed(std::string_view bytes) {
  ByteReader reader(bytes);
  std::string_view magic, recipient;
  uint8_t count = 0;
  Sealed sealed;
  bool good = reader.Raw(kMagic.size(), magic) && magic == kMagic && reader.U8(count);
  for (int i = 0; good && i < count; ++i) {
    good = reader.Lp8(recipient);
    sealed.recipients.emplace_back(recipient);
  }
  if (!good) return Error(Reason::kSectionMalformed, "not sealed bytes");
  sealed.content = reader.rest();
  return sealed;
}

}  // namespace

// Each of these stands for the function whose mangled name it has.
absl::StatusOr<std::string> FakeSignDigest(const SigningKey* key, std::string_view digest) asm(
    "__wrap__ZNK6accord6crypto10SigningKey10SignDigestB5cxx11ESt17basic_string_viewIcSt11char_traitsIcEE");
absl::Status FakeVerifyDigest(const VerifyKey* key, std::string_view digest, std::string_view signature) asm(
    "__wrap__ZNK6accord6crypto9VerifyKey12VerifyDigestESt17basic_string_viewIcSt11char_traitsIcEES5_");
std::string FakeSign(const Ed25519Signer* signer, std::string_view message) asm(
    "__wrap__ZNK6accord6crypto13Ed25519Signer4SignB5cxx11ESt17basic_string_viewIcSt11char_traitsIcEE");
bool FakeVerify(const Ed25519Verifier* verifier, std::string_view message, std::string_view signature) asm(
    "__wrap__ZNK6accord6crypto15Ed25519Verifier6VerifyESt17basic_string_viewIcSt11char_traitsIcEES5_");
absl::StatusOr<std::string> FakeSeal(std::string_view plaintext, std::span<const Certificate> recipients) asm(
    "__wrap__ZN6accord6crypto3cms4SealB5cxx11ESt17basic_string_viewIcSt11char_traitsIcEESt4spanIKNS0_11CertificateELm18446744073709551615EE");
absl::StatusOr<std::string> FakeOpen(std::string_view der, const SealingKey& key, const Certificate& certificate) asm(
    "__wrap__ZN6accord6crypto3cms4OpenB5cxx11ESt17basic_string_viewIcSt11char_traitsIcEERKNS0_10SealingKeyERKNS0_11CertificateE");
absl::StatusOr<cms::Parsed> FakeParse(std::string_view der) asm(
    "__wrap__ZN6accord6crypto3cms5ParseESt17basic_string_viewIcSt11char_traitsIcEE");
absl::StatusOr<std::string> FakeForRecipient(std::string_view der, std::string_view subject_key_id) asm(
    "__wrap__ZN6accord6crypto3cms12ForRecipientB5cxx11ESt17basic_string_viewIcSt11char_traitsIcEES5_");
absl::StatusOr<Certificate> RealFromDer(std::string_view der) asm(
    "__real__ZN6accord6crypto11Certificate7FromDerESt17basic_string_viewIcSt11char_traitsIcEE");
absl::StatusOr<Certificate> KnownFromDer(std::string_view der) asm(
    "__wrap__ZN6accord6crypto11Certificate7FromDerESt17basic_string_viewIcSt11char_traitsIcEE");
absl::StatusOr<VerifyKey> RealFromSpki(std::string_view der) asm(
    "__real__ZN6accord6crypto9VerifyKey8FromSpkiESt17basic_string_viewIcSt11char_traitsIcEE");
absl::StatusOr<VerifyKey> KnownFromSpki(std::string_view der) asm(
    "__wrap__ZN6accord6crypto9VerifyKey8FromSpkiESt17basic_string_viewIcSt11char_traitsIcEE");
absl::Status RealVerifyChain(const TrustAnchors* anchors, const Certificate& certificate, std::span<const Certificate> intermediates,
                             absl::Time at, Reason reason) asm(
    "__real__ZNK6accord6crypto12TrustAnchors6VerifyERKNS0_11CertificateESt4spanIS3_Lm18446744073709551615EEN4absl7debian34TimeENS_6ReasonE");
absl::Status KnownVerifyChain(const TrustAnchors* anchors, const Certificate& certificate, std::span<const Certificate> intermediates,
                              absl::Time at, Reason reason) asm(
    "__wrap__ZNK6accord6crypto12TrustAnchors6VerifyERKNS0_11CertificateESt4spanIS3_Lm18446744073709551615EEN4absl7debian34TimeENS_6ReasonE");

absl::StatusOr<std::string> FakeSignDigest(const SigningKey* key, std::string_view digest) { return Signature(key->key_id(), digest); }

absl::Status FakeVerifyDigest(const VerifyKey* key, std::string_view digest, std::string_view signature) {
  if (signature == Signature(key->key_id(), digest)) return absl::OkStatus();
  return Error(Reason::kSignatureInvalid, "the signature does not verify");
}

std::string FakeSign(const Ed25519Signer* signer, std::string_view message) { return LongSignature(signer->public_key(), message); }

bool FakeVerify(const Ed25519Verifier* verifier, std::string_view message, std::string_view signature) {
  return signature == LongSignature(verifier->public_key(), message);
}

absl::StatusOr<std::string> FakeSeal(std::string_view plaintext, std::span<const Certificate> recipients) {
  Sealed sealed{{}, std::string(plaintext)};
  for (const Certificate& recipient : recipients) {
    const auto& named = sealed.recipients;
    if (std::find(named.begin(), named.end(), recipient.subject_key_id()) == named.end()) {
      sealed.recipients.push_back(recipient.subject_key_id());
    }
  }
  return sealed.ToString();
}

absl::StatusOr<std::string> FakeOpen(std::string_view der, const SealingKey& key, const Certificate& certificate) {
  ACCORD_ASSIGN_OR_RETURN(const Sealed sealed, ReadSealed(der));
  const auto& named = sealed.recipients;
  if (std::find(named.begin(), named.end(), certificate.subject_key_id()) == named.end()) {
    return Error(Reason::kSealingKeyUnknown, "not sealed for this key");
  }
  if (key.key_id() != certificate.public_key_id()) return Error(Reason::kSectionMalformed, "the key is not the certificate's");
  return sealed.content;
}

absl::StatusOr<cms::Parsed> FakeParse(std::string_view der) {
  ACCORD_ASSIGN_OR_RETURN(const Sealed sealed, ReadSealed(der));
  cms::Parsed parsed;
  for (const std::string& recipient : sealed.recipients) parsed.recipients.push_back({recipient, recipient});
  parsed.digest = Sha256(sealed.content);
  parsed.encrypted_bytes = sealed.content.size();
  return parsed;
}

absl::StatusOr<std::string> FakeForRecipient(std::string_view der, std::string_view subject_key_id) {
  ACCORD_ASSIGN_OR_RETURN(Sealed sealed, ReadSealed(der));
  std::erase_if(sealed.recipients, [&](const std::string& recipient) { return recipient != subject_key_id; });
  if (sealed.recipients.empty()) return Error(Reason::kSealingKeyUnknown, "not sealed for this key");
  return sealed.ToString();
}

absl::StatusOr<Certificate> KnownFromDer(std::string_view der) {
  static auto* const known = new std::map<std::string, absl::StatusOr<Certificate>, std::less<>>;
  const auto found = known->find(der);
  return found != known->end() ? found->second : known->emplace(der, RealFromDer(der)).first->second;
}

absl::StatusOr<VerifyKey> KnownFromSpki(std::string_view der) {
  static auto* const known = new std::map<std::string, absl::StatusOr<VerifyKey>, std::less<>>;
  const auto found = known->find(der);
  return found != known->end() ? found->second : known->emplace(der, RealFromSpki(der)).first->second;
}

// Every certificate of the area is good for longer than a simulation, and every agency trusts the same authority.
absl::Status KnownVerifyChain(const TrustAnchors* anchors, const Certificate& certificate, std::span<const Certificate> intermediates,
                              absl::Time at, Reason reason) {
  static auto* const known = new std::map<std::pair<std::string, Reason>, absl::Status>;
  const std::pair key(certificate.fingerprint(), reason);
  const auto found = known->find(key);
  return found != known->end() ? found->second
                               : known->emplace(key, RealVerifyChain(anchors, certificate, intermediates, at, reason)).first->second;
}

}  // namespace accord::crypto
