// Goal: what a broker sends as a bundle is kept only when it is whole, what was asked for and proved; and nothing is written elsewhere.
#include "services/accordctl/bundle_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/commitment.h"
#include "common/crypto/digest.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/tlog_proof.h"
#include "services/accordctl/session.h"

namespace accord::accordctl::bundle_files_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr char kOrigin[] = "accord.example/test";

// A log of three entries on the chain of one case, of which the last records the export.
class BundleFilesTest : public ::testing::Test {
 protected:
  BundleFilesTest() {
    std::string name = ::testing::TempDir() + "/accord_bundle_XXXXXX";
    root_ = mkdtemp(name.data());
    for (uint64_t i = 0; i < 3; ++i) {
      leaves_.push_back(Leaf(asked_.cases[0], i, i == 0 ? ledger::kNoPreviousIndex : i - 1));
    }
    manifest_.origin = kOrigin;
    manifest_.purpose = "review";
    manifest_.checkpoint_size = 3;
    manifest_.trails = {{ledger::TrailManifest::About::kCase, asked_.cases[0], asked_.cases[0], 2, {0, 1, 2}}};
    Fill();
  }
  ~BundleFilesTest() override { fs::remove_all(root_); }

  std::string Leaf(const std::string& chain, uint64_t sequence, uint64_t previous) {
    const std::vector<crypto::Opening> openings = {crypto::MakeOpening(random_, "event", "x")};
    return ledger::EncodeLeaf(ledger::MakeLeaf(kOrigin, 1'000 + leaves_.size(), {{chain, sequence, previous}}, openings, random_));
  }
  ledger::Vkey vkey() const { return ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, signer_.verifier()); }
  absl::StatusOr<ledger::Hash> Node(int level, uint64_t at) const {
    if (level == 0) return ledger::LeafHash(leaves_[at]);
    return ledger::NodeHash(*Node(level - 1, 2 * at), *Node(level - 1, 2 * at + 1));
  }
  void Fill() {
    const auto nodes = [this](int level, uint64_t at) { return Node(level, at); };
    const std::string note = ledger::SignCheckpoint({kOrigin, 3, *ledger::RootAt(3, nodes)}, signer_);
    files_ = {{ledger::kVkeyFile, vkey().ToString() + "\n"}, {ledger::kCheckpointFile, note}, {ledger::kIndexFile, "index"}, {ledger::kDirectoryFile, "{}"},
              {ledger::PolicyPath("law", "1"), "law"}};
    for (const uint64_t row : manifest_.trails[0].rows) {
      files_[ledger::ReceiptPath(row)] = ledger::FormatTlogProof({leaves_[row], row, *ledger::ProveInclusion(row, 3, nodes), note});
      files_[ledger::ReceiptPath(row) + ledger::kOpeningsSuffix] = "[]\n";
    }
    manifest_.files.clear();
    for (const auto& [path, bytes] : files_) manifest_.files[path] = {bytes.size(), crypto::Sha256(bytes)};
  }

  // Why not; "kept" when it is.
  std::string Receive(const std::string& directory) {
    auto receiver = BundleReceiver::Begin(directory);
    if (!receiver.ok()) return std::string(FromAbsl(receiver.status().message()));
    auto all = files_;
    all[ledger::kManifestFile] = ledger::FormatExportManifest(manifest_);
    for (const auto& [path, bytes] : all) {
      const size_t half = bytes.size() / 2;
      for (const auto& [name, chunk] : {std::pair(path, bytes.substr(0, half)), std::pair(std::string(), bytes.substr(half))}) {
        if (const absl::Status taken = receiver->Take(name, chunk); !taken.ok()) return std::string(FromAbsl(taken.message()));
      }
    }
    const auto summary = receiver->Finish(asked_, vkey());
    if (!summary.ok()) return std::string(FromAbsl(summary.status().message()));
    EXPECT_EQ(summary->manifest, manifest_);
    return "kept";
  }

  std::string root_;
  FakeRandom random_{3};
  const crypto::Ed25519Signer signer_ = *crypto::Ed25519Signer::FromSeed(std::string(32, 's'));
  BundleAsked asked_{.cases = {std::string(16, 'c')}, .referrals = {}, .warrant = "", .purpose = "review"};
  std::vector<std::string> leaves_;
  ledger::ExportManifest manifest_;
  std::map<std::string, std::string> files_;
};

TEST_F(BundleFilesTest, AWholeBundleIsKeptForTheOwnerAlone) {
  const std::string directory = root_ + "/bundle";
  EXPECT_EQ(Receive(directory), "kept");
  for (const auto& [path, bytes] : files_) {
    EXPECT_EQ(*ReadFile(directory + "/" + path, 1 << 20), bytes);
    EXPECT_EQ(fs::status(directory + "/" + path).permissions(), fs::perms::owner_read | fs::perms::owner_write) << path;
  }
  EXPECT_EQ(fs::status(directory).permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(directory + "/receipts").permissions(), fs::perms::owner_all);
  EXPECT_FALSE(fs::exists(directory + ".incoming"));
  EXPECT_THAT(Receive(directory), HasSubstr("is there already"));
  fs::create_directory(root_ + "/empty");
  EXPECT_EQ(Receive(root_ + "/empty/"), "kept");
  EXPECT_TRUE(IsUsageError(BundleReceiver::Begin("").status()));
}

TEST_F(BundleFilesTest, WhatIsNotWholeIsNotKept) {
  const std::string directory = root_ + "/bundle";
  const auto refused = [&](auto change) {
    Fill();
    change();
    const std::string why = Receive(directory);
    EXPECT_FALSE(fs::exists(directory));
    EXPECT_FALSE(fs::exists(directory + ".incoming"));
    return why;
  };
  EXPECT_THAT(refused([&] { files_[ledger::kDirectoryFile] = "[]"; }), HasSubstr("directory.json: is not the file that the manifest names"));
  EXPECT_THAT(refused([&] { files_.erase(ledger::PolicyPath("law", "1")); }), HasSubstr("policies/law/1.toml: did not come"));
  EXPECT_THAT(refused([&] { files_["policies/law/2.toml"] = "x"; }), HasSubstr("policies/law/2.toml: is not the file"));
  EXPECT_THAT(refused([&] { manifest_.purpose = "other"; }), HasSubstr("something else than was asked for"));
  manifest_.purpose = "review";
  EXPECT_THAT(refused([&] { asked_.referrals = {std::string(32, 'd')}; }), HasSubstr("something else than was asked for"));
  asked_.referrals.clear();
  manifest_.trails[0].rows = {0, 2};
  EXPECT_THAT(refused([] {}), HasSubstr("entry 2: is not number 1 of its chain"));
  manifest_.trails[0].rows = {0, 1, 2};
  leaves_[1] = Leaf(std::string(16, 'z'), 0, ledger::kNoPreviousIndex);
  EXPECT_THAT(refused([] {}), HasSubstr("entry 1: is not number 1 of its chain"));
}

TEST_F(BundleFilesTest, NoPathLeadsElsewhere) {
  for (const char* path : {"/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".hidden", "a/b/c/d", "a b", "a\\b", "a\nb"}) {
    auto receiver = BundleReceiver::Begin(root_ + "/bundle");
    ASSERT_TRUE(receiver.ok());
    EXPECT_TRUE(HasReason(receiver->Take(path, "x"), Reason::kReceiptInvalid)) << path;
  }
  auto receiver = BundleReceiver::Begin(root_ + "/bundle");
  EXPECT_FALSE(receiver->Take("", "x").ok());
  EXPECT_TRUE(receiver->Take("index.txt", "x").ok());
  EXPECT_FALSE(receiver->Take("index.txt", "x").ok() && receiver->Take("index.txt", "x").ok());
  auto large = BundleReceiver::Begin(root_ + "/large");
  const std::string chunk(1 << 20, 'x');
  EXPECT_TRUE(large->Take("index.txt", chunk).ok());
  for (int i = 1; i < 32; ++i) EXPECT_TRUE(large->Take("", chunk).ok());
  EXPECT_THAT(FromAbsl(large->Take("", "x").message()), HasSubstr("more bytes came than a bundle may have"));
}

}  // namespace
}  // namespace accord::accordctl::bundle_files_test
