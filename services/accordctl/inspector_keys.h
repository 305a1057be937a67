// What an inspector opens disclosures with, and by whose word they believe a certificate of an agency.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>

#include "common/crypto/certificate.h"
#include "common/crypto/cms.h"
#include "common/crypto/named_certificate.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// Constant. Thread-safe.
struct InspectorKeys {
  std::string inspector, trust_domain;  // As the sealing certificate names them.
  crypto::SealingKey key;
  crypto::Certificate certificate;
  crypto::TrustAnchors authorities;

  // OK when `certificate` (DER) is the agency's by the inspector's own authorities at `at`. SEALING_KEY_UNTRUSTED.
  absl::StatusOr<crypto::Certificate> CheckAgency(std::string_view certificate, std::string_view agency, crypto::CertificateUse use, absl::Time at) const;
};

// Of the inspector that the command line names, else the configured or the only one. A usage error, which says what to write where, when none is
// named, it has no sealing certificate, or a file is not what it should be. Reads files.
absl::StatusOr<InspectorKeys> LoadInspectorKeys(const Session& session);

}  // namespace accord::accordctl
