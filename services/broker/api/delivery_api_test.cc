// Attempts, backoff, poison and quotas over the wire: a whole broker with TLS, a real store and a clock of the test's.
//
// Goal: what docs/delivery.md promises of a recipient that cannot take a delivery, and of one that asks too often.
// Method: agencies that nack, fall silent or flood, and what is stored of their deliveries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/rpc/error_mapping.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_collector.h"
#include "services/broker/delivery/attempts.h"
#include "services/broker/directory/families.h"

namespace accord::broker::delivery_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

class DeliveryApiTest : public ::testing::Test {
 protected:
  DeliveryApiTest() { Reconnect(); }

  void Reconnect() { police_ = v1::ReferralService::NewStub(world_.Channel("agency/police")); }
  void Restart() {
    world_.Stop();
    world_.Start();
    Reconnect();
  }
  absl::Status Submit(const TestingReferral& spec) {
    return rpc::CallUnary(*police_, &v1::ReferralService::Stub::SubmitReferral, MakeSubmission(world_, spec), kTestTimeout).status();
  }
  void Stored(const TestingReferral& spec) { ASSERT_EQ(Submit(spec), absl::OkStatus()); }

  // Lets so much time pass, and the mailboxes see it at once.
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    world_.broker().mailboxes().Tick(clock_.Now());
  }
  storage::v1::StoredDelivery Row(const std::string& delivery_id) {
    storage::v1::StoredDelivery row;
    const auto view = *world_.broker().sequencer().View();
    EXPECT_TRUE(row.ParseFromString(**view->Get(kFamilyDelivery, delivery_id)));
    return row;
  }
  EntryEvent EventAt(uint64_t index) {
    EntryEvent event;
    storage::v1::StoredOpenings stored;
    const auto view = *world_.broker().sequencer().View();
    EXPECT_TRUE(stored.ParseFromString(**view->GetSealed(kFamilyOpening, KeyU64(index))));
    for (const Opening& opening : stored.openings()) {
      if (opening.label() != "event") continue;
      EXPECT_TRUE(event.ParseFromString(opening.content()));
    }
    return event;
  }
  void Nack(Collector& collector, const v1::Delivery& delivery, absl::Duration delay = absl::ZeroDuration()) {
    v1::OpenMailboxRequest request;
    request.mutable_nack()->set_delivery_id(delivery.delivery_id());
    request.mutable_nack()->set_delay_ms(static_cast<uint32_t>(absl::ToInt64Milliseconds(delay)));
    collector.Say(request);
    EXPECT_EQ(collector.Settled().delivery_id(), delivery.delivery_id());
  }
  static std::string RetryAfter(const absl::Status& refused) {
    EXPECT_TRUE(HasReason(refused, Reason::kQuotaExceeded)) << refused;
    const auto metadata = DetailOf(refused).metadata;
    const auto found = metadata.find(std::string(rpc::kRetryAfterKey));
    return found == metadata.end() ? "" : found->second;
  }

  FakeClock clock_{SystemClock().Now()};  // Certificates are made by the machine's clock.
  TestingBroker world_{&clock_};
  std::unique_ptr<v1::ReferralService::Stub> police_;
};

TEST_F(DeliveryApiTest, ANackWaitsForItsBackoffOrLongerIfItAsks) {
  Stored({.request_id = "incident-1", .recipients = {"idva"}});
  const int64_t queued_ms = absl::ToUnixMillis(clock_.Now());
  Collector idva(world_, "agency/idva", 1);
  auto delivery = idva.NextDelivery();
  const std::string id = delivery.delivery_id();
  EXPECT_EQ(Row(id).queued_at_ms(), queued_ms);
  for (uint32_t attempt = 1; attempt <= 10; ++attempt) {
    ASSERT_EQ(delivery.attempt(), attempt);
    Nack(idva, delivery);
    const absl::Duration backoff = BackoffAfter(LANE_HIGH, attempt);
    EXPECT_THAT(absl::FromUnixMillis(Row(id).not_before_ms()) - clock_.Now(), AllOf(Ge(backoff / 2), Le(backoff))) << attempt;
    Pass(backoff);
    delivery = idva.NextDelivery();
  }
  Nack(idva, delivery, absl::Minutes(50));
  EXPECT_EQ(absl::FromUnixMillis(Row(id).not_before_ms()), absl::FromUnixMillis(absl::ToUnixMillis(clock_.Now() + absl::Minutes(50))));
  Pass(absl::Minutes(50));
  idva.Ack(idva.NextDelivery());
  const auto row = Row(id);
  ASSERT_EQ(row.attempts_size(), 12);
  for (int i = 0; i < 11; ++i) {
    EXPECT_EQ(row.attempts(i).attempt(), static_cast<uint32_t>(i + 1));
    EXPECT_EQ(row.attempts(i).outcome(), "NACKED");
    EXPECT_GE(row.attempts(i).ended_ms(), row.attempts(i).released_ms());
  }
  EXPECT_EQ(row.attempts(11).outcome(), "DELIVERED");
}

TEST_F(DeliveryApiTest, WhatIsReturnedTogetherDoesNotComeAgainTogether) {
  constexpr int kCount = 12;
  for (int i = 0; i < kCount; ++i) {
    Stored({.request_id = "incident-" + std::to_string(i), .recipients = {"idva"}, .victim = "victim " + std::to_string(i)});
  }
  Collector idva(world_, "agency/idva", kCount);
  std::vector<v1::Delivery> deliveries;
  for (int i = 0; i < kCount; ++i) deliveries.push_back(idva.NextDelivery());
  std::set<int64_t> times;
  for (const auto& delivery : deliveries) {
    Nack(idva, delivery);
    times.insert(Row(delivery.delivery_id()).not_before_ms());
  }
  EXPECT_GT(times.size(), 4u);  // Of a thousand milliseconds each is drawn.
}

// Its recipient dies of it each time it is handed over, and says nothing.
TEST_F(DeliveryApiTest, ADeliveryThatKillsItsRecipientDoesNotStandBeforeTheOthers) {
  Stored({.request_id = "incident-poison", .recipients = {"idva"}, .victim = "one"});
  Stored({.request_id = "incident-healthy", .recipients = {"idva"}, .victim = "two"});
  std::string poison;
  for (uint32_t attempt = 1; attempt <= 2; ++attempt) {
    Collector idva(world_, "agency/idva", 1);
    const auto delivery = idva.NextDelivery();
    if (poison.empty()) poison = delivery.delivery_id();
    ASSERT_EQ(delivery.delivery_id(), poison);
    ASSERT_EQ(delivery.attempt(), attempt);
  }
  const absl::Time died = clock_.Now();
  Collector idva(world_, "agency/idva", 1);
  const auto healthy = idva.NextDelivery();
  EXPECT_NE(healthy.delivery_id(), poison);
  idva.Ack(healthy);
  Stored({.request_id = "incident-healthy-2", .recipients = {"idva"}, .victim = "three"});
  const auto next = idva.NextDelivery();
  EXPECT_NE(next.delivery_id(), poison);
  idva.Ack(next);
  Pass(absl::Seconds(4));
  const auto again = idva.NextDelivery();
  EXPECT_EQ(again.delivery_id(), poison);
  EXPECT_EQ(again.attempt(), 3u);
  const auto row = Row(poison);
  EXPECT_EQ(row.attempts(1).outcome(), "");  // Nobody said how it ended.
  EXPECT_EQ(row.attempts(1).ended_ms(), 0);
  EXPECT_GE(row.attempts(2).released_ms(), absl::ToUnixMillis(died + absl::Seconds(4)));
}

TEST_F(DeliveryApiTest, TwentyAttemptsAndADayMakeADeadLetterAndFreeItsKey) {
  Stored({.request_id = "incident-poison", .recipients = {"idva"}, .urgency = URGENCY_IMMEDIATE});
  Stored({.request_id = "incident-behind", .recipients = {"idva"}, .urgency = URGENCY_IMMEDIATE});  // Of the same case.
  std::string poison;
  {
    Collector idva(world_, "agency/idva", 1);
    for (uint32_t attempt = 1; attempt <= kAttemptsMax + 1; ++attempt) {  // One more: the day is not over.
      const auto delivery = idva.NextDelivery();
      if (poison.empty()) poison = delivery.delivery_id();
      ASSERT_EQ(delivery.delivery_id(), poison);
      ASSERT_EQ(delivery.attempt(), attempt);
      Nack(idva, delivery);
      if (attempt <= kAttemptsMax) Pass(kImmediateBackoffMax);  // Never longer in this lane.
    }
  }
  world_.Stop();
  clock_.Advance(kPoisonAge);
  world_.Start();  // What was attempted is known after a restart too.
  Collector idva(world_, "agency/idva", 1);
  auto behind = idva.NextDelivery();
  if (!behind.has_referral()) {  // The notice of the dead letter.
    idva.Ack(behind);
    behind = idva.NextDelivery();
  }
  EXPECT_TRUE(behind.has_referral());
  EXPECT_NE(behind.delivery_id(), poison);
  EXPECT_EQ(behind.attempt(), 1u);
  const auto row = Row(poison);
  EXPECT_EQ(row.state(), storage::v1::DELIVERY_STATE_DEAD);
  EXPECT_EQ(row.dead_reason(), "ATTEMPTS_EXHAUSTED");
  EXPECT_EQ(row.attempt(), kAttemptsMax + 1);  // It was not handed over once more.
  EXPECT_EQ(row.attempts_size(), kAttemptsKeptMax);
  const EntryEvent event = EventAt(row.settled_index());
  EXPECT_EQ(event.type(), EVENT_TYPE_DEAD_LETTER);
  EXPECT_EQ(event.reason(), "ATTEMPTS_EXHAUSTED");
}

TEST_F(DeliveryApiTest, AnAgencySubmitsSoMuchAMinuteButWhatIsImmediateGoes) {
  world_.SetLimits({.submissions_per_minute = 3});
  Restart();
  for (int i = 0; i < 3; ++i) Stored({.request_id = "incident-" + std::to_string(i)});
  const absl::Status refused = Submit({.request_id = "incident-3"});
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RetryAfter(refused), "20000");
  Stored({.request_id = "incident-4", .urgency = URGENCY_IMMEDIATE});

  // Nor is saying so a way round it.
  auto forged = MakeSubmission(world_, {.request_id = "incident-5", .urgency = URGENCY_IMMEDIATE});
  forged.mutable_submission()->mutable_header()->mutable_signature()->back() ^= 1;
  const auto answer = rpc::CallUnary(*police_, &v1::ReferralService::Stub::SubmitReferral, forged, kTestTimeout);
  EXPECT_TRUE(HasReason(answer.status(), Reason::kSignatureInvalid)) << answer.status();

  // In bulk each is refused, and the stream lives.
  grpc::ClientContext context;
  rpc::SetTimeout(context, kTestTimeout);
  const auto stream = police_->SubmitReferrals(&context);
  v1::SubmitReferralsRequest request;
  request.set_tag(1);
  *request.mutable_referral() = MakeSubmission(world_, {.request_id = "incident-6"});
  stream->Write(request);
  v1::SubmitReferralsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.refused().code(), static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED));
  clock_.Advance(absl::Seconds(20));
  stream->Write(request);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_stored());
  stream->WritesDone();
  EXPECT_EQ(rpc::FromGrpc(stream->Finish()), absl::OkStatus());
}

TEST_F(DeliveryApiTest, ABacklogWhoseStreamWasCutIsSentAgainWithoutDuplicates) {
  constexpr size_t kAll = 40, kAnswered = 9;
  std::vector<v1::SubmitReferralsRequest> backlog(kAll);
  for (size_t i = 0; i < kAll; ++i) {
    backlog[i].set_tag(i + 1);
    *backlog[i].mutable_referral() = MakeSubmission(world_, {.request_id = fmt::format("backlog-{:03}", i)});
  }
  std::map<std::string, uint64_t> first;  // Header digest → index, of those that were answered before the cut.
  {
    grpc::ClientContext context;
    const auto stream = police_->SubmitReferrals(&context);
    for (size_t i = 0; i < kAll / 2; ++i) ASSERT_TRUE(stream->Write(backlog[i]));
    v1::SubmitReferralsResponse response;
    for (size_t i = 0; i < kAnswered; ++i) {
      ASSERT_TRUE(stream->Read(&response));
      ASSERT_TRUE(response.has_stored()) << response.ShortDebugString();
      first[response.stored().header_digest()] = response.stored().stored_index();
    }
    context.TryCancel();  // In the middle: of the others nobody knows whether they were stored.
    stream->Finish();
  }
  // The whole of it, twice: each is there once, and each has its own answer.
  std::map<std::string, uint64_t> indices;
  for (int time = 0; time < 2; ++time) {
    grpc::ClientContext context;
    const auto stream = police_->SubmitReferrals(&context);
    std::set<uint64_t> tags;
    v1::SubmitReferralsResponse response;
    for (const auto& one : backlog) ASSERT_TRUE(stream->Write(one));
    stream->WritesDone();
    while (stream->Read(&response)) {
      ASSERT_TRUE(response.has_stored()) << response.ShortDebugString();
      const auto& stored = response.stored();
      EXPECT_TRUE(tags.insert(response.tag()).second);
      EXPECT_EQ(stored.header_digest(), referral::DigestOf(backlog[response.tag() - 1].referral().submission().header()));
      if (const auto known = first.find(stored.header_digest()); known != first.end()) {
        EXPECT_TRUE(stored.repeated_request());
        EXPECT_EQ(stored.stored_index(), known->second);
      }
      if (time == 0) {
        EXPECT_TRUE(indices.emplace(stored.header_digest(), stored.stored_index()).second);
      } else {
        EXPECT_TRUE(stored.repeated_request());
        EXPECT_EQ(stored.stored_index(), indices[stored.header_digest()]);
      }
    }
    EXPECT_TRUE(stream->Finish().ok());
    EXPECT_EQ(tags.size(), kAll);
  }
  EXPECT_EQ(indices.size(), kAll);
  v1::ListReferralsRequest list;
  list.set_page_size(kAll + 1);
  const auto listed = rpc::CallUnary(*police_, &v1::ReferralService::Stub::ListReferrals, list, kTestTimeout);
  ASSERT_EQ(listed.status(), absl::OkStatus());
  EXPECT_EQ(listed->referrals_size(), static_cast<int>(kAll));
}

TEST_F(DeliveryApiTest, ADeskHasSoManyStreamsAndAnEndedOneMakesRoom) {
  world_.SetLimits({.streams_per_desk = 2});
  Restart();
  for (int i = 0; i < 3; ++i) {
    Stored({.request_id = "incident-" + std::to_string(i), .recipients = {"idva"}, .victim = "victim " + std::to_string(i)});
  }
  auto first = std::make_unique<Collector>(world_, "agency/idva", 1);
  first->NextDelivery();  // It is open.
  Collector second(world_, "agency/idva", 1);
  second.NextDelivery();
  {
    Collector third(world_, "agency/idva", 1);
    EXPECT_FALSE(third.Next().has_value());
    EXPECT_EQ(RetryAfter(third.Finish()), "5000");
  }
  first.reset();
  // The broker hears of the end in its own time.
  const absl::Time until = SystemClock().Now() + kTestTimeout;
  bool opened = false;
  while (!opened && SystemClock().Now() < until) {
    Collector again(world_, "agency/idva", 1);
    opened = again.Next().has_value();
  }
  EXPECT_TRUE(opened);
}

}  // namespace
}  // namespace accord::broker::delivery_api_test
