#include "services/idva/api/idva_service.h"

#include "common/agent_rpc/push.h"
#include "services/idva/mapping.h"

namespace accord::idva {

grpc::ServerUnaryReactor* IdvaService::ReferToMarac(grpc::CallbackServerContext* context,
                                                    const v1::ReferToMaracRequest* request,
                                                    v1::ReferToMaracResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.idva.v1.IdvaService/ReferToMarac", *request, *response, MapMarac);
}

grpc::ServerUnaryReactor* IdvaService::ReferClient(grpc::CallbackServerContext* context,
                                                   const v1::ReferClientRequest* request,
                                                   v1::ReferClientResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.idva.v1.IdvaService/ReferClient", *request, *response, MapClient);
}

grpc::ServerUnaryReactor* IdvaService::HandOverClient(grpc::CallbackServerContext* context,
                                                      const v1::HandOverClientRequest* request,
                                                      v1::HandOverClientResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.idva.v1.IdvaService/HandOverClient", *request, *response, MapHandover);
}

grpc::ServerUnaryReactor* IdvaService::RecordContactAttempts(grpc::CallbackServerContext* context,
                                                             const v1::RecordContactAttemptsRequest* request,
                                                             v1::RecordContactAttemptsResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.idva.v1.IdvaService/RecordContactAttempts", *request, *response, MapContactAttempts);
}

}  // namespace accord::idva
