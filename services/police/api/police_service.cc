#include "services/police/api/police_service.h"

#include "common/agent_rpc/push.h"
#include "services/police/mapping.h"

namespace accord::police {

grpc::ServerUnaryReactor* PoliceService::ReportIncident(grpc::CallbackServerContext* context,
                                                        const v1::ReportIncidentRequest* request,
                                                        v1::ReportIncidentResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.police.v1.PoliceService/ReportIncident", *request, *response, MapIncident);
}

}  // namespace accord::police
