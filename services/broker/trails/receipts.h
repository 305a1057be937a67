// Who may open what of an entry, and receipts with just that (docs/formats.md §6).
//
// Everyone may hold every leaf: it says nothing but when and on which chains. What happened is in the openings,
// and an agency is given those that concern itself (design.md §5 "Ledger", promise 4).
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/entry.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/ledger/leaf.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// The parts that openings open; absent when there is no such opening.
struct EntryParts {
  std::optional<type::v1::EntryEvent> event;
  std::optional<type::v1::EntryActor> actor;
  std::optional<type::v1::EntryReferral> referral;
  std::optional<type::v1::EntryDecisions> decisions;
};

// True for what concerns an agency that an inspector asked something of: `event.concerns`.
constexpr bool IsDisclosureEvent(type::v1::EventType event) {
  return event == type::v1::EVENT_TYPE_DISCLOSURE_REQUESTED || event == type::v1::EVENT_TYPE_DISCLOSURE_ANSWERED ||
         event == type::v1::EVENT_TYPE_DISCLOSURE_OVERDUE || event == type::v1::EVENT_TYPE_DISCLOSURE_READ;
}

// STORE_CORRUPT when a part does not parse or is not one of the four. Pure. Thread-safe.
absl::StatusOr<EntryParts> ReadParts(std::span<const type::v1::Opening> openings);
absl::StatusOr<EntryParts> ReadParts(const storage::v1::StoredOpenings& openings);

// The openings that `viewer` may have in the answer to a question that is an entry itself: for a receipt that is asked for alone,
// MakeReceipt gives fewer. Pure. Thread-safe.
//
//   administrator                    all
//   inspector                        of its own questions event and actor, so that it can hold an answer to what it asked; else none: that takes
//                                    a warrant
//   agency, sender of the referral   all
//   agency, recipient of it          with the certificate of the desk that it is addressed to; of RELEASED, DELIVERED,
//                                    DELIVERY_NACKED, DEAD_LETTER, STATEMENT, REFERRAL_READ, TRAIL_QUERIED, HOLD_DELIVERED and
//                                    HOLD_ANSWERED that concern itself: event and referral; actor too if it acted itself, save of RELEASED; never
//                                    decisions. Of DEAD_LETTER_REQUEUED and DEAD_LETTER_DISCARDED likewise, if it acted itself. Of all else nothing: REFERRAL_STORED has the digests of every section,
//                                    WITHHELD_AT_RELEASE tells of what it may not have
//   agency, actor otherwise          event, actor, referral; decisions if the entry is about no referral (a preview)
//   any other agency                 none
// Of CASE_FLAGGED no agency gets any: what is found about cases passes a decision (services/broker/cases/history.h). Nor of what is done under
// a warrant: that an inspector looked it is told by ListLooks, once the embargo is over (looks.h). But the agency that was asked for a disclosure
// (DISCLOSURE_*) gets event, actor and referral, with a certificate of the desk that was asked: it cannot answer what it does not know of.
// Of openings that do not parse an agency gets none.
std::vector<type::v1::Opening> OpeningsFor(const storage::v1::StoredOpenings& stored, const Caller& viewer);

// An entry as stored.
struct StoredEntry {
  std::string leaf;
  ledger::Leaf parsed;  // The leaf.
  // Every opening there is, each checked against the leaf; none when they were erased.
  storage::v1::StoredOpenings openings;
  EntryParts parts;  // What they say.
};

// The entry at `index` of the view's tree. Thread-safe.
//   ENTRY_NOT_FOUND  past the end of the view's tree
//   STORE_CORRUPT    leaf, openings or parts do not parse, or an opening is not the leaf's
absl::StatusOr<StoredEntry> ReadEntry(const ReadView& view, uint64_t index);
// Those at `indices`, in their order: less reading than one by one.
absl::StatusOr<std::vector<StoredEntry>> ReadEntries(const ReadView& view, std::span<const uint64_t> indices);
// The entry without its openings and parts; and OK when `entry` has none but its leaf's, STORE_CORRUPT otherwise: for who has read them already.
absl::StatusOr<StoredEntry> ReadLeaf(const ReadView& view, uint64_t index);
absl::Status CheckOpenings(const StoredEntry& entry);

// The openings of `entry` that a receipt may have which is no answer to a recorded question: those of OpeningsFor, but an administrator gets none,
// save of its own acts, and of what stands on the chain `administration` alone and is about no hold. Otherwise whoever has the leaves could
// walk them one by one and have every trail, with no entry that says so. Pure. Thread-safe.
std::vector<type::v1::Opening> ReceiptOpeningsFor(const StoredEntry& entry, std::string_view administration, const Caller& viewer);

// The receipt of entry `index` at the view's newest checkpoint, with ReceiptOpeningsFor `viewer`; without any
// when they were erased. Errors of ReadEntry and of the store. Thread-safe.
absl::StatusOr<type::v1::Receipt> MakeReceipt(const ReadView& view, uint64_t index, const Caller& viewer);
// The same at `note`, a checkpoint of `size` entries of the view's tree; ENTRY_NOT_FOUND beyond it too.
absl::StatusOr<type::v1::Receipt> MakeReceipt(const ReadView& view, uint64_t index, const Caller& viewer, uint64_t size,
                                              std::string note);

}  // namespace accord::broker
