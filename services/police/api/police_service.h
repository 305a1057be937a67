// The PoliceService of proto/accord/police/v1: converts, maps, pushes.
#pragma once

#include "accord/police/v1/police_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"

namespace accord::police {

// `runtime` must outlive this. Thread-safe.
class PoliceService final : public v1::PoliceService::CallbackService {
 public:
  explicit PoliceService(agent_rpc::AgencyRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerUnaryReactor* ReportIncident(grpc::CallbackServerContext*, const v1::ReportIncidentRequest*,
                                           v1::ReportIncidentResponse*) override;

 private:
  agent_rpc::AgencyRuntime& runtime_;
};

}  // namespace accord::police
