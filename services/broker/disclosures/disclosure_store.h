// Stored disclosures as commands, lists and erasure read and write them (docs/disclosures.md, docs/storage.md).
//
// Family `disclosure` has, under a u64 number, the StoredDisclosure, sealed; and under keys of a first byte that no number has, for each of
// those who may list it, that it is there: all of theirs, and those that wait for an answer. The lists name an agency, its desk and a body, as the
// looks of family `warrant_index` do, and nothing that leads to a person.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/storage/v1/inspection.pb.h"
#include "common/storage/store.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

// Of which list a row is. Persisted. Do not renumber.
enum class DisclosureList : uint8_t { kAll = 1, kOpen = 2 };
// Whose. Persisted. Do not renumber.
enum class DisclosureViewerKind : uint8_t { kAgency = 1, kInspectorate = 2, kAdministrators = 3 };
struct DisclosureViewer {
  DisclosureViewerKind kind = DisclosureViewerKind::kAdministrators;
  std::string id;                             // Agency or body; empty of administrators.
  type::v1::Desk desk = type::v1::DESK_MAIN;  // Of an agency; unspecified is main.
};

// u8 list ‖ u8 viewer's kind ‖ lp8(id) ‖ u8 desk ‖ u64 number; all but the last is the prefix. Thread-safe.
std::string DisclosureListKey(DisclosureList list, const DisclosureViewer& viewer, uint64_t number);
std::string DisclosureListPrefix(DisclosureList list, const DisclosureViewer& viewer);
// u64 number ‖ u32 part from 0, in family `disclosed`. Thread-safe.
std::string DisclosedKey(uint64_t number, uint32_t part);
// In family `erased`: what is left of one whose referral was erased. Its rows of kAll stay, so that who knew of it hears that. Thread-safe.
std::string ErasedDisclosureMark(uint64_t number);

// Who may list it: the desk that was asked, the body of its warrant, administrators. Thread-safe.
std::vector<DisclosureViewer> ViewersOf(const inspection::v1::Disclosure& disclosure);

// The disclosure, or nothing when it is absent or went with its referral. DATA_LOSS when it does not parse. Thread-safe if `read` is.
absl::StatusOr<std::optional<storage::v1::StoredDisclosure>> LoadDisclosure(SealedReader read, uint64_t number);

// The warrant, whatever became of it. DATA_LOSS when it is not there. Thread-safe if `read` is.
absl::StatusOr<storage::v1::StoredWarrant> WarrantOfDisclosure(PlainReader read, const inspection::v1::Disclosure& disclosure);
// True when nobody may answer under it any more. Thread-safe.
bool IsWarrantOver(const storage::v1::StoredWarrant& warrant, absl::Time now);

// Puts it under its number, sealed under its referral's key or its warrant's. DATA_LOSS when the referral or the warrant is not there. Sequencer thread.
absl::Status SaveDisclosure(CommitContext& context, const storage::v1::StoredDisclosure& stored);
// Puts its rows of both lists, and takes out those of the open. Sequencer thread.
void ListDisclosure(CommitContext& context, const inspection::v1::Disclosure& disclosure);
void CloseDisclosure(CommitContext& context, const inspection::v1::Disclosure& disclosure);

// The slot under which all of it is sealed, as above. Sequencer thread.
absl::StatusOr<uint64_t> SlotOfDisclosure(CommitContext& context, const inspection::v1::Disclosure& disclosure);

// How many of the agency's wait for an answer and can still be answered at `now`, both desks together. DATA_LOSS; errors of the store. Thread-safe
// if `sealed`, which reads the same store, is.
absl::StatusOr<uint64_t> CountOpenDisclosures(const storage::Store& store, SealedReader sealed, std::string_view agency, absl::Time now);

// A row of a store, by family and key.
struct DisclosureRow {
  std::string_view family;
  std::string key;
};
// What goes when its referral is erased.
struct ErasableDisclosure {
  std::vector<DisclosureRow> rows;  // Its content, its clock, its requests and its rows of the open.
  std::string answer_digest;        // Of the signed answer; empty when there is none.
};
// DATA_LOSS when it is not there. Sequencer thread.
absl::StatusOr<ErasableDisclosure> ErasableOf(CommitContext& context, uint64_t number);

}  // namespace accord::broker
