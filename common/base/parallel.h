// Several threads for one piece of work, such as reads that each wait for the disk.
#pragma once

#include <absl/synchronization/mutex.h>

#include <algorithm>
#include <cstddef>
#include <memory>

#include "common/base/executor.h"

namespace accord {

// Calls `work(i)` once with every i below `count`, on this thread and on as many of the executor's as are free, `threads` in all at most, and
// returns when all calls have. Does not wait for a place in the executor's queue, so that it may be called from its tasks. `work` is called from
// several threads at once and must not throw. Thread-safe.
template <typename Work>
void InParallel(Executor& executor, size_t count, size_t threads, const Work& work) {
  // Shared with helpers that come when all is done: they find nothing left, and do not touch `work`.
  struct Progress {
    absl::Mutex mu;
    size_t next ABSL_GUARDED_BY(mu) = 0, running ABSL_GUARDED_BY(mu) = 0;
  };
  const auto progress = std::make_shared<Progress>();
  const auto go_on = [progress, count, &work] {
    absl::MutexLock lock(&progress->mu);
    while (progress->next < count) {
      const size_t i = progress->next++;
      ++progress->running;
      progress->mu.Unlock();
      work(i);
      progress->mu.Lock();
      --progress->running;
    }
  };
  for (size_t helpers = 1; helpers < std::min(threads, count); ++helpers) {
    if (!executor.Run(go_on)) break;
  }
  go_on();
  absl::MutexLock lock(&progress->mu);
  progress->mu.Await(absl::Condition(+[](size_t* running) { return *running == 0; }, &progress->running));
}

}  // namespace accord
