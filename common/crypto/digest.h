// SHA-256, HMAC-SHA-256 and comparison in constant time. A digest is a string of
// 32 bytes. All functions are thread-safe and cannot fail but for want of memory.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "common/crypto/openssl.h"

namespace accord::crypto {

inline constexpr size_t kDigestBytes = 32;

std::string Sha256(std::string_view bytes);

// Of the concatenation of `pieces`, without joining them.
std::string Sha256(std::initializer_list<std::string_view> pieces);

// The same into 32 bytes at `out`, allocating nothing: for trees of millions of nodes.
void Sha256Into(std::initializer_list<std::string_view> pieces, char* out);

// Of one byte and two digests of 32 bytes, into 32 bytes at `out`: the node of a tree, at the cost of its two blocks and no
// more. `out` may be one of the two.
void Sha256NodeInto(char prefix, const char* left, const char* right, char* out);

// Incremental. Finish() leaves it ready for the next message. Thread-compatible.
class Sha256Hasher {
 public:
  Sha256Hasher();
  Sha256Hasher& Update(std::string_view bytes);
  std::string Finish();
  void FinishInto(char* out);  // 32 bytes at `out`.

 private:
  EvpMdCtxPtr context_;
};

// The 32-byte code of `data` under `key`, of any length.
std::string HmacSha256(std::string_view key, std::string_view data);

// True when equal. Time depends on the lengths only: for MACs and secrets.
bool ConstantTimeEqual(std::string_view a, std::string_view b);

}  // namespace accord::crypto
