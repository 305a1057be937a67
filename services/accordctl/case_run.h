// A table of cases run against proposed policy texts, each in place of the one in force.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/policy/cases.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// What is run, and what is proposed.
struct ProposedTexts {
  policy::CaseTable table;
  std::vector<referral::Agreement> agreements;
  std::optional<referral::EmergencySchedule> schedule;
  std::optional<referral::LegalRegister> law;
  std::optional<absl::Time> at;
};

// The documents in force, agencies and forums of a broker. What no client may know is left out: lists of workers in conflict. A
// table that means them has [[conflict]].
absl::StatusOr<referral::PolicySources> LiveSources(const Endpoint& broker);

// What came of a run.
struct CaseRun {
  std::vector<policy::CaseResult> results;
  absl::Time at;  // When what has no time of its own was decided.

  size_t failed() const;
  nlohmann::json ToJson() const;
  // A table of the results, then the reasons of those that failed, and the count.
  std::string ToText(size_t width) const;
};

// Runs the table with each proposed text in place of the one of its kind and id in `live`; at its time, else `now`, or when the last
// of the proposed texts takes effect, if that is later. Pure. Thread-safe.
CaseRun RunProposed(const ProposedTexts& proposed, referral::PolicySources live, absl::Time now);

}  // namespace accord::accordctl
