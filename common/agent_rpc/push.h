// The handler of every push: map the request in its agency's own words, and take the draft as its options say.
#pragma once

#include <absl/status/statusor.h>

#include <utility>

#include "common/agent/draft_builder.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"
#include "common/agent_rpc/work.h"
#include "common/base/status.h"

namespace accord::agent_rpc {

// What `push`, a PushMethod or a PushCall, makes of a request at this service now, if its worker may push (work.h). Errors of Admit and of the
// mapping.
template <typename Request, typename Push>
absl::StatusOr<agent::Draft> MapPush(AgencyRuntime& runtime, const Request& request, const Push& push) {
  ACCORD_RETURN_IF_ERROR(Admit(runtime, push.path(), request, Journalled::kByAct));
  const absl::Time now = runtime.clock().Now();
  const agent::MappingContext mapping{
      [&](type::v1::AgencyKind kind) { return runtime.routing(kind); }, now, runtime.keys().agency,
      &runtime.instruments(), &runtime.support_services(), runtime.force_codes(),
      [&](std::string_view agency) { return runtime.published_support().Of(agency, now); }};
  return push(request, mapping, runtime);
}

// Maps off the reaction thread. What the draft led to is in the response's `result`.
template <typename Request, typename Response>
grpc::ServerUnaryReactor* HandlePush(grpc::CallbackServerContext& context, AgencyRuntime& runtime, const PushMethod<Request>& push,
                                     const Request& request, Response& response) {
  return rpc::HandleUnary(context, runtime.handlers(), push.path(), [&runtime, &request, &response, push](const rpc::Call&, rpc::Completion done) {
    done([&]() -> absl::Status {
      ACCORD_ASSIGN_OR_RETURN(agent::Draft draft, MapPush(runtime, request, push));
      ACCORD_ASSIGN_OR_RETURN(*response.mutable_result(), runtime.Push(std::move(draft)));
      return absl::OkStatus();
    }());
  });
}

}  // namespace accord::agent_rpc
