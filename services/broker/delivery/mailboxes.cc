#include "services/broker/delivery/mailboxes.h"

#include <absl/container/flat_hash_set.h>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {

absl::Status Mailboxes::Load(const storage::Store& store) {
  std::vector<std::string> ids;
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyMailbox, {}, [&](std::string_view, std::string_view id) {
    ids.emplace_back(id);
    return true;
  }));
  for (const std::string& id : ids) {
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, store.Get(kFamilyDelivery, id));
    storage::v1::StoredDelivery stored;
    if (!bytes.has_value() || !stored.ParseFromString(*bytes)) {
      return Error(Reason::kStoreCorrupt, "a mailbox names a delivery that is not there");
    }
    Add({stored.agency(), stored.desk()},
        {id, stored.lane(), stored.mailbox_sequence(), stored.ordering_key(),
         stored.not_before_ms() == 0 ? absl::InfinitePast() : absl::FromUnixMillis(stored.not_before_ms()),
         !stored.statement_digest().empty()});
  }
  return absl::OkStatus();
}

void Mailboxes::Add(const MailboxId& mailbox, Waiting waiting) {
  std::vector<std::function<void()>> wakes;
  {
    absl::MutexLock lock(&mu_);
    const Position position(waiting.lane, waiting.mailbox_sequence);
    if (!by_id_.try_emplace(waiting.delivery_id, mailbox, position).second) return;
    queues_[mailbox][position] = Slot{std::move(waiting), 0, absl::InfinitePast()};
    wakes = WakesLocked(mailbox);
  }
  for (const auto& wake : wakes) wake();
}

std::optional<std::string> Mailboxes::Lease(const MailboxId& mailbox, uint64_t holder, absl::Time now) {
  absl::MutexLock lock(&mu_);
  const auto queue = queues_.find(mailbox);
  if (queue == queues_.end()) return std::nullopt;
  // Within one lane, an earlier delivery of the same key that has not been settled blocks the key.
  absl::flat_hash_set<std::pair<int, std::string>> blocked;
  absl::flat_hash_map<std::string, uint64_t> said;  // By key: the first statement of lane IMMEDIATE that is not settled.
  size_t looked_at = 0;
  for (auto& [position, slot] : queue->second) {
    if (++looked_at > kLeaseScanMax) return std::nullopt;
    const std::pair key(static_cast<int>(position.first), slot.waiting.ordering_key);
    const auto first = said.find(slot.waiting.ordering_key);
    const bool waits = first != said.end() && first->second < position.second;
    const bool may_go = slot.holder == 0 && slot.waiting.not_before <= now && !blocked.contains(key) && !waits;
    if (may_go) {
      slot.holder = holder;
      slot.leased_until = now + kLeaseTime;
      return slot.waiting.delivery_id;
    }
    blocked.insert(key);
    if (slot.waiting.statement && position.first == type::v1::LANE_IMMEDIATE) {
      said.try_emplace(slot.waiting.ordering_key, position.second);
    }
  }
  return std::nullopt;
}

void Mailboxes::Return(const std::string& delivery_id, uint64_t holder, absl::Time not_before) {
  std::vector<std::function<void()>> wakes;
  {
    absl::MutexLock lock(&mu_);
    const auto found = by_id_.find(delivery_id);
    if (found == by_id_.end()) return;
    const auto& [mailbox, position] = found->second;
    Slot& slot = queues_[mailbox].at(position);
    if (slot.holder != holder) return;
    slot.holder = 0;
    slot.waiting.not_before = not_before;
    wakes = WakesLocked(mailbox);
  }
  for (const auto& wake : wakes) wake();
}

void Mailboxes::ReturnAllOf(uint64_t holder) {
  std::vector<std::function<void()>> wakes;
  {
    absl::MutexLock lock(&mu_);
    for (auto& [mailbox, queue] : queues_) {
      bool returned = false;
      for (auto& [position, slot] : queue) {
        if (slot.holder != holder) continue;
        slot.holder = 0;
        returned = true;
      }
      if (!returned) continue;
      for (auto& wake : WakesLocked(mailbox)) wakes.push_back(std::move(wake));
    }
  }
  for (const auto& wake : wakes) wake();
}

void Mailboxes::Tick(absl::Time now) {
  std::vector<std::function<void()>> wakes;
  {
    absl::MutexLock lock(&mu_);
    for (auto& [mailbox, queue] : queues_) {
      bool ready = false;
      for (auto& [position, slot] : queue) {
        if (slot.holder != 0 && slot.leased_until <= now) slot.holder = 0;
        ready = ready || (slot.holder == 0 && slot.waiting.not_before <= now);
      }
      if (!ready) continue;
      for (auto& wake : WakesLocked(mailbox)) wakes.push_back(std::move(wake));
    }
  }
  for (const auto& wake : wakes) wake();
}

void Mailboxes::Remove(const std::string& delivery_id) {
  std::vector<std::function<void()>> wakes;
  {
    absl::MutexLock lock(&mu_);
    const auto found = by_id_.find(delivery_id);
    if (found == by_id_.end()) return;
    const auto [mailbox, position] = found->second;
    by_id_.erase(found);
    auto queue = queues_.find(mailbox);
    queue->second.erase(position);
    if (queue->second.empty()) queues_.erase(queue);
    wakes = WakesLocked(mailbox);
  }
  for (const auto& wake : wakes) wake();
}

void Mailboxes::Listen(const MailboxId& mailbox, uint64_t holder, std::function<void()> wake) {
  absl::MutexLock lock(&mu_);
  listeners_.push_back({holder, mailbox, std::move(wake)});
}

void Mailboxes::StopListening(uint64_t holder) {
  absl::MutexLock lock(&mu_);
  std::erase_if(listeners_, [holder](const Listener& listener) { return listener.holder == holder; });
}

size_t Mailboxes::depth(const MailboxId& mailbox) const {
  absl::MutexLock lock(&mu_);
  const auto queue = queues_.find(mailbox);
  return queue == queues_.end() ? 0 : queue->second.size();
}

std::vector<std::function<void()>> Mailboxes::WakesLocked(const MailboxId& mailbox) const {
  std::vector<std::function<void()>> wakes;
  for (const Listener& listener : listeners_) {
    if (listener.mailbox == mailbox) wakes.push_back(listener.wake);
  }
  return wakes;
}

}  // namespace accord::broker
