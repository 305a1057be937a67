// The right edge of the tree: the tiles that are not full yet, each with the hashes
// of all complete subtrees within it, so that a new leaf costs two hashes and a proof
// at the head next to none.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/storage/store.h"
#include "services/broker/ledger/ledger_families.h"

namespace accord::broker {

inline constexpr size_t kHashBytes = 32;
inline constexpr int kTileHeight = 8;
inline constexpr uint64_t kTileWidth = 256;
inline constexpr size_t kTileBytes = kTileWidth * kHashBytes;

// At most 16 KiB for each power of 256 in the size. Copies are independent.
// Thread-compatible.
class LedgerEdge {
 public:
  // Called with each tile that a leaf fills, and the node that it is on the level above.
  using OnTile = absl::FunctionRef<void(TileKey tile, std::string_view hashes, TileKey node, std::string_view hash)>;

  LedgerEdge() = default;  // Of the empty tree.

  // The edge of the first `size` leaves of `store`, from at most 255 leaves and 255 nodes of each
  // level. DATA_LOSS (kStoreCorrupt) when one is missing; errors of the store.
  static absl::StatusOr<LedgerEdge> Load(const storage::Store& store, uint64_t size);

  void Append(std::string_view leaf_hash, OnTile on_tile);

  uint64_t size() const { return size_; }
  std::string Root() const;

  // The hashes of the unfinished tile of `level`, joined; empty when there is none.
  std::string_view Tile(size_t level) const;
  // The hash over the leaves [index·2^height, (index+1)·2^height), which are all there, when it lies
  // within an unfinished tile; empty otherwise.
  std::string_view Subtree(int height, uint64_t index) const;

 private:
  // rows[h] joins the hashes over 2^h of the tile's own; rows[0] are those.
  struct Level {
    uint64_t tile = 0;  // The number of the unfinished tile.
    std::array<std::string, kTileHeight> rows;
  };
  void AppendAt(size_t level, std::string_view hash, OnTile on_tile);

  uint64_t size_ = 0;
  std::vector<Level> levels_;
};

}  // namespace accord::broker
