#include "common/base/status.h"

#include <absl/strings/cord.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "common/base/bytes.h"
#include "common/base/text.h"

namespace accord {
namespace {

constexpr std::array kRows = {
#define ACCORD_REASON_ROW_(name, text, code, means, next) \
  ReasonRow{Reason::k##name, text, absl::StatusCode::code, means, next},
    ACCORD_REASONS(ACCORD_REASON_ROW_)
#undef ACCORD_REASON_ROW_
};

// The payload never leaves the process: common/rpc turns it into ErrorInfo.
constexpr std::string_view kPayloadUrl = "accord/error-detail";

}  // namespace

std::span<const ReasonRow> AllReasons() { return kRows; }

const ReasonRow& RowOf(Reason reason) { return kRows[static_cast<size_t>(reason)]; }

Reason ReasonFromName(std::string_view name) {
  for (const ReasonRow& row : kRows) {
    if (row.name == name) return row.reason;
  }
  return Reason::kInternal;
}

absl::Status Error(Reason reason, std::string_view message,
                   std::initializer_list<std::pair<const std::string, std::string>> metadata) {
  return ErrorWith({reason, metadata}, message);
}

absl::Status ErrorWith(const ErrorDetail& detail, std::string_view message) {
  absl::Status status(RowOf(detail.reason).code, ToAbsl(message));
  ByteWriter writer;
  writer.U16(static_cast<uint16_t>(detail.reason));
  for (const auto& [key, value] : detail.metadata) {
    writer.Lp16(std::string_view(key).substr(0, 1024));
    writer.Lp16(std::string_view(value).substr(0, 1024));
  }
  status.SetPayload(ToAbsl(kPayloadUrl), absl::Cord(std::move(writer).Take()));
  return status;
}

ErrorDetail DetailOf(const absl::Status& status) {
  ErrorDetail detail;
  const auto payload = status.GetPayload(ToAbsl(kPayloadUrl));
  if (!payload.has_value()) return detail;
  const std::string bytes(*payload);
  ByteReader reader(bytes);
  uint16_t reason = 0;
  if (!reader.U16(reason) || reason >= kRows.size()) return detail;
  detail.reason = static_cast<Reason>(reason);
  std::string_view key, value;
  while (reader.Lp16(key) && reader.Lp16(value)) detail.metadata.emplace(key, value);
  return detail;
}

bool HasReason(const absl::Status& status, Reason reason) {
  return !status.ok() && status.GetPayload(ToAbsl(kPayloadUrl)).has_value() && DetailOf(status).reason == reason;
}

namespace internal {
void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
  std::abort();
}
}  // namespace internal
}  // namespace accord
