// How often a worker may preview: often enough for any telephone call, too seldom to map the policy by trying.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace accord::broker {

// Previews of one worker. 0 of either: no limit of that kind.
struct PreviewLimits {
  uint32_t per_minute = 60;
  uint32_t per_hour = 600;
};

// Workers of one agency that are told apart, one who previews IMMEDIATE too counted twice; all beyond share one quota, so that inventing workers gains nothing.
inline constexpr size_t kPreviewWorkersMax = 1024;

// Two buckets for each agency, worker and whether it is IMMEDIATE, one for the minute and one for the hour: each begins full, a preview takes one out of both,
// and they fill evenly. In memory: a restart fills them.
//
// Thread-safe.
class PreviewQuota {
 public:
  // `clock` must outlive this.
  PreviewQuota(PreviewLimits limits, const Clock& clock) : limits_(limits), clock_(clock) {}

  // Takes one preview of the worker. PREVIEW_QUOTA, with retry_after_ms, when none is left; nothing is taken then. What is IMMEDIATE
  // has a quota of its own, as large: whatever else a worker, or a system in their name, previews must not hold it up. REQUIRES:
  // `agency` is enrolled.
  absl::Status Take(std::string_view agency, std::string_view worker, bool immediate);

  // Gives one back: what was previewed is stored, so it was no probing, and a day's backlog in the name of one worker goes out at once.
  // Never more than a full quota.
  void GiveBack(std::string_view agency, std::string_view worker, bool immediate);

 private:
  struct Buckets {
    double minute = 0, hour = 0;  // Previews left.
    absl::Time filled;            // When they were so.
  };
  using Workers = absl::flat_hash_map<std::string, Buckets>;

  Buckets Full(absl::Time now) const { return {static_cast<double>(limits_.per_minute), static_cast<double>(limits_.per_hour), now}; }
  void Fill(Buckets& buckets, absl::Time now) const;
  // The worker's own, or those that all beyond kPreviewWorkersMax share.
  Buckets& Of(Workers& workers, std::string_view worker, bool immediate, absl::Time now) const;

  const PreviewLimits limits_;
  const Clock& clock_;

  absl::Mutex mu_;
  absl::flat_hash_map<std::string, Workers> agencies_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::broker
