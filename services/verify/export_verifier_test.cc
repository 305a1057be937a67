// Goal: an export of several trails verifies, and lacking or altering any one thing in it fails and says which.
// Method: a small log in memory with a referral and its case; the forger is given all but the log's key, and may write the manifest anew.
#include "services/verify/export_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "common/crypto/digest.h"
#include "services/verify/testing_export.h"

namespace accord::verify::export_verifier_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string FirstOf(const ExportReport& report) {
  if (report.findings.empty()) return "nothing";
  return fmt::format("{}: {}: {}", Name(report.findings.front().check), report.findings.front().where, report.findings.front().what);
}

// All findings, a line each: what comes first may be a file whose digest follows from the same alteration.
std::string All(const ExportReport& report) {
  std::string text;
  for (const auto& finding : report.findings) text += fmt::format("{}: {}: {}\n", Name(finding.check), finding.where, finding.what);
  return text;
}

TEST(ExportVerifierTest, AnExportVerifiesAttestedAndWithACopyFull) {
  const TestingExport whole;
  ExportReport report = whole.Verify();
  ASSERT_TRUE(report.ok()) << All(report);
  EXPECT_EQ(report.trails.size(), 2u);
  EXPECT_EQ(report.witnessed_size, 7u);
  EXPECT_FALSE(report.full);
  EXPECT_EQ(report.manifest_digest, ToHex(crypto::Sha256(whole.bundle.files.at(ledger::kManifestFile))));
  MemoryFiles copy_files = whole.Publish(whole.leaves.size());
  auto copy = LedgerCopy::Open(copy_files, whole.vkey());
  ASSERT_TRUE(copy.ok());
  CheckAgainstCopy(*copy, report);
  EXPECT_TRUE(report.ok()) << All(report);
  EXPECT_TRUE(report.full);

  MemoryFiles files = whole.bundle;
  EXPECT_TRUE(IsExport(files));
  files.files[ledger::kManifestFile] = ledger::FormatTrailManifest(whole.Manifest(12));
  EXPECT_FALSE(IsExport(files));
}

TEST(ExportVerifierTest, EveryFileThatIsMissingAlteredOrAddedIsNamed) {
  const TestingExport whole;
  for (const auto& [path, bytes] : whole.bundle.files) {
    TestingExport export_of;
    export_of.bundle.files.erase(path);
    EXPECT_THAT(All(export_of.Verify()), HasSubstr(path)) << "missing";
    // Every byte of a policy text and of the manifest, and some of the others.
    const size_t step = path == ledger::kManifestFile ? 97 : bytes.size() < 40 ? 1 : 61;
    for (size_t i = 0; i < bytes.size(); i += step) {
      export_of.bundle.files[path] = bytes;
      export_of.bundle.files[path][i] ^= 1;
      EXPECT_THAT(All(export_of.Verify()), HasSubstr(path == ledger::kManifestFile ? "" : path)) << i;
      EXPECT_FALSE(export_of.Verify().ok()) << path << " " << i;
    }
    export_of.bundle.files[path] = bytes + "x";
    EXPECT_FALSE(export_of.Verify().ok()) << path;
  }
  TestingExport more;
  more.bundle.files["policies/law/2.toml"] = "x";
  EXPECT_EQ(FirstOf(more.Verify()), "every file as the manifest names it: policies/law/2.toml: was added: the manifest does not name it");
}

// The forger writes a manifest that fits what he altered.
TEST(ExportVerifierTest, AManifestWrittenAnewHidesNothing) {
  const TestingExport whole;
  const auto found = [&](auto change) {
    TestingExport export_of;
    change(export_of);
    export_of.Seal();
    return All(export_of.Verify());
  };
  EXPECT_EQ(found([](TestingExport&) {}), "");

  // An entry left out, of each trail in turn, and the last.
  const auto drop = [](size_t trail, uint64_t row, bool file) {
    return [=](TestingExport& e) {
      std::erase(e.manifest.trails[trail].rows, row);
      e.manifest.trails[trail].query_index = e.manifest.trails[trail].rows.back();
      if (!file) return;
      for (const std::string& path : {ledger::ReceiptPath(row), ledger::ReceiptPath(row) + ledger::kOpeningsSuffix}) {
        e.manifest.files.erase(path);
        e.bundle.files.erase(path);
      }
    };
  };
  EXPECT_THAT(found(drop(0, 2, true)), HasSubstr("case 636363636363: entry 3: is number 2 of the chain, where number 1 is due: an entry was left out"));
  EXPECT_THAT(found(drop(1, 5, false)), HasSubstr("referral 646464646464: entry 6: is number 3 of the chain, where number 2 is due"));
  EXPECT_THAT(found(drop(0, 9, true)), HasSubstr("case 636363636363: entry 8: is not the record of a question"));
  EXPECT_THAT(found(drop(1, 10, true)), HasSubstr("referral 646464646464: entry 8: is not the record of a question"));

  // A trail left out, or another asked for.
  EXPECT_THAT(found([](TestingExport& e) {
                e.manifest.trails.erase(e.manifest.trails.begin());
                for (const uint64_t row : {2, 9}) {
                  e.manifest.files.erase(ledger::ReceiptPath(row));
                  e.manifest.files.erase(ledger::ReceiptPath(row) + ledger::kOpeningsSuffix);
                  e.bundle.files.erase(ledger::ReceiptPath(row));
                  e.bundle.files.erase(ledger::ReceiptPath(row) + ledger::kOpeningsSuffix);
                }
                e.Put(ledger::kIndexFile, e.Index());
              }),
              HasSubstr("all that was asked for: referral 646464646464: entry 10: records another request: a referral or case was taken out"));
  EXPECT_THAT(found([](TestingExport& e) { e.manifest.warrant = "jtai-2"; }), HasSubstr("entry 9: names another warrant or purpose than the manifest"));
  EXPECT_THAT(found([](TestingExport& e) { e.manifest.purpose = "curiosity"; }), HasSubstr("entry 9: names another warrant or purpose than the manifest"));

  // A policy text, the directory: bound by the entry of the export.
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::PolicyPath("agreement", "2026-2"), "agreement 2026-3"); }), HasSubstr("a policy text or the directory was altered"));
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::kDirectoryFile, "{ }\n"); }), HasSubstr("records another request"));
  EXPECT_THAT(found([](TestingExport& e) {
                e.manifest.files.erase(ledger::PolicyPath("agreement", "2026-2"));
                e.bundle.files.erase(ledger::PolicyPath("agreement", "2026-2"));
              }),
              HasSubstr("a text of every version that an entry names: policies/agreement/2026-2.toml: is not here, and entry 8 says that it was in force"));

  // A leaf, an opening, a proof, the checkpoint, the index.
  EXPECT_THAT(found([](TestingExport& e) {
                ledger::TlogProof proof = *ledger::ParseTlogProof(e.bundle.files[ledger::ReceiptPath(3)]);
                proof.extra = e.leaves[5];
                e.Put(ledger::ReceiptPath(3), ledger::FormatTlogProof(proof));
              }),
              HasSubstr("receipts/3.tlog-proof: "));
  EXPECT_THAT(found([](TestingExport& e) {
                ledger::TlogProof proof = *ledger::ParseTlogProof(e.bundle.files[ledger::ReceiptPath(3)]);
                proof.path[0][0] ^= 1;
                e.Put(ledger::ReceiptPath(3), ledger::FormatTlogProof(proof));
              }),
              HasSubstr("receipts/3.tlog-proof: "));
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::ReceiptPath(3) + ledger::kOpeningsSuffix, e.Openings(5)); }),
              HasSubstr("receipts/3.tlog-proof.openings.json: the opening `event` is not what entry 3 commits to"));
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::kCheckpointFile, e.Checkpoint(11)); }), HasSubstr("checkpoint: signs 11 entries"));
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::kIndexFile, e.Index() + "And nothing else happened.\n"); }),
              HasSubstr("index says what the entries say: index.txt: does not say what the entries say"));

  // Which line of it, by what it should be.
  const auto line = [&](auto change) {
    return found([&](TestingExport& e) {
      std::string index = e.Index();
      change(index);
      e.Put(ledger::kIndexFile, index);
    });
  };
  const auto replace = [](std::string& text, std::string_view old, std::string_view other) { text.replace(text.find(old), old.size(), other); };
  const size_t lines = [&] {
    const std::string index = whole.Index();
    return static_cast<size_t>(std::count(index.begin(), index.end(), '\n'));
  }();
  EXPECT_THAT(line([&](std::string& text) { replace(text, "released, agency/police", "declined, agency/police"); }),
              HasSubstr("should be `3  2027-01-15 08:00:03.000Z  released, agency/police`"));
  EXPECT_THAT(line([&](std::string& text) { replace(text, "Log: accord.example/test", "Log: accord.example/rest"); }),
              HasSubstr("line 3 should be `Log: accord.example/test`"));
  EXPECT_THAT(line([](std::string& text) { text += "And nothing else happened.\n"; }), HasSubstr(fmt::format("it goes on after line {}", lines)));
  EXPECT_THAT(line([](std::string& text) { text.pop_back(); }), HasSubstr(fmt::format("line {} should be `10  ", lines)));
  EXPECT_THAT(line([](std::string& text) { text.clear(); }), HasSubstr("line 1 should be `A BUNDLE"));

  // The cosigned checkpoint.
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::kWitnessedProofFile, ""); }), HasSubstr("witnessed.consistency: does not lead from it"));
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::kWitnessedFile, e.Checkpoint(6)); }), HasSubstr("extends the cosigned checkpoint"));
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::kWitnessedFile, "no note"); }), HasSubstr("witnessed: "));
}

// What a newer broker names in the index has no name in an older program.
TEST(ExportVerifierTest, AKindThatThisProgramDoesNotKnowIsSaidToBeOne) {
  TestingExport newer(/*names_chains=*/true, /*with_case=*/true, static_cast<type::v1::EventType>(9'999));
  std::string index = newer.Index();
  index.replace(index.find("(not shown)"), 11, "done in a way that is not known yet, agency/police");
  newer.Put(ledger::kIndexFile, index);
  newer.Seal();
  EXPECT_THAT(All(newer.Verify()), HasSubstr("index.txt: cannot be judged: entry 8 is of a kind that this accord-verify is too old to know"));
}

// Counts what is read of entries.
class CountingFiles final : public FileReader {
 public:
  explicit CountingFiles(MemoryFiles files) : files_(std::move(files)) {}
  absl::Status ReadInto(const std::string& path, size_t bytes_max, std::string& bytes) override {
    if (path.starts_with("tile/entries/")) ++entries;
    return files_.ReadInto(path, bytes_max, bytes);
  }
  int entries = 0;

 private:
  MemoryFiles files_;
};

TEST(ExportVerifierTest, ACopyIsLookedThroughOnceForAllTrails) {
  const TestingExport whole;
  ExportReport report = whole.Verify();
  ASSERT_EQ(report.trails.size(), 2u);
  CountingFiles files(whole.Publish());
  auto copy = LedgerCopy::Open(files, whole.vkey());
  ASSERT_TRUE(copy.ok());
  files.entries = 0;
  CheckAgainstCopy(*copy, report);
  EXPECT_TRUE(report.full) << All(report);
  EXPECT_EQ(files.entries, 2) << "for the entries of the rows, and for all";
}

// A file of a stranger costs no more memory than some times its size.
TEST(ExportVerifierTest, JsonThatIsNestedWithoutEndIsNotRead) {
  const std::string deep(1'000, '[');
  TestingExport manifest;
  manifest.bundle.files[ledger::kManifestFile] = deep;
  EXPECT_FALSE(IsExport(manifest.bundle));
  EXPECT_THAT(All(manifest.Verify()), HasSubstr("it is nested too deep"));
  TestingExport attached;
  attached.Put(ledger::kDirectoryFile, deep);
  attached.Put(ledger::ReceiptPath(3) + ledger::kOpeningsSuffix, deep);
  attached.Seal();
  EXPECT_THAT(All(attached.Verify()), HasSubstr("receipts/3.tlog-proof.openings.json: the openings file: is nested too deep"));
}

// The holder passes the chain of the warrant off as the referral's: it has the record of the export too, and none of what happened.
void PassOffTheWarrant(TestingExport& e, bool closed) {
  ledger::BundleTrail& trail = e.manifest.trails.front();
  for (const uint64_t row : trail.rows) {
    if (row != 10) e.Drop(row);
  }
  trail.chain = e.warrant_chain;
  trail.rows = {9, 10};
  e.Put(ledger::ReceiptPath(9), e.Receipt(9, e.manifest.checkpoint_size));
  e.Put(ledger::ReceiptPath(9) + ledger::kOpeningsSuffix, e.Openings(9));
  e.Put(ledger::kIndexFile, e.Index());
  e.Seal();
  if (closed) e.Close(9);
}

TEST(ExportVerifierTest, AnotherChainIsNotPassedOffAsTheReferrals) {
  for (const bool closed : {false, true}) {
    TestingExport fresh(/*names_chains=*/true, /*with_case=*/false);
    ASSERT_EQ(All(fresh.Verify()), "");
    PassOffTheWarrant(fresh, closed);
    EXPECT_THAT(All(fresh.Verify()), HasSubstr("all that was asked for: referral 646464646464: entry 10: records another request: a referral or case was "
                                               "taken out or added or has the entries of another chain"));
    TestingExport old(/*names_chains=*/false, /*with_case=*/false);
    PassOffTheWarrant(old, closed);
    EXPECT_THAT(All(old.Verify()), HasSubstr("nothing holds the chain to what was asked"));
    EXPECT_FALSE(old.Verify().trails.front().grade.has_value());
  }
  // One that is open shows by itself that it begins no referral's chain.
  TestingExport opened(/*names_chains=*/true, /*with_case=*/false);
  PassOffTheWarrant(opened, /*closed=*/false);
  EXPECT_THAT(All(opened.Verify()), HasSubstr("entry 9: is number 0 of the chain and not opened to be the storing of this referral"));
}

// What was exported before the request named the chains goes on verifying, as long as the storing of the referral is opened in it.
TEST(ExportVerifierTest, AnOldExportVerifiesByHowTheReferralBegins) {
  TestingExport old(/*names_chains=*/false);
  ExportReport report = old.Verify();
  EXPECT_EQ(All(report), "");
  MemoryFiles copy_files = old.Publish(old.leaves.size());
  auto copy = LedgerCopy::Open(copy_files, old.vkey());
  ASSERT_TRUE(copy.ok());
  CheckAgainstCopy(*copy, report);
  EXPECT_TRUE(report.full) << All(report);
  old.Close(2);  // On the case alone, whose chain is its name.
  EXPECT_EQ(All(old.Verify()), "");
  old.Close(1);
  EXPECT_EQ(All(old.Verify()),
            "all that was asked for: referral 646464646464: entry 10: is of a broker that did not name the chain in it, and entry 1, the first here, is not "
            "opened to be the storing of this referral: nothing holds the chain to what was asked\n");
  TestingExport fresh;  // Outside what the warrant covers.
  fresh.Close(1);
  EXPECT_EQ(All(fresh.Verify()), "");
}

TEST(ExportVerifierTest, TheDirectoryIsOfTheFirstEntryAndOfTheExport) {
  const auto found = [](const std::string& directory) {
    TestingExport export_of;
    export_of.Put(ledger::kDirectoryFile, directory);
    export_of.Seal();
    return All(export_of.Verify());
  };
  const std::string check = "directory of the first entry's time and the export's: directory.json: ";
  EXPECT_THAT(found(TestingExport::Directory(1, 9)), Not(HasSubstr(check)));
  EXPECT_THAT(found(TestingExport::Directory(1, 9 + 3'600)), Not(HasSubstr(check)));  // A call's time apart.
  EXPECT_THAT(found(TestingExport::Directory(1, 9 + 3'601)), HasSubstr(check + "its second part is not of the time of the export"));
  EXPECT_THAT(found(TestingExport::Directory(2, 9)), HasSubstr(check + "its first part is not of the time of the first entry here"));
  EXPECT_THAT(found(TestingExport::Directory(0, 0)), Not(HasSubstr(check)));  // The broker's clock was put back before the export.
  for (const char* other : {"{}\n", "[]", "no JSON", R"({"asAt": [{"atMs": 1}]})", R"({"asAt": [{"atMs": 1}, {"atMs": "2"}]})", R"({"asAt": [1, 2]})"}) {
    EXPECT_THAT(found(other), HasSubstr(check + "does not say of which two times it is")) << other;
  }
}

// A holder can take out openings, or one label of them: that verifies, and is counted.
TEST(ExportVerifierTest, WhatIsNotOpenedOrNotWhollyIsCounted) {
  TestingExport whole;
  const auto counted = [&] {
    const ExportReport report = whole.Verify();
    EXPECT_EQ(All(report), "");
    const OpenedCount opened = CountOpened(report.trails);
    return fmt::format("{}: {} in part, {} not", opened.entries, opened.in_part, opened.not_opened);
  };
  EXPECT_EQ(counted(), "9: 0 in part, 0 not");  // Six of them on both trails.
  whole.Close(3);
  EXPECT_EQ(counted(), "9: 0 in part, 1 not");
  const auto without = [&](uint64_t row, const std::string& label) {
    auto parts = nlohmann::json::parse(whole.Openings(row));
    parts.erase(std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part["label"] == label; }));
    whole.Put(ledger::ReceiptPath(row) + ledger::kOpeningsSuffix, parts.dump(2) + "\n");
    whole.Seal();
  };
  without(2, "decisions");
  EXPECT_EQ(counted(), "9: 1 in part, 1 not");
  without(5, "referral");
  EXPECT_EQ(counted(), "9: 2 in part, 1 not");
  EXPECT_THAT(OpenedText(CountOpened(whole.Verify().trails)), HasSubstr("of 9 entries 6 wholly, 2 in part and 1 not at all"));
}

// Openings that are not there were erased, or are outside what the asker may see: all else stands, the record of the export excepted.
TEST(ExportVerifierTest, WhatIsNotOpenedIsStillProved) {
  TestingExport closed;
  closed.Put(ledger::ReceiptPath(3) + ledger::kOpeningsSuffix, "[]\n");
  closed.Seal();
  EXPECT_THAT(FirstOf(closed.Verify()), HasSubstr("index.txt: does not say what the entries say"));
  closed.Put(ledger::kIndexFile, [&] {
    std::string index = closed.Index();
    const std::string line = "released, agency/police\n";
    for (size_t at = index.find("           3  "); at != index.npos; at = index.find("           3  ", at + 1)) {
      index.replace(index.find(line, at), line.size(), "(not shown)\n");
    }
    for (size_t at = index.find("records this export.\n"); at != index.npos; at = index.find("records this export.\n", at + 90)) {
      index.insert(at + 21, "   What 1 of them say is not shown: it was erased, or lies outside what the asker may see.\n");
    }
    return index;
  }());
  closed.Seal();
  EXPECT_EQ(All(closed.Verify()), "");
  closed.Put(ledger::ReceiptPath(9) + ledger::kOpeningsSuffix, "[]\n");
  closed.Seal();
  EXPECT_THAT(All(closed.Verify()), HasSubstr("case 636363636363: entry 9: is not the record of a question"));
}

TEST(ExportVerifierTest, APolicyThatIsNotMetIsFound) {
  const TestingExport whole;
  ExportReport report = whole.Verify();
  MemoryFiles files = whole.bundle;
  const auto policy = ledger::WitnessPolicy::Parse(fmt::format("witness one {}\nquorum one\n", [] {
    const auto witness = crypto::Ed25519Signer::FromSeed(std::string(32, 'w'));
    return ledger::Vkey::Make("witness.example/one", ledger::kTypeCosignatureV1, witness->verifier()).ToString();
  }()));
  ASSERT_TRUE(policy.ok()) << policy.status();
  JudgeWitnessed(files, *policy, report);
  EXPECT_THAT(FirstOf(report), HasSubstr("witnessed: its witnesses do not meet the quorum"));
  // Taken out, the manifest written anew: it cannot be told from one that had none.
  TestingExport without;
  for (const char* path : {ledger::kWitnessedFile, ledger::kWitnessedProofFile}) {
    without.manifest.files.erase(path);
    without.bundle.files.erase(path);
  }
  without.Seal();
  report = without.Verify();
  ASSERT_EQ(All(report), "");
  JudgeWitnessed(without.bundle, *policy, report);
  EXPECT_THAT(FirstOf(report), HasSubstr("witnessed: is not here: nothing was cosigned yet, or it was taken out"));
}

}  // namespace
}  // namespace accord::verify::export_verifier_test
