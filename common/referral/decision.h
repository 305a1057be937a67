// The one decision of Accord: which agency may have which section, and why (design.md §5 "Decision"). Pure.
//
// Default deny. Protective rules are asked first and always win; then the rules that no agreement can change; then the
// agreement's routes; then consent and lawful basis. Preview, submission and release call the same function. A deputy or duty
// recipient is decided as a recipient of its own: what its principal may have says nothing of it.
#pragma once

#include <absl/time/time.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "common/referral/agreement.h"
#include "common/referral/header.h"

namespace accord::referral {

// An agency as a decision needs it.
struct PolicyAgency {
  type::v1::AgencyKind kind = type::v1::AGENCY_KIND_UNSPECIFIED;
  bool active = false;
  bool has_confidential_desk = false;
  std::set<type::v1::Jurisdiction> jurisdictions;  // Of its areas; empty: not known.
};

// All a decision depends on beside the referral and the time. Immutable once built.
struct PolicySnapshot {
  std::optional<Agreement> agreement;                       // None: no route at all.
  std::map<std::string, PolicyAgency, std::less<>> agencies;
  std::map<std::string, std::set<std::string>, std::less<>> conflicts;  // Agency → barred workers' pseudonyms.
  EmergencySchedule emergency;
};

struct Decisions {
  std::vector<type::v1::SectionDecision> decisions;  // One for each section and recipient, in the order of the parts.
  std::vector<std::string> warnings;                 // Advice that stops nothing, in plain English.
  size_t gaps_waived = 0;                            // Permits that stand on the emergency schedule alone.
  std::string agreement_version;                     // Empty when none is live.
};

// Decides for every section and recipient of `parts` at `now`. REQUIRES: ValidateParts holds. Thread-safe.
Decisions Decide(const PolicySnapshot& policy, const HeaderParts& parts, absl::Time now);

// docs/formats.md §10: over versions and results, not the instant. 32 bytes.
std::string DecisionDigest(const PolicySnapshot& policy, const Decisions& decisions);

// Ids of the sections that `agency` may have.
std::set<std::string> PermittedSections(const Decisions& decisions, std::string_view agency);

}  // namespace accord::referral
