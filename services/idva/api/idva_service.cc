#include "services/idva/api/idva_service.h"

#include "common/agent_rpc/push.h"
#include "services/idva/mapping.h"

namespace accord::idva {

namespace {

constexpr agent_rpc::PushMethod kReferToMarac("/accord.idva.v1.IdvaService/ReferToMarac", MapMarac);
constexpr agent_rpc::PushMethod kReferClient("/accord.idva.v1.IdvaService/ReferClient", MapClient);
constexpr agent_rpc::PushMethod kHandOverClient("/accord.idva.v1.IdvaService/HandOverClient", MapHandover);
constexpr agent_rpc::PushMethod kRecordContactAttempts("/accord.idva.v1.IdvaService/RecordContactAttempts", MapContactAttempts);

}  // namespace

agent_rpc::PushCalls IdvaService::Pushes() {
  return {kReferToMarac, kReferClient, kHandOverClient, kRecordContactAttempts};
}

grpc::ServerUnaryReactor* IdvaService::ReferToMarac(grpc::CallbackServerContext* context,
                                                    const v1::ReferToMaracRequest* request,
                                                    v1::ReferToMaracResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kReferToMarac, *request, *response);
}

grpc::ServerUnaryReactor* IdvaService::ReferClient(grpc::CallbackServerContext* context,
                                                   const v1::ReferClientRequest* request,
                                                   v1::ReferClientResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kReferClient, *request, *response);
}

grpc::ServerUnaryReactor* IdvaService::HandOverClient(grpc::CallbackServerContext* context,
                                                      const v1::HandOverClientRequest* request,
                                                      v1::HandOverClientResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kHandOverClient, *request, *response);
}

grpc::ServerUnaryReactor* IdvaService::RecordContactAttempts(grpc::CallbackServerContext* context,
                                                             const v1::RecordContactAttemptsRequest* request,
                                                             v1::RecordContactAttemptsResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kRecordContactAttempts, *request, *response);
}

}  // namespace accord::idva
