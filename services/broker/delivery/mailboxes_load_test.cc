// Mailboxes filled from a store, as at start.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "common/base/status.h"
#include "common/storage/rocks_store.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/directory/families.h"

namespace accord::broker::mailboxes_load_test {
namespace {

using type::v1::LANE_HIGH;
using type::v1::LANE_STANDARD;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const MailboxId kIdva{"idva", type::v1::DESK_MAIN};

class MailboxesLoadTest : public ::testing::Test {
 protected:
  MailboxesLoadTest() {
    char name[] = "/tmp/accord-mailboxes-XXXXXX";
    root_ = mkdtemp(name);
    store_ = *storage::RocksStore::Open(root_ + "/store", BrokerFamilies(), {.create = true});
  }
  ~MailboxesLoadTest() override {
    store_.reset();
    std::filesystem::remove_all(root_);
  }

  storage::v1::StoredDelivery Row(type::v1::Lane lane, uint64_t sequence, const std::string& key) {
    storage::v1::StoredDelivery row;
    row.set_agency("idva");
    row.set_desk(type::v1::DESK_MAIN);
    row.set_lane(lane);
    row.set_mailbox_sequence(sequence);
    row.set_ordering_key(key);
    row.set_state(storage::v1::DELIVERY_STATE_QUEUED);
    return row;
  }
  void Store(const std::string& id, const storage::v1::StoredDelivery& row) {
    Store(id, row, MailboxKey(row.agency(), row.desk(), row.lane(), row.mailbox_sequence()));
  }
  void Store(const std::string& id, const storage::v1::StoredDelivery& row, const std::string& mailbox_key) {
    storage::Batch batch;
    batch.Put(kFamilyDelivery, id, row.SerializeAsString());
    batch.Put(kFamilyMailbox, mailbox_key, id);
    ASSERT_EQ(store_->Write(batch, /*sync=*/false), absl::OkStatus());
  }

  std::string root_;
  std::unique_ptr<storage::RocksStore> store_;
  Mailboxes mailboxes_;
};

TEST_F(MailboxesLoadTest, AgeAttemptsAndDelaysOutliveARestart) {
  auto old = Row(LANE_STANDARD, 1, "k1");
  old.set_queued_at_ms(absl::ToUnixMillis(kNow - absl::Minutes(16)));
  old.set_attempt(2);
  Store("old", old);
  auto fresh = Row(LANE_HIGH, 2, "k2");
  fresh.set_queued_at_ms(absl::ToUnixMillis(kNow));
  Store("fresh", fresh);
  auto put_off = Row(LANE_HIGH, 3, "k3");
  put_off.set_not_before_ms(absl::ToUnixMillis(kNow + absl::Seconds(5)));
  Store("put off", put_off);
  ASSERT_EQ(mailboxes_.Load(*store_), absl::OkStatus());
  EXPECT_EQ(mailboxes_.figures(kNow).lanes[LANE_STANDARD].oldest, absl::Minutes(16));
  EXPECT_EQ(mailboxes_.Lease(kIdva, 1, kNow), "fresh");
  EXPECT_EQ(mailboxes_.Lease(kIdva, 2, kNow), "old");
  mailboxes_.ReturnAllOf(2, kNow);  // The second time already.
  EXPECT_EQ(mailboxes_.Lease(kIdva, 2, kNow), std::nullopt);
  EXPECT_EQ(mailboxes_.Lease(kIdva, 2, kNow + absl::Seconds(5)), "put off");
}

TEST_F(MailboxesLoadTest, RowsFromBeforeAgesWereKeptGoByLane) {
  Store("standard", Row(LANE_STANDARD, 1, "k1"));
  auto high = Row(LANE_HIGH, 2, "k2");
  high.set_queued_at_ms(absl::ToUnixMillis(kNow));
  Store("high", high);
  ASSERT_EQ(mailboxes_.Load(*store_), absl::OkStatus());
  EXPECT_EQ(mailboxes_.Lease(kIdva, 1, kNow), "high");
  EXPECT_EQ(mailboxes_.Lease(kIdva, 1, kNow), "standard");
}

TEST_F(MailboxesLoadTest, WhatIsThereAlreadyIsNotAddedAgain) {
  Store("a", Row(LANE_HIGH, 1, "k1"));
  ASSERT_EQ(mailboxes_.Load(*store_), absl::OkStatus());
  ASSERT_EQ(mailboxes_.Lease(kIdva, 1, kNow), "a");
  Store("b", Row(LANE_HIGH, 2, "k1"));
  ASSERT_EQ(mailboxes_.Load(*store_), absl::OkStatus());
  EXPECT_EQ(mailboxes_.depth(kIdva), 2u);
  EXPECT_EQ(mailboxes_.Lease(kIdva, 1, kNow), std::nullopt);
}

TEST_F(MailboxesLoadTest, ARowThatIsNotItsDeliverysOwnIsCorruption) {
  Store("a", Row(LANE_HIGH, 1, "k1"));
  Store("b", Row(LANE_HIGH, 1, "k1"), MailboxKey("idva", type::v1::DESK_MAIN, LANE_HIGH, 2));
  EXPECT_TRUE(HasReason(mailboxes_.Load(*store_), Reason::kStoreCorrupt));
}

}  // namespace
}  // namespace accord::broker::mailboxes_load_test
