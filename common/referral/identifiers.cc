#include "common/referral/identifiers.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace accord::referral {
namespace {

constexpr size_t kPncSerialDigits = 7, kUprnDigitsMax = 12;
constexpr size_t kOdsCharsMin = 3, kOdsCharsMax = 10;

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool AreDigits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit); }
size_t WorthOf(char digit) { return static_cast<size_t>(digit - '0'); }

std::string WithoutSpaces(std::string_view text) {
  std::string left;
  std::copy_if(text.begin(), text.end(), std::back_inserter(left), [](char c) { return c != ' '; });
  return left;
}

std::string InCapitals(std::string_view text) {
  std::string capitals(text);
  for (char& c : capitals) c = absl::ascii_toupper(static_cast<unsigned char>(c));
  return capitals;
}

// A PNC id as year of two digits, serial of seven and check letter; empty when it has not that form. Whether the letter is right is not asked.
std::string PncParts(std::string_view value) {
  const size_t slash = value.find('/');
  if ((slash != 2 && slash != 4) || !AreDigits(value.substr(0, slash))) return "";
  const std::string_view rest = value.substr(slash + 1);
  if (rest.size() < 2 || rest.size() > kPncSerialDigits + 1 || !AreDigits(rest.substr(0, rest.size() - 1))) return "";
  const std::string_view serial = rest.substr(0, rest.size() - 1);
  return std::string(value.substr(slash - 2, 2)) + std::string(kPncSerialDigits - serial.size(), '0') + std::string(serial) +
         absl::ascii_toupper(static_cast<unsigned char>(rest.back()));
}

constexpr std::array kSchemes = {
    IdentifierScheme{"nhs_number", "an NHS number", "ten digits", IsNhsNumber, true},
    IdentifierScheme{"upn", "a unique pupil number", "a letter and twelve digits, or eleven and a letter", IsUpn, true},
    IdentifierScheme{"pnc_id", "a PNC id", "a year, a slash, up to seven digits and a letter", IsPncId, true},
    IdentifierScheme{"uprn", "a UPRN", "up to twelve digits", IsUprn, false},
    IdentifierScheme{"gss", "a GSS code", "E, W, S or N and eight digits", IsGssCode, false},
    IdentifierScheme{"ods", "an ODS code", "3 to 10 letters and digits", IsOdsCode, false},
    IdentifierScheme{"school_urn", "a school's URN", "six digits", IsSchoolUrn, false},
    IdentifierScheme{"force", "a force code", "two digits", IsForceCode, false},
    IdentifierScheme{"crime_reference", "a crime reference", "force, reference and type joined by slashes", IsCrimeReference, false},
};

}  // namespace

bool IsNhsNumber(std::string_view value) {
  const std::string digits = WithoutSpaces(value);
  if (digits.size() != 10 || !AreDigits(digits) || digits.find_first_not_of(digits[0]) == std::string::npos) return false;
  size_t sum = 0;
  for (size_t i = 0; i < 9; ++i) sum += WorthOf(digits[i]) * (10 - i);
  const size_t check = 11 - sum % 11;
  return check != 10 && (check == 11 ? 0 : check) == WorthOf(digits[9]);
}

bool IsUpn(std::string_view value) {
  constexpr std::string_view kLetters = "ABCDEFGHJKLMNPQRTUVWXYZ";  // No I, O, S.
  if (value.size() != 13) return false;
  size_t sum = 0;
  for (size_t i = 1; i < value.size(); ++i) {
    size_t worth = 0;
    if (IsDigit(value[i])) {
      worth = WorthOf(value[i]);
    } else if (i == 12 && kLetters.find(value[i]) != std::string_view::npos) {
      worth = kLetters.find(value[i]);  // A temporary number ends in a letter.
    } else {
      return false;
    }
    sum += worth * (i + 1);
  }
  return value[0] == kLetters[sum % kLetters.size()];
}

bool IsPermanentUpn(std::string_view value) { return IsUpn(value) && IsDigit(value.back()); }

bool IsPncId(std::string_view value) {
  constexpr std::string_view kLetters = "ZABCDEFGHJKLMNPQRTUVWXY";  // No I, O, S.
  const std::string parts = PncParts(value);
  if (parts.empty()) return false;
  size_t number = 0;
  for (size_t i = 0; i + 1 < parts.size(); ++i) number = number * 10 + WorthOf(parts[i]);
  return parts.back() == kLetters[number % kLetters.size()];
}

bool IsUprn(std::string_view value) {
  return value.size() <= kUprnDigitsMax && AreDigits(value) && value.find_first_not_of('0') != std::string_view::npos;
}

bool IsGssCode(std::string_view value) {
  constexpr std::string_view kCountries = "EWSN";
  return value.size() == 9 && kCountries.find(value[0]) != std::string_view::npos && AreDigits(value.substr(1));
}

bool IsOdsCode(std::string_view value) {
  return value.size() >= kOdsCharsMin && value.size() <= kOdsCharsMax &&
         std::all_of(value.begin(), value.end(), [](unsigned char c) { return absl::ascii_isalnum(c); });
}

bool IsSchoolUrn(std::string_view value) { return value.size() == 6 && AreDigits(value); }

bool IsForceCode(std::string_view value) { return value.size() == 2 && AreDigits(value) && value != "00"; }

bool IsCrimeReference(std::string_view value) {
  const size_t first = value.find('/'), last = value.rfind('/');
  if (first == std::string_view::npos || last <= first + 1 || last + 1 == value.size()) return false;
  return IsForceCode(value.substr(0, first));
}

std::span<const IdentifierScheme> IdentifierSchemes() { return kSchemes; }

const IdentifierScheme* FindIdentifierScheme(std::string_view code) {
  const auto* const found = std::find_if(kSchemes.begin(), kSchemes.end(), [&](const IdentifierScheme& scheme) { return scheme.code == code; });
  return found == kSchemes.end() ? nullptr : found;
}

std::string IdentifierFault(std::string_view scheme, std::string_view value) {
  const IdentifierScheme* const known = FindIdentifierScheme(scheme);
  if (known == nullptr || known->is_right(value)) return "";
  return known->has_check_character ? fmt::format("has a wrong check character, or not the form, of {} ({})", known->name, known->form)
                                    : fmt::format("has not the form of {} ({})", known->name, known->form);
}

std::string NormaliseIdentifier(std::string_view scheme, std::string_view value) {
  const IdentifierScheme* const known = FindIdentifierScheme(scheme);
  if (known == nullptr || !known->is_right(value)) return std::string(value);
  if (scheme == "nhs_number") return WithoutSpaces(value);
  if (scheme == "pnc_id") {
    const std::string parts = PncParts(value);
    return parts.substr(0, 2) + "/" + parts.substr(2);
  }
  if (scheme == "uprn") return std::string(value.substr(value.find_first_not_of('0')));
  return InCapitals(value);
}

}  // namespace accord::referral
