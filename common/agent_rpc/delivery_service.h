// The DeliveryService of every agency service: converts, and calls the runtime's deliveries.
#pragma once

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"

namespace accord::agent_rpc {

// Thread-safe.
class DeliveryService final : public agency::v1::DeliveryService::CallbackService {
 public:
  explicit DeliveryService(AgencyRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerUnaryReactor* ListAgencyDeadLetters(grpc::CallbackServerContext*, const agency::v1::ListAgencyDeadLettersRequest*,
                                                  agency::v1::ListAgencyDeadLettersResponse*) override;
  grpc::ServerUnaryReactor* RequeueAgencyDeadLetter(grpc::CallbackServerContext*, const agency::v1::RequeueAgencyDeadLetterRequest*,
                                                    agency::v1::RequeueAgencyDeadLetterResponse*) override;
  grpc::ServerUnaryReactor* DiscardAgencyDeadLetter(grpc::CallbackServerContext*, const agency::v1::DiscardAgencyDeadLetterRequest*,
                                                    agency::v1::DiscardAgencyDeadLetterResponse*) override;
  grpc::ServerUnaryReactor* ReplayDeliveries(grpc::CallbackServerContext*, const agency::v1::ReplayDeliveriesRequest*,
                                             agency::v1::ReplayDeliveriesResponse*) override;

 private:
  AgencyRuntime& runtime_;
};

}  // namespace accord::agent_rpc
