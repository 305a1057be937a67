// The gRPC services that every agency has, over its runtime.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>
#include <vector>

#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"

namespace accord::agent_rpc {

// A new service of all agencies is registered here. `runtime` must outlive them, and they the server.
std::vector<std::unique_ptr<grpc::Service>> MakeAgencyServices(AgencyRuntime& runtime);

// What they take that is pushed.
PushCalls AgencyPushes();

}  // namespace accord::agent_rpc
