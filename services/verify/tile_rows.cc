#include "services/verify/tile_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::verify {
namespace {

constexpr size_t kTileHashBytes = sizeof(ledger::Hash);

using Text = std::pair<std::string, std::string>;

}  // namespace

TileRows::TileRows(FileReader& files, uint64_t size, int lowest, int highest)
    : files_(files),
      size_(size),
      lowest_(lowest),
      highest_(highest),
      rows_(std::make_unique<Row[]>(static_cast<size_t>(highest - lowest + 1))) {}

void TileRows::Push(int level, uint64_t index, const ledger::Hash& hash, uint64_t entry) {
  if (level > highest_) {
    if (tops.empty()) first_top = index;
    tops.push_back(hash);
    return;
  }
  Row& row = rows_[static_cast<size_t>(level - lowest_)];
  const auto at = static_cast<uint32_t>(index % ledger::kTileWidth);
  if (row.made == 0) {
    row.tile = index / ledger::kTileWidth;
    row.first = at;
  }
  row.hashes[at] = hash;
  ++row.made;
  if (at + 1 == ledger::kTileWidth) Complete(level, entry);
}

void TileRows::Finish(uint64_t entry) {
  for (int level = lowest_; level <= highest_; ++level) {
    if (rows_[static_cast<size_t>(level - lowest_)].made > 0) Complete(level, entry);
  }
}

void TileRows::Complete(int level, uint64_t entry) {
  Row& row = rows_[static_cast<size_t>(level - lowest_)];
  const uint64_t hashes = size_ >> (level * ledger::kTileHeight);
  const uint64_t first = row.tile * ledger::kTileWidth;
  const ledger::Tile tile{level, row.tile, static_cast<uint32_t>(std::min(ledger::kTileWidth, hashes - first))};
  const bool known = Compare(tile, row, entry);
  row.made = 0;
  if (!known) {
    unproven = true;
  } else if (tile.width == ledger::kTileWidth) {
    Push(level + 1, row.tile, ledger::RowRoot(row.hashes), entry);
  } else {
    edges[static_cast<size_t>(level)].assign(row.hashes.begin(), row.hashes.begin() + tile.width);
  }
}

bool TileRows::Compare(const ledger::Tile& tile, Row& row, uint64_t entry) {
  ++tiles;
  const bool whole = row.made == tile.width;
  const std::string path = ledger::TilePath(tile);
  const Place place{entry, kRankTile + static_cast<uint32_t>(tile.level)};
  const auto wrong = [&](auto what) { findings.Add(place, Check::kTiles, [&] { return Text(path, what()); }); };
  if (const absl::Status read = files_.ReadInto(path, ledger::kTileWidth * kTileHashBytes, stored_); !read.ok()) {
    wrong([&] { return "cannot be read: " + std::string(FromAbsl(read.message())); });
    return whole;
  }
  if (stored_.size() != tile.width * kTileHashBytes) {
    wrong([&] { return fmt::format("is {} bytes long, not {}", stored_.size(), tile.width * kTileHashBytes); });
    return whole;
  }
  const char* const ours = row.hashes[row.first].data();
  const char* const theirs = stored_.data() + row.first * kTileHashBytes;
  if (std::memcmp(ours, theirs, row.made * kTileHashBytes) != 0) {
    uint32_t at = 0;
    while (std::memcmp(ours + at * kTileHashBytes, theirs + at * kTileHashBytes, kTileHashBytes) == 0) ++at;
    const uint64_t hash = tile.index * ledger::kTileWidth + row.first + at;
    wrong([&] {
      const int height = tile.level * ledger::kTileHeight;
      return tile.level == 0
                 ? fmt::format("has another hash for entry {} than that entry gives: one of the two was altered", hash)
                 : fmt::format("has another hash at {} than the entries {} to {} give", row.first + at, hash << height,
                               ((hash + 1) << height) - 1);
    });
  }
  // What we did not make, before and behind what we made.
  std::memcpy(row.hashes.data(), stored_.data(), row.first * kTileHashBytes);
  const size_t end = row.first + row.made;
  std::memcpy(row.hashes.data() + end, stored_.data() + end * kTileHashBytes, (tile.width - end) * kTileHashBytes);
  return true;
}

}  // namespace accord::verify
