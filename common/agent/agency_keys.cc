#include "common/agent/agency_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/base/text.h"

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
  const auto untrusted = [&](std::string_view why) {
    return Error(Reason::kSealingKeyUntrusted, fmt::format("the {} certificate that the broker names for {}: {}", use, agency, why),
                 {{"agency", std::string(agency)}});
  };
  auto parsed = crypto::Certificate::FromDer(certificate);
  if (!parsed.ok()) return untrusted("does not parse");
  ACCORD_RETURN_IF_ERROR(keys.area_authorities.Verify(*parsed, {}, at, Reason::kSealingKeyUntrusted));
  const absl::Status form = use == "sealing" ? parsed->CheckSealingForm() : parsed->CheckSigningForm();
  if (!form.ok()) return untrusted(FromAbsl(form.message()));
  const std::string wanted = fmt::format("spiffe://{}/agency/{}/{}", keys.trust_domain, agency, use);
  if (parsed->uri_sans().front() != wanted) return untrusted("names somebody else");
  return *std::move(parsed);
}

}  // namespace accord::agent
