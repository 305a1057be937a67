#include "common/referral/identifiers.h"

#include <absl/strings/ascii.h>

#include <string>

namespace accord::referral {

bool IsNhsNumber(std::string_view value) {
  std::string digits;
  for (const char c : value) {
    if (c == ' ') continue;
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
    digits.push_back(c);
  }
  if (digits.size() != 10 || digits.find_first_not_of(digits[0]) == std::string::npos) return false;
  int sum = 0;
  for (int i = 0; i < 9; ++i) sum += (digits[i] - '0') * (10 - i);
  const int check = 11 - sum % 11;
  return check != 10 && (check == 11 ? 0 : check) == digits[9] - '0';
}

bool IsUpn(std::string_view value) {
  constexpr std::string_view kLetters = "ABCDEFGHJKLMNPQRTUVWXYZ";  // No I, O, S.
  if (value.size() != 13) return false;
  size_t sum = 0;
  for (size_t i = 1; i < value.size(); ++i) {
    size_t worth = 0;
    if (absl::ascii_isdigit(static_cast<unsigned char>(value[i]))) {
      worth = static_cast<size_t>(value[i] - '0');
    } else if (i == 12 && kLetters.find(value[i]) != std::string_view::npos) {
      worth = kLetters.find(value[i]);  // A temporary number ends in a letter.
    } else {
      return false;
    }
    sum += worth * (i + 1);
  }
  return value[0] == kLetters[sum % kLetters.size()];
}

}  // namespace accord::referral
