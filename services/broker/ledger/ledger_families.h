// Names, keys and values of what the ledger keeps in the store (docs/storage.md).
//
// The families are insert-only but for the head: nothing in them is ever written
// twice. All functions are thread-safe; decoders are strict and say nothing more
// than that bytes are not of the form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/storage/commit_log.h"

namespace accord::broker {

inline constexpr std::string_view kLeafFamily = "leaf";              // Index → leaf bytes.
inline constexpr std::string_view kTileFamily = "tile";              // Tile → 256 hashes; full tiles only.
inline constexpr std::string_view kNodeFamily = "node";              // Hash of each full tile.
inline constexpr std::string_view kCheckpointFamily = "checkpoint";  // Tree size → published note.
inline constexpr std::string_view kForkFamily = "fork";              // Size ‖ digest → a note of ours that the tree contradicts.
inline constexpr std::string_view kOpeningFamily = "opening";        // Index → sealed openings.
using storage::kMetaFamily;
inline constexpr std::string_view kHeadKey = "head";  // In `meta`.

// Leaves, checkpoints and openings are keyed by one number: KeyU64 of common/base.

// A tile, or the hash at `index` of a level: u8 level ‖ u64 index. A node of level L ≥ 1 at
// index i is the hash over the full tile (L−1, i), and stands in tile (L, i / 256).
struct TileKey {
  uint8_t level = 0;
  uint64_t index = 0;
  bool operator==(const TileKey&) const = default;
};
std::string EncodeTileKey(TileKey key);
std::optional<TileKey> DecodeTileKey(std::string_view bytes);

// The tree that the leaves of the store make: "ACH1" ‖ u64 size ‖ root[32].
struct LedgerHead {
  uint64_t size = 0;
  std::string root;
  bool operator==(const LedgerHead&) const = default;
};
std::string EncodeLedgerHead(const LedgerHead& head);
std::optional<LedgerHead> DecodeLedgerHead(std::string_view bytes);

}  // namespace accord::broker
