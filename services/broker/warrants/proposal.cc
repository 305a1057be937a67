#include "services/broker/warrants/proposal.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/identifiers.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

using inspection::v1::Warrant;
using inspection::v1::WarrantScope;

absl::Status InvalidWarrant(std::string_view field, std::string_view why, Reason reason = Reason::kFieldInvalid) {
  return Error(reason, fmt::format("warrant.{}: {}", field, why), {{"field", fmt::format("warrant.{}", field)}});
}

bool IsWarrantCode(std::string_view text) {
  constexpr std::string_view kOthers = "._:/-";
  return !text.empty() && text.size() <= kWarrantCodeCharsMax && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kOthers.find(c) != kOthers.npos;
  });
}

absl::Status CheckWho(const DirectorySnapshot& directory, const Warrant& warrant) {
  if (!IsAgencyId(warrant.id())) return InvalidWarrant("id", "1 to 63 of [a-z0-9-] are needed");
  if (warrant.kind() == inspection::v1::WARRANT_KIND_UNSPECIFIED || !inspection::v1::WarrantKind_IsValid(warrant.kind())) {
    return InvalidWarrant("kind", "not a kind of the published list", Reason::kEnumUnknown);
  }
  if (!IsAgencyId(warrant.inspectorate())) return InvalidWarrant("inspectorate", "1 to 63 of [a-z0-9-] are needed");
  if (warrant.officers_size() > kWarrantOfficersMax) return InvalidWarrant("officers", fmt::format("more than {}", kWarrantOfficersMax));
  for (const std::string& officer : warrant.officers()) {
    if (InspectorateOf(directory, officer) == warrant.inspectorate()) continue;
    return InvalidWarrant("officers", fmt::format("`{}` is no active inspector of {}; see `accordctl admin officers`", officer, warrant.inspectorate()));
  }
  for (const auto& [field, code] : {std::pair<const char*, const std::string&>{"purpose", warrant.purpose()}, {"legal_power", warrant.legal_power()}}) {
    if (code.empty()) return InvalidWarrant(field, "it is needed", Reason::kFieldMissing);
    if (!IsWarrantCode(code)) return InvalidWarrant(field, fmt::format("a code of at most {} of [A-Za-z0-9._:/-] is needed", kWarrantCodeCharsMax));
  }
  return absl::OkStatus();
}

absl::Status CheckScope(const DirectorySnapshot& directory, const WarrantScope& scope) {
  if (scope.agencies_size() > kWarrantAgenciesMax) return InvalidWarrant("scope.agencies", fmt::format("more than {}", kWarrantAgenciesMax));
  for (const std::string& agency : scope.agencies()) {
    if (directory.FindAgency(agency) == nullptr) return InvalidWarrant("scope.agencies", fmt::format("there is no agency `{}`", agency));
  }
  if (scope.areas_size() > kWarrantAreasMax) return InvalidWarrant("scope.areas", fmt::format("more than {}", kWarrantAreasMax));
  for (const std::string& area : scope.areas()) {
    if (!referral::IsGssCode(area)) return InvalidWarrant("scope.areas", "a GSS code such as E06000001 is needed");
  }
  if (scope.from_ms() < 0) return InvalidWarrant("scope.from_ms", "before 1970");
  if (scope.until_ms() <= scope.from_ms()) return InvalidWarrant("scope.until_ms", "a period that ends after it begins is needed");
  for (const int event : scope.events()) {
    if (event == type::v1::EVENT_TYPE_UNSPECIFIED || !type::v1::EventType_IsValid(event)) {
      return InvalidWarrant("scope.events", "not an event of the published list", Reason::kEnumUnknown);
    }
  }
  if (scope.events_size() > type::v1::EventType_ARRAYSIZE) return InvalidWarrant("scope.events", "more than there are");
  if (scope.cases_size() > kWarrantCasesMax) return InvalidWarrant("scope.cases", fmt::format("more than {}", kWarrantCasesMax));
  for (const std::string& pseudonym : scope.cases()) {
    if (pseudonym.size() != kIdBytes) return InvalidWarrant("scope.cases", "16 bytes are needed");
  }
  if (scope.sample_cases_max() > kWarrantSampleMax) return InvalidWarrant("scope.sample_cases_max", fmt::format("more than {}", kWarrantSampleMax));
  if (scope.sample_cases_max() > 0 && !scope.cases().empty()) {
    return InvalidWarrant("scope.sample_cases_max", "a list of cases, or samples: not both");
  }
  return absl::OkStatus();
}

absl::Status CheckTimes(const Warrant& warrant, absl::Time now) {
  const absl::Time starts = absl::FromUnixMillis(warrant.starts_ms()), ends = absl::FromUnixMillis(warrant.ends_ms());
  if (warrant.starts_ms() <= 0) return InvalidWarrant("starts_ms", "it is needed", Reason::kFieldMissing);
  if (warrant.ends_ms() <= 0) return InvalidWarrant("ends_ms", "it is needed", Reason::kFieldMissing);
  if (ends <= starts) return InvalidWarrant("ends_ms", "it ends before it starts");
  if (ends <= now) return InvalidWarrant("ends_ms", "it is over already");
  if (ends - starts > kWarrantLifeMax) return InvalidWarrant("ends_ms", fmt::format("more than {} days after its start", kWarrantLifeMax / absl::Hours(24)));
  if (warrant.embargo_until_ms() < 0) return InvalidWarrant("embargo_until_ms", "before 1970");
  if (absl::FromUnixMillis(warrant.embargo_until_ms()) - ends > kWarrantEmbargoMax) {
    return InvalidWarrant("embargo_until_ms", fmt::format("more than {} days after its end", kWarrantEmbargoMax / absl::Hours(24)));
  }
  return absl::OkStatus();
}

// A statutory warrant is an inspectorate's own act; every other review is granted by administrators.
absl::Status CheckProposer(const DirectorySnapshot& directory, const Caller& caller, const Warrant& warrant) {
  const bool statutory = warrant.kind() == inspection::v1::WARRANT_KIND_STATUTORY;
  if (statutory != (caller.kind == options::v1::CALLER_INSPECTOR)) {
    return Error(Reason::kRoleNotAllowed, statutory ? "a statutory warrant is proposed by an officer of its inspectorate"
                                                    : "a warrant of this kind is proposed by an administrator");
  }
  if (!statutory || InspectorateOf(directory, caller.id) == warrant.inspectorate()) return absl::OkStatus();
  return Error(Reason::kNotPermitted, "a statutory warrant is proposed by an officer of its inspectorate");
}

}  // namespace

std::string InspectorateOf(const DirectorySnapshot& directory, std::string_view id) {
  const auto* const officer = directory.FindOfficer(true, id);
  const bool counts = officer != nullptr && officer->active() && !directory.IsSuspended(PrincipalName(options::v1::CALLER_INSPECTOR, id));
  return counts ? officer->inspectorate() : "";
}

Warrant AsProposed(Warrant warrant) {
  Warrant proposed;
  proposed.set_id(warrant.id());
  proposed.set_kind(warrant.kind());
  proposed.set_inspectorate(warrant.inspectorate());
  *proposed.mutable_officers() = std::move(*warrant.mutable_officers());
  proposed.set_purpose(warrant.purpose());
  proposed.set_legal_power(warrant.legal_power());
  *proposed.mutable_scope() = std::move(*warrant.mutable_scope());
  proposed.set_starts_ms(warrant.starts_ms());
  proposed.set_ends_ms(warrant.ends_ms());
  proposed.set_embargo_until_ms(warrant.embargo_until_ms());
  return proposed;
}

absl::Status CheckProposal(PlainReader read, const DirectorySnapshot& directory, const Caller& caller, const Warrant& warrant, absl::Time now) {
  ACCORD_RETURN_IF_ERROR(CheckWho(directory, warrant));
  ACCORD_RETURN_IF_ERROR(CheckProposer(directory, caller, warrant));
  ACCORD_RETURN_IF_ERROR(CheckScope(directory, warrant.scope()));
  ACCORD_RETURN_IF_ERROR(CheckTimes(warrant, now));
  ACCORD_ASSIGN_OR_RETURN(const auto taken, read(kFamilyWarrant, warrant.id()));
  return taken.has_value() ? InvalidWarrant("id", "it was used before; an id is never used again") : absl::OkStatus();
}

}  // namespace accord::broker
