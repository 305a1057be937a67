// Leaves: the exact bytes of an entry that everyone may see (docs/formats.md §6). Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"
#include "common/crypto/commitment.h"

namespace accord::ledger {

inline constexpr size_t kLeafBytesMax = 16'384;
inline constexpr size_t kLeafChainsMax = 4;
inline constexpr size_t kLeafCommitments = 8;
inline constexpr size_t kPseudonymBytes = 16;
inline constexpr size_t kLeafNonceBytes = 16;
inline constexpr size_t kOriginBytesMax = 255;
inline constexpr uint64_t kNoPreviousIndex = UINT64_MAX;

// An entry's place in one chain.
struct Chain {
  std::string pseudonym;  // 16 bytes.
  uint64_t sequence = 0;
  uint64_t previous_index = kNoPreviousIndex;
  bool operator==(const Chain&) const = default;
};

struct Leaf {
  std::string origin;
  std::string nonce;  // 16 bytes.
  uint64_t time_ms = 0;
  std::vector<Chain> chains;             // 1 to 4, ascending by pseudonym.
  std::vector<std::string> commitments;  // Eight, ascending, 32 bytes each.
  bool operator==(const Leaf&) const = default;
};

// A leaf in place, for whoever reads millions: points into the bytes it was parsed from, and allocates nothing.
struct LeafView {
  struct ChainView {
    std::string_view pseudonym;
    uint64_t sequence = 0;
    uint64_t previous_index = kNoPreviousIndex;
  };
  std::string_view origin, nonce;
  uint64_t time_ms = 0;
  size_t chain_count = 0;
  std::array<ChainView, kLeafChainsMax> chain;  // The first chain_count.
  std::string_view commitments;                 // Eight of 32 bytes, one after the other.

  std::span<const ChainView> chains() const { return {chain.data(), chain_count}; }
};

// REQUIRES: the form above.
std::string EncodeLeaf(const Leaf& leaf);
// RECEIPT_INVALID, with what is wrong, unless encoding the result gives `bytes` again: there is one way to write a leaf, and
// every part of it (order, counts, the end) is checked in place.
absl::StatusOr<Leaf> ParseLeaf(std::string_view bytes);
// The same rules and errors; on an error `leaf` holds anything.
absl::Status ParseLeafInto(std::string_view bytes, LeafView& leaf);

// A new leaf that commits to `openings`, padded with random commitments. REQUIRES: 1 to 4 chains with different
// pseudonyms, at most eight openings, an origin of 1 to 255 bytes.
Leaf MakeLeaf(std::string_view origin, uint64_t time_ms, std::vector<Chain> chains,
              std::span<const crypto::Opening> openings, Random& random);

// True when one of the leaf's commitments is that of `opening`.
bool LeafOpens(const Leaf& leaf, const crypto::Opening& opening);

}  // namespace accord::ledger
