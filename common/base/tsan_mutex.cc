// Tells the thread sanitizer about absl::Mutex, which in Debian's package is not instrumented: without this every
// access under a lock reads as a race. Linked in the tsan preset alone, where the linker hands our calls of the mutex's
// methods to the `__wrap_` functions below (cmake/AccordToolchain.cmake).
//
// A condition is evaluated by whichever thread unlocks, on the waiter's stack; the release before waiting orders that.
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);

void __real__ZN4absl7debian35Mutex4LockEv(absl::Mutex* mutex);
void __wrap__ZN4absl7debian35Mutex4LockEv(absl::Mutex* mutex) {
  __real__ZN4absl7debian35Mutex4LockEv(mutex);
  __tsan_acquire(mutex);
}

void __real__ZN4absl7debian35Mutex6UnlockEv(absl::Mutex* mutex);
void __wrap__ZN4absl7debian35Mutex6UnlockEv(absl::Mutex* mutex) {
  __tsan_release(mutex);
  __real__ZN4absl7debian35Mutex6UnlockEv(mutex);
}

void __real__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(absl::Mutex* mutex, const absl::Condition* condition);
void __wrap__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(absl::Mutex* mutex, const absl::Condition* condition) {
  __tsan_release(mutex);
  __real__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(mutex, condition);
  __tsan_acquire(mutex);
}

bool __real__ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE(absl::Mutex* mutex,
                                                                                    const absl::Condition* condition,
                                                                                    absl::Duration timeout);
bool __wrap__ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE(absl::Mutex* mutex,
                                                                                    const absl::Condition* condition,
                                                                                    absl::Duration timeout) {
  __tsan_release(mutex);
  const bool met = __real__ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE(mutex, condition, timeout);
  __tsan_acquire(mutex);
  return met;
}

bool __real__ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE(absl::Mutex* mutex,
                                                                                 const absl::Condition* condition,
                                                                                 absl::Time deadline);
bool __wrap__ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE(absl::Mutex* mutex,
                                                                                 const absl::Condition* condition,
                                                                                 absl::Time deadline) {
  __tsan_release(mutex);
  const bool met = __real__ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE(mutex, condition, deadline);
  __tsan_acquire(mutex);
  return met;
}

void __real__ZN4absl7debian35Mutex10ReaderLockEv(absl::Mutex* mutex);
void __wrap__ZN4absl7debian35Mutex10ReaderLockEv(absl::Mutex* mutex) {
  __real__ZN4absl7debian35Mutex10ReaderLockEv(mutex);
  __tsan_acquire(mutex);
}

void __real__ZN4absl7debian35Mutex12ReaderUnlockEv(absl::Mutex* mutex);
void __wrap__ZN4absl7debian35Mutex12ReaderUnlockEv(absl::Mutex* mutex) {
  __tsan_release(mutex);
  __real__ZN4absl7debian35Mutex12ReaderUnlockEv(mutex);
}

void __real__ZN4absl7debian312Notification6NotifyEv(void* notification);
void __wrap__ZN4absl7debian312Notification6NotifyEv(void* notification) {
  __tsan_release(notification);
  __real__ZN4absl7debian312Notification6NotifyEv(notification);
}

void __real__ZNK4absl7debian312Notification19WaitForNotificationEv(void* notification);
void __wrap__ZNK4absl7debian312Notification19WaitForNotificationEv(void* notification) {
  __real__ZNK4absl7debian312Notification19WaitForNotificationEv(notification);
  __tsan_acquire(notification);
}

bool __real__ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE(void* notification, absl::Duration timeout);
bool __wrap__ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE(void* notification, absl::Duration timeout) {
  const bool notified = __real__ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE(notification, timeout);
  __tsan_acquire(notification);
  return notified;
}

bool __real__ZN4absl7debian315BlockingCounter14DecrementCountEv(void* counter);
bool __wrap__ZN4absl7debian315BlockingCounter14DecrementCountEv(void* counter) {
  __tsan_release(counter);
  return __real__ZN4absl7debian315BlockingCounter14DecrementCountEv(counter);
}

void __real__ZN4absl7debian315BlockingCounter4WaitEv(void* counter);
void __wrap__ZN4absl7debian315BlockingCounter4WaitEv(void* counter) {
  __real__ZN4absl7debian315BlockingCounter4WaitEv(counter);
  __tsan_acquire(counter);
}
}  // extern "C"
