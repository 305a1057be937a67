// What waits for whom: the in-memory order of deliveries over the durable families `mailbox` and `delivery`.
//
// Holds no content and nothing that the store does not; it is filled from the store at start, and a lease
// lives here alone, so that a restart gives every unsettled delivery again.
//
// Order: what is IMMEDIATE first, by mailbox sequence; then lanes from HIGH down, within a lane by mailbox sequence. But of what has waited for
// its turn longer than kLaneWaitMax, since it was queued or became due, the longest goes in one of every kLongestShare turns that are not
// IMMEDIATE's: so higher lanes starve nothing, and a backlog holds up nothing above it by more than that share.
//
// Within one ordering key and lane a delivery waits until the one before it is settled. What a statement in lane IMMEDIATE says,
// such as that a value is not to be used any more, comes before all that was queued later for its key, whatever the lane: that waits
// until it is settled.
//
// A delivery that comes back unsettled, because its stream ended or its lease ran out, goes again at once the first time; from the second attempt
// on it waits for the backoff of its attempt (attempts.h), so that what kills its recipient does not stand before the others.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/vocabulary.pb.h"
#include "common/storage/store.h"
#include "services/broker/delivery/delivery_queue.h"

namespace accord::broker {

// One queue: an agency's desk.
struct MailboxId {
  std::string agency;
  type::v1::Desk desk = type::v1::DESK_MAIN;
  auto operator<=>(const MailboxId&) const = default;
};

// A stored delivery that is queued, as its order needs it.
Waiting WaitingOf(std::string_view delivery_id, const storage::v1::StoredDelivery& stored);

// Thread-safe.
class Mailboxes {
 public:
  // How a delivery came to its end.
  enum class Gone { kSettled, kDead };
  // What waits in one lane, in all mailboxes.
  struct LaneDepth {
    size_t deliveries = 0;
    absl::Duration oldest;  // Since the oldest was queued; 0 when none waits.
  };
  static constexpr size_t kLanes = type::v1::Lane_ARRAYSIZE;
  // For metrics; counts are since the start of the process.
  struct Figures {
    std::array<LaneDepth, kLanes> lanes;  // By lane.
    uint64_t redeliveries = 0, dead_letters = 0;
  };

  // Adds what the families `mailbox` and `delivery` hold: at start, and when the store was opened anew, because then a
  // command whose outcome nobody knew may have queued something. Errors of the store.
  absl::Status Load(const storage::Store& store);

  // Once its command is published, in the order of the log. No effect if it is there already. What was settled meanwhile is found out when it is
  // to be released, and removed.
  void Add(const MailboxId& mailbox, Waiting waiting);

  // Once its command is published: a delivery that waits stands in another lane from now on. What is leased keeps its place while that
  // lasts, and until the mailboxes are loaded anew. No effect if it is gone.
  void Move(Waiting waiting);

  // The next delivery that may go, now leased to `holder` (an open stream) until it is removed, returned
  // or kLeaseTime has passed; nullopt when there is none. O(log n), amortised.
  std::optional<std::string> Lease(const MailboxId& mailbox, uint64_t holder, absl::Time now);

  // Which attempt at it was recorded last: what comes back unsettled waits by it. No effect if it is gone.
  void NoteAttempt(const std::string& delivery_id, uint32_t attempt);

  // Gives a leased delivery back, not to go before `not_before`. No effect if it is not leased to `holder`.
  void Return(const std::string& delivery_id, uint64_t holder, absl::Time not_before);
  // Gives back all that `holder` has leased: its stream ended.
  void ReturnAllOf(uint64_t holder, absl::Time now);
  // Gives back the leases that are over, and wakes whoever waits for what has become due. Does not look at what is not.
  void Tick(absl::Time now);
  // It is settled or a dead letter: gone from the queue, and its ordering key is free.
  void Remove(const std::string& delivery_id, Gone gone = Gone::kSettled);

  // `wake` is called, without locks held, when something may have become ready in `mailbox`. It must not block.
  void Listen(const MailboxId& mailbox, uint64_t holder, std::function<void()> wake);
  void StopListening(uint64_t holder);

  // Deliveries that wait or are leased; for metrics.
  size_t depth(const MailboxId& mailbox) const;
  // How many listen to it.
  size_t listeners(const MailboxId& mailbox) const;
  Figures figures(absl::Time now) const;

 private:
  struct Listener {
    uint64_t holder = 0;
    std::function<void()> wake;
  };
  struct Box {
    DeliveryQueue queue;
    std::vector<Listener> listeners;
  };
  using Boxes = std::map<MailboxId, Box>;
  struct Place {
    Boxes::iterator box;
    DeliveryQueue::Slot* slot = nullptr;
  };
  using Wakes = std::vector<std::function<void()>>;

  static void AddWakes(const Box& box, Wakes& wakes);
  void DropIfIdle(Boxes::iterator box) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  Boxes boxes_ ABSL_GUARDED_BY(mu_);  // Of those where something waits or somebody listens.
  absl::flat_hash_map<absl::string_view, Place> by_id_ ABSL_GUARDED_BY(mu_);  // Keys are the slots' own.
  std::array<size_t, kLanes> depths_ ABSL_GUARDED_BY(mu_) = {};
  uint64_t redeliveries_ ABSL_GUARDED_BY(mu_) = 0, dead_letters_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace accord::broker
