// Stored referrals and deliveries as commands read and write them.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/referral/decision.h"
#include "common/referral/header.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

// The referral, or nothing when it is absent or was erased. DATA_LOSS when it does not parse. Thread-safe.
absl::StatusOr<std::optional<storage::v1::StoredReferral>> LoadReferral(SealedReader read, std::string_view header_digest);
absl::StatusOr<std::optional<storage::v1::StoredReferral>> LoadReferral(CommitContext& context,
                                                                        std::string_view header_digest);
// Its header with all that the broker may see of it. DATA_LOSS when it does not open. Thread-safe.
absl::StatusOr<referral::OpenedHeader> OpenStored(const storage::v1::StoredReferral& stored);
// Puts the tags that changed since into `parts`, each in place of the one of its id. Whatever decides on a stored referral, or says on
// what basis it is shared, decides on its parts as they come out of this. DATA_LOSS when a tag does not parse. Thread-safe.
absl::Status OverlayTags(const storage::v1::StoredReferral& stored, referral::HeaderParts& parts);
// The risk as its sender graded it last. Thread-safe.
const type::v1::Risk& RiskNow(const storage::v1::StoredReferral& stored, const type::v1::HeaderCore& core);
// The parts of `header` with them, and with the risk as it is now. DATA_LOSS likewise. Thread-safe.
absl::StatusOr<referral::HeaderParts> PartsNow(const storage::v1::StoredReferral& stored, const referral::OpenedHeader& header);
// Takes `tags` (OpenTags of statement.h) as those that hold from now on. Nothing is changed on an error.
//   FIELD_INVALID                   a tag of an id that the referral does not have
//   errors of ValidateParts         the referral could not have such a tag
absl::Status ChangeTags(storage::v1::StoredReferral& stored, const referral::OpenedHeader& header,
                        const std::vector<referral::Opened<type::v1::TagPart>>& tags);
// Core of the referral that `core` is caused by, when its sender sent or received that; nothing otherwise, and when it was
// erased. Errors of LoadReferral. Thread-safe.
absl::StatusOr<std::optional<type::v1::HeaderCore>> CausedBy(SealedReader read, const type::v1::HeaderCore& core);
inline constexpr size_t kVersionsFollowedMax = 64;  // Of a correction, to what its versions follow.

// What a decision on a referral asks of the one that it is caused by.
struct Cause {
  bool known = false;
  type::v1::HeaderCore core;          // As of CausedBy.
  referral::ReceivedBefore received;  // What was released to its sender of that, or, of a correction, of what its versions follow.

  // `*this` must outlive what is returned.
  referral::Facts facts() const { return {known ? &core : nullptr, received.originator.empty() ? nullptr : &received}; }
};
// Errors of LoadReferral. Thread-safe.
absl::StatusOr<Cause> CauseOf(SealedReader read, const type::v1::HeaderCore& core);
// Sealed under the slot of its chain.
absl::Status SaveReferral(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored);

// The row of `agency`; null when it is no recipient. Thread-safe.
storage::v1::StoredRecipient* FindRecipient(storage::v1::StoredReferral& stored, std::string_view agency);
const storage::v1::StoredRecipient* FindRecipient(const storage::v1::StoredReferral& stored, std::string_view agency);

// Is `recipient` of a referral with this header there because it stands in for another? Thread-safe.
bool StandsIn(const referral::OpenedHeader& header, const storage::v1::StoredRecipient& recipient);

// The openings that `recipient` is given with the sections `released`: referral::OpeningsForRecipient; of one that the header does not have, with the
// part of the recipient that named it in place of its own. Thread-safe.
std::vector<type::v1::Opening> OpeningsFor(const referral::OpenedHeader& header, const storage::v1::StoredRecipient& recipient,
                                           const std::set<std::string>& released);

// The slot under which what concerns the chain is sealed. DATA_LOSS when the chain is not there.
absl::StatusOr<uint64_t> SlotOfChain(CommitContext& context, std::string_view chain);
inline constexpr size_t kCasesOfEntryMax = 3;  // A leaf has four chains; one is the referral's.
// The chains of an entry about `stored`: its own, then its cases, as far as there is room: those that are left have the referral on their
// chains by an entry CASE_JOINED, and what follows on the referral's chain alone. Thread-safe.
std::vector<std::string> ChainsOf(const storage::v1::StoredReferral& stored);
// Did its sender withdraw it? Then no recipient's state moves any more. Thread-safe.
bool IsWithdrawn(const storage::v1::StoredReferral& stored);
// The key that keeps deliveries about `stored` in order: its oldest case, else itself. Thread-safe.
const std::string& OrderingKeyOf(const storage::v1::StoredReferral& stored);

// The delivery, or nothing when it is absent. DATA_LOSS when it does not parse.
absl::StatusOr<std::optional<storage::v1::StoredDelivery>> LoadDelivery(CommitContext& context, std::string_view delivery_id);

// The rows beside its own that a delivery has in the state that it is in: its place in the mailbox, among what was acknowledged, or among
// the dead letters of both ends. Family, key. Thread-safe.
std::vector<std::pair<std::string_view, std::string>> PlacesOf(std::string_view delivery_id, const storage::v1::StoredDelivery& delivery);

// True for the delivery of a referral itself, not of a statement, of a notice or of a hold. Thread-safe.
bool CarriesReferral(const storage::v1::StoredDelivery& delivery);

// Deliveries that a command queued, for the mailboxes once it has committed.
using NewDeliveries = std::vector<std::pair<MailboxId, Waiting>>;
// Puts a new delivery and its mailbox row, and gives it its position in its ordering key; `queued` gets what the
// mailboxes need.
absl::Status PutDelivery(CommitContext& context, std::string_view delivery_id, storage::v1::StoredDelivery delivery,
                         uint64_t mailbox_sequence, NewDeliveries& queued);

}  // namespace accord::broker
