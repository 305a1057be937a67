// Identifiers: what they look like and whether a given one is well formed.
#pragma once

#include <string>
#include <string_view>

#include "common/base/random.h"

namespace accord {

inline constexpr size_t kIdBytes = 16;             // Random ids: sections, tags, deliveries, pseudonyms.
inline constexpr size_t kAgencyIdCharsMax = 63;    // Like a DNS label: it appears in SPIFFE ids and names.
inline constexpr size_t kRequestIdCharsMin = 8;
inline constexpr size_t kRequestIdCharsMax = 128;

// 16 random bytes.
inline std::string NewId(Random& random) { return random.Bytes(kIdBytes); }

// True for lower-case letters, digits and inner hyphens, 1 to 63 characters.
bool IsAgencyId(std::string_view id);

// True for 8 to 128 characters of [A-Za-z0-9._:/-]: a UUID, or the sender's own
// record reference and version.
bool IsRequestId(std::string_view id);

}  // namespace accord
