#include "common/ledger/tile.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::ledger {
namespace {

// 1234067 → "x001/x234/067".
std::string IndexPath(uint64_t index) {
  std::string path = fmt::format("{:03}", index % 1000);
  while ((index /= 1000) > 0) path = fmt::format("x{:03}/{}", index % 1000, path);
  return path;
}

std::string WidthSuffix(uint32_t width) {
  ACCORD_CHECK(width >= 1 && width <= kTileWidth);
  return width == kTileWidth ? "" : fmt::format(".p/{}", width);
}

// Reads what IndexPath and WidthSuffix write, loosely; the caller re-encodes and compares.
bool ParseIndexAndWidth(std::string_view rest, uint64_t& index, uint32_t& width) {
  width = kTileWidth;
  if (const size_t partial = rest.find(".p/"); partial != std::string_view::npos) {
    if (!absl::SimpleAtoi(ToAbsl(rest.substr(partial + 3)), &width) || width < 1 || width >= kTileWidth) return false;
    rest = rest.substr(0, partial);
  }
  std::string digits;
  for (const char c : rest) {
    if (c != 'x' && c != '/') digits.push_back(c);
  }
  return !digits.empty() && absl::SimpleAtoi(digits, &index);
}

}  // namespace

std::string TilePath(const Tile& tile) {
  return fmt::format("tile/{}/{}{}", tile.level, IndexPath(tile.index), WidthSuffix(tile.width));
}

std::string EntriesPath(uint64_t index, uint32_t width) {
  return fmt::format("tile/entries/{}{}", IndexPath(index), WidthSuffix(width));
}

std::optional<Tile> ParseTilePath(std::string_view path) {
  constexpr std::string_view kPrefix = "tile/";
  if (path.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  const std::string_view rest = path.substr(kPrefix.size());
  const size_t slash = rest.find('/');
  Tile tile;
  if (slash == std::string_view::npos || !absl::SimpleAtoi(ToAbsl(rest.substr(0, slash)), &tile.level) ||
      tile.level < 0 || tile.level > kTileLevelMax ||
      !ParseIndexAndWidth(rest.substr(slash + 1), tile.index, tile.width) || TilePath(tile) != path) {
    return std::nullopt;
  }
  return tile;
}

std::optional<Entries> ParseEntriesPath(std::string_view path) {
  constexpr std::string_view kPrefix = "tile/entries/";
  Entries entries;
  if (path.substr(0, kPrefix.size()) != kPrefix ||
      !ParseIndexAndWidth(path.substr(kPrefix.size()), entries.index, entries.width) ||
      EntriesPath(entries.index, entries.width) != path) {
    return std::nullopt;
  }
  return entries;
}

void ForEachTile(uint64_t size, absl::FunctionRef<bool(const Tile&)> visit) {
  for (int level = 0; size > 0; ++level, size >>= kTileHeight) {
    for (uint64_t index = 0; index < size / kTileWidth; ++index) {
      if (!visit({level, index, kTileWidth})) return;
    }
    const auto width = static_cast<uint32_t>(size % kTileWidth);
    if (width > 0 && !visit({level, size / kTileWidth, width})) return;
  }
}

std::vector<Tile> TilesOf(uint64_t size) {
  ACCORD_CHECK(size <= kTilesOfSizeMax);
  std::vector<Tile> tiles;
  ForEachTile(size, [&tiles](const Tile& tile) {
    tiles.push_back(tile);
    return true;
  });
  return tiles;
}

Hash RootOfEdge(std::span<const std::vector<Hash>> rows) {
  ACCORD_CHECK(rows.size() <= kTileLevelMax + 1);
  // From the right: each row is cut into complete subtrees, the largest first, as its width has one-bits.
  std::optional<Hash> root;
  for (const std::vector<Hash>& row : rows) {
    ACCORD_CHECK(row.size() < kTileWidth);
    size_t end = row.size();
    while (end > 0) {
      const size_t width = end & (~end + 1);  // The lowest one-bit: the subtree that ends here.
      const Hash subtree = RowRoot(std::span(row).subspan(end - width, width));
      root = root.has_value() ? NodeHash(subtree, *root) : subtree;
      end -= width;
    }
  }
  return root.has_value() ? *root : EmptyRoot();
}

std::string EncodeBundle(const std::vector<std::string>& entries) {
  ByteWriter writer;
  for (const std::string& entry : entries) writer.Lp16(entry);
  return std::move(writer).Take();
}

bool ParseBundleInto(std::string_view bytes, size_t count, std::vector<std::string_view>& entries) {
  entries.clear();
  ByteReader reader(bytes);
  std::string_view entry;
  while (!reader.AtEnd()) {
    if (entries.size() == count || !reader.Lp16(entry)) return false;
    entries.push_back(entry);
  }
  return entries.size() == count;
}

std::optional<std::vector<std::string>> ParseBundle(std::string_view bytes, size_t count) {
  std::vector<std::string_view> views;
  if (!ParseBundleInto(bytes, count, views)) return std::nullopt;
  return std::vector<std::string>(views.begin(), views.end());
}

}  // namespace accord::ledger
