#include "services/broker/delivery/mailboxes.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "services/broker/delivery/attempts.h"

namespace accord::broker::mailboxes_test {
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
  mailboxes.ReturnAllOf(2, kNow);
  EXPECT_EQ(mailboxes.Lease(kIdva, 3, kNow), "a");
}

// The first time it may be the network; what is behind it then must not wait for what kills its recipient.
TEST(MailboxesTest, WhatComesBackUnsettledTwiceWaitsAndTheNextGoes) {
  Mailboxes mailboxes;
  mailboxes.Add(kIdva, {"poison", LANE_HIGH, 1, "k1"});
  mailboxes.Add(kIdva, {"healthy", LANE_HIGH, 2, "k2"});
  mailboxes.Add(kIdva, {"same key", LANE_HIGH, 3, "k1"});
  ASSERT_EQ(mailboxes.Lease(kIdva, 1, kNow), "poison");
  mailboxes.NoteAttempt("poison", 1);
  mailboxes.ReturnAllOf(1, kNow);
  ASSERT_EQ(mailboxes.Lease(kIdva, 2, kNow), "poison");
  mailboxes.NoteAttempt("poison", 2);
  mailboxes.ReturnAllOf(2, kNow);
  EXPECT_EQ(mailboxes.Lease(kIdva, 3, kNow), "healthy");
  EXPECT_EQ(mailboxes.Lease(kIdva, 3, kNow + absl::Seconds(4) - absl::Milliseconds(1)), std::nullopt);  // Its key waits with it.
  EXPECT_EQ(mailboxes.Lease(kIdva, 3, kNow + absl::Seconds(4)), "poison");
  mailboxes.NoteAttempt("poison", 3);
  mailboxes.Tick(kNow + absl::Seconds(4) + kLeaseTime);  // Its lease runs out: the same.
  EXPECT_EQ(mailboxes.Lease(kIdva, 3, kNow + absl::Seconds(4) + kLeaseTime), "healthy");
  EXPECT_EQ(mailboxes.Lease(kIdva, 3, kNow + absl::Seconds(12) + kLeaseTime), "poison");
  EXPECT_EQ(mailboxes.figures(kNow).redeliveries, 2u);
}

TEST(MailboxesTest, PoisonInLaneImmediateWaitsHalfAMinuteAtMost) {
  Mailboxes mailboxes;
  mailboxes.Add(kIdva, {.delivery_id = "poison", .lane = LANE_IMMEDIATE, .mailbox_sequence = 1, .ordering_key = "k1", .attempt = 12});
  mailboxes.Add(kIdva, {"behind", LANE_IMMEDIATE, 2, "k2"});
  ASSERT_EQ(mailboxes.Lease(kIdva, 1, kNow), "poison");  // After a restart too it is known how often it was tried.
  mailboxes.ReturnAllOf(1, kNow);
  EXPECT_EQ(mailboxes.Lease(kIdva, 2, kNow), "behind");
  EXPECT_EQ(mailboxes.Lease(kIdva, 2, kNow + kImmediateBackoffMax - absl::Milliseconds(1)), std::nullopt);
  EXPECT_EQ(mailboxes.Lease(kIdva, 2, kNow + kImmediateBackoffMax), "poison");
}

TEST(MailboxesTest, WhatHasWaitedLongestHasItsShareBesideHigherLanesButImmediate) {
  Mailboxes mailboxes;
  uint64_t sequence = 0;
  const auto add = [&](const std::string& id, type::v1::Lane lane, absl::Time queued) {
    mailboxes.Add(kIdva, {.delivery_id = id, .lane = lane, .mailbox_sequence = ++sequence, .ordering_key = id, .queued_at = queued});
  };
  add("standard", LANE_STANDARD, kNow);
  add("older", type::v1::LANE_NOTICES, kNow - absl::Seconds(1));
  for (int i = 1; i <= 12; ++i) add("high " + std::to_string(i), LANE_HIGH, kNow + absl::Minutes(15));
  // Not over the bound yet: no share.
  absl::Time now = kNow + kLaneWaitMax - absl::Seconds(1);
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(mailboxes.Lease(kIdva, 1, now), "high " + std::to_string(i));
  // Over it: the longest, in the last of each kLongestShare turns.
  now = kNow + kLaneWaitMax;
  for (int i = 5; i <= 7; ++i) EXPECT_EQ(mailboxes.Lease(kIdva, 1, now), "high " + std::to_string(i));
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, now), "older");
  now = kNow + kLaneWaitMax + absl::Seconds(1);
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, now), "high 8");
  add("immediate", LANE_IMMEDIATE, now);
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, now), "immediate") << "its turns are nobody else's";
  for (int i = 9; i <= 10; ++i) EXPECT_EQ(mailboxes.Lease(kIdva, 1, now), "high " + std::to_string(i));
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, now), "standard");
  // What was put off waits from when it became due.
  mailboxes.Return("standard", 1, kNow + absl::Minutes(20));
  for (int i = 13; i <= 20; ++i) add("high " + std::to_string(i), LANE_HIGH, kNow + absl::Minutes(30));
  for (int i = 11; i <= 14; ++i) EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow + absl::Minutes(30)), "high " + std::to_string(i));
  for (int i = 15; i <= 17; ++i) EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow + absl::Minutes(36)), "high " + std::to_string(i));
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow + absl::Minutes(36)), "standard");
}

// Stored before it was kept when it was queued: it waits from when it is first seen.
TEST(MailboxesTest, WhatIsOfUnknownAgeIsNotTakenForOld) {
  Mailboxes mailboxes;
  mailboxes.Add(kIdva, {"standard", LANE_STANDARD, 1, "k1"});
  mailboxes.Add(kIdva, {"high", LANE_HIGH, 2, "k2"});
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "high");
  for (uint64_t i = 3; i < 3 + kLongestShare; ++i) mailboxes.Add(kIdva, {"high " + std::to_string(i), LANE_HIGH, i, "k" + std::to_string(i)});
  for (uint64_t i = 3; i < 2 + kLongestShare; ++i) EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow + kLaneWaitMax + absl::Seconds(1)), "high " + std::to_string(i));
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow + kLaneWaitMax + absl::Seconds(1)), "standard");
}

// However much is blocked behind one key, what is behind that is found.
TEST(MailboxesTest, ABlockedKeyOfAnyLengthHidesNothing) {
  Mailboxes mailboxes;
  for (uint64_t i = 1; i <= 50'000; ++i) mailboxes.Add(kIdva, {"b" + std::to_string(i), LANE_STANDARD, i, "case"});
  ASSERT_EQ(mailboxes.Lease(kIdva, 1, kNow), "b1");
  mailboxes.Add(kIdva, {"free", LANE_STANDARD, 50'001, "other"});
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "free");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), std::nullopt);
  EXPECT_EQ(mailboxes.figures(kNow).lanes[LANE_STANDARD].deliveries, 50'001u);
  mailboxes.Remove("b1", Mailboxes::Gone::kDead);
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "b2");
  EXPECT_EQ(mailboxes.figures(kNow).dead_letters, 1u);
}

// The store was opened anew: what nobody knew to be queued may be earlier than what waits.
TEST(MailboxesTest, AnEarlierOneOfItsKeyThatComesLateGoesFirst) {
  Mailboxes mailboxes;
  mailboxes.Add(kIdva, {"second", LANE_STANDARD, 2, "case"});
  EXPECT_EQ(mailboxes.figures(kNow).lanes[LANE_STANDARD].deliveries, 1u);
  mailboxes.Tick(kNow);
  mailboxes.Add(kIdva, {"first", LANE_STANDARD, 1, "case"});
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "first");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), std::nullopt);
  mailboxes.Remove("first");
  EXPECT_EQ(mailboxes.Lease(kIdva, 1, kNow), "second");
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

TEST(MailboxesTest, WakesWhenSomethingMayHaveBecomeReadyAndNotOtherwise) {
  Mailboxes mailboxes;
  int wakes = 0;
  mailboxes.Listen(kIdva, 1, [&] { ++wakes; });
  const auto woken = [&] { return std::exchange(wakes, 0) > 0; };
  mailboxes.Add(kIdva, {"a", LANE_STANDARD, 1, "k"});
  mailboxes.Add(kIdva, {"b", LANE_STANDARD, 2, "k"});
  EXPECT_TRUE(woken());
  ASSERT_EQ(mailboxes.Lease(kIdva, 1, kNow), "a");
  mailboxes.Tick(kNow);
  EXPECT_FALSE(woken());  // All of it is leased or blocked.
  mailboxes.Return("a", 1, kNow + absl::Seconds(5));
  EXPECT_TRUE(woken());
  mailboxes.Tick(kNow + absl::Seconds(4));
  EXPECT_FALSE(woken());
  mailboxes.Tick(kNow + absl::Seconds(5));
  EXPECT_TRUE(woken());
  mailboxes.Tick(kNow + absl::Seconds(6));  // Still: a wake may have found no room.
  EXPECT_TRUE(woken());
  ASSERT_EQ(mailboxes.Lease(kIdva, 1, kNow + absl::Seconds(6)), "a");
  mailboxes.ReturnAllOf(2, kNow);
  EXPECT_FALSE(woken());
  mailboxes.ReturnAllOf(1, kNow);
  EXPECT_TRUE(woken());
  ASSERT_EQ(mailboxes.Lease(kIdva, 1, kNow + absl::Seconds(6)), "a");
  mailboxes.Tick(kNow + absl::Seconds(6) + kLeaseTime);
  EXPECT_TRUE(woken());
  mailboxes.Remove("a");
  EXPECT_TRUE(woken());
  mailboxes.Remove("a");
  EXPECT_FALSE(woken());
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
}  // namespace accord::broker::mailboxes_test
