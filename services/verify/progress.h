// How far a long verification is, for a person who waits.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/clock.h"

namespace accord::verify {

// Is told how many entries of how many are done; may be empty. Called from several threads at a time.
using Progress = std::function<void(uint64_t entries, uint64_t size)>;

inline constexpr absl::Duration kProgressEvery = absl::Seconds(1);

// Makes lines of it, at most one in kProgressEvery: how many entries are done, how fast, and how long the rest takes. Nothing at
// all about what is over sooner. Thread-safe.
class ProgressMeter {
 public:
  // Measures from now. `say` gets a line without its end, on whichever thread, never two at a time. `clock` must outlive this.
  ProgressMeter(const Clock& clock, absl::AnyInvocable<void(std::string_view)> say)
      : clock_(clock), started_(clock.Now()), said_(started_), say_(std::move(say)) {}

  void Tell(uint64_t entries, uint64_t size);

 private:
  // Constant after construction.
  const Clock& clock_;
  const absl::Time started_;

  absl::Mutex mu_;
  absl::Time said_ ABSL_GUARDED_BY(mu_);
  absl::AnyInvocable<void(std::string_view)> say_ ABSL_GUARDED_BY(mu_);
};

// `1234567` as `1,234,567`.
std::string Grouped(uint64_t number);

}  // namespace accord::verify
