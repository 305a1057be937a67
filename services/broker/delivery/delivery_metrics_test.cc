#include "services/broker/delivery/delivery_metrics.h"

#include <gtest/gtest.h>

#include <string>

namespace accord::broker::delivery_metrics_test {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const MailboxId kIdva{"idva"};

class DeliveryMetricsTest : public ::testing::Test {
 protected:
  bool Has(const std::string& line) {
    shown_.Set(mailboxes_.figures(kNow));
    return ("\n" + metrics_.Text()).find("\n" + line + "\n") != std::string::npos;
  }

  telemetry::Metrics metrics_;
  DeliveryMetrics shown_{metrics_};
  Mailboxes mailboxes_;
};

TEST_F(DeliveryMetricsTest, ShowsDepthAndAgeByLane) {
  mailboxes_.Add(kIdva, {.delivery_id = "a", .lane = type::v1::LANE_HIGH, .mailbox_sequence = 1, .queued_at = kNow - absl::Seconds(90)});
  mailboxes_.Add({"housing"}, {.delivery_id = "b", .lane = type::v1::LANE_HIGH, .mailbox_sequence = 2, .queued_at = kNow - absl::Seconds(120)});
  EXPECT_TRUE(Has("accord_mailbox_depth{lane=\"high\"} 2")) << metrics_.Text();
  EXPECT_TRUE(Has("accord_mailbox_oldest_seconds{lane=\"high\"} 120")) << metrics_.Text();
  EXPECT_TRUE(Has("accord_mailbox_depth{lane=\"immediate\"} 0")) << metrics_.Text();
  ASSERT_EQ(mailboxes_.Lease({"housing"}, 1, kNow), "b");  // Leased is not settled.
  EXPECT_TRUE(Has("accord_mailbox_depth{lane=\"high\"} 2"));
  mailboxes_.Remove("b");
  EXPECT_TRUE(Has("accord_mailbox_depth{lane=\"high\"} 1"));
  EXPECT_TRUE(Has("accord_mailbox_oldest_seconds{lane=\"high\"} 90"));
}

TEST_F(DeliveryMetricsTest, CountsRedeliveriesAndDeadLettersOnce) {
  mailboxes_.Add(kIdva, {.delivery_id = "a", .lane = type::v1::LANE_HIGH, .mailbox_sequence = 1});
  mailboxes_.Add(kIdva, {.delivery_id = "b", .lane = type::v1::LANE_HIGH, .mailbox_sequence = 2});
  mailboxes_.NoteAttempt("a", 1);
  EXPECT_TRUE(Has("accord_redeliveries_total 0")) << metrics_.Text();
  mailboxes_.NoteAttempt("a", 2);
  mailboxes_.NoteAttempt("a", 3);
  mailboxes_.Remove("a", Mailboxes::Gone::kDead);
  mailboxes_.Remove("a", Mailboxes::Gone::kDead);
  mailboxes_.Remove("b");
  EXPECT_TRUE(Has("accord_redeliveries_total 2"));
  EXPECT_TRUE(Has("accord_redeliveries_total 2"));
  EXPECT_TRUE(Has("accord_dead_letters_total 1"));
}

}  // namespace
}  // namespace accord::broker::delivery_metrics_test
