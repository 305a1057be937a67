#include "common/ledger/tile_builder.h"

#include <gtest/gtest.h>

#include <map>

namespace accord::ledger {
namespace {

// Goal: the tiles are those that TilesOf names, and each hash in them is the root of the leaves it stands for.
TEST(TileBuilderTest, GivesEveryTileOfTheLogOnceWithTheRootsOfItsSubtrees) {
  constexpr uint64_t kSizes[] = {0, 1, 255, 256, 257, 511, 512, 65'535, 65'536, 65'537, 66'000};
  TileBuilder builder;
  std::map<std::pair<int, uint64_t>, Hash> nodes;  // Complete subtrees, made apart from the builder's own tree.
  Frontier oracle;
  std::map<std::string, std::string> full;
  for (const uint64_t size : kSizes) {
    while (builder.size() < size) {
      const Hash leaf = LeafHash(std::to_string(builder.size()));
      oracle.Append(leaf, [&](int level, uint64_t index, const Hash& hash) { nodes[{level, index}] = hash; });
      builder.Append(leaf, [&](const Tile& tile, std::string_view hashes) {
        EXPECT_TRUE(full.emplace(TilePath(tile), hashes).second) << TilePath(tile);
      });
    }
    std::map<std::string, std::string> tiles = full;
    builder.EmitPartial([&](const Tile& tile, std::string_view hashes) {
      EXPECT_TRUE(tiles.emplace(TilePath(tile), hashes).second) << TilePath(tile);
    });
    const auto expected = TilesOf(size);
    ASSERT_EQ(tiles.size(), expected.size()) << size;
    for (const Tile& tile : expected) {
      std::string hashes;
      for (uint64_t i = 0; i < tile.width; ++i) {
        hashes.append(View(nodes.at({tile.level * kTileHeight, tile.index * kTileWidth + i})));
      }
      EXPECT_EQ(tiles[TilePath(tile)], hashes) << TilePath(tile);
    }
    EXPECT_EQ(builder.Root(), *RootAt(size, [&](int level, uint64_t index) -> absl::StatusOr<Hash> {
      return nodes.at({level, index});
    }));
  }
}

}  // namespace
}  // namespace accord::ledger
