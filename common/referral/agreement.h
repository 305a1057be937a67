// A data-sharing agreement and the emergency schedule, as data: who may send what to whom, why. Pure.
//
// The text form is docs/agreements.md's; services/broker/policy reads it.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"

namespace accord::referral {

// Permits categories from some to others for some purposes. An empty list matches nothing, except
// where said.
struct Route {
  std::string id;                                   // 1 to 63 of [a-z0-9-]; stands in decisions.
  std::vector<type::v1::AgencyKind> from_kinds;     // From an agency of these kinds,
  std::vector<std::string> from_agencies;           // or of these ids.
  std::vector<type::v1::AgencyKind> to_kinds;
  std::vector<std::string> to_agencies;
  std::vector<type::v1::Purpose> purposes;
  std::vector<type::v1::Category> categories;
  bool needs_consent = false;                       // No gateway replaces consent.
  std::vector<type::v1::Gateway> gateways;          // May stand in for consent; empty: any that is in force by itself.
  bool confidential_address = false;                // Also sections that hold a confidential address.
  type::v1::RiskGrade min_grade = type::v1::RISK_GRADE_UNSPECIFIED;  // Unspecified: any.
  std::string forum;                                // Only for this forum; empty: any or none.
};

struct Agreement {
  std::string version;                // 1 to 63 of [a-z0-9.-].
  std::vector<std::string> parties;   // Agency ids; a route serves parties only.
  absl::Time effective_from;
  absl::Time expires;                 // After it there is no live agreement.
  std::vector<Route> routes;
};

// What IMMEDIATE may carry where agreement or basis has a gap (design.md §5).
struct EmergencySchedule {
  std::string version = "emergency-1";
  std::vector<type::v1::AgencyKind> to_kinds = {
      type::v1::AGENCY_KIND_POLICE, type::v1::AGENCY_KIND_HEALTH, type::v1::AGENCY_KIND_CHILDRENS_SERVICES,
      type::v1::AGENCY_KIND_IDVA};
  std::vector<type::v1::Category> categories = {
      type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_SAFE_CONTACT, type::v1::CATEGORY_RISK,
      type::v1::CATEGORY_INCIDENT, type::v1::CATEGORY_CHILDREN, type::v1::CATEGORY_ORDERS_AND_BAIL};
};

// May `gateway` stand in for consent on `route`? HA1996_S213B never may: it rests on consent. CA2004_S16LA, whose
// commencement no source dates, only where an agreement names it. Thread-safe.
bool GatewayServes(const Route& route, type::v1::Gateway gateway);

// Does the law of `jurisdiction` have `gateway`? Unspecified is England. Source: the Acts' own extent sections, named in
// vocabulary.proto. Thread-safe.
bool InForceIn(type::v1::Gateway gateway, type::v1::Jurisdiction jurisdiction);

// The part of the United Kingdom that a GSS code lies in, by its first letter (ONS Register of Geographic Codes);
// unspecified when it is none of the four. Thread-safe.
type::v1::Jurisdiction JurisdictionOf(std::string_view gss_code);

// AGREEMENT_MALFORMED, with route and cause, unless it is complete and does not contradict itself.
// Thread-safe.
absl::Status ValidateAgreement(const Agreement& agreement);

}  // namespace accord::referral
