// How many streams of one kind run at a time, for their memory.
#pragma once

#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/rpc/error_mapping.h"

namespace accord::broker {

// One place among those that run, given back when it is destroyed. Thread-safe.
class RunningPlace {
 public:
  // `running`, which must outlive the result, counts them; `what` they are, in words. QUEUE_FULL when `max` run, with retry_after_ms.
  static absl::StatusOr<std::unique_ptr<RunningPlace>> Take(std::atomic<int>& running, int max, std::string_view what) {
    auto place = std::unique_ptr<RunningPlace>(new RunningPlace(running));
    if (place->before_ < max) return place;
    return Error(Reason::kQueueFull, fmt::format("{} {}: ask again when one of them is done", max, what), {{std::string(rpc::kRetryAfterKey), "10000"}});
  }
  ~RunningPlace() { --running_; }
  RunningPlace(const RunningPlace&) = delete;
  RunningPlace& operator=(const RunningPlace&) = delete;

 private:
  explicit RunningPlace(std::atomic<int>& running) : running_(running), before_(running++) {}

  std::atomic<int>& running_;
  const int before_;
};

}  // namespace accord::broker
