// Threads, handed in: nothing outside common/base starts one of its own.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <deque>
#include <string>
#include <thread>
#include <vector>

namespace accord {

// A fixed pool that runs tasks in the order given, several at a time.
//
// gRPC reactions hand their work here, because one that blocks can starve the
// whole server (engine-notes §1). Tasks must not throw. Thread-safe.
class Executor {
 public:
  using Task = absl::AnyInvocable<void() &&>;

  enum class Priority {
    kNormal,
    kBehind,  // Whoever else wants a processor has it first: for what may as well come too late. As far as the system allows.
  };
  // `threads` ≥ 1; at most `queue_max` tasks wait.
  Executor(int threads, size_t queue_max, Priority priority = Priority::kNormal);
  // Runs what is queued, then joins.
  ~Executor();

  // False, and the task is dropped unrun, when the queue is full or Shutdown began.
  [[nodiscard]] bool Run(Task task);
  // Accepts no more, runs what is queued, joins. Idempotent. Not from a task.
  void Shutdown();
  size_t queued() const;

 private:
  void Loop();

  const size_t queue_max_;
  const Priority priority_;
  mutable absl::Mutex mu_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

// One thread that calls `tick` every `period` until destroyed, and at once when
// poked. The first call is one period after construction. Thread-safe.
class Periodic {
 public:
  Periodic(absl::Duration period, absl::AnyInvocable<void()> tick);
  ~Periodic();
  void Poke();

 private:
  const absl::Duration period_;
  absl::Mutex mu_;
  bool poked_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::AnyInvocable<void()> tick_;
  std::thread thread_;
};

// One named thread for a loop that owns something (the sequencer, the outbox).
// The body ends by its owner's own condition; the destructor joins.
class Thread {
 public:
  explicit Thread(absl::AnyInvocable<void() &&> body);
  ~Thread();

 private:
  std::thread thread_;
};

}  // namespace accord
