#include "common/crypto/cms.h"

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <optional>
#include <set>

#include "common/base/bytes.h"
#include "common/crypto/digest.h"

namespace accord::crypto {

absl::StatusOr<SealingKey> SealingKey::FromPem(std::string_view pem) {
  ACCORD_ASSIGN_OR_RETURN(P256PrivateKey key, Parse(pem));
  return SealingKey(std::move(key));
}

absl::StatusOr<SealingKey> SealingKey::FromPemFile(const std::string& path) {
  ACCORD_ASSIGN_OR_RETURN(P256PrivateKey key, Load(path));
  return SealingKey(std::move(key));
}

SealingKey SealingKey::Generate() {
  return SealingKey(Make());
}

namespace cms {
namespace {

// The DER tags of the profile.
enum : uint8_t {
  kInteger = 0x02,
  kBitString = 0x03,
  kOctetString = 0x04,
  kSequence = 0x30,
  kSet = 0x31,
  kContext0Primitive = 0x80,
  kContext0 = 0xA0,
  kContext1 = 0xA1,
};

template <size_t N>
constexpr std::string_view Literal(const char (&bytes)[N]) {
  return {bytes, N - 1};
}

// Whole TLVs that the profile fixes to the byte.
constexpr auto kAuthEnvelopedOid = Literal("\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17");
constexpr auto kDataOid = Literal("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
constexpr auto kAes256GcmOid = Literal("\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2e");
constexpr auto kEcPublicKeyOid = Literal("\x06\x07\x2a\x86\x48\xce\x3d\x02\x01");
constexpr auto kP256Oid = Literal("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07");
constexpr auto kNull = Literal("\x05\x00");
constexpr auto kVersion0 = Literal("\x02\x01\x00");
constexpr auto kVersion3 = Literal("\x02\x01\x03");
constexpr auto kTagLength16 = Literal("\x02\x01\x10");
// SEQUENCE { dhSinglePass-stdDH-sha256kdf-scheme, SEQUENCE { id-aes256-wrap } }
constexpr auto kKeyAgreementAlgorithm =
    Literal("\x30\x15\x06\x06\x2b\x81\x04\x01\x0b\x01\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2d");

constexpr size_t kNonceBytes = 12;
constexpr size_t kMacBytes = 16;
constexpr size_t kContentKeyBytes = 32;
constexpr size_t kWrappedKeyBytes = 40;
constexpr size_t kPointBytes = 65;  // 04, then both coordinates.

// Walks the elements of one level of DER: definite minimal lengths of at most four
// bytes, one-byte tags. Every read is false, and reads nothing, if the next element
// is not the wanted one or does not end within the given bytes. Single-thread.
class DerReader {
 public:
  explicit DerReader(std::string_view bytes) : rest_(bytes) {}

  // The next element, which must have `tag`: its content and, if asked, all of it.
  bool Read(uint8_t tag, std::string_view& content, std::string_view* whole = nullptr) {
    if (rest_.size() < 2 || Byte(0) != tag) return false;
    size_t header = 2;
    size_t length = Byte(1);
    if (length >= 0x80) {
      const size_t count = length & 0x7F;  // Zero is BER's indefinite length.
      if (count == 0 || count > 4 || rest_.size() < 2 + count) return false;
      length = 0;
      for (size_t i = 0; i < count; ++i) length = length << 8 | Byte(2 + i);
      if (length < 0x80 || (count > 1 && length >> (8 * (count - 1)) == 0)) return false;
      header += count;
    }
    if (length > rest_.size() - header) return false;
    content = rest_.substr(header, length);
    if (whole != nullptr) *whole = rest_.substr(0, header + length);
    rest_.remove_prefix(header + length);
    return true;
  }
  // Exactly these bytes.
  bool Skip(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }
  bool AtEnd() const { return rest_.empty(); }

 private:
  uint8_t Byte(size_t at) const { return static_cast<uint8_t>(rest_[at]); }
  std::string_view rest_;
};

std::string Der(uint8_t tag, std::initializer_list<std::string_view> parts) {
  size_t length = 0;
  for (const std::string_view part : parts) length += part.size();
  ByteWriter writer;
  writer.U8(tag);
  if (length < 0x80) {
    writer.U8(static_cast<uint8_t>(length));
  } else {
    const int bytes = length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4;
    writer.U8(static_cast<uint8_t>(0x80 | bytes));
    for (int i = bytes - 1; i >= 0; --i) writer.U8(static_cast<uint8_t>(length >> (8 * i)));
  }
  for (const std::string_view part : parts) writer.Raw(part);
  return std::move(writer).Take();
}

// The elements of a sealed section, as views into it.
struct Walked {
  struct Recipient {
    std::string_view subject_key_id, info;
    std::string_view point, wrapped;  // The ephemeral public key, and the content's key under what is agreed with it.
  };
  std::vector<Recipient> recipients;
  std::string_view content_info;  // DER of authEncryptedContentInfo.
  std::string_view encrypted, mac;
};

// [0] { [1] { SEQUENCE { id-ecPublicKey, parameters }, BIT STRING point } }
bool WalkOriginator(std::string_view originator, std::string_view& point) {
  std::string_view choice, algorithm, bits;
  DerReader outer(originator);
  if (!outer.Read(kContext1, choice) || !outer.AtEnd()) return false;
  DerReader key(choice);
  if (!key.Read(kSequence, algorithm) || !key.Read(kBitString, bits) || !key.AtEnd()) return false;
  DerReader parameters(algorithm);
  if (!parameters.Skip(kEcPublicKeyOid)) return false;
  // RFC 5753 lets them be absent (as OpenSSL writes), NULL, or the curve.
  if (!parameters.AtEnd() && !parameters.Skip(kNull) && !parameters.Skip(kP256Oid)) return false;
  if (!parameters.AtEnd() || bits.size() != 1 + kPointBytes || bits[0] != 0 || bits[1] != 4) return false;
  point = bits.substr(1);
  return true;
}

bool WalkRecipient(std::string_view content, Walked::Recipient& recipient) {
  DerReader info(content);
  std::string_view originator, keys, key, identifier;
  if (!info.Skip(kVersion3) || !info.Read(kContext0, originator) || !info.Skip(kKeyAgreementAlgorithm) ||
      !info.Read(kSequence, keys) || !info.AtEnd() || !WalkOriginator(originator, recipient.point)) {
    return false;
  }
  DerReader keys_reader(keys);
  if (!keys_reader.Read(kSequence, key) || !keys_reader.AtEnd()) return false;  // One key: one recipient.
  DerReader key_reader(key);
  if (!key_reader.Read(kContext0, identifier) || !key_reader.Read(kOctetString, recipient.wrapped) ||
      !key_reader.AtEnd() || recipient.wrapped.size() != kWrappedKeyBytes) {
    return false;
  }
  DerReader identifier_reader(identifier);
  return identifier_reader.Read(kOctetString, recipient.subject_key_id) && identifier_reader.AtEnd() &&
         !recipient.subject_key_id.empty() && recipient.subject_key_id.size() <= kSubjectKeyIdBytesMax;
}

bool WalkContent(std::string_view content_info, std::string_view& encrypted) {
  DerReader info(content_info);
  std::string_view algorithm, parameters, nonce;
  if (!info.Skip(kDataOid) || !info.Read(kSequence, algorithm) || !info.Read(kContext0Primitive, encrypted) ||
      !info.AtEnd()) {
    return false;
  }
  DerReader algorithm_reader(algorithm);
  if (!algorithm_reader.Skip(kAes256GcmOid) || !algorithm_reader.Read(kSequence, parameters) ||
      !algorithm_reader.AtEnd()) {
    return false;
  }
  DerReader parameters_reader(parameters);
  return parameters_reader.Read(kOctetString, nonce) && parameters_reader.Skip(kTagLength16) &&
         parameters_reader.AtEnd() && nonce.size() == kNonceBytes && !encrypted.empty() &&
         encrypted.size() <= kPlaintextBytesMax;
}

// Nothing when `der` is outside the profile. The order of the recipients, which DER
// fixes, is not looked at: nothing depends on it.
std::optional<Walked> Walk(std::string_view der) {
  Walked walked;
  std::string_view outer, wrapped, enveloped, recipients, content_info;
  DerReader reader(der);
  if (!reader.Read(kSequence, outer) || !reader.AtEnd()) return std::nullopt;
  DerReader outer_reader(outer);
  if (!outer_reader.Skip(kAuthEnvelopedOid) || !outer_reader.Read(kContext0, wrapped) ||
      !outer_reader.AtEnd()) {
    return std::nullopt;
  }
  DerReader wrapped_reader(wrapped);
  if (!wrapped_reader.Read(kSequence, enveloped) || !wrapped_reader.AtEnd()) return std::nullopt;
  DerReader body(enveloped);
  if (!body.Skip(kVersion0) || !body.Read(kSet, recipients) ||
      !body.Read(kSequence, content_info, &walked.content_info) || !body.Read(kOctetString, walked.mac) ||
      !body.AtEnd() || walked.mac.size() != kMacBytes || !WalkContent(content_info, walked.encrypted)) {
    return std::nullopt;
  }
  std::set<std::string_view> seen;
  DerReader infos(recipients);
  while (!infos.AtEnd()) {
    Walked::Recipient recipient;
    std::string_view content;
    if (seen.size() == kRecipientsMax || !infos.Read(kContext1, content, &recipient.info) ||
        !WalkRecipient(content, recipient) || !seen.insert(recipient.subject_key_id).second) {
      return std::nullopt;
    }
    walked.recipients.push_back(recipient);
  }
  if (walked.recipients.empty()) return std::nullopt;
  return walked;
}

absl::Status Malformed(std::string_view why) {
  return OpenSslError(why, Reason::kSectionMalformed);
}

// The one refusal of anything outside the profile.
absl::StatusOr<Walked> WalkOrRefuse(std::string_view der) {
  auto walked = Walk(der);
  if (!walked.has_value()) {
    return Malformed("not AuthEnvelopedData of AES-256-GCM to P-256 recipients by key identifier, in DER");
  }
  return *std::move(walked);
}

// With these recipient infos in place of its own, in the order of DER.
std::string WithInfos(const Walked& walked, std::vector<std::string_view> infos) {
  std::sort(infos.begin(), infos.end());
  std::string all;
  for (const std::string_view info : infos) all += info;
  const std::string set = Der(kSet, {all});
  const std::string mac = Der(kOctetString, {walked.mac});
  const std::string enveloped = Der(kSequence, {kVersion0, set, walked.content_info, mac});
  return Der(kSequence, {kAuthEnvelopedOid, Der(kContext0, {enveloped})});
}

// The key that wraps the content's key between these two: X9.63 with SHA-256 over ECDH (RFC 5753), for id-aes256-wrap. Empty when OpenSSL
// cannot.
SecretBytes AgreedKey(EVP_PKEY* own, EVP_PKEY* peer) {
  static constexpr auto kSharedInfo =
      Literal("\x30\x15\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2d\xa2\x06\x04\x04\x00\x00\x01\x00");
  const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new(own, nullptr));
  std::string key(kContentKeyBytes, '\0');
  size_t length = key.size();
  if (context == nullptr || EVP_PKEY_derive_init(context.get()) != 1 || EVP_PKEY_derive_set_peer(context.get(), peer) != 1 ||
      EVP_PKEY_CTX_set_ecdh_kdf_type(context.get(), EVP_PKEY_ECDH_KDF_X9_63) != 1 ||
      EVP_PKEY_CTX_set_ecdh_kdf_md(context.get(), EVP_sha256()) != 1 ||
      EVP_PKEY_CTX_set_ecdh_kdf_outlen(context.get(), static_cast<int>(kContentKeyBytes)) != 1) {
    return SecretBytes();
  }
  auto* const info = static_cast<unsigned char*>(OPENSSL_memdup(kSharedInfo.data(), kSharedInfo.size()));
  if (EVP_PKEY_CTX_set0_ecdh_kdf_ukm(context.get(), info, static_cast<int>(kSharedInfo.size())) != 1) {
    OPENSSL_free(info);
    return SecretBytes();
  }
  const bool made = EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(key.data()), &length) == 1 && length == key.size();
  SecretBytes agreed = SecretBytes::Take(std::move(key));
  return made ? std::move(agreed) : SecretBytes();
}

// AES key wrap (RFC 3394) of `key` under `under`, or what is wrapped in it. Empty when OpenSSL cannot, or it was wrapped under another.
SecretBytes Wrap(std::string_view key, const SecretBytes& under, bool wraps) {
  const EvpCipherCtxPtr context(EVP_CIPHER_CTX_new());
  std::string out(kWrappedKeyBytes + 16, '\0');
  int length = 0, rest = 0;
  auto* const bytes = reinterpret_cast<unsigned char*>(out.data());
  if (context != nullptr) EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  const bool done =
      context != nullptr &&
      EVP_CipherInit_ex(context.get(), EVP_aes_256_wrap(), nullptr, reinterpret_cast<const unsigned char*>(under.view().data()), nullptr, wraps) == 1 &&
      EVP_CipherUpdate(context.get(), bytes, &length, reinterpret_cast<const unsigned char*>(key.data()), static_cast<int>(key.size())) == 1 &&
      EVP_CipherFinal_ex(context.get(), bytes + length, &rest) == 1 &&
      length + rest == static_cast<int>(wraps ? kWrappedKeyBytes : kContentKeyBytes);
  out.resize(done ? static_cast<size_t>(length + rest) : 0);
  return SecretBytes::Take(std::move(out));
}

// The public key of a recipient info; null unless the point is on the curve.
EvpPkeyPtr PointKey(std::string_view point) {
  static constexpr auto kSpki =
      Literal("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00");
  const std::string spki = std::string(kSpki) + std::string(point);
  const auto* at = reinterpret_cast<const unsigned char*>(spki.data());
  return EvpPkeyPtr(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
}

// A recipient info as OpenSSL makes it: of a fresh key, for `certificate`.
absl::StatusOr<std::string> MakeInfo(const SecretBytes& content_key, const Certificate& certificate) {
  const SealingKey ephemeral = SealingKey::Generate();
  const SecretBytes agreed = AgreedKey(ephemeral.native(), X509_get0_pubkey(certificate.native()));
  if (agreed.view().empty()) return OpenSslError("cannot agree on a key with a further recipient");
  const SecretBytes wrapped = Wrap(content_key.view(), agreed, /*wraps=*/true);
  if (wrapped.view().empty()) return OpenSslError("cannot seal for a further recipient");
  const std::string_view point = std::string_view(ephemeral.spki()).substr(ephemeral.spki().size() - kPointBytes);
  const std::string bits = Der(kBitString, {Literal("\0"), point});
  const std::string originator = Der(kContext0, {Der(kContext1, {Der(kSequence, {kEcPublicKeyOid}), bits})});
  const std::string identifier = Der(kContext0, {Der(kOctetString, {certificate.subject_key_id()})});
  const std::string key = Der(kSequence, {identifier, Der(kOctetString, {wrapped.view()})});
  return Der(kContext1, {kVersion3, originator, kKeyAgreementAlgorithm, Der(kSequence, {key})});
}

absl::Status CheckRecipients(std::span<const Certificate> recipients) {
  std::set<std::string_view> seen;
  for (const Certificate& certificate : recipients) {
    ACCORD_RETURN_IF_ERROR(certificate.CheckSealingForm());
    if (certificate.subject_key_id().size() > kSubjectKeyIdBytesMax ||
        !seen.insert(certificate.subject_key_id()).second) {
      return Error(Reason::kFieldInvalid, "a recipient's subject key identifier is too long or there twice",
                   {{"field", "subject_key_id"}});
    }
  }
  if (recipients.empty() || recipients.size() > kRecipientsMax) {
    return Error(Reason::kFieldInvalid, "a section is sealed for at least one and at most 64 recipients",
                 {{"field", "recipients"}});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> Seal(std::string_view plaintext, std::span<const Certificate> recipients) {
  ACCORD_RETURN_IF_ERROR(CheckRecipients(recipients));
  if (plaintext.empty() || plaintext.size() > kPlaintextBytesMax) {
    return Error(Reason::kMessageTooLarge, "a section's plaintext is empty or over its limit",
                 {{"limit_bytes", std::to_string(kPlaintextBytesMax)}});
  }
  const CmsPtr cms(CMS_AuthEnvelopedData_create(EVP_aes_256_gcm()));
  if (cms == nullptr) return OpenSslError("cannot begin to seal");
  for (const Certificate& certificate : recipients) {
    CMS_RecipientInfo* info =
        CMS_add1_recipient_cert(cms.get(), certificate.native(), CMS_USE_KEYID | CMS_KEY_PARAM);
    // OpenSSL would derive the wrapping key with SHA-1.
    if (info == nullptr ||
        EVP_PKEY_CTX_set_ecdh_kdf_md(CMS_RecipientInfo_get0_pkey_ctx(info), EVP_sha256()) != 1) {
      return OpenSslError("cannot seal for a recipient");
    }
  }
  const BioPtr input = ReadBio(plaintext);
  CMS_set_detached(cms.get(), 0);
  if (CMS_final(cms.get(), input.get(), nullptr, CMS_BINARY) != 1) return OpenSslError("cannot seal");
  const int length = i2d_CMS_ContentInfo(cms.get(), nullptr);
  if (length <= 0) return OpenSslError("cannot encode the sealed section");
  std::string der(static_cast<size_t>(length), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  if (i2d_CMS_ContentInfo(cms.get(), &out) != length) return OpenSslError("cannot encode the sealed section");
  // What we cannot read back ourselves must not leave.
  if (const auto walked = Walk(der); !walked || walked->encrypted.size() != plaintext.size()) {
    return OpenSslError("OpenSSL sealed outside the profile");
  }
  return der;
}

absl::StatusOr<std::string> Open(std::string_view der, const SealingKey& key,
                                 const Certificate& certificate) {
  ACCORD_ASSIGN_OR_RETURN(const std::string own, ForRecipient(der, certificate.subject_key_id()));
  const auto* at = reinterpret_cast<const unsigned char*>(own.data());
  const CmsPtr cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(own.size())));
  if (cms == nullptr) return Malformed("OpenSSL cannot read the sealed section");
  const BioPtr out(BIO_new(BIO_s_secmem()));  // Wiped when freed.
  ACCORD_CHECK(out != nullptr);
  if (CMS_decrypt(cms.get(), key.native(), certificate.native(), nullptr, out.get(), CMS_BINARY) != 1) {
    return Malformed("the sealed section does not open: altered, or sealed for another key");
  }
  return std::string(BioBytes(out.get()));
}

absl::StatusOr<Parsed> Parse(std::string_view der) {
  ACCORD_ASSIGN_OR_RETURN(const Walked walked, WalkOrRefuse(der));
  Parsed parsed;
  for (const Walked::Recipient& recipient : walked.recipients) {
    parsed.recipients.push_back({std::string(recipient.subject_key_id), std::string(recipient.info)});
  }
  ByteWriter size, mac;
  size.U32(static_cast<uint32_t>(walked.content_info.size()));
  mac.Lp16(walked.mac);
  parsed.digest =
      Sha256({"accord/section-digest/v1", Literal("\0"), size.bytes(), walked.content_info, mac.bytes()});
  parsed.encrypted_bytes = walked.encrypted.size();
  return parsed;
}

absl::StatusOr<std::string> ForRecipient(std::string_view der, std::string_view subject_key_id) {
  ACCORD_ASSIGN_OR_RETURN(const Walked walked, WalkOrRefuse(der));
  const auto found = std::ranges::find(walked.recipients, subject_key_id, &Walked::Recipient::subject_key_id);
  if (found == walked.recipients.end()) {
    return Error(Reason::kSealingKeyUnknown, "the section is not sealed for this key");
  }
  return WithInfos(walked, {found->info});
}

absl::StatusOr<std::string> AddRecipient(std::string_view der, const SealingKey& key, const Certificate& own, const Certificate& recipient) {
  ACCORD_RETURN_IF_ERROR(CheckRecipients({&recipient, 1}));
  ACCORD_ASSIGN_OR_RETURN(const Walked walked, WalkOrRefuse(der));
  const auto find = [&](const Certificate& certificate) {
    return std::ranges::find(walked.recipients, certificate.subject_key_id(), &Walked::Recipient::subject_key_id);
  };
  if (find(recipient) != walked.recipients.end() || walked.recipients.size() >= kRecipientsMax) {
    return Error(Reason::kFieldInvalid, "the section is sealed for that key before, or for as many as there may be", {{"field", "recipients"}});
  }
  ACCORD_RETURN_IF_ERROR(Open(der, key, own));  // It is whole, and ours to pass on.
  // OpenSSL makes recipient infos only for content that it seals itself, so the content's key is taken out of ours, and wrapped for the other.
  const Walked::Recipient& ours = *find(own);
  const EvpPkeyPtr point = PointKey(ours.point);
  const SecretBytes content_key = point == nullptr ? SecretBytes() : Wrap(ours.wrapped, AgreedKey(key.native(), point.get()), /*wraps=*/false);
  if (content_key.view().empty()) return Malformed("the key of the sealed section does not open");
  ACCORD_ASSIGN_OR_RETURN(const std::string info, MakeInfo(content_key, recipient));
  std::vector<std::string_view> infos = {info};
  for (const Walked::Recipient& known : walked.recipients) infos.push_back(known.info);
  return WithInfos(walked, std::move(infos));
}

}  // namespace cms
}  // namespace accord::crypto
