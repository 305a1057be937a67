#include "common/records/limits.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "common/base/text.h"

namespace accord::records {

absl::Status Wrong(Reason reason, uint64_t line, std::string_view field, std::string_view words) {
  ErrorDetail detail{reason, {}};
  if (line > 0) detail.metadata["line"] = fmt::to_string(line);
  if (!field.empty()) detail.metadata["field"] = std::string(field);
  return ErrorWith(detail, field.empty() ? std::string(words) : fmt::format("{} {}", field, words));
}

absl::Status AtLine(const absl::Status& status, uint64_t line) {
  if (status.ok() || line == 0) return status;
  ErrorDetail detail = DetailOf(status);
  detail.metadata.try_emplace("line", fmt::to_string(line));
  return ErrorWith(detail, FromAbsl(status.message()));
}

uint64_t LineOf(const absl::Status& status) {
  const ErrorDetail detail = DetailOf(status);
  const auto found = detail.metadata.find("line");
  uint64_t line = 0;
  return found != detail.metadata.end() && absl::SimpleAtoi(found->second, &line) ? line : 0;
}

std::string FieldOf(const absl::Status& status) {
  const ErrorDetail detail = DetailOf(status);
  const auto found = detail.metadata.find("field");
  return found == detail.metadata.end() ? "" : found->second;
}

}  // namespace accord::records
