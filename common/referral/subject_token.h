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

// True for 1 January, which is what is written where the day of birth is not known: 1900-01-01 among them.
bool IsDefaultDate(std::string_view date);

// The tokens of `person` under a linkage-domain key, strong ones first, none twice, at most 16. Quarantined and unverified
// identifiers make none, partial and default dates no strong one. Whoever is written with one error, such as a mistyped name, day and
// month swapped, a wrong digit in the date, or another spelling of a name from another script, shares a weak token at the least.
std::vector<type::v1::SubjectToken> MakeTokens(const type::v1::Person& person, std::string_view domain,
                                               std::string_view key_id, std::string_view key);

// The keyed pseudonym of an event, of its own reference with its owner, such as `20/CR/118822/26`: upper and lower case, spaces and the
// separators that people type differently are one. Strong.
type::v1::SubjectToken MakeEventToken(std::string_view reference, std::string_view domain, std::string_view key_id, std::string_view key);

}  // namespace accord::referral
