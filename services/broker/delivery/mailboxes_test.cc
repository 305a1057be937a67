#include "services/broker/delivery/mailboxes.h"

#include <gtest/gtest.h>

namespace accord::broker {
namespace {

using type::v1::LANE_HIGH;
using type::v1::LANE_IMMEDIATE;
using type::v1::LANE_STANDARD;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const MailboxId kIdva{"idva"};

TEST(MailboxesTest, HigherLaneOvertakesAndLaneKeepsItsOrder) {
  Mailboxes mailboxes;
  mailboxes.Add(kIdva, {"standard", LANE_STANDARD, 1, "k1"});
  mailboxes.Add(kIdva, {"high", LANE_HIGH, 2, "k2"});
  mailboxes.Add(kIdva, {"immediate", LANE_IMMEDIATE, 3, "k3"});
  mailboxes.Add(kIdva, {"standard 2", LANE_STANDARD, 4, "k4"});
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "immediate");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "high");
  EXPECT_EQ(mailboxes.Lease(kIdva, 2, kNow), "standard");
  EXPECT_EQ(mailboxes.Lease(kIdva, 2, kNow), "standard 2");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), std::nullopt);
}

TEST(MailboxesTest, AnUnsettledDeliveryBlocksItsKeyInItsLaneOnly) {
  Mailboxes mailboxes;
  mailboxes.Add(kIdva, {"first", LANE_STANDARD, 1, "case"});
  mailboxes.Add(kIdva, {"second", LANE_STANDARD, 2, "case"});
  mailboxes.Add(kIdva, {"urgent", LANE_IMMEDIATE, 3, "case"});
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "urgent");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "first");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), std::nullopt);
  mailboxes.Remove("first");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "second");
}

// Such as that a value is not to be used any more: the newer one, in whatever lane, is not shown before.
TEST(MailboxesTest, AnImmediateStatementComesBeforeAllThatIsLaterOfItsKey) {
  Mailboxes mailboxes;
  mailboxes.Add(kIdva, {"before", LANE_STANDARD, 1, "case"});
  mailboxes.Add(kIdva, {"statement", LANE_IMMEDIATE, 2, "case", absl::InfinitePast(), true});
  mailboxes.Add(kIdva, {"after", LANE_HIGH, 3, "case"});
  mailboxes.Add(kIdva, {"another case", LANE_STANDARD, 4, "other"});
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "statement");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "before");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "another case");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), std::nullopt);
  mailboxes.Return("statement", 1, kNow + absl::Seconds(5));  // Not even while its time has not come.
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), std::nullopt);
  ASSERT_EQ(mailboxes.Lease(kIdva, 1, kNow + absl::Seconds(5)), "statement");
  mailboxes.Remove("statement");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "after");
}

TEST(MailboxesTest, ADelayedDeliveryBlocksItsKeyUntilItIsDue) {
  Mailboxes mailboxes;
  mailboxes.Add(kIdva, {"first", LANE_STANDARD, 1, "case"});
  mailboxes.Add(kIdva, {"second", LANE_STANDARD, 2, "case"});
  ASSERT_EQ(mailboxes.Lease(kIdva, 1, kNow), "first");
  mailboxes.Return("first", 1, kNow + absl::Seconds(5));
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), std::nullopt);
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow + absl::Seconds(5)), "first");
}

TEST(MailboxesTest, ALeaseEndsWithItsTimeOrItsHolder) {
  Mailboxes mailboxes;
  mailboxes.Add(kIdva, {"a", LANE_STANDARD, 1, "ka"});
  ASSERT_EQ(mailboxes.Lease(kIdva, 1, kNow), "a");
  mailboxes.Tick(kNow + kLeaseTime - absl::Milliseconds(1));
  EXPECT_EQ(mailboxes.Lease(kIdva, 2, kNow), std::nullopt);
  mailboxes.Tick(kNow + kLeaseTime);
  EXPECT_EQ(mailboxes.Lease(kIdva, 2, kNow + kLeaseTime), "a");
  mailboxes.Return("a", 1, kNow);  // No longer the holder: no effect.
  EXPECT_EQ(mailboxes.Lease(kIdva, 3, kNow), std::nullopt);
  mailboxes.ReturnAllOf(2);
  EXPECT_EQ(mailboxes.Lease(kIdva, 3, kNow), "a");
}

TEST(MailboxesTest, WakesOnlyWhoListensToThatMailbox) {
  Mailboxes mailboxes;
  int idva = 0, police = 0;
  mailboxes.Listen(kIdva, 1, [&] { ++idva; });
  mailboxes.Listen({"police"}, 2, [&] { ++police; });
  mailboxes.Add(kIdva, {"a", LANE_STANDARD, 1, "k"});
  EXPECT_EQ(idva, 1);
  EXPECT_EQ(police, 0);
  mailboxes.StopListening(1);
  mailboxes.Add(kIdva, {"b", LANE_STANDARD, 2, "k"});
  EXPECT_EQ(idva, 1);
}

TEST(MailboxesTest, ASlowAgencyDoesNotTouchAnother) {
  Mailboxes mailboxes;
  for (uint64_t i = 0; i < 10; ++i) mailboxes.Add({"slow"}, {"s" + std::to_string(i), LANE_STANDARD, i, "k"});
  mailboxes.Add(kIdva, {"a", LANE_STANDARD, 11, "k"});
  ASSERT_TRUE(mailboxes.Lease({"slow"}, 1, kNow).has_value());
  EXPECT_EQ(mailboxes.Lease(kIdva, 2, kNow), "a");
  EXPECT_EQ(mailboxes.depth({"slow"}), 10u);
}

}  // namespace
}  // namespace accord::broker
