#include "services/accordctl/choices.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include "common/base/text.h"
#include "common/policy/reading.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

Choices OneOf(const google::protobuf::EnumDescriptor& type) {
  return {console::EnumChoices(type), [&type](const std::string& words) { return console::EnumFromWords(type, words).has_value(); }};
}

absl::StatusOr<int64_t> DayMs(const std::string& option, const std::string& day) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime("%Y-%m-%d", ToAbsl(day), &time, &error)) return absl::ToUnixMillis(time);
  return UsageError(fmt::format("{}: a day such as 2027-03-31 is needed", option));
}

absl::StatusOr<int64_t> TimeMs(const std::string& option, const std::string& time) {
  const auto parsed = policy::ParseTime(time);
  if (parsed.has_value() && *parsed >= absl::UnixEpoch()) return absl::ToUnixMillis(*parsed);
  return UsageError(fmt::format("{}: a time such as 2027-03-31T09:30:00Z is needed", option));
}

absl::StatusOr<int64_t> TimeMsOrNone(const std::string& option, const std::string& time) {
  if (time.empty()) return 0;
  return TimeMs(option, time);
}

}  // namespace accord::accordctl
