// Data-sharing agreements, the emergency schedule and the legal register, as data: who may send what to whom, why, and which
// law holds where and from when. Pure.
//
// The text forms are docs/agreements.md's; common/policy reads them.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"

namespace accord::referral {

inline constexpr size_t kAgreementRoutesMax = 1000;   // Of one agreement.
inline constexpr uint32_t kRetentionDaysMax = 36500;  // A hundred years.
inline constexpr uint32_t kFeedbackDaysMax = 60;      // Working days.

// Permits categories from some to others for some purposes. An empty list matches nothing, except
// where said.
struct Route {
  std::string id;                                   // 1 to 63 of [a-z0-9-]; stands in decisions.
  std::vector<type::v1::AgencyKind> from_kinds;     // From an agency of these kinds,
  std::vector<std::string> from_agencies;           // or of these ids.
  std::vector<type::v1::AgencyKind> to_kinds;       // To an agency of these kinds,
  std::vector<std::string> to_agencies;             // or of these ids,
  std::vector<std::string> to_forums;               // or to a member of one of these forums, when the referral is for it.
  std::vector<type::v1::Purpose> purposes;
  std::vector<type::v1::Category> categories;

  // Conditions; unset or empty: any.
  std::vector<std::string> areas;                   // GSS codes; sender and recipient each have one of them.
  std::vector<std::string> specialisms;             // The recipient offers one of them.
  std::vector<type::v1::Instrument> instruments;    // The risk was assessed with one of them.
  type::v1::RiskGrade min_grade = type::v1::RISK_GRADE_UNSPECIFIED;
  type::v1::RiskGrade max_grade = type::v1::RISK_GRADE_UNSPECIFIED;
  std::optional<uint32_t> min_score, max_score;     // A referral without a score fits neither.
  std::string forum;                                // Only for this forum.
  bool needs_consent = false;                       // No gateway replaces consent.
  std::vector<type::v1::Gateway> gateways;          // May stand in for consent; empty: any that is in force by itself.
  std::vector<type::v1::Article6Basis> article6;    // The recorded basis is one of them.
  std::vector<type::v1::Article9Condition> article9;
  std::vector<type::v1::Article9Condition> criminal_offence;  // The recorded condition for criminal-offence data (Article 10) is one of them.
  bool confidential_address = false;                // Also sections that hold a confidential address.

  // Obligations of whoever receives by it. That it must not reach the alleged perpetrator is always one.
  uint32_t retention_days = 0;                      // 0: the recipient's own schedule; at most kRetentionDaysMax.
  type::v1::OnwardSharing onward = type::v1::ONWARD_SHARING_ASK_ORIGINATOR;
  uint32_t feedback_working_days = 0;               // Within which it tells what came of it; 0: not said; at most kFeedbackDaysMax.
};

struct Agreement {
  std::string id = "agreement";       // 1 to 63 of [a-z0-9-]. Versions of one id follow each other.
  std::string version;                // 1 to 63 of [a-z0-9.-]; one text for ever, whatever the id.
  std::vector<std::string> parties;   // Agency ids; a route serves parties only.
  absl::Time effective_from;
  absl::Time expires;                 // After it there is no live agreement of its id.
  std::vector<Route> routes;
};

// What IMMEDIATE may carry where agreement or basis has a gap (design.md §5).
struct EmergencySchedule {
  // Whom: agencies of a kind, all or those that offer one of some specialisms.
  struct Recipient {
    type::v1::AgencyKind kind = type::v1::AGENCY_KIND_UNSPECIFIED;
    std::vector<std::string> specialisms;  // Empty: all of the kind.
  };
  std::string version = "emergency-1";
  absl::Time effective_from = absl::InfinitePast();
  std::vector<Recipient> recipients = {{type::v1::AGENCY_KIND_POLICE, {}}, {type::v1::AGENCY_KIND_HEALTH, {}},
                                       {type::v1::AGENCY_KIND_CHILDRENS_SERVICES, {}}, {type::v1::AGENCY_KIND_IDVA, {}}};
  std::vector<type::v1::Category> categories = {
      type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_SAFE_CONTACT, type::v1::CATEGORY_RISK,
      type::v1::CATEGORY_INCIDENT, type::v1::CATEGORY_CHILDREN, type::v1::CATEGORY_ORDERS_AND_BAIL};
};

// Which powers, duties and bases the law has, where and from when. One that has no row is not law.
struct LegalRegister {
  struct Gateway {
    type::v1::Gateway gateway = type::v1::GATEWAY_UNSPECIFIED;
    std::set<type::v1::Jurisdiction> jurisdictions;  // Where the Act extends.
    absl::Time from = absl::InfinitePast();          // In force from then
    absl::Time until = absl::InfiniteFuture();       // until then.
    bool by_itself = true;          // False: only where an agreement's route names it.
    bool replaces_consent = true;   // False: it rests on consent itself.
  };
  struct Basis {
    type::v1::Article6Basis article6 = type::v1::ARTICLE6_BASIS_UNSPECIFIED;
    absl::Time from = absl::InfinitePast();
    absl::Time until = absl::InfiniteFuture();
  };
  std::string version;
  absl::Time effective_from = absl::InfinitePast();
  std::vector<Gateway> gateways;  // Several rows of one gateway: any that holds.
  std::vector<Basis> bases;
};

// The register that a broker has until another is approved: version `law-1`. Sources: the Acts' own extent sections, named in
// vocabulary.proto; Article 6(1)(ea) from 5 February 2026; CA2004_S16LA, whose commencement no source dates, only where an
// agreement names it. Thread-safe.
LegalRegister DefaultLegalRegister();

// The part of the United Kingdom that a GSS code lies in, by its first letter (ONS Register of Geographic Codes);
// unspecified when it is none of the four. Thread-safe.
type::v1::Jurisdiction JurisdictionOf(std::string_view gss_code);

// AGREEMENT_MALFORMED, with route and cause, unless it is complete and does not contradict itself.
// Thread-safe.
absl::Status ValidateAgreement(const Agreement& agreement);

// SCHEDULE_MALFORMED with the cause; likewise. Rationale and immigration status are never in an emergency schedule.
absl::Status ValidateSchedule(const EmergencySchedule& schedule);

// LEGAL_REGISTER_MALFORMED with the cause; likewise.
absl::Status ValidateRegister(const LegalRegister& law);

// 1 to 63 of [a-z0-9.-]. Thread-safe.
bool IsPolicyVersion(std::string_view text);

}  // namespace accord::referral
