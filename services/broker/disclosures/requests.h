// What the commands about disclosures share: sameness of requests, and for whom something is sealed.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accord/type/v1/entry.pb.h"
#include "common/crypto/certificate.h"
#include "common/crypto/cms.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// The leaf index that the request led to when it was carried out before; nothing when it is new. REQUEST_ID_REUSED; DATA_LOSS. Sequencer thread.
absl::StatusOr<std::optional<uint64_t>> FirstDisclosureAnswer(CommitContext& context, const Caller& caller, std::string_view request_id,
                                                              std::string_view digest);
// Keeps that. Sequencer thread.
void PutDisclosureRequest(CommitContext& context, const Caller& caller, std::string_view request_id, const std::string& digest, uint64_t index);

// The caller, for an entry. Thread-safe.
type::v1::EntryActor ActorOfDisclosure(const Caller& caller);

// True when the certificate or its key was denied. Thread-safe.
bool IsCertificateDenied(const DirectorySnapshot& directory, const crypto::Certificate& certificate);

// OK when what is `shown` is sealed for `key` alone. SEALING_KEY_UNKNOWN, saying `why`, when it is not sealed for it; SEALED_TOO_WIDELY when for others
// too. Thread-safe.
absl::Status CheckSealedForAlone(const crypto::cms::Parsed& shown, std::string_view key, std::string_view why);

}  // namespace accord::broker
