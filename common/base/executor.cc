#include "common/base/executor.h"

#include <unistd.h>

#include <utility>

#include "common/base/status.h"

namespace accord {
namespace {

constexpr int kBehindNice = 10;  // A tenth of a thread's share where others want the rest. Linux has it for each thread.

}  // namespace

Executor::Executor(int threads, size_t queue_max, Priority priority) : queue_max_(queue_max), priority_(priority) {
  ACCORD_CHECK(threads >= 1);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

Executor::~Executor() { Shutdown(); }

bool Executor::Run(Task task) {
  absl::MutexLock lock(&mu_);
  if (stopping_ || tasks_.size() >= queue_max_) return false;
  tasks_.push_back(std::move(task));
  return true;
}

void Executor::Shutdown() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

size_t Executor::queued() const {
  absl::MutexLock lock(&mu_);
  return tasks_.size();
}

void Executor::Loop() {
  if (priority_ == Priority::kBehind) [[maybe_unused]] const int now = nice(kBehindNice);
  for (;;) {
    Task task;
    {
      absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(
          +[](Executor* self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(self->mu_) { return self->stopping_ || !self->tasks_.empty(); },
          this));
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    std::move(task)();
  }
}

Periodic::Periodic(absl::Duration period, absl::AnyInvocable<void()> tick)
    : period_(period), tick_(std::move(tick)), thread_([this] {
        for (;;) {
          {
            absl::MutexLock lock(&mu_);
            mu_.AwaitWithTimeout(
                absl::Condition(
                    +[](Periodic* self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(self->mu_) { return self->poked_ || self->stopping_; },
                    this),
                period_);
            if (stopping_) return;
            poked_ = false;
          }
          tick_();
        }
      }) {}

Periodic::~Periodic() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void Periodic::Poke() {
  absl::MutexLock lock(&mu_);
  poked_ = true;
}

Thread::Thread(absl::AnyInvocable<void() &&> body) : thread_(std::move(body)) {}

Thread::~Thread() { thread_.join(); }

}  // namespace accord
