// Tables of cases: what somebody who knows the work expects to be decided, run against an agreement before it is approved
// (docs/agreements.md; deploy/policy-tests has whole examples).
//
// All functions are pure and thread-safe.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/referral/decision.h"
#include "common/referral/header.h"

namespace accord::policy {

inline constexpr size_t kCasesMax = 1000;  // Of one table.

// What one case expects of each of its categories. Unset: anything.
struct Expectation {
  type::v1::Verdict verdict = type::v1::VERDICT_UNSPECIFIED;
  std::string rule;  // A whole rule id, or of an agreement's rule the route alone, so that it outlives the version.
  std::optional<uint32_t> retention_days;
  std::optional<type::v1::OnwardSharing> onward;
  std::optional<bool> emergency;  // Permitted under the emergency schedule alone.
  std::string warning;            // Some warning has these words.
};

// A referral that nobody sends, and what is expected of it.
struct PolicyCase {
  std::string name;
  referral::HeaderParts parts;
  std::optional<type::v1::HeaderCore> caused_by;
  std::optional<absl::Time> at;               // Decided then; else when the table is run.
  std::string recipient;                      // Whose decisions are judged.
  std::vector<type::v1::Category> categories;  // Of which sections.
  Expectation expect;
};

struct CaseTable {
  // Those of the table in place of the directory's, each if the table has any.
  std::map<std::string, referral::PolicyAgency, std::less<>> agencies;
  std::map<std::string, referral::PolicyForum, std::less<>> forums;
  std::map<std::string, std::set<std::string>, std::less<>> conflicts;
  std::vector<PolicyCase> cases;
};

// FIELD_INVALID, saying all that is wrong, each with line and key: also a case that no referral could be. `name` is what the
// errors call the text.
absl::StatusOr<CaseTable> ParseCases(std::string_view text, const std::string& name = "cases");

// What came of one category of one case.
struct CaseResult {
  std::string name;
  type::v1::Category category = type::v1::CATEGORY_UNSPECIFIED;
  bool passed = false;
  std::string expected, got;                 // In words, of equal form.
  std::string reason;                        // Of the decision, in plain English.
  std::vector<std::string> what_would_change_it;
};

// Decides every case under `policy`, at `now` unless the case says when; one result for each category, in the table's order.
std::vector<CaseResult> RunCases(const referral::CompiledPolicy& policy, const CaseTable& table, absl::Time now);

}  // namespace accord::policy
