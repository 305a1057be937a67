// The IdvaService of proto/accord/idva/v1: converts, maps, pushes.
#pragma once

#include "accord/idva/v1/idva_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"

namespace accord::idva {

// `runtime` must outlive this. Thread-safe.
class IdvaService final : public v1::IdvaService::CallbackService {
 public:
  explicit IdvaService(agent_rpc::AgencyRuntime& runtime) : runtime_(runtime) {}

  // What it takes that is pushed, for the watched folder too.
  static agent_rpc::PushCalls Pushes();

  grpc::ServerUnaryReactor* ReferToMarac(grpc::CallbackServerContext*, const v1::ReferToMaracRequest*,
                                         v1::ReferToMaracResponse*) override;
  grpc::ServerUnaryReactor* ReferClient(grpc::CallbackServerContext*, const v1::ReferClientRequest*,
                                        v1::ReferClientResponse*) override;
  grpc::ServerUnaryReactor* HandOverClient(grpc::CallbackServerContext*, const v1::HandOverClientRequest*,
                                           v1::HandOverClientResponse*) override;
  grpc::ServerUnaryReactor* RecordContactAttempts(grpc::CallbackServerContext*, const v1::RecordContactAttemptsRequest*,
                                                  v1::RecordContactAttemptsResponse*) override;

 private:
  agent_rpc::AgencyRuntime& runtime_;
};

}  // namespace accord::idva
