// Goal: at every size, whatever its levels, a hash is given out exactly when it is that of the signed tree, and a file that is
// damaged is the one that is named. Method: logs whose tiles are made when asked for, checked against the RFC's recursion.
#include "services/verify/signed_tiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

#include "common/base/text.h"
#include "services/verify/testing_synthetic_log.h"

namespace accord::verify::signed_tiles_test {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSizes[] = {0,      1,      2,      255,        256,           257,           511,           512,
                               65'535, 65'536, 65'537, 16'777'215, 16'777'216,    16'777'217,    16'843'009,    uint64_t{1} << 32,
                               (uint64_t{1} << 40) + 1,  (uint64_t{1} << 62) + 12'345, (uint64_t{1} << 63) + 1, UINT64_MAX};

std::string Why(const absl::Status& status) { return std::string(FromAbsl(status.message())); }

TEST(SignedTilesTest, EveryHashOfEverySizeIsThatOfTheTree) {
  for (const uint64_t size : kSizes) {
    const uint64_t odd = size / 3;
    SyntheticLog log(size, size == 0 ? SyntheticLog::kNoOddLeaf : odd);
    auto tiles = SignedTiles::Open(log, log.CheckpointAt(size));
    ASSERT_TRUE(tiles.ok()) << size << " " << tiles.status();
    if (size == 0) continue;
    for (int level = 0; level < 64 && size >> level > 0; ++level) {
      const uint64_t count = size >> level;
      for (const uint64_t index : {uint64_t{0}, odd >> level, count / 2, count - 1}) {
        if (index >= count) continue;
        const auto node = tiles->Node(level, index);
        ASSERT_TRUE(node.ok()) << size << " " << level << " " << node.status();
        EXPECT_EQ(*node, log.Node(level, index)) << size << " " << level << " " << index;
      }
    }
    for (const uint64_t old : {uint64_t{0}, uint64_t{1}, size / 2, size - size / 7, size - 1, size}) {
      const auto path = tiles->ProveConsistency(old);
      ASSERT_TRUE(path.ok()) << path.status();
      EXPECT_EQ(ledger::VerifyConsistency(old, size, log.CheckpointAt(old).root, log.CheckpointAt(size).root, *path),
                absl::OkStatus())
          << old << " " << size;
    }
  }
}

TEST(SignedTilesTest, ADamagedTileOfTheRightEdgeOpensNothing) {
  for (const uint64_t size : {uint64_t{1}, uint64_t{257}, uint64_t{65'537}, (uint64_t{1} << 40) + 70'001}) {
    SyntheticLog log(size);
    for (int level = 0; level <= ledger::kTileLevelMax; ++level) {
      const uint64_t hashes = size >> (8 * level);
      if (hashes % 256 == 0) continue;
      const std::string path = ledger::TilePath({level, hashes / 256, static_cast<uint32_t>(hashes % 256)});
      log.flipped = {{path, 7}};
      const auto altered = SignedTiles::Open(log, log.CheckpointAt(size));
      ASSERT_FALSE(altered.ok()) << path;
      EXPECT_THAT(Why(altered.status()), HasSubstr(path));
      log.flipped.clear();
      log.missing = {path};
      const auto missing = SignedTiles::Open(log, log.CheckpointAt(size));
      ASSERT_FALSE(missing.ok()) << path;
      EXPECT_THAT(Why(missing.status()), HasSubstr(path + ": cannot be read"));
      log.missing.clear();
    }
  }
}

TEST(SignedTilesTest, ADamagedFullTileIsNamedWhereItIsAskedFor) {
  constexpr uint64_t kSize = (uint64_t{1} << 40) + 70'001, kLeaf = (uint64_t{1} << 39) + 12'345;
  for (int level = 0; level < 4; ++level) {
    SyntheticLog log(kSize);
    const std::string path = ledger::TilePath({level, kLeaf >> (8 * (level + 1)), 256});
    log.flipped = {{path, 31}};
    auto tiles = SignedTiles::Open(log, log.CheckpointAt(kSize));
    ASSERT_TRUE(tiles.ok()) << tiles.status();
    const auto leaf = tiles->Node(0, kLeaf);
    ASSERT_FALSE(leaf.ok()) << path;
    EXPECT_THAT(Why(leaf.status()), HasSubstr(path + ": does not give its hash in the tile above it"));
    // Elsewhere it is not needed.
    EXPECT_TRUE(tiles->Node(0, kSize - 1).ok());
    EXPECT_TRUE(tiles->Node(0, uint64_t{1} << 38).ok());
  }
}

TEST(SignedTilesTest, AnotherRootOrSizeOpensNothing) {
  SyntheticLog log(70'001);
  ledger::Checkpoint checkpoint = log.CheckpointAt(70'001);
  checkpoint.root[0] ^= 1;
  EXPECT_FALSE(SignedTiles::Open(log, checkpoint).ok());
  checkpoint = log.CheckpointAt(70'001);
  checkpoint.size = 70'257;  // The tiles of this size are another's.
  EXPECT_FALSE(SignedTiles::Open(log, checkpoint).ok());
}

}  // namespace
}  // namespace accord::verify::signed_tiles_test
