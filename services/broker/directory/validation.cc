#include "services/broker/directory/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/succession.h"
#include "common/referral/identifiers.h"
#include "services/broker/directory/changes.h"

namespace accord::broker {
namespace {

absl::Status InvalidAgency(std::string_view field, std::string_view why, Reason reason = Reason::kFieldInvalid) {
  return Error(reason, fmt::format("{}: {}", field, why), {{"field", std::string(field)}});
}

// A code of what an agency offers: 1 to 63 of [a-z0-9_-].
bool IsSpecialism(std::string_view code) {
  return !code.empty() && code.size() <= kSpecialismCharsMax && std::all_of(code.begin(), code.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// What people call it.
absl::Status CheckDisplayName(std::string_view field, std::string_view name) {
  if (name.size() > kDisplayNameCharsMax) return InvalidAgency(field, fmt::format("more than {} characters", kDisplayNameCharsMax));
  if (!IsUtf8(name)) return InvalidAgency(field, "not UTF-8", Reason::kTextNotUtf8);
  return absl::OkStatus();
}

// A certificate of the given form whose one URI SAN is `uri`.
absl::Status CheckCertificate(const std::string& der, std::string_view field, std::string_view uri,
                              absl::Status (crypto::Certificate::*check_form)() const) {
  const auto certificate = crypto::Certificate::FromDer(der);
  if (!certificate.ok()) return InvalidAgency(field, FromAbsl(certificate.status().message()));
  if (const absl::Status form = ((*certificate).*check_form)(); !form.ok()) {
    return InvalidAgency(field, FromAbsl(form.message()));
  }
  if (certificate->uri_sans().front() != uri) {
    return InvalidAgency(field, fmt::format("its URI SAN must be {}", uri));
  }
  if (certificate->is_authority()) return InvalidAgency(field, "it may issue certificates; an end certificate is needed");
  return absl::OkStatus();
}

// The certificate that the sealing certificate follows, and that it vouches for it: both, or neither.
absl::Status CheckSuccession(const admin::v1::Agency& agency, std::string_view uri) {
  const std::string& previous = agency.previous_sealing_certificate();
  if (previous.empty() != agency.sealing_endorsement().empty()) {
    return InvalidAgency(previous.empty() ? "agency.previous_sealing_certificate" : "agency.sealing_endorsement", "goes with the other, or neither is there");
  }
  if (previous.empty()) return absl::OkStatus();
  ACCORD_RETURN_IF_ERROR(CheckCertificate(previous, "agency.previous_sealing_certificate", uri, &crypto::Certificate::CheckSealingForm));
  ACCORD_ASSIGN_OR_RETURN(const auto old_one, crypto::Certificate::FromDer(previous));
  ACCORD_ASSIGN_OR_RETURN(const auto new_one, crypto::Certificate::FromDer(agency.sealing_certificate()));
  const absl::Status vouched = crypto::VerifySuccessor(old_one, new_one, agency.sealing_endorsement());
  return vouched.ok() ? vouched : InvalidAgency("agency.sealing_endorsement", FromAbsl(vouched.message()));
}

// A number as people dial it: digits, with blanks and `+()-` between them.
bool IsTelephone(std::string_view number) {
  return std::all_of(number.begin(), number.end(),
                     [](char c) { return (c >= '0' && c <= '9') || std::string_view(" +()-").find(c) != std::string_view::npos; }) &&
         std::any_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

absl::Status CheckDuty(const admin::v1::Agency& agency) {
  const std::string& number = agency.duty_telephone();
  if (number.size() > kTelephoneCharsMax) return InvalidAgency("agency.duty_telephone", fmt::format("more than {} characters", kTelephoneCharsMax));
  if (!number.empty() && !IsTelephone(number)) return InvalidAgency("agency.duty_telephone", "digits are needed, and nothing else but blanks and +()-");
  if (agency.duty_hours_size() > kDutyHoursMax) return InvalidAgency("agency.duty_hours", fmt::format("more than {}", kDutyHoursMax));
  for (const admin::v1::DutyHours& hours : agency.duty_hours()) {
    if (hours.first_day() < 1 || hours.last_day() > 7 || hours.last_day() < hours.first_day()) {
      return InvalidAgency("agency.duty_hours", "days are 1 (Monday) to 7 (Sunday), and the last is not before the first");
    }
    if (hours.from_minute() > kDayMinutes || hours.to_minute() > kDayMinutes) {
      return InvalidAgency("agency.duty_hours", fmt::format("a time is 0 to {} minutes after midnight", kDayMinutes));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateAgency(const admin::v1::Agency& agency, std::string_view trust_domain) {
  if (!IsAgencyId(agency.id()) || agency.id() == kAdministrators) return InvalidAgency("agency.id", "1 to 63 of [a-z0-9-] are needed, and not `administrators`");
  if (agency.kind() == type::v1::AGENCY_KIND_UNSPECIFIED || !type::v1::AgencyKind_IsValid(agency.kind())) {
    return InvalidAgency("agency.kind", "not a kind of the published list", Reason::kEnumUnknown);
  }
  ACCORD_RETURN_IF_ERROR(CheckDisplayName("agency.display_name", agency.display_name()));
  if (static_cast<size_t>(agency.areas_size()) > kAreasMax) {
    return InvalidAgency("agency.areas", fmt::format("more than {}", kAreasMax));
  }
  for (const std::string& area : agency.areas()) {
    if (!referral::IsGssCode(area)) return InvalidAgency("agency.areas", "a GSS code such as E06000001 is needed");
  }
  if (agency.specialisms_size() > kSpecialismsMax) return InvalidAgency("agency.specialisms", fmt::format("more than {}", kSpecialismsMax));
  for (const std::string& specialism : agency.specialisms()) {
    if (!IsSpecialism(specialism)) return InvalidAgency("agency.specialisms", "1 to 63 of [a-z0-9_-] are needed");
  }
  if (agency.valid_from_ms() < 0) return InvalidAgency("agency.valid_from_ms", "negative");
  if (agency.has_support()) return InvalidAgency("agency.support", "the agency publishes it itself");
  if (agency.suspended()) return InvalidAgency("agency.suspended", "it is told, not put: SuspendPrincipal shuts an agency out");
  ACCORD_RETURN_IF_ERROR(CheckDuty(agency));

  const std::string prefix = fmt::format("spiffe://{}/agency/{}/", trust_domain, agency.id());
  if (agency.signing_certificates().empty()) {
    return InvalidAgency("agency.signing_certificates", "at least one is needed", Reason::kFieldMissing);
  }
  if (agency.signing_certificates_size() > kSigningCertificatesMax) {
    return InvalidAgency("agency.signing_certificates", fmt::format("more than {}", kSigningCertificatesMax));
  }
  for (const std::string& der : agency.signing_certificates()) {
    ACCORD_RETURN_IF_ERROR(CheckCertificate(der, "agency.signing_certificates", prefix + "signing",
                                            &crypto::Certificate::CheckSigningForm));
  }
  if (agency.sealing_certificate().empty()) {
    return InvalidAgency("agency.sealing_certificate", "one is needed", Reason::kFieldMissing);
  }
  ACCORD_RETURN_IF_ERROR(CheckCertificate(agency.sealing_certificate(), "agency.sealing_certificate",
                                          prefix + "sealing", &crypto::Certificate::CheckSealingForm));
  ACCORD_RETURN_IF_ERROR(CheckSuccession(agency, prefix + "sealing"));
  if (agency.confidential_sealing_certificate().empty()) return absl::OkStatus();
  ACCORD_RETURN_IF_ERROR(CheckCertificate(agency.confidential_sealing_certificate(),
                                          "agency.confidential_sealing_certificate", prefix + "sealing",
                                          &crypto::Certificate::CheckSealingForm));
  // Forms were checked above, so both parse.
  if (crypto::Certificate::FromDer(agency.sealing_certificate())->subject_key_id() ==
      crypto::Certificate::FromDer(agency.confidential_sealing_certificate())->subject_key_id()) {
    return InvalidAgency("agency.confidential_sealing_certificate", "the confidential desk needs a key of its own");
  }
  return absl::OkStatus();
}

absl::Status ValidateAmongOthers(const admin::v1::Agency& agency, const DirectorySnapshot& directory) {
  if (directory.FindAgency(agency.id()) == nullptr && directory.agencies().size() >= kAgenciesMax) {
    return InvalidAgency("agency.id", fmt::format("the directory holds {} agencies already", kAgenciesMax));
  }
  // Who stands in already may go on resting: else nothing of the row could be changed until it is back, not even a lost key.
  const AgencyRow* const before = directory.FindActiveAgency(agency.id());
  const auto check_stand_in = [&](std::string_view field, const std::string& id, std::string_view id_before) -> absl::Status {
    if (id.empty()) return absl::OkStatus();
    if (id == agency.id()) return InvalidAgency(field, "an agency does not stand in for itself");
    const AgencyRow* const stand_in = directory.FindAgency(id);
    if (stand_in == nullptr) return InvalidAgency(field, "not in the directory; put that agency first");
    if (!agency.active() || stand_in->agency.active() || id == id_before) return absl::OkStatus();
    return InvalidAgency(field, "is not active, so that nobody would stand in; put another");
  };
  ACCORD_RETURN_IF_ERROR(check_stand_in("agency.deputy", agency.deputy(), before == nullptr ? "" : before->agency.deputy()));
  ACCORD_RETURN_IF_ERROR(check_stand_in("agency.duty_recipient", agency.duty_recipient(), before == nullptr ? "" : before->agency.duty_recipient()));
  for (const auto& [field, der] :
       {std::pair<std::string_view, const std::string&>{"agency.sealing_certificate", agency.sealing_certificate()},
        {"agency.confidential_sealing_certificate", agency.confidential_sealing_certificate()},
        {"agency.previous_sealing_certificate", agency.previous_sealing_certificate()}}) {
    if (der.empty()) continue;
    ACCORD_ASSIGN_OR_RETURN(const auto certificate, crypto::Certificate::FromDer(der));
    const auto* const owner = directory.FindSealingKeyOwner(certificate.subject_key_id());
    if (owner != nullptr && owner->agency != agency.id()) {
      return InvalidAgency(field, fmt::format("its key is that of agency {}", owner->agency));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateOfficer(const admin::v1::PutOfficer& officer, std::string_view trust_domain) {
  // One of before may still be dismissed.
  if (!IsAgencyId(officer.id()) || (officer.active() && officer.id() == kBrokerPrincipal)) return InvalidAgency("officer.id", "1 to 63 of [a-z0-9-] are needed, and not `broker`");
  if (officer.valid_from_ms() < 0) return InvalidAgency("officer.valid_from_ms", "negative");
  if (officer.suspended()) return InvalidAgency("officer.suspended", "it is told, not put: SuspendPrincipal shuts an officer out");
  std::set<int> roles;
  for (const int role : officer.roles()) {
    if (role == options::v1::OFFICER_ROLE_UNSPECIFIED || !options::v1::OfficerRole_IsValid(role)) {
      return InvalidAgency("officer.roles", "not a role of the published list", Reason::kEnumUnknown);
    }
    if (!roles.insert(role).second) return InvalidAgency("officer.roles", "a role is there twice");
  }
  if (officer.inspector()) {
    if (!officer.roles().empty()) return InvalidAgency("officer.roles", "an inspector has none");
    if (!officer.inspectorate().empty() && !IsAgencyId(officer.inspectorate())) return InvalidAgency("officer.inspectorate", "1 to 63 of [a-z0-9-] are needed");
    if (officer.sealing_certificate().empty()) return absl::OkStatus();
    return CheckCertificate(officer.sealing_certificate(), "officer.sealing_certificate",
                            fmt::format("spiffe://{}/inspector/{}/sealing", trust_domain, officer.id()), &crypto::Certificate::CheckSealingForm);
  }
  if (!officer.inspectorate().empty()) return InvalidAgency("officer.inspectorate", "is an inspector's");
  if (!officer.sealing_certificate().empty()) return InvalidAgency("officer.sealing_certificate", "is an inspector's");
  return absl::OkStatus();
}

storage::v1::StoredOfficer AsStored(const admin::v1::PutOfficer& officer) {
  storage::v1::StoredOfficer stored;
  stored.set_active(officer.active());
  stored.set_valid_from_ms(officer.valid_from_ms());
  *stored.mutable_roles() = officer.roles();
  stored.set_inspectorate(officer.inspectorate());
  stored.set_sealing_certificate(officer.sealing_certificate());
  return stored;
}

absl::Status ValidateForum(const admin::v1::Forum& forum) {
  if (!IsAgencyId(forum.id())) return InvalidAgency("forum.id", "1 to 63 of [a-z0-9-] are needed");
  ACCORD_RETURN_IF_ERROR(CheckDisplayName("forum.display_name", forum.display_name()));
  if (forum.members().empty()) return InvalidAgency("forum.members", "at least one is needed", Reason::kFieldMissing);
  if (forum.members_size() > kForumMembersMax) return InvalidAgency("forum.members", fmt::format("more than {}", kForumMembersMax));
  std::set<std::string> members;
  for (const std::string& member : forum.members()) {
    if (!IsAgencyId(member)) return InvalidAgency("forum.members", "agency ids are needed");
    if (!members.insert(member).second) return InvalidAgency("forum.members", fmt::format("{} is there twice", member));
  }
  if (forum.coordinator().empty()) return InvalidAgency("forum.coordinator", "one of the members is needed", Reason::kFieldMissing);
  if (!members.contains(forum.coordinator())) return InvalidAgency("forum.coordinator", "is none of the members");
  return absl::OkStatus();
}

absl::Status ValidateForumAmongOthers(const admin::v1::Forum& forum, const DirectorySnapshot& directory, const std::set<std::string, std::less<>>& sitting) {
  for (const std::string& member : forum.members()) {
    if (directory.FindAgency(member) == nullptr) {
      return InvalidAgency("forum.members", fmt::format("{} is not in the directory; put that agency first", member));
    }
    if (!forum.active() || directory.FindActiveAgency(member) != nullptr || sitting.contains(member)) continue;
    return InvalidAgency("forum.members", fmt::format("{} is not active; put the forum without it", member));
  }
  return absl::OkStatus();
}

absl::Status ValidateConflictList(const admin::v1::PutConflictList& list, const DirectorySnapshot& directory) {
  if (list.agency() != kAdministrators && directory.FindAgency(list.agency()) == nullptr) return InvalidAgency("conflict_list.agency", "not in the directory");
  if (list.workers_size() > kConflictWorkersMax) {
    return InvalidAgency("conflict_list.workers", fmt::format("more than {}", kConflictWorkersMax));
  }
  for (const std::string& worker : list.workers()) {
    if (worker.empty() || worker.size() > kWorkerPseudonymCharsMax) {
      return InvalidAgency("conflict_list.workers", fmt::format("a pseudonym has 1 to {} characters", kWorkerPseudonymCharsMax));
    }
    // A slip would bar nobody, and nobody would see that.
    if (list.agency() == kAdministrators && directory.FindOfficer(false, worker) == nullptr) {
      return InvalidAgency("conflict_list.workers", "ids of administrators who are enrolled are needed, such as alice");
    }
  }
  return absl::OkStatus();
}

}  // namespace accord::broker
