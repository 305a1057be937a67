// Goal: a range verifies exactly when its entries stand there in the signed tree, whatever became of the rest of the copy; and a
// copy extends an older checkpoint or is found not to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "services/verify/ledger_verifier.h"
#include "services/verify/testing_log.h"
#include "services/verify/testing_synthetic_log.h"

namespace accord::verify::range_test {
namespace {

using ::testing::HasSubstr;

constexpr size_t kSize = 700;

LedgerReport Range(const TestingLog& log, MemoryFiles files, uint64_t from, uint64_t to, int threads = 1) {
  return VerifyRange(files, log.vkey(), {from, to, std::nullopt}, nullptr, threads);
}

std::string First(const LedgerReport& report) {
  if (report.findings.empty()) return "nothing";
  return report.findings.front().where + ": " + report.findings.front().what;
}

TEST(RangeTest, EveryRangeOfAWholeCopyVerifies) {
  const TestingLog log(kSize);
  const uint64_t cuts[] = {0, 1, 100, 255, 256, 257, 511, 512, 513, 699, 700};
  const MemoryFiles files = log.Publish();
  for (const uint64_t from : cuts) {
    for (const uint64_t to : cuts) {
      if (from >= to) continue;
      const LedgerReport report = Range(log, files, from, to);
      EXPECT_TRUE(report.ok()) << from << " " << to << " " << First(report);
      EXPECT_EQ(report.entries, to - from);
    }
  }
}

TEST(RangeTest, AnAlteredEntryIsFoundInsideTheRangeAndOnlyThere) {
  TestingLog log(kSize);
  MemoryFiles files = log.Publish();
  log.Alter(300, [](ledger::Leaf& leaf) { leaf.nonce[0] ^= 1; });
  files.files["tile/entries/001"] = log.Publish().files["tile/entries/001"];
  const LedgerReport inside = Range(log, files, 290, 310);
  EXPECT_THAT(First(inside), HasSubstr("tile/0/001: has another hash for entry 300 "));
  EXPECT_EQ(inside.found[static_cast<size_t>(Check::kRoot)], 1u);
  EXPECT_TRUE(Range(log, files, 301, 310).ok());
  EXPECT_TRUE(Range(log, files, 256, 300).ok());
  // With a tile that fits the altered entry the root tells.
  std::string& tile = files.files["tile/0/001"];
  tile.replace((300 - 256) * 32, 32, ledger::View(ledger::LeafHash(log.leaves[300])));
  EXPECT_FALSE(Range(log, files, 290, 310).ok());
  EXPECT_FALSE(Range(log, files, 310, 320).ok());  // The tile is above these as well.
  EXPECT_TRUE(Range(log, files, 10, 20).ok());
}

// Every file but those that are read may be missing; each of those may not, nor be altered anywhere.
TEST(RangeTest, ExactlyTheFilesAboveTheRangeAreNeeded) {
  const TestingLog log(kSize);
  const MemoryFiles whole = log.Publish();
  const std::set<std::string> needed = {"checkpoint", "tile/entries/000", "tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2"};
  for (const auto& [path, bytes] : whole.files) {
    if (path == "vkey") continue;
    MemoryFiles files = whole;
    files.files.erase(path);
    EXPECT_EQ(Range(log, files, 20, 200).ok(), !needed.contains(path)) << path;
    if (!needed.contains(path)) continue;
    EXPECT_THAT(First(Range(log, files, 20, 200)), HasSubstr(path));
    files.files[path] = bytes + '\0';
    EXPECT_FALSE(Range(log, files, 20, 200).ok()) << path;
    if (path == "tile/entries/000") continue;
    for (size_t at = 0; at < bytes.size(); at += 13) {
      files.files[path] = bytes;
      files.files[path][at] ^= 1;
      EXPECT_FALSE(Range(log, files, 20, 200).ok()) << path << " " << at;
    }
  }
}

TEST(RangeTest, ChainsAreHeldTogetherWithinTheRange) {
  TestingLog log(kSize);
  log.Alter(407, [](ledger::Leaf& leaf) { leaf.chains[0].previous_index = 403; });  // It is 405.
  EXPECT_THAT(First(Range(log, log.Publish(), 400, 420)), HasSubstr("entry 407: names entry 403 as the entry before it"));
  EXPECT_THAT(First(Range(log, log.Publish(), 406, 420)), HasSubstr("nothing"));  // 403 is before the range: not told.
  EXPECT_THAT(First(Range(log, log.Publish(), 402, 404)), HasSubstr("nothing"));
  // The first of its chain here, yet it names an entry of the range that is not of the chain.
  TestingLog other(kSize);
  other.Alter(401, [](ledger::Leaf& leaf) { leaf.chains[0].previous_index = 400; });
  EXPECT_THAT(First(Range(other, other.Publish(), 400, 420)), HasSubstr("entry 401: names entry 400 as the entry before it"));
}

TEST(RangeTest, ARangeThatIsNotInTheCopyIsNot) {
  const TestingLog log(kSize);
  EXPECT_THAT(First(Range(log, log.Publish(), 650, 701)), HasSubstr("checkpoint: signs 700 entries, which are not all of 650 to 700"));
  EXPECT_FALSE(Range(log, log.Publish(), 9, 8).ok());
  EXPECT_FALSE(Range(log, log.Publish(), UINT64_MAX - 1, UINT64_MAX).ok());
}

TEST(RangeTest, ARangeOfALogOfAnySizeIsProvenByTheTilesAboveIt) {
  constexpr uint64_t kHuge = (uint64_t{1} << 41) + 65'537 * 3, kFrom = (uint64_t{1} << 40) - 300, kTo = kFrom + 700;
  const auto hashes_hold = [](const LedgerReport& report) {  // Its leaves, all alike, make no chain.
    return report.finished && report.found[static_cast<size_t>(Check::kTiles)] == 0 &&
           report.found[static_cast<size_t>(Check::kRoot)] == 0;
  };
  SyntheticLog log(kHuge, kFrom + 5);
  for (const int threads : {1, 3}) {
    EXPECT_TRUE(hashes_hold(VerifyRange(log, log.vkey(), {kFrom, kTo, std::nullopt}, nullptr, threads)));
    EXPECT_TRUE(hashes_hold(VerifyRange(log, log.vkey(), {kHuge - 70'000, std::nullopt, std::nullopt}, nullptr, threads)));
  }
  for (int level = 0; level <= 5; ++level) {
    const uint64_t hashes = kHuge >> (8 * level);
    for (const uint64_t index : {kFrom >> (8 * level), (kTo - 1) >> (8 * level), hashes - 1}) {
      if (index == hashes - 1 && hashes % 256 == 0) continue;  // No partial tile at this level: not on the way to the root.
      const auto width = static_cast<uint32_t>(std::min<uint64_t>(256, hashes - index / 256 * 256));
      log.flipped = {{ledger::TilePath({level, index / 256, width}), 32 * (index % 256) + 9}};
      EXPECT_FALSE(hashes_hold(VerifyRange(log, log.vkey(), {kFrom, kTo, std::nullopt}))) << log.flipped.begin()->first;
    }
  }
}

TEST(RangeTest, WhatCameAfterAnOlderCheckpointIsReadAndExtendsIt) {
  const TestingLog log(kSize);
  for (const uint64_t old : {0, 1, 255, 256, 300, 512, 699, 700}) {
    MemoryFiles files = log.Publish();
    const LedgerReport report = VerifyRange(files, log.vkey(), {std::nullopt, std::nullopt, log.Checkpoint(old)});
    EXPECT_TRUE(report.ok()) << old << " " << First(report);
    EXPECT_EQ(report.entries, kSize - old);
    EXPECT_EQ(report.older_size, old);
  }
}

TEST(RangeTest, AnOlderCheckpointThatIsNotExtendedIsAFork) {
  const TestingLog log(kSize);
  TestingLog forked = log;
  forked.Alter(100, [](ledger::Leaf& leaf) { leaf.nonce[0] ^= 1; });
  MemoryFiles files = log.Publish();
  for (const uint64_t old : {101, 256, 300, 700}) {
    const LedgerReport report = VerifyRange(files, log.vkey(), {std::nullopt, std::nullopt, forked.Checkpoint(old)});
    EXPECT_EQ(report.found[static_cast<size_t>(Check::kConsistency)], 1u) << old;
    EXPECT_THAT(First(report), HasSubstr("two histories")) << old;
  }
  EXPECT_TRUE(VerifyRange(files, log.vkey(), {std::nullopt, std::nullopt, forked.Checkpoint(100)}).ok());
  // A newer one, another's, and none.
  MemoryFiles shorter = log.Publish(300);
  EXPECT_THAT(First(VerifyRange(shorter, log.vkey(), {std::nullopt, std::nullopt, log.Checkpoint(700)})),
              HasSubstr("signs 700 entries, this one 300"));
  EXPECT_FALSE(VerifyRange(files, log.vkey(), {std::nullopt, std::nullopt, SyntheticLog(5).SignedCheckpoint(5)}).ok());
  EXPECT_FALSE(VerifyRange(files, log.vkey(), {std::nullopt, std::nullopt, ""}).ok());
  // Damage is not a fork.
  files.files["tile/0/000"][40] ^= 1;
  const LedgerReport damaged = VerifyRange(files, log.vkey(), {650, 660, log.Checkpoint(255)});
  EXPECT_EQ(damaged.found[static_cast<size_t>(Check::kConsistency)], 0u);
  EXPECT_THAT(First(damaged), HasSubstr("cannot be told: tile/0/000: "));
}

}  // namespace
}  // namespace accord::verify::range_test
