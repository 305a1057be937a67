// What an agency has of a referral, what a warrant judges a referral by, and the entries that are made about a disclosure.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "accord/inspection/v1/disclosure_service.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/warrants/query_entry.h"
#include "services/broker/warrants/scope.h"

namespace accord::broker {

// A referral by its openings as they were stored, without checking them against its header once more.
struct StoredParts {
  type::v1::HeaderCore core;
  std::set<std::string> recipients;                     // Ids.
  std::map<std::string, type::v1::SectionPart> sections;  // By id.
};
// DATA_LOSS when a part does not parse. Pure. Thread-safe.
absl::StatusOr<StoredParts> ReadStoredParts(const storage::v1::StoredReferral& stored);

// What a scope judges the referral by: the entry by which it was stored. Pure. Thread-safe.
ScopeFacts FactsOfStored(const storage::v1::StoredReferral& stored, const StoredParts& parts, const DirectorySnapshot& directory);

// What an agency has of it.
struct HeldReferral {
  type::v1::Desk desk = type::v1::DESK_MAIN;  // Which of its desks.
  std::set<std::string> sections;             // Ids: of its sender all, of a recipient those that were released to it.
};
// Nothing when it is neither the sender nor a recipient to whom something was released. Errors of WasReleased. Thread-safe if `read` is.
absl::StatusOr<std::optional<HeldReferral>> HeldBy(PlainReader read, const storage::v1::StoredReferral& stored, const StoredParts& parts,
                                                   std::string_view agency);

// True when `category` is among what was asked for: none named asks for all. Pure. Thread-safe.
bool AsksFor(const inspection::v1::Disclosure& disclosure, type::v1::Category category);

// An entry about the disclosure, for RecordUnderWarrant: what happened, the referral and its chains. Without an actor, and nobody may look.
// ERASED when its referral went. Sequencer thread.
absl::StatusOr<QueryEntry> DisclosureEntry(CommitContext& context, const inspection::v1::Disclosure& disclosure, type::v1::EventType type);

// Of SECTIONS: who of the referral's other parties may see, once the embargo is over, that it was looked at; of other kinds nobody. The desk that
// was asked knows at once. Errors of WasReleased. Sequencer thread.
absl::StatusOr<std::set<LookedAt>> OthersWhoMaySee(CommitContext& context, const inspection::v1::Disclosure& disclosure);
// Of RECORDS: the same of the parties of these cases, but for the desk that is `asked`. Errors of PartiesOfCase. Thread-safe.
absl::StatusOr<std::set<LookedAt>> OthersOfCases(const ReadView& view, std::span<const std::string> cases, const LookedAt& asked);

// Of RECORDS: puts `entry`, which is on the record of the disclosure, on that of each of its cases too, so that their trails and question 9 show who
// asked: one after the other, for everybody may hold the leaves, and one leaf would join cases that are not of one another. Nothing of other kinds.
// REQUIRES: the disclosure has its number. Errors of RecordUnderWarrant. Sequencer thread.
absl::Status RecordOnCases(CommitContext& context, const inspection::v1::Disclosure& disclosure, QueryEntry entry);

// The error ERASED when it went with its referral, DATA_LOSS when it is simply not there. Thread-safe if `read` is.
absl::Status DisclosureGone(PlainReader read, uint64_t number);
absl::Status NoSuchDisclosure();

}  // namespace accord::broker
