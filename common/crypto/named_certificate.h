// A certificate that has to be somebody's, for one use, under authorities that whoever asks trusts itself. Thread-safe.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string_view>

#include "common/crypto/certificate.h"

namespace accord::crypto {

enum class CertificateUse { kSealing, kSigning };

// OK when `der` is a certificate of the form of its use (docs/formats.md §4) that chains to `authorities` at `at`, and `uri` is the one name in it:
// `spiffe://<trust-domain>/inspector/<id>/sealing`. SEALING_KEY_UNTRUSTED otherwise, saying why.
absl::StatusOr<Certificate> CheckNamedCertificate(const TrustAnchors& authorities, std::string_view der, std::string_view uri, CertificateUse use,
                                                  absl::Time at);

}  // namespace accord::crypto
