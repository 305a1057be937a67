// Goal: nothing that was acknowledged is lost, doubled or released unrecorded, however the broker dies.
//
// Method: all five services push without pause and collect what comes, while the broker is killed with SIGKILL at
// random points, some of them before it serves again. After every start its checkpoint must extend the one before. In
// the end every push is looked for at both ends and in the record.
#include <absl/synchronization/notification.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "common/base/bytes.h"
#include "common/base/executor.h"
#include "common/ledger/frontier.h"
#include "tests/system/traffic.h"

namespace accord::tests {
namespace {

constexpr absl::Duration kPushPause = absl::Milliseconds(400);
constexpr int64_t kRunMsMax = 1200;       // From serving to the kill.
constexpr int64_t kEarlyMsMax = 300;      // From launch to a kill that does not wait for serving.
constexpr uint64_t kEarlyOneIn = 5;
constexpr absl::Duration kSettleTime = absl::Minutes(2);

struct Pushed {
  std::string agency;
  std::string request_id;
  std::set<std::string> recipients;
};

// Pushes for one agency until told to stop.
class Pusher {
 public:
  Pusher(World& world, std::string agency, uint64_t seed, absl::Notification& stop)
      : world_(world), agency_(std::move(agency)), random_(seed), stop_(stop), thread_(std::in_place, [this] { Loop(); }) {}

  // After the stop; waits for the push that is under way then, which may be taken as well as any other.
  std::vector<Pushed> Take() {
    thread_.reset();
    absl::MutexLock lock(&mu_);
    return std::move(pushed_);
  }

 private:
  void Loop() {
    for (int i = 1; !stop_.WaitForNotificationWithTimeout(kPushPause); ++i) {
      Pushed push{agency_, fmt::format("{}-push-{}", agency_, i), Recipients()};
      const auto taken = Push(world_, agency_, TestOptions(push.request_id, {push.recipients.begin(), push.recipients.end()}));
      // The agency's service is never away in this test: what it does not take is a fault.
      EXPECT_EQ(taken.status(), absl::OkStatus()) << push.request_id;
      absl::MutexLock lock(&mu_);
      if (taken.ok()) pushed_.push_back(std::move(push));
    }
  }
  // One or two of the others.
  std::set<std::string> Recipients() {
    std::vector<std::string> others;
    for (const AgencyRow& row : kAgencies) {
      if (row.id != agency_) others.push_back(row.id);
    }
    std::set<std::string> chosen = {others[random_.Below(others.size())]};
    if (random_.Below(2) == 0) chosen.insert(others[random_.Below(others.size())]);
    return chosen;
  }

  World& world_;
  const std::string agency_;
  FakeRandom random_;
  absl::Notification& stop_;
  absl::Mutex mu_;
  std::vector<Pushed> pushed_ ABSL_GUARDED_BY(mu_);
  std::optional<Thread> thread_;  // Last: the rest is there when it begins.
};

// Kills the broker `kills` times while it works; returns the checkpoints seen, one after each start.
std::vector<ledger::Checkpoint> KillAndRestart(World& world, Random& random, int kills) {
  std::vector<ledger::Checkpoint> seen;
  const SystemClock clock;
  for (int kill = 0; kill < kills; ++kill) {
    if (random.Below(kEarlyOneIn) != 0) {
      if (const absl::Status serving = world.AwaitServing(kBroker); !serving.ok()) {
        ADD_FAILURE() << "after kill " << kill << ": " << serving;
        return seen;
      }
      const auto checkpoint = GetCheckpoint(world);
      EXPECT_EQ(checkpoint.status(), absl::OkStatus()) << "after kill " << kill;
      if (!checkpoint.ok()) return seen;
      if (!seen.empty()) {
        EXPECT_EQ(CheckConsistent(world, seen.back(), checkpoint->checkpoint), absl::OkStatus()) << "after kill " << kill;
      }
      seen.push_back(checkpoint->checkpoint);
      const absl::Time until = clock.Now() + absl::Milliseconds(static_cast<int64_t>(random.Below(kRunMsMax)));
      Eventually(until - clock.Now(), [] { return false; });
    } else {
      Eventually(absl::Milliseconds(static_cast<int64_t>(random.Below(kEarlyMsMax))), [] { return false; });
    }
    world.process(kBroker).Kill();
    EXPECT_EQ(world.Launch(kBroker), absl::OkStatus());
  }
  return seen;
}

// What the record says of one referral.
void CheckTrail(World& world, const Pushed& push, const agency::v1::Submission& submission) {
  SCOPED_TRACE(push.request_id);
  const auto rows = TrailOfReferral(world, "admin/alice", DigestOfName(submission.referral()));
  ASSERT_EQ(rows.status(), absl::OkStatus());
  int stored = 0;
  std::map<std::string, std::set<std::string>> released;  // Recipient → delivery ids.
  std::map<std::string, int> delivered;
  for (const auto& row : *rows) {
    const auto& about = row.referral();
    switch (row.event().type()) {
      case type::v1::EVENT_TYPE_REFERRAL_STORED:
        ++stored;
        EXPECT_EQ(about.request_id(), push.request_id);
        EXPECT_EQ(about.sender(), push.agency);
        break;
      case type::v1::EVENT_TYPE_RELEASED:
        released[about.recipient()].insert(about.delivery_id());
        break;
      case type::v1::EVENT_TYPE_DELIVERED:
        ++delivered[about.recipient()];
        EXPECT_TRUE(released[about.recipient()].contains(about.delivery_id())) << "delivered before it was released";
        break;
      default: break;
    }
  }
  EXPECT_EQ(stored, 1);
  for (const std::string& recipient : push.recipients) {
    EXPECT_EQ(delivered[recipient], 1) << recipient;
    EXPECT_FALSE(released[recipient].empty()) << recipient;
  }
  EXPECT_EQ(delivered.size(), push.recipients.size());
  EXPECT_EQ(released.size(), push.recipients.size());
}

void RunKills(int kills) {
  FakeRandom random(Seed());
  WorldOptions options;
  options.agreement = OpenAgreement();
  World world(options);
  ASSERT_EQ(world.StartAll(), absl::OkStatus());

  std::vector<Pushed> pushes;
  std::vector<ledger::Checkpoint> seen;
  {
    absl::Notification stop;
    std::vector<std::unique_ptr<Pusher>> pushers;
    for (const AgencyRow& row : kAgencies) pushers.push_back(std::make_unique<Pusher>(world, row.id, random.Below(1u << 30), stop));
    seen = KillAndRestart(world, random, kills);
    stop.Notify();
    for (auto& pusher : pushers) {
      Pusher& done = *pusher;
      for (Pushed& push : done.Take()) pushes.push_back(std::move(push));
    }
  }
  ASSERT_EQ(world.AwaitServing(kBroker), absl::OkStatus());
  ASSERT_GE(pushes.size(), static_cast<size_t>(kills)) << "too little was pushed to show anything";

  // Settled at the sender.
  std::map<std::string, agency::v1::Submission> submissions;
  for (const Pushed& push : pushes) {
    auto settled = AwaitState(world, push.agency, push.request_id, agency::v1::SUBMISSION_STATE_SETTLED, kSettleTime);
    ASSERT_EQ(settled.status(), absl::OkStatus());
    submissions[push.request_id] = *std::move(settled);
  }
  // Once in each recipient's inbox, and nothing else.
  std::map<std::string, std::set<std::string>> expected;
  for (const Pushed& push : pushes) {
    for (const std::string& recipient : push.recipients) expected[recipient].insert(submissions[push.request_id].referral());
  }
  for (const AgencyRow& row : kAgencies) {
    std::vector<std::string> arrived;
    EXPECT_TRUE(Eventually(kSettleTime, [&] {
      const auto items = ListInbox(world, row.id);
      if (!items.ok()) return false;
      arrived.clear();
      for (const auto& item : *items) arrived.push_back(item.referral());
      return arrived.size() >= expected[row.id].size();
    })) << row.id << " has " << arrived.size() << " of " << expected[row.id].size();
    EXPECT_THAT(arrived, ::testing::UnorderedElementsAreArray(expected[row.id])) << row.id;
    const auto status = ServiceStatus(world, row.id);
    EXPECT_TRUE(status.ok() && !status->stopped()) << row.id << ": " << status->alarm();
  }
  // Every delivery is acknowledged before the record is read.
  absl::StatusOr<SignedCheckpoint> newest;
  for (const Pushed& push : pushes) {
    EXPECT_TRUE(Eventually(kStartTime, [&] {
      const auto rows = TrailOfReferral(world, "admin/alice", DigestOfName(submissions[push.request_id].referral()));
      return rows.ok() && static_cast<size_t>(std::count_if(rows->begin(), rows->end(), [](const auto& row) {
               return row.event().type() == type::v1::EVENT_TYPE_DELIVERED;
             })) >= push.recipients.size();
    })) << push.request_id;
    CheckTrail(world, push, submissions[push.request_id]);
    if (::testing::Test::HasFailure()) return;
  }
  // The log: consistent from every checkpoint and receipt to the newest, and its leaves hash to it.
  newest = GetCheckpoint(world);
  ASSERT_EQ(newest.status(), absl::OkStatus());
  for (const ledger::Checkpoint& old : seen) EXPECT_EQ(CheckConsistent(world, old, newest->checkpoint), absl::OkStatus()) << old.size;
  for (const auto& [request_id, submission] : submissions) {
    EXPECT_EQ(CheckReceipt(world, submission.receipt(), newest->checkpoint), absl::OkStatus()) << request_id;
  }
  const auto leaves = StreamLeaves(world, newest->checkpoint.size);
  ASSERT_EQ(leaves.status(), absl::OkStatus());
  ledger::Frontier tree;
  for (const std::string& leaf : *leaves) tree.Append(ledger::LeafHash(leaf));
  EXPECT_EQ(tree.size(), newest->checkpoint.size);
  EXPECT_EQ(tree.Root(), newest->checkpoint.root);
  std::fprintf(stderr, "%d kills, %zu referrals, %zu checkpoints, %llu entries\n", kills, pushes.size(), seen.size(),
               static_cast<unsigned long long>(newest->checkpoint.size));
}

TEST(BrokerKillTest, NothingAcknowledgedIsLostInFiftyKills) { RunKills(50); }

TEST(BrokerKillTest, LongNothingAcknowledgedIsLostInFiveHundredKills) { RunKills(500); }

}  // namespace
}  // namespace accord::tests
