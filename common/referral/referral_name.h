// The resource name of a referral: `referrals/{header digest in hex}`. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace accord::referral {

std::string ReferralName(std::string_view header_digest);
// The header digest that `name` holds; FIELD_INVALID naming `field` otherwise.
absl::StatusOr<std::string> ParseReferralName(std::string_view name, std::string_view field = "referral");

}  // namespace accord::referral
