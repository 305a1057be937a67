// One stretch of a log, at most the 65,536 entries below one tile of level 1: what a thread verifies at a time, knowing nothing
// of the stretches beside it. What needs the order of the log (where a chain came from, whether time went back) is handed on
// and settled when the stretches are joined in order.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ledger/leaf.h"
#include "services/verify/file_reader.h"
#include "services/verify/findings.h"
#include "services/verify/tile_rows.h"

namespace accord::verify {

inline constexpr uint64_t kStretchEntries = ledger::kTileWidth * ledger::kTileWidth;
inline constexpr uint64_t kBundlesExpected = 4;  // The files of so many are fetched while earlier ones are hashed.
inline constexpr size_t kBundleBytesMax = ledger::kTileWidth * (2 + ledger::kBundleEntryBytesMax);

using Pseudonym = std::array<char, ledger::kPseudonymBytes>;

// A chain's entries in one stretch: the first, to be held against what came before, and the last, for what comes after.
struct ChainPiece {
  Pseudonym pseudonym;
  uint64_t first_sequence = 0, first_previous = 0, first_index = 0;
  uint64_t last_sequence = 0, last_index = 0;
  uint32_t first_number = 0;  // Of the chain within its first entry's leaf.
};

struct Stretch {
  uint64_t begin = 0, end = 0;  // Entries.
  // What was got through.
  uint64_t entries = 0, bundles = 0;
  bool finished = false;  // False: a bundle that is missing or malformed ended it.
  // By well-formed entries.
  std::optional<uint64_t> first_timed;  // The first of them.
  uint64_t first_time_ms = 0, last_time_ms = 0;
  std::vector<ChainPiece> chains;  // In the order of their first entries.
  Findings findings;
  // Tiles of the levels 0 and 1 (tile_rows.h).
  uint64_t tiles = 0;
  bool unproven = false;
  std::optional<ledger::Hash> top;  // The root of its tile of level 1, when that is full.
  std::array<std::vector<ledger::Hash>, 2> edges;
};

// Message for entry `index` whose chain `pseudonym` goes wrong: its number and the index that it names, and those that are due.
struct ChainDue {
  uint64_t sequence = 0, previous = 0;
};
// Adds a finding unless the link is the one that is due.
void CheckLink(uint64_t index, uint32_t number, std::string_view pseudonym, uint64_t sequence, uint64_t previous,
               ChainDue due, Findings& findings);

// Verifies stretches one after the other and keeps its memory between them. Thread-compatible: one for each thread.
class StretchVerifier {
 public:
  // Of a log of `size` entries and this origin. `done` is told of every bundle how many entries it had.
  StretchVerifier(FileReader& files, std::string origin, uint64_t size, std::function<void(uint64_t entries)> done);

  // Entries [begin, end). REQUIRES: begin < end ≤ size, both in one stretch.
  Stretch Verify(uint64_t begin, uint64_t end);

 private:
  // Says that the files of the bundle at entry `first` will be read.
  void Expect(uint64_t first);
  bool ReadBundle(uint64_t first, Stretch& stretch);
  void CheckEntry(uint64_t index, std::string_view bytes, Stretch& stretch);
  void CheckChain(uint64_t index, uint32_t number, const ledger::LeafView::ChainView& chain, Stretch& stretch);

  FileReader& files_;
  const std::string origin_;
  const uint64_t size_;
  const std::function<void(uint64_t)> done_;
  // Used again.
  std::string bundle_;
  std::vector<std::string_view> entries_;
  ledger::LeafView leaf_;
  absl::flat_hash_map<Pseudonym, uint32_t> pieces_;  // Where a chain's piece stands in Stretch::chains.
  size_t chains_expected_ = 0;
};

}  // namespace accord::verify
