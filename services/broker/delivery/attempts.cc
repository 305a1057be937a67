#include "services/broker/delivery/attempts.h"

#include <algorithm>
#include <string>

#include "common/base/bytes.h"

namespace accord::broker {

absl::Duration BackoffAfter(type::v1::Lane lane, uint32_t attempt) {
  const absl::Duration longest = lane == type::v1::LANE_IMMEDIATE ? kImmediateBackoffMax : kRedeliveryBackoffMax;
  absl::Duration backoff = 2 * kRedeliveryBackoffMin;  // Half of it, the least that JitteredBackoff gives, is the minimum.
  for (uint32_t i = 1; i < attempt && backoff < longest; ++i) backoff *= 2;
  return std::min(backoff, longest);
}

absl::Duration JitteredBackoff(type::v1::Lane lane, uint32_t attempt, std::string_view chance) {
  const uint64_t half_ms = static_cast<uint64_t>(absl::ToInt64Milliseconds(BackoffAfter(lane, attempt) / 2));
  const uint64_t drawn = U64FromKey(chance).value_or(0) % (half_ms + 1);
  return absl::Milliseconds(static_cast<int64_t>(half_ms + drawn));
}

void BeginAttempt(storage::v1::StoredDelivery& delivery, absl::Time now) {
  delivery.set_attempt(delivery.attempt() + 1);
  auto& kept = *delivery.mutable_attempts();
  if (kept.size() >= kAttemptsKeptMax) kept.erase(kept.begin(), kept.begin() + (kept.size() - kAttemptsKeptMax + 1));
  auto& begun = *kept.Add();
  begun.set_attempt(delivery.attempt());
  begun.set_released_ms(absl::ToUnixMillis(now));
}

void EndAttempt(storage::v1::StoredDelivery& delivery, absl::Time now, std::string_view outcome) {
  if (delivery.attempts().empty()) return;
  auto& last = *delivery.mutable_attempts(delivery.attempts_size() - 1);
  if (last.attempt() != delivery.attempt()) return;
  last.set_ended_ms(absl::ToUnixMillis(now));
  last.set_outcome(std::string(outcome));
}

bool AttemptsExhausted(const storage::v1::StoredDelivery& delivery, absl::Time now) {
  if (delivery.attempt() < delivery.attempts_before() + kAttemptsMax || delivery.first_released_ms() == 0) return false;
  const int64_t since_ms = std::max(delivery.first_released_ms(), delivery.queued_at_ms());
  return now - absl::FromUnixMillis(since_ms) > kPoisonAge;
}

}  // namespace accord::broker
