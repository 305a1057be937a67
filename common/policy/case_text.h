// Case rules as people write them (docs/cases.md). All functions are pure and thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "common/referral/case_rules.h"

namespace accord::policy {

// FIELD_INVALID, saying all that is wrong, each with line and key. `name` is what the errors call the text, such as its file.
absl::StatusOr<referral::CaseRules> ParseCaseRules(std::string_view text, const std::string& name = "case rules");

// A text that reads back as `rules`; rules in force since ever begin with 1970. For those that the program is built with.
std::string CaseRulesText(const referral::CaseRules& rules);

// "referral" or "hearing".
std::string AnchorText(referral::CaseRules::Anchor anchor);

}  // namespace accord::policy
