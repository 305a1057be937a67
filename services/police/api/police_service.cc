#include "services/police/api/police_service.h"

#include "common/agent_rpc/push.h"
#include "services/police/mapping.h"

namespace accord::police {

grpc::ServerUnaryReactor* PoliceService::ReportIncident(grpc::CallbackServerContext* context,
                                                        const v1::ReportIncidentRequest* request,
                                                        v1::ReportIncidentResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.police.v1.PoliceService/ReportIncident", *request, *response, MapIncident);
}

grpc::ServerUnaryReactor* PoliceService::SendChildNotice(grpc::CallbackServerContext* context,
                                                         const v1::SendChildNoticeRequest* request,
                                                         v1::SendChildNoticeResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.police.v1.PoliceService/SendChildNotice", *request, *response, MapChildNotice);
}

grpc::ServerUnaryReactor* PoliceService::RequestDisclosureChecks(grpc::CallbackServerContext* context,
                                                                 const v1::RequestDisclosureChecksRequest* request,
                                                                 v1::RequestDisclosureChecksResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.police.v1.PoliceService/RequestDisclosureChecks", *request, *response,
                               MapDisclosureChecks);
}

grpc::ServerUnaryReactor* PoliceService::RecordDisclosure(grpc::CallbackServerContext* context,
                                                          const v1::RecordDisclosureRequest* request,
                                                          v1::RecordDisclosureResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.police.v1.PoliceService/RecordDisclosure", *request, *response, MapDisclosure);
}

grpc::ServerUnaryReactor* PoliceService::RequestVictimInformation(grpc::CallbackServerContext* context,
                                                                  const v1::RequestVictimInformationRequest* request,
                                                                  v1::RequestVictimInformationResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.police.v1.PoliceService/RequestVictimInformation", *request, *response,
                               MapVictimInformation);
}

grpc::ServerUnaryReactor* PoliceService::ReferForHousing(grpc::CallbackServerContext* context,
                                                         const v1::ReferForHousingRequest* request,
                                                         v1::ReferForHousingResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.police.v1.PoliceService/ReferForHousing", *request, *response, MapHousing);
}

}  // namespace accord::police
