// Writes the index of the record (trails/index.h), and what entries of referrals say (trails/fact.h), behind the log.
//
//   own thread                                            sequencer thread
//   read entries, open, make keys, facts ──▶ command ──▶ entry still there? then its rows; `meta/trail_index`, `meta/fact`
//
// The two have a place each, so that a store from before one of them gets it without the other being written again.
//
// It goes from the first entry to the last, a piece at a time, and waits for each before the next, so that other commands come between. A
// store from before the index, or one that was put back, is caught up with in the same way.
//
// An erasure and the index race without harm: until the rows of an erasure are deleted, which takes the index's with them, rows that
// are put are deleted then; after it there is nothing of the entry any more that rows would be put for.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/telemetry/metrics.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/trails/keys.h"

namespace accord::broker {

inline constexpr absl::Duration kIndexerPeriod = absl::Seconds(1);
inline constexpr uint64_t kIndexerFarBehind = 4'096;       // Entries that it lacks: beyond it, it is to catch up soon.
inline constexpr uint64_t kIndexedAtOnce = 256;            // Entries of one command when it is far behind.
inline constexpr uint64_t kIndexedFollowing = 16;          // The same when it follows: what others commit waits no longer for it than for each other.
inline constexpr uint64_t kIndexerTells = 100'000;         // Entries between two lines in the log while it catches up.
inline constexpr size_t kHeaderFactsKept = 4'096;          // Referrals whose header it keeps in memory.

// Where the piece ends that begins with entry `from` of `size`.
constexpr uint64_t IndexedUntil(uint64_t from, uint64_t size) {
  return std::min(size, from + (size - from > kIndexerFarBehind ? kIndexedAtOnce : kIndexedFollowing));
}

// What one entry says, under the key and slot where it is kept.
struct FactRow {
  std::string key;
  uint64_t slot = 0;
  std::string value;
};

// The rows of one entry.
struct EntryRows {
  uint64_t index = 0;
  std::vector<std::string> keys;
  std::optional<FactRow> fact;  // Of an entry on the chain of its referral.
};

// The rows of entries [from, until): those of the index and the facts, unless these are not at `from` any more. What an erasure deleted
// meanwhile is left out.
absl::Status PutTrailRows(CommitContext& context, uint64_t from, uint64_t until, const std::vector<EntryRows>& entries);

// Opens entries and makes their rows. What is kept in memory is bounded. Single-thread.
class EntryOpener {
 public:
  // `keys` must outlive this.
  explicit EntryOpener(const TrailKeys& keys) : keys_(keys) {}
  // Of entries [from, until) those that say something. One that fails a check is left out, with a line in the log: whoever reads it is told,
  // and the others are found meanwhile. Errors of the view.
  absl::StatusOr<std::vector<EntryRows>> Open(const ReadView& view, uint64_t from, uint64_t until);

 private:
  // A referral, as far as rows of its entries are made of it.
  struct Known {
    uint64_t slot = 0;
    std::string chain;
    HeaderFacts facts;
  };

  absl::StatusOr<EntryRows> RowsAt(const ReadView& view, uint64_t index);
  // Of the referral `digest`, if it is sealed under `slot`; null otherwise.
  absl::StatusOr<const Known*> KnownUnder(const ReadView& view, const std::string& digest, uint64_t slot);

  const TrailKeys& keys_;
  absl::flat_hash_map<std::string, Known> known_;  // By header digest; emptied when it is full.
};

// Run by one thread; Stop is thread-safe.
class Indexer {
 public:
  // All must outlive this.
  Indexer(Sequencer& sequencer, const TrailKeys& keys, telemetry::Metrics& metrics);

  // Takes the index to where the log is, or until Stop. An error ends the round; the next goes on where it ended. Blocks.
  absl::Status Run();
  // The round that runs ends soon. Not undone.
  void Stop() { stopping_ = true; }

 private:
  struct Piece {
    uint64_t from = 0, until = 0, size = 0;
    std::vector<EntryRows> entries;
  };
  // What is next, opened and with its rows; nothing when both are where the log is.
  absl::StatusOr<std::optional<Piece>> Prepare();
  absl::Status Commit(Piece piece);
  void Tell(const Piece& piece);

  Sequencer& sequencer_;
  const telemetry::Gauge lag_;
  std::atomic<bool> stopping_ = false;

  EntryOpener opener_;
  bool catching_up_ = false;
  uint64_t told_ = 0;  // Where the index was when the log was last told.
};

}  // namespace accord::broker
