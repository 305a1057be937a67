// The ReferService of proto/accord/refer/v1: converts, maps as the configuration allows, pushes.
#pragma once

#include "accord/refer/v1/refer_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"

namespace accord::agency {

// `runtime` must outlive this. Thread-safe.
class ReferService final : public refer::v1::ReferService::CallbackService {
 public:
  // What it takes that is pushed, for the watched folder too.
  static agent_rpc::PushCalls Pushes();

  explicit ReferService(agent_rpc::AgencyRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerUnaryReactor* ReferPerson(grpc::CallbackServerContext*, const refer::v1::ReferPersonRequest*, refer::v1::ReferPersonResponse*) override;

 private:
  agent_rpc::AgencyRuntime& runtime_;
};

}  // namespace accord::agency
