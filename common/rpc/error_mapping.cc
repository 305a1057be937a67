#include "common/rpc/error_mapping.h"

#include <absl/strings/numbers.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::rpc {
namespace {

constexpr int kMetadataMax = 32;  // Of another server's error, kept.

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const ErrorDetail detail = DetailOf(status);
  const bool ours = HasReason(status, detail.reason);
  google::rpc::Status wire;
  wire.set_code(static_cast<int>(status.code()));  // absl, google.rpc and gRPC number them alike.
  wire.set_message(ours ? std::string(FromAbsl(status.message())) : "a fault of the server; its log has the cause");
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(RowOf(detail.reason).name));
  info.set_domain(std::string(kErrorDomain));
  for (const auto& [key, value] : detail.metadata) (*info.mutable_metadata())[key] = value;
  wire.add_details()->PackFrom(info);
  if (const auto after = detail.metadata.find(std::string(kRetryAfterKey)); after != detail.metadata.end()) {
    int64_t ms = 0;
    if (absl::SimpleAtoi(after->second, &ms) && ms >= 0) {
      google::rpc::RetryInfo retry;
      retry.mutable_retry_delay()->set_seconds(ms / 1000);
      retry.mutable_retry_delay()->set_nanos(static_cast<int>(ms % 1000 * 1'000'000));
      wire.add_details()->PackFrom(retry);
    }
  }
  return grpc::Status(static_cast<grpc::StatusCode>(wire.code()), wire.message(), wire.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status wire;
  google::rpc::ErrorInfo info;
  if (wire.ParseFromString(status.error_details())) {
    for (const auto& any : wire.details()) {
      if (!any.UnpackTo(&info) || info.domain() != kErrorDomain) continue;
      const Reason reason = ReasonFromName(info.reason());
      // A reason that this program knows under another code, or not at all, is
      // one of a newer server: only the code counts then.
      if (RowOf(reason).name != info.reason()) continue;
      if (static_cast<int>(RowOf(reason).code) != static_cast<int>(status.error_code())) continue;
      ErrorDetail detail{reason, {}};
      for (const auto& [key, value] : info.metadata()) {
        if (detail.metadata.size() < kMetadataMax) detail.metadata.emplace(key, value);
      }
      return ErrorWith(detail, status.error_message());
    }
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

bool IsRetryable(const absl::Status& status) { return absl::IsUnavailable(status); }

}  // namespace accord::rpc
