// How far long work has got, for a person who waits: one line on standard error that is written over, and nothing where that is no
// terminal. Single-thread.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace accord::accordctl {

inline constexpr absl::Duration kProgressEvery = absl::Milliseconds(100);

class Progress {
 public:
  // `what` is counted, such as "records".
  explicit Progress(std::string what);
  // For tests: `say` is given what would go to the terminal. `clock` must outlive this.
  Progress(std::string what, const Clock& clock, std::function<void(std::string_view)> say);
  ~Progress() { End(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // "1,200 of 34,000 records", after `phase` where there is one; `of` 0: it is not known. At most one in kProgressEvery is shown, but for
  // the first of a phase.
  void Tell(uint64_t done, uint64_t of, std::string_view phase = "");
  // Takes the line away. More may follow.
  void End();

 private:
  const std::string what_;
  const Clock& clock_;
  const std::function<void(std::string_view)> say_;  // Empty: nobody looks.
  absl::Time told_ = absl::InfinitePast();
  std::string phase_;
  bool shown_ = false;
};

}  // namespace accord::accordctl
