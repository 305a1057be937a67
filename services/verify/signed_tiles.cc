#include "services/verify/signed_tiles.h"

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::verify {
namespace {

constexpr size_t kHashBytes = sizeof(ledger::Hash);

absl::Status Wrong(const ledger::Tile& tile, std::string_view what) {
  return Error(Reason::kReceiptInvalid, fmt::format("{}: {}", ledger::TilePath(tile), what));
}

}  // namespace

absl::StatusOr<std::vector<ledger::Hash>> ReadTile(FileReader& files, const ledger::Tile& tile) {
  const auto bytes = files.Read(ledger::TilePath(tile), ledger::kTileWidth * kHashBytes);
  if (!bytes.ok()) return Error(Reason::kReceiptInvalid, fmt::format("cannot be read: {}", FromAbsl(bytes.status().message())));
  if (bytes->size() != tile.width * kHashBytes) {
    return Error(Reason::kReceiptInvalid, fmt::format("is {} bytes long, not {}", bytes->size(), tile.width * kHashBytes));
  }
  std::vector<ledger::Hash> row;
  for (size_t at = 0; at < bytes->size(); at += kHashBytes) row.push_back(*ledger::ToHash(std::string_view(*bytes).substr(at, kHashBytes)));
  return row;
}

absl::StatusOr<SignedTiles> SignedTiles::Open(FileReader& files, const ledger::Checkpoint& checkpoint) {
  SignedTiles tiles(files, checkpoint.size);
  std::string names;
  for (int level = 0; level <= ledger::kTileLevelMax; ++level) {
    const uint64_t hashes = checkpoint.size >> (level * ledger::kTileHeight);
    const ledger::Tile tile{level, hashes / ledger::kTileWidth, static_cast<uint32_t>(hashes % ledger::kTileWidth)};
    if (tile.width == 0) continue;
    auto row = ReadTile(files, tile);
    if (!row.ok()) return Wrong(tile, FromAbsl(row.status().message()));
    tiles.edge_[static_cast<size_t>(level)] = *std::move(row);
    names += (names.empty() ? "" : ", ") + ledger::TilePath(tile);
  }
  if (ledger::RootOfEdge(tiles.edge_) != checkpoint.root) {
    return Error(Reason::kReceiptInvalid,
                 fmt::format("checkpoint: its root is not that of the tiles along the right edge ({}): one of them was altered", names));
  }
  return tiles;
}

absl::StatusOr<ledger::Hash> SignedTiles::Node(int level, uint64_t index) {
  if (kept_.size() > kTilesKeptMax) kept_.clear();
  const int within = level % ledger::kTileHeight;
  const uint64_t first = index << within, count = uint64_t{1} << within;
  ACCORD_ASSIGN_OR_RETURN(const Row* row, RowOf(level / ledger::kTileHeight, first / ledger::kTileWidth));
  ACCORD_CHECK(first % ledger::kTileWidth + count <= row->size());
  return ledger::RowRoot(std::span(*row).subspan(first % ledger::kTileWidth, count));
}

absl::StatusOr<ledger::Path> SignedTiles::ProveConsistency(uint64_t old_size) {
  return ledger::ProveConsistency(old_size, size_, [this](int level, uint64_t index) { return Node(level, index); });
}

absl::StatusOr<const SignedTiles::Row*> SignedTiles::RowOf(int level, uint64_t index) {
  const uint64_t hashes = size_ >> (level * ledger::kTileHeight);
  if (index == hashes / ledger::kTileWidth) return &edge_[static_cast<size_t>(level)];
  ACCORD_CHECK(index < hashes / ledger::kTileWidth);
  if (const auto kept = kept_.find({level, index}); kept != kept_.end()) return &kept->second;
  const ledger::Tile tile{level, index, ledger::kTileWidth};
  auto row = ReadTile(*files_, tile);
  if (!row.ok()) return Wrong(tile, FromAbsl(row.status().message()));
  // There is a tile above every full one.
  ACCORD_ASSIGN_OR_RETURN(const Row* above, RowOf(level + 1, index / ledger::kTileWidth));
  if (ledger::RowRoot(*row) != (*above)[index % ledger::kTileWidth]) {
    return Wrong(tile, "does not give its hash in the tile above it, which the root proves: it was altered");
  }
  return &kept_.emplace(std::pair(level, index), *std::move(row)).first->second;
}

}  // namespace accord::verify
