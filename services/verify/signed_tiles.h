// The hashes of a copy's tiles, each proven under the root that the log's key signed before it is given out.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "common/ledger/checkpoint.h"
#include "common/ledger/tile.h"
#include "services/verify/file_reader.h"

namespace accord::verify {

inline constexpr size_t kTilesKeptMax = 64;  // Of 8 KiB each; the right edge beside.

// The hashes of a tile as stored, proven by nothing; the error says what is wrong with the file, without its path.
absl::StatusOr<std::vector<ledger::Hash>> ReadTile(FileReader& files, const ledger::Tile& tile);

// A full tile is proven by its hash in the tile above it, the partial ones by the root. So a wrong hash is found in the file that
// has it, and what is given out holds for the signed tree even where other files of the copy are damaged. Thread-compatible.
class SignedTiles {
 public:
  // Reads the right edge. RECEIPT_INVALID, naming the file, when a tile of it cannot be read or they do not give the root.
  // `files` must outlive the result; `checkpoint` is one whose signature was verified.
  static absl::StatusOr<SignedTiles> Open(FileReader& files, const ledger::Checkpoint& checkpoint);

  uint64_t size() const { return size_; }
  // The hash of the leaves [index·2^level, (index+1)·2^level). RECEIPT_INVALID, naming the file that is wrong.
  // REQUIRES: they are all in the log.
  absl::StatusOr<ledger::Hash> Node(int level, uint64_t index);
  // The path of ledger::VerifyConsistency. Errors of Node. REQUIRES: old_size ≤ size().
  absl::StatusOr<ledger::Path> ProveConsistency(uint64_t old_size);

 private:
  using Row = std::vector<ledger::Hash>;
  SignedTiles(FileReader& files, uint64_t size) : files_(&files), size_(size) {}
  absl::StatusOr<const Row*> RowOf(int level, uint64_t index);

  FileReader* files_;
  uint64_t size_;
  std::array<Row, ledger::kTileLevelMax + 1> edge_;
  std::map<std::pair<int, uint64_t>, Row> kept_;
};

}  // namespace accord::verify
