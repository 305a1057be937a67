// Tiles and entry bundles of c2sp.org/tlog-tiles, tile height 8. Pure. All functions are thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
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

// Every tile of a log of `size`: full ones and the partial one of each level.
std::vector<Tile> TilesOf(uint64_t size);

// u16 length ‖ bytes for each entry. REQUIRES: each at most kBundleEntryBytesMax.
std::string EncodeBundle(const std::vector<std::string>& entries);
// Strict; nothing when a length runs past the end or `count` is not met.
std::optional<std::vector<std::string>> ParseBundle(std::string_view bytes, size_t count);

}  // namespace accord::ledger
