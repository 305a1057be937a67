// The attempts at one delivery: how long the next waits, what is kept of the last, and when there are too many.
//
// All functions are pure.
#pragma once

#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "accord/storage/v1/broker.pb.h"
#include "accord/type/v1/vocabulary.pb.h"

namespace accord::broker {

// A delivery returned for later waits at least the first, doubled with each attempt up to the second: who returns it again and again must not
// fill the record. What is IMMEDIATE is tried again sooner.
inline constexpr absl::Duration kRedeliveryBackoffMin = absl::Seconds(1);
inline constexpr absl::Duration kRedeliveryBackoffMax = absl::Minutes(5);
inline constexpr absl::Duration kImmediateBackoffMax = absl::Seconds(30);

// A delivery that was handed over this often and not settled, and for this long, is a dead letter instead of being handed over again.
inline constexpr uint32_t kAttemptsMax = 20;
inline constexpr absl::Duration kPoisonAge = absl::Hours(24);  // A night without its store must not cost an agency its mailbox.

inline constexpr int kAttemptsKeptMax = 16;    // Rows of StoredDelivery.attempts.
inline constexpr size_t kJitterBytes = 8;      // Of chance that JitteredBackoff takes.

// The longest wait after attempt `attempt`, from 1.
absl::Duration BackoffAfter(type::v1::Lane lane, uint32_t attempt);

// Between half of that and all of it, so that what failed together does not come again together. REQUIRES: `chance` has kJitterBytes.
absl::Duration JitteredBackoff(type::v1::Lane lane, uint32_t attempt, std::string_view chance);

// Counts an attempt that begins at `now`.
void BeginAttempt(storage::v1::StoredDelivery& delivery, absl::Time now);

// Notes how the last attempt ended: `DELIVERED`, `NACKED`, or the reason it was rejected with. No effect if it began before attempts were kept.
void EndAttempt(storage::v1::StoredDelivery& delivery, absl::Time now, std::string_view outcome);

// Whether it was attempted kAttemptsMax times, the first over kPoisonAge ago; one that was queued again has that often and that long anew.
bool AttemptsExhausted(const storage::v1::StoredDelivery& delivery, absl::Time now);

}  // namespace accord::broker
