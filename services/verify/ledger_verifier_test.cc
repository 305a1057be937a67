// Goal: a whole copy verifies, and each way in which a copy can be wrong is found and named. Where the forger holds the
// log's key (signs again over what was altered), the hashes agree, and only what the leaves say can tell.
#include "services/verify/ledger_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>


#include "services/verify/testing_log.h"

namespace accord::verify {
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

TEST(LedgerVerifierTest, FindingsAreBoundedAndAllCounted) {
  TestingLog log(kSize);
  for (auto& leaf : log.leaves) leaf = "not a leaf";
  const LedgerReport report = Verify(log, log.Publish());
  EXPECT_EQ(report.findings.size(), kFindingsMax);
  EXPECT_EQ(report.found[static_cast<size_t>(Check::kLeaves)], kSize);
}

}  // namespace
}  // namespace accord::verify
