// The index of the record: which entries concern an agency, an area, a worker, a kind of event, a grade.
//
// Family `trail_index` (docs/storage.md, trails/keys.h). It is written behind the log by Indexer and never holds up a commit; what it has not
// reached is read from the log itself, so an answer never lacks the newest entries. Made anew for stores from before it. The rows of an
// erased referral go with it. It has no rows for areas: an area is the agencies that the directory has there, whose rows are read together,
// so that a change of the directory leaves nothing behind.
//
// Thread-safe: all functions are pure but for what they read of the view.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "accord/type/v1/entry.pb.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/trails/keys.h"
#include "services/broker/trails/receipts.h"
#include "services/broker/warrants/scope.h"

namespace accord::broker {

// The leaf index of the first entry at or after `time_ms`, or the tree's size: binary search over leaves. Errors of the view.
absl::StatusOr<uint64_t> IndexAt(const ReadView& view, int64_t time_ms);

// Leaf indices of REFERRAL_STORED, NOT_SHARED_RECORDED and SENT_OUTSIDE_RECORDED entries in [from, until) whose sender or a recipient is
// one of `agencies` or has one of `areas`, ascending; both empty: all. At most `limit`: QUERY_TOO_COSTLY beyond. Errors of the view.
absl::StatusOr<std::vector<uint64_t>> ReferralsStored(const ReadView& view, const TrailKeys& keys, const DirectorySnapshot& directory,
                                                      const std::vector<std::string>& agencies, const std::vector<std::string>& areas,
                                                      uint64_t from, uint64_t until, size_t limit);

// One entry with what it says, opened for who may see all of it; nothing when what it said was erased.
struct IndexedEntry {
  uint64_t index = 0;
  int64_t time_ms = 0;
  std::string leaf;
  std::vector<std::string> chains;
  EntryParts parts;
  std::vector<type::v1::Opening> openings;
};
absl::StatusOr<std::optional<IndexedEntry>> ReadIndexed(const ReadView& view, uint64_t index);
// The same of an entry that was read already.
std::optional<IndexedEntry> Indexed(uint64_t index, StoredEntry stored);

// What the header of the entry's referral says for the index; nothing when the entry is of none, the referral was erased, or the entry does
// not stand on its chain. STORE_CORRUPT; errors of the view.
absl::StatusOr<std::optional<HeaderFacts>> ReadHeaderFacts(const ReadView& view, const IndexedEntry& entry);

// Ids of the agencies that the directory has in any of `areas`, inactive ones included, in order.
std::vector<std::string> AgenciesIn(const DirectorySnapshot& directory, const std::vector<std::string>& areas);

// What a scope judges of it: the agencies of its actor, sender and recipient, their areas, its cases.
ScopeFacts FactsOf(const IndexedEntry& entry, const DirectorySnapshot& directory, const ReadView& view);

}  // namespace accord::broker
