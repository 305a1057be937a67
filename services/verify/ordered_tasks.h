// Work in any order, results in order.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/executor.h"
#include "common/base/status.h"

namespace accord::verify {

inline constexpr int kThreadsMax = 256;

// Runs `work(thread, i)` for every i in [0, count) on `threads` threads (numbered from 0), and hands each result to `join`, in
// ascending order and one at a time, on whichever thread is free to. At most 2·threads results are under way or waiting: what
// they hold bounds the memory. `join` returns false to end: nothing is joined after that. With one thread all runs on the
// caller's. Returns when no thread runs any more. REQUIRES: 1 ≤ threads ≤ kThreadsMax.
template <typename Result>
class OrderedTasks {
 public:
  using Work = absl::FunctionRef<Result(int thread, uint64_t i)>;
  using Join = absl::FunctionRef<bool(Result result)>;

  static void Run(int threads, uint64_t count, Work work, Join join) {
    ACCORD_CHECK(threads >= 1 && threads <= kThreadsMax);
    if (threads == 1 || count <= 1) {
      for (uint64_t i = 0; i < count; ++i) {
        if (!join(work(0, i))) return;
      }
      return;
    }
    OrderedTasks tasks(threads, count, work, join);
    Executor executor(threads, static_cast<size_t>(threads));
    for (int thread = 0; thread < threads; ++thread) {
      ACCORD_CHECK(executor.Run([&tasks, thread] { tasks.Loop(thread); }));
    }
    executor.Shutdown();
  }

 private:
  OrderedTasks(int threads, uint64_t count, Work work, Join join)
      : count_(count), work_(work), join_(join), waiting_(2 * static_cast<size_t>(threads)) {}

  // A thread takes the next number as soon as its result has a place to wait in. The lowest number not joined yet is always
  // under way on some thread, or waits while a thread joins: so places come free again, and no thread waits for ever.
  void Loop(int thread) {
    uint64_t mine = 0;
    while (Take(mine)) {
      Result result = work_(thread, mine);
      if (Leave(mine, std::move(result))) JoinWaiting();
    }
  }

  bool Take(uint64_t& mine) {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(this, &OrderedTasks::CanTakeOrEnd));
    if (ended_ || next_ == count_) return false;
    mine = next_++;
    return true;
  }

  bool CanTakeOrEnd() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return ended_ || next_ == count_ || next_ < joined_ + waiting_.size();
  }

  // True: this thread is the one that joins now.
  bool Leave(uint64_t mine, Result result) {
    absl::MutexLock lock(&mu_);
    waiting_[mine % waiting_.size()] = std::move(result);
    if (joining_) return false;
    joining_ = true;
    return true;
  }

  void JoinWaiting() {
    while (std::optional<Result> result = NextToJoin()) {
      const bool go_on = join_(*std::move(result));
      absl::MutexLock lock(&mu_);
      ++joined_;
      ended_ = ended_ || !go_on;
    }
  }

  // Nothing: the next one is not done yet; whoever brings it joins it.
  std::optional<Result> NextToJoin() {
    absl::MutexLock lock(&mu_);
    std::optional<Result> result;
    if (!ended_) result = std::exchange(waiting_[joined_ % waiting_.size()], std::nullopt);
    if (!result.has_value()) joining_ = false;
    return result;
  }

  // Constant after construction.
  const uint64_t count_;
  const Work work_;
  const Join join_;

  absl::Mutex mu_;
  uint64_t next_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t joined_ ABSL_GUARDED_BY(mu_) = 0;
  bool joining_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::optional<Result>> waiting_ ABSL_GUARDED_BY(mu_);  // By number modulo its size, which is constant.
};

}  // namespace accord::verify
