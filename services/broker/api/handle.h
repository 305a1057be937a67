// The wrapper round the broker's handlers: HandleUnary, and what the body refuses goes on the record.
//
//   grpc::ServerUnaryReactor* GetReferral(grpc::CallbackServerContext* context, const GetReferralRequest* request,
//                                         GetReferralResponse* response) override {
//     return HandleRecorded(*context, shared_, refusals_, "/accord.broker.v1.ReferralService/GetReferral",
//         [this, request, response](const BrokerCall& call, Answer answer) {
//           answer(Read(call.caller, *request, *response));
//         });
//   }
//
// Not for the calls that docs/audit-events.md counts as metrics (checkpoint, receipt and proof): those use
// rpc::HandleUnary. Whoever watches the log asks for what is beyond its end as a matter of course, and a log that grew by
// being read would have no bound. Who may not call them at all is on the record still: the authorizer sees to that.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>

#include "common/rpc/handler.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/refusal_recorder.h"

namespace accord::broker {

// True for an error with a reason of the catalogue that refuses what was asked: INVALID_ARGUMENT,
// PERMISSION_DENIED, FAILED_PRECONDITION, ALREADY_EXISTS or NOT_FOUND, and for PREVIEW_QUOTA. False for what is the server's
// own, passes, or merely wants another try. Thread-safe.
bool IsRefusal(const absl::Status& status);

// Puts `status` on the record, within the bound, if it is a refusal; what handlers of streams call.
// `signature_digest`: of a signed payload that was refused. Does not block. Thread-safe.
void RecordRefusal(RefusalRecorder& refusals, const Caller& caller, std::string_view method, const absl::Status& status,
                   std::string_view signature_digest = {});

// What the body is told about its call.
struct BrokerCall {
  Caller caller;
  absl::Time deadline;  // InfiniteFuture when the caller gave none.
};

// Ends the call as rpc::Completion does, and records the status if it is a refusal. Move-only.
class Answer {
 public:
  Answer(rpc::Completion done, RefusalRecorder& refusals, Caller caller, std::string_view method)
      : done_(std::move(done)), refusals_(refusals), caller_(std::move(caller)), method_(method) {}
  Answer(Answer&&) = default;

  // Digest of the signed payload that the call brought; once it is known.
  void SetSignatureDigest(std::string_view digest) { signature_digest_ = digest; }

  // Request and response are gone after it. REQUIRES: called at most once.
  void operator()(const absl::Status& status);

 private:
  rpc::Completion done_;
  RefusalRecorder& refusals_;
  const Caller caller_;
  const std::string_view method_;
  std::string signature_digest_;
};

// As rpc::UnaryBody.
using BrokerBody = absl::AnyInvocable<void(const BrokerCall& call, Answer answer) &&>;

// `shared` and `refusals` must outlive the server; `method` must be a constant. Errors of rpc::HandleUnary.
grpc::ServerUnaryReactor* HandleRecorded(grpc::CallbackServerContext& context, rpc::HandlerContext& shared,
                                         RefusalRecorder& refusals, std::string_view method, BrokerBody body);

}  // namespace accord::broker
