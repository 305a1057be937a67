// The agencies witness the log for real: five services cosign what the broker publishes, and a fork shown to one of them is found,
// stands in the log, and ends it.
//
// Method: the broker's files are put back to an older copy, guard and all, which its own start-up checks cannot notice; an agency
// that holds the newer log does, and tells the broker what it held.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/ledger/policy.h"
#include "tests/system/raw_agency.h"
#include "tests/system/traffic.h"

namespace accord::tests::witness_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using enum agency::v1::SubmissionState;

class WitnessSystemTest : public ::testing::Test {
 protected:
  WitnessSystemTest() : world_({.agreement = OpenAgreement(), .witnesses = true}) {}

  ledger::WitnessPolicy Policy() {
    const auto text = ReadFile(world_.path("witnesses.policy"));
    auto policy = ledger::WitnessPolicy::Parse(text.value_or(""));
    EXPECT_EQ(policy.status(), absl::OkStatus());
    return *std::move(policy);
  }
  broker::v1::GetLedgerStatusResponse Status() {
    const auto stub = world_.Stub<broker::v1::LedgerService>(kBroker, "admin/alice");
    const auto status = rpc::CallUnary(*stub, &broker::v1::LedgerService::Stub::GetLedgerStatus, {}, kCallTime);
    EXPECT_EQ(status.status(), absl::OkStatus());
    return status.value_or(broker::v1::GetLedgerStatusResponse());
  }
  // The newest published checkpoint that meets the quorum, judged by the policy alone; of size 0 when there is none.
  ledger::WitnessedCheckpoint Witnessed() {
    const auto stub = world_.Stub<broker::v1::LedgerService>(kBroker, "admin/alice");
    broker::v1::GetCheckpointRequest request;
    request.set_choice(broker::v1::CHECKPOINT_CHOICE_WITNESSED);
    const auto response = rpc::CallUnary(*stub, &broker::v1::LedgerService::Stub::GetCheckpoint, request, kCallTime);
    if (!response.ok()) return {};
    auto judged = ledger::VerifyWitnessed(response->checkpoint(), Policy());
    EXPECT_EQ(judged.status(), absl::OkStatus());
    return judged.ok() ? *std::move(judged) : ledger::WitnessedCheckpoint();
  }
  type::v1::Receipt PushAndSettle(const std::string& request_id) {
    EXPECT_EQ(Push(world_, "police", TestOptions(request_id, {"idva"})).status(), absl::OkStatus());
    const auto settled = AwaitState(world_, "police", request_id, SUBMISSION_STATE_SETTLED);
    EXPECT_EQ(settled.status(), absl::OkStatus());
    return settled.ok() ? settled->receipt() : type::v1::Receipt();
  }
  void CopyBroker(const std::string& from, const std::string& to) {
    for (const std::string part : {"broker", "broker-keys", "broker-guard"}) {
      fs::remove_all(world_.path(to + part));
      fs::copy(world_.path(from + part), world_.path(to + part), fs::copy_options::recursive);
    }
  }
  Ran Ctl(std::vector<std::string> arguments) {
    std::vector<std::string> command = {World::Program("accordctl"), "--config", world_.path("accordctl.toml")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto ran = RunProgram(command, kStartTime);
    EXPECT_EQ(ran.status(), absl::OkStatus());
    return ran.value_or(Ran());
  }
  World world_;
};

TEST_F(WitnessSystemTest, FiveAgenciesCosignAndAQuorumOfThreeIsEnough) {
  ASSERT_EQ(world_.StartAll(), absl::OkStatus());
  PushAndSettle("before-the-stop");
  ledger::WitnessedCheckpoint newest;
  ASSERT_TRUE(Eventually(kStartTime, [&] {
    newest = Witnessed();
    return newest.witnesses.size() == 5;
  })) << newest.witnesses.size() << " witnesses";
  EXPECT_TRUE(newest.quorum);
  EXPECT_THAT(newest.witnesses, UnorderedElementsAre("police", "childrens", "housing", "health", "idva"));

  // Two are away: receipts come as fast, the quorum is met all the same, and it shows who is behind.
  for (const std::string agency : {"childrens", "health"}) world_.process(agency).Kill();
  const type::v1::Receipt receipt = PushAndSettle("after-the-stop");
  const auto held = ledger::VerifyWitnessed(receipt.tlog_proof().substr(receipt.tlog_proof().find("\n\n") + 2), Policy());
  ASSERT_EQ(held.status(), absl::OkStatus());
  const uint64_t size = held->checkpoint.size;
  ASSERT_TRUE(Eventually(kStartTime, [&] {
    newest = Witnessed();
    return newest.checkpoint.size >= size && newest.witnesses.size() == 3;
  })) << newest.checkpoint.size << " of " << size;
  EXPECT_TRUE(newest.quorum);
  const auto status = Status();
  ASSERT_EQ(status.witnesses_size(), 5);
  for (const auto& row : status.witnesses()) {
    const bool away = row.name() == "childrens" || row.name() == "health";
    EXPECT_GT(row.cosigned_size(), 0u) << row.name();
    if (!away) continue;
    EXPECT_LT(row.cosigned_size(), size) << row.name();
    EXPECT_GT(row.checkpoints_behind(), 0u) << row.name();
  }

  // Three are away: nothing reaches the quorum any more, and a referral still goes through.
  world_.process("housing").Kill();
  const uint64_t before = Status().witnessed_size();
  PushAndSettle("without-a-quorum");
  ASSERT_TRUE(Eventually(kStartTime, [&] { return Status().published_size() > size + 1; }));
  EXPECT_LE(Status().witnessed_size(), std::max(before, Status().published_size() - 1));
  // And one who comes back makes it good.
  ASSERT_EQ(world_.Start("housing"), absl::OkStatus());
  EXPECT_TRUE(Eventually(kStartTime, [&] { return Status().witnessed_size() > before; }));
}

TEST_F(WitnessSystemTest, AForkThatOneAgencyFindsStandsInTheLogAndEndsIt) {
  ASSERT_EQ(world_.StartAll({"police"}), absl::OkStatus());
  PushAndSettle("before-the-copy");
  world_.process(kBroker).Kill();
  CopyBroker("", "older-");
  ASSERT_EQ(world_.Start(kBroker), absl::OkStatus());
  PushAndSettle("that-is-forgotten");
  ASSERT_TRUE(Eventually(kStartTime, [&] {
    const auto now = GetCheckpoint(world_);
    return now.ok() && ServiceStatus(world_, "police")->checkpoint_size() == now->checkpoint.size;
  }));
  const uint64_t held = ServiceStatus(world_, "police")->checkpoint_size();
  world_.process(kBroker).Kill();
  CopyBroker("", "newer-");
  CopyBroker("older-", "");
  ASSERT_EQ(world_.StartToBeCaught(kBroker), absl::OkStatus());

  // The service stops sending, and tells the broker; the broker stops signing.
  EXPECT_TRUE(Eventually(kStartTime, [&] { return ServiceStatus(world_, "police")->stopped(); }));
  EXPECT_THAT(ServiceStatus(world_, "police")->alarm(), StartsWith("LOG_FORKED"));
  ASSERT_TRUE(Eventually(kStartTime, [&] {
    const auto serving = world_.Serving(kBroker);
    return serving.ok() && !*serving;
  })) << "the broker goes on signing";
  RawAgency health(world_, "health");
  const auto refused = health.Preview(health.Parts({.request_id = "after-the-fork", .recipients = {"idva"}}));
  EXPECT_TRUE(HasReason(refused.status(), Reason::kLogForked)) << refused.status();
  const auto last = GetCheckpoint(world_);
  ASSERT_EQ(last.status(), absl::OkStatus());

  // It stands in the export that anybody may still make, and in its receipt, which verifies offline.
  const Ran exported = Ctl({"--as-admin", "alice", "ledger", "export", "--out", world_.path("export")});
  ASSERT_EQ(exported.exit_status, 0) << exported.output;
  const auto verified = RunProgram({World::Program("accord-verify"), "ledger", world_.path("export"), "--vkey", world_.path("broker.vkey")}, kStartTime);
  ASSERT_EQ(verified.status(), absl::OkStatus());
  EXPECT_EQ(verified->exit_status, 0) << verified->output;
  const Ran receipt = Ctl({"--as-admin", "alice", "receipt", "get", fmt::format("{}", last->checkpoint.size - 1), "--out", world_.path("fork.receipt")});
  ASSERT_EQ(receipt.exit_status, 0) << receipt.output;
  const auto shown = RunProgram({World::Program("accord-verify"), "receipt", world_.path("fork.receipt"), "--vkey", world_.path("broker.vkey")}, kStartTime);
  ASSERT_EQ(shown.status(), absl::OkStatus());
  EXPECT_EQ(shown->exit_status, 0) << shown->output;
  EXPECT_THAT(shown->output, HasSubstr("fork shown"));
  // A person who holds the newer log may show it too: the same entry.
  const Ran reported = Ctl({"--as-admin", "bob", "--json", "ledger", "report-fork", world_.path("export/checkpoint")});
  EXPECT_EQ(reported.exit_status, 1) << reported.output;  // Of this log itself: no fork.

  // And it stays so, however often it is started.
  for (int i = 0; i < 2; ++i) {
    world_.process(kBroker).Kill();
    ASSERT_EQ(world_.Launch(kBroker), absl::OkStatus());
    EXPECT_EQ(world_.process(kBroker).Wait(kStartTime).value_or(-1), 1);
  }
  std::ifstream log(world_.process(kBroker).log_file());
  std::stringstream said;
  said << log.rdbuf();
  EXPECT_THAT(said.str(), HasSubstr("runbooks/fork.md"));
  EXPECT_THAT(said.str(), HasSubstr(fmt::format("a checkpoint of {} entries", held)));

  // The store that has what was signed is put back: that one opens, and extends what the agency holds.
  CopyBroker("newer-", "");
  ASSERT_EQ(world_.Start(kBroker), absl::OkStatus());
  const auto now = GetCheckpoint(world_);
  ASSERT_EQ(now.status(), absl::OkStatus());
  EXPECT_GE(now->checkpoint.size, held);
}

// What an agency was given with its answer, before anybody had cosigned it, is exchanged for the same entry at a checkpoint that
// a quorum cosigned; the offline verifier, which knows the policy alone, agrees.
TEST_F(WitnessSystemTest, AReceiptIsUpgradedToACosignedCheckpoint) {
  ASSERT_EQ(world_.StartAll(), absl::OkStatus());
  PushAndSettle("to-be-upgraded");
  const std::string file = world_.path("first.receipt"), policy = world_.path("witnesses.policy");
  const Ran first = Ctl({"--as", "police", "receipt", "get", "to-be-upgraded", "--out", file});
  ASSERT_EQ(first.exit_status, 0) << first.output;
  const auto verify = [&](const std::string& receipt) {
    const auto ran = RunProgram({World::Program("accord-verify"), "receipt", receipt, "--policy", policy, "--vkey", world_.path("broker.vkey")},
                                kStartTime);
    EXPECT_EQ(ran.status(), absl::OkStatus());
    return ran.value_or(Ran());
  };
  EXPECT_EQ(verify(file).exit_status, 1) << "nobody has cosigned it";

  Ran upgraded;
  EXPECT_TRUE(Eventually(kStartTime, [&] {
    upgraded = Ctl({"--as", "police", "receipt", "upgrade", file, "--policy", policy});
    return upgraded.exit_status == 0;
  })) << upgraded.output;
  EXPECT_THAT(upgraded.output, HasSubstr("is proved to be the same one"));
  const Ran verified = verify(file + ".witnessed");
  EXPECT_EQ(verified.exit_status, 0) << verified.output;
  EXPECT_TRUE(fs::exists(file + ".witnessed.openings.json"));

  // At a published checkpoint that nobody need have cosigned it is had as well, by its size.
  const Ran listed = Ctl({"--as", "police", "--json", "ledger", "checkpoints", "--rows", "1"});
  ASSERT_EQ(listed.exit_status, 0) << listed.output;
  const auto rows = nlohmann::json::parse(listed.output)["checkpoints"];
  ASSERT_EQ(rows.size(), 1u);
  const std::string size = fmt::format("{}", rows[0]["size"].get<uint64_t>());
  const Ran published = Ctl({"--as", "police", "ledger", "checkpoint", "--size", size});
  EXPECT_EQ(published.exit_status, 0) << published.output;
  EXPECT_THAT(published.output, HasSubstr("\n" + size + "\n"));
  const Ran at_size = Ctl({"--as", "police", "receipt", "get", "to-be-upgraded", "--size", size, "--out", world_.path("at-size.receipt")});
  EXPECT_EQ(at_size.exit_status, 0) << at_size.output;
  EXPECT_THAT(at_size.output, HasSubstr("of " + size));
  EXPECT_EQ(Ctl({"--as", "police", "ledger", "checkpoint", "--size", "999999"}).exit_status, 1);
  EXPECT_EQ(Ctl({"--as", "police", "ledger", "checkpoint", "--size", "1", "--published"}).exit_status, 2);

  const Ran status = Ctl({"--as", "police", "ledger", "status"});
  EXPECT_EQ(status.exit_status, 0) << status.output;
  EXPECT_THAT(status.output, HasSubstr("witnessed"));
  EXPECT_THAT(status.output, HasSubstr("housing"));
  EXPECT_THAT(status.output, HasSubstr("nothing found"));
}

}  // namespace
}  // namespace accord::tests::witness_test
