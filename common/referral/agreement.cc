#include "common/referral/agreement.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/base/ids.h"
#include "common/base/status.h"

namespace accord::referral {
namespace {

template <typename T>
bool Has(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

absl::Status MalformedAgreement(std::string_view why) { return Error(Reason::kAgreementMalformed, why); }

// A code of what an agency offers, or of an area.
bool IsCode(std::string_view text) {
  return !text.empty() && text.size() <= kAgencyIdCharsMax &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; });
}

absl::Status ValidateRoute(const Route& route, const std::set<std::string>& parties) {
  const auto wrong = [&](std::string_view why) { return MalformedAgreement(fmt::format("route {}: {}", route.id, why)); };
  if (route.from_kinds.empty() && route.from_agencies.empty()) return wrong("says from nobody");
  if (route.to_kinds.empty() && route.to_agencies.empty() && route.to_forums.empty()) return wrong("says to nobody");
  if (route.purposes.empty()) return wrong("has no purpose");
  if (route.categories.empty()) return wrong("has no category");
  for (const auto* agencies : {&route.from_agencies, &route.to_agencies}) {
    for (const std::string& agency : *agencies) {
      if (!parties.contains(agency)) return wrong(fmt::format("{} is no party to the agreement", agency));
    }
  }
  for (const std::string& forum : route.to_forums) {
    if (!IsAgencyId(forum)) return wrong(fmt::format("{} is no forum id", forum));
  }
  for (const auto* codes : {&route.areas, &route.specialisms}) {
    for (const std::string& code : *codes) {
      if (!IsCode(code)) return wrong(fmt::format("`{}` is no code", code));
    }
  }
  if (route.max_grade != type::v1::RISK_GRADE_UNSPECIFIED && route.max_grade < route.min_grade) return wrong("max_grade is below min_grade");
  if (route.min_score.has_value() && route.max_score.has_value() && *route.max_score < *route.min_score) return wrong("max_score is below min_score");
  if (route.retention_days > kRetentionDaysMax) return wrong(fmt::format("retention_days is over {}", kRetentionDaysMax));
  if (route.feedback_working_days > kFeedbackDaysMax) return wrong(fmt::format("feedback_working_days is over {}", kFeedbackDaysMax));
  if (Has(route.purposes, type::v1::PURPOSE_IMMIGRATION_ENFORCEMENT)) return wrong("immigration enforcement is never a purpose");
  if (Has(route.to_kinds, type::v1::AGENCY_KIND_POLICE) && Has(route.categories, type::v1::CATEGORY_IMMIGRATION_STATUS)) {
    return wrong("immigration status does not go to police");
  }
  if (route.needs_consent && !route.gateways.empty()) return wrong("needs consent, so no gateway can replace it");
  if (Has(route.gateways, type::v1::GATEWAY_HA1996_S213B)) return wrong("the duty to refer rests on consent and cannot replace it");
  return absl::OkStatus();
}

}  // namespace

LegalRegister DefaultLegalRegister() {
  using namespace type::v1;  // NOLINT: a table of the law in the field's own words.
  const std::set<Jurisdiction> england = {JURISDICTION_ENGLAND}, wales = {JURISDICTION_WALES}, scotland = {JURISDICTION_SCOTLAND},
                               northern_ireland = {JURISDICTION_NORTHERN_IRELAND},
                               england_and_wales = {JURISDICTION_ENGLAND, JURISDICTION_WALES},
                               everywhere = {JURISDICTION_ENGLAND, JURISDICTION_WALES, JURISDICTION_SCOTLAND, JURISDICTION_NORTHERN_IRELAND};
  LegalRegister law;
  law.version = "law-1";
  for (const Gateway gateway : {GATEWAY_CDA1998_S115, GATEWAY_CA1989_S47, GATEWAY_DVDS, GATEWAY_PCSCA2022_S44A}) {
    law.gateways.push_back({.gateway = gateway, .jurisdictions = england_and_wales});
  }
  for (const Gateway gateway : {GATEWAY_CA2004_S11, GATEWAY_CARE_ACT_S42_45}) law.gateways.push_back({.gateway = gateway, .jurisdictions = england});
  law.gateways.push_back({.gateway = GATEWAY_CA2004_S16LA, .jurisdictions = england, .by_itself = false});
  law.gateways.push_back({.gateway = GATEWAY_HA1996_S213B, .jurisdictions = england, .replaces_consent = false});
  law.gateways.push_back({.gateway = GATEWAY_SSWBA2014_S128_130, .jurisdictions = wales});
  for (const Gateway gateway : {GATEWAY_CHSA2011_S60, GATEWAY_ASPA2007_S5}) law.gateways.push_back({.gateway = gateway, .jurisdictions = scotland});
  law.gateways.push_back({.gateway = GATEWAY_CNIO1995_ART66, .jurisdictions = northern_ireland});
  for (const Gateway gateway : {GATEWAY_COMMON_LAW_PUBLIC_INTEREST, GATEWAY_COURT_ORDER}) {
    law.gateways.push_back({.gateway = gateway, .jurisdictions = everywhere});
  }
  for (const Article6Basis basis : {ARTICLE6_BASIS_CONSENT, ARTICLE6_BASIS_LEGAL_OBLIGATION, ARTICLE6_BASIS_VITAL_INTERESTS,
                                    ARTICLE6_BASIS_PUBLIC_TASK, ARTICLE6_BASIS_LEGITIMATE_INTERESTS}) {
    law.bases.push_back({.article6 = basis});
  }
  law.bases.push_back({.article6 = ARTICLE6_BASIS_RECOGNISED_LEGITIMATE_INTEREST,
                       .from = absl::FromCivil(absl::CivilDay(2026, 2, 5), absl::UTCTimeZone())});
  return law;
}

type::v1::Jurisdiction JurisdictionOf(std::string_view gss_code) {
  switch (gss_code.empty() ? '\0' : gss_code.front()) {
    case 'E': return type::v1::JURISDICTION_ENGLAND;
    case 'W': return type::v1::JURISDICTION_WALES;
    case 'S': return type::v1::JURISDICTION_SCOTLAND;
    case 'N': return type::v1::JURISDICTION_NORTHERN_IRELAND;
    default: return type::v1::JURISDICTION_UNSPECIFIED;
  }
}

absl::Status ValidateAgreement(const Agreement& agreement) {
  if (!IsAgencyId(agreement.id)) return MalformedAgreement("id is not 1 to 63 of [a-z0-9-]");
  if (!IsPolicyVersion(agreement.version)) return MalformedAgreement("version is not 1 to 63 of [a-z0-9.-]");
  if (agreement.expires <= agreement.effective_from) return MalformedAgreement("the agreement expires before it takes effect");
  const std::set<std::string> parties(agreement.parties.begin(), agreement.parties.end());
  if (parties.size() < 2 || parties.size() != agreement.parties.size()) return MalformedAgreement("an agreement has two parties or more, each once");
  for (const std::string& party : parties) {
    if (!IsAgencyId(party)) return MalformedAgreement(fmt::format("{} is no agency id", party));
  }
  if (agreement.routes.empty()) return MalformedAgreement("the agreement has no route");
  if (agreement.routes.size() > kAgreementRoutesMax) return MalformedAgreement(fmt::format("the agreement has over {} routes", kAgreementRoutesMax));
  std::set<std::string> ids;
  for (const Route& route : agreement.routes) {
    if (!IsAgencyId(route.id)) return MalformedAgreement("a route's id is not 1 to 63 of [a-z0-9-]");
    if (!ids.insert(route.id).second) return MalformedAgreement(fmt::format("route {} is there twice", route.id));
    ACCORD_RETURN_IF_ERROR(ValidateRoute(route, parties));
  }
  return absl::OkStatus();
}

absl::Status ValidateSchedule(const EmergencySchedule& schedule) {
  const auto wrong = [](std::string_view why) { return Error(Reason::kScheduleMalformed, why); };
  if (!IsPolicyVersion(schedule.version)) return wrong("version is not 1 to 63 of [a-z0-9.-]");
  if (schedule.recipients.empty()) return wrong("the schedule has no recipient");
  if (schedule.categories.empty()) return wrong("the schedule has no category");
  std::set<type::v1::AgencyKind> kinds;
  for (const EmergencySchedule::Recipient& recipient : schedule.recipients) {
    if (!kinds.insert(recipient.kind).second) return wrong("a kind of recipient is there twice");
    for (const std::string& specialism : recipient.specialisms) {
      if (!IsCode(specialism)) return wrong(fmt::format("`{}` is no code", specialism));
    }
  }
  for (const type::v1::Category category : {type::v1::CATEGORY_RATIONALE, type::v1::CATEGORY_IMMIGRATION_STATUS}) {
    if (Has(schedule.categories, category)) return wrong("rationale and immigration status are never in an emergency schedule");
  }
  return absl::OkStatus();
}

absl::Status ValidateRegister(const LegalRegister& law) {
  const auto wrong = [](std::string_view why) { return Error(Reason::kLegalRegisterMalformed, why); };
  if (!IsPolicyVersion(law.version)) return wrong("version is not 1 to 63 of [a-z0-9.-]");
  if (law.bases.empty()) return wrong("the register has no Article 6 basis, so nothing could be shared");
  for (const LegalRegister::Gateway& row : law.gateways) {
    if (row.jurisdictions.empty()) return wrong(fmt::format("{} extends nowhere", type::v1::Gateway_Name(row.gateway)));
    if (row.until <= row.from) return wrong(fmt::format("{} ends before it begins", type::v1::Gateway_Name(row.gateway)));
    if (row.gateway == type::v1::GATEWAY_HA1996_S213B && row.replaces_consent) return wrong("the duty to refer rests on consent and cannot replace it");
  }
  for (const LegalRegister::Basis& row : law.bases) {
    if (row.until <= row.from) return wrong(fmt::format("{} ends before it begins", type::v1::Article6Basis_Name(row.article6)));
  }
  return absl::OkStatus();
}

bool IsPolicyVersion(std::string_view text) {
  return !text.empty() && text.size() <= kAgencyIdCharsMax && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '.' || c == '-';
  });
}

}  // namespace accord::referral
