// The order of one mailbox, without locks or store: what may go next, and what becomes due when.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"

namespace accord::broker {

// One delivery as its order needs it.
struct Waiting {
  std::string delivery_id;
  type::v1::Lane lane = type::v1::LANE_UNSPECIFIED;
  uint64_t mailbox_sequence = 0;
  std::string ordering_key;
  absl::Time not_before = absl::InfinitePast();
  bool statement = false;
  absl::Time queued_at = absl::InfinitePast();  // Not known: counts from when it is first seen that it may go.
  uint32_t attempt = 0;                         // Attempts so far.
};

inline constexpr absl::Duration kLeaseTime = absl::Seconds(60);
// What has waited longer, whatever its lane, has one of every kLongestShare turns that are not IMMEDIATE's: so it is not starved, and what
// is HIGH waits behind a weekend's backlog for no more than a few deliveries.
inline constexpr absl::Duration kLaneWaitMax = absl::Minutes(15);
inline constexpr uint32_t kLongestShare = 4;
// What was handed over this often waits when it comes back unsettled, so that it does not stand before the others at each connect.
inline constexpr uint32_t kPoisonAttempts = 2;

// See mailboxes.h for the rules. Every delivery is in one place:
//
//   blocked  behind an earlier one of its key
//   later    first of its key and lane; its time has not been seen to have come
//   ready    may go
//   leased   handed to a holder
//
// Each step moves the first of each lane of one key, and no other: O(log n), however many wait.
//
// Single-thread.
class DeliveryQueue {
 public:
  using Position = std::pair<int, uint64_t>;  // Lane, sequence.
  class Slot;

  DeliveryQueue();
  DeliveryQueue(const DeliveryQueue&) = delete;
  DeliveryQueue& operator=(const DeliveryQueue&) = delete;
  ~DeliveryQueue();

  // The result is valid until Remove. REQUIRES: nothing else has its lane and sequence.
  Slot& Add(Waiting waiting);
  void Remove(Slot& slot);

  // The next that may go, now leased to `holder` until `now` + kLeaseTime; null when there is none.
  Slot* Lease(uint64_t holder, absl::Time now);
  // Gives it back, not to go before `not_before`. REQUIRES: it is leased.
  void Return(Slot& slot, absl::Time not_before);
  // Gives back all that `holder` has. True when that is something.
  bool ReturnAllOf(uint64_t holder, absl::Time now);
  // Gives back the leases that are over at `now`. True when something may go then.
  bool Tick(absl::Time now);

  size_t size() const { return slots_.size(); }
  // When the oldest in `lane` was queued; InfiniteFuture when nothing waits there, InfinitePast when that is not known.
  absl::Time OldestIn(type::v1::Lane lane) const;

 private:
  using Due = std::pair<absl::Time, Position>;
  using Age = std::tuple<int, absl::Time, uint64_t>;  // Lane, when it was queued, sequence.
  // What waits for one ordering key.
  struct Line {
    absl::btree_map<Position, Slot*> slots;
    absl::btree_set<uint64_t> said;  // Sequences of its statements in lane IMMEDIATE.
  };
  using Lines = std::unordered_map<std::string, Line>;  // Its elements stay where they are.

  // Takes it out of the index of its place.
  void Block(Slot& slot);
  // Puts the first of each lane of the line where it belongs.
  void Review(Line& line);
  // Gives back what came back without a word.
  void GiveBack(Slot& slot, absl::Time now);
  // Moves what is due by `now` to what is ready.
  void Promote(absl::Time now);

  absl::btree_map<Position, std::unique_ptr<Slot>> slots_;
  Lines lines_;
  absl::btree_map<Position, Slot*> ready_;
  absl::btree_map<Due, Slot*> longest_;  // Of what is ready below IMMEDIATE: by since when it could go.
  absl::btree_map<Due, Slot*> later_, leased_;
  uint32_t passed_over_ = 0;  // Turns in which what had waited longest was passed over for a higher lane.
  absl::btree_set<Age> ages_;
  absl::flat_hash_map<uint64_t, absl::flat_hash_set<Slot*>> held_;  // By holder.
};

class DeliveryQueue::Slot {
 public:
  const std::string& delivery_id() const { return delivery_id_; }
  type::v1::Lane lane() const { return static_cast<type::v1::Lane>(position_.first); }
  uint64_t holder() const { return holder_; }  // 0: not leased.
  void set_attempt(uint32_t attempt) { attempt_ = attempt; }

 private:
  friend class DeliveryQueue;
  enum class Place { kBlocked, kLater, kReady, kLeased };

  Age age() const { return {position_.first, queued_at_, position_.second}; }
  // Since when it waits for its turn.
  absl::Time Since() const { return std::max(queued_at_, not_before_); }

  std::string delivery_id_;
  Position position_;
  Lines::value_type* line_ = nullptr;
  absl::Time not_before_, queued_at_, leased_until_;
  uint64_t holder_ = 0;
  uint32_t attempt_ = 0;
  bool statement_ = false;
  Place place_ = Place::kBlocked;
};

}  // namespace accord::broker
