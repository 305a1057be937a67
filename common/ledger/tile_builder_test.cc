#include "common/ledger/tile_builder.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace accord::ledger::tile_builder_test {
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

// Goal: levels that no test can fill with entries. Method: hashes that stand for complete subtrees are appended, so that tile
// level L of this tree is level L + 2 of one 65,536 times as large; the root from the right edge alone is the tree's.
TEST(TileBuilderTest, TheRightEdgeGivesTheRootAcrossThreeLevels) {
  TileBuilder builder;
  std::map<std::pair<int, uint64_t>, std::string> full;
  uint64_t next = 0;
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{255}, uint64_t{256}, uint64_t{257}, uint64_t{65'535},
                              uint64_t{65'536}, uint64_t{65'537}, uint64_t{70'001}, uint64_t{131'072}}) {
    for (; next < size; ++next) {
      builder.Append(LeafHash(std::to_string(next)), [&](const Tile& tile, std::string_view hashes) {
        full[{tile.level, tile.index}] = hashes;
      });
    }
    std::vector<std::vector<Hash>> rows(kTileLevelMax + 1);
    const auto to_row = [](std::string_view hashes) {
      std::vector<Hash> row;
      for (; !hashes.empty(); hashes.remove_prefix(sizeof(Hash))) row.push_back(*ToHash(hashes.substr(0, sizeof(Hash))));
      return row;
    };
    builder.EmitPartial([&](const Tile& tile, std::string_view hashes) {
      ASSERT_EQ(hashes.size(), tile.width * sizeof(Hash));
      rows[static_cast<size_t>(tile.level)] = to_row(hashes);
    });
    EXPECT_EQ(RootOfEdge(rows), builder.Root()) << size;
    for (auto& row : rows) {
      for (Hash& hash : row) {
        hash[5] ^= 1;
        EXPECT_NE(RootOfEdge(rows), builder.Root()) << size;
        hash[5] ^= 1;
      }
    }
  }
  // A full tile's root is its hash in the tile above.
  for (const auto& [at, hashes] : full) {
    if (at.first == 0) continue;
    for (uint64_t i = 0; i < kTileWidth; ++i) {
      std::vector<Hash> row;
      const std::string& below = full.at({at.first - 1, at.second * kTileWidth + i});
      for (size_t j = 0; j < kTileWidth; ++j) row.push_back(*ToHash(std::string_view(below).substr(j * 32, 32)));
      ASSERT_EQ(View(RowRoot(row)), std::string_view(hashes).substr(i * 32, 32));
    }
  }
}

TEST(TileBuilderTest, EveryTileOfAnySizeIsVisitedWithoutAList) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{255}, uint64_t{256}, uint64_t{65'537}}) {
    std::vector<Tile> visited;
    ForEachTile(size, [&](const Tile& tile) { return visited.push_back(tile), true; });
    EXPECT_EQ(visited, TilesOf(size));
  }
  // A size that no memory could list: a visit may end.
  uint64_t visits = 0;
  ForEachTile(UINT64_MAX, [&](const Tile& tile) {
    EXPECT_EQ(tile, (Tile{0, visits, kTileWidth}));
    return ++visits < 1'000;
  });
  EXPECT_EQ(visits, 1'000u);
  EXPECT_EQ(TilesOf(65'536).size(), 256u + 1 + 1);  // Level 2 has one hash.
  EXPECT_DEATH(TilesOf(kTilesOfSizeMax + 1), "");
}

TEST(TileBuilderTest, ABundleIsReadInPlaceByTheSameRules) {
  const std::vector<std::string> entries = {"", "a", std::string(300, 'b'), std::string(kBundleEntryBytesMax, 'c')};
  const std::string bundle = EncodeBundle(entries);
  std::vector<std::string_view> views = {"what was there before"};
  ASSERT_TRUE(ParseBundleInto(bundle, entries.size(), views));
  EXPECT_EQ(std::vector<std::string>(views.begin(), views.end()), entries);
  EXPECT_EQ(views[1].data(), bundle.data() + 4);
  EXPECT_FALSE(ParseBundleInto(bundle, entries.size() + 1, views));
  EXPECT_FALSE(ParseBundleInto(bundle, entries.size() - 1, views));
  EXPECT_FALSE(ParseBundleInto(bundle + '\0', entries.size(), views));
  EXPECT_FALSE(ParseBundleInto(std::string_view(bundle).substr(0, bundle.size() - 1), entries.size(), views));
  EXPECT_TRUE(ParseBundleInto("", 0, views));
  EXPECT_TRUE(views.empty());
}

}  // namespace
}  // namespace accord::ledger::tile_builder_test
