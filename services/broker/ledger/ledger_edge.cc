#include "services/broker/ledger/ledger_edge.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace accord::broker {
namespace {

using ledger::kTileHeight;
using ledger::kTileWidth;

std::string Join(const std::vector<ledger::Hash>& hashes) {
  std::string joined;
  joined.reserve(hashes.size() * kHashBytes);
  for (const ledger::Hash& hash : hashes) joined += ledger::View(hash);
  return joined;
}

// The hashes [begin, end) of a level, from the leaves or nodes that the store has.
absl::StatusOr<std::vector<ledger::Hash>> LoadLevel(const storage::Store& store, uint8_t level, uint64_t begin,
                                                    uint64_t end) {
  const auto key = [&](uint64_t index) { return level == 0 ? KeyU64(index) : EncodeTileKey({level, index}); };
  std::vector<ledger::Hash> hashes;
  const auto add = [&](std::string_view, std::string_view value) {
    const auto hash = level == 0 ? ledger::LeafHash(value) : ledger::ToHash(value);
    if (hash) hashes.push_back(*hash);
    return hash.has_value();
  };
  if (begin < end) {
    ACCORD_RETURN_IF_ERROR(
        store.Scan(level == 0 ? kLeafFamily : kNodeFamily, {.lower = key(begin), .upper = key(end)}, add));
  }
  if (hashes.size() != end - begin) {
    return Error(Reason::kStoreCorrupt,
                 fmt::format("level {} of the tree lacks index {}", level, begin + hashes.size()));
  }
  return hashes;
}

}  // namespace

absl::StatusOr<LedgerEdge> LedgerEdge::Load(const storage::Store& store, uint64_t size) {
  LedgerEdge edge;
  for (int level = 0; level * kTileHeight < 64 && size >> level * kTileHeight > 0; ++level) {
    const uint64_t end = size >> level * kTileHeight;
    ACCORD_ASSIGN_OR_RETURN(auto row, LoadLevel(store, static_cast<uint8_t>(level), end / kTileWidth * kTileWidth, end));
    for (int height = 0; height < kTileHeight; ++height) {
      std::vector<ledger::Hash> above;
      for (size_t i = 1; i < row.size(); i += 2) above.push_back(ledger::NodeHash(row[i - 1], row[i]));
      edge.rows_.push_back(std::exchange(row, std::move(above)));
    }
  }
  // A row of odd length ends in a subtree that nothing above holds.
  std::vector<ledger::Hash> peaks;
  for (auto row = edge.rows_.rbegin(); row != edge.rows_.rend(); ++row) {
    if (row->size() % 2 != 0) peaks.push_back(row->back());
  }
  edge.frontier_ = ledger::Frontier(size, std::move(peaks));
  return edge;
}

absl::StatusOr<LedgerEdge> LedgerEdge::LoadHead(const storage::Store& store) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, store.Get(kMetaFamily, kHeadKey));
  LedgerHead head{.size = 0, .root = std::string(ledger::View(ledger::EmptyRoot()))};
  if (stored) {
    const auto decoded = DecodeLedgerHead(*stored);
    if (!decoded) return Error(Reason::kStoreCorrupt, "meta/head does not decode");
    head = *decoded;
  }
  bool beyond = false;
  ACCORD_RETURN_IF_ERROR(store.Scan(kLeafFamily, {.lower = KeyU64(head.size)}, [&](std::string_view, std::string_view) {
    beyond = true;
    return false;
  }));
  if (beyond) return Error(Reason::kStoreCorrupt, fmt::format("there are leaves beyond the head at {}", head.size));
  ACCORD_ASSIGN_OR_RETURN(LedgerEdge edge, Load(store, head.size));
  if (ledger::View(edge.Root()) != head.root) {
    return Error(Reason::kStoreCorrupt, fmt::format("the leaves do not make the root of the head at {}", head.size));
  }
  return edge;
}

void LedgerEdge::Append(const ledger::Hash& leaf_hash, OnTile on_tile) {
  frontier_.Append(leaf_hash, [&](int height, uint64_t index, const ledger::Hash& hash) {
    const size_t row = static_cast<size_t>(height);
    if (height > 0 && height % kTileHeight == 0) {
      // Complete on this level is full on the one below.
      const auto level = static_cast<uint8_t>(height / kTileHeight);
      on_tile({static_cast<uint8_t>(level - 1), index}, Join(rows_[row - kTileHeight]), {level, index},
              ledger::View(hash));
      for (size_t below = row - kTileHeight; below < row; ++below) rows_[below].clear();
    }
    if (rows_.size() <= row) rows_.resize((row / kTileHeight + 1) * kTileHeight);
    rows_[row].push_back(hash);
  });
}

std::string LedgerEdge::Tile(size_t level) const {
  const size_t row = level * kTileHeight;
  return row < rows_.size() ? Join(rows_[row]) : std::string();
}

std::optional<ledger::Hash> LedgerEdge::Subtree(int height, uint64_t index) const {
  const size_t row = static_cast<size_t>(height);
  if (row >= rows_.size()) return std::nullopt;
  // How many subtrees of this height the tiles before hold.
  const uint64_t before = size() >> (height / kTileHeight + 1) * kTileHeight << (kTileHeight - height % kTileHeight);
  if (index < before || index - before >= rows_[row].size()) return std::nullopt;
  return rows_[row][index - before];
}

}  // namespace accord::broker
