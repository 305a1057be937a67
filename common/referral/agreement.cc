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

absl::Status Malformed(std::string_view why) { return Error(Reason::kAgreementMalformed, why); }

bool IsVersion(std::string_view text) {
  return !text.empty() && text.size() <= kAgencyIdCharsMax && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '.' || c == '-';
  });
}

absl::Status ValidateRoute(const Route& route, const std::set<std::string>& parties) {
  const auto wrong = [&](std::string_view why) { return Malformed(fmt::format("route {}: {}", route.id, why)); };
  if (route.from_kinds.empty() && route.from_agencies.empty()) return wrong("says from nobody");
  if (route.to_kinds.empty() && route.to_agencies.empty()) return wrong("says to nobody");
  if (route.purposes.empty()) return wrong("has no purpose");
  if (route.categories.empty()) return wrong("has no category");
  for (const auto* agencies : {&route.from_agencies, &route.to_agencies}) {
    for (const std::string& agency : *agencies) {
      if (!parties.contains(agency)) return wrong(fmt::format("{} is no party to the agreement", agency));
    }
  }
  if (Has(route.purposes, type::v1::PURPOSE_IMMIGRATION_ENFORCEMENT)) return wrong("immigration enforcement is never a purpose");
  if (Has(route.to_kinds, type::v1::AGENCY_KIND_POLICE) && Has(route.categories, type::v1::CATEGORY_IMMIGRATION_STATUS)) {
    return wrong("immigration status does not go to police");
  }
  if (route.needs_consent && !route.gateways.empty()) return wrong("needs consent, so no gateway can replace it");
  if (Has(route.gateways, type::v1::GATEWAY_HA1996_S213B)) return wrong("the duty to refer rests on consent and cannot replace it");
  return absl::OkStatus();
}

}  // namespace

bool GatewayServes(const Route& route, type::v1::Gateway gateway) {
  if (gateway == type::v1::GATEWAY_UNSPECIFIED || gateway == type::v1::GATEWAY_HA1996_S213B) return false;
  return route.gateways.empty() ? gateway != type::v1::GATEWAY_CA2004_S16LA : Has(route.gateways, gateway);
}

bool InForceIn(type::v1::Gateway gateway, type::v1::Jurisdiction jurisdiction) {
  using namespace type::v1;  // NOLINT: a table of the law in the field's own words.
  const bool england = jurisdiction == JURISDICTION_ENGLAND || jurisdiction == JURISDICTION_UNSPECIFIED;
  const bool wales = jurisdiction == JURISDICTION_WALES;
  switch (gateway) {
    case GATEWAY_CDA1998_S115:
    case GATEWAY_CA1989_S47:
    case GATEWAY_DVDS:
    case GATEWAY_PCSCA2022_S44A: return england || wales;
    case GATEWAY_CA2004_S11:
    case GATEWAY_CARE_ACT_S42_45:
    case GATEWAY_CA2004_S16LA:
    case GATEWAY_HA1996_S213B: return england;
    case GATEWAY_SSWBA2014_S128_130: return wales;
    case GATEWAY_CHSA2011_S60:
    case GATEWAY_ASPA2007_S5: return jurisdiction == JURISDICTION_SCOTLAND;
    case GATEWAY_CNIO1995_ART66: return jurisdiction == JURISDICTION_NORTHERN_IRELAND;
    case GATEWAY_COMMON_LAW_PUBLIC_INTEREST:
    case GATEWAY_COURT_ORDER: return true;
    default: return false;
  }
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
  if (!IsVersion(agreement.version)) return Malformed("version is not 1 to 63 of [a-z0-9.-]");
  if (agreement.expires <= agreement.effective_from) return Malformed("the agreement expires before it takes effect");
  const std::set<std::string> parties(agreement.parties.begin(), agreement.parties.end());
  if (parties.size() < 2 || parties.size() != agreement.parties.size()) return Malformed("an agreement has two parties or more, each once");
  for (const std::string& party : parties) {
    if (!IsAgencyId(party)) return Malformed(fmt::format("{} is no agency id", party));
  }
  if (agreement.routes.empty()) return Malformed("the agreement has no route");
  std::set<std::string> ids;
  for (const Route& route : agreement.routes) {
    if (!IsAgencyId(route.id)) return Malformed("a route's id is not 1 to 63 of [a-z0-9-]");
    if (!ids.insert(route.id).second) return Malformed(fmt::format("route {} is there twice", route.id));
    ACCORD_RETURN_IF_ERROR(ValidateRoute(route, parties));
  }
  return absl::OkStatus();
}

}  // namespace accord::referral
