#include "services/broker/delivery/attempts.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/bytes.h"

namespace accord::broker::attempts_test {
namespace {

using type::v1::LANE_HIGH;
using type::v1::LANE_IMMEDIATE;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TEST(AttemptsTest, TheBackoffDoublesUpToItsBoundOfTheLane) {
  EXPECT_EQ(BackoffAfter(LANE_HIGH, 1), absl::Seconds(2));
  EXPECT_EQ(BackoffAfter(LANE_HIGH, 2), absl::Seconds(4));
  EXPECT_EQ(BackoffAfter(LANE_HIGH, 8), absl::Seconds(256));
  EXPECT_EQ(BackoffAfter(LANE_HIGH, 9), kRedeliveryBackoffMax);
  EXPECT_EQ(BackoffAfter(LANE_HIGH, 4'000'000'000), kRedeliveryBackoffMax);
  EXPECT_EQ(BackoffAfter(LANE_IMMEDIATE, 4), absl::Seconds(16));
  EXPECT_EQ(BackoffAfter(LANE_IMMEDIATE, 5), kImmediateBackoffMax);
}

TEST(AttemptsTest, TheJitterIsBetweenHalfAndAll) {
  const absl::Duration all = BackoffAfter(LANE_HIGH, 3);
  EXPECT_EQ(JitteredBackoff(LANE_HIGH, 3, KeyU64(0)), all / 2);
  EXPECT_EQ(JitteredBackoff(LANE_HIGH, 3, KeyU64(4'000)), all);      // Half of 8 s, in milliseconds.
  EXPECT_EQ(JitteredBackoff(LANE_HIGH, 3, KeyU64(4'001)), all / 2);  // And it begins again.
  EXPECT_GE(JitteredBackoff(LANE_HIGH, 1, KeyU64(0)), kRedeliveryBackoffMin);
  EXPECT_LE(JitteredBackoff(LANE_HIGH, 99, KeyU64(150'000)), kRedeliveryBackoffMax);
  for (uint64_t drawn = 0; drawn < 10'000; drawn += 7) {
    const absl::Duration wait = JitteredBackoff(LANE_IMMEDIATE, 9, KeyU64(drawn * 0x9E3779B97F4A7C15));
    EXPECT_GE(wait, kImmediateBackoffMax / 2);
    EXPECT_LE(wait, kImmediateBackoffMax);
  }
}

TEST(AttemptsTest, TheLastSixteenAreKept) {
  storage::v1::StoredDelivery delivery;
  for (int i = 1; i <= kAttemptsKeptMax; ++i) BeginAttempt(delivery, kNow + absl::Seconds(i));
  EXPECT_EQ(delivery.attempts_size(), kAttemptsKeptMax);
  EXPECT_EQ(delivery.attempts(0).attempt(), 1u);
  BeginAttempt(delivery, kNow + absl::Minutes(1));
  EXPECT_EQ(delivery.attempt(), 17u);
  ASSERT_EQ(delivery.attempts_size(), kAttemptsKeptMax);
  EXPECT_EQ(delivery.attempts(0).attempt(), 2u);
  EXPECT_EQ(delivery.attempts(15).attempt(), 17u);
  EXPECT_EQ(delivery.attempts(15).released_ms(), absl::ToUnixMillis(kNow + absl::Minutes(1)));
  EndAttempt(delivery, kNow + absl::Minutes(2), "NACKED");
  EXPECT_EQ(delivery.attempts(15).ended_ms(), absl::ToUnixMillis(kNow + absl::Minutes(2)));
  EXPECT_EQ(delivery.attempts(15).outcome(), "NACKED");
  EXPECT_EQ(delivery.attempts(14).outcome(), "");
}

// A row from before attempts were kept has a number and no rows.
TEST(AttemptsTest, AnOlderRowHasNothingToEnd) {
  storage::v1::StoredDelivery delivery;
  delivery.set_attempt(3);
  EndAttempt(delivery, kNow, "DELIVERED");
  EXPECT_EQ(delivery.attempts_size(), 0);
  BeginAttempt(delivery, kNow);
  EXPECT_EQ(delivery.attempts(0).attempt(), 4u);
  delivery.set_attempt(5);  // By a program that keeps none.
  EndAttempt(delivery, kNow, "DELIVERED");
  EXPECT_EQ(delivery.attempts(0).outcome(), "");
}

TEST(AttemptsTest, TwentyAttemptsAndOverADayAreTooMany) {
  storage::v1::StoredDelivery delivery;
  delivery.set_first_released_ms(absl::ToUnixMillis(kNow));
  delivery.set_attempt(kAttemptsMax - 1);
  EXPECT_FALSE(AttemptsExhausted(delivery, kNow + absl::Hours(100)));
  delivery.set_attempt(kAttemptsMax);
  EXPECT_FALSE(AttemptsExhausted(delivery, kNow + kPoisonAge));
  EXPECT_TRUE(AttemptsExhausted(delivery, kNow + kPoisonAge + absl::Milliseconds(1)));
  delivery.set_queued_at_ms(absl::ToUnixMillis(kNow + absl::Minutes(30)));  // Queued again.
  EXPECT_FALSE(AttemptsExhausted(delivery, kNow + kPoisonAge + absl::Minutes(30)));
  EXPECT_TRUE(AttemptsExhausted(delivery, kNow + kPoisonAge + absl::Minutes(31)));
  delivery.set_first_released_ms(0);
  EXPECT_FALSE(AttemptsExhausted(delivery, kNow + absl::Hours(100)));
}

}  // namespace
}  // namespace accord::broker::attempts_test
