// The HealthService of proto/accord/health/v1: converts, maps, pushes.
#pragma once

#include "accord/health/v1/health_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"

namespace accord::health {

// `runtime` must outlive this. Thread-safe.
class HealthService final : public v1::HealthService::CallbackService {
 public:
  explicit HealthService(agent_rpc::AgencyRuntime& runtime) : runtime_(runtime) {}

  // What it takes that is pushed, for the watched folder too.
  static agent_rpc::PushCalls Pushes();

  grpc::ServerUnaryReactor* ReferPatient(grpc::CallbackServerContext*, const v1::ReferPatientRequest*,
                                         v1::ReferPatientResponse*) override;
  grpc::ServerUnaryReactor* NotifyDutyToRefer(grpc::CallbackServerContext*, const v1::NotifyDutyToReferRequest*,
                                              v1::NotifyDutyToReferResponse*) override;
  grpc::ServerUnaryReactor* AnswerReferral(grpc::CallbackServerContext*, const v1::AnswerReferralRequest*,
                                           v1::AnswerReferralResponse*) override;

 private:
  agent_rpc::AgencyRuntime& runtime_;
};

}  // namespace accord::health
