#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/parallel.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::base_test {
namespace {

TEST(StatusTest, ErrorCarriesReasonCodeAndMetadata) {
  const absl::Status status = Error(Reason::kFieldMissing, "risk_grade is required", {{"field", "risk_grade"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DetailOf(status).reason, Reason::kFieldMissing);
  EXPECT_EQ(DetailOf(status).metadata.at("field"), "risk_grade");
  EXPECT_TRUE(HasReason(status, Reason::kFieldMissing));
  EXPECT_FALSE(HasReason(status, Reason::kInternal));
  EXPECT_FALSE(HasReason(absl::InternalError("plain"), Reason::kInternal));
}

TEST(StatusTest, EveryReasonIsFoundByItsName) {
  for (const ReasonRow& row : AllReasons()) EXPECT_EQ(ReasonFromName(row.name), row.reason);
}

TEST(BytesTest, Base64IsStrict) {
  EXPECT_EQ(FromBase64("aGk="), "hi");
  EXPECT_EQ(FromBase64("aGk"), std::nullopt);
  EXPECT_EQ(FromBase64("aGk= "), std::nullopt);
  EXPECT_EQ(FromBase64("aGl="), std::nullopt) << "unused bits must be zero";
}

TEST(BytesTest, HexRejectsOddAndForeign) {
  EXPECT_EQ(FromHex("00fF"), std::string("\x00\xff", 2));
  EXPECT_EQ(FromHex("0"), std::nullopt);
  EXPECT_EQ(FromHex("0g"), std::nullopt);
}

TEST(BytesTest, ReaderStopsAtEveryCutOfWhatWriterWrote) {
  const std::string whole = std::move(ByteWriter().U8(1).U16(2).U32(3).U64(4).Lp8("a").Lp16("bc").Lp32("def")).Take();
  const auto read = [](std::string_view bytes) {
    ByteReader r(bytes);
    uint8_t a; uint16_t b; uint32_t c; uint64_t d; std::string_view x, y, z;
    return r.U8(a) && r.U16(b) && r.U32(c) && r.U64(d) && r.Lp8(x) && r.Lp16(y) && r.Lp32(z) && r.AtEnd() && z == "def";
  };
  EXPECT_TRUE(read(whole));
  for (size_t cut = 0; cut < whole.size(); ++cut) EXPECT_FALSE(read(whole.substr(0, cut))) << cut;
}

TEST(TextTest, RejectsOverlongAndSurrogate) {
  EXPECT_TRUE(IsUtf8("Zoë 山田"));
  EXPECT_FALSE(IsUtf8("\xc0\xaf"));
  EXPECT_FALSE(IsUtf8("\xed\xa0\x80"));
}

TEST(IdsTest, LimitsHoldAtAndPast) {
  EXPECT_TRUE(IsAgencyId(std::string(kAgencyIdCharsMax, 'a')));
  EXPECT_FALSE(IsAgencyId(std::string(kAgencyIdCharsMax + 1, 'a')));
  EXPECT_FALSE(IsAgencyId("-police"));
  EXPECT_TRUE(IsRequestId(std::string(kRequestIdCharsMin, 'x')));
  EXPECT_FALSE(IsRequestId(std::string(kRequestIdCharsMin - 1, 'x')));
  EXPECT_TRUE(IsRequestId(std::string(kRequestIdCharsMax, 'x')));
  EXPECT_FALSE(IsRequestId(std::string(kRequestIdCharsMax + 1, 'x')));
}

TEST(RandomTest, SameSeedSameBytes) {
  FakeRandom one(7), two(7);
  EXPECT_EQ(one.Bytes(40), two.Bytes(40));
  EXPECT_NE(one.Bytes(16), one.Bytes(16));
}

TEST(InParallelTest, DoesEachOnceAndReturnsWhenAllAreDone) {
  Executor executor(3, 8);
  for (const size_t threads : {0, 1, 4, 20}) {
    std::vector<std::atomic<int>> done(10);
    InParallel(executor, done.size(), threads, [&](size_t i) { ++done[i]; });
    for (const auto& one : done) EXPECT_EQ(one, 1) << threads;
  }
  InParallel(executor, 0, 4, [](size_t) { ADD_FAILURE(); });
}

// The first call waits for the second: on one thread neither would end.
TEST(InParallelTest, GoesOnWhileOneWaits) {
  Executor executor(1, 1);
  absl::Notification second;
  InParallel(executor, 2, 2, [&](size_t i) { i == 0 ? second.WaitForNotification() : second.Notify(); });
}

TEST(InParallelTest, DoesAllItselfWhileTheExecutorIsBusyAndItsLateHelpNothing) {
  Executor executor(1, 2);
  absl::Notification free;
  ASSERT_TRUE(executor.Run([&] { free.WaitForNotification(); }));
  std::atomic<int> done = 0;
  InParallel(executor, 5, 2, [&](size_t) { ++done; });
  EXPECT_EQ(done, 5);
  free.Notify();
  executor.Shutdown();  // The helper has run.
  EXPECT_EQ(done, 5);
  InParallel(executor, 5, 2, [&](size_t) { ++done; });
  EXPECT_EQ(done, 10);
}

TEST(ExecutorTest, RefusesPastItsQueueAndRunsTheRest) {
  absl::Notification gate;
  std::atomic<int> ran = 0;
  {
    Executor executor(1, 2);
    absl::Notification started;
    ASSERT_TRUE(executor.Run([&] { started.Notify(); gate.WaitForNotification(); ++ran; }));
    started.WaitForNotification();
    EXPECT_TRUE(executor.Run([&] { ++ran; }));
    EXPECT_TRUE(executor.Run([&] { ++ran; }));
    EXPECT_FALSE(executor.Run([&] { ++ran; }));
    gate.Notify();
  }
  EXPECT_EQ(ran, 3);
}

TEST(ExecutorTest, ThoseBehindGiveWayToOthers) {
  const int own = getpriority(PRIO_PROCESS, 0);
  const auto priority_of = [](Executor::Priority priority) {
    std::atomic<int> of_thread = 0;
    Executor executor(1, 1, priority);
    EXPECT_TRUE(executor.Run([&] { of_thread = getpriority(PRIO_PROCESS, 0); }));
    executor.Shutdown();
    return of_thread.load();
  };
  EXPECT_EQ(priority_of(Executor::Priority::kNormal), own);
  EXPECT_EQ(priority_of(Executor::Priority::kBehind), std::min(own + 10, 19));
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), own);
}

TEST(FileTest, DurableWriteReplacesWhole) {
  const std::string directory = ::testing::TempDir() + "/accord_file_test";
  ASSERT_TRUE(MakeDirectory(directory).ok());
  ASSERT_TRUE(WriteFileDurably(directory + "/f", "one").ok());
  ASSERT_TRUE(WriteFileDurably(directory + "/f", "two").ok());
  EXPECT_EQ(*ReadFile(directory + "/f"), "two");
  EXPECT_EQ(ReadFile(directory + "/absent").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadFile(directory + "/f", 2).status().code(), absl::StatusCode::kInvalidArgument);
  auto lock = FileLock::Take(directory + "/lock");
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(FileLock::Take(directory + "/lock").status().code(), absl::StatusCode::kFailedPrecondition);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace accord::base_test
