#include "services/broker/sharing/preview_quota.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/base/status.h"
#include "common/referral/header.h"

namespace accord::broker {
namespace {

constexpr double kMinuteMs = 60'000, kHourMs = 3'600'000;

// Milliseconds until a bucket of `size` that fills in `period_ms` has one; 0 when it has.
double WaitFor(double left, uint32_t size, double period_ms) {
  constexpr double kRounding = 1e-9;
  return size == 0 || left >= 1 - kRounding ? 0 : (1 - left) * period_ms / size;
}

}  // namespace

void PreviewQuota::Fill(Buckets& buckets, absl::Time now) const {
  const double passed = std::max(absl::ToDoubleMilliseconds(now - buckets.filled), 0.0);  // A clock put back fills nothing.
  buckets.minute = std::min<double>(limits_.per_minute, buckets.minute + passed * limits_.per_minute / kMinuteMs);
  buckets.hour = std::min<double>(limits_.per_hour, buckets.hour + passed * limits_.per_hour / kHourMs);
  buckets.filled = now;
}

PreviewQuota::Buckets& PreviewQuota::Of(Workers& workers, std::string_view worker, bool immediate, absl::Time now) const {
  const std::string kind(1, immediate ? 'i' : 'r');
  const std::string name = kind + std::string(worker.substr(0, referral::kPseudonymBytesMax));  // A longer one is refused later.
  if (const auto found = workers.find(name); found != workers.end()) return found->second;
  if (workers.size() >= kPreviewWorkersMax) {
    // Whose buckets are full again is as one who never asked.
    absl::erase_if(workers, [&](auto& row) {
      Fill(row.second, now);
      return row.second.minute >= limits_.per_minute && row.second.hour >= limits_.per_hour;
    });
  }
  const bool room = workers.size() < kPreviewWorkersMax;
  // A pseudonym is never empty: what all beyond share is no worker's.
  return workers.try_emplace(room ? name : kind, Full(now)).first->second;
}

absl::Status PreviewQuota::Take(std::string_view agency, std::string_view worker, bool immediate) {
  const absl::Time now = clock_.Now();
  absl::MutexLock lock(&mu_);
  Buckets& buckets = Of(agencies_[std::string(agency)], worker, immediate, now);
  Fill(buckets, now);
  const double wait = std::max(WaitFor(buckets.minute, limits_.per_minute, kMinuteMs), WaitFor(buckets.hour, limits_.per_hour, kHourMs));
  if (wait > 0) {
    return Error(Reason::kPreviewQuota, "this worker has previewed too often; wait as told",
                 {{"retry_after_ms", fmt::format("{}", static_cast<int64_t>(std::ceil(wait)))}});
  }
  if (limits_.per_minute > 0) --buckets.minute;
  if (limits_.per_hour > 0) --buckets.hour;
  return absl::OkStatus();
}

void PreviewQuota::GiveBack(std::string_view agency, std::string_view worker, bool immediate) {
  const absl::Time now = clock_.Now();
  absl::MutexLock lock(&mu_);
  Buckets& buckets = Of(agencies_[std::string(agency)], worker, immediate, now);
  Fill(buckets, now);
  buckets.minute = std::min<double>(limits_.per_minute, buckets.minute + 1);
  buckets.hour = std::min<double>(limits_.per_hour, buckets.hour + 1);
}

}  // namespace accord::broker
