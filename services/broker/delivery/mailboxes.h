// What waits for whom: the in-memory order of deliveries over the durable families `mailbox` and `delivery`.
//
// Holds no content and nothing that the store does not; it is filled from the store at start, and a lease
// lives here alone, so that a restart gives every unsettled delivery again.
//
// Order: lanes from IMMEDIATE down, within a lane by mailbox sequence; within one ordering key and lane a
// delivery waits until the one before it is settled. A higher lane overtakes. What a statement in lane IMMEDIATE says, such as that a
// value is not to be used any more, comes before all that was queued later for its key, whatever the lane: that waits until it is
// settled.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"
#include "common/storage/store.h"

namespace accord::broker {

// One queue: an agency's desk.
struct MailboxId {
  std::string agency;
  type::v1::Desk desk = type::v1::DESK_MAIN;
  auto operator<=>(const MailboxId&) const = default;
};

// One delivery as its order needs it.
struct Waiting {
  std::string delivery_id;
  type::v1::Lane lane = type::v1::LANE_UNSPECIFIED;
  uint64_t mailbox_sequence = 0;
  std::string ordering_key;
  absl::Time not_before = absl::InfinitePast();
  bool statement = false;
};

inline constexpr absl::Duration kLeaseTime = absl::Seconds(60);
inline constexpr size_t kLeaseScanMax = 4096;  // Deliveries looked at to find one that may go.

// Thread-safe.
class Mailboxes {
 public:
  // Adds what the families `mailbox` and `delivery` hold: at start, and when the store was opened anew, because then a
  // command whose outcome nobody knew may have queued something. Errors of the store.
  absl::Status Load(const storage::Store& store);

  // Once its command is published, in the order of the log. No effect if it is there already. What was settled meanwhile is found out when it is
  // to be released, and removed.
  void Add(const MailboxId& mailbox, Waiting waiting);

  // The next delivery that may go, now leased to `holder` (an open stream) until it is removed, returned
  // or kLeaseTime has passed; nullopt when there is none.
  std::optional<std::string> Lease(const MailboxId& mailbox, uint64_t holder, absl::Time now);

  // Gives a leased delivery back, not to go before `not_before`. No effect if it is not leased to `holder`.
  void Return(const std::string& delivery_id, uint64_t holder, absl::Time not_before);
  // Gives back all that `holder` has leased: its stream ended.
  void ReturnAllOf(uint64_t holder);
  // Gives back the leases that are over, and wakes whoever waits for what has become due.
  void Tick(absl::Time now);
  // It is settled or a dead letter: gone from the queue, and its ordering key is free.
  void Remove(const std::string& delivery_id);

  // `wake` is called, without locks held, when something may have become ready in `mailbox`. It must not block.
  void Listen(const MailboxId& mailbox, uint64_t holder, std::function<void()> wake);
  void StopListening(uint64_t holder);

  // Deliveries that wait or are leased; for metrics.
  size_t depth(const MailboxId& mailbox) const;

 private:
  using Position = std::pair<type::v1::Lane, uint64_t>;
  struct Slot {
    Waiting waiting;
    uint64_t holder = 0;  // 0: not leased.
    absl::Time leased_until;
  };
  struct Listener {
    uint64_t holder = 0;
    MailboxId mailbox;
    std::function<void()> wake;
  };

  std::vector<std::function<void()>> WakesLocked(const MailboxId& mailbox) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  std::map<MailboxId, std::map<Position, Slot>> queues_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, std::pair<MailboxId, Position>> by_id_ ABSL_GUARDED_BY(mu_);
  std::vector<Listener> listeners_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::broker
