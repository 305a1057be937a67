// The DSSE v1 pre-authentication encoding: what an agency's signature covers
// (docs/formats.md §2). All functions are thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace accord::crypto {

// "DSSEv1" SP len(type) SP type SP len(payload) SP payload.
std::string Pae(std::string_view type, std::string_view payload);

// SHA-256 of Pae(), without building it: names the document everywhere, and is what
// SigningKey::SignDigest signs and VerifyKey::VerifyDigest checks.
std::string PaeDigest(std::string_view type, std::string_view payload);

}  // namespace accord::crypto
