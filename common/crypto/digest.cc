// SHA-256 of short messages is called at OpenSSL's low level, SHA256_Init to SHA256_Transform: deprecated since 3.0 for the
// sake of providers, there in every 3.x, and the same assembly (with the CPU's own SHA instructions where it has them). By way
// of EVP a tree's node costs half as much again (docs/performance.md): each message passes provider dispatch three times. This
// file is the only one that does so, and an OpenSSL built without deprecated functions gets EVP with a context that is kept.
// digest_test compares the two.
#include "common/crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <bit>
#include <cstring>

#include "common/base/status.h"

// For the functions of this file alone, whichever file stands before or after it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

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

#ifndef OPENSSL_NO_DEPRECATED_3_0

void Sha256Into(std::initializer_list<std::string_view> pieces, char* out) {
  SHA256_CTX state;
  bool ok = SHA256_Init(&state) == 1;
  for (const std::string_view piece : pieces) ok = ok && SHA256_Update(&state, piece.data(), piece.size()) == 1;
  ACCORD_CHECK(ok && SHA256_Final(reinterpret_cast<unsigned char*>(out), &state) == 1);
}

void Sha256NodeInto(char prefix, const char* left, const char* right, char* out) {
  constexpr size_t kMessageBytes = 1 + 2 * kDigestBytes;
  // The two blocks of a message of 65 bytes: its last byte, 0x80, zeros and its length in bits stand in the second.
  unsigned char blocks[2 * SHA256_CBLOCK];
  blocks[0] = static_cast<unsigned char>(prefix);
  std::memcpy(blocks + 1, left, kDigestBytes);
  std::memcpy(blocks + 1 + kDigestBytes, right, kDigestBytes);
  std::memset(blocks + kMessageBytes, 0, sizeof blocks - kMessageBytes);
  blocks[kMessageBytes] = 0x80;
  static_assert(kMessageBytes * 8 == 0x0208);
  blocks[sizeof blocks - 2] = 0x02;
  blocks[sizeof blocks - 1] = 0x08;
  SHA256_CTX state;
  ACCORD_CHECK(SHA256_Init(&state) == 1);
  SHA256_Transform(&state, blocks);
  SHA256_Transform(&state, blocks + SHA256_CBLOCK);
  for (size_t i = 0; i < 8; ++i) {
    const uint32_t word = std::endian::native == std::endian::little ? __builtin_bswap32(state.h[i]) : state.h[i];
    std::memcpy(out + i * sizeof word, &word, sizeof word);
  }
}

#else

void Sha256Into(std::initializer_list<std::string_view> pieces, char* out) {
  static thread_local const EvpMdCtxPtr context = NewContext();
  for (const std::string_view piece : pieces) Add(context.get(), piece);
  Finish(context.get(), out);
}

void Sha256NodeInto(char prefix, const char* left, const char* right, char* out) {
  Sha256Into({{&prefix, 1}, {left, kDigestBytes}, {right, kDigestBytes}}, out);
}

#endif

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

// RFC 2104 over Sha256Into: OpenSSL's HMAC looks its algorithm up anew each time, which costs a short message five times the hashing.
std::string HmacSha256(std::string_view key, std::string_view data) {
  char inner_pad[SHA256_CBLOCK] = {};
  if (key.size() > SHA256_CBLOCK) {
    Sha256Into({key}, inner_pad);
  } else if (!key.empty()) {
    std::memcpy(inner_pad, key.data(), key.size());
  }
  char outer_pad[SHA256_CBLOCK], inner[kDigestBytes];
  for (size_t at = 0; at < SHA256_CBLOCK; ++at) {
    outer_pad[at] = inner_pad[at] ^ 0x5c;
    inner_pad[at] ^= 0x36;
  }
  Sha256Into({{inner_pad, sizeof inner_pad}, data}, inner);
  std::string code(kDigestBytes, '\0');
  Sha256Into({{outer_pad, sizeof outer_pad}, {inner, sizeof inner}}, code.data());
  OPENSSL_cleanse(inner_pad, sizeof inner_pad);
  OPENSSL_cleanse(outer_pad, sizeof outer_pad);
  return code;
}

bool ConstantTimeEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace accord::crypto

#pragma GCC diagnostic pop
