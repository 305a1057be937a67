// The one gate that every call passes which is made in a worker's name: is the worker in the agency's register and still here, may they know
// of what the call is about, and is it in the journal.
//
//   return HandleWork(*context, runtime_, "/accord.agency.v1.RetentionService/EraseReferral", *request, Journalled::kByCall,
//                     [this, request, response](const rpc::Call&) -> absl::Status { … });
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <string_view>
#include <utility>

#include "common/agent_rpc/agency_runtime.h"

namespace accord::agent_rpc {

// Who writes the entry of a call that passes the gate.
enum class Journalled {
  kByCall,  // The gate does, before the call is carried out.
  kByAct,   // What is carried out writes its own, in the same write, or is none to be noted.
};

// OK when the call may be carried out. The worker is the request's, or that of its push options; `worker` is, for requests that name them
// in another way. A request without any passes: it is the agency's own system that asks. What is refused is in the journal too.
//   WORKER_NOT_KNOWN, WORKER_LEFT
//   FIELD_MISSING       the register has workers, and the request does not say who
//   REFERRAL_NOT_FOUND  a conflict of interest bars the worker from the referral or submission that the request names: as of what is not here
//   errors of the store
// `method` as rpc::HandleUnary has it. Blocks on fsync. Thread-safe.
absl::Status Admit(AgencyRuntime& runtime, std::string_view method, const google::protobuf::Message& request, Journalled journalled,
                   const type::v1::Worker* worker = nullptr);

// rpc::HandleUnary of a call that passes the gate. `body`: absl::Status(const rpc::Call&), which fills the response; off the reaction thread.
template <typename Request, typename Body>
grpc::ServerUnaryReactor* HandleWork(grpc::CallbackServerContext& context, AgencyRuntime& runtime, std::string_view method,
                                     const Request& request, Journalled journalled, Body body) {
  return rpc::HandleUnary(context, runtime.handlers(), method,
                          [&runtime, &request, method, journalled, body = std::move(body)](const rpc::Call& call, rpc::Completion done) mutable {
                            const absl::Status admitted = Admit(runtime, method, request, journalled);
                            done(admitted.ok() ? body(call) : admitted);
                          });
}

}  // namespace accord::agent_rpc
