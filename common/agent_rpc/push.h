// The handler of every push: map the request in its agency's own words, and take the draft as its options say.
#pragma once

#include <absl/status/statusor.h>

#include <string_view>
#include <utility>

#include "common/agent/draft_builder.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/base/status.h"

namespace accord::agent_rpc {

// `method` must be a constant. `map` makes an absl::StatusOr<agent::Draft> of a request and a MappingContext, off the
// reaction thread. What the draft led to is in the response's `result`.
template <typename Request, typename Response, typename Map>
grpc::ServerUnaryReactor* HandlePush(grpc::CallbackServerContext& context, AgencyRuntime& runtime, std::string_view method,
                                     const Request& request, Response& response, Map map) {
  return rpc::HandleUnary(context, runtime.handlers(), method,
                          [&runtime, &request, &response, map](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              const agent::MappingContext mapping{[&](type::v1::AgencyKind kind) { return runtime.routing(kind); },
                                                                  runtime.clock().Now(), runtime.keys().agency, &runtime.instruments(),
                                                                  &runtime.support_services(), runtime.force_codes()};
                              ACCORD_ASSIGN_OR_RETURN(agent::Draft draft, map(request, mapping));
                              ACCORD_ASSIGN_OR_RETURN(*response.mutable_result(), runtime.Push(std::move(draft)));
                              return absl::OkStatus();
                            }());
                          });
}

}  // namespace accord::agent_rpc
