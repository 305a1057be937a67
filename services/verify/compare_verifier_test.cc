// Goal: two copies of one history verify, a fork is found at its first different entry, and damage is never taken for a fork.
#include "services/verify/compare_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/verify/testing_log.h"
#include "services/verify/testing_synthetic_log.h"

namespace accord::verify::compare_verifier_test {
namespace {

using ::testing::HasSubstr;

constexpr size_t kSizes[] = {0, 1, 2, 255, 256, 257, 511, 512, 600, 700};

TEST(CompareVerifierTest, EveryPairOfSizesOfOneLogIsOneHistory) {
  const TestingLog log(700);
  for (const size_t a : kSizes) {
    for (const size_t b : kSizes) {
      MemoryFiles first = log.Publish(a), second = log.Publish(b);
      const CompareReport report = CompareLogs(first, second, log.vkey());
      EXPECT_EQ(report.history, a == b ? History::kSame : History::kExtended) << a << " " << b << " " << report.wrong;
      EXPECT_EQ(report.longer, b > a ? 1u : 0u);
      EXPECT_EQ(report.sides[1].size, b);
    }
  }
}

TEST(CompareVerifierTest, AForkIsFoundAtItsFirstDifferentEntryBothCheckpointsBeside) {
  const TestingLog log(700);
  for (const size_t at : {0u, 1u, 254u, 255u, 256u, 511u, 512u, 599u}) {
    TestingLog forked = log;
    // Everything after it is another's as well.
    for (size_t i = at; i < forked.leaves.size(); i += 7) forked.Alter(i, [](ledger::Leaf& leaf) { leaf.nonce[3] ^= 1; });
    for (const size_t other : {600u, 700u}) {
      MemoryFiles first = log.Publish(600), second = forked.Publish(other);
      const CompareReport report = CompareLogs(first, second, log.vkey());
      ASSERT_EQ(report.history, History::kForked) << at;
      ASSERT_EQ(report.first_difference, at) << report.no_difference;
      EXPECT_EQ(report.different[0].leaf, log.leaves[at]);
      EXPECT_EQ(report.different[1].leaf, forked.leaves[at]);
      EXPECT_EQ(report.different[1].time_ms, 1'700'000'000'000 + 1'000 * at);
      EXPECT_EQ(report.sides[0].checkpoint, first.files["checkpoint"]);
      EXPECT_EQ(report.sides[1].checkpoint, second.files["checkpoint"]);
    }
  }
}

TEST(CompareVerifierTest, AForkInALogOfAnySizeIsFoundByAFewTiles) {
  constexpr uint64_t kSize = (uint64_t{1} << 41) + 65'537;
  for (const uint64_t at : {uint64_t{0}, uint64_t{77}, uint64_t{1} << 24, (uint64_t{1} << 40) - 1, kSize - 1}) {
    SyntheticLog first(kSize), second(kSize + 1'000'000, at), extended(kSize + 1'000'000, kSize + 3);
    const CompareReport report = CompareLogs(first, second, first.vkey());
    ASSERT_EQ(report.history, History::kForked);
    EXPECT_EQ(report.first_difference, at) << report.no_difference;
    EXPECT_TRUE(report.different[1].leaf.has_value());
    // An entry that only the longer one has is no fork.
    EXPECT_EQ(CompareLogs(extended, first, first.vkey()).history, History::kExtended);
  }
}

TEST(CompareVerifierTest, DamageIsNotTakenForAFork) {
  const TestingLog log(700);
  for (const auto& [path, bytes] : log.Publish(700).files) {
    MemoryFiles first = log.Publish(300), second = log.Publish(700);
    for (const size_t at : {size_t{0}, bytes.size() / 2}) {
      second.files[path] = bytes;
      second.files[path][at] ^= 1;
      const CompareReport report = CompareLogs(first, second, log.vkey());
      EXPECT_NE(report.history, History::kForked) << path;
      EXPECT_NE(report.history, History::kSame) << path;
      if (path == "checkpoint") {
        EXPECT_EQ(report.history, History::kUndecided);
      }
    }
  }
  // A tile that is needed: named, with its side.
  MemoryFiles first = log.Publish(300), second = log.Publish(700);
  second.files["tile/0/001"][200] ^= 1;
  const CompareReport report = CompareLogs(first, second, log.vkey());
  EXPECT_EQ(report.history, History::kUndecided);
  EXPECT_EQ(report.wrong_side, 1u);
  EXPECT_THAT(report.wrong, HasSubstr("tile/0/001: "));
}

TEST(CompareVerifierTest, TwoCheckpointsOfOneSizeAreAForkWhateverTheFilesAreLike) {
  TestingLog log(600), forked = log;
  forked.Alter(17, [](ledger::Leaf& leaf) { leaf.nonce[0] ^= 1; });
  MemoryFiles first = log.Publish(), second = forked.Publish();
  second.files.erase("tile/0/000");
  const CompareReport report = CompareLogs(first, second, log.vkey());
  EXPECT_EQ(report.history, History::kForked);
  EXPECT_FALSE(report.first_difference.has_value());
  EXPECT_THAT(report.no_difference, HasSubstr("tile/0/000: cannot be read"));
}

TEST(CompareVerifierTest, AnEntryWhoseBundleIsDamagedIsStillNamed) {
  TestingLog log(600), forked = log;
  forked.Alter(300, [](ledger::Leaf& leaf) { leaf.nonce[0] ^= 1; });
  MemoryFiles first = log.Publish(), second = forked.Publish();
  first.files["tile/entries/001"] = forked.Publish().files["tile/entries/001"];  // As if the other's.
  second.files.erase("tile/entries/001");
  const CompareReport report = CompareLogs(first, second, log.vkey());
  EXPECT_EQ(report.first_difference, 300u);
  EXPECT_FALSE(report.different[0].leaf.has_value());
  EXPECT_FALSE(report.different[1].leaf.has_value());
  EXPECT_EQ(report.different[0].leaf_hash, ledger::LeafHash(log.leaves[300]));
}

TEST(CompareVerifierTest, TheCheckpointOfAnotherKeyOrLogDecidesNothing) {
  const TestingLog log(300);
  SyntheticLog other(300);
  MemoryFiles first = log.Publish();
  const CompareReport report = CompareLogs(first, other, log.vkey());
  EXPECT_EQ(report.history, History::kUndecided);
  EXPECT_EQ(report.wrong_side, 1u);
  MemoryFiles missing = log.Publish();
  missing.files.erase("checkpoint");
  EXPECT_THAT(CompareLogs(missing, first, log.vkey()).wrong, HasSubstr("checkpoint: cannot be read"));
}

TEST(CompareVerifierTest, AWrongRootOfTheEmptyTreeIsAFork) {
  const TestingLog log(300);
  MemoryFiles first = log.Publish(), second = log.Publish(0);
  EXPECT_EQ(CompareLogs(first, second, log.vkey()).history, History::kExtended);
  second.files["checkpoint"] = ledger::SignCheckpoint({TestingLog::kOrigin, 0, ledger::LeafHash("")}, log.signer);
  EXPECT_EQ(CompareLogs(first, second, log.vkey()).history, History::kForked);
}

}  // namespace
}  // namespace accord::verify::compare_verifier_test
