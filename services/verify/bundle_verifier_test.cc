// Goal: a bundle verifies with the grade that its rows deserve, and no alteration of any of its files passes.
// Method: a small log in memory, its bundle altered in every way; where the forger holds the log's key, what the entries
// themselves say must tell, or the copy of the log.
#include "services/verify/bundle_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/verify/testing_trail.h"

namespace accord::verify::bundle_verifier_test {
namespace {

using ledger::TrailGrade;
using ledger::TrailManifest;
using ::testing::HasSubstr;

constexpr size_t kSize = 12;

BundleReport Verify(MemoryFiles files, const ledger::Vkey& key) { return VerifyBundle(files, NamesOf(files), key); }
BundleReport Verify(const TestingTrail& trail, const MemoryFiles& files) { return Verify(files, trail.vkey()); }

std::string First(const BundleReport& report) {
  if (report.findings.empty()) return "nothing";
  return report.findings.front().where + ": " + report.findings.front().what;
}

BundleReport VerifyWithCopy(const TestingTrail& trail, const MemoryFiles& bundle, MemoryFiles copy_files) {
  BundleReport report = Verify(trail, bundle);
  EXPECT_TRUE(report.ok()) << First(report);
  auto copy = LedgerCopy::Open(copy_files, trail.vkey());
  EXPECT_TRUE(copy.ok()) << copy.status();
  if (report.ok() && copy.ok()) CheckAgainstCopy(*copy, report);
  return report;
}

TEST(BundleVerifierTest, AReferralAndACaseAreAttestedAtEverySize) {
  const TestingTrail trail(300);
  for (const size_t size : {7, 8, 255, 256, 257, 300}) {
    for (const TrailManifest& manifest : {trail.Manifest(size), trail.CaseManifest(size)}) {
      const BundleReport report = Verify(trail, trail.Bundle(manifest));
      ASSERT_TRUE(report.ok()) << size << " " << First(report);
      EXPECT_EQ(report.grade, TrailGrade::kAttested);
      EXPECT_FALSE(report.full);
      EXPECT_EQ(report.rows.size(), manifest.rows.size());
      EXPECT_EQ(report.rows.back().sequence, manifest.rows.size() - 1);
      EXPECT_EQ(report.rows.front().event, "referral stored");
      EXPECT_EQ(report.rows.front().who, "agency/police");
    }
  }
}

// Of a recipient: some rows only.
TEST(BundleVerifierTest, SomeRowsArePartialAndNeverMore) {
  const TestingTrail trail;
  TrailManifest manifest = trail.Manifest(kSize);
  manifest.rows = {3, 6};
  EXPECT_THAT(First(Verify(trail, trail.Bundle(manifest))), HasSubstr("entry 3: is number 1 of the chain, where number 0 is due"));
  manifest.grade = TrailGrade::kPartial;
  const BundleReport report = VerifyWithCopy(trail, trail.Bundle(manifest), trail.Publish(kSize));
  EXPECT_TRUE(report.ok()) << First(report);
  EXPECT_EQ(report.grade, TrailGrade::kPartial);
  EXPECT_FALSE(report.full);
  EXPECT_EQ(report.chain_entries, 4u);
  manifest = trail.Manifest(kSize);
  manifest.grade = TrailGrade::kPartial;
  EXPECT_THAT(First(Verify(trail, trail.Bundle(manifest))), HasSubstr("says partial of rows that are every entry"));
}

TEST(BundleVerifierTest, EveryAlteredByteIsFound) {
  const TestingTrail trail(8);
  const MemoryFiles whole = trail.Bundle(trail.Manifest(8));
  for (const auto& [path, bytes] : whole.files) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      MemoryFiles files = whole;
      files.files[path][i] = static_cast<char>(bytes[i] ^ (1 << i % 7));
      const BundleReport report = Verify(trail, files);
      ASSERT_FALSE(report.ok()) << path << " " << i;
      ASSERT_FALSE(report.findings.empty());
    }
  }
}

TEST(BundleVerifierTest, EveryCutLengthenedMissingOrAddedFileIsFoundByName) {
  const TestingTrail trail;
  const MemoryFiles whole = trail.Bundle(trail.Manifest(kSize));
  for (const auto& [path, bytes] : whole.files) {
    for (const std::string& other : {std::string(), bytes.substr(0, bytes.size() / 2), bytes.substr(0, bytes.size() - 1),
                                     bytes + "\n", bytes + '\0', bytes + bytes}) {
      MemoryFiles files = whole;
      files.files[path] = other;
      EXPECT_FALSE(Verify(trail, files).ok()) << path << " " << other.size();
    }
    MemoryFiles files = whole;
    files.files.erase(path);
    EXPECT_THAT(First(Verify(trail, files)), HasSubstr(path)) << path;
  }
  MemoryFiles files = whole;
  files.files["receipts/4.tlog-proof"] = trail.Receipt(4, kSize);
  EXPECT_THAT(First(Verify(trail, files)), HasSubstr("receipts/4.tlog-proof: was added"));
}

// Each field set to another value of its kind, the rest consistent with it where the forger can.
TEST(BundleVerifierTest, EveryFieldOfTheManifestIsHeldToTheProofs) {
  const TestingTrail trail;
  const auto refused = [&](auto change, const char* why) {
    TrailManifest manifest = trail.Manifest(kSize);
    MemoryFiles files = trail.Bundle(manifest);
    change(manifest);
    files.files[ledger::kManifestFile] = ledger::FormatTrailManifest(manifest);
    EXPECT_THAT(First(Verify(trail, files)), HasSubstr(why));
  };
  refused([](auto& m) { m.id[0] = 'x'; }, "entry 1: is about the referral 6464");
  refused([](auto& m) { m.chain[0] = 'x'; }, "entry 1: is no entry of the chain 7872");
  refused([&](auto& m) { m.about = TrailManifest::About::kCase, m.id = m.chain = std::string(16, 'x'); }, "is no entry of the chain");
  // Of the case a row is missing.
  refused([&](auto& m) { m.about = TrailManifest::About::kCase, m.id = m.chain = trail.case_chain; },
          "entry 3: is number 2 of the chain, where number 1 is due: an entry was left out");
  refused([&](auto& m) { m.chain = trail.case_chain; }, "entry 3: is number 2 of the chain, where number 1 is due");
  refused([](auto& m) { m.grade = TrailGrade::kPartial; }, "says partial");
  refused([](auto& m) { m.origin = "accord.example/other"; }, "is of the log accord.example/other");
  refused([](auto& m) { m.checkpoint_size = kSize + 1; }, "signs 12 entries, the manifest names 13");
  refused([](auto& m) { m.query_index = m.rows.back() = 7; }, "receipts/6.tlog-proof: was added");
  refused([](auto& m) { m.rows = {1, 3, 6}; }, "receipts/5.tlog-proof: was added");
  refused([](auto& m) { m.rows = {1, 3, 4, 5, 6}; }, "receipts/4.tlog-proof: cannot be read");
}

TEST(BundleVerifierTest, ReceiptsAndOpeningsOfOthersDoNotServe) {
  const TestingTrail trail;
  const MemoryFiles whole = trail.Bundle(trail.Manifest(kSize));
  const auto first = [&](const std::string& path, const std::string& bytes) {
    MemoryFiles files = whole;
    files.files[path] = bytes;
    return First(Verify(trail, files));
  };
  const std::string receipt = ledger::ReceiptPath(3);
  EXPECT_THAT(first(receipt, trail.Receipt(5, kSize)), HasSubstr("receipts/3.tlog-proof: is of entry 5"));
  EXPECT_THAT(first(receipt, trail.Receipt(3, kSize - 1)), HasSubstr("receipts/3.tlog-proof: is at another checkpoint"));
  ledger::TlogProof proof = *ledger::ParseTlogProof(trail.Receipt(3, kSize));
  proof.extra = trail.leaves[5];
  EXPECT_THAT(first(receipt, ledger::FormatTlogProof(proof)), HasSubstr("does not lead to the root"));
  proof = *ledger::ParseTlogProof(trail.Receipt(3, kSize));
  proof.path.pop_back();
  EXPECT_THAT(first(receipt, ledger::FormatTlogProof(proof)), HasSubstr("too short"));
  proof.path.push_back({});
  proof.path.push_back({});
  EXPECT_THAT(first(receipt, ledger::FormatTlogProof(proof)), HasSubstr("too long"));
  EXPECT_THAT(first(receipt + ledger::kOpeningsSuffix, trail.Openings(5)), HasSubstr("is not what entry 3 commits to"));
  EXPECT_THAT(first(receipt + ledger::kOpeningsSuffix, "[]\n"), HasSubstr("nothing"));  // Withheld: the rest stands.
  auto doubled = nlohmann::json::parse(trail.Openings(3));
  doubled.push_back(doubled[0]);
  EXPECT_THAT(first(receipt + ledger::kOpeningsSuffix, doubled.dump(2) + "\n"), HasSubstr("has `event` twice"));
  doubled.erase(3);
  doubled[0]["note"] = "x";
  EXPECT_THAT(first(receipt + ledger::kOpeningsSuffix, doubled.dump(2) + "\n"), HasSubstr("not written as version 1"));
}

TEST(BundleVerifierTest, AnotherKeyOrSignatureDoesNotVerify) {
  const TestingTrail trail;
  MemoryFiles files = trail.Bundle(trail.Manifest(kSize));
  const auto stranger = crypto::Ed25519Signer::FromSeed(std::string(32, 'o'));
  const auto other = ledger::Vkey::Make(TestingTrail::kOrigin, ledger::kTypeEd25519, stranger->verifier());
  EXPECT_THAT(First(Verify(files, other)), HasSubstr("vkey: is not the key"));
  // The stranger signs the same tree, and puts its key beside: who holds the published key sees it.
  files.files[ledger::kVkeyFile] = other.ToString() + "\n";
  const ledger::Checkpoint checkpoint = ledger::VerifyCheckpoint(trail.Checkpoint(kSize), trail.vkey())->checkpoint;
  files.files[ledger::kCheckpointFile] = ledger::SignCheckpoint(checkpoint, *stranger);
  EXPECT_FALSE(Verify(trail, files).ok());
}

// The last entry of the chain left out, in each way.
TEST(BundleVerifierTest, AnOmittedLastEntryIsNamed) {
  const TestingTrail trail;
  TrailManifest manifest = trail.Manifest(kSize);
  manifest.rows = {1, 3, 6};  // Before the question.
  EXPECT_THAT(First(Verify(trail, trail.Bundle(manifest))), HasSubstr("entry 6: is number 3 of the chain, where number 2 is due: an entry was left out"));
  manifest.rows = {1, 3, 5};  // With the question.
  manifest.query_index = 5;
  EXPECT_THAT(First(Verify(trail, trail.Bundle(manifest))),
              HasSubstr("entry 5: is not the record of a question: the last entry of the chain was left out"));
  MemoryFiles unopened = trail.Bundle(trail.Manifest(kSize));
  unopened.files[ledger::ReceiptPath(6) + ledger::kOpeningsSuffix] = "[]\n";
  EXPECT_THAT(First(Verify(trail, unopened)), HasSubstr("entry 6: is not the record of a question"));
}

// A question stands on several chains, and the manifest that names one is unsigned: another of them is not passed off as the referral's.
TEST(BundleVerifierTest, AReferralsChainBeginsWithItsStoring) {
  TestingTrail trail(8);
  const std::string warrant_chain(16, 'w');
  trail.Add({warrant_chain}, type::v1::EVENT_TYPE_WARRANT_ACTIVATED, "");
  trail.Add({trail.referral_chain, trail.case_chain, warrant_chain}, type::v1::EVENT_TYPE_TRAIL_QUERIED, trail.digest);
  TrailManifest manifest = trail.Manifest(10);
  manifest.query_index = 9;
  manifest.rows = {1, 3, 5, 6, 7, 9};
  ASSERT_TRUE(Verify(trail, trail.Bundle(manifest)).ok());
  manifest.chain = warrant_chain;
  manifest.rows = {8, 9};
  MemoryFiles files = trail.Bundle(manifest);
  constexpr char kWhy[] = "is number 0 of the chain and not opened to be the storing of this referral: nothing holds the chain to what was asked";
  EXPECT_EQ(First(Verify(trail, files)), fmt::format("entry 8: {}", kWhy));
  files.files[ledger::ReceiptPath(8) + ledger::kOpeningsSuffix] = "[]\n";
  EXPECT_EQ(First(Verify(trail, files)), fmt::format("entry 8: {}", kWhy));
  EXPECT_FALSE(Verify(trail, files).grade.has_value());

  // The entry that would show it, closed.
  MemoryFiles closed = trail.Bundle(trail.Manifest(10));
  closed.files[ledger::ReceiptPath(1) + ledger::kOpeningsSuffix] = "[]\n";
  EXPECT_EQ(First(Verify(trail, closed)), fmt::format("entry 1: {}", kWhy));
}

// Some are for other desks: what is shown is counted by what an entry of its kind always has.
TEST(BundleVerifierTest, WhatIsOpenedInPartIsCounted) {
  const TestingTrail trail;
  MemoryFiles files = trail.Bundle(trail.Manifest(kSize));
  const auto said = [&] {
    const BundleReport report = Verify(trail, files);
    EXPECT_TRUE(report.ok()) << First(report);
    return OpenedText(CountOpened({&report, 1}));
  };
  EXPECT_EQ(said(), "Opened: all 4 entries, each with every part that its kind always has.");
  auto parts = nlohmann::json::parse(trail.Openings(5));
  parts.erase(1);  // Who did it.
  files.files[ledger::ReceiptPath(5) + ledger::kOpeningsSuffix] = parts.dump(2) + "\n";
  files.files[ledger::ReceiptPath(3) + ledger::kOpeningsSuffix] = "[]\n";
  EXPECT_THAT(said(), HasSubstr("Opened: of 4 entries 2 wholly, 1 in part and 1 not at all."));
}

TEST(BundleVerifierTest, NothingThatSaysWhatItIsAboutIsFound) {
  const TestingTrail trail;
  MemoryFiles files = trail.Bundle(trail.Manifest(kSize));
  for (const uint64_t index : {1, 3, 5, 6}) {
    auto parts = nlohmann::json::parse(trail.Openings(index));
    parts.erase(2);
    files.files[ledger::ReceiptPath(index) + ledger::kOpeningsSuffix] = parts.dump(2) + "\n";
  }
  EXPECT_THAT(First(Verify(trail, files)), HasSubstr("names a referral that no entry here is opened to be about"));
}

TEST(BundleVerifierTest, ACopyMakesItFullWhateverTheirSizes) {
  const TestingTrail trail(300);
  for (const size_t size : {7, 12, 257}) {
    for (const size_t copy : {7, 8, 12, 256, 300}) {
      for (const TrailManifest& manifest : {trail.Manifest(size), trail.CaseManifest(size)}) {
        const BundleReport report = VerifyWithCopy(trail, trail.Bundle(manifest), trail.Publish(copy));
        EXPECT_TRUE(report.ok()) << size << " " << copy << " " << First(report);
        EXPECT_TRUE(report.full);
        EXPECT_EQ(report.chain_entries, manifest.rows.size());
        EXPECT_EQ(report.later_entries, copy > 7 ? 1u : 0u);
      }
    }
  }
  const BundleReport report = VerifyWithCopy(trail, trail.Bundle(trail.Manifest(12)), trail.Publish(6));
  EXPECT_FALSE(report.full);
  EXPECT_THAT(First(report), HasSubstr("ends before the question, entry 6: a newer copy is needed"));
}

// The broker holds the key: it numbers the chain anew in the log that it shows here, and leaves entry 5 out of it.
TEST(BundleVerifierTest, ACopyConvictsABrokerThatSignedTwoLogs) {
  const TestingTrail honest;
  TestingTrail forged;
  forged.Alter(5, [](ledger::Leaf& leaf) { leaf.chains = {{std::string(16, 'p'), 0, ledger::kNoPreviousIndex}}; });
  forged.Alter(6, [](ledger::Leaf& leaf) {
    for (auto& chain : leaf.chains) --chain.sequence, chain.previous_index = 3;
  });
  TrailManifest manifest = forged.Manifest(kSize);
  manifest.rows = {1, 3, 6};
  const MemoryFiles bundle = forged.Bundle(manifest);
  EXPECT_TRUE(Verify(forged, bundle).ok()) << First(Verify(forged, bundle));  // Attested: by a log of its own.
  for (const size_t copy : {8, 12}) {
    BundleReport report = Verify(forged, bundle);
    MemoryFiles files = honest.Publish(copy);
    auto opened = LedgerCopy::Open(files, honest.vkey());
    ASSERT_TRUE(opened.ok());
    CheckAgainstCopy(*opened, report);
    EXPECT_THAT(First(report), HasSubstr("CONVICTS THE BROKER")) << copy;
    EXPECT_FALSE(report.full);
  }
}

// The log's key signed it, every hash agrees, and what the entries say cannot be.
TEST(BundleVerifierTest, ChainsAndTimesThatCannotBeAreFoundThoughTheKeySignedThem) {
  const auto first = [](auto change) {
    TestingTrail trail;
    change(trail);
    return First(Verify(trail, trail.Bundle(trail.Manifest(kSize))));
  };
  const auto link = [](uint64_t index, auto change) {
    return [index, change](TestingTrail& trail) {
      trail.Alter(index, [&](ledger::Leaf& leaf) {
        for (auto& chain : leaf.chains) {
          if (chain.pseudonym == trail.referral_chain) change(chain);
        }
      });
    };
  };
  EXPECT_THAT(first(link(5, [](ledger::Chain& chain) { chain.previous_index = 1; })),
              HasSubstr("entry 5: names entry 1 as the entry before it, the bundle has entry 3"));
  EXPECT_THAT(first(link(5, [](ledger::Chain& chain) { chain.sequence = 1; })),
              HasSubstr("entry 5: is number 1 of the chain, after number 1"));
  EXPECT_THAT(first(link(5, [](ledger::Chain& chain) { chain.sequence = 3; })),
              HasSubstr("entry 5: names entry 3 as the entry before it, which is not after entry 3"));
  EXPECT_THAT(first([](TestingTrail& trail) { trail.Alter(5, [](ledger::Leaf& leaf) { leaf.time_ms = 1; }); }),
              HasSubstr("entry 5: is earlier than the row before it"));
  EXPECT_THAT(first([](TestingTrail& trail) { trail.Alter(3, [](ledger::Leaf& leaf) { leaf.origin = "accord.example/else"; }); }),
              HasSubstr("receipts/3.tlog-proof: its entry is of the log accord.example/else"));
}

TEST(LedgerCopyTest, AScanGoesThroughAllStretchesInOrder) {
  const TestingLog log(65'536 + 300);
  MemoryFiles files = log.Publish();
  for (const int threads : {1, 3}) {
    auto copy = LedgerCopy::Open(files, log.vkey(), nullptr, threads);
    ASSERT_TRUE(copy.ok()) << copy.status();
    const std::string fifth(16, 'z'), nobody(16, 'y');  // Every fifth entry; none.
    for (const bool alone : {true, false}) {
      std::set<std::string, std::less<>> chains = {fifth};
      if (!alone) chains.insert(nobody);
      const auto found = copy->Scan(chains);
      ASSERT_TRUE(found.ok()) << found.status();
      ASSERT_EQ(found->size(), chains.size());
      const auto& members = found->at(fifth);
      ASSERT_EQ(members.size(), (log.leaves.size() + 4) / 5);
      for (size_t i = 0; i < members.size(); ++i) {
        ASSERT_EQ(members[i].index, 5 * i);
        ASSERT_EQ(members[i].sequence, i);
      }
      if (!alone) EXPECT_TRUE(found->at(nobody).empty());
    }
    EXPECT_EQ(*copy->Entry(65'540), log.leaves[65'540]);
  }
  // What happens to a file after it was verified is told, too.
  auto copy = LedgerCopy::Open(files, log.vkey());
  files.files[ledger::EntriesPath(256, 256)].pop_back();
  EXPECT_FALSE(copy->Scan({std::string(16, 'z')}).ok());
}

}  // namespace
}  // namespace accord::verify::bundle_verifier_test
