#include "services/broker/disclosures/sealed_for.h"

#include <algorithm>

#include "common/base/status.h"

namespace accord::broker {

bool IsCertificateDenied(const DirectorySnapshot& directory, const crypto::Certificate& certificate) {
  return directory.IsDenied(certificate.fingerprint()) || directory.IsDenied(certificate.public_key_id());
}

absl::Status CheckSealedForAlone(const crypto::cms::Parsed& shown, std::string_view key, std::string_view why) {
  const auto& recipients = shown.recipients;
  const bool sealed = std::any_of(recipients.begin(), recipients.end(), [&](const auto& recipient) { return recipient.subject_key_id == key; });
  if (!sealed) return Error(Reason::kSealingKeyUnknown, why);
  if (recipients.size() == 1) return absl::OkStatus();
  return Error(Reason::kSealedTooWidely, "it is sealed for others beside whom it is for");
}

}  // namespace accord::broker
