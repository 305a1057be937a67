// The HousingService of proto/accord/housing/v1: converts, maps, pushes.
#pragma once

#include "accord/housing/v1/housing_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"

namespace accord::housing {

// `runtime` must outlive this. Thread-safe.
class HousingService final : public v1::HousingService::CallbackService {
 public:
  explicit HousingService(agent_rpc::AgencyRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerUnaryReactor* ReferOn(grpc::CallbackServerContext*, const v1::ReferOnRequest*,
                                    v1::ReferOnResponse*) override;

 private:
  agent_rpc::AgencyRuntime& runtime_;
};

}  // namespace accord::housing
