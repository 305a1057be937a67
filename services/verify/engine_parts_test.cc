// Goal: the parts that the verifier's speed rests on: results joined in order, lines of progress, files read into memory that was
// there before.
#include <absl/synchronization/mutex.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "common/base/text.h"
#include "services/verify/file_reader.h"
#include "services/verify/ordered_tasks.h"
#include "services/verify/progress.h"

namespace accord::verify::engine_parts_test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(OrderedTasksTest, ResultsAreJoinedInOrderWhoeverIsDoneFirst) {
  for (const int threads : {1, 2, 7, kThreadsMax}) {
    for (const uint64_t count : {0u, 1u, 2u, 5u, 1'000u}) {
      std::atomic<uint64_t> worked = 0;
      std::vector<uint64_t> joined;  // Unguarded: one at a time is the promise.
      OrderedTasks<std::unique_ptr<uint64_t>>::Run(
          threads, count,
          [&](int thread, uint64_t i) {
            EXPECT_LT(thread, threads);
            ++worked;
            return std::make_unique<uint64_t>(i);
          },
          [&](std::unique_ptr<uint64_t> i) {
            EXPECT_EQ(*i, joined.size());
            joined.push_back(*i);
            return true;
          });
      EXPECT_EQ(worked, count);
      EXPECT_EQ(joined.size(), count);
    }
  }
}

// The first result is held back until as many others were begun as may be: one more would break the bound.
TEST(OrderedTasksTest, NoMoreAreUnderWayThanTwoForEachThread) {
  static constexpr int kThreads = 3;
  absl::Mutex mu;
  uint64_t begun = 0, joined = 0;
  OrderedTasks<uint64_t>::Run(
      kThreads, 100,
      [&](int, uint64_t i) {
        absl::MutexLock lock(&mu);
        ++begun;
        EXPECT_LE(begun, joined + 2 * kThreads);
        if (i == 0) mu.Await(absl::Condition(+[](uint64_t* begun) { return *begun >= 2 * kThreads; }, &begun));
        return i;
      },
      [&](uint64_t) {
        absl::MutexLock lock(&mu);
        ++joined;
        return true;
      });
  EXPECT_EQ(joined, 100u);
}

TEST(OrderedTasksTest, AJoinThatSaysNoIsTheLast) {
  for (const int threads : {1, 4}) {
    uint64_t joined = 0;
    OrderedTasks<uint64_t>::Run(threads, 1'000'000, [](int, uint64_t i) { return i; }, [&](uint64_t i) { return ++joined, i < 10; });
    EXPECT_EQ(joined, 11u);
  }
}

TEST(ProgressMeterTest, TellsRateAndRestOnceASecond) {
  FakeClock clock;
  std::vector<std::string> lines;
  ProgressMeter meter(clock, [&](std::string_view line) { lines.emplace_back(line); });
  meter.Tell(1'000, 10'000'000);
  EXPECT_TRUE(lines.empty());
  clock.Advance(absl::Seconds(2));
  meter.Tell(2'500'000, 10'000'000);
  meter.Tell(2'600'000, 10'000'000);
  clock.Advance(absl::Milliseconds(999));
  meter.Tell(2'700'000, 10'000'000);
  EXPECT_THAT(lines, ElementsAre("2,500,000 of 10,000,000 entries (25 %), 1,250,000 a second, 6 s left"));
  clock.Advance(absl::Seconds(1));
  meter.Tell(10'000'000, 10'000'000);
  EXPECT_THAT(lines.back(), HasSubstr("(100 %)"));
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1'000), "1,000");
  EXPECT_EQ(Grouped(UINT64_MAX), "18,446,744,073,709,551,615");
}

class DirectoryReaderTest : public ::testing::Test {
 protected:
  DirectoryReaderTest() {
    std::string name = (fs::temp_directory_path() / "accord-reader-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~DirectoryReaderTest() override { fs::remove_all(directory_); }
  fs::path directory_;
};

TEST_F(DirectoryReaderTest, ReadsWholePlainFilesAndNothingElse) {
  DirectoryReader reader(directory_.string());
  const std::string large(300'000, 'l');
  std::ofstream(directory_ / "large", std::ios::binary) << large;
  std::ofstream(directory_ / "small", std::ios::binary) << "small";
  std::ofstream(directory_ / "empty", std::ios::binary);
  std::string bytes;
  ASSERT_TRUE(reader.ReadInto("large", large.size(), bytes).ok());
  EXPECT_EQ(bytes, large);
  // A shorter one after it leaves nothing of what was there.
  ASSERT_TRUE(reader.ReadInto("small", 5, bytes).ok());
  EXPECT_EQ(bytes, "small");
  ASSERT_TRUE(reader.ReadInto("empty", 0, bytes).ok());
  EXPECT_EQ(bytes, "");
  EXPECT_TRUE(absl::IsInvalidArgument(reader.ReadInto("small", 4, bytes)));
  EXPECT_TRUE(absl::IsNotFound(reader.ReadInto("absent", 4, bytes)));
  EXPECT_THAT(std::string(FromAbsl(reader.Read("absent", 4).status().message())), HasSubstr("absent"));
  fs::create_directory(directory_ / "folder");
  EXPECT_FALSE(reader.ReadInto("folder", 4096, bytes).ok());
  ASSERT_EQ(::mkfifo((directory_ / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsInvalidArgument(reader.ReadInto("pipe", 4096, bytes)));  // At once: nobody writes to it.
}

}  // namespace
}  // namespace accord::verify::engine_parts_test
