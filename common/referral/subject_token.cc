#include "common/referral/subject_token.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_join.h>
#include <absl/time/civil_time.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

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
};

Name NameOf(std::string_view text) {
  Name name{.normalised = NormaliseName(text), .sound = SoundKey(text), .words = RomanWords(text), .full = false};
  name.full = name.normalised.find(' ') != std::string::npos;
  std::erase_if(name.words, [](const std::string& word) { return word.size() < kWordCharsMin; });
  // The last word first: the family name, as most write it.
  std::reverse(name.words.begin(), name.words.end());
  if (name.words.size() > kWordsMax) name.words.resize(kWordsMax);
  return name;
}

Known WhatIsKnown(const type::v1::Person& person) {
  Known known;
  // Half a name is not a name.
  if (!person.given_names().empty() && !person.family_name().empty()) {
    known.names.push_back(NameOf(person.given_names() + " " + person.family_name()));
  }
  for (const std::string& alias : person.aliases()) known.names.push_back(NameOf(alias));
  std::erase_if(known.names, [](const Name& name) { return name.normalised.empty(); });
  for (const std::string& date : person.dates_of_birth()) {
    if (IsFullDate(date)) known.days.push_back(date);
    if (HasYear(date)) known.years.push_back(date.substr(0, 4));
  }
  return known;
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

std::vector<type::v1::SubjectToken> MakeTokens(const type::v1::Person& person, std::string_view domain,
                                               std::string_view key_id, std::string_view key) {
  std::vector<type::v1::SubjectToken> tokens;
  const auto add = [&](std::string_view kind, std::string_view a, std::string_view b, bool strong) {
    type::v1::SubjectToken token;
    token.set_domain(std::string(domain));
    token.set_token_key(std::string(key_id));
    token.set_recipe(kTokenRecipe);
    token.set_strong(strong);
    token.set_token(crypto::HmacSha256(key, ByteWriter().Lp16("accord/subject-token/v1").Lp16(kind).Lp16(a).Lp16(b).bytes()));
    const bool known = std::any_of(tokens.begin(), tokens.end(), [&](const auto& t) { return t.token() == token.token(); });
    if (!known && tokens.size() < kTokensPerSubjectMax) tokens.push_back(std::move(token));
  };
  const Known known = WhatIsKnown(person);
  for (const auto& identifier : person.identifiers()) {
    if (identifier.scheme() == "nhs_number" && identifier.verified() && !identifier.quarantined() && IsNhsNumber(identifier.value())) {
      add("nhs", DigitsOf(identifier.value()), "", true);
    }
  }
  // A single word is no full name: too many share one and a date of birth.
  const auto name_dates = [&](bool strong) {
    for (const Name& name : known.names) {
      for (const std::string& date : known.days) {
        if (name.full && strong != IsDefaultDate(date)) add("name-dob", name.normalised, date, strong);
      }
    }
  };
  name_dates(/*strong=*/true);
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
  return tokens;
}

type::v1::SubjectToken MakeEventToken(std::string_view reference, std::string_view domain, std::string_view key_id, std::string_view key) {
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
  type::v1::SubjectToken token;
  token.set_domain(std::string(domain));
  token.set_token_key(std::string(key_id));
  token.set_recipe(kTokenRecipe);
  token.set_strong(true);
  token.set_token(crypto::HmacSha256(key, ByteWriter().Lp16("accord/event-token/v1").Lp16(plain).bytes()));
  return token;
}

}  // namespace accord::referral
