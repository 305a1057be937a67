#include "common/crypto/ed25519.h"

#include <openssl/evp.h>

#include "common/base/file.h"
#include "common/crypto/pem.h"

namespace accord::crypto {
namespace {

const unsigned char* Octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

EvpMdCtxPtr NewEd25519Context() {
  EvpMdCtxPtr context(EVP_MD_CTX_new());
  ACCORD_CHECK(context != nullptr);
  return context;
}

}  // namespace

absl::StatusOr<Ed25519Verifier> Ed25519Verifier::FromPublicKey(std::string_view raw) {
  if (raw.size() != kEd25519PublicKeyBytes) {
    return Error(Reason::kFieldInvalid, "an Ed25519 public key is 32 bytes", {{"field", "public_key"}});
  }
  EvpPkeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Octets(raw), raw.size()));
  if (key == nullptr) return OpenSslError("not an Ed25519 public key", Reason::kFieldInvalid);
  return Ed25519Verifier(std::string(raw), std::move(key));
}

bool Ed25519Verifier::Verify(std::string_view message, std::string_view signature) const {
  const EvpMdCtxPtr context = NewEd25519Context();
  if (signature.size() == kEd25519SignatureBytes &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), Octets(signature), signature.size(), Octets(message), message.size()) ==
          1) {
    return true;
  }
  (void)OpenSslError("");  // Empties the error queue, which a later caller would read.
  return false;
}

absl::StatusOr<Ed25519Signer> Ed25519Signer::FromParsed(EvpPkeyPtr key) {
  std::string raw(kEd25519PublicKeyBytes, '\0');
  size_t length = raw.size();
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(raw.data()), &length) != 1) {
    return OpenSslError("not an Ed25519 private key", Reason::kFieldInvalid);
  }
  return Ed25519Signer(Ed25519Verifier(std::move(raw), std::move(key)));
}

absl::StatusOr<Ed25519Signer> Ed25519Signer::FromSeed(std::string_view seed) {
  if (seed.size() != kEd25519SeedBytes) {
    return Error(Reason::kFieldInvalid, "an Ed25519 seed is 32 bytes", {{"field", "seed"}});
  }
  EvpPkeyPtr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Octets(seed), seed.size()));
  if (key == nullptr) return OpenSslError("cannot make an Ed25519 key");
  return FromParsed(std::move(key));
}

Ed25519Signer Ed25519Signer::Generate() {
  auto signer = FromParsed(EvpPkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")));
  ACCORD_CHECK(signer.ok());
  return *std::move(signer);
}

absl::StatusOr<Ed25519Signer> Ed25519Signer::FromPem(std::string_view pem) {
  ACCORD_ASSIGN_OR_RETURN(EvpPkeyPtr key, PrivateKeyFromPem(pem));
  return FromParsed(std::move(key));
}

absl::StatusOr<Ed25519Signer> Ed25519Signer::FromPemFile(const std::string& path) {
  ACCORD_ASSIGN_OR_RETURN(std::string pem, ReadFile(path, kKeyPemBytesMax));
  return FromPem(SecretBytes::Take(std::move(pem)).view());
}

SecretBytes Ed25519Signer::ToPem() const {
  return PrivateKeyToPem(verifier_.key_.get());
}

std::string Ed25519Signer::Sign(std::string_view message) const {
  const EvpMdCtxPtr context = NewEd25519Context();
  std::string signature(kEd25519SignatureBytes, '\0');
  size_t length = signature.size();
  ACCORD_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, verifier_.key_.get()) == 1);
  ACCORD_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                              Octets(message), message.size()) == 1);
  return signature;
}

}  // namespace accord::crypto
