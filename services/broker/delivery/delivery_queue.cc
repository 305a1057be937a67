#include "services/broker/delivery/delivery_queue.h"

#include <algorithm>
#include <limits>

#include "common/base/status.h"
#include "services/broker/delivery/attempts.h"

namespace accord::broker {

using type::v1::LANE_IMMEDIATE;

DeliveryQueue::DeliveryQueue() = default;
DeliveryQueue::~DeliveryQueue() = default;

DeliveryQueue::Slot& DeliveryQueue::Add(Waiting waiting) {
  auto made = std::make_unique<Slot>();
  Slot& slot = *made;
  slot.position_ = {waiting.lane, waiting.mailbox_sequence};
  slot.delivery_id_ = std::move(waiting.delivery_id);
  slot.not_before_ = waiting.not_before;
  slot.queued_at_ = waiting.queued_at;
  slot.attempt_ = waiting.attempt;
  slot.statement_ = waiting.statement;
  slot.line_ = &*lines_.try_emplace(std::move(waiting.ordering_key)).first;
  ACCORD_CHECK(slots_.emplace(slot.position_, std::move(made)).second);
  ages_.insert(slot.age());
  Line& line = slot.line_->second;
  const auto next = std::next(line.slots.emplace(slot.position_, &slot).first);
  if (slot.statement_ && waiting.lane == LANE_IMMEDIATE) line.said.insert(slot.position_.second);
  // Filled anew, an earlier one may come after a later one of its key.
  if (next != line.slots.end() && next->first.first == slot.position_.first && next->second->holder_ == 0) Block(*next->second);
  Review(line);
  return slot;
}

void DeliveryQueue::Remove(Slot& slot) {
  Block(slot);
  ages_.erase(slot.age());
  Lines::value_type& named = *slot.line_;
  Line& line = named.second;
  line.slots.erase(slot.position_);
  if (slot.statement_ && slot.lane() == LANE_IMMEDIATE) line.said.erase(slot.position_.second);
  slots_.erase(slot.position_);
  if (line.slots.empty()) {
    lines_.erase(lines_.find(named.first));
  } else {
    Review(line);
  }
}

DeliveryQueue::Slot* DeliveryQueue::Lease(uint64_t holder, absl::Time now) {
  Promote(now);
  if (ready_.empty()) return nullptr;
  Slot* next = ready_.begin()->second;
  if (next->lane() != LANE_IMMEDIATE && now - longest_.begin()->first.first > kLaneWaitMax) {
    Slot* const longest = longest_.begin()->second;
    if (next != longest && ++passed_over_ >= kLongestShare) next = longest;
    if (next == longest) passed_over_ = 0;
  }
  Block(*next);
  next->holder_ = holder;
  next->leased_until_ = now + kLeaseTime;
  next->place_ = Slot::Place::kLeased;
  leased_.emplace(Due(next->leased_until_, next->position_), next);
  held_[holder].insert(next);
  return next;
}

void DeliveryQueue::Return(Slot& slot, absl::Time not_before) {
  Block(slot);
  slot.not_before_ = not_before;
  Review(slot.line_->second);
}

bool DeliveryQueue::ReturnAllOf(uint64_t holder, absl::Time now) {
  const auto held = held_.find(holder);
  if (held == held_.end()) return false;
  const std::vector<Slot*> slots(held->second.begin(), held->second.end());  // Giving one back changes the set.
  for (Slot* slot : slots) GiveBack(*slot, now);
  return true;
}

bool DeliveryQueue::Tick(absl::Time now) {
  while (!leased_.empty() && leased_.begin()->first.first <= now) GiveBack(*leased_.begin()->second, now);
  Promote(now);
  return !ready_.empty();
}

absl::Time DeliveryQueue::OldestIn(type::v1::Lane lane) const {
  const auto oldest = ages_.lower_bound(Age(lane, absl::InfinitePast(), 0));
  return oldest == ages_.end() || std::get<0>(*oldest) != lane ? absl::InfiniteFuture() : std::get<1>(*oldest);
}

void DeliveryQueue::Block(Slot& slot) {
  switch (slot.place_) {
    case Slot::Place::kBlocked: break;
    case Slot::Place::kLater: later_.erase(Due(slot.not_before_, slot.position_)); break;
    case Slot::Place::kReady:
      ready_.erase(slot.position_);
      longest_.erase(Due(slot.Since(), slot.position_));
      break;
    case Slot::Place::kLeased: {
      leased_.erase(Due(slot.leased_until_, slot.position_));
      const auto held = held_.find(slot.holder_);
      held->second.erase(&slot);
      if (held->second.empty()) held_.erase(held);
      slot.holder_ = 0;
      break;
    }
  }
  slot.place_ = Slot::Place::kBlocked;
}

void DeliveryQueue::Review(Line& line) {
  const uint64_t said = line.said.empty() ? std::numeric_limits<uint64_t>::max() : *line.said.begin();
  for (auto first = line.slots.begin(); first != line.slots.end(); first = line.slots.lower_bound({first->first.first + 1, 0})) {
    Slot& slot = *first->second;
    if (slot.holder_ != 0) continue;
    const bool waits = slot.position_.second > said;
    if (waits) {
      Block(slot);
    } else if (slot.place_ == Slot::Place::kBlocked) {
      slot.place_ = Slot::Place::kLater;
      later_.emplace(Due(slot.not_before_, slot.position_), &slot);
    }
  }
}

void DeliveryQueue::GiveBack(Slot& slot, absl::Time now) {
  const bool poison = slot.attempt_ >= kPoisonAttempts;
  Return(slot, poison ? now + BackoffAfter(slot.lane(), slot.attempt_) : slot.not_before_);
}

void DeliveryQueue::Promote(absl::Time now) {
  while (!later_.empty() && later_.begin()->first.first <= now) {
    Slot& slot = *later_.begin()->second;
    later_.erase(later_.begin());
    if (slot.queued_at_ == absl::InfinitePast()) {
      ages_.erase(slot.age());
      slot.queued_at_ = now;
      ages_.insert(slot.age());
    }
    slot.place_ = Slot::Place::kReady;
    ready_.emplace(slot.position_, &slot);
    if (slot.lane() != LANE_IMMEDIATE) longest_.emplace(Due(slot.Since(), slot.position_), &slot);
  }
}

}  // namespace accord::broker
