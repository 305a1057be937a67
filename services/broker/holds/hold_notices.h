// Telling holders: a notice to every desk that sent or received what a hold covers (ADR 0017).
//
// A desk holds a referral if its agency sent it (the main desk) or if something of it was released to that desk. Whoever it was
// merely queued for does not know of it yet, and is told when it is released. A notice names only what its own desk has.
//
// Notices wait in the lane IMMEDIATE, behind all that waits there and before everything else: what is erased cannot be got back,
// so a backlog must not delay them, and no danger waits for them. Those of one hold to one desk are in order, so that its lifting
// never overtakes it.
//
// All functions are of the sequencer thread. `queued` gets what the mailboxes are to be told once the command is published.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/holds/hold_index.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// Referrals that one notice names, and that one command of a walk tells of; further ones are in further notices.
inline constexpr size_t kHoldNoticeReferralsMax = 200;

// In the command that stores a referral, once its chain, cases and recipients are set: whether a hold covers it, which cases that
// makes a hold cover, and its sender told. Costs one point read while no hold is in force.
absl::Status NoteStored(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                        const referral::OpenedHeader& header, const SubjectIndex& index, NewDeliveries& queued);

// In the command that first releases a referral to a desk. Costs one point read while no hold is in force.
absl::Status NoteReleased(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                          std::string_view agency, type::v1::Desk desk, NewDeliveries& queued);

// Tells the desks that have them of these referrals, which `hold` covers: those that were not told. What was erased is passed
// over. `hold` is saved. REQUIRES: at most kHoldNoticeReferralsMax.
absl::Status TellHolders(CommitContext& context, storage::v1::StoredHold& hold, const std::vector<std::string>& header_digests,
                         NewDeliveries& queued);
// Tells a desk anew of these referrals, which it was told of before: it lost what it had. The result: how many notices that takes; none
// of a hold that was lifted.
absl::StatusOr<size_t> TellAgain(CommitContext& context, std::string_view hold, const MailboxId& desk,
                                 const std::vector<std::string>& header_digests, NewDeliveries& queued);
// Tells a desk that was told of `hold` that it was lifted, once.
absl::Status TellLifted(CommitContext& context, std::string_view hold, const MailboxId& desk, NewDeliveries& queued);

// The holder's row; absent when the desk was told nothing. DATA_LOSS when it does not parse.
absl::StatusOr<std::optional<storage::v1::StoredHoldHolder>> LoadHolder(CommitContext& context, std::string_view hold,
                                                                        const MailboxId& desk);
void SaveHolder(CommitContext& context, std::string_view hold, const MailboxId& desk, const storage::v1::StoredHoldHolder& holder);

// An entry about a notice, or an answer, of `desk`; on the administration chain. It is opened to that desk alone, and to
// administrators. The caller adds what is particular.
absl::StatusOr<EntryDraft> HoldHolderEntry(CommitContext& context, type::v1::EventType type, std::string_view hold,
                                           const MailboxId& desk, std::string_view principal, std::string_view certificate);

}  // namespace accord::broker
