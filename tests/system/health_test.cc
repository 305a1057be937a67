// Health tells the truth: not serving while the store refuses writes, serving again once it takes them.
//
// Method: the kernel refuses the running program every write to a file (RLIMIT_FSIZE), as a full disk would, until it is
// let again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "tests/system/raw_agency.h"
#include "tests/system/traffic.h"

namespace accord::tests::health_test {
namespace {

using enum agency::v1::SubmissionState;

constexpr absl::Duration kShortTime = absl::Seconds(2);

bool ServingBecomes(World& world, const std::string& server, bool wanted) {
  return Eventually(kStartTime, [&] {
    const auto serving = world.Serving(server);
    return serving.ok() && *serving == wanted;
  });
}

TEST(HealthTest, TheBrokerSaysSoWhileItCannotWriteAndRecoversByItself) {
  World world({.agreement = OpenAgreement()});
  ASSERT_EQ(world.Start(kBroker), absl::OkStatus());
  RawAgency police(world, "police"), idva(world, "idva");
  const auto before = GetCheckpoint(world);
  ASSERT_EQ(before.status(), absl::OkStatus());
  const auto request = police.Make({.request_id = "disk-full-1", .recipients = {"idva"}});
  ASSERT_EQ(request.status(), absl::OkStatus());

  ASSERT_EQ(world.process(kBroker).LimitFiles(0), absl::OkStatus());
  // UNAVAILABLE for the write that failed; what comes after it waits for the store, as long as its caller does.
  const auto not_stored = [&] {
    const absl::StatusCode code = police.Submit(*request, kShortTime).status().code();
    return code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded;
  };
  EXPECT_TRUE(not_stored());
  EXPECT_TRUE(ServingBecomes(world, kBroker, false));
  EXPECT_TRUE(not_stored());
  EXPECT_TRUE(world.process(kBroker).running());

  ASSERT_EQ(world.process(kBroker).LimitFiles(std::nullopt), absl::OkStatus());
  EXPECT_TRUE(ServingBecomes(world, kBroker, true));
  // The same bytes again, as whoever was told UNAVAILABLE does; once in the mailbox.
  const auto stored = police.Submit(*request);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  const auto collected = idva.Collect(1, /*ack=*/true);
  ASSERT_EQ(collected.status(), absl::OkStatus());
  EXPECT_FALSE(idva.Collect(1, false, absl::Seconds(1)).ok());
  const auto after = GetCheckpoint(world);
  ASSERT_EQ(after.status(), absl::OkStatus());
  EXPECT_EQ(CheckConsistent(world, before->checkpoint, after->checkpoint), absl::OkStatus());
}

TEST(HealthTest, AnAgencySaysSoWhileItCannotWriteAndServesAfterARestart) {
  World world({.agreement = OpenAgreement()});
  ASSERT_EQ(world.StartAll({"police", "idva"}), absl::OkStatus());
  ASSERT_EQ(Push(world, "police", TestOptions("before-it-is-full", {"idva"})).status(), absl::OkStatus());
  ASSERT_EQ(AwaitState(world, "police", "before-it-is-full", SUBMISSION_STATE_SETTLED).status(), absl::OkStatus());

  ASSERT_EQ(world.process("police").LimitFiles(0), absl::OkStatus());
  const auto refused = Push(world, "police", TestOptions("while-it-is-full", {"idva"}));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable) << refused.status();
  EXPECT_TRUE(ServingBecomes(world, "police", false));

  world.process("police").Kill();
  ASSERT_EQ(world.Start("police"), absl::OkStatus());
  EXPECT_EQ(GetSubmission(world, "police", "before-it-is-full")->state(), SUBMISSION_STATE_SETTLED);
  ASSERT_EQ(Push(world, "police", TestOptions("while-it-is-full", {"idva"})).status(), absl::OkStatus());
  EXPECT_EQ(AwaitState(world, "police", "while-it-is-full", SUBMISSION_STATE_SETTLED).status(), absl::OkStatus());
}

TEST(HealthTest, BelowTheFloorOfFreeSpaceOnlyDangerGoesThrough) {
  // As much as the file system can never have free.
  World world({.agreement = OpenAgreement(), .broker_disk_floor = "1024TiB"});
  ASSERT_EQ(world.Start(kBroker), absl::OkStatus());
  RawAgency police(world, "police");
  auto parts = police.Parts({.request_id = "below-floor-1", .recipients = {"idva"}});
  RawAgency::Permitted permitted;
  for (const auto& section : parts.sections) permitted[section.section_id()] = {"idva"};
  broker::v1::SubmitReferralRequest request;
  request.set_request_id(parts.core.request_id());
  *request.mutable_submission() = *police.Seal(parts, permitted, police.keys().signing_key);
  EXPECT_TRUE(HasReason(police.Submit(request).status(), Reason::kDiskFloor));
  parts.core.set_urgency(type::v1::URGENCY_IMMEDIATE);
  *request.mutable_submission() = *police.Seal(parts, permitted, police.keys().signing_key);
  EXPECT_EQ(police.Submit(request).status(), absl::OkStatus());
}

}  // namespace
}  // namespace accord::tests::health_test
