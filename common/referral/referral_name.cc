#include "common/referral/referral_name.h"

#include <fmt/format.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::referral {
namespace {
constexpr std::string_view kPrefix = "referrals/";
}  // namespace

std::string ReferralName(std::string_view header_digest) { return std::string(kPrefix) + ToHex(header_digest); }

absl::StatusOr<std::string> ParseReferralName(std::string_view name, std::string_view field) {
  if (name.starts_with(kPrefix)) {
    const auto digest = FromHex(name.substr(kPrefix.size()));
    if (digest.has_value() && digest->size() == crypto::kDigestBytes) return *digest;
  }
  return Error(Reason::kFieldInvalid, fmt::format("{} is not referrals/ and 64 hex digits", field), {{"field", std::string(field)}});
}

}  // namespace accord::referral
