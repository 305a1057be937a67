#include "common/crypto/named_certificate.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::crypto {

absl::StatusOr<Certificate> CheckNamedCertificate(const TrustAnchors& authorities, std::string_view der, std::string_view uri, CertificateUse use,
                                                  absl::Time at) {
  const auto untrusted = [&](std::string_view why) {
    return Error(Reason::kSealingKeyUntrusted, fmt::format("the certificate that is shown as that of {} {}", uri, why), {{"name", std::string(uri)}});
  };
  auto certificate = Certificate::FromDer(der);
  if (!certificate.ok()) return untrusted("does not parse");
  ACCORD_RETURN_IF_ERROR(authorities.Verify(*certificate, {}, at, Reason::kSealingKeyUntrusted));
  const absl::Status form = use == CertificateUse::kSealing ? certificate->CheckSealingForm() : certificate->CheckSigningForm();
  if (!form.ok()) return untrusted(fmt::format("has not the form for its use: {}", FromAbsl(form.message())));
  if (certificate->uri_sans().front() != uri) return untrusted("names somebody else");
  return *std::move(certificate);
}

}  // namespace accord::crypto
