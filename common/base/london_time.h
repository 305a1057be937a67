// Times as people in the agencies read them: by London's clock (working_days.h).
#pragma once

#include <absl/time/time.h>

#include <string>

namespace accord {

// "26 Nov 14:02". Thread-safe.
std::string LondonText(absl::Time time);

// The same of a deadline: midnight is "end of 26 Nov", the day that it ends. Thread-safe.
std::string LondonDueText(absl::Time due);

// "20 minutes", "3 hours", "2 days": the largest unit that fits, rounded down; "1 minute" at least. Thread-safe.
std::string AboutText(absl::Duration duration);

}  // namespace accord
