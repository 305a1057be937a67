// Goal: what a broker sends as a bundle is kept only when it is whole, what was asked for and proved; and nothing is written elsewhere.
#include "services/accordctl/bundle_files.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "accord/type/v1/entry.pb.h"
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
const std::string kReferralChain(16, 'r'), kCaseChain(16, 'c'), kWarrantChain(16, 'w'), kDigest(32, 'd');

// A log of four entries: a referral of a case is stored, a warrant is activated, the referral is delivered, and its case or itself is exported under
// the warrant, whose chain has that record too.
class BundleFilesTest : public ::testing::Test {
 protected:
  BundleFilesTest() {
    std::string name = ::testing::TempDir() + "/accord_bundle_XXXXXX";
    root_ = mkdtemp(name.data());
    manifest_.origin = kOrigin;
    manifest_.warrant = "jtai-1";
    manifest_.purpose = "review";
    manifest_.checkpoint_size = 4;
    manifest_.trails = {{ledger::TrailManifest::About::kCase, kCaseChain, kCaseChain, 3, {0, 2, 3}}};
    Fill();
  }
  ~BundleFilesTest() override { fs::remove_all(root_); }

  void AskForTheReferral() {
    asked_.cases.clear();
    asked_.referrals = {kDigest};
    manifest_.trails = {{ledger::TrailManifest::About::kReferral, kDigest, kReferralChain, 3, {0, 2, 3}}};
  }

  void Add(std::vector<ledger::Chain> chains, const type::v1::EntryEvent& event) {
    std::vector<crypto::Opening> openings = {crypto::MakeOpening(random_, "event", event.SerializeAsString())};
    if (event.type() != type::v1::EVENT_TYPE_WARRANT_ACTIVATED) {
      type::v1::EntryReferral about;
      about.set_header_digest(kDigest);
      openings.push_back(crypto::MakeOpening(random_, "referral", about.SerializeAsString()));
    }
    leaves_.push_back(ledger::EncodeLeaf(ledger::MakeLeaf(kOrigin, 1'000 + leaves_.size(), std::move(chains), openings, random_)));
    openings_.push_back(std::move(openings));
  }
  void Add(std::vector<ledger::Chain> chains, type::v1::EventType type) {
    type::v1::EntryEvent event;
    event.set_type(type);
    Add(std::move(chains), event);
  }
  ledger::Vkey vkey() const { return ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, signer_.verifier()); }
  absl::StatusOr<ledger::Hash> Node(int level, uint64_t at) const {
    if (level == 0) return ledger::LeafHash(leaves_[at]);
    return ledger::NodeHash(*Node(level - 1, 2 * at), *Node(level - 1, 2 * at + 1));
  }
  // With the record of what the manifest asks for now.
  void MakeLog(bool names_chains = true) {
    leaves_.clear();
    openings_.clear();
    closed_.clear();
    Add({{kReferralChain, 0, ledger::kNoPreviousIndex}, {kCaseChain, 0, ledger::kNoPreviousIndex}}, type::v1::EVENT_TYPE_REFERRAL_STORED);
    Add({{kWarrantChain, 0, ledger::kNoPreviousIndex}}, type::v1::EVENT_TYPE_WARRANT_ACTIVATED);
    Add({{kReferralChain, 1, 0}, {kCaseChain, 1, 0}}, type::v1::EVENT_TYPE_DELIVERED);
    manifest_.files.clear();
    for (const auto& [path, bytes] : attached_) manifest_.files[path] = {bytes.size(), crypto::Sha256(bytes)};
    type::v1::EntryEvent exported;
    exported.set_type(type::v1::EVENT_TYPE_BUNDLE_EXPORTED);
    exported.set_warrant("jtai-1");
    exported.set_purpose("review");
    exported.set_query_digest(names_chains ? ledger::RequestDigest(manifest_) : ledger::RequestDigestWithoutChains(manifest_));
    Add({{kReferralChain, 2, 2}, {kCaseChain, 2, 2}, {kWarrantChain, 1, 1}}, exported);
  }
  // Of the log as it is now, for the manifest's rows.
  void MakeFiles() {
    const auto nodes = [this](int level, uint64_t at) { return Node(level, at); };
    const std::string note = ledger::SignCheckpoint({kOrigin, 4, *ledger::RootAt(4, nodes)}, signer_);
    files_ = attached_;
    files_[ledger::kVkeyFile] = vkey().ToString() + "\n";
    files_[ledger::kCheckpointFile] = note;
    files_[ledger::kIndexFile] = "index";
    for (const uint64_t row : manifest_.trails[0].rows) {
      files_[ledger::ReceiptPath(row)] = ledger::FormatTlogProof({leaves_[row], row, *ledger::ProveInclusion(row, 4, nodes), note});
      files_[ledger::ReceiptPath(row) + ledger::kOpeningsSuffix] = closed_.contains(row) ? "[]\n" : ledger::FormatOpenings(openings_[row]);
    }
    manifest_.files.clear();
    for (const auto& [path, bytes] : files_) manifest_.files[path] = {bytes.size(), crypto::Sha256(bytes)};
  }
  void Fill() {
    MakeLog();
    MakeFiles();
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
    EXPECT_EQ(summary->not_opened, closed_.size());
    return "kept";
  }

  std::string root_;
  FakeRandom random_{3};
  const crypto::Ed25519Signer signer_ = *crypto::Ed25519Signer::FromSeed(std::string(32, 's'));
  BundleAsked asked_{.cases = {kCaseChain}, .referrals = {}, .warrant = "jtai-1", .purpose = "review"};
  const std::map<std::string, std::string> attached_ = {{ledger::kDirectoryFile, "{}"}, {ledger::PolicyPath("law", "1"), "law"}};
  std::vector<std::string> leaves_;
  std::vector<std::vector<crypto::Opening>> openings_;
  std::set<uint64_t> closed_;
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
  fs::create_directory(root_ + "/elsewhere");
  fs::create_symlink(root_ + "/elsewhere", root_ + "/link");
  EXPECT_THAT(Receive(root_ + "/link"), HasSubstr("is there already")) << "it would not get its name";
}

TEST_F(BundleFilesTest, OnlyWhatAnInterruptedRunLeftIsRemoved) {
  const auto put = [&](const std::string& path) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << "x";
  };
  put("/first.incoming/receipts/7.tlog-proof");
  put("/first.incoming/receipts/7.tlog-proof.openings.json");
  put("/first.incoming/policies/law/1.toml");
  put("/first.incoming/vkey");
  EXPECT_EQ(Receive(root_ + "/first"), "kept");
  EXPECT_FALSE(fs::exists(root_ + "/first/receipts/7.tlog-proof"));
  constexpr char kWhy[] = ".incoming is there already and is not what a run that was interrupted leaves: move it away";
  put("/second.incoming/vkey");
  put("/second.incoming/notes/of-the-inspection.txt");
  EXPECT_THAT(Receive(root_ + "/second"), HasSubstr(kWhy));
  EXPECT_TRUE(fs::exists(root_ + "/second.incoming/notes/of-the-inspection.txt"));
  put("/third.incoming");
  EXPECT_THAT(Receive(root_ + "/third"), HasSubstr(kWhy));
  EXPECT_TRUE(fs::exists(root_ + "/third.incoming"));
  put("/elsewhere/vkey");
  fs::create_symlink(root_ + "/elsewhere", root_ + "/fourth.incoming");
  EXPECT_THAT(Receive(root_ + "/fourth"), HasSubstr(kWhy));
  EXPECT_TRUE(fs::exists(root_ + "/elsewhere/vkey"));
  EXPECT_FALSE(fs::exists(root_ + "/fourth"));
  // What is no bundle's deeper down.
  int number = 0;
  for (const char* foreign : {"/receipts/notes.txt", "/receipts/7.openings.json", "/receipts/mine.tlog-proof", "/receipts/.tlog-proof", "/receipts/a/7.tlog-proof",
                              "/policies/1.toml", "/policies/law/1.txt", "/policies/law/old/1.toml", "/law/1.toml"}) {
    const std::string directory = fmt::format("/deep{}", ++number);
    put(directory + ".incoming/vkey");
    put(directory + ".incoming" + foreign);
    EXPECT_THAT(Receive(root_ + directory), HasSubstr(kWhy)) << foreign;
    EXPECT_TRUE(fs::exists(root_ + directory + ".incoming" + foreign));
  }
  fs::create_directories(root_ + "/linked.incoming/receipts");
  fs::create_symlink(root_ + "/elsewhere/vkey", root_ + "/linked.incoming/receipts/7.tlog-proof");
  EXPECT_THAT(Receive(root_ + "/linked"), HasSubstr(kWhy));
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
  manifest_.trails[0].rows = {0, 3};
  EXPECT_THAT(refused([] {}), HasSubstr("entry 3: is not number 1 of its chain"));
  manifest_.trails[0].rows = {0, 1, 2, 3};
  EXPECT_THAT(refused([] {}), HasSubstr("entry 1: is not number 1 of its chain"));
}

// What the last entry of each trail must say: that this was exported, of these very chains.
TEST_F(BundleFilesTest, TheRecordOfTheExportIsOfThisExport) {
  const std::string directory = root_ + "/bundle";
  const auto received = [&] {
    MakeFiles();
    const std::string why = Receive(directory);
    EXPECT_EQ(fs::exists(directory), why == "kept");
    fs::remove_all(directory);
    return why;
  };
  AskForTheReferral();
  const std::vector<ledger::BundleTrail> asked = manifest_.trails;
  constexpr char kOther[] = "entry 3: is not the record of this export, or the entries are of other chains than it names";
  constexpr char kNothingHolds[] = "entry 0: is not opened to be the storing of the referral";
  for (const bool names_chains : {true, false}) {
    manifest_.trails = asked;
    MakeLog(names_chains);
    EXPECT_EQ(received(), "kept");
    closed_ = {2};
    EXPECT_EQ(received(), "kept");
    closed_ = {0};  // Outside what the warrant covers.
    EXPECT_THAT(received(), HasSubstr(names_chains ? "kept" : kNothingHolds));
    closed_ = {3};
    EXPECT_THAT(received(), HasSubstr(kOther));
    // The chain of the warrant, which has the record too, in place of the referral's.
    manifest_.trails[0].chain = kWarrantChain;
    manifest_.trails[0].rows = {1, 3};
    closed_ = {1};
    EXPECT_THAT(received(), HasSubstr(names_chains ? kOther : "entry 1: is not opened to be the storing of the referral"));
  }
  // Of another request: its policy text was another one.
  manifest_.trails = asked;
  MakeLog();
  MakeFiles();
  files_[ledger::PolicyPath("law", "1")] = "law, altered";
  manifest_.files[ledger::PolicyPath("law", "1")] = {12, crypto::Sha256("law, altered")};
  EXPECT_THAT(Receive(directory), HasSubstr(kOther));
  // Openings that are not the entry's.
  MakeLog();
  std::swap(openings_[2], openings_[3]);
  EXPECT_THAT(received(), HasSubstr("entry 3: its opening `event` is not what it commits to"));
  // A case is its own chain, whoever recorded it.
  manifest_.trails = {{ledger::TrailManifest::About::kCase, kCaseChain, kCaseChain, 3, {0, 2, 3}}};
  asked_.cases = {kCaseChain};
  asked_.referrals.clear();
  MakeLog(/*names_chains=*/false);
  closed_ = {0};
  EXPECT_EQ(received(), "kept");
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
