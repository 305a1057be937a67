// The answer of methods that are published and not built yet: those with the option `later`.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/rpc/error_mapping.h"
#include "common/rpc/handler.h"

namespace accord::broker {

// COMES_LATER.
inline absl::Status ComesLater(std::string_view method) {
  return Error(Reason::kComesLater, "the method is published and not built yet", {{"method", std::string(method)}});
}

// Answers a unary call. Whoever may not call the method hears that first, as it will once it is built.
// `shared` must outlive the server; `method` must be a constant.
inline grpc::ServerUnaryReactor* AnswerComesLater(grpc::CallbackServerContext& context, rpc::HandlerContext& shared,
                                                  std::string_view method) {
  return rpc::HandleUnary(context, shared, method,
                          [method](const rpc::Call&, rpc::Completion done) { done(ComesLater(method)); });
}

// The same of a stream: a reactor that reads and writes nothing. It deletes itself.
template <typename Reactor>
class ComesLaterStream final : public Reactor {
 public:
  ComesLaterStream(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, std::string_view method) {
    const bool runs = shared.executor.Run(
        [this, &shared, method, connection = context.auth_context(), start = shared.clock.Now()] {
          absl::Status status = ComesLater(method);
          const auto peer = shared.ReadPeer(*connection);
          if (!peer.ok()) {
            status = peer.status();
          } else if (const absl::Status allowed = shared.authorizer.Authorize(**peer, method); !allowed.ok()) {
            status = allowed;
          }
          shared.Count(method, status, start);
          this->Finish(rpc::ToGrpc(status));
        });
    if (!runs) {
      this->Finish(rpc::ToGrpc(Error(Reason::kQueueFull, "the server has too much to do",
                                     {{std::string(rpc::kRetryAfterKey), "1000"}})));
    }
  }
  void OnDone() override { delete this; }
};

// As AnswerComesLater, such as StreamComesLater<grpc::ServerWriteReactor<ExportBundleResponse>>(…).
template <typename Reactor>
Reactor* StreamComesLater(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, std::string_view method) {
  return new ComesLaterStream<Reactor>(context, shared, method);
}

}  // namespace accord::broker
