// Salted commitments and their openings (docs/formats.md §1). All functions are
// thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/random.h"

namespace accord::crypto {

inline constexpr std::string_view kHeaderPartDomain = "accord/header-part/v1";
inline constexpr std::string_view kEntryPartDomain = "accord/entry-part/v1";

inline constexpr size_t kCommitmentBytes = 32;
inline constexpr size_t kSaltBytes = 32;
inline constexpr size_t kOpeningLabelBytesMax = 64;

// What a commitment was made of; whoever holds it can check the commitment.
struct Opening {
  std::string label;    // What kind of part, such as "core".
  std::string salt;     // 32 random bytes; the commitment hides the content without it.
  std::string content;  // The part's bytes, as received.

  bool operator==(const Opening&) const = default;
};

// An opening with a fresh salt.
Opening MakeOpening(Random& random, std::string_view label, std::string_view content);

// The 32-byte commitment. Empty, which equals no commitment, when the salt is not
// 32 bytes or the label is over its limit: openings come from peers.
std::string Commit(std::string_view domain, const Opening& opening);

// True when `commitment` is that of `opening`.
bool Opens(std::string_view domain, const Opening& opening, std::string_view commitment);

}  // namespace accord::crypto
