// Dead letters and replay as an agency asks for them, against a broker that answers of something else, and one that does not come to an end.
#include "common/agent/deliveries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/agent/fake_broker.h"
#include "common/agent/testing_service.h"
#include "common/base/ids.h"
#include "common/storage/rocks_store.h"

namespace accord::agent::deliveries_test {
namespace {

class DeliveriesTest : public ::testing::Test {
 protected:
  DeliveriesTest() : broker_(random_) {
    path_ = ::testing::TempDir() + "/accord_deliveries_" + ToHex(random_.Bytes(6));
    std::vector<storage::FamilySpec> families;
    for (const std::string& name : AgencyFamilies()) families.push_back({name});
    storage::RocksStoreOptions options;
    options.create = true;
    rocks_ = *storage::RocksStore::Open(path_, families, options);
    store_ = std::make_unique<AgencyStore>(*rocks_, crypto::SecretBytes(std::string(32, 's')), random_);
    alarm_ = std::make_unique<Alarm>(*store_, clock_);
    log_ = *LogWatch::Open(*store_, broker_, *alarm_, FakeLog::LogVkey());
    deliveries_ = std::make_unique<Deliveries>(broker_, *log_, *alarm_, clock_);
  }
  ~DeliveriesTest() override {
    deliveries_.reset(), log_.reset(), alarm_.reset(), store_.reset(), rocks_.reset();
    std::filesystem::remove_all(path_);
  }
  absl::StatusOr<uint64_t> Replay(absl::Time deadline = absl::InfiniteFuture()) {
    return deliveries_->Replay("replay-0001", absl::FromUnixMillis(7), type::v1::Worker(), deadline);
  }

  SystemRandom random_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  FakeBroker broker_;
  std::string path_;
  std::unique_ptr<storage::RocksStore> rocks_;
  std::unique_ptr<AgencyStore> store_;
  std::unique_ptr<Alarm> alarm_;
  std::unique_ptr<LogWatch> log_;
  std::unique_ptr<Deliveries> deliveries_;
};

TEST_F(DeliveriesTest, AnActOnADeadLetterHasAReceiptOfItsOwn) {
  broker::v1::RequeueDeadLetterRequest requeue;
  requeue.set_delivery_id(std::string(16, 'a'));
  EXPECT_EQ(deliveries_->Requeue(requeue), absl::OkStatus());
  broker::v1::DiscardDeadLetterRequest discard;
  discard.set_delivery_id(std::string(16, 'a'));
  EXPECT_EQ(deliveries_->Discard(discard), absl::OkStatus());
  broker_.other_letter = std::string(16, 'b');
  EXPECT_TRUE(HasReason(deliveries_->Discard(discard), Reason::kReceiptInvalid));
  // Which is a lie, so nothing more is asked.
  broker_.other_letter.clear();
  EXPECT_FALSE(alarm_->Check().ok());
  EXPECT_FALSE(deliveries_->Requeue(requeue).ok());
  EXPECT_FALSE(Replay().ok());
  EXPECT_TRUE(broker_.replays.empty());
}

TEST_F(DeliveriesTest, AReplayGoesOnToItsEnd) {
  broker_.replayed = {{256, 1000}, {256, 2000}, {3, 0}};
  const auto queued = Replay();
  ASSERT_EQ(queued.status(), absl::OkStatus());
  EXPECT_EQ(*queued, 515u);
  ASSERT_EQ(broker_.replays.size(), 3u);
  EXPECT_EQ(broker_.replays[0].request_id(), "replay-0001");
  EXPECT_EQ(broker_.replays[0].time_ms(), 7);
  EXPECT_EQ(broker_.replays[1].position(), 1000u);
  EXPECT_EQ(broker_.replays[2].position(), 2000u);
  EXPECT_NE(broker_.replays[1].request_id(), broker_.replays[2].request_id());
  for (const auto& request : broker_.replays) EXPECT_TRUE(IsRequestId(request.request_id()));
  // The same calls when it is asked again.
  const auto before = broker_.replays;
  broker_.replays.clear();
  EXPECT_EQ(Replay().status(), absl::OkStatus());
  ASSERT_EQ(broker_.replays.size(), before.size());
  for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(broker_.replays[i].SerializeAsString(), before[i].SerializeAsString());
}

TEST_F(DeliveriesTest, AReplayEndsWithItsDeadlineAndWhenItDoesNotGoOn) {
  broker_.replayed = {{256, 1000}, {256, 1000}, {256, 1000}};
  EXPECT_TRUE(HasReason(Replay().status(), Reason::kInternal));
  EXPECT_EQ(broker_.replays.size(), 2u);
  broker_.replays.clear();
  EXPECT_TRUE(HasReason(Replay(clock_.Now()).status(), Reason::kDeadlineTooShort));
  EXPECT_EQ(broker_.replays.size(), 1u);
}

// A store that was put back to before what its agency had said.
class RestoredTest : public AgentTest {
 protected:
  absl::Status Refusal(Reason reason, const std::string& state, const std::string& last = "") {
    return last.empty() ? Error(reason, "refused", {{"state", state}}) : Error(reason, "refused", {{"state", state}, {"last_statement", ToHex(last)}});
  }
  type::v1::ReferralState StateOf(const std::string& digest) { return idva.inbox->Get(digest)->stored.state(); }
};

TEST_F(RestoredTest, WhatWasSaidBeforeIsTakenUpAndWorkersGoOn) {
  const std::string digest = DeliverOne();
  broker.refuse_respond = Refusal(Reason::kTransitionIllegal, "REFERRAL_STATE_ACCEPTED");
  const auto read = idva.inbox->Read("read-0001", digest, SomeWorker());  // It was opened before, which is on the record.
  EXPECT_EQ(read.status(), absl::OkStatus());
  EXPECT_EQ(StateOf(digest), type::v1::REFERRAL_STATE_ACCEPTED);
  const std::string last(32, 's');
  broker.refuse_respond = Refusal(Reason::kTransitionIllegal, "REFERRAL_STATE_ACCEPTED", last);
  const auto decline = [&](const std::string& request_id) {
    return idva.inbox
        ->Act(request_id, digest, SomeWorker(), type::v1::STATEMENT_KIND_DECLINED,
              [](type::v1::Statement& statement) { statement.set_decline_reason(type::v1::DECLINE_REASON_NO_CAPACITY); })
        .status();
  };
  EXPECT_TRUE(HasReason(decline("decline-0001"), Reason::kTransitionIllegal));
  broker.refuse_respond = absl::OkStatus();
  EXPECT_EQ(decline("decline-0002"), absl::OkStatus());
  ASSERT_FALSE(broker.statements.empty());
  EXPECT_EQ(broker.statements.back().previous_statement(), last);
}

TEST_F(RestoredTest, NothingElseIsTakenUp) {
  const std::string digest = DeliverOne();
  for (const absl::Status& refusal : {Refusal(Reason::kTransitionIllegal, "REFERRAL_STATE_RECALLED"),
                                      Refusal(Reason::kTransitionIllegal, "REFERRAL_STATE_DELIVERED"),
                                      Refusal(Reason::kTransitionIllegal, "whatever"), Refusal(Reason::kNotPermitted, "REFERRAL_STATE_OPENED")}) {
    broker.refuse_respond = refusal;
    EXPECT_FALSE(idva.inbox->Read("read-0001", digest, SomeWorker()).ok()) << refusal;
    EXPECT_EQ(StateOf(digest), type::v1::REFERRAL_STATE_DELIVERED);
  }
}

}  // namespace
}  // namespace accord::agent::deliveries_test
