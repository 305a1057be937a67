#include "common/ledger/tile_builder.h"

namespace accord::ledger {

void TileBuilder::Append(const Hash& leaf_hash, Emit full) {
  frontier_.Append(leaf_hash, [&](int level, uint64_t index, const Hash& hash) {
    if (level % kTileHeight != 0) return;
    std::string& row = incomplete_[static_cast<size_t>(level / kTileHeight)];
    row.append(View(hash));
    if (row.size() < kTileWidth * hash.size()) return;
    full(Tile{level / kTileHeight, index / kTileWidth, kTileWidth}, row);
    row.clear();
  });
}

void TileBuilder::EmitPartial(Emit partial) const {
  for (int level = 0; level <= kTileLevelMax; ++level) {
    const std::string& row = incomplete_[static_cast<size_t>(level)];
    if (row.empty()) continue;
    const uint64_t hashes = size() >> (level * kTileHeight);
    partial(Tile{level, hashes / kTileWidth, static_cast<uint32_t>(hashes % kTileWidth)}, row);
  }
}

}  // namespace accord::ledger
