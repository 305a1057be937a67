// Stored referrals and deliveries as commands read and write them.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/referral/header.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// Reads a sealed value: CommitContext::GetSealed, or that of a ReadView.
using SealedReader =
    absl::FunctionRef<absl::StatusOr<std::optional<std::string>>(std::string_view family, std::string_view key)>;

// The referral, or nothing when it is absent or was erased. DATA_LOSS when it does not parse. Thread-safe.
absl::StatusOr<std::optional<storage::v1::StoredReferral>> LoadReferral(SealedReader read, std::string_view header_digest);
absl::StatusOr<std::optional<storage::v1::StoredReferral>> LoadReferral(CommitContext& context,
                                                                        std::string_view header_digest);
// Its header with all that the broker may see of it. DATA_LOSS when it does not open. Thread-safe.
absl::StatusOr<referral::OpenedHeader> OpenStored(const storage::v1::StoredReferral& stored);
// Sealed under the slot of its chain.
absl::Status SaveReferral(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored);

// The row of `agency`; null when it is no recipient. Thread-safe.
storage::v1::StoredRecipient* FindRecipient(storage::v1::StoredReferral& stored, std::string_view agency);
const storage::v1::StoredRecipient* FindRecipient(const storage::v1::StoredReferral& stored, std::string_view agency);

// The slot under which what concerns the chain is sealed. DATA_LOSS when the chain is not there.
absl::StatusOr<uint64_t> SlotOfChain(CommitContext& context, std::string_view chain);
// The chains of an entry about `stored`: its own, then its cases. Thread-safe.
std::vector<std::string> ChainsOf(const storage::v1::StoredReferral& stored);
// The key that keeps deliveries about `stored` in order: its oldest case, else itself. Thread-safe.
const std::string& OrderingKeyOf(const storage::v1::StoredReferral& stored);

// The delivery, or nothing when it is absent. DATA_LOSS when it does not parse.
absl::StatusOr<std::optional<storage::v1::StoredDelivery>> LoadDelivery(CommitContext& context, std::string_view delivery_id);

// Deliveries that a command queued, for the mailboxes once it has committed.
using NewDeliveries = std::vector<std::pair<MailboxId, Waiting>>;
// Puts a new delivery and its mailbox row, and gives it its position in its ordering key; `queued` gets what the
// mailboxes need.
absl::Status PutDelivery(CommitContext& context, std::string_view delivery_id, storage::v1::StoredDelivery delivery,
                         uint64_t mailbox_sequence, NewDeliveries& queued);

}  // namespace accord::broker
