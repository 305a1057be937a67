#include "tests/simulation/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "common/telemetry/log.h"
#include "tests/simulation/memory_store.h"

namespace accord::simulation {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::StartsWith;

// One area, and a log for what crashes say.
class SimulationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    area_ = std::make_unique<Area>();
    static const SystemClock clock;
    ASSERT_TRUE(telemetry::StartLog({.file = area_->root() + "/log", .level = telemetry::Level::kError}, clock).ok());
  }
  static void TearDownTestSuite() {
    telemetry::StopLog();
    area_.reset();
  }
  static Result Run(uint64_t seed, int referrals, Sabotage sabotage = Sabotage::kNone) {
    return Simulate(*area_, {.seed = seed, .referrals = referrals, .sabotage = sabotage});
  }

  static std::unique_ptr<Area> area_;
};
std::unique_ptr<Area> SimulationTest::area_;

TEST_F(SimulationTest, TheSameSeedIsTheSameSequenceOfEvents) {
  const Result first = Run(7, 60), again = Run(7, 60), other = Run(8, 60);
  EXPECT_EQ(first.digest, again.digest);
  EXPECT_EQ(first.events, again.events);
  EXPECT_NE(first.digest, other.digest);
  EXPECT_THAT(first.failures, IsEmpty());
}

// That nothing fails would say nothing of a simulation in which nothing happens.
TEST_F(SimulationTest, EverythingThatMayHappenHappens) {
  const Result result = Run(11, 120);
  EXPECT_GT(result.stored, 80u);
  EXPECT_GT(result.statements, 150u);
  EXPECT_GT(result.steps, 30u);
  EXPECT_GT(result.broker_crashes, 2);
  EXPECT_GT(result.agency_crashes, 2);
}

struct Wrong {
  Sabotage sabotage;
  const char* invariant;
};
class SabotageTest : public SimulationTest, public testing::WithParamInterface<Wrong> {};

TEST_P(SabotageTest, IsFound) {
  const Result result = Run(5, 40, GetParam().sabotage);
  EXPECT_GT(result.failed, 0u);
  EXPECT_THAT(result.failures, Contains(StartsWith(GetParam().invariant)));
}

INSTANTIATE_TEST_SUITE_P(Each, SabotageTest,
                         testing::Values(Wrong{Sabotage::kLoseReferral, "no referral lost"}, Wrong{Sabotage::kLoseMailboxRow, "no referral lost"},
                                         Wrong{Sabotage::kLoseInboxRow, "no referral lost"},
                                         Wrong{Sabotage::kLoseStatement, "every change is signed"},
                                         Wrong{Sabotage::kLoseDeadlines, "every missed deadline escalates once"},
                                         Wrong{Sabotage::kEarlyStep, "every missed deadline escalates once"},
                                         Wrong{Sabotage::kForgetOrder, "order"},
                                         Wrong{Sabotage::kMoveState, "every change is signed"},
                                         Wrong{Sabotage::kHandOutEarly, "nothing leaves without its entry"},
                                         Wrong{Sabotage::kHandOutTooMuch, "nothing leaves without its entry"},
                                         Wrong{Sabotage::kHandOutMore, "only to whom it is permitted"},
                                         Wrong{Sabotage::kStayAway, "mailboxes drain"}));

storage::Batch Put(std::string_view key, std::string_view value) {
  storage::Batch batch;
  batch.Put("rows", key, value);
  return batch;
}

TEST(MemoryDiskTest, APowerCutLosesATailOfWhatWasNotSynced) {
  FakeRandom chance(3);
  bool lost_some = false, kept_some = false;
  for (int round = 0; round < 20; ++round) {
    MemoryDisk disk;
    MemoryStore store(disk);
    ASSERT_TRUE(store.Write(Put("a", "1"), /*sync=*/true).ok());
    ASSERT_TRUE(store.Write(Put("a", "2"), /*sync=*/false).ok());
    ASSERT_TRUE(store.Write(Put("b", "3"), /*sync=*/false).ok());
    disk.Cut(chance);
    EXPECT_FALSE(store.Get("rows", "a").ok());
    const MemoryStore after(disk);
    const auto a = **after.Get("rows", "a");
    const bool b = after.Get("rows", "b")->has_value();
    EXPECT_TRUE(a == "1" || a == "2");
    EXPECT_TRUE(!b || a == "2");  // In the order of writing.
    (b ? kept_some : lost_some) = true;
  }
  EXPECT_TRUE(lost_some && kept_some);
}

TEST(MemoryDiskTest, ASyncCoversWhatWasWrittenBefore) {
  FakeRandom chance(3);
  MemoryDisk disk;
  MemoryStore store(disk);
  ASSERT_TRUE(store.Write(Put("a", "1"), /*sync=*/false).ok());
  ASSERT_TRUE(store.Write(Put("b", "2"), /*sync=*/true).ok());
  disk.Cut(chance);
  EXPECT_EQ(**MemoryStore(disk).Get("rows", "a"), "1");
}

TEST(MemoryDiskTest, AFailedWriteIsThereOrNotAndEndsTheOpening) {
  MemoryDisk disk;
  for (const auto& [fault, there] : {std::pair(WriteFault::kRefused, false), {WriteFault::kUnknownAbsent, false}, {WriteFault::kUnknownThere, true}}) {
    MemoryStore store(disk);
    disk.FailNext(fault);
    const std::string key(1, static_cast<char>('a' + static_cast<int>(fault)));
    EXPECT_FALSE(store.Write(Put(key, "1"), /*sync=*/true).ok());
    EXPECT_FALSE(store.Write(Put("z", "1"), /*sync=*/true).ok());
    EXPECT_EQ(MemoryStore(disk).Get("rows", key)->has_value(), there);
  }
}

TEST(MemoryCommitLogTest, SaysWhatItKnowsOfAWrite) {
  MemoryDisk disk;
  MemoryStore store(disk);
  const auto log = MemoryCommitLog::Open(store);
  ASSERT_TRUE(log.ok());
  const auto first = (*log)->Append(1, 0, 5, Put("a", "1"));
  ASSERT_TRUE(std::holds_alternative<storage::Committed>(first));
  EXPECT_EQ(*(*log)->ReadBack(1), storage::EncodeRecord(1, 1, 5, Put("a", "1")));
  disk.FailNext(WriteFault::kUnreadable);
  ASSERT_TRUE(std::holds_alternative<storage::Committed>((*log)->Append(1, 1, 6, Put("a", "2"))));
  EXPECT_FALSE((*log)->ReadBack(2).ok());
  disk.FailNext(WriteFault::kRefused);
  EXPECT_TRUE(std::holds_alternative<storage::Fenced>((*log)->Append(1, 2, 7, Put("a", "3"))));
  EXPECT_TRUE(std::holds_alternative<storage::Unknown>((*log)->Append(1, 2, 7, Put("a", "3"))));  // Not until it is opened anew.
  MemoryStore again(disk);
  const auto reopened = MemoryCommitLog::Open(again);
  ASSERT_TRUE(reopened.ok());
  EXPECT_EQ((*reopened)->head().sequence, 2u);
  disk.FailNext(WriteFault::kUnknownThere);
  EXPECT_TRUE(std::holds_alternative<storage::Unknown>((*reopened)->Append(1, 2, 8, Put("a", "4"))));
  EXPECT_EQ(**MemoryStore(disk).Get("rows", "a"), "4");
}

}  // namespace
}  // namespace accord::simulation
