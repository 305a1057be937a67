#include "tests/simulation/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "common/base/status.h"

namespace accord::simulation {
namespace {

// A Tuesday in winter, within what certificates and clock rules are good for.
const absl::Time kStart = absl::FromCivil(absl::CivilSecond(2026, 11, 24, 8, 0, 0), absl::UTCTimeZone());

}  // namespace

absl::Time WallClock::Now() const { return world_.now() + wrong_by_; }

World::World(uint64_t seed) : random(seed), now_(kStart) {}

void World::After(absl::Duration delay, Actor actor, std::function<void()> run) {
  const absl::Time at = now_ + std::max(delay, absl::ZeroDuration());
  events_due_.emplace(Key{at, ++sequence_}, Event{actor, std::move(run)});
}

bool World::RunNext(absl::Time limit) {
  while (!events_due_.empty() && events_due_.begin()->first.first <= limit) {
    auto next = events_due_.extract(events_due_.begin());
    now_ = std::max(now_, next.key().first);
    Event& event = next.mapped();
    if (const auto waits = busy_.find(event.actor); waits != busy_.end()) {
      waits->second.push_back(std::move(event));
      continue;
    }
    ++events_;
    event.run();
    return true;
  }
  now_ = std::max(now_, limit);
  return false;
}

void World::Await(Actor actor, absl::Time limit, const std::function<bool()>& done) {
  ACCORD_CHECK(actor != kNobody && !busy_.contains(actor));
  busy_[actor];
  while (!done() && now_ < limit) RunNext(limit);
  auto waited = busy_.extract(actor);
  for (Event& event : waited.mapped()) events_due_.emplace(Key{now_, ++sequence_}, std::move(event));
}

absl::Duration World::Between(absl::Duration least, absl::Duration most) {
  const int64_t span = std::max<int64_t>(absl::ToInt64Microseconds(most - least), 0);
  return least + absl::Microseconds(static_cast<int64_t>(random.Below(static_cast<uint64_t>(span) + 1)));
}

void World::Note(std::string_view line) {
  const std::string whole = fmt::format("{} {}\n", absl::ToUnixMicros(now_), line);
  for (const char c : whole) digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  if (print_) fmt::print("{} {}\n", absl::FormatTime("%m-%d %H:%M:%E3S", now_, absl::UTCTimeZone()), line);
}

}  // namespace accord::simulation
