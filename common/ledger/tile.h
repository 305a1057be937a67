// Tiles and entry bundles of c2sp.org/tlog-tiles, tile height 8. Pure. All functions are thread-safe.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ledger/merkle.h"

namespace accord::ledger {

inline constexpr int kTileHeight = 8;
inline constexpr uint64_t kTileWidth = 256;
inline constexpr int kTileLevelMax = 7;             // 2^64 leaves have tile levels 0 to 7.
inline constexpr size_t kBundleEntryBytesMax = 65'535;

// One tile: hash i of it is the root of the leaves [(256·index + i)·256^level, …+256^level).
struct Tile {
  int level = 0;
  uint64_t index = 0;
  uint32_t width = kTileWidth;  // 256, or 1 to 255 for a partial one.
  bool operator==(const Tile&) const = default;
};

// `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`. REQUIRES: a width of 1 to 256.
std::string TilePath(const Tile& tile);
std::string EntriesPath(uint64_t index, uint32_t width);

// The tile that a path names; nothing unless encoding it gives `path` again.
std::optional<Tile> ParseTilePath(std::string_view path);
struct Entries {
  uint64_t index = 0;
  uint32_t width = kTileWidth;
};
std::optional<Entries> ParseEntriesPath(std::string_view path);

// Gives every tile of a log of `size`, full ones and the partial one of each level, lowest level first, until `visit` returns
// false. Holds nothing: right for any size.
void ForEachTile(uint64_t size, absl::FunctionRef<bool(const Tile& tile)> visit);
// The same as a list. REQUIRES: a size of at most kTilesOfSizeMax (some million tiles).
inline constexpr uint64_t kTilesOfSizeMax = uint64_t{1} << 28;
std::vector<Tile> TilesOf(uint64_t size);

// The root of a log from the partial tiles along its right edge: `rows[level]` has the hashes of that level's partial tile and
// is empty where there is none. REQUIRES: rows of at most 255 hashes, at most kTileLevelMax + 1 of them.
Hash RootOfEdge(std::span<const std::vector<Hash>> rows);

// u16 length ‖ bytes for each entry. REQUIRES: each at most kBundleEntryBytesMax.
std::string EncodeBundle(const std::vector<std::string>& entries);
// Strict; nothing when a length runs past the end or `count` is not met.
std::optional<std::vector<std::string>> ParseBundle(std::string_view bytes, size_t count);
// The same without a copy: replaces `entries` by views into `bytes`. False in place of nothing.
bool ParseBundleInto(std::string_view bytes, size_t count, std::vector<std::string_view>& entries);

}  // namespace accord::ledger
