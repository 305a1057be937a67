#include "common/referral/subject_token.h"

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

namespace accord::referral {
namespace {

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

}  // namespace

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
  std::vector<std::string> names = {NormaliseName(person.given_names() + " " + person.family_name())};
  if (person.given_names().empty() || person.family_name().empty()) names.clear();  // Half a name is not a name.
  for (const std::string& alias : person.aliases()) names.push_back(NormaliseName(alias));

  for (const auto& identifier : person.identifiers()) {
    if (identifier.scheme() == "nhs_number" && identifier.verified() && !identifier.quarantined() && IsNhsNumber(identifier.value())) {
      add("nhs", DigitsOf(identifier.value()), "", true);
    }
  }
  for (const std::string& name : names) {
    for (const std::string& date : person.dates_of_birth()) {
      // A single word is no full name: too many share one and a date of birth.
      if (IsFullDate(date) && name.find(' ') != std::string::npos) add("name-dob", name, date, true);
    }
  }
  for (const std::string& name : names) {
    for (const std::string& date : person.dates_of_birth()) {
      if (HasYear(date) && !name.empty()) add("name-year", name, std::string_view(date).substr(0, 4), false);
    }
  }
  return tokens;
}

}  // namespace accord::referral
