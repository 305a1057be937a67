#include "common/crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/base/status.h"

namespace accord::crypto {
namespace {

// Fetched once: looking an algorithm up costs more than hashing a tree node. Never
// freed, since threads may hash until the process ends.
const EVP_MD* Sha256Algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  ACCORD_CHECK(algorithm != nullptr);
  return algorithm;
}

EvpMdCtxPtr NewContext() {
  EvpMdCtxPtr context(EVP_MD_CTX_new());
  ACCORD_CHECK(context != nullptr && EVP_DigestInit_ex2(context.get(), Sha256Algorithm(), nullptr) == 1);
  return context;
}

void Add(EVP_MD_CTX* context, std::string_view bytes) {
  ACCORD_CHECK(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1);
}

// Leaves the context ready for the next message; a null type keeps the algorithm.
void Finish(EVP_MD_CTX* context, char* out) {
  ACCORD_CHECK(EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(out), nullptr) == 1);
  ACCORD_CHECK(EVP_DigestInit_ex2(context, nullptr, nullptr) == 1);
}

}  // namespace

void Sha256Into(std::initializer_list<std::string_view> pieces, char* out) {
  static thread_local const EvpMdCtxPtr context = NewContext();
  for (const std::string_view piece : pieces) Add(context.get(), piece);
  Finish(context.get(), out);
}

std::string Sha256(std::initializer_list<std::string_view> pieces) {
  std::string digest(kDigestBytes, '\0');
  Sha256Into(pieces, digest.data());
  return digest;
}

std::string Sha256(std::string_view bytes) {
  return Sha256({bytes});
}

Sha256Hasher::Sha256Hasher() : context_(NewContext()) {}

Sha256Hasher& Sha256Hasher::Update(std::string_view bytes) {
  Add(context_.get(), bytes);
  return *this;
}

void Sha256Hasher::FinishInto(char* out) {
  crypto::Finish(context_.get(), out);
}

std::string Sha256Hasher::Finish() {
  std::string digest(kDigestBytes, '\0');
  FinishInto(digest.data());
  return digest;
}

std::string HmacSha256(std::string_view key, std::string_view data) {
  std::string code(kDigestBytes, '\0');
  ACCORD_CHECK(key.size() <= INT32_MAX);
  ACCORD_CHECK(HMAC(Sha256Algorithm(), key.empty() ? "" : key.data(), static_cast<int>(key.size()),
                    reinterpret_cast<const unsigned char*>(data.data()), data.size(),
                    reinterpret_cast<unsigned char*>(code.data()), nullptr) != nullptr);
  return code;
}

bool ConstantTimeEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace accord::crypto
