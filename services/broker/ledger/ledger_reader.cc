#include "services/broker/ledger/ledger_reader.h"

#include <fmt/format.h>

#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/frontier.h"
#include "common/ledger/merkle.h"

namespace accord::broker {
namespace {

using ledger::kTileHeight;
using ledger::kTileWidth;

absl::Status NoTile(uint64_t index, uint64_t width) {
  return Error(Reason::kFieldInvalid, fmt::format("the tree has no tile {} of width {}", index, width),
               {{"field", "tile"}});
}

absl::Status NoEntry(uint64_t index) { return Error(Reason::kEntryNotFound, fmt::format("no entry {}", index)); }
absl::Status LeafMissing(uint64_t index) { return Error(Reason::kStoreCorrupt, fmt::format("leaf {} is missing", index)); }

}  // namespace

absl::Status LedgerReader::CheckSize(uint64_t size) const {
  if (size <= edge_->size()) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, fmt::format("the tree has {} leaves, not {}", edge_->size(), size),
               {{"field", "size"}});
}

absl::StatusOr<std::string> LedgerReader::Leaf(uint64_t index) const {
  if (index >= edge_->size()) return NoEntry(index);
  ACCORD_ASSIGN_OR_RETURN(auto leaf, store_.Get(kLeafFamily, KeyU64(index)));
  if (!leaf) return LeafMissing(index);
  return *std::move(leaf);
}

absl::StatusOr<std::vector<std::string>> LedgerReader::LeavesAt(std::span<const uint64_t> indices) const {
  std::vector<std::string> keys, leaves;
  for (const uint64_t index : indices) {
    if (index >= edge_->size()) return NoEntry(index);
    keys.push_back(KeyU64(index));
  }
  ACCORD_ASSIGN_OR_RETURN(auto found, store_.GetMany(kLeafFamily, keys));
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!found[i].has_value()) return LeafMissing(indices[i]);
    leaves.push_back(*std::move(found[i]));
  }
  return leaves;
}

absl::Status LedgerReader::Leaves(uint64_t first, uint64_t end,
                                  absl::FunctionRef<bool(uint64_t, std::string_view)> visit) const {
  ACCORD_RETURN_IF_ERROR(CheckSize(end));
  uint64_t next = first;
  bool whole = true, stopped = false;
  if (first >= end) return absl::OkStatus();
  ACCORD_RETURN_IF_ERROR(store_.Scan(kLeafFamily, {.lower = KeyU64(first), .upper = KeyU64(end)},
                                     [&](std::string_view key, std::string_view leaf) {
                                       whole = key == KeyU64(next);
                                       stopped = !whole || !visit(next, leaf);
                                       ++next;
                                       return !stopped;
                                     }));
  if (!whole || (!stopped && next != end)) {
    return Error(Reason::kStoreCorrupt, fmt::format("a leaf between {} and {} is missing", first, end));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> LedgerReader::Tile(const ledger::Tile& tile) const {
  const uint64_t count =
      tile.level >= 0 && tile.level <= ledger::kTileLevelMax ? size() >> tile.level * kTileHeight : 0;
  const uint64_t full = count / kTileWidth;
  if (tile.width == 0 || tile.width > (tile.index < full ? kTileWidth : count % kTileWidth) || tile.index > full) {
    return NoTile(tile.index, tile.width);
  }
  // A partial tile is never stored: it is the beginning of one that is full by now, or the edge's.
  std::string hashes;
  if (tile.index == full) {
    hashes = edge_->Tile(static_cast<size_t>(tile.level));
  } else {
    ACCORD_ASSIGN_OR_RETURN(auto stored,
                            store_.Get(kTileFamily, EncodeTileKey({static_cast<uint8_t>(tile.level), tile.index})));
    if (!stored || stored->size() != kTileBytes) {
      return Error(Reason::kStoreCorrupt, fmt::format("tile {}/{} is missing", tile.level, tile.index));
    }
    hashes = *std::move(stored);
  }
  hashes.resize(tile.width * kHashBytes);
  return hashes;
}

absl::StatusOr<std::string> LedgerReader::EntryBundle(const ledger::Entries& entries) const {
  const uint64_t full = size() / kTileWidth;
  if (entries.width == 0 || entries.width > (entries.index < full ? kTileWidth : size() % kTileWidth) ||
      entries.index > full) {
    return NoTile(entries.index, entries.width);
  }
  std::vector<std::string> leaves;
  const uint64_t first = entries.index * kTileWidth;
  ACCORD_RETURN_IF_ERROR(Leaves(first, first + entries.width, [&](uint64_t, std::string_view leaf) {
    leaves.emplace_back(leaf);
    return true;
  }));
  return ledger::EncodeBundle(leaves);
}

absl::StatusOr<std::string> LedgerReader::Hashes(uint8_t level, uint64_t first, uint64_t end) const {
  std::string hashes;
  if (level == 0) {
    ACCORD_RETURN_IF_ERROR(Leaves(first, end, [&](uint64_t, std::string_view leaf) {
      hashes += ledger::View(ledger::LeafHash(leaf));
      return true;
    }));
    return hashes;
  }
  bool whole = true;
  ACCORD_RETURN_IF_ERROR(store_.Scan(kNodeFamily, {.lower = EncodeTileKey({level, first}), .upper = EncodeTileKey({level, end})},
                                     [&](std::string_view key, std::string_view hash) {
                                       whole = key == EncodeTileKey({level, first + hashes.size() / kHashBytes}) &&
                                               hash.size() == kHashBytes;
                                       hashes += hash;
                                       return whole;
                                     }));
  if (!whole || hashes.size() != (end - first) * kHashBytes) {
    return Error(Reason::kStoreCorrupt, fmt::format("a node of level {} between {} and {} is missing", level, first, end));
  }
  return hashes;
}

absl::Status LedgerReader::CheckTile(uint8_t level, uint64_t tile) const {
  ACCORD_ASSIGN_OR_RETURN(const std::string stored, Tile({.level = level, .index = tile}));
  ACCORD_ASSIGN_OR_RETURN(const auto node,
                          store_.Get(kNodeFamily, EncodeTileKey({static_cast<uint8_t>(level + 1), tile})));
  ACCORD_ASSIGN_OR_RETURN(const std::string hashes, Hashes(level, tile * kTileWidth, (tile + 1) * kTileWidth));
  ledger::Frontier subtree;
  for (size_t at = 0; at < hashes.size(); at += kHashBytes) {
    subtree.Append(*ledger::ToHash(std::string_view(hashes).substr(at, kHashBytes)));
  }
  if (hashes != stored || node != ledger::View(subtree.Root())) {
    return Error(Reason::kStoreCorrupt, fmt::format("tile {}/{} or its node is not what lies below it", level, tile));
  }
  return absl::OkStatus();
}

absl::Status LedgerReader::CheckEdge(uint8_t level) const {
  const uint64_t end = size() >> level * kTileHeight;
  ACCORD_ASSIGN_OR_RETURN(const std::string hashes, Hashes(level, end / kTileWidth * kTileWidth, end));
  if (hashes == edge_->Tile(level)) return absl::OkStatus();
  return Error(Reason::kStoreCorrupt, fmt::format("the unfinished tile of level {} is not the signed one", level));
}

absl::StatusOr<ledger::Hash> LedgerReader::Subtree(int height, uint64_t index,
                                                   std::map<std::string, std::string>& tiles) const {
  if (const auto hash = edge_->Subtree(height, index)) return *hash;
  const auto level = static_cast<uint8_t>(height / kTileHeight);
  const int row = height % kTileHeight;
  const uint64_t first = index << row;  // Among the hashes of the tile's level.
  std::string& tile = tiles[EncodeTileKey({level, first / kTileWidth})];
  if (tile.empty()) {
    ACCORD_ASSIGN_OR_RETURN(tile, Tile({.level = height / kTileHeight, .index = first / kTileWidth}));
  }
  ledger::Frontier subtree;
  for (uint64_t i = first; i < first + (uint64_t{1} << row); ++i) {
    subtree.Append(*ledger::ToHash(std::string_view(tile).substr(i % kTileWidth * kHashBytes, kHashBytes)));
  }
  return subtree.Root();
}

absl::StatusOr<ledger::Hash> LedgerReader::Root(uint64_t size) const {
  ACCORD_RETURN_IF_ERROR(CheckSize(size));
  std::map<std::string, std::string> tiles;
  return ledger::RootAt(size, [&](int level, uint64_t index) { return Subtree(level, index, tiles); });
}

absl::StatusOr<ledger::Path> LedgerReader::InclusionProof(uint64_t index, uint64_t size) const {
  ACCORD_RETURN_IF_ERROR(CheckSize(size));
  if (index >= size) return Error(Reason::kEntryNotFound, fmt::format("no entry {} in a tree of {}", index, size));
  std::map<std::string, std::string> tiles;
  return ledger::ProveInclusion(index, size, [&](int level, uint64_t at) { return Subtree(level, at, tiles); });
}

absl::StatusOr<ledger::Path> LedgerReader::ConsistencyProof(uint64_t old_size, uint64_t size) const {
  ACCORD_RETURN_IF_ERROR(CheckSize(size));
  if (old_size > size) {
    return Error(Reason::kFieldInvalid, fmt::format("{} is not before {}", old_size, size), {{"field", "old_size"}});
  }
  std::map<std::string, std::string> tiles;
  return ledger::ProveConsistency(old_size, size, [&](int level, uint64_t at) { return Subtree(level, at, tiles); });
}

absl::StatusOr<std::string> LedgerReader::Checkpoint(uint64_t size) const {
  ACCORD_ASSIGN_OR_RETURN(auto note, store_.Get(kCheckpointFamily, KeyU64(size)));
  if (!note) return Error(Reason::kEntryNotFound, fmt::format("no checkpoint of size {} was published", size));
  return *std::move(note);
}

}  // namespace accord::broker
