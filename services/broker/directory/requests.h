// Sameness of requests. Whoever asks for a change gives it a request id: asked again with the same content it is answered again and not done again.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "accord/storage/v1/broker.pb.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// What the request of `principal` with this id led to; nothing when the id is free. Sequencer thread.
//   REQUEST_ID_REUSED   it was of another digest, with `first_digest` (hexadecimal) and `first_index`, the leaf index of its entry
//   DATA_LOSS           its row does not parse
absl::StatusOr<std::optional<storage::v1::StoredRequest>> FirstRequest(CommitContext& context, std::string_view principal, std::string_view request_id,
                                                                       std::string_view digest);

// Keeps what a new one led to. Sequencer thread.
void KeepRequest(CommitContext& context, std::string_view principal, std::string_view request_id, const storage::v1::StoredRequest& request);
// The same of one that led to an entry and nothing else.
void KeepRequest(CommitContext& context, std::string_view principal, std::string_view request_id, std::string_view digest, uint64_t index);

}  // namespace accord::broker
