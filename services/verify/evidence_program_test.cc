// Goal: `bundle`, `case` and `receipts`: their exit statuses and what they say, over real files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "services/verify/command.h"
#include "services/verify/program.h"
#include "services/verify/testing_export.h"
#include "services/verify/testing_trail.h"

namespace accord::verify::evidence_program_test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr size_t kSize = 300;

class EvidenceProgramTest : public ::testing::Test {
 protected:
  EvidenceProgramTest() {
    std::string name = (fs::temp_directory_path() / "accord-evidence-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    Put("key", {}, trail_.vkey().ToString() + "\n");
  }
  ~EvidenceProgramTest() override { fs::remove_all(directory_); }

  void Put(const std::string& folder, const std::string& path, std::string_view bytes) {
    const fs::path full = path.empty() ? directory_ / folder : directory_ / folder / path;
    fs::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary) << bytes;
  }
  void Put(const std::string& folder, const MemoryFiles& files) {
    fs::remove_all(directory_ / folder);
    for (const auto& [path, bytes] : files.files) Put(folder, path, bytes);
  }
  // Receipts of these entries at `size`.
  void PutReceipts(const TestingTrail& trail, const std::vector<uint64_t>& indices, size_t size) {
    fs::remove_all(directory_ / "receipts");
    Put("receipts", "vkey", trail_.vkey().ToString() + "\n");
    for (const uint64_t index : indices) {
      Put("receipts", fmt::format("{}.tlog-proof", index), trail.Receipt(index, size));
      Put("receipts", fmt::format("{}.tlog-proof.openings.json", index), trail.Openings(index));
    }
  }
  std::string At(const std::string& path) const { return (directory_ / path).string(); }

  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"accord-verify", "--vkey", At("key")});
    std::vector<const char*> argv;
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    output_ = {};
    return RunVerify(static_cast<int>(argv.size()), argv.data(), output_);
  }
  nlohmann::json Json(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    status_ = Run(std::move(arguments));
    return nlohmann::json::parse(output_.out);
  }
  // What people read, whatever the width of the terminal.
  std::string Said() const {
    std::string text = output_.out;
    for (char& c : text) c = c == '\n' ? ' ' : c;
    return text;
  }

  const TestingTrail trail_{kSize};
  fs::path directory_;
  Output output_;
  int status_ = -1;
};

TEST_F(EvidenceProgramTest, ABundleSaysItsGradeAndWhatItMeans) {
  Put("bundle", trail_.Bundle(trail_.Manifest(kSize)));
  EXPECT_EQ(Run({"bundle", At("bundle")}), 0) << output_.err;
  EXPECT_THAT(Said(), AllOf(HasSubstr("VERIFIES"), HasSubstr("Grade: attested"), HasSubstr("would convict the broker"),
                            HasSubstr("referral stored"), HasSubstr("no contradiction"), Not(HasSubstr("omplete"))));
  Put("copy", trail_.Publish(kSize));
  EXPECT_EQ(Run({"bundle", At("bundle"), "--ledger", At("copy")}), 0) << output_.err;
  EXPECT_THAT(Said(), AllOf(HasSubstr("Grade: full"), HasSubstr("Every one of the 300 entries"), HasSubstr("has 1 such later")));
  auto json = Json({"bundle", At("bundle"), "--ledger", At("copy")});
  EXPECT_EQ(json["grade"], "full");
  EXPECT_EQ(json["ledger"]["chainEntries"], 4);
  EXPECT_EQ(json["rows"][0]["openings"]["event"]["type"], "EVENT_TYPE_REFERRAL_STORED");
  EXPECT_EQ(json["queryIndex"], 6);
  EXPECT_EQ(json["opened"], nlohmann::json::parse(R"({"entries": 4, "inPart": 0, "notOpened": 0})"));

  auto manifest = trail_.Manifest(kSize);
  manifest.grade = ledger::TrailGrade::kPartial;
  manifest.rows = {3, 6};
  Put("bundle", trail_.Bundle(manifest));
  EXPECT_EQ(Run({"bundle", At("bundle")}), 0) << output_.err;
  EXPECT_THAT(Said(), AllOf(HasSubstr("Grade: partial"), HasSubstr("what this agency may see"), Not(HasSubstr("omplete"))));
  json = Json({"bundle", At("bundle"), "--ledger", At("copy")});
  EXPECT_EQ(json["grade"], "partial");
}

TEST_F(EvidenceProgramTest, ABundleThatDoesNotVerifyHasNoGradeAndIsNamed) {
  auto manifest = trail_.Manifest(kSize);
  manifest.rows = {1, 3, 6};
  Put("bundle", trail_.Bundle(manifest));
  EXPECT_EQ(Run({"bundle", At("bundle")}), 1);
  EXPECT_THAT(output_.err, HasSubstr("DOES NOT VERIFY: entry 6: is number 3 of the chain, where number 2 is due"));
  EXPECT_THAT(output_.out, Not(HasSubstr("Grade")));
  const auto json = Json({"bundle", At("bundle")});
  EXPECT_EQ(status_, 1);
  EXPECT_TRUE(json["grade"].is_null());
  EXPECT_EQ(json["findings"][0]["where"], "entry 6");

  Put("bundle", trail_.Bundle(trail_.Manifest(kSize)));
  Put("copy", trail_.Publish(kSize));
  fs::remove(directory_ / "copy/tile/0/000");
  EXPECT_EQ(Run({"bundle", At("bundle"), "--ledger", At("copy")}), 1);
  EXPECT_THAT(output_.err, HasSubstr("the copy of the log does not verify: tile/0/000"));
  EXPECT_EQ(Run({"bundle", At("absent")}), 2);
  EXPECT_EQ(Run({"bundle", At("bundle"), "--ledger", At("absent")}), 2);
  fs::remove(directory_ / "bundle/bundle.json");
  EXPECT_EQ(Run({"bundle", At("bundle")}), 1);
  EXPECT_THAT(output_.err, HasSubstr("bundle.json: cannot be read"));
}

// Whatever of it is elsewhere can be another thing tomorrow.
TEST_F(EvidenceProgramTest, ABundleIsMadeOfItsOwnPlainFilesAlone) {
  const TestingExport exported;
  const auto refused = [&](const MemoryFiles& bundle, const ledger::Vkey& key, auto change) {
    Put("key", {}, key.ToString() + "\n");
    Put("bundle", bundle);
    EXPECT_EQ(Run({"bundle", At("bundle")}), 0) << output_.err;
    change(directory_ / "bundle");
    EXPECT_EQ(Run({"bundle", At("bundle")}), 1);
    const std::string why = output_.err;
    const auto document = Json({"bundle", At("bundle")});
    EXPECT_FALSE(document["findings"].empty());
    EXPECT_TRUE(document["grade"].is_null());
    return why;
  };
  constexpr char kLink[] = " is a symbolic link: what it leads to is not here";
  for (const auto& [bundle, key] : {std::pair(exported.bundle, exported.vkey()), std::pair(trail_.Bundle(trail_.Manifest(kSize)), trail_.vkey())}) {
    EXPECT_THAT(refused(bundle, key, [](const fs::path& at) { fs::create_symlink("/usr", at / "more"); }), HasSubstr(std::string("more:") + kLink));
    EXPECT_THAT(refused(bundle, key, [](const fs::path& at) { fs::create_symlink(".", at / "loop"); }), HasSubstr(std::string("loop:") + kLink));
    EXPECT_THAT(refused(bundle, key, [](const fs::path& at) {
                  fs::rename(at / "receipts", at.parent_path() / "receipts-elsewhere");
                  fs::create_symlink("../receipts-elsewhere", at / "receipts");
                }),
                HasSubstr(std::string("receipts:") + kLink));
    fs::remove_all(directory_ / "receipts-elsewhere");
    EXPECT_THAT(refused(bundle, key, [](const fs::path& at) {
                  fs::rename(at / "checkpoint", at.parent_path() / "checkpoint-elsewhere");
                  fs::create_symlink("../checkpoint-elsewhere", at / "checkpoint");
                }),
                HasSubstr(std::string("checkpoint:") + kLink));
    EXPECT_THAT(refused(bundle, key, [](const fs::path& at) { ASSERT_EQ(::mkfifo((at / "pipe").c_str(), 0600), 0); }), HasSubstr("pipe: is no plain file"));
  }
  const FolderListing few = ListFolder(At("bundle"), 3);
  EXPECT_EQ(few.files.size(), 3u);
  ASSERT_FALSE(few.faults.empty());
  EXPECT_EQ(few.faults.back().what, "has more than 3 files");
  const FolderListing none = ListFolder(At("absent"), 3);
  ASSERT_EQ(none.faults.size(), 1u);
  EXPECT_THAT(none.faults[0].what, HasSubstr("not all that is in it can be listed"));
}

TEST_F(EvidenceProgramTest, ACaseIsAllThatTheCopyHasOfIt) {
  Put("copy", trail_.Publish(kSize));
  EXPECT_EQ(Run({"case", At("copy"), ToHex(trail_.case_chain)}), 0) << output_.err;
  EXPECT_THAT(Said(), AllOf(HasSubstr("Grade: full"), HasSubstr("these 6 are all")));
  const auto json = Json({"case", At("copy"), ToHex(trail_.case_chain)});
  EXPECT_EQ(json["grade"], "full");
  ASSERT_EQ(json["entries"].size(), 6u);
  EXPECT_EQ(json["entries"][1]["index"], 2);
  EXPECT_TRUE(json["entries"][0]["previousIndex"].is_null());
  EXPECT_EQ(Run({"case", At("copy"), std::string(32, '0')}), 0);
  EXPECT_THAT(Said(), AllOf(HasSubstr("No record in Accord"), HasSubstr("every one of the 300 entries")));
  EXPECT_EQ(Run({"case", At("copy"), "c0ffee"}), 2);
  EXPECT_EQ(Run({"case", At("absent"), ToHex(trail_.case_chain)}), 2);
  fs::remove(directory_ / "copy/tile/entries/001.p/44");
  EXPECT_EQ(Run({"case", At("copy"), ToHex(trail_.case_chain)}), 1);
  EXPECT_THAT(output_.err, HasSubstr("tile/entries/001.p/44"));
  EXPECT_THAT(output_.out, Not(HasSubstr("Grade")));
}

TEST_F(EvidenceProgramTest, ReceiptsAreConfirmedWhateverTheirCheckpoints) {
  Put("copy", trail_.Publish(256));
  for (const size_t size : {8, 255, 256, 257, 300}) {  // Older and newer than the copy.
    PutReceipts(trail_, {0, 1, 7}, size);
    EXPECT_EQ(Run({"receipts", At("receipts"), "--ledger", At("copy")}), 0) << size << output_.err << output_.out;
    EXPECT_THAT(Said(), HasSubstr("VERIFIES: the copy has the entry of every receipt"));
  }
  PutReceipts(trail_, {1, 255, 256, 299}, 300);
  EXPECT_EQ(Run({"receipts", At("receipts"), "--ledger", At("copy")}), 1);
  EXPECT_THAT(output_.err, HasSubstr("256.tlog-proof: entry 256 is newer than the copy, which ends at 256"));
  const auto json = Json({"receipts", At("receipts"), "--ledger", At("copy"), "--allow-newer"});
  EXPECT_EQ(status_, 0) << output_.err;
  EXPECT_EQ(json["standings"]["confirmed"], 2);
  EXPECT_EQ(json["standings"]["newer than the copy"], 2);
  EXPECT_EQ(json["convicts"], false);
  EXPECT_EQ(Run({"receipts", At("copy"), "--ledger", At("copy")}), 2);  // None there.
  EXPECT_EQ(Run({"receipts", At("absent"), "--ledger", At("copy")}), 2);
  EXPECT_EQ(Run({"receipts", At("receipts")}), 2);
}

// The one that convicts could be any of those beyond the limit: it may be neither passed over nor be what a success is silent of.
TEST_F(EvidenceProgramTest, MoreReceiptsThanOneRunTakesAreRefusedAndNotCut) {
  Put("copy", trail_.Publish(kSize));
  PutReceipts(trail_, {1, 5, 7}, kSize);
  const auto run = [&](size_t files_max) {
    CLI::App app;
    const Subcommand receipts = AddReceiptsCommand(app, files_max);
    const std::string directory = At("receipts"), copy = At("copy");
    const char* argv[] = {"accord-verify", "receipts", directory.c_str(), "--ledger", copy.c_str()};
    app.parse(5, argv);
    SharedOptions shared;
    shared.vkey = At("key");
    output_ = {};
    return receipts.run(shared, output_);
  };
  EXPECT_EQ(run(3), kVerifies) << output_.err << "; neither openings nor the vkey count";
  EXPECT_THAT(Said(), HasSubstr("VERIFIES: the copy has the entry of every receipt"));
  EXPECT_EQ(run(2), kWrongUse);
  EXPECT_THAT(output_.err, AllOf(HasSubstr("has more than 2 receipts"), HasSubstr("none was looked at"), HasSubstr("several directories")));
  EXPECT_EQ(output_.out, "");
}

TEST_F(EvidenceProgramTest, AReceiptThatTheCopyDeniesConvicts) {
  TestingTrail other(kSize);
  other.Alter(5, [](ledger::Leaf& leaf) { leaf.nonce[0] = static_cast<char>(leaf.nonce[0] ^ 1); });
  Put("copy", other.Publish(256));
  // The entry itself, at checkpoints older and newer than the copy.
  for (const size_t size : {8, 256, 300}) {
    PutReceipts(trail_, {5}, size);
    EXPECT_EQ(Run({"receipts", At("receipts"), "--ledger", At("copy")}), 1);
    EXPECT_THAT(output_.err, AllOf(HasSubstr("CONVICTS THE BROKER: 5.tlog-proof: the copy has another entry 5"), HasSubstr("evidence")));
  }
  // Another entry, the tree of which differs; also one that is beyond the copy: its path goes by entry 5.
  for (const auto& [index, size] : {std::pair<uint64_t, size_t>{1, 8}, {1, 300}, {299, 300}, {256, 257}}) {
    PutReceipts(trail_, {index}, size);
    EXPECT_EQ(Run({"receipts", At("receipts"), "--ledger", At("copy"), "--allow-newer"}), 1);
    EXPECT_THAT(output_.err, AllOf(HasSubstr("CONVICTS THE BROKER"), HasSubstr("two logs"))) << index << " " << size;
  }
  const auto json = Json({"receipts", At("receipts"), "--ledger", At("copy")});
  EXPECT_EQ(json["convicts"], true);
  EXPECT_EQ(json["findings"][0]["standing"], "convicts the broker");
}

TEST_F(EvidenceProgramTest, ReceiptsConvictEachOtherWhereTheCopyEnds) {
  TestingTrail other(kSize);
  other.Alter(290, [](ledger::Leaf& leaf) { leaf.nonce[0] = static_cast<char>(leaf.nonce[0] ^ 1); });
  Put("copy", trail_.Publish(256));
  PutReceipts(trail_, {290}, 291);
  Put("receipts", "290-2.tlog-proof", other.Receipt(290, 291));
  EXPECT_EQ(Run({"receipts", At("receipts"), "--ledger", At("copy"), "--allow-newer"}), 1);
  EXPECT_THAT(output_.err, HasSubstr("290-2.tlog-proof: entry 290 is another one than in 290.tlog-proof"));
  PutReceipts(trail_, {290}, 300);
  Put("receipts", "291.tlog-proof", other.Receipt(291, 300));
  EXPECT_EQ(Run({"receipts", At("receipts"), "--ledger", At("copy"), "--allow-newer"}), 1);
  EXPECT_THAT(output_.err, HasSubstr("its tree of 300 entries is another one than that of 290.tlog-proof"));
}

TEST_F(EvidenceProgramTest, AnAlteredReceiptConvictsNobody) {
  Put("copy", trail_.Publish(kSize));
  PutReceipts(trail_, {1, 5}, kSize);
  Put("receipts", "5.tlog-proof.openings.json", trail_.Openings(1));
  EXPECT_EQ(Run({"receipts", At("receipts"), "--ledger", At("copy")}), 1);
  EXPECT_THAT(output_.err, AllOf(HasSubstr("5.tlog-proof: the opening `event` is not what entry 5 commits to"), Not(HasSubstr("CONVICTS"))));
  std::string text = trail_.Receipt(5, kSize);
  text[text.size() / 2] = text[text.size() / 2] == 'A' ? 'B' : 'A';
  PutReceipts(trail_, {1}, kSize);
  Put("receipts", "5.tlog-proof", text);
  EXPECT_EQ(Run({"receipts", At("receipts"), "--ledger", At("copy"), "--allow-newer"}), 1);
  EXPECT_THAT(output_.err, AllOf(HasSubstr("5.tlog-proof: "), Not(HasSubstr("CONVICTS"))));
}

TEST_F(EvidenceProgramTest, AnExportIsToldFromABundleAndJudgedAsOne) {
  TestingExport exported;
  Put("export", exported.bundle);
  Put("key", {}, exported.vkey().ToString() + "\n");
  ASSERT_EQ(Run({"bundle", At("export")}), 0) << output_.err;
  EXPECT_THAT(Said(), AllOf(HasSubstr("VERIFIES: every entry is in the log"), HasSubstr("Grade: attested."), HasSubstr("warrant jtai-1"),
                            HasSubstr("the log's checkpoint of 7 entries"), HasSubstr("SHA-256 "), HasSubstr("not asked (--ledger)"), HasSubstr("not asked (--policy)"),
                            HasSubstr("present; cosignatures not judged (give --policy)"), HasSubstr("Opened: all 9 entries"),
                            HasSubstr("The broker's word: that each text in policies/ is the one that was approved"), Not(HasSubstr("Witnessed:"))));
  Put("copy", exported.Publish());
  auto document = Json({"bundle", At("export"), "--ledger", At("copy")});
  EXPECT_EQ(status_, 0) << output_.err;
  EXPECT_EQ(document["grade"], "full");
  EXPECT_EQ(document["format"], "accord-bundle/v2");
  EXPECT_EQ(document["trails"].size(), 2u);
  EXPECT_EQ(document["trails"][0]["rows"].size(), 8u);
  EXPECT_EQ(document["opened"], nlohmann::json::parse(R"({"entries": 9, "inPart": 0, "notOpened": 0})"));
  EXPECT_EQ(document["checks"]["extends the cosigned checkpoint"], "present; cosignatures not judged (give --policy)");

  // What was judged is said to be so, and nothing else.
  Put("none.policy", {}, "quorum none\n");
  document = Json({"bundle", At("export"), "--policy", At("none.policy")});
  EXPECT_EQ(status_, 0) << output_.err;
  EXPECT_EQ(document["checks"]["extends the cosigned checkpoint"], "ok");
  EXPECT_EQ(document["checks"]["witnesses meet the policy"], "ok");
  EXPECT_FALSE(document.contains("witnessedEntries")) << "by nobody";
  const auto witness = crypto::Ed25519Signer::FromSeed(std::string(32, 'w'));
  TestingExport cosigned;
  const std::string note = cosigned.Checkpoint(7);
  cosigned.Put(ledger::kWitnessedFile, note + ledger::CosignatureLine(ledger::ParseNote(note)->text, "witness.example/one", 1'800'000'000, *witness));
  cosigned.Seal();
  Put("cosigned", cosigned.bundle);
  Put("one.policy", {}, fmt::format("witness one {}\nquorum one\n",
                                    ledger::Vkey::Make("witness.example/one", ledger::kTypeCosignatureV1, witness->verifier()).ToString()));
  document = Json({"bundle", At("cosigned"), "--policy", At("one.policy")});
  EXPECT_EQ(status_, 0) << output_.err;
  EXPECT_EQ(document["witnessedEntries"], 5);  // Of nine, two trails' together.
  EXPECT_EQ(Run({"bundle", At("cosigned"), "--policy", At("one.policy")}), 0) << output_.err;
  EXPECT_THAT(Said(), HasSubstr("Witnessed: 5 of 9 entries are in the log as its witnesses cosigned it; the other 4 were made after that."));
  TestingExport closed;
  closed.Close(3);
  for (const char* path : {ledger::kWitnessedFile, ledger::kWitnessedProofFile}) {
    closed.manifest.files.erase(path);
    closed.bundle.files.erase(path);
  }
  closed.Seal();
  Put("closed", closed.bundle);
  EXPECT_EQ(Run({"bundle", At("closed")}), 0) << output_.err;
  EXPECT_THAT(Said(), AllOf(HasSubstr("there is none here"), HasSubstr("Opened: of 9 entries 8 wholly, 0 in part and 1 not at all."), Not(HasSubstr("cosigned yet"))));
  EXPECT_EQ(Run({"bundle", At("closed"), "--policy", At("none.policy")}), 1);
  EXPECT_THAT(output_.err, HasSubstr("witnessed: is not here: nothing was cosigned yet, or it was taken out"));

  // Which one thing is wrong stands on standard error, for whoever pipes the rest away.
  exported.bundle.files["policies/law/1.toml"] += "x";
  Put("export", exported.bundle);
  EXPECT_EQ(Run({"bundle", At("export")}), 1);
  EXPECT_THAT(output_.err, HasSubstr("policies/law/1.toml: has 8 bytes, the manifest names 7"));
  EXPECT_THAT(Said(), AllOf(HasSubstr("FAILED (1)"), Not(HasSubstr("VERIFIES"))));
  document = Json({"bundle", At("export"), "--policy", At("none.policy")});
  EXPECT_EQ(document["checks"]["extends the cosigned checkpoint"], "present; cosignatures not judged");
  EXPECT_EQ(document["checks"]["witnesses meet the policy"], "not reached");
  document = Json({"bundle", At("export")});
  EXPECT_EQ(document["verifies"], false);
  EXPECT_EQ(document["findings"][0]["where"], "policies/law/1.toml");

  Put("no.policy", {}, "quorum\n");
  EXPECT_EQ(Run({"bundle", At("export"), "--policy", At("no.policy")}), 2);
  Put("trail", trail_.Bundle(trail_.Manifest(12)));
  Put("key", {}, trail_.vkey().ToString() + "\n");
  EXPECT_EQ(Run({"bundle", At("trail"), "--policy", At("none.policy")}), 2) << "a trail has no cosigned checkpoint of its own";
}

}  // namespace
}  // namespace accord::verify::evidence_program_test
