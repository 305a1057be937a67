// A broker that forks its log, cuts it, or swaps a sealing key is caught by an agency's service, which stops sending and
// says so.
//
// Method: the broker's files are put back to an older copy, guard and all, which its own start-up checks cannot notice;
// or its directory is given a certificate that the area authority did not issue.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/status.h"
#include "tests/system/raw_agency.h"
#include "tests/system/traffic.h"

namespace accord::tests::lying_broker_test {
namespace {

namespace fs = std::filesystem;
using ::testing::StartsWith;
using enum agency::v1::SubmissionState;

class LyingBrokerTest : public ::testing::Test {
 protected:
  LyingBrokerTest() : world_({.agreement = OpenAgreement()}) {}

  void CopyBroker(const std::string& from, const std::string& to) {
    for (const std::string part : {"broker", "broker-keys", "broker-guard"}) {
      fs::remove_all(world_.path(to + part));
      fs::copy(world_.path(from + part), world_.path(to + part), fs::copy_options::recursive);
    }
  }
  void PushAndSettle(const std::string& request_id) {
    ASSERT_EQ(Push(world_, "police", TestOptions(request_id, {"idva"})).status(), absl::OkStatus());
    ASSERT_EQ(AwaitState(world_, "police", request_id, SUBMISSION_STATE_SETTLED).status(), absl::OkStatus());
  }
  void ExpectStopped(const std::string& agency, const std::string& reason) {
    absl::StatusOr<agency::v1::GetServiceStatusResponse> status;
    EXPECT_TRUE(Eventually(kStartTime, [&] {
      status = ServiceStatus(world_, agency);
      return status.ok() && status->stopped();
    })) << agency << " does not stop";
    ASSERT_EQ(status.status(), absl::OkStatus());
    EXPECT_THAT(status->alarm(), StartsWith(reason)) << agency;
  }
  // What is pushed is taken and kept, and does not leave, also after another start.
  void ExpectKeepsWhatIsPushed(const std::string& reason) {
    RawAgency idva(world_, "idva");
    ASSERT_EQ(Push(world_, "police", TestOptions("after-the-alarm", {"idva"})).status(), absl::OkStatus());
    world_.process("police").Kill();
    ASSERT_EQ(world_.Start("police"), absl::OkStatus());
    ExpectStopped("police", reason);
    const auto kept = GetSubmission(world_, "police", "after-the-alarm");
    ASSERT_EQ(kept.status(), absl::OkStatus());
    EXPECT_EQ(kept->state(), SUBMISSION_STATE_ACCEPTED);
    EXPECT_GE(ServiceStatus(world_, "police")->outbox_waiting(), 1u);
  }

  World world_;
};

TEST_F(LyingBrokerTest, ALogThatWasCutIsNoticed) {
  ASSERT_EQ(world_.StartAll({"police"}), absl::OkStatus());
  PushAndSettle("before-the-cut");
  world_.process(kBroker).Kill();
  CopyBroker("", "older-");
  ASSERT_EQ(world_.Start(kBroker), absl::OkStatus());
  PushAndSettle("that-is-forgotten");
  world_.process(kBroker).Kill();
  CopyBroker("older-", "");
  ASSERT_EQ(world_.StartToBeCaught(kBroker), absl::OkStatus());  // Its guard was put back too: it has nothing to notice by.
  ExpectStopped("police", "LOG_FORKED");
  ExpectKeepsWhatIsPushed("LOG_FORKED");
}

TEST_F(LyingBrokerTest, ALogThatWasForkedIsNoticed) {
  ASSERT_EQ(world_.StartAll({"police"}), absl::OkStatus());
  PushAndSettle("before-the-fork");
  world_.process(kBroker).Kill();
  CopyBroker("", "older-");
  ASSERT_EQ(world_.Start(kBroker), absl::OkStatus());
  PushAndSettle("that-is-replaced");
  ASSERT_TRUE(Eventually(kStartTime, [&] {  // The police hold a checkpoint of the log that is about to be replaced.
    const auto now = GetCheckpoint(world_);
    return now.ok() && ServiceStatus(world_, "police")->checkpoint_size() == now->checkpoint.size;
  }));
  const auto held = GetCheckpoint(world_);
  ASSERT_EQ(held.status(), absl::OkStatus());
  world_.process("police").Pause();  // So that it sees the fork only when it has outgrown what it holds.
  world_.process(kBroker).Kill();
  CopyBroker("older-", "");
  ASSERT_EQ(world_.Start(kBroker), absl::OkStatus());
  RawAgency health(world_, "health");
  for (int i = 0; GetCheckpoint(world_)->checkpoint.size <= held->checkpoint.size + 1; ++i) {
    ASSERT_LT(i, 100);
    ASSERT_EQ(health.Preview(health.Parts({.request_id = fmt::format("other-{:04}", i), .recipients = {"idva"}})).status(), absl::OkStatus());
  }
  const auto forked = GetCheckpoint(world_);
  ASSERT_EQ(forked.status(), absl::OkStatus());
  EXPECT_TRUE(HasReason(CheckConsistent(world_, held->checkpoint, forked->checkpoint), Reason::kLogForked));
  world_.process("police").Resume();
  ExpectStopped("police", "LOG_FORKED");
  ExpectKeepsWhatIsPushed("LOG_FORKED");
}

TEST_F(LyingBrokerTest, TheGuardNoticesAStoreThatWasPutBackAlone) {
  ASSERT_EQ(world_.StartAll({"police"}), absl::OkStatus());
  PushAndSettle("before-the-copy");
  world_.process(kBroker).Kill();
  CopyBroker("", "older-");
  ASSERT_EQ(world_.Start(kBroker), absl::OkStatus());
  PushAndSettle("after-the-copy");
  world_.process(kBroker).Kill();
  fs::remove_all(world_.path("broker"));
  fs::copy(world_.path("older-broker"), world_.path("broker"), fs::copy_options::recursive);
  ASSERT_EQ(world_.Launch(kBroker), absl::OkStatus());
  EXPECT_EQ(world_.process(kBroker).Wait(kStartTime).value_or(-1), 1);
  EXPECT_FALSE(ServiceStatus(world_, "police")->stopped());  // A broker that is away is no liar.
}

TEST_F(LyingBrokerTest, ASealingKeyThatTheAreaAuthorityDidNotSignIsNoticed) {
  ASSERT_EQ(world_.StartAll({"police", "idva"}), absl::OkStatus());
  PushAndSettle("before-the-swap");
  const crypto::testing::TestAuthority stranger("Somebody else's authority");
  auto row = world_.Row("idva");
  ASSERT_EQ(row.status(), absl::OkStatus());
  row->set_sealing_certificate(stranger.IssueSealing("idva").certificate.der());
  admin::v1::Change change;
  *change.mutable_put_agency()->mutable_agency() = *row;
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  // The agency whose key it would be sees it in its own row; who sends to it, when it seals.
  ExpectStopped("idva", "SEALING_KEY_UNTRUSTED");
  ASSERT_EQ(Push(world_, "police", TestOptions("after-the-swap", {"idva"})).status(), absl::OkStatus());
  ExpectStopped("police", "SEALING_KEY_UNTRUSTED");
  EXPECT_EQ(GetSubmission(world_, "police", "after-the-swap")->state(), SUBMISSION_STATE_ACCEPTED);
  ExpectKeepsWhatIsPushed("SEALING_KEY_UNTRUSTED");
  // Nothing new has reached anybody.
  const auto items = ListInbox(world_, "idva");
  ASSERT_EQ(items.status(), absl::OkStatus());
  EXPECT_LE(items->size(), 1u);
}

}  // namespace
}  // namespace accord::tests::lying_broker_test
