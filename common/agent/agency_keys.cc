#include "common/agent/agency_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/crypto/named_certificate.h"

namespace accord::agent {
namespace {

referral::LinkageDomain DomainOf(const std::string& name, const std::string& key_id, const crypto::SecretBytes& key,
                                 const std::vector<AgencyKeys::EarlierLinkage>& earlier, absl::Time at) {
  referral::LinkageDomain domain{.name = name, .keys = {}};
  for (auto before = earlier.rbegin(); before != earlier.rend(); ++before) {
    domain.keys.push_back({.id = before->key_id, .key = before->key.view(), .sent = at < before->sent_until});
  }
  domain.keys.push_back({.id = key_id, .key = key.view(), .sent = true});
  return domain;
}

// Of `id`, an agency or an inspector as `what` says.
absl::StatusOr<crypto::Certificate> CheckCertificate(const AgencyKeys& keys, std::string_view certificate, std::string_view what, std::string_view id,
                                                     std::string_view use, absl::Time at) {
  return crypto::CheckNamedCertificate(keys.area_authorities, certificate, fmt::format("spiffe://{}/{}/{}/{}", keys.trust_domain, what, id, use),
                                       use == "sealing" ? crypto::CertificateUse::kSealing : crypto::CertificateUse::kSigning, at);
}

}  // namespace

absl::Status CheckLinkageKeysDiffer(const AgencyKeys& keys) {
  std::vector<std::string_view> all = {keys.linkage_key.view()};
  for (const auto& earlier : keys.earlier_linkage) all.push_back(earlier.key.view());
  for (const auto& other : keys.other_linkage) {
    all.push_back(other.key.view());
    for (const auto& earlier : other.earlier) all.push_back(earlier.key.view());
  }
  std::sort(all.begin(), all.end());
  if (std::adjacent_find(all.begin(), all.end()) == all.end()) return absl::OkStatus();
  return absl::FailedPreconditionError("two of the linkage keys that are configured are one and the same");
}

referral::LinkageDomain OwnLinkage(const AgencyKeys& keys, absl::Time at) {
  return DomainOf(keys.linkage_domain, keys.linkage_key_id, keys.linkage_key, keys.earlier_linkage, at);
}

std::vector<referral::LinkageDomain> LinkageFor(const AgencyKeys& keys, std::span<const std::string> recipients, absl::Time at) {
  std::vector<referral::LinkageDomain> domains = {OwnLinkage(keys, at)};
  for (const AgencyKeys::OtherLinkage& other : keys.other_linkage) {
    const bool concerned = std::any_of(recipients.begin(), recipients.end(), [&](const std::string& recipient) {
      return std::find(other.agencies.begin(), other.agencies.end(), recipient) != other.agencies.end();
    });
    if (concerned) domains.push_back(DomainOf(other.domain, other.key_id, other.key, other.earlier, at));
  }
  return domains;
}

type::v1::Worker ServiceWorker() {
  type::v1::Worker worker;
  worker.set_pseudonym("service");
  worker.set_role(type::v1::WORKER_ROLE_SYSTEM);
  worker.set_authentication(type::v1::AUTHENTICATION_AUTOMATIC);
  return worker;
}

bool IsPerson(const type::v1::Worker& worker) {
  return worker.role() != type::v1::WORKER_ROLE_SYSTEM && worker.authentication() != type::v1::AUTHENTICATION_AUTOMATIC;
}

absl::StatusOr<AgencyKeys::Sealing> SealedForUs(const AgencyKeys& keys, std::string_view cms) {
  ACCORD_ASSIGN_OR_RETURN(const crypto::cms::Parsed shown, crypto::cms::Parse(cms));
  const auto sealed_for = [&](const crypto::Certificate& certificate) {
    return std::any_of(shown.recipients.begin(), shown.recipients.end(),
                       [&](const auto& recipient) { return recipient.subject_key_id == certificate.subject_key_id(); });
  };
  if (sealed_for(keys.sealing_certificate)) return AgencyKeys::Sealing{keys.sealing_key, keys.sealing_certificate};
  for (const AgencyKeys::Sealing& earlier : keys.earlier_sealing) {
    if (sealed_for(earlier.certificate)) return earlier;
  }
  return Error(Reason::kSealingKeyUnknown, "the section is sealed for no key of ours that is configured");
}

absl::StatusOr<std::string> OpenSealed(const AgencyKeys& keys, std::string_view cms) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyKeys::Sealing ours, SealedForUs(keys, cms));
  return crypto::cms::Open(cms, ours.key, ours.certificate);
}

bool IsOurSealing(const AgencyKeys& keys, std::string_view certificate) {
  return keys.sealing_certificate.der() == certificate ||
         std::any_of(keys.earlier_sealing.begin(), keys.earlier_sealing.end(),
                     [&](const AgencyKeys::Sealing& earlier) { return earlier.certificate.der() == certificate; });
}

absl::StatusOr<crypto::Certificate> CheckAgencyCertificate(const AgencyKeys& keys, std::string_view certificate,
                                                           std::string_view agency, std::string_view use,
                                                           absl::Time at) {
  return CheckCertificate(keys, certificate, "agency", agency, use, at);
}

absl::StatusOr<crypto::Certificate> CheckInspectorCertificate(const AgencyKeys& keys, std::string_view certificate, std::string_view inspector,
                                                              absl::Time at) {
  return CheckCertificate(keys, certificate, "inspector", inspector, "sealing", at);
}

}  // namespace accord::agent
