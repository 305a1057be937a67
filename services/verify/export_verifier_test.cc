// Goal: an export of several trails verifies, and lacking or altering any one thing in it fails and says which.
// Method: a small log in memory with a referral and its case; the forger is given all but the log's key, and may write the manifest anew.
#include "services/verify/export_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/digest.h"
#include "services/verify/testing_export.h"

namespace accord::verify::export_verifier_test {
namespace {

using ::testing::HasSubstr;

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
  EXPECT_THAT(found([](TestingExport& e) { e.manifest.warrant = "jtai-2"; }), HasSubstr("records another request"));
  EXPECT_THAT(found([](TestingExport& e) { e.manifest.purpose = "curiosity"; }), HasSubstr("records another request"));

  // A policy text, the directory: bound by the entry of the export.
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::PolicyPath("agreement", "2026-2"), "agreement 2026-3"); }), HasSubstr("a policy text, the directory"));
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::kDirectoryFile, "{ }\n"); }), HasSubstr("records another request"));
  EXPECT_THAT(found([](TestingExport& e) {
                e.manifest.files.erase(ledger::PolicyPath("agreement", "2026-2"));
                e.bundle.files.erase(ledger::PolicyPath("agreement", "2026-2"));
              }),
              HasSubstr("the texts that were in force: policies/agreement/2026-2.toml: is not here, and entry 8 says that it was in force"));

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

  // The cosigned checkpoint.
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::kWitnessedProofFile, ""); }), HasSubstr("witnessed.consistency: does not lead from it"));
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::kWitnessedFile, e.Checkpoint(6)); }), HasSubstr("extends the cosigned checkpoint"));
  EXPECT_THAT(found([](TestingExport& e) { e.Put(ledger::kWitnessedFile, "no note"); }), HasSubstr("witnessed: "));
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
}

}  // namespace
}  // namespace accord::verify::export_verifier_test
