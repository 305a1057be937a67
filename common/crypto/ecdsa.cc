#include "common/crypto/ecdsa.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/base/file.h"
#include "common/crypto/digest.h"
#include "common/crypto/pem.h"

namespace accord::crypto {
namespace {

// Everything of a P-256 SubjectPublicKeyInfo before the two coordinates:
// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { 04 …
constexpr std::string_view kSpkiPrefix(
    "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"
    "\x04",
    27);
constexpr size_t kSpkiBytes = kSpkiPrefix.size() + 64;

const unsigned char* Bytes(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string SpkiOf(EVP_PKEY* key) {
  unsigned char* out = nullptr;
  const int length = i2d_PUBKEY(key, &out);
  std::string spki(reinterpret_cast<char*>(out), length > 0 ? static_cast<size_t>(length) : 0);
  OPENSSL_free(out);
  return spki;
}

}  // namespace

absl::StatusOr<VerifyKey> VerifyKey::FromSpki(std::string_view der) {
  if (der.size() != kSpkiBytes || !der.starts_with(kSpkiPrefix)) {
    return Error(Reason::kFieldInvalid, "the public key is not a P-256 key of 91 bytes",
                 {{"field", "public_key"}});
  }
  const unsigned char* at = Bytes(der);
  const EvpPkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (key == nullptr) return OpenSslError("the public key is not a point of P-256", Reason::kFieldInvalid);
  auto parsed = std::make_shared<Parsed>();
  parsed->spki = der;
  parsed->key_id = Sha256(der);
  parsed->verifier.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (parsed->verifier == nullptr || EVP_PKEY_verify_init(parsed->verifier.get()) != 1) {
    return OpenSslError("cannot prepare the public key");
  }
  return VerifyKey(std::move(parsed));
}

absl::StatusOr<VerifyKey> VerifyKey::FromPem(std::string_view pem) {
  if (pem.size() > kKeyPemBytesMax) return Error(Reason::kFieldInvalid, "too long for a public key in PEM");
  const BioPtr bio = ReadBio(pem);
  const EvpPkeyPtr key(PEM_read_bio_PUBKEY(bio.get(), nullptr, NeverAskForPassphrase, nullptr));
  if (key == nullptr) return OpenSslError("not a public key in PEM", Reason::kFieldInvalid);
  return FromSpki(SpkiOf(key.get()));
}

std::string VerifyKey::ToPem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  ACCORD_CHECK(bio != nullptr);
  ACCORD_CHECK(PEM_write_bio_PUBKEY(bio.get(), EVP_PKEY_CTX_get0_pkey(parsed_->verifier.get())) == 1);
  return std::string(BioBytes(bio.get()));
}

absl::Status VerifyKey::Verify(std::string_view message, std::string_view signature) const {
  return VerifyDigest(Sha256(message), signature);
}

absl::Status VerifyKey::VerifyDigest(std::string_view digest, std::string_view signature) const {
  if (digest.size() == kDigestBytes && signature.size() <= kEcdsaSignatureBytesMax) {
    const EvpPkeyCtxPtr verifier(EVP_PKEY_CTX_dup(parsed_->verifier.get()));
    ACCORD_CHECK(verifier != nullptr);
    if (EVP_PKEY_verify(verifier.get(), Bytes(signature), signature.size(), Bytes(digest), digest.size()) ==
        1) {
      return absl::OkStatus();
    }
  }
  return OpenSslError("the signature is not one of this key over these bytes", Reason::kSignatureInvalid);
}

absl::StatusOr<P256PrivateKey> P256PrivateKey::FromNative(EvpPkeyPtr key) {
  ACCORD_ASSIGN_OR_RETURN(VerifyKey public_key, VerifyKey::FromSpki(SpkiOf(key.get())));
  const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (context == nullptr || EVP_PKEY_pairwise_check(context.get()) != 1) {
    return OpenSslError("the private and the public half are not of one key", Reason::kFieldInvalid);
  }
  return P256PrivateKey(std::move(public_key), std::move(key));
}

absl::StatusOr<P256PrivateKey> P256PrivateKey::Parse(std::string_view pem) {
  ACCORD_ASSIGN_OR_RETURN(EvpPkeyPtr key, PrivateKeyFromPem(pem));
  return FromNative(std::move(key));
}

absl::StatusOr<P256PrivateKey> P256PrivateKey::Load(const std::string& path) {
  ACCORD_ASSIGN_OR_RETURN(std::string pem, ReadFile(path, kKeyPemBytesMax));
  return Parse(SecretBytes::Take(std::move(pem)).view());
}

P256PrivateKey P256PrivateKey::Make() {
  auto key = FromNative(EvpPkeyPtr(EVP_EC_gen("P-256")));
  ACCORD_CHECK(key.ok());
  return *std::move(key);
}

SecretBytes P256PrivateKey::ToPem() const {
  return PrivateKeyToPem(key_.get());
}

absl::StatusOr<SigningKey> SigningKey::FromPem(std::string_view pem) {
  ACCORD_ASSIGN_OR_RETURN(P256PrivateKey key, Parse(pem));
  return SigningKey(std::move(key));
}

absl::StatusOr<SigningKey> SigningKey::FromPemFile(const std::string& path) {
  ACCORD_ASSIGN_OR_RETURN(P256PrivateKey key, Load(path));
  return SigningKey(std::move(key));
}

SigningKey SigningKey::Generate() {
  return SigningKey(Make());
}

absl::StatusOr<std::string> SigningKey::Sign(std::string_view message) const {
  return SignDigest(Sha256(message));
}

absl::StatusOr<std::string> SigningKey::SignDigest(std::string_view digest) const {
  ACCORD_CHECK(digest.size() == kDigestBytes);
  const EvpPkeyCtxPtr signer(EVP_PKEY_CTX_new_from_pkey(nullptr, native(), nullptr));
  std::string signature(kEcdsaSignatureBytesMax, '\0');
  size_t length = signature.size();
  if (signer == nullptr || EVP_PKEY_sign_init(signer.get()) != 1 ||
      EVP_PKEY_sign(signer.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, Bytes(digest),
                    digest.size()) != 1) {
    return OpenSslError("cannot sign");
  }
  signature.resize(length);
  return signature;
}

}  // namespace accord::crypto
