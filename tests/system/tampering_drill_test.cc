// Goal: whatever is done to the record, accord-verify or an agency finds it, and says what it is (docs/threat-model.md, "Tampering
// with the record", has a row for each of these tests).
//
// Method: a real broker and two agencies make a log of several tiles, with a trail, receipts and two exports of different age. Then
// every test alters a copy of these files in one way, first as somebody without the log's key, then as the broker itself, which
// has it and signs what it likes. What an agency finds while it runs is in lying_broker_test.cc.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tile.h"
#include "common/ledger/tile_builder.h"
#include "common/ledger/tlog_proof.h"
#include "common/ledger/trail_bundle.h"
#include "tests/system/raw_agency.h"
#include "tests/system/traffic.h"

namespace accord::tests::tampering_drill_test {
namespace {

namespace fs = std::filesystem;
using ledger::TrailManifest;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using enum agency::v1::SubmissionState;

constexpr absl::Duration kProgramTime = absl::Seconds(60);
constexpr uint64_t kEntriesMin = 300;  // A full tile, a partial one beside it, and one above.

// A log in files, with what is needed to write others like it.
struct Copy {
  std::vector<std::string> leaves;
  std::string checkpoint;
};

class TamperingDrill : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = new World({.agreement = OpenAgreement()});
    ASSERT_NO_FATAL_FAILURE(MakeRecord());
    ASSERT_NO_FATAL_FAILURE(ReadRecord());
  }
  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }
  void SetUp() override {
    ASSERT_FALSE(honest_.leaves.empty());
    fs::remove_all(world_->path("altered"));
  }

  // A referral that is read and accepted, another one, and entries enough for several tiles.
  static void MakeRecord() {
    ASSERT_EQ(world_->StartAll({"police", "idva"}), absl::OkStatus());
    for (const std::string id : {"drill-case-1", "drill-case-2"}) {
      ASSERT_EQ(Push(*world_, "police", TestOptions(id, {"idva"})).status(), absl::OkStatus());
      const auto submission = AwaitState(*world_, "police", id, SUBMISSION_STATE_SETTLED);
      ASSERT_EQ(submission.status(), absl::OkStatus());
      ASSERT_EQ(AwaitArrival(*world_, "idva", submission->referral()).status(), absl::OkStatus());
      ASSERT_EQ(Ctl({"--as", "idva", "inbox", "read", submission->referral()}), 0) << said_;
      ASSERT_EQ(Ctl({"--as", "idva", "inbox", "accept", submission->referral()}), 0) << said_;
      if (id == "drill-case-1") {
        ASSERT_EQ(Ctl({"--as", "police", "ledger", "export", "--out", world_->path("older")}), 0) << said_;
      }
    }
    RawAgency health(*world_, "health");
    for (int i = 0; GetCheckpoint(*world_)->checkpoint.size < kEntriesMin; ++i) {
      ASSERT_LT(i, 1000);
      ASSERT_EQ(health.Preview(health.Parts({.request_id = fmt::format("drill-preview-{:04}", i), .recipients = {"idva"}})).status(),
                absl::OkStatus());
    }
    const std::string bundle = world_->path("bundle"), part = world_->path("partial");
    ASSERT_EQ(Ctl({"--as", "police", "trail", "referral", "drill-case-1", "--bundle", bundle}), 0) << said_;
    EXPECT_THAT(said_, AllOf(HasSubstr("grade attested"), HasSubstr("accord-verify bundle")));
    const auto submission = GetSubmission(*world_, "police", "drill-case-1");
    ASSERT_EQ(Ctl({"--as", "idva", "trail", "referral", submission->referral(), "--bundle", part}), 0) << said_;
    EXPECT_THAT(said_, HasSubstr("grade partial"));
    ASSERT_EQ(Ctl({"--as", "police", "trail", "referral", "drill-case-1", "--bundle", bundle}), 2) << said_;  // It is there already.
    for (const std::string agency : {"police", "idva"}) {
      ASSERT_EQ(Ctl({"--as", agency, "receipt", "export", "--out", world_->path("receipts-" + agency)}), 0) << said_;
    }
    ASSERT_EQ(Ctl({"--as", "police", "ledger", "export", "--out", world_->path("copy")}), 0) << said_;
  }

  static void ReadRecord() {
    Copy copy;
    copy.checkpoint = *ReadFile(world_->path("copy/checkpoint"));
    const auto verified = ledger::VerifyCheckpoint(copy.checkpoint, world_->log_key());
    ASSERT_TRUE(verified.ok()) << verified.status();
    const uint64_t size = verified->checkpoint.size;
    for (uint64_t first = 0; first < size; first += ledger::kTileWidth) {
      const uint64_t width = std::min(ledger::kTileWidth, size - first);
      const std::string path = ledger::EntriesPath(first / ledger::kTileWidth, static_cast<uint32_t>(width));
      const auto entries = ledger::ParseBundle(*ReadFile(world_->path("copy/" + path)), width);
      ASSERT_TRUE(entries.has_value()) << path;
      copy.leaves.insert(copy.leaves.end(), entries->begin(), entries->end());
    }
    const auto manifest = ledger::ParseTrailManifest(*ReadFile(world_->path("bundle/bundle.json")));
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    manifest_ = *manifest;
    ASSERT_GE(manifest_.rows.size(), 5u);  // Stored, released, delivered, opened, accepted, and the question.
    ASSERT_GE(size, kEntriesMin);
    honest_ = std::move(copy);
  }

  static int Ran(std::vector<std::string> command) {
    const auto ran = RunProgram(std::move(command), kProgramTime);
    EXPECT_EQ(ran.status(), absl::OkStatus());
    if (!ran.ok()) return -1;
    said_ = ran->output;
    return ran->exit_status;
  }
  static int Ctl(const std::vector<std::string>& words) {
    std::vector<std::string> command = {World::Program("accordctl"), "--config", world_->path("accordctl.toml")};
    command.insert(command.end(), words.begin(), words.end());
    return Ran(std::move(command));
  }
  // Files of the world by their names there.
  static int Verify(const std::vector<std::string>& words) {
    std::vector<std::string> command = {World::Program("accord-verify"), "--vkey", world_->path("broker.vkey")};
    for (size_t i = 0; i < words.size(); ++i) {  // The first is the subcommand.
      const bool file = i > 0 && words[i].front() != '-' && fs::exists(world_->path(words[i]));
      command.push_back(file ? world_->path(words[i]) : words[i]);
    }
    return Ran(std::move(command));
  }

  // A copy of `folder` as `altered`.
  static void Take(const std::string& folder) {
    fs::copy(world_->path(folder), world_->path("altered"), fs::copy_options::recursive);
  }
  static std::string Altered(const std::string& file) { return world_->path("altered/" + file); }
  static void Flip(const std::string& file, size_t at) {
    std::string bytes = *ReadFile(Altered(file));
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    Put(file, bytes);
  }
  static void Put(const std::string& file, std::string_view bytes) {
    fs::create_directories(fs::path(Altered(file)).parent_path());
    ASSERT_EQ(WriteFileDurably(Altered(file), bytes), absl::OkStatus());
  }

  // A whole log of these leaves as `altered`, with every tile as it must be, under `checkpoint`.
  static void PutLog(const std::vector<std::string>& leaves, const std::string& checkpoint) {
    ledger::TileBuilder tiles;
    const auto put = [](const ledger::Tile& tile, std::string_view hashes) { Put(ledger::TilePath(tile), hashes); };
    for (const std::string& leaf : leaves) tiles.Append(ledger::LeafHash(leaf), put);
    tiles.EmitPartial(put);
    for (size_t first = 0; first < leaves.size(); first += ledger::kTileWidth) {
      const size_t end = std::min<size_t>(first + ledger::kTileWidth, leaves.size());
      const std::vector<std::string> some(leaves.begin() + static_cast<ptrdiff_t>(first),
                                          leaves.begin() + static_cast<ptrdiff_t>(end));
      Put(ledger::EntriesPath(first / ledger::kTileWidth, static_cast<uint32_t>(end - first)), ledger::EncodeBundle(some));
    }
    Put("checkpoint", checkpoint);
    Put("vkey", *ReadFile(world_->path("copy/vkey")));
  }
  static std::string Sign(const std::vector<std::string>& leaves, const crypto::Ed25519Signer& signer) {
    ledger::Frontier frontier;
    for (const std::string& leaf : leaves) frontier.Append(ledger::LeafHash(leaf));
    return ledger::SignCheckpoint({manifest_.origin, leaves.size(), frontier.Root()}, signer);
  }
  // As the broker, which has the key.
  static std::string Sign(const std::vector<std::string>& leaves) {
    return Sign(leaves, *crypto::Ed25519Signer::FromPemFile(world_->path("broker-keys/log.pem")));
  }
  static std::string Changed(const std::string& bytes) {
    ledger::Leaf leaf = *ledger::ParseLeaf(bytes);
    leaf.nonce[0] = static_cast<char>(leaf.nonce[0] ^ 1);
    return ledger::EncodeLeaf(leaf);
  }

  // The chain of drill-case-1 without its last entry before the question, numbered anew: what a broker writes that has the key and
  // wants it never to have happened. The entry itself is made one of another chain, so that no other moves.
  static std::vector<std::string> WithoutTheLastEntry() {
    std::vector<std::string> leaves = honest_.leaves;
    const uint64_t omitted = manifest_.rows[manifest_.rows.size() - 2];
    ledger::Leaf gone = *ledger::ParseLeaf(leaves[omitted]);
    const std::vector<ledger::Chain> of = gone.chains;
    gone.chains = {{std::string(ledger::kPseudonymBytes, '\x7f'), 0, ledger::kNoPreviousIndex}};
    leaves[omitted] = ledger::EncodeLeaf(gone);
    for (uint64_t index = omitted + 1; index < leaves.size(); ++index) {
      ledger::Leaf leaf = *ledger::ParseLeaf(leaves[index]);
      for (ledger::Chain& chain : leaf.chains) {
        for (const ledger::Chain& cut : of) {
          if (chain.pseudonym != cut.pseudonym) continue;
          --chain.sequence;
          if (chain.previous_index == omitted) chain.previous_index = cut.previous_index;
        }
      }
      leaves[index] = ledger::EncodeLeaf(leaf);
    }
    return leaves;
  }

  static World* world_;
  static Copy honest_;
  static TrailManifest manifest_;
  static std::string said_;  // By the last program, standard output and error.
};

World* TamperingDrill::world_ = nullptr;
Copy TamperingDrill::honest_;
TrailManifest TamperingDrill::manifest_;
std::string TamperingDrill::said_;

TEST_F(TamperingDrill, NothingAlteredVerifies) {
  EXPECT_EQ(Verify({"ledger", "copy"}), 0) << said_;
  EXPECT_EQ(Verify({"ledger", "older"}), 0) << said_;
  EXPECT_EQ(Verify({"compare", "older", "copy"}), 0) << said_;
  EXPECT_EQ(Verify({"bundle", "bundle"}), 0) << said_;
  EXPECT_THAT(said_, HasSubstr("Grade: attested"));
  EXPECT_EQ(Verify({"bundle", "bundle", "--ledger", "copy"}), 0) << said_;
  EXPECT_THAT(said_, HasSubstr("Grade: full"));
  EXPECT_EQ(Verify({"bundle", "partial", "--ledger", "copy"}), 0) << said_;
  EXPECT_THAT(said_, HasSubstr("Grade: partial"));
  EXPECT_EQ(Verify({"case", "copy", ToHex(manifest_.chain)}), 0) << said_;
  EXPECT_THAT(said_, HasSubstr("Grade: full"));
  EXPECT_EQ(Verify({"receipts", "receipts-police", "--ledger", "copy"}), 0) << said_;
  // Released, opened and accepted, of two referrals.
  EXPECT_EQ(Verify({"receipts", "receipts-idva", "--ledger", "copy", "--json"}), 0) << said_;
  EXPECT_THAT(said_, HasSubstr("\"confirmed\": 6"));
}

TEST_F(TamperingDrill, ABitFlippedInAnEntry) {
  Take("copy");
  const std::string path = ledger::EntriesPath(0, 256);
  ASSERT_NO_FATAL_FAILURE(Flip(path, 2 + 4 + 1 + manifest_.origin.size()));  // The nonce of entry 0.
  EXPECT_EQ(Verify({"ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("DOES NOT VERIFY: tile/0/000: has another hash for entry 0 than that entry gives"));
}

TEST_F(TamperingDrill, ABitFlippedInATile) {
  for (const ledger::Tile& tile : ledger::TilesOf(honest_.leaves.size())) {
    fs::remove_all(world_->path("altered"));
    Take("copy");
    const std::string path = ledger::TilePath(tile);
    ASSERT_NO_FATAL_FAILURE(Flip(path, 5));
    EXPECT_EQ(Verify({"ledger", "altered"}), 1);
    EXPECT_THAT(said_, HasSubstr("DOES NOT VERIFY: " + path + ": has another hash"));
  }
}

TEST_F(TamperingDrill, ABitFlippedInTheCheckpoint) {
  for (const size_t at : {size_t{0}, honest_.checkpoint.find('\n') + 1, honest_.checkpoint.find("\n\n") - 3, honest_.checkpoint.size() - 5}) {
    fs::remove_all(world_->path("altered"));
    Take("copy");
    ASSERT_NO_FATAL_FAILURE(Flip("checkpoint", at));
    EXPECT_EQ(Verify({"ledger", "altered"}), 1);
    EXPECT_THAT(said_, HasSubstr("DOES NOT VERIFY: checkpoint: ")) << at;
  }
}

TEST_F(TamperingDrill, AnEntryDeleted) {
  // From its bundle alone.
  Take("copy");
  std::vector<std::string> some(honest_.leaves.begin(), honest_.leaves.begin() + 256);
  some.erase(some.begin() + 100);
  Put(ledger::EntriesPath(0, 256), ledger::EncodeBundle(some));
  EXPECT_EQ(Verify({"ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("tile/entries/000: is not 256 entries"));
  // Everything after it moved up, every tile made anew; the checkpoint cannot be.
  std::vector<std::string> leaves = honest_.leaves;
  leaves.erase(leaves.begin() + 100);
  fs::remove_all(world_->path("altered"));
  PutLog(leaves, honest_.checkpoint);
  EXPECT_EQ(Verify({"ledger", "altered", "--json"}), 1);
  EXPECT_THAT(said_, AllOf(HasSubstr("DOES NOT VERIFY: entry 100: is number "), HasSubstr("\"entries all there\": \"FAILED (1)\"")));
}

TEST_F(TamperingDrill, AnEntryInserted) {
  std::vector<std::string> leaves = honest_.leaves;
  ledger::Leaf made = *ledger::ParseLeaf(leaves[50]);
  made.chains = {{std::string(ledger::kPseudonymBytes, '\x7e'), 0, ledger::kNoPreviousIndex}};
  leaves.insert(leaves.begin() + 50, ledger::EncodeLeaf(made));
  const std::string longer = leaves.back();
  leaves.pop_back();  // So that the size is the signed one.
  PutLog(leaves, honest_.checkpoint);
  EXPECT_EQ(Verify({"ledger", "altered", "--json"}), 1);  // What came after the place is moved, and names what is elsewhere now.
  EXPECT_THAT(said_, AllOf(HasSubstr("DOES NOT VERIFY: entry "), HasSubstr("\"root as signed\": \"FAILED (1)\"")));
  leaves.push_back(longer);
  fs::remove_all(world_->path("altered"));
  PutLog(leaves, honest_.checkpoint);
  EXPECT_EQ(Verify({"ledger", "altered", "--json"}), 1);
  EXPECT_THAT(said_, AllOf(HasSubstr("DOES NOT VERIFY: entry "), HasSubstr("\"entries all there\": \"FAILED (1)\"")));
}

TEST_F(TamperingDrill, TwoEntriesReordered) {
  std::vector<std::string> leaves = honest_.leaves;
  std::swap(leaves[manifest_.rows[1]], leaves[manifest_.rows[2]]);
  PutLog(leaves, honest_.checkpoint);
  EXPECT_EQ(Verify({"ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr(fmt::format("DOES NOT VERIFY: entry {}: is number ", manifest_.rows[1])));
  // Even where the broker signs it.
  fs::remove_all(world_->path("altered"));
  PutLog(leaves, Sign(leaves));
  EXPECT_EQ(Verify({"ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr(fmt::format("DOES NOT VERIFY: entry {}: is number ", manifest_.rows[1])));
}

TEST_F(TamperingDrill, TheEndCutOff) {
  Take("copy");
  fs::remove_all(Altered("tile/entries/001.p"));
  EXPECT_EQ(Verify({"ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("DOES NOT VERIFY: tile/entries/001.p/"));
  fs::remove_all(world_->path("altered"));
  PutLog({honest_.leaves.begin(), honest_.leaves.begin() + 200}, honest_.checkpoint);
  EXPECT_EQ(Verify({"ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("DOES NOT VERIFY: tile/entries/000: cannot be read"));
}

// An older checkpoint that was once signed, shown as if it were the whole log: nothing in it is wrong. Whoever holds something
// newer knows; an agency that runs does by itself (LyingBrokerTest.ALogThatWasCutIsNoticed).
TEST_F(TamperingDrill, RolledBackToAnOlderSignedCheckpoint) {
  EXPECT_EQ(Verify({"ledger", "older"}), 0) << said_;
  EXPECT_EQ(Verify({"receipts", "receipts-police", "--ledger", "older"}), 1);
  EXPECT_THAT(said_, AllOf(HasSubstr("is newer than the copy, which ends at"), HasSubstr("rolled back, and this receipt convicts the broker")));
  EXPECT_EQ(Verify({"receipts", "receipts-idva", "--ledger", "older"}), 1);
  EXPECT_THAT(said_, HasSubstr("newer than the copy"));
  EXPECT_EQ(Verify({"bundle", "bundle", "--ledger", "older"}), 1);
  EXPECT_THAT(said_, HasSubstr("ends before the question"));
  // Without the key it cannot even be made to look newer.
  PutLog(honest_.leaves, *ReadFile(world_->path("older/checkpoint")));
  fs::remove_all(world_->path("altered/tile"));
  fs::copy(world_->path("copy/tile"), world_->path("altered/tile"), fs::copy_options::recursive);
  EXPECT_EQ(Verify({"ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("cannot be read"));
}

TEST_F(TamperingDrill, TheSignatureSwapped) {
  const crypto::Ed25519Signer stranger = crypto::Ed25519Signer::Generate();
  Take("copy");
  Put("checkpoint", Sign(honest_.leaves, stranger));
  EXPECT_EQ(Verify({"ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("DOES NOT VERIFY: checkpoint: "));
  // That of the older checkpoint below this text.
  const std::string older = *ReadFile(world_->path("older/checkpoint"));
  Put("checkpoint", honest_.checkpoint.substr(0, honest_.checkpoint.find("\n\n")) + older.substr(older.find("\n\n")));
  EXPECT_EQ(Verify({"ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("DOES NOT VERIFY: checkpoint: "));
}

// A whole log of its own, key beside it: whoever takes the key from the copy is told what that is worth.
TEST_F(TamperingDrill, AnotherKey) {
  const crypto::Ed25519Signer stranger = crypto::Ed25519Signer::Generate();
  std::vector<std::string> leaves = honest_.leaves;
  leaves[7] = Changed(leaves[7]);
  PutLog(leaves, Sign(leaves, stranger));
  Put("vkey", ledger::Vkey::Make(manifest_.origin, ledger::kTypeEd25519, stranger.verifier()).ToString() + "\n");
  EXPECT_EQ(Verify({"ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("DOES NOT VERIFY: checkpoint: "));
  EXPECT_EQ(Ran({World::Program("accord-verify"), "ledger", world_->path("altered")}), 0) << said_;
  EXPECT_THAT(said_, HasSubstr("it came with the copy"));
  fs::remove_all(world_->path("altered"));
  Take("bundle");
  Put("vkey", ledger::Vkey::Make(manifest_.origin, ledger::kTypeEd25519, stranger.verifier()).ToString() + "\n");
  EXPECT_EQ(Verify({"bundle", "altered"}), 1);
}

TEST_F(TamperingDrill, AllRewrittenWithoutTheKey) {
  std::vector<std::string> leaves = honest_.leaves;
  leaves[7] = Changed(leaves[7]);
  PutLog(leaves, honest_.checkpoint);
  EXPECT_EQ(Verify({"ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("DOES NOT VERIFY: checkpoint: signs the root "));
}

// From here on the broker itself is the forger: a second history, whole in itself, that its key signed. Nothing in it is wrong;
// everything that was given out before contradicts it.
TEST_F(TamperingDrill, AForkThatTheKeySigned) {
  std::vector<std::string> leaves = honest_.leaves;
  const uint64_t stored = manifest_.rows[0];
  leaves[stored] = Changed(leaves[stored]);
  PutLog(leaves, Sign(leaves));
  EXPECT_EQ(Verify({"ledger", "altered"}), 0) << said_;
  EXPECT_EQ(Verify({"compare", "copy", "altered"}), 1);
  EXPECT_THAT(said_, AllOf(HasSubstr("the log's key signed two histories"),
                           HasSubstr(fmt::format("the first entry that is not the same is {}", stored))));
  EXPECT_EQ(Verify({"compare", "older", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("the log's key signed two histories"));
  for (const std::string agency : {"police", "idva"}) {
    EXPECT_EQ(Verify({"receipts", "receipts-" + agency, "--ledger", "altered"}), 1);
    EXPECT_THAT(said_, AllOf(HasSubstr("CONVICTS THE BROKER: "), HasSubstr("they are evidence"))) << agency;
  }
  EXPECT_EQ(Verify({"bundle", "bundle", "--ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("CONVICTS THE BROKER: "));
}

TEST_F(TamperingDrill, TheLastEntryOfACaseLeftOutOfABundle) {
  // By somebody: the files of the entry taken away, then its row too, then the question with it.
  const uint64_t omitted = manifest_.rows[manifest_.rows.size() - 2];
  Take("bundle");
  for (const std::string& file : {ledger::ReceiptPath(omitted), ledger::ReceiptPath(omitted) + ledger::kOpeningsSuffix}) {
    fs::remove(Altered(file));
  }
  EXPECT_EQ(Verify({"bundle", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr(fmt::format("DOES NOT VERIFY: receipts/{}.tlog-proof: cannot be read", omitted)));
  TrailManifest manifest = manifest_;
  manifest.rows.erase(manifest.rows.end() - 2);
  Put("bundle.json", ledger::FormatTrailManifest(manifest));
  EXPECT_EQ(Verify({"bundle", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr(fmt::format("DOES NOT VERIFY: entry {}: is number {} of the chain, where number {} is due: an entry was left out",
                                           manifest.query_index, manifest.rows.size(), manifest.rows.size() - 1)));
  fs::remove_all(world_->path("altered"));
  Take("bundle");
  manifest = manifest_;
  manifest.rows.pop_back();
  manifest.query_index = manifest.rows.back();
  Put("bundle.json", ledger::FormatTrailManifest(manifest));
  for (const std::string& file : {ledger::ReceiptPath(manifest_.query_index), ledger::ReceiptPath(manifest_.query_index) + ledger::kOpeningsSuffix}) {
    fs::remove(Altered(file));
  }
  EXPECT_EQ(Verify({"bundle", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("is not the record of a question: the last entry of the chain was left out"));
}

// By the broker, which numbers the chain anew and signs: the log without the entry is whole, and every chain in it. Whatever was
// given out of a tree that had the entry contradicts it: receipts of it and of all that came after, and the bundle.
TEST_F(TamperingDrill, TheLastEntryOfACaseLeftOutOfTheLogThatTheKeySigned) {
  const std::vector<std::string> leaves = WithoutTheLastEntry();
  PutLog(leaves, Sign(leaves));
  EXPECT_EQ(Verify({"ledger", "altered"}), 0) << said_;
  EXPECT_EQ(Verify({"receipts", "receipts-idva", "--ledger", "altered"}), 1);
  EXPECT_THAT(said_, AllOf(HasSubstr("CONVICTS THE BROKER: "), HasSubstr("the copy has another entry "), HasSubstr("the log's key signed both")));
  EXPECT_EQ(Verify({"receipts", "receipts-police", "--ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("CONVICTS THE BROKER: "));
  EXPECT_EQ(Verify({"bundle", "bundle", "--ledger", "altered"}), 1);
  EXPECT_THAT(said_, HasSubstr("CONVICTS THE BROKER: "));
}

TEST_F(TamperingDrill, AReceiptAltered) {
  std::set<std::string> receipts;
  for (const auto& file : fs::directory_iterator(world_->path("receipts-police"))) {
    if (file.path().extension() == ledger::kReceiptSuffix) receipts.insert(file.path().filename().string());
  }
  ASSERT_FALSE(receipts.empty());
  Take("receipts-police");
  const std::string name = *receipts.begin();
  const std::string text = *ReadFile(Altered(name));
  ASSERT_NO_FATAL_FAILURE(Flip(name, text.find("extra ") + 40));
  EXPECT_EQ(Verify({"receipts", "altered", "--ledger", "copy"}), 1);
  EXPECT_THAT(said_, AllOf(HasSubstr("DOES NOT VERIFY: "), HasSubstr(name), Not(HasSubstr("CONVICTS"))));
}

}  // namespace
}  // namespace accord::tests::tampering_drill_test
