// The order of mailboxes under random use, against a model that looks at everything each time.
//
// Goal: no sequence of adds, leases, returns, ended streams, ticks and removals gives another delivery than the rules of mailboxes.h do.
// Method: the same steps are done to both, and what is leased must be the same; what the rules promise is checked of it besides.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "services/broker/delivery/attempts.h"
#include "services/broker/delivery/mailboxes.h"

namespace accord::broker::mailboxes_order_test {
namespace {

const MailboxId kIdva{"idva"};

class Model {
 public:
  struct Row {
    Waiting waiting;
    uint64_t holder = 0;
    absl::Time leased_until;
    absl::Time Since() const { return std::max(waiting.queued_at, waiting.not_before); }
    bool immediate() const { return waiting.lane == type::v1::LANE_IMMEDIATE; }
  };

  void Add(const Waiting& waiting) { rows_[{waiting.lane, waiting.mailbox_sequence}] = {waiting, 0, {}}; }

  std::vector<Row*> Ready(absl::Time now) {
    std::vector<Row*> ready;
    std::set<std::pair<int, std::string>> blocked;
    std::map<std::string, uint64_t> said;
    for (auto& [position, row] : rows_) {
      const std::pair key(position.first, row.waiting.ordering_key);
      const auto first = said.find(row.waiting.ordering_key);
      const bool waits = first != said.end() && first->second < position.second;
      if (row.holder == 0 && row.waiting.not_before <= now && !blocked.contains(key) && !waits) ready.push_back(&row);
      blocked.insert(key);
      if (row.waiting.statement && row.immediate()) said.try_emplace(row.waiting.ordering_key, position.second);
    }
    return ready;
  }

  Row* Lease(uint64_t holder, absl::Time now) {
    const std::vector<Row*> ready = Ready(now);
    if (ready.empty()) return nullptr;
    Row* next = ready.front();
    if (!next->immediate()) {
      // The first of those that waited longest: rows come by position, and the oldest of equals is the first of them.
      const auto longest = std::min_element(ready.begin(), ready.end(), [](const Row* a, const Row* b) { return a->Since() < b->Since(); });
      if (now - (*longest)->Since() > kLaneWaitMax) {
        if (next != *longest && ++passed_over_ == kLongestShare) next = *longest;
        if (next == *longest) passed_over_ = 0;
      }
    }
    next->holder = holder;
    next->leased_until = now + kLeaseTime;
    return next;
  }

  Row* Find(const std::string& id) {
    for (auto& [position, row] : rows_) {
      if (row.waiting.delivery_id == id) return &row;
    }
    return nullptr;
  }
  void Return(const std::string& id, uint64_t holder, absl::Time not_before) {
    Row* const row = Find(id);
    if (row == nullptr || row->holder != holder) return;
    row->holder = 0;
    row->waiting.not_before = not_before;
  }
  void GiveBack(Row& row, absl::Time now) {
    row.holder = 0;
    if (row.waiting.attempt >= 2) row.waiting.not_before = now + BackoffAfter(row.waiting.lane, row.waiting.attempt);
  }
  void ReturnAllOf(uint64_t holder, absl::Time now) {
    for (auto& [position, row] : rows_) {
      if (row.holder == holder) GiveBack(row, now);
    }
  }
  void Tick(absl::Time now) {
    for (auto& [position, row] : rows_) {
      if (row.holder != 0 && row.leased_until <= now) GiveBack(row, now);
    }
  }
  void Remove(const std::string& id) {
    std::erase_if(rows_, [&](const auto& row) { return row.second.waiting.delivery_id == id; });
  }

  const std::map<std::pair<int, uint64_t>, Row>& rows() const { return rows_; }

 private:
  std::map<std::pair<int, uint64_t>, Row> rows_;
  uint32_t passed_over_ = 0;
};

class MailboxesOrderTest : public ::testing::TestWithParam<uint32_t> {
 protected:
  uint64_t Draw(uint64_t below) { return below == 0 ? 0 : chance_.Below(below); }

  void Add() {
    ++sequence_;
    const auto lane = static_cast<type::v1::Lane>(1 + Draw(5));
    Waiting waiting{.delivery_id = "d" + std::to_string(sequence_),
                    .lane = lane,
                    .mailbox_sequence = sequence_,
                    .ordering_key = "k" + std::to_string(Draw(6)),
                    .not_before = Draw(8) == 0 ? now_ + absl::Seconds(Draw(90)) : absl::InfinitePast(),
                    .statement = Draw(3) == 0,
                    .queued_at = now_};
    model_.Add(waiting);
    mailboxes_.Add(kIdva, std::move(waiting));
  }

  void Lease() {
    const uint64_t holder = 1 + Draw(3);
    const std::vector<Model::Row*> ready = model_.Ready(now_);
    const bool immediate = std::any_of(ready.begin(), ready.end(), [](const Model::Row* row) { return row->immediate(); });
    Model::Row* const expected = model_.Lease(holder, now_);
    const std::optional<std::string> leased = mailboxes_.Lease(kIdva, holder, now_);
    ASSERT_EQ(leased, expected == nullptr ? std::nullopt : std::optional(expected->waiting.delivery_id));
    if (expected == nullptr) return;
    // What is promised, said again without the model's choice.
    ASSERT_TRUE(expected->immediate() || !immediate) << "a lower lane went before a ready IMMEDIATE one";
    for (const auto& [position, row] : model_.rows()) {
      if (row.waiting.ordering_key != expected->waiting.ordering_key || position.second >= expected->waiting.mailbox_sequence) continue;
      ASSERT_FALSE(row.waiting.lane == expected->waiting.lane) << "an earlier one of its key and lane is not settled";
      ASSERT_FALSE(row.immediate() && row.waiting.statement) << "an earlier IMMEDIATE statement of its key is not settled";
    }
    if (Draw(4) != 0) {
      ++expected->waiting.attempt;
      mailboxes_.NoteAttempt(*leased, expected->waiting.attempt);
    }
    last_.push_back(*leased);
  }

  void Step() {
    switch (Draw(12)) {
      case 0: case 1: case 2: Add(); break;
      case 3: case 4: case 5: case 6: Lease(); break;
      case 7: now_ += absl::Seconds(Draw(Draw(10) == 0 ? 1200 : 20)); break;
      case 8: {
        const uint64_t holder = 1 + Draw(3);
        if (Draw(4) != 0) break;
        model_.ReturnAllOf(holder, now_);
        mailboxes_.ReturnAllOf(holder, now_);
        break;
      }
      case 9:
        model_.Tick(now_);
        mailboxes_.Tick(now_);
        break;
      default: {
        if (last_.empty()) break;
        const std::string id = last_[Draw(last_.size())];
        if (Draw(3) == 0) {
          const uint64_t holder = 1 + Draw(3);
          const absl::Time not_before = now_ + absl::Seconds(Draw(60));
          model_.Return(id, holder, not_before);
          mailboxes_.Return(id, holder, not_before);
        } else {
          model_.Remove(id);
          mailboxes_.Remove(id);
          std::erase(last_, id);
        }
      }
    }
  }

  FakeRandom chance_{GetParam()};
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  uint64_t sequence_ = 0;
  Model model_;
  Mailboxes mailboxes_;
  std::vector<std::string> last_;  // Leased at some time, and not removed since.
};

TEST_P(MailboxesOrderTest, GivesWhatTheRulesSay) {
  for (int step = 0; step < 1'000; ++step) {
    Step();
    ASSERT_EQ(mailboxes_.depth(kIdva), model_.rows().size()) << "step " << step;
    if (HasFatalFailure()) FAIL() << "seed " << GetParam() << ", step " << step;
  }
  const Mailboxes::Figures figures = mailboxes_.figures(now_);
  for (int lane = 1; lane < static_cast<int>(Mailboxes::kLanes); ++lane) {
    size_t deliveries = 0;
    absl::Time oldest = now_;
    for (const auto& [position, row] : model_.rows()) {
      if (position.first != lane) continue;
      ++deliveries;
      oldest = std::min(oldest, row.waiting.queued_at);
    }
    EXPECT_EQ(figures.lanes[static_cast<size_t>(lane)].deliveries, deliveries);
    EXPECT_EQ(figures.lanes[static_cast<size_t>(lane)].oldest, now_ - oldest);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, MailboxesOrderTest, ::testing::Range(uint32_t{1}, uint32_t{13}));

}  // namespace
}  // namespace accord::broker::mailboxes_order_test
