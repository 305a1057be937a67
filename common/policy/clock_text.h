// Clock rules as people write them (docs/clocks.md). All functions are pure and thread-safe.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/civil_time.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/referral/clock_rules.h"

namespace accord::policy {

// FIELD_INVALID, saying all that is wrong, each with line and key. `name` is what the errors call the text, such as its file.
absl::StatusOr<referral::ClockRules> ParseClockRules(std::string_view text, const std::string& name = "clock rules");

// A text that reads back as `rules`; rules in force since ever begin with 1970. For those that the program is built with.
std::string ClockRulesText(const referral::ClockRules& rules);

// "30 minutes", "24 hours", "3 working days".
std::string AllowanceText(const referral::Allowance& within);

// Days as the texts have them, those that follow each other as one: "2026-10-26/2026-10-30", "2026-11-02".
std::vector<std::string> DaysText(const std::set<absl::CivilDay>& days);
// "08:45".
std::string MinuteText(uint32_t minute);

}  // namespace accord::policy
