// A small log in memory and an export of a case and a referral of it, as a broker makes it; for tests.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/crypto/digest.h"
#include "common/ledger/export_bundle.h"
#include "services/verify/export_verifier.h"
#include "services/verify/testing_trail.h"

namespace accord::verify {

// Entries 0 to 7 of TestingTrail, 8 a decision, 9 and 10 the export of its case and of its referral, which are the first of their warrant's
// chain. Single-thread.
class TestingExport : public TestingTrail {
 public:
  const std::string warrant_chain = std::string(16, 'w');

  // `names_chains` false: by a broker of before the request named the chains. `with_case` false: of the referral alone; entry 9 is the warrant's.
  // `eighth`: what entry 8 is.
  explicit TestingExport(bool names_chains = true, bool with_case = true, type::v1::EventType eighth = type::v1::EVENT_TYPE_RELEASED) : TestingTrail(8) {
    type::v1::EntryEvent decided;
    decided.set_type(eighth);
    decided.set_agreement_version("2026-1,2026-2");
    decided.set_law_version("1");
    Add({referral_chain, case_chain}, decided, digest);

    manifest.origin = kOrigin;
    manifest.warrant = "jtai-1";
    manifest.purpose = "case-tracking";
    manifest.trails = {{ledger::TrailManifest::About::kCase, case_chain, case_chain, 9, {1, 2, 3, 5, 6, 7, 8, 9}},
                       {ledger::TrailManifest::About::kReferral, digest, referral_chain, 10, {1, 3, 5, 6, 7, 8, 10}}};
    if (!with_case) manifest.trails.erase(manifest.trails.begin());
    for (const char* version : {"2026-1", "2026-2"}) Put(ledger::PolicyPath("agreement", version), std::string("agreement ") + version);
    Put(ledger::PolicyPath("law", "1"), "the law");
    Put(ledger::kDirectoryFile, Directory(1, 9));

    type::v1::EntryEvent exported;
    exported.set_type(type::v1::EVENT_TYPE_BUNDLE_EXPORTED);
    exported.set_warrant("jtai-1");
    exported.set_purpose("case-tracking");
    exported.set_query_digest(names_chains ? ledger::RequestDigest(manifest) : ledger::RequestDigestWithoutChains(manifest));
    if (with_case) {
      Add({case_chain, warrant_chain}, exported, "");
    } else {
      Add({warrant_chain}, type::v1::EVENT_TYPE_WARRANT_ACTIVATED, "");
    }
    Add({referral_chain, warrant_chain}, exported, digest);
    Add({std::string(16, 'o')}, type::v1::EVENT_TYPE_PREVIEWED, "");

    manifest.checkpoint_size = leaves.size();
    for (const ledger::BundleTrail& trail : manifest.trails) {
      for (const uint64_t row : trail.rows) {
        Put(ledger::ReceiptPath(row), Receipt(row, manifest.checkpoint_size));
        Put(ledger::ReceiptPath(row) + ledger::kOpeningsSuffix, Openings(row));
      }
    }
    Put(ledger::kVkeyFile, vkey().ToString() + "\n");
    Put(ledger::kCheckpointFile, Checkpoint(manifest.checkpoint_size));
    Put(ledger::kWitnessedFile, Checkpoint(7));
    const auto path = ledger::ProveConsistency(7, leaves.size(), [this](int level, uint64_t at) { return NodeOf(level, at); });
    std::vector<std::string> hashes;
    for (const ledger::Hash& hash : *path) hashes.emplace_back(ledger::View(hash));
    Put(ledger::kWitnessedProofFile, ledger::FormatHashLines(hashes));
    Put(ledger::kIndexFile, Index());
    Seal();
  }

  // As at the times of these two entries.
  static std::string Directory(uint64_t first, uint64_t last) {
    return fmt::format(R"({{"asAt": [{{"agencies": [], "atMs": {}}}, {{"agencies": [], "atMs": {}}}]}})", TimeOf(first), TimeOf(last)) + "\n";
  }
  void Put(const std::string& path, const std::string& bytes) {
    bundle.files[path] = bytes;
    manifest.files[path] = {bytes.size(), crypto::Sha256(bytes)};
  }
  // Without the receipt and the openings of this entry.
  void Drop(uint64_t row) {
    for (const std::string& path : {ledger::ReceiptPath(row), ledger::ReceiptPath(row) + ledger::kOpeningsSuffix}) {
      manifest.files.erase(path);
      bundle.files.erase(path);
    }
  }
  // With the openings of this entry taken out.
  void Close(uint64_t row) {
    Put(ledger::ReceiptPath(row) + ledger::kOpeningsSuffix, "[]\n");
    closed_.insert(row);
    Put(ledger::kIndexFile, Index());
    Seal();
  }
  // Writes the manifest anew, as a forger would.
  void Seal() { bundle.files[ledger::kManifestFile] = ledger::FormatExportManifest(manifest); }

  std::string Index() const {
    std::map<uint64_t, ledger::IndexRow> rows;
    for (uint64_t i = 0; i < leaves.size(); ++i) {
      type::v1::EntryEvent event;
      EXPECT_TRUE(event.ParseFromString(openings[i][0].content));
      rows[i] = {static_cast<int64_t>(ledger::ParseLeaf(leaves[i])->time_ms),
                 event.type() == type::v1::EVENT_TYPE_STATEMENT ? type::v1::StatementKind_Name(event.statement()) : type::v1::EventType_Name(event.type()),
                 "agency/police"};
      if (closed_.contains(i)) rows[i].event = rows[i].who = "";
    }
    return ledger::FormatBundleIndex(manifest, rows);
  }

  ExportReport Verify() const {
    MemoryFiles files = bundle;
    return VerifyExport(files, NamesOf(files), vkey());
  }

  ledger::ExportManifest manifest;
  MemoryFiles bundle;

 private:
  absl::StatusOr<ledger::Hash> NodeOf(int level, uint64_t at) const {
    if (level == 0) return ledger::LeafHash(leaves[at]);
    return ledger::NodeHash(*NodeOf(level - 1, 2 * at), *NodeOf(level - 1, 2 * at + 1));
  }

  std::set<uint64_t> closed_;
};

}  // namespace accord::verify
