// The programs alone: they start, say who they are, tell their health, stop and start again.
#include "tests/system/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"

namespace accord::tests::world_test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

TEST(WorldTest, TheBrokerStartsTellsItsHealthAndStops) {
  World world;
  ASSERT_EQ(world.Start(kBroker), absl::OkStatus());
  EXPECT_TRUE(*world.Serving(kBroker));
  EXPECT_THAT(*ListServices(world.Channel(kBroker, "admin/alice")), Contains("grpc.health.v1.Health"));
  EXPECT_EQ(*world.process(kBroker).Stop(kStartTime), 0);
  ASSERT_EQ(world.Start(kBroker), absl::OkStatus());
}

TEST(WorldTest, ABrokerThatWasKilledStartsAgain) {
  World world;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(world.Start(kBroker), absl::OkStatus());
    world.process(kBroker).Kill();
  }
}

TEST(WorldTest, InitRefusesASecondTime) {
  World world;
  const auto again = RunProgram({World::Program("accord-broker"), "init", "--config", world.path("broker.toml")}, kStartTime);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_EQ(again->exit_status, 1);
  EXPECT_THAT(again->output, HasSubstr("is there already"));
}

TEST(WorldTest, WrongUseSaysSo) {
  const auto ran = RunProgram({World::Program("accord-broker")}, kStartTime);
  ASSERT_EQ(ran.status(), absl::OkStatus());
  EXPECT_EQ(ran->exit_status, 2);
  EXPECT_THAT(ran->output, HasSubstr("--config"));
}

}  // namespace
}  // namespace accord::tests::world_test
