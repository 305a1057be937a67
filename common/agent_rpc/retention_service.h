// The RetentionService of every agency service: converts, and calls the runtime's holds.
#pragma once

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"

namespace accord::agent_rpc {

// Thread-safe.
class RetentionService final : public agency::v1::RetentionService::CallbackService {
 public:
  explicit RetentionService(AgencyRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerUnaryReactor* EraseReferral(grpc::CallbackServerContext*, const agency::v1::EraseReferralRequest*,
                                          agency::v1::EraseReferralResponse*) override;
  grpc::ServerUnaryReactor* ListAgencyHolds(grpc::CallbackServerContext*, const agency::v1::ListAgencyHoldsRequest*,
                                            agency::v1::ListAgencyHoldsResponse*) override;
  grpc::ServerUnaryReactor* AnswerAgencyHold(grpc::CallbackServerContext*, const agency::v1::AnswerAgencyHoldRequest*,
                                             agency::v1::AnswerAgencyHoldResponse*) override;

 private:
  AgencyRuntime& runtime_;
};

}  // namespace accord::agent_rpc
