// The one wrapper round every handler: who calls, may they, is there time, run the
// body off the reaction thread, map the error, count, finish exactly once.
//
//   grpc::ServerUnaryReactor* GetReceipt(grpc::CallbackServerContext* context, const GetReceiptRequest* request,
//                                        GetReceiptResponse* response) override {
//     return rpc::HandleUnary(*context, shared_, "/accord.broker.v1.LedgerService/GetReceipt",
//         [this, request, response](const rpc::Call& call, rpc::Completion done) {
//           done(receipts_.Get(*call.peer, *request, *response));
//         });
//   }
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/time/time.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/rpc/identity.h"
#include "common/telemetry/metrics.h"

namespace accord::rpc {

// Says who may call what. Thread-safe.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // OK when `peer` is known, active, not denied, and may call `method`
  // ("/accord.broker.v1.LedgerService/GetReceipt"). Called for every call, on the
  // executor; recording a refusal is its business.
  virtual absl::Status Authorize(const Peer& peer, std::string_view method) = 0;
};

// What all handlers of a server share. Thread-safe; must outlive the server.
class HandlerContext {
 public:
  // All must outlive this. Metrics: accord_rpc_calls_total{method,reason}
  // and accord_rpc_seconds{method}.
  HandlerContext(Executor& executor, Authorizer& authorizer, const Clock& clock, telemetry::Metrics& metrics);

  Executor& executor;
  Authorizer& authorizer;
  const Clock& clock;
  // A call with less time left is refused before any work; zero takes all.
  absl::Duration time_min = absl::Milliseconds(20);

  // UNAUTHENTICATED when the connection names nobody.
  absl::StatusOr<std::shared_ptr<const Peer>> ReadPeer(const grpc::AuthContext& connection);
  // Counts a call that ended with `status` and began at `start`.
  void Count(std::string_view method, const absl::Status& status, absl::Time start);

 private:
  PeerReader peers_;
  const telemetry::Family<telemetry::Counter> calls_;
  const telemetry::Family<telemetry::Histogram> seconds_;
};

class UnaryCall;

// What the body is told about its call.
struct Call {
  std::shared_ptr<const Peer> peer;
  absl::Time deadline;  // InfiniteFuture when the caller gave none.
};

// Ends a unary call, once, from any thread. Move-only. If it is destroyed uncalled the
// call ends with INTERNAL, so that no caller ever waits for nobody.
class Completion {
 public:
  Completion(Completion&&);
  Completion& operator=(Completion&&) = delete;
  ~Completion();
  // The response goes out when `status` is OK. Request and response are gone after it.
  // REQUIRES: called at most once.
  void operator()(const absl::Status& status);

 private:
  friend grpc::ServerUnaryReactor* HandleUnary(grpc::CallbackServerContext&, HandlerContext&, std::string_view,
                                               absl::AnyInvocable<void(const Call&, Completion) &&>);
  explicit Completion(std::unique_ptr<UnaryCall> call);
  std::unique_ptr<UnaryCall> call_;
  absl::Status if_dropped_;
};

// Runs on the executor, never on a reaction thread. May keep `done` and call it later;
// request and response live until then. Carried out even if the caller has gone.
using UnaryBody = absl::AnyInvocable<void(const Call& call, Completion done) &&>;

// `shared` must outlive the server; `method` must be a constant. QUEUE_FULL when the executor
// takes no more, DEADLINE_TOO_SHORT when there is no time, both without calling `body`.
grpc::ServerUnaryReactor* HandleUnary(grpc::CallbackServerContext& context, HandlerContext& shared,
                                      std::string_view method, UnaryBody body);

}  // namespace accord::rpc
