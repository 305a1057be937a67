// How a policy is laid out for decisions: for each agreement the routes as bit sets, so that what may cover a section and
// recipient is found by a few ANDs however many routes there are. Internal to the rules and compiled_policy.cc.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/referral/decision.h"

namespace accord::referral {

// A set of routes, by position.
using RouteBits = std::vector<uint64_t>;

// One version of an agreement. Its routes stand in order of preference: those that ask for no consent first, then by id.
struct CompiledAgreement {
  const Agreement* agreement = nullptr;
  std::vector<const Route*> routes;
  std::vector<std::string> rule_ids;                      // `agreement/<version>/<route>`, of each route.
  std::map<std::string, RouteBits, std::less<>> from;     // Routes that an agency may send by; parties alone have a row.
  std::map<std::string, RouteBits, std::less<>> to;       // Routes that may reach an agency, through a forum too.
  std::array<RouteBits, type::v1::Purpose_ARRAYSIZE> by_purpose;
  std::array<RouteBits, type::v1::Category_ARRAYSIZE> by_category;
};

// An agency with what is derived of it.
struct CompiledAgency {
  const PolicyAgency* facts = nullptr;
  std::vector<type::v1::Jurisdiction> jurisdictions;      // Of its areas; empty: not known.
};

struct CompiledPolicy::Index {
  PolicySources sources;
  std::vector<CompiledAgreement> agreements;              // As in `sources`.
  std::map<std::string, CompiledAgency, std::less<>> agencies;  // Active ones.

  std::vector<const CompiledAgreement*> Live(absl::Time now) const;
};

}  // namespace accord::referral
