// Goal: a whole copy verifies, and each way in which a copy can be wrong is found and named. Where the forger holds the
// log's key (signs again over what was altered), the hashes agree, and only what the leaves say can tell.
#include "services/verify/ledger_verifier.h"

#include <absl/synchronization/mutex.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/base/bytes.h"
#include "services/verify/stretch.h"
#include "services/verify/testing_log.h"
#include "services/verify/testing_synthetic_log.h"

namespace accord::verify::ledger_verifier_test {
namespace {

using ::testing::HasSubstr;

constexpr size_t kSize = 600;  // Three bundles, the last partial; two tile levels.

LedgerReport Verify(const TestingLog& log, MemoryFiles files) { return VerifyLedger(files, log.vkey()); }

// The first finding, as `where: what`.
std::string First(const LedgerReport& report) {
  if (report.findings.empty()) return "nothing";
  return report.findings.front().where + ": " + report.findings.front().what;
}

TEST(LedgerVerifierTest, AWholeCopyVerifiesAtEverySizeOfInterest) {
  for (const size_t size : {0u, 1u, 255u, 256u, 257u, 512u, 600u}) {
    const TestingLog log(size);
    const LedgerReport report = Verify(log, log.Publish());
    EXPECT_TRUE(report.ok()) << size << " " << First(report);
    EXPECT_EQ(report.entries, size);
    EXPECT_EQ(report.tiles, ledger::TilesOf(size).size());
    EXPECT_EQ(report.chains, size == 0 ? 0u : size == 1 ? 2u : 3u);
  }
}

TEST(LedgerVerifierTest, AnAlteredEntryIsNamed) {
  TestingLog log(kSize);
  MemoryFiles files = log.Publish();
  log.Alter(300, [](ledger::Leaf& leaf) { leaf.nonce[0] ^= 1; });
  const std::string path = ledger::EntriesPath(1, 256);
  files.files[path] = log.Publish().files[path];
  const LedgerReport report = Verify(log, files);
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(First(report), HasSubstr("tile/0/001: has another hash for entry 300 "));
  EXPECT_EQ(report.found[static_cast<size_t>(Check::kRoot)], 1u);
}

TEST(LedgerVerifierTest, EveryFlippedByteOfASmallCopyIsFound) {
  const TestingLog log(3);
  const MemoryFiles whole = log.Publish();
  for (const auto& [path, bytes] : whole.files) {
    if (path == "vkey") continue;
    for (size_t i = 0; i < bytes.size(); ++i) {
      MemoryFiles files = whole;
      files.files[path][i] ^= 1;
      EXPECT_FALSE(Verify(log, files).ok()) << path << " " << i;
    }
  }
}

TEST(LedgerVerifierTest, EveryMissingFileIsNamed) {
  const TestingLog log(kSize);
  const MemoryFiles whole = log.Publish();
  for (const auto& [path, bytes] : whole.files) {
    if (path == "vkey") continue;
    MemoryFiles files = whole;
    files.files.erase(path);
    const LedgerReport report = Verify(log, files);
    EXPECT_FALSE(report.ok());
    EXPECT_THAT(First(report), HasSubstr(path + ": cannot be read"));
  }
}

TEST(LedgerVerifierTest, ATruncatedOrLengthenedBundleEndsThePass) {
  const TestingLog log(kSize);
  for (const bool longer : {false, true}) {
    MemoryFiles files = log.Publish();
    std::string& bundle = files.files[ledger::EntriesPath(2, kSize % 256)];
    longer ? bundle.append("\0\0", 2) : (bundle.pop_back(), bundle);
    const LedgerReport report = Verify(log, files);
    EXPECT_FALSE(report.ok());
    EXPECT_FALSE(report.finished);
    EXPECT_EQ(report.entries, 512u);
    EXPECT_THAT(First(report), HasSubstr("tile/entries/002.p/88: is not 88 entries"));
  }
}

TEST(LedgerVerifierTest, AnotherKeyOrAnotherOriginDoesNotVerify) {
  const TestingLog log(kSize);
  const auto other = crypto::Ed25519Signer::FromSeed(std::string(32, 'o'));
  MemoryFiles files = log.Publish();
  const auto vkey = ledger::Vkey::Make(TestingLog::kOrigin, ledger::kTypeEd25519, other->verifier());
  const LedgerReport report = VerifyLedger(files, vkey);
  EXPECT_FALSE(report.ok());
  EXPECT_EQ(report.found[static_cast<size_t>(Check::kCheckpoint)], 1u);
  EXPECT_EQ(report.entries, 0u);

  const auto elsewhere = ledger::Vkey::Make("accord.example/elsewhere", ledger::kTypeEd25519, log.signer.verifier());
  EXPECT_FALSE(VerifyLedger(files, elsewhere).ok());
}

TEST(LedgerVerifierTest, ACheckpointOfAnEarlierOrLongerTreeDoesNotFit) {
  const TestingLog log(kSize);
  MemoryFiles files = log.Publish();
  files.files["checkpoint"] = ledger::SignCheckpoint({TestingLog::kOrigin, kSize, ledger::EmptyRoot()}, log.signer);
  const LedgerReport report = Verify(log, files);
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(First(report), HasSubstr("checkpoint: signs the root "));
}

// From here on the forger signs.
TEST(LedgerVerifierTest, SwappedLeavesAreFoundThoughTheKeySignedThem) {
  TestingLog log(kSize);
  std::swap(log.leaves[40], log.leaves[41]);
  const LedgerReport report = Verify(log, log.Publish());
  EXPECT_FALSE(report.ok());
  EXPECT_TRUE(report.finished);
  EXPECT_EQ(report.found[static_cast<size_t>(Check::kTime)], 1u);
  EXPECT_THAT(First(report), HasSubstr("entry 41: is 1000 ms before"));
}

TEST(LedgerVerifierTest, AGapInAChainIsFoundThoughTheKeySignedIt) {
  TestingLog log(kSize);
  log.leaves.erase(log.leaves.begin() + 100);  // In chain `a`, number 50, and in `z`.
  const LedgerReport report = Verify(log, log.Publish());
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(First(report),
              HasSubstr("entry 101: is number 51 of chain 61616161616161616161616161616161, where number 50 is due"));
}

TEST(LedgerVerifierTest, AChainThatNamesAnotherEntryBeforeItIsFound) {
  TestingLog log(kSize);
  log.Alter(7, [](ledger::Leaf& leaf) { leaf.chains[0].previous_index = 3; });
  EXPECT_THAT(First(Verify(log, log.Publish())), HasSubstr("entry 7: names entry 3 as the entry before it in chain"));
  log.Alter(7, [](ledger::Leaf& leaf) { leaf.chains[0].previous_index = ledger::kNoPreviousIndex; });
  EXPECT_THAT(First(Verify(log, log.Publish())), HasSubstr("entry 7: "));
  TestingLog first(3);
  first.Alter(1, [](ledger::Leaf& leaf) { leaf.chains[0].previous_index = 0; });
  EXPECT_THAT(First(Verify(first, first.Publish())), HasSubstr("entry 1: "));
}

TEST(LedgerVerifierTest, ALeafOfAnotherLogOrOfNoFormIsFoundThoughTheKeySignedIt) {
  TestingLog log(kSize);
  log.Alter(9, [](ledger::Leaf& leaf) { leaf.origin = "accord.example/elsewhere"; });
  EXPECT_THAT(First(Verify(log, log.Publish())), HasSubstr("entry 9: is of the log accord.example/elsewhere"));
  log.leaves[8] = "not a leaf";
  EXPECT_THAT(First(Verify(log, log.Publish())), HasSubstr("entry 8: "));
}

// c2sp.org/signed-note: a line of an unknown key says nothing, one of the log's own that fails says that the note was altered.
TEST(LedgerVerifierTest, UnknownSignatureLinesAreIgnoredAndAFailingKnownOneIsNot) {
  const TestingLog log(kSize);
  const std::string note = log.Publish().files["checkpoint"];
  const auto with = [&](const std::string& line, bool first) {
    MemoryFiles files = log.Publish();
    const size_t at = first ? note.find("\n\n") + 2 : note.size();
    files.files["checkpoint"].insert(at, line);
    return Verify(log, files);
  };
  const std::string grease = "\u2014 grease.example/unknown " + ToBase64("1234 anything at all") + "\n";
  const std::string signature = note.substr(note.find("\n\n") + 2);
  std::string failing = *FromBase64(signature.substr(signature.rfind(' ') + 1, signature.size() - signature.rfind(' ') - 2));
  failing.back() ^= 1;
  const std::string known = signature.substr(0, signature.rfind(' ') + 1) + ToBase64(failing) + "\n";
  failing[0] ^= 1;  // Of another key id: another key that happens to have the log's name.
  const std::string namesake = signature.substr(0, signature.rfind(' ') + 1) + ToBase64(failing) + "\n";
  for (const bool first : {true, false}) {
    EXPECT_TRUE(with(grease, first).ok());
    EXPECT_TRUE(with(namesake, first).ok());
    EXPECT_TRUE(with(signature, first).ok());
    EXPECT_FALSE(with(known, first).ok());
    EXPECT_FALSE(with("\u2014 no base64\n", first).ok());
  }
  // Two notes, one behind the other, are none.
  MemoryFiles files = log.Publish();
  files.files["checkpoint"] = note + note;
  EXPECT_FALSE(Verify(log, files).ok());
}

TEST(LedgerVerifierTest, AFileOfTheWrongLengthIsNamed) {
  const TestingLog log(kSize);
  for (const auto& [path, bytes] : log.Publish().files) {
    if (path == "vkey") continue;
    for (const size_t size : {size_t{0}, bytes.size() - 1, bytes.size() + 1, bytes.size() + kBundleBytesMax}) {
      MemoryFiles files = log.Publish();
      files.files[path].resize(size, '\0');
      const LedgerReport report = Verify(log, files);
      EXPECT_FALSE(report.ok()) << path << " " << size;
      EXPECT_EQ(report.findings.front().where, path) << size;
    }
  }
}

TEST(LedgerVerifierTest, TheTilesOfLevelTwoAreMadeAgainToo) {
  SyntheticLog log(2 * kStretchEntries + 300, 70'000);  // All leaves alike: their chain is wrong, their hashes are not.
  const auto tree_holds = [&](int threads) {
    const LedgerReport report = VerifyLedger(log, log.vkey(), nullptr, threads);
    EXPECT_TRUE(report.finished);
    EXPECT_EQ(report.tiles, ledger::TilesOf(log.size()).size());
    return report.found[static_cast<size_t>(Check::kTiles)] == 0 && report.found[static_cast<size_t>(Check::kRoot)] == 0;
  };
  EXPECT_TRUE(tree_holds(1));
  EXPECT_TRUE(tree_holds(2));
  for (const std::string path : {"tile/1/000", "tile/1/001", "tile/1/002.p/1", "tile/2/000.p/2", "tile/0/511", "tile/0/513.p/44"}) {
    log.flipped = {{path, 3}};
    EXPECT_FALSE(tree_holds(2)) << path;
  }
}

// Reports over the sizes where the stretches of threads meet, and over faults on both sides: the same to the word, whatever the
// number of threads.
class ThreadsTest : public ::testing::Test {
 protected:
  static const TestingLog& Log() {
    static const TestingLog log(kStretchEntries + 400);
    return log;
  }
  static std::string Told(const LedgerReport& report) {
    std::string text = std::to_string(report.finished) + " " + std::to_string(report.entries) + " " +
                       std::to_string(report.bundles) + " " + std::to_string(report.tiles) + " " +
                       std::to_string(report.chains) + " " + std::to_string(report.first_time_ms) + " " +
                       std::to_string(report.last_time_ms) + "\n";
    for (const uint64_t found : report.found) text += std::to_string(found) + " ";
    for (const Finding& finding : report.findings) text += "\n" + finding.where + ": " + finding.what;
    return text;
  }
  // What one thread tells, which all others must.
  static LedgerReport SameOnAll(MemoryFiles files) {
    const LedgerReport one = VerifyLedger(files, Log().vkey());
    for (const int threads : {2, 3, 8}) {
      EXPECT_EQ(Told(VerifyLedger(files, Log().vkey(), nullptr, threads)), Told(one)) << threads;
    }
    return one;
  }
};

TEST_F(ThreadsTest, TheSizesAroundAStretchVerify) {
  for (const size_t size : {kStretchEntries - 1, kStretchEntries, kStretchEntries + 1, kStretchEntries + 400}) {
    const LedgerReport report = SameOnAll(Log().Publish(size));
    EXPECT_TRUE(report.ok()) << size << First(report);
    EXPECT_EQ(report.entries, size);
    EXPECT_EQ(report.chains, 3u);
    EXPECT_EQ(report.tiles, ledger::TilesOf(size).size());
  }
}

TEST_F(ThreadsTest, WhatOnlyTheOrderTellsIsFoundWhereStretchesMeet) {
  TestingLog swapped = Log();
  std::swap(swapped.leaves[kStretchEntries - 1], swapped.leaves[kStretchEntries]);
  const LedgerReport time = SameOnAll(swapped.Publish());
  EXPECT_EQ(time.found[static_cast<size_t>(Check::kTime)], 1u);
  EXPECT_THAT(First(time), HasSubstr("entry 65536: is 1000 ms before"));

  TestingLog gap = Log();
  gap.leaves.erase(gap.leaves.begin() + kStretchEntries);  // The first entry of the second stretch.
  EXPECT_THAT(First(SameOnAll(gap.Publish())), HasSubstr("entry 65537: is number 32769 of chain"));

  TestingLog renamed = Log();
  renamed.Alter(kStretchEntries, [](ledger::Leaf& leaf) { leaf.chains[0].previous_index -= 2; });
  EXPECT_THAT(First(SameOnAll(renamed.Publish())),
              HasSubstr("entry 65536: names entry 65532 as the entry before it in chain 61616161616161616161616161616161, which is entry 65534"));
}

TEST_F(ThreadsTest, ManyFaultsAreToldInTheOrderOfTheLog) {
  TestingLog log = Log();
  for (const size_t at : {100u, 65'400u, 65'535u, 65'536u, 65'700u}) log.leaves[at] = "not a leaf";
  log.Alter(65'537, [](ledger::Leaf& leaf) { leaf.origin = "accord.example/elsewhere"; });
  log.Alter(65'538, [](ledger::Leaf& leaf) { leaf.time_ms = 1; });
  MemoryFiles files = log.Publish();
  files.files["tile/0/003"][0] ^= 1;
  files.files["tile/1/000"][100] ^= 1;
  files.files.erase("tile/2/000.p/1");
  const LedgerReport report = SameOnAll(files);
  EXPECT_EQ(report.found[static_cast<size_t>(Check::kLeaves)], 6u);
  EXPECT_EQ(report.found[static_cast<size_t>(Check::kTiles)], 3u);
  EXPECT_EQ(report.found[static_cast<size_t>(Check::kRoot)], 0u);
  std::string order;
  for (const Finding& finding : report.findings) order += finding.where + "; ";
  EXPECT_THAT(order, ::testing::MatchesRegex("entry 100; .*tile/0/003; .*entry 65400; .*entry 65535; .*tile/1/000; entry 65536; "
                                             ".*entry 65537; .*entry 65538; .*entry 65700; .*tile/2/000.p/1; "));
}

TEST_F(ThreadsTest, WhatComesAfterAMissingBundleIsNotTold) {
  TestingLog log = Log();
  log.leaves[50] = log.leaves[65'700] = "not a leaf";
  MemoryFiles files = log.Publish();
  files.files.erase("tile/entries/100");
  const LedgerReport report = SameOnAll(files);
  EXPECT_FALSE(report.finished);
  EXPECT_EQ(report.entries, 100 * 256u);
  EXPECT_EQ(report.found[static_cast<size_t>(Check::kLeaves)], 1u);
  EXPECT_EQ(report.findings.back().where, "tile/entries/100");
}

TEST_F(ThreadsTest, FindingsOfAllStretchesAreCountedAndTheFirstKept) {
  TestingLog log = Log();
  for (auto& leaf : log.leaves) leaf = "not a leaf";
  const LedgerReport report = SameOnAll(log.Publish());
  EXPECT_EQ(report.findings.size(), kFindingsMax);
  EXPECT_EQ(report.findings.back().where, "entry 31");
  EXPECT_EQ(report.found[static_cast<size_t>(Check::kLeaves)], log.leaves.size());
}

TEST_F(ThreadsTest, ProgressReachesTheEnd) {
  MemoryFiles files = Log().Publish();
  for (const int threads : {1, 4}) {
    absl::Mutex mu;
    uint64_t most = 0;
    const auto progress = [&](uint64_t entries, uint64_t size) {
      EXPECT_EQ(size, Log().leaves.size());
      absl::MutexLock lock(&mu);
      most = std::max(most, entries);
    };
    EXPECT_TRUE(VerifyLedger(files, Log().vkey(), progress, threads).ok());
    EXPECT_EQ(most, Log().leaves.size());
  }
}

TEST(LedgerVerifierTest, FindingsAreBoundedAndAllCounted) {
  TestingLog log(kSize);
  for (auto& leaf : log.leaves) leaf = "not a leaf";
  const LedgerReport report = Verify(log, log.Publish());
  EXPECT_EQ(report.findings.size(), kFindingsMax);
  EXPECT_EQ(report.found[static_cast<size_t>(Check::kLeaves)], kSize);
}

}  // namespace
}  // namespace accord::verify::ledger_verifier_test
