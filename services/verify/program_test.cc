// Goal: the program's exit statuses and what it says, over real files.
#include "services/verify/program.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "accord/type/v1/entry.pb.h"
#include "common/base/bytes.h"
#include "common/ledger/tlog_proof.h"
#include "services/verify/testing_log.h"

namespace accord::verify::program_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest() {
    std::string name = (fs::temp_directory_path() / "accord-verify-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~ProgramTest() override { fs::remove_all(directory_); }

  void Put(const std::string& path, std::string_view bytes) {
    fs::create_directories((directory_ / path).parent_path());
    std::ofstream(directory_ / path, std::ios::binary) << bytes;
  }
  void Put(const MemoryFiles& files) {
    for (const auto& [path, bytes] : files.files) Put(path, bytes);
  }
  std::string At(const std::string& path) const { return (directory_ / path).string(); }

  int Run(std::vector<std::string> arguments) {
    std::vector<const char*> argv = {"accord-verify"};
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    output_ = {};
    return RunVerify(static_cast<int>(argv.size()), argv.data(), output_);
  }

  // A receipt of `log`'s only leaf, which commits to an event.
  void PutReceipt() {
    FakeRandom random(3);
    type::v1::EntryEvent event;
    event.set_type(type::v1::EVENT_TYPE_REFERRAL_STORED);
    event.set_agreement_version("northshire-12");
    const crypto::Opening opening = crypto::MakeOpening(random, "event", event.SerializeAsString());
    const std::string leaf = ledger::EncodeLeaf(ledger::MakeLeaf(TestingLog::kOrigin, 1'800'000'000'000,
                                                                {{std::string(16, 'c'), 0, ledger::kNoPreviousIndex}},
                                                                std::vector{opening}, random));
    ledger::Frontier frontier;
    frontier.Append(ledger::LeafHash(leaf));
    const TestingLog keys(0);
    Put("r.tlog", ledger::FormatTlogProof(
                      {leaf, 0, {}, ledger::SignCheckpoint({TestingLog::kOrigin, 1, frontier.Root()}, keys.signer)}));
    Put("vkey", keys.vkey().ToString() + "\n");
    openings_ = {{{"label", "event"}, {"salt", ToBase64(opening.salt)}, {"content", ToBase64(opening.content)}}};
    Put("r.tlog.openings.json", openings_.dump());
  }

  fs::path directory_;
  Output output_;
  nlohmann::json openings_;
};

TEST_F(ProgramTest, AWholeLedgerVerifies) {
  Put(TestingLog(300).Publish());
  EXPECT_EQ(Run({"ledger", directory_.string()}), 0) << output_.err;
  EXPECT_THAT(output_.out, HasSubstr("VERIFIES"));
  EXPECT_THAT(output_.out, HasSubstr("it came with the copy"));
  EXPECT_EQ(Run({"ledger", "--json", directory_.string(), "--vkey", At("vkey")}), 0);
  const auto json = nlohmann::json::parse(output_.out);
  EXPECT_EQ(json["verifies"], true);
  EXPECT_EQ(json["entries"], 300);
  EXPECT_EQ(json["key"]["cameWithTheCopy"], false);
}

TEST_F(ProgramTest, ADamagedLedgerDoesNotAndTheFirstFaultIsNamed) {
  const TestingLog log(300);
  Put(log.Publish());
  fs::remove(directory_ / "tile/0/000");
  EXPECT_EQ(Run({"ledger", directory_.string()}), 1);
  EXPECT_THAT(output_.err, HasSubstr("DOES NOT VERIFY: tile/0/000: cannot be read"));
  EXPECT_THAT(output_.out, Not(HasSubstr("VERIFIES")));
  EXPECT_EQ(Run({"ledger", "--json", directory_.string()}), 1);
  const auto json = nlohmann::json::parse(output_.out);
  EXPECT_EQ(json["verifies"], false);
  EXPECT_EQ(json["findings"][0]["where"], "tile/0/000");

  Put("checkpoint", "nonsense");
  EXPECT_EQ(Run({"ledger", directory_.string()}), 1);
  EXPECT_THAT(output_.out, HasSubstr("not reached"));
}

TEST_F(ProgramTest, ItSaysWhetherTheTileOrTheEntryWasAltered) {
  TestingLog log(300);
  MemoryFiles files = log.Publish();
  files.files["tile/0/000"][3] ^= 1;
  Put(files);
  EXPECT_EQ(Run({"ledger", directory_.string(), "--threads", "3"}), 1);
  EXPECT_THAT(output_.out, HasSubstr("they are whole, and the tiles named above are not"));
  files = log.Publish();
  log.Alter(9, [](ledger::Leaf& leaf) { leaf.nonce[0] ^= 1; });
  files.files["tile/entries/000"] = log.Publish().files["tile/entries/000"];
  Put(files);
  EXPECT_EQ(Run({"ledger", directory_.string()}), 1);
  EXPECT_THAT(output_.out, HasSubstr("entries were altered, not only tiles"));
}

TEST_F(ProgramTest, ARangeVerifies) {
  const TestingLog log(300);
  Put(log.Publish());
  Put("old", log.Checkpoint(200));
  fs::remove(directory_ / "tile/entries/000");
  EXPECT_EQ(Run({"range", directory_.string(), "--from", "260", "--to", "270"}), 0) << output_.err;
  EXPECT_THAT(output_.out, HasSubstr("VERIFIES: the entries 260 to 269 stand there in the tree of 300"));
  EXPECT_THAT(output_.out, HasSubstr("Other entries were not looked at."));
  EXPECT_EQ(Run({"range", directory_.string(), "--old", At("old")}), 1);  // It needs entry 200.
  EXPECT_THAT(output_.err, HasSubstr("tile/entries/000: cannot be read"));
  EXPECT_EQ(Run({"range", directory_.string(), "--old", At("old"), "--from", "256", "--json"}), 0) << output_.err;
  const auto json = nlohmann::json::parse(output_.out);
  EXPECT_EQ(json["verifies"], true);
  EXPECT_EQ(json["from"], 256);
  EXPECT_EQ(json["to"], 300);
  EXPECT_EQ(json["olderSize"], 200);
  EXPECT_EQ(json["checks"]["extends the older checkpoint"], "ok");
  EXPECT_EQ(Run({"range", directory_.string(), "--from", "260", "--to", "301"}), 1);

  EXPECT_EQ(Run({"range", directory_.string()}), 2);
  EXPECT_EQ(Run({"range", directory_.string(), "--from", "5", "--to", "5"}), 2);
  EXPECT_EQ(Run({"range", directory_.string(), "--from", "-1"}), 2);
  EXPECT_EQ(Run({"range", directory_.string(), "--old", At("absent")}), 2);
  EXPECT_EQ(Run({"range", At("absent"), "--from", "5"}), 2);
}

TEST_F(ProgramTest, TwoCopiesAreComparedAndAForkIsShownWithBothCheckpoints) {
  const TestingLog log(300);
  TestingLog forked = log;
  forked.Alter(270, [](ledger::Leaf& leaf) { leaf.nonce[0] ^= 1; });
  const auto put = [this](const std::string& directory, const MemoryFiles& files) {
    for (const auto& [path, bytes] : files.files) Put(directory + "/" + path, bytes);
  };
  put("short", log.Publish(200));
  put("long", log.Publish());
  put("forked", forked.Publish());
  EXPECT_EQ(Run({"compare", At("short"), At("long")}), 0) << output_.err;
  EXPECT_THAT(output_.out, HasSubstr("long (300 entries) begins with"));
  EXPECT_EQ(Run({"compare", At("forked"), At("short"), "--json"}), 0) << output_.err;
  EXPECT_EQ(nlohmann::json::parse(output_.out)["history"], "extended");
  EXPECT_EQ(Run({"compare", At("long"), At("long")}), 0) << output_.err;

  EXPECT_EQ(Run({"compare", At("long"), At("forked")}), 1);
  EXPECT_THAT(output_.err, HasSubstr("the log's key signed two histories; the first entry that is not the same is 270"));
  EXPECT_THAT(output_.out, HasSubstr(log.Checkpoint(300)));
  EXPECT_THAT(output_.out, HasSubstr(forked.Checkpoint(300)));
  EXPECT_THAT(output_.out, Not(HasSubstr("VERIFIES")));
  EXPECT_EQ(Run({"compare", At("long"), At("forked"), "--json"}), 1);
  const auto json = nlohmann::json::parse(output_.out);
  EXPECT_EQ(json["verifies"], false);
  EXPECT_EQ(json["history"], "forked");
  EXPECT_EQ(json["firstDifference"], 270);
  EXPECT_EQ(json["copies"][1]["checkpoint"], forked.Checkpoint(300));
  EXPECT_EQ(json["copies"][1]["entry"]["leaf"], ToBase64(forked.leaves[270]));

  fs::remove(directory_ / "long/checkpoint");
  EXPECT_EQ(Run({"compare", At("short"), At("long")}), 1);
  EXPECT_THAT(output_.err, HasSubstr("long/checkpoint: cannot be read"));
  EXPECT_EQ(Run({"compare", At("short")}), 2);
  EXPECT_EQ(Run({"compare", At("short"), At("absent")}), 2);
}

TEST_F(ProgramTest, AReceiptVerifiesAndSaysWhatItsOpeningsSay) {
  PutReceipt();
  EXPECT_EQ(Run({"receipt", At("r.tlog")}), 0) << output_.err;
  EXPECT_THAT(output_.out, HasSubstr("type: referral stored"));
  EXPECT_THAT(output_.out, HasSubstr("agreement version: northshire-12"));
  EXPECT_THAT(output_.out, HasSubstr("2027-01-15 08:00:00Z"));
  EXPECT_EQ(Run({"receipt", "--json", At("r.tlog")}), 0);
  EXPECT_EQ(nlohmann::json::parse(output_.out)["openings"][0]["content"]["agreementVersion"], "northshire-12");

  fs::remove(directory_ / "r.tlog.openings.json");
  EXPECT_EQ(Run({"receipt", At("r.tlog")}), 0);
  EXPECT_THAT(output_.out, HasSubstr("No openings"));
}

TEST_F(ProgramTest, AReceiptIsHeldToAWitnessPolicy) {
  PutReceipt();
  const std::string receipt = *DirectoryReader(directory_.string()).Read("r.tlog", 1 << 20);
  const std::string text = ledger::ParseNote(ledger::ParseTlogProof(receipt)->checkpoint)->text;
  const auto signer = [](char seed) { return *crypto::Ed25519Signer::FromSeed(std::string(crypto::kEd25519SeedBytes, seed)); };
  std::string policy = fmt::format("log {}\n", TestingLog(0).vkey().ToString());
  for (char seed : {'a', 'b', 'c'}) {
    policy += fmt::format("witness {} {}\n", seed,
                          ledger::Vkey::Make("w.test", ledger::kTypeCosignatureV1, signer(seed).verifier()).ToString());
  }
  Put("two.policy", policy + "group two 2 a b c\nquorum two\n");
  const auto line = [&](char seed) { return ledger::CosignatureLine(text, "w.test", 1'800'000'000, signer(seed)); };
  EXPECT_EQ(Run({"receipt", At("r.tlog"), "--policy", At("two.policy")}), 1);
  EXPECT_THAT(output_.err, HasSubstr("does not meet the quorum two"));
  Put("r.tlog", receipt + line('a') + line('z'));  // A stranger counts for nothing.
  EXPECT_EQ(Run({"receipt", At("r.tlog"), "--policy", At("two.policy")}), 1);
  EXPECT_THAT(output_.err, HasSubstr("cosigned by a"));
  Put("r.tlog", receipt + line('a') + line('c'));
  EXPECT_EQ(Run({"receipt", At("r.tlog"), "--policy", At("two.policy")}), 0) << output_.err;
  EXPECT_THAT(output_.out, HasSubstr("a, c: meets the quorum two"));
  // The log's key is the policy's too: nothing is taken from beside the receipt.
  fs::remove(directory_ / "vkey");
  EXPECT_EQ(Run({"receipt", "--json", At("r.tlog"), "--policy", At("two.policy")}), 0) << output_.err;
  EXPECT_EQ(nlohmann::json::parse(output_.out)["policy"]["witnesses"], nlohmann::json({"a", "c"}));
  // A line of a witness that does not verify spoils the receipt, whoever else signed.
  Put("r.tlog", receipt + line('a') + line('c') + ledger::CosignatureLine("x\n", "w.test", 1'800'000'000, signer('b')));
  EXPECT_EQ(Run({"receipt", At("r.tlog"), "--policy", At("two.policy")}), 1);
  // Not a policy; and a key that is of no log of it.
  Put("no.policy", policy);
  EXPECT_EQ(Run({"receipt", At("r.tlog"), "--policy", At("no.policy")}), 2);
  EXPECT_THAT(output_.err, HasSubstr("no quorum line"));
  Put("other.vkey", ledger::Vkey::Make(TestingLog::kOrigin, ledger::kTypeEd25519, signer('o').verifier()).ToString() + "\n");
  EXPECT_EQ(Run({"receipt", At("r.tlog"), "--policy", At("two.policy"), "--vkey", At("other.vkey")}), 2);
  EXPECT_THAT(output_.err, HasSubstr("of no log of the policy"));
}

TEST_F(ProgramTest, AReceiptWhoseOpeningSaysSomethingElseDoesNotVerify) {
  PutReceipt();
  type::v1::EntryEvent event;
  event.set_type(type::v1::EVENT_TYPE_REFUSED);
  openings_[0]["content"] = ToBase64(event.SerializeAsString());
  Put("r.tlog.openings.json", openings_.dump());
  EXPECT_EQ(Run({"receipt", At("r.tlog")}), 1);
  EXPECT_THAT(output_.err, HasSubstr("the opening `event` is not what entry 0 commits to"));
  for (const char* damaged : {"{}", "[1]", "[{\"label\": \"event\"}]",
                              "[{\"label\":\"event\",\"salt\":\"?\",\"content\":\"\"}]", "not json"}) {
    Put("r.tlog.openings.json", damaged);
    EXPECT_EQ(Run({"receipt", At("r.tlog")}), 1) << damaged;
  }
}

TEST_F(ProgramTest, AnAlteredReceiptDoesNotVerify) {
  PutReceipt();
  std::string text = *DirectoryReader(directory_.string()).Read("r.tlog", 1 << 20);
  text[text.find("extra ") + 20] ^= 1;
  Put("r.tlog", text);
  EXPECT_EQ(Run({"receipt", At("r.tlog")}), 1);
  EXPECT_EQ(Run({"receipt", "--json", At("r.tlog")}), 1);
  EXPECT_EQ(nlohmann::json::parse(output_.out)["verifies"], false);
}

TEST_F(ProgramTest, WrongUseIsTwo) {
  PutReceipt();
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"receipt"}), 2);
  EXPECT_EQ(Run({"receipt", At("absent")}), 2);
  EXPECT_EQ(Run({"ledger", At("absent")}), 2);
  EXPECT_EQ(Run({"ledger", At("r.tlog")}), 2);
  EXPECT_EQ(Run({"receipt", At("r.tlog"), "--vkey", At("absent")}), 2);
  EXPECT_EQ(Run({"receipt", At("r.tlog"), "--vkey", At("r.tlog")}), 2);
  EXPECT_EQ(Run({"receipt", At("r.tlog"), "--config", At("absent")}), 2);
  EXPECT_EQ(Run({"receipt", At("r.tlog"), "--colour"}), 2);
  fs::remove(directory_ / "vkey");
  EXPECT_EQ(Run({"receipt", At("r.tlog")}), 2);
  EXPECT_THAT(output_.err, HasSubstr("--vkey"));
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_EQ(Run({"--version"}), 0);
}

TEST_F(ProgramTest, TheKeyMayBeConfigured) {
  PutReceipt();
  fs::rename(directory_ / "vkey", directory_ / "published");
  Put("verify.toml", "log_vkey = \"published\"\n");
  EXPECT_EQ(Run({"--config", At("verify.toml"), "receipt", At("r.tlog")}), 0) << output_.err;
}

}  // namespace
}  // namespace accord::verify::program_test
