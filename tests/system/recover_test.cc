// Goal: what docs/runbooks/ledger.md says of a store that lost signed entries works with the real programs, and no agency sees a fork.
//
// Method: referrals are pushed and delivered, the log is exported, the broker is killed and the middle of its write-ahead log
// damaged. It must refuse to start. `accordctl ledger recover` makes a store from both; the broker starts on it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/base/file.h"
#include "services/broker/ledger/guard.h"
#include "tests/system/ctl.h"
#include "tests/system/traffic.h"

namespace accord::tests::recover_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int kReferrals = 6;

class RecoverTest : public ::testing::Test {
 protected:
  RecoverTest() : world_({.agreement = OpenAgreement()}) {}

  Ran Ctl(const std::vector<std::string>& words) { return RunCtl(world_, words); }
  void PushAndSettle(const std::string& request_id) {
    ASSERT_EQ(Push(world_, "police", TestOptions(request_id, {"idva"})).status(), absl::OkStatus());
    const auto settled = AwaitState(world_, "police", request_id, agency::v1::SUBMISSION_STATE_SETTLED);
    ASSERT_EQ(settled.status(), absl::OkStatus());
    ASSERT_EQ(AwaitArrival(world_, "idva", settled->referral()).status(), absl::OkStatus());
  }
  uint64_t GuardSize() {
    const auto file = ReadFile(world_.path("broker-guard/guard"));
    uint64_t size = 0;
    for (size_t slot = 0; slot < 2 && file.ok(); ++slot) {
      const auto decoded = broker::DecodeGuardSlot(file->substr(slot * broker::kGuardSlotBytes, broker::kGuardSlotBytes));
      if (decoded.has_value()) size = std::max(size, decoded->mark.size);
    }
    return size;
  }
  std::vector<std::string> Recover(const std::string& store, const std::string& out) {
    return {"--json", "ledger", "recover", "--store", world_.path(store), "--guard", world_.path("broker-guard/guard"),
            "--from", world_.path("export"), "--vkey", world_.path("broker.vkey"), "--out", world_.path(out)};
  }
  nlohmann::json LastDocument(const std::string& output) {
    // Progress, on standard error, comes before it.
    const size_t begin = output.find("\n{") == std::string::npos ? output.find('{') : output.find("\n{");
    return begin == std::string::npos ? nlohmann::json() : nlohmann::json::parse(output.substr(begin), nullptr, false);
  }

  World world_;
};

TEST_F(RecoverTest, AStoreDamagedInItsMiddleIsRecoveredAndNoAgencySeesAFork) {
  ASSERT_EQ(world_.StartAll({"police", "idva"}), absl::OkStatus());
  for (int i = 0; i < kReferrals; ++i) PushAndSettle("before-" + std::to_string(i));
  // Nothing is written any more, so that an export can reach the guard.
  world_.process("police").Kill();
  world_.process("idva").Kill();
  uint64_t exported = 0;
  ASSERT_TRUE(Eventually(kStartTime, [&] {
    const Ran ran = Ctl({"--as", "police", "--json", "ledger", "export", "--out", world_.path("export")});
    const auto document = LastDocument(ran.output);
    if (ran.exit_status != 0 || !document.is_object()) return false;
    exported = document["size"].get<uint64_t>();
    return exported == GuardSize();
  })) << exported << " of " << GuardSize();
  const auto before = GetCheckpoint(world_);
  ASSERT_EQ(before.status(), absl::OkStatus());
  // A broker that runs is not disturbed.
  EXPECT_EQ(Ctl(Recover("broker/store", "recovered")).exit_status, 1);

  world_.process(kBroker).Kill();
  std::string wal;
  for (const auto& entry : fs::directory_iterator(world_.path("broker/store"))) {
    if (entry.path().extension() == ".log" && entry.file_size() > 0) wal = entry.path().string();
  }
  ASSERT_FALSE(wal.empty());
  {
    std::fstream file(wal, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(wal) / 2));
    file << std::string(64, '\xee');
  }
  ASSERT_EQ(world_.Launch(kBroker), absl::OkStatus());
  EXPECT_EQ(world_.process(kBroker).Wait(kStartTime).value_or(-1), 1);
  EXPECT_THAT(*ReadFile(world_.process(kBroker).log_file()), HasSubstr("STORE_CORRUPT"));

  const Ran recovered = Ctl(Recover("broker/store", "recovered"));
  ASSERT_EQ(recovered.exit_status, 0) << recovered.output;
  const auto report = LastDocument(recovered.output);
  ASSERT_TRUE(report.is_object()) << recovered.output;
  EXPECT_EQ(report["size"], exported);
  EXPECT_LT(report["lost"]["from"].get<uint64_t>(), exported);
  EXPECT_EQ(report["lost"]["to"], exported);
  EXPECT_GT(report["lost"]["newChains"].get<uint64_t>() + report["lost"]["chains"].size(), 0u);
  EXPECT_EQ(Ctl(Recover("broker/store", "recovered")).exit_status, 1) << "a directory that is there is not overwritten";

  fs::rename(world_.path("broker/store"), world_.path("broker/damaged"));
  fs::rename(world_.path("recovered"), world_.path("broker/store"));
  ASSERT_EQ(world_.StartAll({"police", "idva"}), absl::OkStatus());
  PushAndSettle("after-the-loss");
  const auto after = GetCheckpoint(world_);
  ASSERT_EQ(after.status(), absl::OkStatus());
  EXPECT_GT(after->checkpoint.size, exported);
  EXPECT_EQ(CheckConsistent(world_, before->checkpoint, after->checkpoint), absl::OkStatus());
  for (const std::string agency : {"police", "idva"}) {
    const auto status = ServiceStatus(world_, agency);
    ASSERT_EQ(status.status(), absl::OkStatus());
    EXPECT_FALSE(status->stopped()) << agency << ": " << status->alarm();
  }
  // Every receipt from before still verifies, those of lost entries too.
  for (int i = 0; i < kReferrals; ++i) {
    const auto submission = GetSubmission(world_, "police", "before-" + std::to_string(i));
    ASSERT_EQ(submission.status(), absl::OkStatus());
    EXPECT_EQ(CheckReceipt(world_, submission->receipt(), after->checkpoint), absl::OkStatus()) << i;
  }
  const Ran exported_again = Ctl({"--as", "police", "ledger", "export", "--out", world_.path("export")});
  EXPECT_EQ(exported_again.exit_status, 0) << exported_again.output;
}

}  // namespace
}  // namespace accord::tests::recover_test
