#include "services/accordctl/choices.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include "common/base/text.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

absl::StatusOr<int64_t> DayMs(const std::string& option, const std::string& day) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime("%Y-%m-%d", ToAbsl(day), &time, &error)) return absl::ToUnixMillis(time);
  return UsageError(fmt::format("{}: a day such as 2027-03-31 is needed", option));
}

}  // namespace accord::accordctl
