// Hashes what the ledger stored again, round after round, and raises the alarm when it is not what was signed.
//
// A disk that changes a bit in an entry of last year is found within a day of it, and not when an inspector asks: while good
// backups, and the exports of agencies, are still there to mend it from (runbooks/ledger.md).
//
//   leaves ─hash─▶ tile of level 0 ─▶ node ─▶ tile of level 1 ─▶ … ─▶ edge in memory, whose root was signed
//
// Every step of that is compared, so that leaf, tile and node changed to fit each other are found as well. RocksDB's own check of
// a file (VerifyChecksum) cannot be paused and would hold the store for as long; reading every leaf, tile and node checks
// the checksums of the blocks that they are in.
#pragma once

#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <set>
#include <utility>

#include "common/base/clock.h"
#include "common/telemetry/metrics.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

// A step reads some 4,096 leaves, about 10 ms of one core and 4 MiB, and four steps are made a second: a million entries take
// a minute of wall time, and commits wait for none of it.
inline constexpr uint64_t kScrubTilesPerStep = 16;
inline constexpr absl::Duration kScrubPause = absl::Milliseconds(250);
inline constexpr absl::Duration kScrubFirstAfter = absl::Minutes(1);  // After the start, which has enough to do.
inline constexpr absl::Duration kScrubRoundEvery = absl::Hours(24);   // From the end of one round to the next.
// A disk that cannot read a place for so many steps has lost it.
inline constexpr int kScrubTriesMax = 20;
// Damaged tiles of one round that are recorded; a disk that lost everything must not fill the log with saying so.
inline constexpr uint64_t kScrubRecordedMax = 1024;

// How far it is.
struct ScrubProgress {
  uint64_t rounds = 0;      // Finished since the start.
  uint64_t next_index = 0;  // The next leaf of the present round; `size` between two rounds.
  uint64_t size = 0;        // Of the tree that the round covers.
  int64_t last_round_at_ms = 0;
  uint64_t failures = 0;       // Damaged tiles, each once, since the start.
  uint64_t first_failure = 0;  // First leaf of the first of them; 0 when there is none.
};

// Of a damaged tile there is an error line `scrub.failed`, a count in accord_scrub_failures_total, and an entry SCRUB_FAILED;
// the entry once for the life of the store (`scrub/…` in family `meta`). Nothing is mended, and nothing stops: what is
// signed from here on is of leaves whose hashes are in memory or in upper tiles, and proofs through damaged tiles fail their check.
//
// Step is single-thread (a Periodic's); progress is thread-safe.
class Scrubber {
 public:
  // All must outlive this.
  Scrubber(Sequencer& sequencer, const Clock& clock, telemetry::Metrics& metrics);

  // Checks the next kScrubTilesPerStep full tiles and the upper ones they complete, or what is in no full tile yet; nothing
  // between rounds, or while the store is being opened anew: it goes on where it was. Called every kScrubPause. Reads only,
  // and lets go of the store before it returns.
  void Step();

  ScrubProgress progress() const;

 private:
  using Place = std::pair<uint8_t, uint64_t>;  // Level and number of a tile.

  // Judges what a check of `place` found. False: not to be known now, the step is to end.
  bool Judge(Place place, uint64_t tree_size, const absl::Status& status);
  void Fail(Place place, uint64_t tree_size, const absl::Status& status);
  void EndRound();

  Sequencer& sequencer_;
  const Clock& clock_;
  const telemetry::Counter failures_total_, rounds_total_;
  const telemetry::Gauge next_index_, size_, last_round_;

  // Step's own.
  absl::Time next_round_at_;
  bool in_round_ = false;
  uint64_t next_tile_ = 0;   // Of level 0.
  uint64_t tiles_ = 0;       // Full ones of level 0 in this round.
  uint64_t recorded_ = 0;    // In this round.
  int tries_ = 0;            // Of the present place.
  std::set<Place> damaged_;  // Since the start, at most kScrubRecordedMax; so many are counted.

  mutable absl::Mutex mu_;
  ScrubProgress progress_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::broker
