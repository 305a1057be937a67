#include "common/crypto/pem.h"

#include <openssl/pem.h>

namespace accord::crypto {

int NeverAskForPassphrase(char*, int, int, void*) {
  return -1;
}

absl::StatusOr<EvpPkeyPtr> PrivateKeyFromPem(std::string_view pem) {
  if (pem.size() > kKeyPemBytesMax) return Error(Reason::kFieldInvalid, "too long for a private key in PEM");
  const BioPtr bio = ReadBio(pem);
  EvpPkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NeverAskForPassphrase, nullptr));
  if (key == nullptr) return OpenSslError("not an unencrypted private key in PEM", Reason::kFieldInvalid);
  return key;
}

SecretBytes PrivateKeyToPem(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  ACCORD_CHECK(bio != nullptr);
  ACCORD_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return SecretBytes(BioBytes(bio.get()));
}

}  // namespace accord::crypto
