// The tiles above a run of consecutive hashes: made again from them, level by level, and compared with the stored ones.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/ledger/tile.h"
#include "services/verify/file_reader.h"
#include "services/verify/findings.h"

namespace accord::verify {

// Where the run begins or ends inside a tile, the rest of that tile is taken as stored: such hashes are proven by the root alone,
// once all is joined. A full tile's root goes on into the level above; a partial tile is kept, for the root is made of those.
// Holds one tile a level. Thread-compatible.
class TileRows {
 public:
  // Tiles of the levels `lowest` to `highest` of a log of `size` entries.
  TileRows(FileReader& files, uint64_t size, int lowest, int highest);

  // The next hash of level `lowest`: number `index` there, one more than the last. What is found bears `entry`, the last leaf that
  // is looked at so far.
  void Push(uint64_t index, const ledger::Hash& hash, uint64_t entry) { Push(lowest_, index, hash, entry); }
  // The run ends: completes the tiles under way. Nothing may be pushed after it.
  void Finish(uint64_t entry);

  // What came of it. Roots of full tiles of level `highest`, in order; they stand at `first_top` and after it.
  std::vector<ledger::Hash> tops;
  uint64_t first_top = 0;
  std::array<std::vector<ledger::Hash>, ledger::kTileLevelMax + 1> edges;  // Partial tiles by level.
  uint64_t tiles = 0;      // Compared.
  bool unproven = false;   // A tile of which hashes are needed cannot be read: what is above it cannot be told.
  Findings findings;

 private:
  // The tile under way at a level.
  struct Row {
    uint64_t tile = 0;
    uint32_t first = 0, made = 0;  // Hashes [first, first + made) are ours.
    std::array<ledger::Hash, ledger::kTileWidth> hashes;
  };

  void Push(int level, uint64_t index, const ledger::Hash& hash, uint64_t entry);
  void Complete(int level, uint64_t entry);
  // Compares ours with the stored tile and fills in the rest. False when the rest cannot be had.
  bool Compare(const ledger::Tile& tile, Row& row, uint64_t entry);

  FileReader& files_;
  const uint64_t size_;
  const int lowest_, highest_;
  std::unique_ptr<Row[]> rows_;  // By level above the lowest.
  std::string stored_;
};

}  // namespace accord::verify
