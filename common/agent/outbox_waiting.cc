// What waits in the outbox: for whom a caller waits, what is told to operators, and the room that is kept for it.
#include <string>
#include <utility>
#include <vector>

#include "common/agent/outbox.h"
#include "common/base/status.h"

namespace accord::agent {

using storage::v1::StoredSubmission;

absl::Status Outbox::CheckRoom(const StoredSubmission& submission) const {
  if (!free_bytes_ || DueNow(submission).lane == type::v1::LANE_IMMEDIATE) return absl::OkStatus();
  const auto free = free_bytes_();
  // One that cannot be asked is no reason to refuse: the write itself says.
  if (!free.ok() || *free >= floor_bytes_) return absl::OkStatus();
  return Error(Reason::kDiskFloor, "this agency's service has too little room on its disk; what it accepted goes on, and so does what is IMMEDIATE");
}

void Outbox::TrackWaits(const std::string& request_id, const StoredSubmission& submission) {
  std::vector<Wait> waits = WaitsOf(request_id, submission);
  if (waits.empty()) {
    waits_.erase(request_id);
  } else {
    waits_[request_id] = std::move(waits);
  }
}

std::vector<Wait> Outbox::AllWaits() const {
  std::vector<Wait> all;
  absl::MutexLock lock(&mu_);
  for (const auto& [request_id, waits] : waits_) all.insert(all.end(), waits.begin(), waits.end());
  return all;
}

absl::StatusOr<StoredSubmission> Outbox::Await(const std::string& request_id, absl::Time deadline) {
  for (;;) {
    uint64_t seen = 0;
    {
      absl::MutexLock lock(&mu_);
      seen = changes_;
    }
    ACCORD_ASSIGN_OR_RETURN(StoredSubmission submission, Get(request_id));
    const absl::Duration left = deadline - clock_.Now();
    if (!IsWaiting(submission.state()) || left <= absl::ZeroDuration()) return submission;
    absl::MutexLock lock(&mu_);
    const auto moved = [this, seen]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return changes_ != seen; };
    mu_.AwaitWithTimeout(absl::Condition(&moved), left);
  }
}

size_t Outbox::waiting() const {
  absl::MutexLock lock(&mu_);
  return due_.size() - acts_due_;
}

}  // namespace accord::agent
