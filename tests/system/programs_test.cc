// The programs that people run: accordctl, accord-verify, and a client that is not ours.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/base/status.h"
#include "tests/system/ctl.h"
#include "tests/system/traffic.h"

namespace accord::tests::programs_test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kSample = "deploy/samples/02-police-high-risk-children-present.json";
constexpr const char* kSampleId = "NSP-2026-118822/1";

class ProgramsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(world_.StartAll(), absl::OkStatus()); }

  Ran Run(std::vector<std::string> command) {
    const auto ran = RunProgram(std::move(command), kProgramTime);
    EXPECT_EQ(ran.status(), absl::OkStatus());
    return ran.value_or(Ran());
  }
  Ran Ctl(std::vector<std::string> words) {
    std::vector<std::string> command = {World::Program("accordctl"), "--config", world_.path("accordctl.toml")};
    command.insert(command.end(), words.begin(), words.end());
    return Run(std::move(command));
  }
  // That the one file of a referral comes out as it went in, and over nothing that is there.
  void ExpectFile(const std::string& agency, const std::string& referral, const std::string& bytes) {
    const auto read = JsonOf(Ctl({"--as", agency, "--json", "inbox", "read", referral}));
    std::string section;
    for (const auto& row : read.value("sections", nlohmann::json::array())) {
      if (row.value("category", "") == "CATEGORY_ATTACHMENT") section = row.value("section", "");
    }
    ASSERT_FALSE(section.empty()) << read;
    const std::string out = world_.path("out.pdf");
    const Ran saved = Ctl({"--as", agency, "inbox", "attachment", referral, section, "--out", out});
    EXPECT_EQ(saved.exit_status, 0) << saved.output;
    const auto written = ReadFile(out);
    EXPECT_TRUE(written.ok() && *written == bytes);
    EXPECT_EQ(fs::status(out).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_EQ(Ctl({"--as", agency, "inbox", "attachment", referral, section, "--out", out}).exit_status, 2);
  }
  Ran Verify(std::vector<std::string> words) {
    std::vector<std::string> command = {World::Program("accord-verify"), "--vkey", world_.path("broker.vkey")};
    command.insert(command.end(), words.begin(), words.end());
    return Run(std::move(command));
  }

  World world_;
};

TEST_F(ProgramsTest, ASampleIsSubmittedReadAcceptedAndProved) {
  const std::string file = "%PDF-1.7\n" + std::string(2'000'000, 'x');  // Beyond what goes in a message.
  ASSERT_EQ(WriteFileDurably(world_.path("statement.pdf"), file), absl::OkStatus());
  const Ran submitted = Ctl({"referral", "submit", World::Source(kSample), "--strict", "--attach", world_.path("statement.pdf")});
  ASSERT_EQ(submitted.exit_status, 0) << submitted.output;
  EXPECT_THAT(submitted.output, AllOf(HasSubstr("idva"), HasSubstr("childrens"), HasSubstr("identity"), HasSubstr("attachment")));
  const auto submission = GetSubmission(world_, "police", kSampleId);
  ASSERT_EQ(submission.status(), absl::OkStatus());
  ASSERT_EQ(submission->state(), agency::v1::SUBMISSION_STATE_SETTLED);
  const std::string referral = submission->referral();
  ASSERT_EQ(AwaitArrival(world_, "idva", referral).status(), absl::OkStatus());

  const Ran inbox = Ctl({"--as", "idva", "--json", "inbox", "list"});
  ASSERT_EQ(inbox.exit_status, 0) << inbox.output;
  EXPECT_THAT(inbox.output, HasSubstr(referral));
  EXPECT_FALSE(nlohmann::json::parse(inbox.output, nullptr, /*allow_exceptions=*/false).is_discarded()) << inbox.output;
  const Ran read = Ctl({"--as", "idva", "inbox", "read", referral});
  EXPECT_EQ(read.exit_status, 0) << read.output;
  EXPECT_THAT(read.output, HasSubstr("Ashdown"));
  ASSERT_EQ(AwaitArrival(world_, "childrens", referral).status(), absl::OkStatus());
  ExpectFile("childrens", referral, file);
  const Ran accepted = Ctl({"--as", "idva", "inbox", "accept", referral});
  EXPECT_EQ(accepted.exit_status, 0) << accepted.output;
  const Ran again = Ctl({"--as", "idva", "inbox", "accept", referral});
  EXPECT_EQ(again.exit_status, 1) << again.output;  // The state does not allow it twice.

  const Ran trail = Ctl({"--as-admin", "alice", "trail", "referral", referral});
  EXPECT_EQ(trail.exit_status, 0) << trail.output;
  const Ran own = Ctl({"--as", "police", "trail", "referral", kSampleId});
  EXPECT_EQ(own.exit_status, 0) << own.output;
  EXPECT_EQ(Ctl({"--as", "housing", "trail", "referral", referral}).exit_status, 1);

  const Ran status = Ctl({"--as", "police", "status"});
  EXPECT_EQ(status.exit_status, 0) << status.output;
}

TEST_F(ProgramsTest, AReceiptAndAnExportVerifyUntilABitIsChanged) {
  ASSERT_EQ(Ctl({"referral", "submit", World::Source(kSample), "--strict"}).exit_status, 0);
  const std::string receipt = world_.path("receipt");
  const Ran got = Ctl({"--as", "police", "receipt", "get", kSampleId, "--out", receipt});
  ASSERT_EQ(got.exit_status, 0) << got.output;
  const Ran good = Verify({"receipt", receipt});
  EXPECT_EQ(good.exit_status, 0) << good.output;
  EXPECT_THAT(good.output, HasSubstr("referral stored"));

  const std::string folder = world_.path("export");
  const Ran exported = Ctl({"--as", "police", "ledger", "export", "--out", folder});
  ASSERT_EQ(exported.exit_status, 0) << exported.output;
  const Ran whole = Verify({"ledger", folder});
  EXPECT_EQ(whole.exit_status, 0) << whole.output;

  // One bit of one entry, then of one tile, then of the checkpoint; each is found, and put back.
  int altered = 0;
  for (const auto& file : fs::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file() || file.path().filename() == "vkey") continue;
    const std::string bytes = *ReadFile(file.path().string());
    if (bytes.empty()) continue;
    std::string wrong = bytes;
    wrong[wrong.size() / 2] ^= 1;
    ASSERT_EQ(WriteFileDurably(file.path().string(), wrong), absl::OkStatus());
    const Ran found = Verify({"ledger", folder});
    EXPECT_EQ(found.exit_status, 1) << file.path() << ": " << found.output;
    ASSERT_EQ(WriteFileDurably(file.path().string(), bytes), absl::OkStatus());
    ++altered;
  }
  EXPECT_GE(altered, 3);
  EXPECT_EQ(Verify({"ledger", folder}).exit_status, 0);
  std::string text = *ReadFile(receipt);
  text[text.size() / 2] = text[text.size() / 2] == 'A' ? 'B' : 'A';
  ASSERT_EQ(WriteFileDurably(receipt, text), absl::OkStatus());
  EXPECT_EQ(Verify({"receipt", receipt}).exit_status, 1);
  EXPECT_EQ(Verify({"receipt", world_.path("no-such-file")}).exit_status, 2);
}

TEST_F(ProgramsTest, AStrangersClientPushesAndCollects) {
  const Ran ran = Run({"/usr/bin/python3", World::Source("deploy/clients/python/push_and_collect.py"), "--pki", world_.path("pki"), "--sample",
                       World::Source(kSample), "--police", fmt::format("localhost:{}", world_.port("police")), "--idva",
                       fmt::format("localhost:{}", world_.port("idva"))});
  EXPECT_EQ(ran.exit_status, 0) << ran.output;
  EXPECT_THAT(ran.output, AllOf(HasSubstr("collected referrals/"), HasSubstr("section identity")));
}

}  // namespace
}  // namespace accord::tests::programs_test
