// The answer to a request that gRPC cannot read.
//
// gRPC 1.51 parses a request before it calls a handler, and answers one that does not parse (text that is not UTF-8, or bytes
// that are no such message) with a bare UNIMPLEMENTED. An interceptor puts the right answer in its place: INVALID_ARGUMENT,
// TEXT_NOT_UTF8. Unary and server-streaming calls only: on a stream of requests gRPC tells nobody of such a message, and the
// stream ends as if its peer had closed it.
#pragma once

#include <absl/status/status.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/support/server_interceptor.h>

#include <functional>
#include <memory>
#include <string>

namespace accord::rpc {

// Told of each such call, on a gRPC thread: must not block. `method` is "/package.Service/Method".
using UnreadableReport =
    std::function<void(std::shared_ptr<const grpc::AuthContext> connection, std::string method, const absl::Status& answer)>;

// For ServerBuilder::experimental().SetInterceptorCreators. `report` may be empty.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeUnreadableInterceptors(UnreadableReport report);

}  // namespace accord::rpc
