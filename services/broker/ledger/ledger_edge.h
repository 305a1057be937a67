// The right edge of the tree: the tiles that are not full yet, each with the hashes
// of all complete subtrees within it, so that a proof at the head costs next to none.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ledger/frontier.h"
#include "common/ledger/merkle.h"
#include "common/ledger/tile.h"
#include "common/storage/store.h"
#include "services/broker/ledger/ledger_families.h"

namespace accord::broker {

inline constexpr size_t kHashBytes = sizeof(ledger::Hash);
inline constexpr size_t kTileBytes = ledger::kTileWidth * kHashBytes;

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

  // The edge of the tree that meta/head of `store` names.
  //   DATA_LOSS (kStoreCorrupt)  the leaves make another root; leaves without a head, or beyond it
  static absl::StatusOr<LedgerEdge> LoadHead(const storage::Store& store);

  void Append(const ledger::Hash& leaf_hash, OnTile on_tile);

  uint64_t size() const { return frontier_.size(); }
  ledger::Hash Root() const { return frontier_.Root(); }

  // The hashes of the unfinished tile of `level`, joined; empty when there is none.
  std::string Tile(size_t level) const;
  // The hash over the leaves [index·2^height, (index+1)·2^height), which are all there, when it lies
  // within an unfinished tile.
  std::optional<ledger::Hash> Subtree(int height, uint64_t index) const;

 private:
  ledger::Frontier frontier_;
  // By height: the complete subtrees of 2^height leaves within the unfinished tile of level height / 8.
  std::vector<std::vector<ledger::Hash>> rows_;
};

}  // namespace accord::broker
