#include "services/broker/admission/quota.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "common/base/status.h"

namespace accord::broker::quota_test {
namespace {

const MailboxId kIdva{"idva"};
const MailboxId kConfidential{"idva", type::v1::DESK_CONFIDENTIAL};

class QuotaTest : public ::testing::Test {
 protected:
  int Submitted(Quotas& quotas, int tries, std::string_view agency = "police") {
    int passed = 0;
    for (int i = 0; i < tries; ++i) passed += quotas.TakeSubmission(agency).ok() ? 1 : 0;
    return passed;
  }
  static std::string RetryAfter(const absl::Status& refused) {
    EXPECT_TRUE(HasReason(refused, Reason::kQuotaExceeded)) << refused;
    EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
    return DetailOf(refused).metadata.at("retry_after_ms");
  }
  FakeClock clock_;
};

TEST_F(QuotaTest, LetsAMinutesSubmissionsThroughAtOnceAndNotOneMore) {
  Quotas quotas({.submissions_per_minute = 60}, clock_);
  EXPECT_EQ(Submitted(quotas, 60), 60);
  EXPECT_EQ(RetryAfter(quotas.TakeSubmission("police")), "1000");
  EXPECT_EQ(Submitted(quotas, 1, "idva"), 1);  // Another agency is not concerned.
  clock_.Advance(absl::Milliseconds(999));
  EXPECT_EQ(RetryAfter(quotas.TakeSubmission("police")), "1");
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Submitted(quotas, 2), 1);
  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(Submitted(quotas, 100), 60);  // It fills to the brim and not over it.
}

TEST_F(QuotaTest, TheDefaultIsSixThousandAMinute) {
  Quotas quotas({}, clock_);
  EXPECT_EQ(Submitted(quotas, 6'001), 6'000);
  EXPECT_EQ(RetryAfter(quotas.TakeSubmission("police")), "10");
}

TEST_F(QuotaTest, AClockPutBackFillsNothingAndLocksNobodyOut) {
  Quotas quotas({.submissions_per_minute = 60}, clock_);
  EXPECT_EQ(Submitted(quotas, 61), 60);
  clock_.Advance(-absl::Hours(1));
  EXPECT_EQ(Submitted(quotas, 1), 0);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Submitted(quotas, 2), 1);
}

TEST_F(QuotaTest, ADeskHasSoManyStreamsAndAnEndedOneGivesItsPlaceBack) {
  Quotas quotas({.streams_per_desk = 2}, clock_);
  auto first = quotas.TakeStream(kIdva);
  auto second = quotas.TakeStream(kIdva);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(RetryAfter(quotas.TakeStream(kIdva).status()), "5000");
  EXPECT_TRUE(quotas.TakeStream(kConfidential).ok());  // Another desk of the same agency has its own.
  EXPECT_TRUE(quotas.TakeStream({"housing"}).ok());
  { const Quotas::StreamPlace ends = *std::move(first); }
  auto third = quotas.TakeStream(kIdva);
  EXPECT_TRUE(third.ok());
  EXPECT_FALSE(quotas.TakeStream(kIdva).ok());
}

TEST_F(QuotaTest, ADeskCollectsOnceASecond) {
  Quotas quotas({}, clock_);
  EXPECT_TRUE(quotas.TakeCollect(kIdva).ok());
  EXPECT_EQ(RetryAfter(quotas.TakeCollect(kIdva)), "1000");
  EXPECT_TRUE(quotas.TakeCollect(kConfidential).ok());
  clock_.Advance(absl::Milliseconds(999));
  EXPECT_EQ(RetryAfter(quotas.TakeCollect(kIdva)), "1");
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(quotas.TakeCollect(kIdva).ok());
  clock_.Advance(absl::Hours(1));  // Not collecting saves nothing up.
  EXPECT_TRUE(quotas.TakeCollect(kIdva).ok());
  EXPECT_FALSE(quotas.TakeCollect(kIdva).ok());
}

TEST_F(QuotaTest, AnAgencyHasSoManySectionsOnTheirWay) {
  Quotas quotas({.transfers_per_agency = 2}, clock_);
  auto first = quotas.TakeTransfer("idva");
  auto second = quotas.TakeTransfer("idva");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(RetryAfter(quotas.TakeTransfer("idva").status()), "1000");
  EXPECT_TRUE(quotas.TakeTransfer("housing").ok());
  { const Quotas::TransferPlace ends = *std::move(first); }
  auto third = quotas.TakeTransfer("idva");
  EXPECT_TRUE(third.ok());
  EXPECT_FALSE(quotas.TakeTransfer("idva").ok());
}

TEST_F(QuotaTest, ZeroIsNoLimit) {
  Quotas quotas({.submissions_per_minute = 0, .streams_per_desk = 0, .collect_interval_ms = 0, .transfers_per_agency = 0}, clock_);
  EXPECT_EQ(Submitted(quotas, 10'000), 10'000);
  std::vector<Quotas::StreamPlace> places;
  for (int i = 0; i < 100; ++i) {
    auto place = quotas.TakeStream(kIdva);
    ASSERT_TRUE(place.ok());
    places.push_back(*std::move(place));
    EXPECT_TRUE(quotas.TakeCollect(kIdva).ok());
  }
}

}  // namespace
}  // namespace accord::broker::quota_test
