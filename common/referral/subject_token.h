// Subject tokens: keyed pseudonyms by which cases are linked (docs/formats.md §11). Pure. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "accord/type/v1/section_content.pb.h"

namespace accord::referral {

inline constexpr uint32_t kTokenRecipe = 1;

// A name as the recipe compares it: "Zoë O'Brien-Smith" and "SMITH obrien zoe" are the same.
std::string NormaliseName(std::string_view name);

// The tokens of `person` under a linkage-domain key, strong ones first, none twice, at most 16. Quarantined and unverified
// identifiers make none.
std::vector<type::v1::SubjectToken> MakeTokens(const type::v1::Person& person, std::string_view domain,
                                               std::string_view key_id, std::string_view key);

}  // namespace accord::referral
