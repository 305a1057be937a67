#include "services/accordctl/inspector_keys.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::accordctl {
namespace {

constexpr size_t kInspectorFileBytesMax = 64u << 10;
constexpr std::string_view kSpiffeScheme = "spiffe://";

// What `parse` makes of a file; a usage error that names the key of the configuration.
template <typename Parse>
auto ReadInspectorFile(const std::string& path, Parse parse) -> decltype(parse(std::string())) {
  const auto bytes = ReadFile(path, kInspectorFileBytesMax);
  if (!bytes.ok()) return UsageError(FromAbsl(bytes.status().message()));
  auto parsed = parse(*bytes);
  if (!parsed.ok()) return UsageError(fmt::format("{}: {}", path, FromAbsl(parsed.status().message())));
  return parsed;
}

// The trust domain of `spiffe://DOMAIN/inspector/ID/sealing`; empty when it is another's name.
std::string DomainOfSealing(const crypto::Certificate& certificate, const std::string& id) {
  const std::string& uri = certificate.uri_sans().front();
  const std::string path = fmt::format("/inspector/{}/sealing", id);
  if (!uri.starts_with(kSpiffeScheme) || !uri.ends_with(path) || uri.size() <= kSpiffeScheme.size() + path.size()) return "";
  std::string domain = uri.substr(kSpiffeScheme.size(), uri.size() - kSpiffeScheme.size() - path.size());
  return domain.find('/') == std::string::npos ? domain : "";
}

}  // namespace

absl::StatusOr<crypto::Certificate> InspectorKeys::CheckAgency(std::string_view der, std::string_view agency, crypto::CertificateUse use,
                                                               absl::Time at) const {
  const std::string_view word = use == crypto::CertificateUse::kSealing ? "sealing" : "signing";
  return crypto::CheckNamedCertificate(authorities, der, fmt::format("spiffe://{}/agency/{}/{}", trust_domain, agency, word), use, at);
}

absl::StatusOr<InspectorKeys> LoadInspectorKeys(const Session& session) {
  ACCORD_ASSIGN_OR_RETURN(const Session::Principal who, session.Chosen(Prefer::kInspector));
  if (who.inspector == nullptr) return UsageError("disclosures are an inspector's to ask for: --as inspector/NAME");
  const OfficerIdentity& inspector = *who.inspector;
  if (inspector.sealing_certificate.empty()) {
    return UsageError(fmt::format("the [[inspector]] {} of the configuration has no sealing_certificate, sealing_key and authorities: disclosures are sealed for them "
                                  "and judged by them (docs/disclosures.md)",
                                  inspector.id));
  }
  ACCORD_ASSIGN_OR_RETURN(auto certificate, ReadInspectorFile(inspector.sealing_certificate, [](const std::string& pem) { return crypto::Certificate::FromPem(pem); }));
  ACCORD_ASSIGN_OR_RETURN(auto authorities, ReadInspectorFile(inspector.authorities, [](const std::string& pem) { return crypto::TrustAnchors::FromPem(pem); }));
  auto key = crypto::SealingKey::FromPemFile(inspector.sealing_key);
  if (!key.ok()) return UsageError(fmt::format("{}: {}", inspector.sealing_key, FromAbsl(key.status().message())));
  if (const absl::Status form = certificate.CheckSealingForm(); !form.ok()) {
    return UsageError(fmt::format("{}: {}", inspector.sealing_certificate, FromAbsl(form.message())));
  }
  if (certificate.public_key_id() != key->key_id()) {
    return UsageError(fmt::format("{} is not of the key {}", inspector.sealing_certificate, inspector.sealing_key));
  }
  std::string domain = DomainOfSealing(certificate, inspector.id);
  if (domain.empty()) {
    return UsageError(fmt::format("{} is not the sealing certificate of inspector/{}: its name is {}", inspector.sealing_certificate, inspector.id,
                                  certificate.uri_sans().front()));
  }
  return InspectorKeys{inspector.id, std::move(domain), *std::move(key), std::move(certificate), std::move(authorities)};
}

}  // namespace accord::accordctl
