#include "common/base/ids.h"

#include <absl/strings/ascii.h>

#include <algorithm>

namespace accord {

bool IsAgencyId(std::string_view id) {
  if (id.empty() || id.size() > kAgencyIdCharsMax || id.front() == '-' || id.back() == '-') return false;
  return std::all_of(id.begin(), id.end(),
                     [](unsigned char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-'; });
}

bool IsRequestId(std::string_view id) {
  if (id.size() < kRequestIdCharsMin || id.size() > kRequestIdCharsMax) return false;
  return std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == ':' || c == '/' || c == '-';
  });
}

}  // namespace accord
