// Polling and replay over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: who polls is given what a stream would be, within the bounds of one answer; and an agency that lost its store is given all again that it
// had acknowledged, once, under the same delivery ids, and no more than it may have now.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/base/status.h"
#include "services/broker/api/mailbox_calls.h"
#include "services/broker/api/testing_mailbox.h"
#include "services/broker/delivery/replay.h"

namespace accord::broker::replay_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using CollectApiTest = MailboxTest;

TEST_F(CollectApiTest, LeasesWhatWaitsAndGivesItAgainUnlessItIsSettled) {
  const std::string digest = StoredForIdva("incident-1");
  StoredForIdva("incident-2");
  const Deliveries first = Collect("idva", 1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].attempt(), 1u);
  EXPECT_EQ(first[0].referral().sections_size(), 3);
  EXPECT_EQ(EventOf(first[0].released()).type(), EVENT_TYPE_RELEASED);
  const Deliveries second = Collect("idva");
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(second[0].delivery_id(), first[0].delivery_id());
  EXPECT_THAT(Collect("idva"), IsEmpty());
  EXPECT_EQ(EventOf(Ack("idva", first[0].delivery_id()).receipt()).type(), EVENT_TYPE_DELIVERED);
  EXPECT_EQ(StateAt("idva", digest), REFERRAL_STATE_DELIVERED);
  EXPECT_TRUE(Ack("idva", first[0].delivery_id()).already());
  clock_.Advance(kLeaseTime);
  world_.broker().mailboxes().Tick(clock_.Now());
  const v1::Delivery again = CollectOne("idva");
  EXPECT_EQ(again.delivery_id(), second[0].delivery_id());
  EXPECT_EQ(again.attempt(), 2u);
  // A nack holds whichever poll had leased it.
  Nack("idva", again.delivery_id(), 600'000);
  clock_.Advance(absl::Minutes(9));
  EXPECT_THAT(Collect("idva"), IsEmpty());
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(CollectOne("idva").attempt(), 3u);
}

TEST_F(CollectApiTest, GivesAsManyAsAreAskedFor) {
  for (int i = 0; i < 66; ++i) StoredForIdva(fmt::format("incident-{:04}", i));
  EXPECT_TRUE(HasReason(TryCollect("idva", 65).status(), Reason::kFieldInvalid));
  EXPECT_EQ(Collect("idva", 0).size(), 16u);
  EXPECT_EQ(Collect("idva", 1).size(), 1u);
  EXPECT_EQ(Collect("idva", 64).size(), 49u);
}

TEST_F(CollectApiTest, EndsAnAnswerBeforeItIsTooLarge) {
  for (int i = 0; i < 3; ++i) Stored({.request_id = fmt::format("incident-{:04}", i), .recipients = {"idva"}, .padding = 400'000, .victim = fmt::format("v{}", i)});
  // Three sections of more than 400,000 bytes each: two are less than 3 MiB, three are more.
  const Deliveries two = Collect("idva");
  ASSERT_EQ(two.size(), 2u);
  // The third was given back as it was: nothing of it had left.
  const v1::Delivery third = CollectOne("idva");
  EXPECT_EQ(third.attempt(), 1u);
  // Sections that would be larger than that together are told of, and fetched beside it.
  Stored({.request_id = "incident-larger", .recipients = {"idva"}, .padding = 1'080'000, .victim = "v4"});
  const v1::Delivery larger = CollectOne("idva");
  EXPECT_LT(larger.ByteSizeLong(), kCollectBytesMax);
  ASSERT_EQ(larger.referral().sections_size(), 3);
  for (const SealedSection& section : larger.referral().sections()) EXPECT_TRUE(section.cms().empty() && section.uploaded().size() == 32u);
}

TEST_F(CollectApiTest, IsAskedOnceASecond) {
  ASSERT_EQ(TryCollect("idva", 0).status(), absl::OkStatus());
  const auto refused = TryCollect("idva", 0);
  EXPECT_TRUE(HasReason(refused.status(), Reason::kQuotaExceeded));
  EXPECT_EQ(TryCollect("police", 0).status(), absl::OkStatus());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(TryCollect("idva", 0).status(), absl::OkStatus());
}

TEST_F(CollectApiTest, SettlesEachForItselfAndLeavesOutWhatIsNotThere) {
  StoredForIdva("incident-1");
  StoredForIdva("incident-2");
  Stored({.request_id = "incident-3", .recipients = {"childrens"}, .victim = "c"});
  const Deliveries ours = Collect("idva");
  ASSERT_EQ(ours.size(), 2u);
  const v1::Delivery theirs = CollectOne("childrens");
  v1::SettleMessagesRequest request;
  request.add_settlements()->mutable_ack()->set_delivery_id(std::string(kIdBytes, 'x'));
  request.add_settlements()->mutable_nack()->set_delivery_id(ours[1].delivery_id());
  request.add_settlements()->mutable_ack()->set_delivery_id(theirs.delivery_id());
  request.add_settlements()->mutable_ack()->set_delivery_id(ours[0].delivery_id());
  const auto settled = Settle("idva", request);
  ASSERT_EQ(settled.status(), absl::OkStatus());
  ASSERT_EQ(settled->settled_size(), 2);
  EXPECT_EQ(settled->settled(0).delivery_id(), ours[1].delivery_id());
  EXPECT_EQ(EventOf(settled->settled(0).receipt()).type(), EVENT_TYPE_DELIVERY_NACKED);
  EXPECT_EQ(settled->settled(1).delivery_id(), ours[0].delivery_id());
  EXPECT_EQ(EventOf(settled->settled(1).receipt()).type(), EVENT_TYPE_DELIVERED);
  EXPECT_FALSE(Ack("childrens", theirs.delivery_id()).already());
}

TEST_F(CollectApiTest, RefusesSettlementsThatAreNoneBeforeAnyIsTaken) {
  StoredForIdva("incident-1");
  const std::string id = CollectOne("idva").delivery_id();
  const auto with = [&](const std::function<void(v1::Settlement&)>& fill) {
    v1::SettleMessagesRequest request;
    request.add_settlements()->mutable_ack()->set_delivery_id(id);
    fill(*request.add_settlements());
    return Settle("idva", request).status();
  };
  EXPECT_TRUE(HasReason(with([](v1::Settlement&) {}), Reason::kFieldMissing));
  EXPECT_TRUE(HasReason(with([](v1::Settlement& one) { one.mutable_ack()->set_delivery_id("short"); }), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(with([&](v1::Settlement& one) {
                          one.mutable_nack()->set_delivery_id(id);
                          one.mutable_nack()->set_delay_ms(3'600'001);
                        }),
                        Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(with([&](v1::Settlement& one) {
                          one.mutable_reject()->set_delivery_id(id);
                          one.mutable_reject()->set_reason("I DO NOT LIKE IT");
                        }),
                        Reason::kFieldInvalid));
  v1::SettleMessagesRequest many;
  for (int i = 0; i < 65; ++i) many.add_settlements()->mutable_ack()->set_delivery_id(id);
  EXPECT_TRUE(HasReason(Settle("idva", many).status(), Reason::kFieldInvalid));
  many.mutable_settlements()->RemoveLast();
  const auto most = Settle("idva", many);
  ASSERT_EQ(most.status(), absl::OkStatus());
  ASSERT_EQ(most->settled_size(), 64);
  EXPECT_FALSE(most->settled(0).already()) << "none of the refused had been taken";
  EXPECT_TRUE(most->settled(63).already());
}

class ReplayApiTest : public MailboxTest {
 protected:
  absl::StatusOr<v1::ReplayMailboxResponse> Replay(const std::string& agency, v1::ReplayMailboxRequest request, const std::string& worker) {
    request.set_request_id(fmt::format("replay-{:04}", ++replays_));
    *request.mutable_worker() = WorkerOf(worker);
    last_ = request;
    return rpc::CallUnary(*mailboxes_[agency], &v1::MailboxService::Stub::ReplayMailbox, request, kTestTimeout);
  }
  v1::ReplayMailboxResponse From(const std::string& agency, uint64_t position) {
    v1::ReplayMailboxRequest request;
    request.set_position(position);
    const auto response = Replay(agency, request, "worker-1");
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.value_or(v1::ReplayMailboxResponse());
  }
  v1::ReplayMailboxResponse Since(const std::string& agency, absl::Time time) {
    v1::ReplayMailboxRequest request;
    request.set_time_ms(absl::ToUnixMillis(time));
    const auto response = Replay(agency, request, "worker-1");
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.value_or(v1::ReplayMailboxResponse());
  }
  static std::vector<std::string> IdsOf(const Deliveries& deliveries) {
    std::vector<std::string> ids;
    for (const v1::Delivery& delivery : deliveries) ids.push_back(delivery.delivery_id());
    return ids;
  }

  int replays_ = 0;
  v1::ReplayMailboxRequest last_;
};

TEST_F(ReplayApiTest, DeliversAgainWhatWasAcknowledgedInItsOldOrder) {
  const std::string digest = StoredForIdva("incident-1");
  ASSERT_EQ(Recall("recall-0000", Stored({.request_id = "incident-0", .recipients = {"childrens"}, .victim = "z"})), absl::OkStatus());
  Deliveries first = Drain("idva");
  ASSERT_EQ(Open("opened-0001", digest), absl::OkStatus());
  StoredForIdva("incident-2");
  const Deliveries more = Drain("idva");
  first.insert(first.end(), more.begin(), more.end());
  ASSERT_EQ(first.size(), 2u);
  const Deliveries word = Drain("police");  // That it was opened.
  ASSERT_EQ(word.size(), 1u);

  const auto replayed = From("idva", 0);
  EXPECT_EQ(replayed.queued(), 2u);
  EXPECT_EQ(replayed.next_position(), 0u);
  EXPECT_EQ(EventOf(replayed.receipt()).type(), EVENT_TYPE_MAILBOX_REPLAYED);
  EXPECT_EQ(EventOf(replayed.receipt()).count(), 2u);
  // Asked again it is the same answer, and nothing more.
  const auto repeated = rpc::CallUnary(*mailboxes_["idva"], &v1::MailboxService::Stub::ReplayMailbox, last_, kTestTimeout);
  ASSERT_EQ(repeated.status(), absl::OkStatus());
  EXPECT_EQ(repeated->queued(), 2u);
  EXPECT_EQ(IndexOf(repeated->receipt()), IndexOf(replayed.receipt()));
  last_.set_position(1);
  EXPECT_TRUE(HasReason(rpc::CallUnary(*mailboxes_["idva"], &v1::MailboxService::Stub::ReplayMailbox, last_, kTestTimeout).status(),
                        Reason::kRequestIdReused));
  EXPECT_EQ(From("idva", 0).queued(), 0u) << "it waits already";

  Restart();
  Deliveries again = Drain("idva");
  EXPECT_EQ(IdsOf(again), IdsOf(first));
  for (const v1::Delivery& delivery : again) EXPECT_EQ(delivery.attempt(), 2u);
  EXPECT_EQ(StateAt("idva", digest), REFERRAL_STATE_OPENED);
  // Acknowledged once more, it can be lost once more.
  EXPECT_EQ(From("idva", 0).queued(), 2u);
  EXPECT_EQ(From("police", 0).queued(), 1u);
  EXPECT_EQ(IdsOf(Drain("police")), IdsOf(word));
  EXPECT_EQ(From("childrens", 0).queued(), 0u);
}

TEST_F(ReplayApiTest, GoesOnFromATime) {
  std::vector<absl::Time> times;
  Deliveries all;
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(absl::Hours(1));
    StoredForIdva(fmt::format("incident-{}", i));
    const v1::Delivery delivery = CollectOne("idva");
    times.push_back(clock_.Now());
    Ack("idva", delivery.delivery_id());
    all.push_back(delivery);
  }
  EXPECT_EQ(Since("idva", times[4] + absl::Milliseconds(1)).queued(), 0u);
  EXPECT_EQ(Since("idva", times[3]).queued(), 2u);
  EXPECT_EQ(IdsOf(Drain("idva")), IdsOf({all[3], all[4]}));
  EXPECT_EQ(Since("idva", times[1] + absl::Milliseconds(1)).queued(), 3u) << "acknowledged again, they are later still";
  EXPECT_EQ(Since("idva", absl::UnixEpoch()).queued(), 2u) << "the others wait";
  EXPECT_EQ(IdsOf(Drain("idva")), IdsOf(all));
}

TEST_F(ReplayApiTest, TakesAsManyCallsAsItNeedsAndEnds) {
  constexpr size_t kMore = 4;
  for (size_t i = 0; i < kReplayMax + kMore; ++i) {
    Stored({.request_id = fmt::format("incident-{:04}", i), .recipients = {"housing"}, .sealed_for = {{CATEGORY_RISK, {}}, {CATEGORY_NARRATIVE, {}}}, .victim = fmt::format("v{}", i)});
  }
  ASSERT_EQ(Drain("housing").size(), kReplayMax + kMore);
  const auto first = From("housing", 0);
  EXPECT_EQ(first.queued(), kReplayMax);
  ASSERT_NE(first.next_position(), 0u);
  // What is acknowledged meanwhile is not given a third time.
  for (const v1::Delivery& delivery : Collect("housing", 5)) Ack("housing", delivery.delivery_id());
  const auto second = From("housing", first.next_position());
  EXPECT_EQ(second.queued(), kMore);
  EXPECT_EQ(second.next_position(), 0u);
  EXPECT_EQ(Drain("housing").size(), kReplayMax + kMore - 5);
  // Exactly as many as one call takes.
  EXPECT_EQ(From("housing", IndexOf(second.receipt())).queued(), kReplayMax + kMore - 5);
}

TEST_F(ReplayApiTest, GivesNothingThatItMayNotHaveNow) {
  const std::string recalled = StoredForIdva("incident-1"), narrowed = StoredForIdva("incident-2");
  ASSERT_EQ(Drain("idva").size(), 2u);
  ASSERT_EQ(Recall("recall-0001", recalled), absl::OkStatus());
  const Deliveries told = Drain("idva");
  ASSERT_EQ(told.size(), 1u);
  ASSERT_EQ(world_.PutAgreement("2", R"("identity")"), absl::OkStatus());
  EXPECT_EQ(From("idva", 0).queued(), 2u);  // The word that it was recalled, and the other.
  Deliveries again = Drain("idva");
  ASSERT_EQ(again.size(), 2u);
  EXPECT_TRUE(again[0].has_statement());
  EXPECT_EQ(again[1].referral().sections_size(), 1);
  EXPECT_EQ(referral::DigestOf(again[1].referral().header()), narrowed);
}

TEST_F(ReplayApiTest, TellsAnewOfALegalHold) {
  const std::string digest = StoredForIdva("incident-1");
  ASSERT_EQ(Drain("idva").size(), 1u);
  admin::v1::Change change;
  auto& hold = *change.mutable_set_hold();
  hold.set_id("inquest-1");
  hold.set_ground(HOLD_GROUND_INQUEST);
  hold.set_authority("coroner/7");
  hold.set_review_at_ms(absl::ToUnixMillis(clock_.Now() + absl::Hours(24 * 30)));
  hold.add_header_digests(digest);
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  Deliveries told;
  while (told.empty()) told = Drain("idva");  // The walk is on the broker's own threads.
  ASSERT_TRUE(told[0].has_hold());
  EXPECT_EQ(From("idva", 0).queued(), 2u);
  Deliveries again = Drain("idva");
  ASSERT_EQ(again.size(), 2u);
  ASSERT_TRUE(again[0].has_hold());
  EXPECT_NE(again[0].delivery_id(), told[0].delivery_id());
  EXPECT_THAT(again[0].hold().header_digests(), ElementsAre(digest));

  admin::v1::Change lift;
  lift.mutable_lift_hold()->set_id("inquest-1");
  ASSERT_EQ(world_.Change(lift), absl::OkStatus());
  Deliveries lifted;
  while (lifted.empty()) lifted = Drain("idva");
  EXPECT_EQ(From("idva", 0).queued(), 2u);
  again = Drain("idva");
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].delivery_id(), lifted[0].delivery_id());
  EXPECT_NE(again[0].hold().lifted_at_ms(), 0);
}

TEST_F(ReplayApiTest, IsRefusedToAWorkerInConflictAndWithoutABeginning) {
  ASSERT_EQ(Bar("idva", "cousin"), absl::OkStatus());
  v1::ReplayMailboxRequest request;
  EXPECT_TRUE(HasReason(Replay("idva", request, "another").status(), Reason::kFieldMissing));
  request.set_position(0);
  EXPECT_TRUE(HasReason(Replay("idva", request, "cousin").status(), Reason::kNotPermitted));
  EXPECT_EQ(Replay("idva", request, "another").status(), absl::OkStatus());
  request.set_time_ms(-1);
  EXPECT_TRUE(HasReason(Replay("idva", request, "another").status(), Reason::kFieldInvalid));
}

TEST_F(ReplayApiTest, AnErasureTakesItsRowsAlong) {
  const std::string digest = StoredForIdva("incident-1");
  StoredForIdva("incident-2");
  ASSERT_EQ(Drain("idva").size(), 2u);
  EXPECT_EQ(RowsOf(kFamilySettled), 2u);
  admin::v1::Change change;
  change.mutable_erase()->set_header_digest(digest);
  change.mutable_erase()->set_ground(ERASURE_GROUND_ORDER);
  change.mutable_erase()->set_authority("county-court/7");
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  while (RowsOf(kFamilySettled) != 1) {  // Within seconds: the eraser is told.
  }
  EXPECT_EQ(From("idva", 0).queued(), 1u);
}

}  // namespace
}  // namespace accord::broker::replay_api_test
