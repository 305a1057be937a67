#include "services/broker/sharing/preview_quota.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/base/status.h"

namespace accord::broker::preview_quota_test {
namespace {

class PreviewQuotaTest : public ::testing::Test {
 protected:
  // How many of `tries` are let through.
  int Passed(PreviewQuota& quota, int tries, std::string_view agency = "police", std::string_view worker = "pc-1", bool immediate = false) {
    int passed = 0;
    for (int i = 0; i < tries; ++i) passed += quota.Take(agency, worker, immediate).ok() ? 1 : 0;
    return passed;
  }
  FakeClock clock_;
};

TEST_F(PreviewQuotaTest, LetsTheLimitThroughAndNotOneMore) {
  PreviewQuota quota({.per_minute = 60, .per_hour = 600}, clock_);
  EXPECT_EQ(Passed(quota, 60), 60);
  const absl::Status refused = quota.Take("police", "pc-1", false);
  EXPECT_TRUE(HasReason(refused, Reason::kPreviewQuota));
  EXPECT_EQ(DetailOf(refused).metadata.at("retry_after_ms"), "1000");
  EXPECT_EQ(Passed(quota, 1, "police", "pc-2"), 1);  // Another worker, and one of the same name elsewhere.
  EXPECT_EQ(Passed(quota, 1, "idva", "pc-1"), 1);
  clock_.Advance(absl::Milliseconds(999));
  EXPECT_EQ(Passed(quota, 1), 0);
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Passed(quota, 2), 1);
  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(Passed(quota, 100), 60);  // It fills to the brim and not over it.
}

TEST_F(PreviewQuotaTest, HoldsTheHourAsWell) {
  PreviewQuota quota({.per_minute = 60, .per_hour = 90}, clock_);
  EXPECT_EQ(Passed(quota, 61), 60);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Passed(quota, 60), 31);  // 30 left, and one and a half came back.
  EXPECT_EQ(DetailOf(quota.Take("police", "pc-1", false)).metadata.at("retry_after_ms"), "20000");
}

TEST_F(PreviewQuotaTest, AClockPutBackAnHourFillsNothingAndLocksNobodyOut) {
  PreviewQuota quota({.per_minute = 60, .per_hour = 600}, clock_);
  EXPECT_EQ(Passed(quota, 61), 60);
  clock_.Advance(-absl::Hours(1));
  EXPECT_EQ(Passed(quota, 1), 0);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Passed(quota, 2), 1);
}

TEST_F(PreviewQuotaTest, WhatIsStoredIsGivenBackAndGainsNoMoreThanAFullQuota) {
  PreviewQuota quota({.per_minute = 60, .per_hour = 600}, clock_);
  for (int i = 0; i < 4000; ++i) {  // A day's backlog, one after the other.
    ASSERT_EQ(Passed(quota, 1), 1) << i;
    quota.GiveBack("police", "pc-1", false);
  }
  EXPECT_EQ(Passed(quota, 61), 60);
  quota.GiveBack("police", "pc-2", false);
  quota.GiveBack("police", "pc-1", true);
  EXPECT_EQ(Passed(quota, 1), 0) << "another's, and what is IMMEDIATE, is no part of it";
  quota.GiveBack("police", "pc-1", false);
  EXPECT_EQ(Passed(quota, 2), 1);
}

TEST_F(PreviewQuotaTest, NothingElseHoldsUpWhatIsImmediate) {
  PreviewQuota quota({.per_minute = 60, .per_hour = 600}, clock_);
  EXPECT_EQ(Passed(quota, 61), 60);
  EXPECT_EQ(Passed(quota, 61, "police", "pc-1", true), 60);  // Nor is it a way round the quota.
  EXPECT_EQ(Passed(quota, 1), 0);
}

TEST_F(PreviewQuotaTest, ZeroIsNoLimit) {
  PreviewQuota none({.per_minute = 0, .per_hour = 0}, clock_);
  EXPECT_EQ(Passed(none, 1000), 1000);
  PreviewQuota hourly({.per_minute = 0, .per_hour = 5}, clock_);
  EXPECT_EQ(Passed(hourly, 10), 5);
}

TEST_F(PreviewQuotaTest, InventingWorkersGainsNothing) {
  PreviewQuota quota({.per_minute = 2, .per_hour = 600}, clock_);
  for (size_t i = 0; i < kPreviewWorkersMax; ++i) ASSERT_EQ(Passed(quota, 1, "police", fmt::format("pc-{}", i)), 1);
  // All beyond share one: the shared quota is the same two a minute.
  EXPECT_EQ(Passed(quota, 1, "police", "new-1") + Passed(quota, 1, "police", "new-2") + Passed(quota, 1, "police", "new-3"), 2);
  EXPECT_EQ(Passed(quota, 5, "police", "pc-7"), 1);   // Who was there before has their own.
  EXPECT_EQ(Passed(quota, 5, "idva", "new-4"), 2);    // Another agency is not concerned.
  clock_.Advance(absl::Minutes(1));                   // All are full again, and forgotten.
  EXPECT_EQ(Passed(quota, 5, "police", "new-5"), 2);
  EXPECT_EQ(Passed(quota, 5, "police", "new-6"), 2);
}

}  // namespace
}  // namespace accord::broker::preview_quota_test
