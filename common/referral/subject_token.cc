#include "common/referral/subject_token.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_join.h>
#include <absl/time/civil_time.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/referral/header.h"
#include "common/referral/identifiers.h"
#include "common/referral/sound_key.h"

namespace accord::referral {
namespace {

constexpr size_t kWordsMax = 4;      // Of a name, each with a date.
constexpr size_t kWordCharsMin = 2;  // An initial is no word.
constexpr size_t kNameBytesMax = 1024;  // Longer is no name.
constexpr size_t kDatesMax = 8;         // Of birth, of one person, that are told together.

std::string DigitsOf(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  return digits;
}

// `YYYY-MM-DD`; `YYYY`, `YYYY-MM` and it have a year.
bool IsFullDate(std::string_view date) {
  absl::CivilDay day;
  return date.size() == 10 && date[4] == '-' && date[7] == '-' && DigitsOf(date).size() == 8 && absl::ParseCivilTime(ToAbsl(date), &day);
}
bool HasYear(std::string_view date) {
  const bool shaped = date.size() == 4 || ((date.size() == 7 || date.size() == 10) && date[4] == '-');
  return shaped && DigitsOf(date.substr(0, 4)).size() == 4;
}

struct Name {
  std::string normalised, sound;
  std::vector<std::string> words;  // Roman, at most kWordsMax.
  bool full = false;               // Two words or more.
};

// What tokens are made of.
struct Known {
  std::vector<Name> names;
  std::vector<std::string> days, years;  // Full dates; the years of these and of partial ones.
  std::vector<std::string> conflicting;  // Of `days`, in order, when they contradict each other.
};

// One token to be, before any key.
struct Ingredients {
  std::string kind, a, b;
  bool strong = false;
  bool operator==(const Ingredients& other) const { return kind == other.kind && a == other.a && b == other.b; }
};

// An identifier that is a person's own when it is verified and right.
struct StrongScheme {
  std::string_view scheme, kind;
  bool (*is_right)(std::string_view value);
};
constexpr std::array kStrongSchemes = {StrongScheme{"nhs_number", "nhs", IsNhsNumber}, StrongScheme{"pnc_id", "pnc", IsPncId},
                                       StrongScheme{"upn", "upn", IsPermanentUpn}};

Name NameOf(std::string_view text) {
  Name name{.normalised = NormaliseName(text), .sound = SoundKey(text), .words = RomanWords(text), .full = false};
  name.full = name.normalised.find(' ') != std::string::npos;
  std::erase_if(name.words, [](const std::string& word) { return word.size() < kWordCharsMin; });
  // The last word first: the family name, as most write it.
  std::reverse(name.words.begin(), name.words.end());
  if (name.words.size() > kWordsMax) name.words.resize(kWordsMax);
  return name;
}

// "Family, given names" with the family name last, as names are written elsewhere.
std::string GivenNamesFirst(std::string_view name) {
  const size_t comma = name.find(',');
  if (comma == std::string_view::npos) return std::string(name);
  return std::string(name.substr(comma + 1)) + " " + std::string(name.substr(0, comma));
}

// May both be of one birth, one of them written with a slip? A wrong digit of day or month, or both swapped, leaves the year; one of the
// year leaves day and month. A father's and a son's date share neither.
bool AgreeInPart(std::string_view one, std::string_view other) { return one.substr(0, 4) == other.substr(0, 4) || one.substr(4) == other.substr(4); }

// The dates that say a day of birth, in order, where any two of them contradict each other: only one record has them all.
std::vector<std::string> Conflicting(const std::vector<std::string>& days) {
  std::set<std::string> said;
  for (const std::string& day : days) {
    if (!IsDefaultDate(day)) said.insert(day);
  }
  for (const std::string& one : said) {
    for (const std::string& other : said) {
      if (!AgreeInPart(one, other)) return {said.begin(), said.end()};
    }
  }
  return {};
}

Known WhatIsKnown(const type::v1::Person& person) {
  Known known;
  const auto add_name = [&](const std::string& text) {
    if (text.size() > kNameBytesMax) return;
    Name name = NameOf(text);
    if (!name.normalised.empty()) known.names.push_back(std::move(name));
  };
  // Half a name is not a name.
  if (!person.given_names().empty() && !person.family_name().empty()) add_name(person.given_names() + " " + person.family_name());
  for (const std::string& former : person.former_names()) add_name(GivenNamesFirst(former));
  for (const std::string& alias : person.aliases()) add_name(alias);
  for (const std::string& date : person.dates_of_birth()) {
    if (known.days.size() < kDatesMax && IsFullDate(date)) known.days.push_back(date);
    if (HasYear(date)) known.years.push_back(date.substr(0, 4));
  }
  known.conflicting = Conflicting(known.days);
  return known;
}

// In the order of the recipe, none twice, at most kTokensPerSubjectMax.
std::vector<Ingredients> IngredientsOf(const type::v1::Person& person) {
  std::vector<Ingredients> list;
  const auto add = [&](std::string_view kind, std::string_view a, std::string_view b, bool strong) {
    Ingredients one{std::string(kind), std::string(a), std::string(b), strong};
    if (list.size() < kTokensPerSubjectMax && std::find(list.begin(), list.end(), one) == list.end()) list.push_back(std::move(one));
  };
  const Known known = WhatIsKnown(person);
  for (const StrongScheme& strong : kStrongSchemes) {
    for (const auto& identifier : person.identifiers()) {
      if (identifier.scheme() != strong.scheme || !identifier.verified() || identifier.quarantined() || !strong.is_right(identifier.value())) continue;
      add(strong.kind, NormaliseIdentifier(strong.scheme, identifier.value()), "", true);
    }
  }
  const bool one_birth = known.conflicting.empty();
  // A single word is no full name: too many share one and a date of birth.
  const auto name_dates = [&](bool strong) {
    for (const Name& name : known.names) {
      for (const std::string& date : known.days) {
        if (name.full && strong == (one_birth && !IsDefaultDate(date))) add("name-dob", name.normalised, date, strong);
      }
    }
  };
  name_dates(/*strong=*/true);
  for (const Name& name : known.names) {
    if (name.full && !one_birth) add("name-dobs", name.normalised, absl::StrJoin(known.conflicting, " "), true);
  }
  for (const Name& name : known.names) {
    for (const std::string& year : known.years) add("name-year", name.normalised, year, false);
  }
  name_dates(/*strong=*/false);
  // What is left of a person when one thing is wrong. The kinds take turns over the names, so that what has no room is of the last alias.
  for (const Name& name : known.names) {
    for (const std::string& date : known.days) {
      if (name.full) add("sound-date", name.sound, date, false);
      if (IsDefaultDate(date)) continue;  // Shared by whoever has no known birthday: it and one word tell nothing.
      for (const std::string& word : name.words) add("word-date", word, date, false);
      if (name.full) add("name-day", name.normalised, std::string_view(date).substr(5), false);
    }
  }
  return list;
}

// A token of `content` under the first key of a domain, wrapped under each later one up to that of index `key`.
type::v1::SubjectToken TokenUnder(const LinkageDomain& domain, size_t key, std::string_view content, bool strong) {
  type::v1::SubjectToken token;
  token.set_domain(domain.name);
  token.set_token_key(std::string(domain.keys.front().id));
  token.set_recipe(kTokenRecipe);
  token.set_strong(strong);
  token.set_token(crypto::HmacSha256(domain.keys.front().key, content));
  for (size_t next = 1; next <= key; ++next) token = WrapToken(token, domain.keys[next]);
  return token;
}

LinkageDomain DomainOf(std::string_view name, std::string_view key_id, std::string_view key) {
  return {.name = std::string(name), .keys = {{.id = key_id, .key = key, .sent = true}}};
}

}  // namespace

bool IsDefaultDate(std::string_view date) { return date.size() == 10 && date.substr(4) == "-01-01"; }

std::string NormaliseName(std::string_view name) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* nfkd = icu::Normalizer2::getNFKDInstance(error);
  ACCORD_CHECK(U_SUCCESS(error));
  icu::UnicodeString decomposed =
      nfkd->normalize(icu::UnicodeString::fromUTF8(icu::StringPiece(name.data(), static_cast<int32_t>(name.size()))), error);
  ACCORD_CHECK(U_SUCCESS(error));
  decomposed.foldCase();
  std::vector<std::string> words(1);
  for (int32_t at = 0; at < decomposed.length(); at = decomposed.moveIndex32(at, 1)) {
    const UChar32 point = decomposed.char32At(at);
    // An apostrophe joins: O'Brien is one word however it is typed.
    if ((U_GET_GC_MASK(point) & U_GC_M_MASK) != 0 || point == '\'' || point == 0x2019) continue;
    if (u_isalnum(point)) {
      icu::UnicodeString(point).toUTF8String(words.back());
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  std::sort(words.begin(), words.end());
  return absl::StrJoin(words, " ");
}

std::vector<type::v1::SubjectToken> MakeTokens(const type::v1::Person& person, std::span<const LinkageDomain> domains) {
  const std::vector<Ingredients> ingredients = IngredientsOf(person);
  std::vector<type::v1::SubjectToken> tokens;
  const auto add = [&](const Ingredients& of, const LinkageDomain& domain, size_t key) {
    if (!domain.keys[key].sent || tokens.size() == kTokensPerSubjectMax) return;
    tokens.push_back(TokenUnder(domain, key, ByteWriter().Lp16("accord/subject-token/v1").Lp16(of.kind).Lp16(of.a).Lp16(of.b).bytes(), of.strong));
  };
  const auto for_each_key = [&](const auto& visit) {
    for (const LinkageDomain& domain : domains) {
      for (size_t key = 0; key < domain.keys.size(); ++key) visit(domain, key);
    }
  };
  // A strong one goes under all keys before the next one does: whoever knows the person by it under any of them is found. The weak ones go
  // first all under the key that every agency has.
  for (const Ingredients& one : ingredients) {
    if (one.strong) for_each_key([&](const LinkageDomain& domain, size_t key) { add(one, domain, key); });
  }
  for_each_key([&](const LinkageDomain& domain, size_t key) {
    for (const Ingredients& one : ingredients) {
      if (!one.strong) add(one, domain, key);
    }
  });
  return tokens;
}

std::vector<type::v1::SubjectToken> MakeTokens(const type::v1::Person& person, std::string_view domain,
                                               std::string_view key_id, std::string_view key) {
  return MakeTokens(person, std::array{DomainOf(domain, key_id, key)});
}

type::v1::SubjectToken WrapToken(const type::v1::SubjectToken& token, const LinkageKey& next) {
  type::v1::SubjectToken wrapped = token;
  wrapped.set_token_key(std::string(next.id));
  wrapped.set_token(crypto::HmacSha256(next.key, ByteWriter().Lp16("accord/token-wrap/v1").Lp16(token.token()).bytes()));
  return wrapped;
}

type::v1::SubjectToken MakeEventToken(std::string_view reference, const LinkageDomain& domain) {
  std::string plain;
  for (const char c : reference) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || byte >= 0x80) {
      plain.push_back(absl::ascii_toupper(byte));
    } else if (!plain.empty() && plain.back() != '/') {
      plain.push_back('/');
    }
  }
  if (plain.ends_with('/')) plain.pop_back();
  size_t key = 0;
  while (key + 1 < domain.keys.size() && !domain.keys[key].sent) ++key;
  return TokenUnder(domain, key, ByteWriter().Lp16("accord/event-token/v1").Lp16(plain).bytes(), /*strong=*/true);
}

type::v1::SubjectToken MakeEventToken(std::string_view reference, std::string_view domain, std::string_view key_id, std::string_view key) {
  return MakeEventToken(reference, DomainOf(domain, key_id, key));
}

}  // namespace accord::referral
