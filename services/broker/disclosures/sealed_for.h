// Whom something was sealed for, and whether that key still counts.
#pragma once

#include <absl/status/status.h>

#include <string_view>

#include "common/crypto/certificate.h"
#include "common/crypto/cms.h"
#include "services/broker/directory/directory.h"

namespace accord::broker {

// True when the certificate or its key was denied. Thread-safe.
bool IsCertificateDenied(const DirectorySnapshot& directory, const crypto::Certificate& certificate);

// OK when what is `shown` is sealed for `key` alone. SEALING_KEY_UNKNOWN, saying `why`, when it is not sealed for it; SEALED_TOO_WIDELY when for others
// too. Thread-safe.
absl::Status CheckSealedForAlone(const crypto::cms::Parsed& shown, std::string_view key, std::string_view why);

}  // namespace accord::broker
