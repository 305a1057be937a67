#include "common/crypto/protected_key.h"

#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <memory>

#include "common/base/status.h"
#include "common/crypto/openssl.h"
#include "common/crypto/pem.h"

namespace accord::crypto {
namespace {

constexpr std::string_view kBegins = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
constexpr size_t kSaltBytes = 16, kIvBytes = 16, kSecretBytesMax = 4096;
constexpr size_t kProtectedBytesMax = 16u << 10;

struct Deleter {
  void operator()(PKCS8_PRIV_KEY_INFO* object) const { PKCS8_PRIV_KEY_INFO_free(object); }
  void operator()(X509_SIG* object) const { X509_SIG_free(object); }
  void operator()(X509_ALGOR* object) const { X509_ALGOR_free(object); }
};
using KeyInfoPtr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Deleter>;
using EncryptedPtr = std::unique_ptr<X509_SIG, Deleter>;
using AlgorithmPtr = std::unique_ptr<X509_ALGOR, Deleter>;

unsigned char* KeyBytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

absl::StatusOr<std::string> Encrypt(PKCS8_PRIV_KEY_INFO* key, std::string_view passphrase, Random& random) {
  if (passphrase.size() < kPassphraseBytesMin || passphrase.size() > kPassphraseBytesMax) {
    return Error(Reason::kFieldInvalid, fmt::format("a passphrase has {} to {} bytes", kPassphraseBytesMin, kPassphraseBytesMax));
  }
  std::string salt = random.Bytes(kSaltBytes), iv = random.Bytes(kIvBytes);
  AlgorithmPtr algorithm(PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), KeyBytes(salt), static_cast<int>(salt.size()), KeyBytes(iv), kScryptN, kScryptR, kScryptP));
  if (algorithm == nullptr) return OpenSslError("scrypt and AES-256-CBC are not to be had");
  const EncryptedPtr encrypted(PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), key, algorithm.get()));
  if (encrypted == nullptr) return OpenSslError("the key is not encrypted");
  algorithm.release();  // NOLINT: `encrypted` owns it now.
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_PKCS8(bio.get(), encrypted.get()) != 1) return OpenSslError("the key is not written");
  return std::string(BioBytes(bio.get()));
}

absl::StatusOr<KeyInfoPtr> Decrypt(std::string_view pem, std::string_view passphrase) {
  const absl::Status malformed = Error(Reason::kFieldInvalid, "not an encrypted private key in PEM");
  if (pem.size() > kProtectedBytesMax || !IsProtected(pem)) return malformed;
  const BioPtr bio = ReadBio(pem);
  const EncryptedPtr encrypted(PEM_read_bio_PKCS8(bio.get(), nullptr, NeverAskForPassphrase, nullptr));
  if (encrypted == nullptr) {
    ERR_clear_error();
    return malformed;
  }
  const absl::Status wrong = Error(Reason::kPassphraseWrong, "the passphrase does not open the key");
  if (passphrase.empty() || passphrase.size() > kPassphraseBytesMax) return wrong;
  KeyInfoPtr key(PKCS8_decrypt(encrypted.get(), passphrase.data(), static_cast<int>(passphrase.size())));
  ERR_clear_error();
  if (key == nullptr) return wrong;
  return key;
}

// Whether `key` is one of ProtectBytes; its bytes.
bool IsOfBytes(const PKCS8_PRIV_KEY_INFO* key, std::string_view& bytes) {
  const ASN1_OBJECT* algorithm = nullptr;
  const unsigned char* data = nullptr;
  int size = 0;
  if (PKCS8_pkey_get0(&algorithm, &data, &size, nullptr, key) != 1 || size < 0) return false;
  bytes = {reinterpret_cast<const char*>(data), static_cast<size_t>(size)};
  return OBJ_obj2nid(algorithm) == NID_hmacWithSHA256;
}

}  // namespace

bool IsProtected(std::string_view pem) { return pem.starts_with(kBegins); }

absl::StatusOr<std::string> ProtectPrivateKey(std::string_view pem, std::string_view passphrase, Random& random) {
  ACCORD_ASSIGN_OR_RETURN(const EvpPkeyPtr key, PrivateKeyFromPem(pem));
  const KeyInfoPtr info(EVP_PKEY2PKCS8(key.get()));
  if (info == nullptr) return OpenSslError("the key has no PKCS#8 form");
  return Encrypt(info.get(), passphrase, random);
}

absl::StatusOr<std::string> ProtectBytes(std::string_view bytes, std::string_view passphrase, Random& random) {
  if (bytes.empty() || bytes.size() > kSecretBytesMax) return Error(Reason::kFieldInvalid, fmt::format("not 1 to {} bytes", kSecretBytesMax));
  const KeyInfoPtr info(PKCS8_PRIV_KEY_INFO_new());
  auto* const copy = static_cast<unsigned char*>(OPENSSL_memdup(bytes.data(), bytes.size()));
  if (info == nullptr || copy == nullptr ||
      PKCS8_pkey_set0(info.get(), OBJ_nid2obj(NID_hmacWithSHA256), 0, V_ASN1_NULL, nullptr, copy, static_cast<int>(bytes.size())) != 1) {
    OPENSSL_free(copy);
    return OpenSslError("the bytes have no PKCS#8 form");
  }
  return Encrypt(info.get(), passphrase, random);
}

absl::StatusOr<SecretBytes> UnprotectPrivateKey(std::string_view pem, std::string_view passphrase) {
  ACCORD_ASSIGN_OR_RETURN(const KeyInfoPtr info, Decrypt(pem, passphrase));
  const EvpPkeyPtr key(EVP_PKCS82PKEY(info.get()));
  if (key == nullptr) return OpenSslError("not the private key of a key pair", Reason::kFieldInvalid);
  return PrivateKeyToPem(key.get());
}

absl::StatusOr<SecretBytes> UnprotectBytes(std::string_view pem, std::string_view passphrase) {
  ACCORD_ASSIGN_OR_RETURN(const KeyInfoPtr info, Decrypt(pem, passphrase));
  std::string_view bytes;
  if (!IsOfBytes(info.get(), bytes)) return Error(Reason::kFieldInvalid, "a private key of a key pair, and no plain bytes");
  return SecretBytes(bytes);
}

}  // namespace accord::crypto
