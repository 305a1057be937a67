// Goal: nothing that was acknowledged is lost, doubled, reordered, released to who may not have it or without its entry, no missed
// deadline is forgotten or escalated twice, and all that waits gets through, however the programs die or stand still.
//
// Method: all five services push without pause, and people at them open and answer some of what comes, while each of the six
// programs is killed with SIGKILL and stopped with SIGSTOP in a random order; the broker, which all depend on, most often, and some
// of its deaths come before it serves again. After every start its checkpoint must extend the one before. Deadlines are a minute,
// the shortest that clock rules may say, and the first fall due while the killing goes on. In the end every push, every act and every
// deadline is looked for at both ends and in the record.
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/system/ctl.h"
#include "tests/system/kill_traffic.h"
#include "tests/system/traffic.h"

namespace accord::tests {
namespace {

using ::testing::IsSubsetOf;
using ::testing::UnorderedElementsAreArray;
using namespace type::v1;  // NOLINT: events, kinds and steps.

constexpr absl::Duration kAllowed = absl::Minutes(1);  // Of every clock that rules may set.
constexpr absl::Duration kSettleTime = absl::Minutes(2);
constexpr absl::Duration kLate = absl::Seconds(15);    // After a due time, until its steps must be in the record.
constexpr int64_t kGapMsMax = 850;                     // Between two blows.
constexpr int64_t kStopMsMax = 700;
constexpr uint64_t kEarlyOneIn = 5;                    // So many do not wait until the program serves.

constexpr EscalationStep kSteps[] = {ESCALATION_STEP_REMINDER, ESCALATION_STEP_MANAGERS, ESCALATION_STEP_DEPUTY, ESCALATION_STEP_SENDER};

// Housing may have little; everybody else everything.
constexpr Category kHousingMay[] = {CATEGORY_IDENTITY, CATEGORY_SAFE_CONTACT, CATEGORY_HOUSING};

std::string AgreementText() {
  const std::string open = OpenAgreement("kills-1");
  return absl::StrReplaceAll(open, {{R"(to_kinds = ["police", "childrens_services", "housing", "health", "idva"])",
                                     R"(to_kinds = ["police", "childrens_services", "health", "idva"])"}}) +
         R"([[route]]
id = "little"
from_kinds = ["police", "childrens_services", "health", "idva"]
to_kinds = ["housing"]
purposes = ["safeguarding_adult", "safeguarding_child", "marac", "support", "housing_support", "health_care"]
categories = ["identity", "safe_contact", "housing"]
)";
}

// All four steps at the due time.
constexpr std::string_view kClockRules = R"(version = "kills-clocks"
effective_from = "2020-01-01"
[[pick_up]]
lane = "medium"
minutes = 1
[[pick_up]]
lane = "standard"
minutes = 1
[[response]]
minutes = 1
[escalation]
managers_percent = 0
deputy_percent = 0
sender_percent = 0
[escalation_immediate]
managers_minutes = 0
deputy_minutes = 0
sender_minutes = 0
)";

// One thing that is done to one program.
struct Blow {
  std::string server;
  bool kill = false;  // Otherwise it is stopped for a while.
};

// `times` × 50 kills of the broker, 5 of each service, 3 stops of each, in an order of `random`.
std::vector<Blow> Blows(Random& random, int times) {
  std::vector<Blow> blows;
  const auto add = [&](const std::string& server, int kills) {
    for (int i = 0; i < times * kills; ++i) blows.push_back({server, true});
    for (int i = 0; i < times * 3; ++i) blows.push_back({server, false});
  };
  add(kBroker, 50);
  for (const AgencyRow& row : kAgencies) add(row.id, 5);
  for (size_t i = blows.size(); i > 1; --i) std::swap(blows[i - 1], blows[random.Below(i)]);
  return blows;
}

void Pass(int64_t ms) {
  Eventually(absl::Milliseconds(ms), [] { return false; });
}

// Carries out the blows, the last fifth of them once the first deadlines fall due; returns the broker's checkpoints, one after each start
// that was waited for.
std::vector<ledger::Checkpoint> Strike(World& world, Random& random, const std::vector<Blow>& blows) {
  std::vector<ledger::Checkpoint> seen;
  const absl::Time due = world.clock().Now() + kAllowed;
  for (size_t i = 0; i < blows.size(); ++i) {
    if (i == blows.size() * 4 / 5) Pass(absl::ToInt64Milliseconds(due - world.clock().Now()));
    const Blow& blow = blows[i];
    SCOPED_TRACE(fmt::format("blow {}, {} of {}", i, blow.kill ? "kill" : "stop", blow.server));
    Pass(static_cast<int64_t>(random.Below(kGapMsMax)));
    if (random.Below(kEarlyOneIn) != 0) {
      const absl::Status serving = world.AwaitServing(blow.server);
      EXPECT_EQ(serving, absl::OkStatus());
      if (!serving.ok()) return seen;
    }
    if (!world.process(blow.server).running()) {
      ADD_FAILURE() << "it has ended by itself";
      return seen;
    }
    if (!blow.kill) {
      world.process(blow.server).Pause();
      Pass(static_cast<int64_t>(random.Below(kStopMsMax)));
      world.process(blow.server).Resume();
      continue;
    }
    world.process(blow.server).Kill();
    EXPECT_EQ(world.Launch(blow.server), absl::OkStatus());
    if (blow.server != kBroker || random.Below(kEarlyOneIn) == 0) continue;
    EXPECT_EQ(world.AwaitServing(kBroker), absl::OkStatus());
    const auto checkpoint = GetCheckpoint(world);
    EXPECT_EQ(checkpoint.status(), absl::OkStatus());
    if (!checkpoint.ok()) return seen;
    if (!seen.empty()) {
      EXPECT_EQ(CheckConsistent(world, seen.back(), checkpoint->checkpoint), absl::OkStatus());
    }
    seen.push_back(checkpoint->checkpoint);
  }
  return seen;
}

// What the record says of one referral.
struct Record {
  struct Delivered {
    std::string recipient;
    bool content = false;  // Of the referral itself, not of something said of it.
    uint64_t released = 0, delivered = 0;  // First index of each.
    int64_t released_ms = 0;
    int times = 0;  // DELIVERED.
  };
  struct Step {
    int times = 0;
    uint64_t index = 0;
    int64_t time_ms = 0, due_ms = 0;
  };
  using Clock = std::pair<std::string, EventType>;  // Recipient, and which was missed.

  int stored = 0;
  uint64_t stored_index = 0;
  int64_t stored_ms = 0;
  std::map<std::string, Delivered> deliveries;  // By delivery id.
  std::map<Act, std::vector<uint64_t>> statements;
  std::set<std::string> statement_digests;
  std::map<Clock, std::map<EscalationStep, Step>> missed;
};

void Add(const inspection::v1::TrailRow& row, const Pushed& push, Record& record) {
  const auto& about = row.referral();
  switch (row.event().type()) {
    case EVENT_TYPE_REFERRAL_STORED:
      ++record.stored;
      record.stored_index = row.index();
      record.stored_ms = row.time_ms();
      EXPECT_EQ(about.request_id(), push.request_id);
      EXPECT_EQ(about.sender(), push.agency);
      return;
    case EVENT_TYPE_RELEASED: {
      const auto [found, first] = record.deliveries.try_emplace(about.delivery_id());
      if (first) found->second = {about.recipient(), about.section_digests_size() > 0, row.index(), 0, row.time_ms(), 0};
      return;
    }
    case EVENT_TYPE_DELIVERED: {
      const auto found = record.deliveries.find(about.delivery_id());
      ASSERT_NE(found, record.deliveries.end()) << "delivered before it was released";
      found->second.delivered = row.index();
      ++found->second.times;
      return;
    }
    case EVENT_TYPE_STATEMENT: {
      const std::string_view principal = row.actor().principal();  // agency/ID
      record.statements[{std::string(principal.substr(principal.find('/') + 1)), row.event().statement()}].push_back(row.index());
      EXPECT_TRUE(record.statement_digests.insert(about.statement_digest()).second) << "two entries of one statement";
      EXPECT_EQ(about.statement_digest().size(), 32u);
      return;
    }
    case EVENT_TYPE_PICK_UP_OVERDUE:
    case EVENT_TYPE_RESPONSE_OVERDUE: {
      Record::Step& step = record.missed[{about.recipient(), row.event().type()}][row.event().step()];
      ++step.times;
      step = {step.times, row.index(), row.time_ms(), row.event().due_at_ms()};
      return;
    }
    default: return;
  }
}

class AllKillTest : public ::testing::Test {
 protected:
  AllKillTest() : random_(Seed()), world_({.agreement = AgreementText()}) {}

  void Run(int times) {
    ASSERT_EQ(world_.StartAll(), absl::OkStatus());
    admin::v1::Change change;
    change.mutable_put_clock_rules()->set_text(std::string(kClockRules));
    ASSERT_EQ(world_.Change(change), absl::OkStatus());
    std::vector<ledger::Checkpoint> seen;
    {
      Traffic traffic(world_, random_);
      seen = Strike(world_, random_, Blows(random_, times));
      if (HasFailure()) return;
      traffic.End(pushes_, acts_);
    }
    // Whoever died last is back.
    ASSERT_EQ(world_.AwaitServing(kBroker), absl::OkStatus());
    for (const AgencyRow& row : kAgencies) ASSERT_EQ(world_.AwaitServing(row.id), absl::OkStatus());
    ASSERT_GE(pushes_.size(), static_cast<size_t>(40 * times)) << "too little was pushed to show anything";

    AwaitSettled();
    AwaitDrained();
    if (HasFailure()) return;
    for (const Pushed& push : pushes_) {
      SCOPED_TRACE(push.request_id);
      const Record record = AwaitRecord(push);
      CheckReleases(push, record);
      CheckStatements(push, record);
      CheckClocks(push, record);
      records_[push.request_id] = record;
      if (HasFailure()) return;
    }
    CheckOrder();
    CheckLog(seen);
    EXPECT_GE(missed_, 20) << "too few deadlines were missed to show anything";
    std::fprintf(stderr, "%zu referrals, %zu acts, %d missed clocks, %zu checkpoints\n", pushes_.size(), acts_.size(), missed_, seen.size());
  }

 private:
  const agency::v1::Submission& SubmissionOf(const Pushed& push) { return submissions_.at(push.request_id); }
  const agency::v1::InboxItem& ItemOf(const Pushed& push, const std::string& agency) {
    return inboxes_.at(agency).at(SubmissionOf(push).referral());
  }

  // Every push is settled at its sender, and stands once in the inbox of each of its recipients; nothing else does.
  void AwaitSettled() {
    std::map<std::string, std::set<std::string>> expected;
    for (const Pushed& push : pushes_) {
      auto settled = AwaitState(world_, push.agency, push.request_id, agency::v1::SUBMISSION_STATE_SETTLED, kSettleTime);
      ASSERT_EQ(settled.status(), absl::OkStatus());
      for (const std::string& recipient : push.recipients) expected[recipient].insert(settled->referral());
      submissions_[push.request_id] = *std::move(settled);
    }
    for (const AgencyRow& row : kAgencies) {
      std::vector<std::string> arrived;
      EXPECT_TRUE(Eventually(kSettleTime, [&] {
        const auto items = ListInbox(world_, row.id);
        if (!items.ok()) return false;
        arrived.clear();
        for (const auto& item : *items) arrived.push_back(item.referral());
        return arrived.size() >= expected[row.id].size();
      })) << row.id << " has " << arrived.size() << " of " << expected[row.id].size();
      EXPECT_THAT(arrived, UnorderedElementsAreArray(expected[row.id])) << row.id;
    }
  }

  // Nothing waits in an outbox or a mailbox. Deadlines go on falling due, so a mailbox is empty now and then. Then the inboxes are read.
  void AwaitDrained() {
    for (const AgencyRow& row : kAgencies) {
      EXPECT_TRUE(Eventually(kSettleTime, [&] {
        const auto status = ServiceStatus(world_, row.id);
        return status.ok() && status->outbox_waiting() == 0 && !status->stopped() && status->connected();
      })) << row.id;
    }
    std::string waiting;
    EXPECT_TRUE(Eventually(kSettleTime, [&] {
      const std::string metrics = world_.Metrics(kBroker);
      waiting.clear();
      int lanes = 0;
      for (const std::string& line : std::vector<std::string>(absl::StrSplit(metrics, '\n'))) {
        if (!line.starts_with("accord_mailbox_depth{")) continue;
        ++lanes;
        if (!line.ends_with(" 0")) waiting += line + "\n";
      }
      return lanes > 0 && waiting.empty();
    })) << waiting;
    for (const AgencyRow& row : kAgencies) {
      const auto items = ListInbox(world_, row.id);
      ASSERT_EQ(items.status(), absl::OkStatus());
      for (const auto& item : *items) inboxes_[row.id][item.referral()] = item;
    }
  }

  // The record of `push` once all that was released of it is acknowledged, and every clock that is over has had its steps; or as it is.
  Record AwaitRecord(const Pushed& push) {
    Record record;
    Eventually(kSettleTime, [&] {
      const absl::Time now = world_.clock().Now();
      const auto rows = TrailOfReferral(world_, "admin/alice", DigestOfName(SubmissionOf(push).referral()));
      if (!rows.ok()) return false;
      record = {};
      for (const auto& row : *rows) Add(row, push, record);
      const bool acknowledged = std::all_of(record.deliveries.begin(), record.deliveries.end(), [](const auto& row) { return row.second.times > 0; });
      return ::testing::Test::HasFailure() || (acknowledged && record.stored > 0 && !Waits(push, record, now));
    });
    return record;
  }
  // Some clock that was over before `now` has not had all its steps.
  bool Waits(const Pushed& push, const Record& record, absl::Time now) {
    for (const std::string& recipient : push.recipients) {
      for (const EventType clock : {EVENT_TYPE_PICK_UP_OVERDUE, EVENT_TYPE_RESPONSE_OVERDUE}) {
        const auto found = record.missed.find({recipient, clock});
        const size_t steps = found == record.missed.end() ? 0 : found->second.size();
        if (MustMiss(push, recipient, clock, record, now) && steps < std::size(kSteps)) return true;
      }
    }
    return false;
  }
  // Whether the clock ran out before `now` and nobody stopped it.
  bool MustMiss(const Pushed& push, const std::string& recipient, EventType clock, const Record& record, absl::Time now) {
    const Lane lane = ItemOf(push, recipient).lane();
    if (clock == EVENT_TYPE_PICK_UP_OVERDUE && lane != LANE_MEDIUM && lane != LANE_STANDARD) return false;  // Hours, fixed.
    return now > absl::FromUnixMillis(record.stored_ms) + kAllowed && !StoppedAt(recipient, clock, record).has_value();
  }
  // Index of the entry that stopped the clock.
  static std::optional<uint64_t> StoppedAt(const std::string& recipient, EventType clock, const Record& record) {
    std::optional<uint64_t> first;
    for (const auto& [act, indexes] : record.statements) {
      const bool stops = act.kind != STATEMENT_KIND_OPENED || clock == EVENT_TYPE_PICK_UP_OVERDUE;
      if (act.agency == recipient && stops && (!first.has_value() || indexes.front() < *first)) first = indexes.front();
    }
    return first;
  }

  // One delivery to each recipient and to nobody else, recorded before it was sent, of what its decision and the agreement permit.
  void CheckReleases(const Pushed& push, const Record& record) {
    EXPECT_EQ(record.stored, 1);
    std::vector<std::string> had;
    for (const auto& [id, delivery] : record.deliveries) {
      EXPECT_EQ(delivery.times, 1) << "to " << delivery.recipient;
      EXPECT_LT(delivery.released, delivery.delivered);
      EXPECT_TRUE(delivery.recipient == push.agency || push.recipients.contains(delivery.recipient)) << delivery.recipient;
      if (!delivery.content) continue;
      had.push_back(delivery.recipient);
      ASSERT_TRUE(push.recipients.contains(delivery.recipient)) << delivery.recipient;
      EXPECT_LE(delivery.released_ms, ItemOf(push, delivery.recipient).received_at_ms()) << "arrived before the entry of its release";
    }
    EXPECT_THAT(had, UnorderedElementsAreArray(push.recipients));
    for (const std::string& recipient : push.recipients) {
      std::set<int> permitted;
      for (const auto& decision : SubmissionOf(push).decisions()) {
        if (decision.recipient() == recipient && decision.verdict() == VERDICT_PERMIT) permitted.insert(decision.category());
      }
      const auto& categories = ItemOf(push, recipient).categories();
      std::set<int> received(categories.begin(), categories.end());
      for (std::set<int>* const set : {&permitted, &received}) set->erase(CATEGORY_CASE_HISTORY);  // The broker's own words, no section.
      EXPECT_THAT(received, ::testing::ContainerEq(permitted)) << recipient;
      if (recipient == "housing") {
        EXPECT_THAT(categories, IsSubsetOf(kHousingMay));
      }
    }
  }

  // What people did is in the record, each once, and nothing that nobody did; the recipient stands where that puts it, and the sender has
  // it, signed, or its service would not show it.
  void CheckStatements(const Pushed& push, const Record& record) {
    const std::string& referral = SubmissionOf(push).referral();
    std::vector<Act> done, recorded, told;
    for (const auto& [about, act] : acts_) {
      if (about == referral) done.push_back(act);
    }
    for (const auto& [act, indexes] : record.statements) recorded.insert(recorded.end(), indexes.size(), act);
    EXPECT_THAT(recorded, UnorderedElementsAreArray(done));
    EXPECT_TRUE(Eventually(kSettleTime, [&] {
      const auto submission = GetSubmission(world_, push.agency, push.request_id);
      if (!submission.ok()) return false;
      told.clear();
      for (const auto& statement : submission->statements()) told.push_back({statement.agency(), statement.kind()});
      return told.size() >= done.size();
    }));
    EXPECT_THAT(told, UnorderedElementsAreArray(done)) << "as the sender was told";
    for (const std::string& recipient : push.recipients) {
      const auto did = [&](StatementKind kind) { return std::find(done.begin(), done.end(), Act{recipient, kind}) != done.end(); };
      const ReferralState state = did(STATEMENT_KIND_ACCEPTED)  ? REFERRAL_STATE_ACCEPTED
                                  : did(STATEMENT_KIND_DECIDED) ? REFERRAL_STATE_DECIDED
                                  : did(STATEMENT_KIND_OPENED)  ? REFERRAL_STATE_OPENED
                                                                : REFERRAL_STATE_DELIVERED;
      EXPECT_EQ(ReferralState_Name(ItemOf(push, recipient).state()), ReferralState_Name(state)) << recipient;
    }
  }

  // Each step at most once, none early, none after a person stopped the clock; of a clock that nobody stopped all four.
  void CheckClocks(const Pushed& push, const Record& record) {
    const absl::Time late = world_.clock().Now() - kLate;
    for (const auto& [clock, steps] : record.missed) {
      EXPECT_TRUE(push.recipients.contains(clock.first));
      const auto stopped = StoppedAt(clock.first, clock.second, record);
      for (const auto& [step, taken] : steps) {
        SCOPED_TRACE(fmt::format("{} {} {}", clock.first, EventType_Name(clock.second), EscalationStep_Name(step)));
        EXPECT_EQ(taken.times, 1);
        EXPECT_EQ(taken.due_ms, record.stored_ms + absl::ToInt64Milliseconds(kAllowed));
        EXPECT_GE(taken.time_ms, taken.due_ms);
        EXPECT_LT(taken.index, stopped.value_or(UINT64_MAX)) << "after it was stopped";
      }
    }
    for (const std::string& recipient : push.recipients) {
      for (const EventType clock : {EVENT_TYPE_PICK_UP_OVERDUE, EVENT_TYPE_RESPONSE_OVERDUE}) {
        if (!MustMiss(push, recipient, clock, record, late)) continue;
        const auto found = record.missed.find({recipient, clock});
        ASSERT_NE(found, record.missed.end()) << recipient << " is late with " << EventType_Name(clock) << " and nobody was told";
        EXPECT_EQ(found->second.size(), std::size(kSteps)) << recipient;
        ++missed_;
      }
    }
  }

  // What the police push is of one victim and one alleged perpetrator, so all of it is of one case: in each lane of a recipient it is
  // released in the order in which it was stored, each after the one before was acknowledged. Others name no perpetrator.
  void CheckOrder() {
    std::map<std::pair<std::string, Lane>, std::map<uint64_t, const Record::Delivered*>> lanes;
    for (const Pushed& push : pushes_) {
      const Record& record = records_.at(push.request_id);
      for (const auto& [id, delivery] : record.deliveries) {
        if (push.agency != "police" || !delivery.content) continue;
        lanes[{delivery.recipient, ItemOf(push, delivery.recipient).lane()}][record.stored_index] = &delivery;
      }
    }
    size_t longest = 0;
    for (const auto& [lane, deliveries] : lanes) {
      uint64_t acknowledged = 0;
      for (const auto& [stored, delivery] : deliveries) {
        EXPECT_GT(delivery->released, acknowledged) << "to " << lane.first << ", stored as " << stored;
        acknowledged = delivery->delivered;
      }
      longest = std::max(longest, deliveries.size());
    }
    EXPECT_GE(longest, 5u) << "too few of one lane to have an order";
  }

  // The log is consistent from every checkpoint and receipt to the newest, and whoever has a copy can verify it alone.
  void CheckLog(const std::vector<ledger::Checkpoint>& seen) {
    const auto newest = GetCheckpoint(world_);
    ASSERT_EQ(newest.status(), absl::OkStatus());
    for (const ledger::Checkpoint& old : seen) EXPECT_EQ(CheckConsistent(world_, old, newest->checkpoint), absl::OkStatus()) << old.size;
    for (const Pushed& push : pushes_) {
      EXPECT_EQ(CheckReceipt(world_, SubmissionOf(push).receipt(), newest->checkpoint), absl::OkStatus()) << push.request_id;
    }
    const Ran exported = RunCtl(world_, {"--as-admin", "alice", "ledger", "export", "--out", world_.path("export")});
    EXPECT_EQ(exported.exit_status, 0) << exported.output;
    const auto verified = RunProgram({World::Program("accord-verify"), "ledger", world_.path("export"), "--vkey", world_.path("broker.vkey")}, kSettleTime);
    ASSERT_EQ(verified.status(), absl::OkStatus());
    EXPECT_EQ(verified->exit_status, 0) << verified->output;
  }

  FakeRandom random_;
  World world_;
  std::vector<Pushed> pushes_;
  std::multimap<std::string, Act> acts_;  // By referral.
  std::map<std::string, agency::v1::Submission> submissions_;                     // By request id.
  std::map<std::string, std::map<std::string, agency::v1::InboxItem>> inboxes_;  // By agency and referral.
  std::map<std::string, Record> records_;                                        // By request id.
  int missed_ = 0;
};

TEST_F(AllKillTest, NothingIsLostDoubledOrForgottenInNinetyBlows) { Run(1); }

TEST_F(AllKillTest, LongNothingIsLostDoubledOrForgottenInNineHundredBlows) { Run(10); }

}  // namespace
}  // namespace accord::tests
