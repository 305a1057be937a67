// Clock rules as people write them (docs/clocks.md). All functions are pure and thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "common/referral/clock_rules.h"

namespace accord::policy {

// FIELD_INVALID, saying all that is wrong, each with line and key. `name` is what the errors call the text, such as its file.
absl::StatusOr<referral::ClockRules> ParseClockRules(std::string_view text, const std::string& name = "clock rules");

// A text that reads back as `rules`; rules in force since ever begin with 1970. For those that the program is built with.
std::string ClockRulesText(const referral::ClockRules& rules);

// "30 minutes", "24 hours", "3 working days".
std::string AllowanceText(const referral::Allowance& within);

}  // namespace accord::policy
