// Channels to our own servers, and the way to make a call on one.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>
#include <type_traits>

#include "common/rpc/error_mapping.h"
#include "common/rpc/tls.h"

namespace accord::rpc {

struct ChannelOptions {
  std::string target;  // "host:port"
  TlsFiles tls;
  // The one URI SAN that the server's certificate must have: it says who answers,
  // so that host names and DNS need not be trusted.
  std::string server_spiffe_id;
  // Off: a connection of its own even if an equal channel has one.
  bool share_connection = true;
};

// Connects in the background and again after failures. UNAVAILABLE is retried inside
// the deadline of the call, up to four attempts: right only because every write
// of the API carries an idempotency key. Files that change are read within seconds.
//   INVALID_ARGUMENT     the SPIFFE id is malformed
//   FAILED_PRECONDITION  a TLS file cannot be read
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const ChannelOptions& options);

// Gives the call `timeout` from now.
void SetTimeout(grpc::ClientContext& context, absl::Duration timeout);

// Makes a unary call and blocks for its answer, at most `timeout`:
//   ACCORD_ASSIGN_OR_RETURN(auto response, CallUnary(*stub, &LedgerService::Stub::GetReceipt, request, absl::Seconds(5)));
// Errors as FromGrpc. Not on a gRPC reaction thread. Thread-safe.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> CallUnary(Stub& stub,
                                   grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                   const std::type_identity_t<Request>& request, absl::Duration timeout) {
  grpc::ClientContext context;
  SetTimeout(context, timeout);
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

}  // namespace accord::rpc
