#include "services/broker/delivery/mailboxes.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/text.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

// An older or damaged row may hold a lane that is none.
size_t IndexOf(type::v1::Lane lane) { return type::v1::Lane_IsValid(lane) ? static_cast<size_t>(lane) : 0; }

}  // namespace

Waiting WaitingOf(std::string_view delivery_id, const storage::v1::StoredDelivery& stored) {
  const auto instant = [](int64_t ms) { return ms == 0 ? absl::InfinitePast() : absl::FromUnixMillis(ms); };
  return {.delivery_id = std::string(delivery_id),
          .lane = stored.lane(),
          .mailbox_sequence = stored.mailbox_sequence(),
          .ordering_key = stored.ordering_key(),
          .not_before = instant(stored.not_before_ms()),
          .statement = !stored.statement_digest().empty(),
          .queued_at = instant(stored.queued_at_ms()),
          .attempt = stored.attempt()};
}

absl::Status Mailboxes::Load(const storage::Store& store) {
  std::vector<std::pair<std::string, std::string>> rows;
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyMailbox, {}, [&](std::string_view key, std::string_view id) {
    rows.emplace_back(key, id);
    return true;
  }));
  for (const auto& [key, id] : rows) {
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, store.Get(kFamilyDelivery, id));
    storage::v1::StoredDelivery stored;
    if (!bytes.has_value() || !stored.ParseFromString(*bytes)) {
      return Error(Reason::kStoreCorrupt, "a mailbox names a delivery that is not there");
    }
    if (key != MailboxKey(stored.agency(), stored.desk(), stored.lane(), stored.mailbox_sequence())) {
      return Error(Reason::kStoreCorrupt, "a mailbox names a delivery that is not its own");
    }
    Add({stored.agency(), stored.desk()}, WaitingOf(id, stored));
  }
  return absl::OkStatus();
}

void Mailboxes::Add(const MailboxId& mailbox, Waiting waiting) {
  Wakes wakes;
  {
    absl::MutexLock lock(&mu_);
    if (by_id_.contains(ToAbsl(waiting.delivery_id))) return;
    const auto box = boxes_.try_emplace(mailbox).first;
    DeliveryQueue::Slot& slot = box->second.queue.Add(std::move(waiting));
    by_id_.emplace(ToAbsl(slot.delivery_id()), Place{box, &slot});
    ++depths_[IndexOf(slot.lane())];
    AddWakes(box->second, wakes);
  }
  for (const auto& wake : wakes) wake();
}

void Mailboxes::Move(Waiting waiting) {
  Wakes wakes;
  {
    absl::MutexLock lock(&mu_);
    const auto found = by_id_.find(ToAbsl(waiting.delivery_id));
    if (found == by_id_.end() || found->second.slot->holder() != 0) return;
    const auto [box, slot] = found->second;
    by_id_.erase(found);  // Before its key goes with the slot.
    --depths_[IndexOf(slot->lane())];
    box->second.queue.Remove(*slot);
    DeliveryQueue::Slot& moved = box->second.queue.Add(std::move(waiting));
    by_id_.emplace(ToAbsl(moved.delivery_id()), Place{box, &moved});
    ++depths_[IndexOf(moved.lane())];
    AddWakes(box->second, wakes);
  }
  for (const auto& wake : wakes) wake();
}

std::optional<std::string> Mailboxes::Lease(const MailboxId& mailbox, uint64_t holder, absl::Time now) {
  absl::MutexLock lock(&mu_);
  const auto box = boxes_.find(mailbox);
  if (box == boxes_.end()) return std::nullopt;
  const DeliveryQueue::Slot* const slot = box->second.queue.Lease(holder, now);
  if (slot == nullptr) return std::nullopt;
  return slot->delivery_id();
}

void Mailboxes::NoteAttempt(const std::string& delivery_id, uint32_t attempt) {
  absl::MutexLock lock(&mu_);
  if (attempt > 1) ++redeliveries_;
  const auto found = by_id_.find(ToAbsl(delivery_id));
  if (found != by_id_.end()) found->second.slot->set_attempt(attempt);
}

void Mailboxes::Return(const std::string& delivery_id, uint64_t holder, absl::Time not_before) {
  Wakes wakes;
  {
    absl::MutexLock lock(&mu_);
    const auto found = by_id_.find(ToAbsl(delivery_id));
    if (found == by_id_.end()) return;
    const auto [box, slot] = found->second;
    if (slot->holder() != holder) return;
    box->second.queue.Return(*slot, not_before);
    AddWakes(box->second, wakes);
  }
  for (const auto& wake : wakes) wake();
}

void Mailboxes::ReturnAllOf(uint64_t holder, absl::Time now) {
  Wakes wakes;
  {
    absl::MutexLock lock(&mu_);
    for (auto& [mailbox, box] : boxes_) {
      if (box.queue.ReturnAllOf(holder, now)) AddWakes(box, wakes);
    }
  }
  for (const auto& wake : wakes) wake();
}

void Mailboxes::Tick(absl::Time now) {
  Wakes wakes;
  {
    absl::MutexLock lock(&mu_);
    for (auto& [mailbox, box] : boxes_) {
      if (box.queue.Tick(now)) AddWakes(box, wakes);
    }
  }
  for (const auto& wake : wakes) wake();
}

void Mailboxes::Remove(const std::string& delivery_id, Gone gone) {
  Wakes wakes;
  {
    absl::MutexLock lock(&mu_);
    const auto found = by_id_.find(ToAbsl(delivery_id));
    if (found == by_id_.end()) return;
    const auto [box, slot] = found->second;
    by_id_.erase(found);  // Before its key goes with the slot.
    --depths_[IndexOf(slot->lane())];
    if (gone == Gone::kDead) ++dead_letters_;
    box->second.queue.Remove(*slot);
    AddWakes(box->second, wakes);
    DropIfIdle(box);
  }
  for (const auto& wake : wakes) wake();
}

void Mailboxes::Listen(const MailboxId& mailbox, uint64_t holder, std::function<void()> wake) {
  absl::MutexLock lock(&mu_);
  boxes_[mailbox].listeners.push_back({holder, std::move(wake)});
}

void Mailboxes::StopListening(uint64_t holder) {
  std::vector<Listener> gone;  // What a wake holds may end with it: not under the lock.
  absl::MutexLock lock(&mu_);
  for (auto box = boxes_.begin(); box != boxes_.end();) {
    const auto here = box++;
    auto& listeners = here->second.listeners;
    const auto first = std::stable_partition(listeners.begin(), listeners.end(), [&](const Listener& one) { return one.holder != holder; });
    std::move(first, listeners.end(), std::back_inserter(gone));
    listeners.erase(first, listeners.end());
    DropIfIdle(here);
  }
}

size_t Mailboxes::depth(const MailboxId& mailbox) const {
  absl::MutexLock lock(&mu_);
  const auto box = boxes_.find(mailbox);
  return box == boxes_.end() ? 0 : box->second.queue.size();
}

size_t Mailboxes::listeners(const MailboxId& mailbox) const {
  absl::MutexLock lock(&mu_);
  const auto box = boxes_.find(mailbox);
  return box == boxes_.end() ? 0 : box->second.listeners.size();
}

Mailboxes::Figures Mailboxes::figures(absl::Time now) const {
  Figures figures;
  absl::MutexLock lock(&mu_);
  figures.redeliveries = redeliveries_;
  figures.dead_letters = dead_letters_;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    figures.lanes[lane].deliveries = depths_[lane];
    if (depths_[lane] == 0) continue;
    absl::Time oldest = now;
    for (const auto& [mailbox, box] : boxes_) {
      const absl::Time queued = box.queue.OldestIn(static_cast<type::v1::Lane>(lane));
      if (queued != absl::InfinitePast()) oldest = std::min(oldest, queued);
    }
    figures.lanes[lane].oldest = now - oldest;
  }
  return figures;
}

void Mailboxes::AddWakes(const Box& box, Wakes& wakes) {
  for (const Listener& listener : box.listeners) wakes.push_back(listener.wake);
}

void Mailboxes::DropIfIdle(Boxes::iterator box) {
  if (box->second.queue.size() == 0 && box->second.listeners.empty()) boxes_.erase(box);
}

}  // namespace accord::broker
