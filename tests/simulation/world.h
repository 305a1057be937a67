// Time, chance and the order of events of one simulation: everything that happens follows from the seed.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"

namespace accord::simulation {

// Whose turn an event is; kNobody's can come at any time.
using Actor = int;
inline constexpr Actor kNobody = -1;

class World;

// A wall clock: the world's time, moved by as much as somebody has set it wrong. Single-thread.
class WallClock : public Clock {
 public:
  explicit WallClock(const World& world) : world_(world) {}
  absl::Time Now() const override;
  void Step(absl::Duration by) { wrong_by_ += by; }
  absl::Duration wrong_by() const { return wrong_by_; }

 private:
  const World& world_;
  absl::Duration wrong_by_ = absl::ZeroDuration();
};

// Runs events one at a time in the order of their time, and among equals of their making. An actor that waits for an answer is busy:
// others' events run meanwhile, below it on the stack, and its own wait until it goes on.
//
// Single-thread.
class World {
 public:
  explicit World(uint64_t seed);

  FakeRandom random;

  // Moves with the events alone, and never back.
  absl::Time now() const { return now_; }

  void After(absl::Duration delay, Actor actor, std::function<void()> run);
  // Runs the next event that is due by `limit`. False: there is none, and it is `limit` now.
  bool RunNext(absl::Time limit);
  // For `actor`, from within an event of its own: runs others' events until `done`, at most until `limit`.
  void Await(Actor actor, absl::Time limit, const std::function<bool()>& done);
  bool busy(Actor actor) const { return busy_.contains(actor); }

  // True once in `of` times on average.
  bool OneIn(uint64_t of) { return random.Below(of) == 0; }
  absl::Duration Between(absl::Duration least, absl::Duration most);

  // Puts a line into the log of events.
  void Note(std::string_view line);
  // Of all lines so far: the same for the same seed.
  uint64_t digest() const { return digest_; }
  uint64_t events() const { return events_; }
  // Lines are also printed.
  void Print(bool print) { print_ = print; }

 private:
  struct Event {
    Actor actor = kNobody;
    std::function<void()> run;
  };
  using Key = std::pair<absl::Time, uint64_t>;

  absl::Time now_;
  uint64_t sequence_ = 0, events_ = 0;
  std::map<Key, Event> events_due_;
  std::map<Actor, std::vector<Event>> busy_;  // Busy actors, and what waits for each.
  uint64_t digest_ = 14695981039346656037ull;
  bool print_ = false;
};

}  // namespace accord::simulation
