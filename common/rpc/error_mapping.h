// absl::Status to grpc::Status and back, so that a Reason survives the hop: it
// rides as google.rpc.ErrorInfo (domain "accord") in google.rpc.Status details,
// with RetryInfo when the metadata has `retry_after_ms`. All functions are
// thread-safe.
#pragma once

#include <absl/status/status.h>
#include <grpcpp/support/status.h>

#include <string_view>

namespace accord::rpc {

inline constexpr std::string_view kErrorDomain = "accord";
inline constexpr std::string_view kRetryAfterKey = "retry_after_ms";

// An error without a Reason is a fault of our own or of a library: it keeps its
// code, gets the reason INTERNAL, and its text (which may hold a path or worse)
// stays here.
grpc::Status ToGrpc(const absl::Status& status);

// An error without our ErrorInfo (a broken connection, another server, a reason
// newer than this program) keeps its code and text and has no Reason.
absl::Status FromGrpc(const grpc::Status& status);

// Whether `status` says that the call may simply be made again with the same
// request id: UNAVAILABLE, ours or gRPC's.
bool IsRetryable(const absl::Status& status);

}  // namespace accord::rpc
