#include "services/broker/api/handle.h"

#include <utility>

#include "common/base/status.h"
#include "services/broker/adapter/authorizer.h"

namespace accord::broker {

bool IsRefusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kNotFound:
      return HasReason(status, DetailOf(status).reason);
    case absl::StatusCode::kResourceExhausted:
      return HasReason(status, Reason::kPreviewQuota);  // Who tries that often is to be seen; a full queue is the server's own.
    default:
      return false;
  }
}

void RecordRefusal(RefusalRecorder& refusals, const Caller& caller, std::string_view method, const absl::Status& status,
                   std::string_view signature_digest) {
  if (!IsRefusal(status)) return;
  refusals.Record({.principal = caller.principal,
                   .certificate = caller.certificate,
                   .method = std::string(method),
                   .status = status,
                   .signature_digest = std::string(signature_digest)});
}

void Answer::operator()(const absl::Status& status) {
  RecordRefusal(refusals_, caller_, method_, status, signature_digest_);
  done_(status);
}

grpc::ServerUnaryReactor* HandleRecorded(grpc::CallbackServerContext& context, rpc::HandlerContext& shared,
                                         RefusalRecorder& refusals, std::string_view method, BrokerBody body) {
  return rpc::HandleUnary(context, shared, method,
                          [&refusals, method, body = std::move(body)](const rpc::Call& call, rpc::Completion done) mutable {
                            const BrokerCall told = {CallerOf(*call.peer), call.deadline};
                            std::move(body)(told, Answer(std::move(done), refusals, told.caller, method));
                          });
}

}  // namespace accord::broker
