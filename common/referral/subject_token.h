// Subject tokens: keyed pseudonyms by which cases are linked (docs/formats.md §11, docs/tokens.md). Pure. Thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "accord/type/v1/section_content.pb.h"

namespace accord::referral {

inline constexpr uint32_t kTokenRecipe = 1;

// One of the keys that a linkage domain has had. What it points to must outlive it.
struct LinkageKey {
  std::string_view id, key;
  bool sent = true;  // Tokens under it are made. Else it is only one that later ones wrap.
};

// A linkage domain, such as an area. A token under any key but the first is that under the key before, wrapped.
struct LinkageDomain {
  std::string name;
  std::vector<LinkageKey> keys;  // The first that the domain ever had first. At least one is sent.
};

// A name as the recipe compares it: "Zoë O'Brien-Smith" and "SMITH obrien zoe" are the same.
std::string NormaliseName(std::string_view name);

// True for 1 January, which is what is written where the day of birth is not known: 1900-01-01 among them.
bool IsDefaultDate(std::string_view date);

// The tokens of `person` under every key that is sent of every domain, strong ones first, none twice, at most 16. What has no room is weak
// ones of later keys and domains, then strong ones of the last names.
//
// Quarantined and unverified identifiers make none, partial and default dates no strong one; nor do several dates that contradict each
// other, but all of them together. Whoever is written with one error, such as a mistyped name, day and month swapped, a wrong digit in
// the date, or another spelling of a name from another script, shares a weak token at the least.
std::vector<type::v1::SubjectToken> MakeTokens(const type::v1::Person& person, std::span<const LinkageDomain> domains);
// Those of a domain that has had one key.
std::vector<type::v1::SubjectToken> MakeTokens(const type::v1::Person& person, std::string_view domain,
                                               std::string_view key_id, std::string_view key);

// `token` under the key that follows its own in the domain: nobody need know of whom it is. REQUIRES: `token` is of the key before.
type::v1::SubjectToken WrapToken(const type::v1::SubjectToken& token, const LinkageKey& next);

// The keyed pseudonym of an event, of its own reference with its owner, such as `20/CR/118822/26`: upper and lower case, spaces and the
// separators that people type differently are one. Strong. There is one of it: under the first key that is sent, which every agency has.
type::v1::SubjectToken MakeEventToken(std::string_view reference, const LinkageDomain& domain);
type::v1::SubjectToken MakeEventToken(std::string_view reference, std::string_view domain, std::string_view key_id, std::string_view key);

}  // namespace accord::referral
