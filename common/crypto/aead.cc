#include "common/crypto/aead.h"

#include <openssl/evp.h>

#include "common/base/status.h"
#include "common/crypto/openssl.h"

namespace accord::crypto::aead {
namespace {

// Fetched once and never freed, as in digest.cc.
const EVP_CIPHER* Aes256Gcm() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  ACCORD_CHECK(cipher != nullptr);
  return cipher;
}

const unsigned char* AeadBytes(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* AeadBytes(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

// A context with the key and additional data in. Not kept between calls: freeing it
// wipes the key schedule.
EvpCipherCtxPtr Begin(bool sealing, const SecretBytes& key, std::string_view nonce, std::string_view aad) {
  ACCORD_CHECK(key.size() == kKeyBytes && nonce.size() == kNonceBytes && aad.size() <= kPlaintextBytesMax);
  EvpCipherCtxPtr context(EVP_CIPHER_CTX_new());
  int length = 0;
  ACCORD_CHECK(context != nullptr && EVP_CipherInit_ex2(context.get(), Aes256Gcm(), AeadBytes(key.view()),
                                                        AeadBytes(nonce), sealing ? 1 : 0, nullptr) == 1);
  ACCORD_CHECK(EVP_CipherUpdate(context.get(), nullptr, &length, AeadBytes(aad), static_cast<int>(aad.size())) ==
               1);
  return context;
}

}  // namespace

std::string Seal(const SecretBytes& key, std::string_view nonce, std::string_view aad,
                 std::string_view plaintext) {
  ACCORD_CHECK(plaintext.size() <= kPlaintextBytesMax);
  const EvpCipherCtxPtr context = Begin(true, key, nonce, aad);
  std::string sealed(plaintext.size() + kTagBytes, '\0');
  unsigned char* tag = AeadBytes(sealed) + plaintext.size();
  int length = 0;
  ACCORD_CHECK(EVP_CipherUpdate(context.get(), AeadBytes(sealed), &length, AeadBytes(plaintext),
                                static_cast<int>(plaintext.size())) == 1);
  ACCORD_CHECK(EVP_CipherFinal_ex(context.get(), tag, &length) == 1);
  ACCORD_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag) == 1);
  return sealed;
}

std::optional<std::string> Open(const SecretBytes& key, std::string_view nonce, std::string_view aad,
                                std::string_view sealed) {
  if (nonce.size() != kNonceBytes || sealed.size() < kTagBytes ||
      sealed.size() - kTagBytes > kPlaintextBytesMax || aad.size() > kPlaintextBytesMax) {
    return std::nullopt;
  }
  const EvpCipherCtxPtr context = Begin(false, key, nonce, aad);
  std::string plaintext(sealed.size() - kTagBytes, '\0');
  std::string tag(sealed.substr(plaintext.size()));
  int length = 0;
  ACCORD_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  ACCORD_CHECK(EVP_CipherUpdate(context.get(), AeadBytes(plaintext), &length, AeadBytes(sealed),
                                static_cast<int>(plaintext.size())) == 1);
  if (EVP_CipherFinal_ex(context.get(), AeadBytes(tag), &length) != 1) {
    Wipe(plaintext);  // What GCM deciphered before it saw the tag is nobody's.
    return std::nullopt;
  }
  return plaintext;
}

}  // namespace accord::crypto::aead
