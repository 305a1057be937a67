#include "services/police/api/police_service.h"

#include "common/agent_rpc/push.h"
#include "services/police/mapping.h"

namespace accord::police {

namespace {

constexpr agent_rpc::PushMethod kReportIncident("/accord.police.v1.PoliceService/ReportIncident", MapIncident);
constexpr agent_rpc::PushMethod kSendChildNotice("/accord.police.v1.PoliceService/SendChildNotice", MapChildNotice);
constexpr agent_rpc::PushMethod kRequestDisclosureChecks("/accord.police.v1.PoliceService/RequestDisclosureChecks", MapDisclosureChecks);
constexpr agent_rpc::PushMethod kRecordDisclosure("/accord.police.v1.PoliceService/RecordDisclosure", MapDisclosure);
constexpr agent_rpc::PushMethod kRequestVictimInformation("/accord.police.v1.PoliceService/RequestVictimInformation", MapVictimInformation);
constexpr agent_rpc::PushMethod kReferForHousing("/accord.police.v1.PoliceService/ReferForHousing", MapHousing);

}  // namespace

agent_rpc::PushCalls PoliceService::Pushes() {
  return {kReportIncident, kSendChildNotice, kRequestDisclosureChecks, kRecordDisclosure, kRequestVictimInformation, kReferForHousing};
}

grpc::ServerUnaryReactor* PoliceService::ReportIncident(grpc::CallbackServerContext* context,
                                                        const v1::ReportIncidentRequest* request,
                                                        v1::ReportIncidentResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kReportIncident, *request, *response);
}

grpc::ServerUnaryReactor* PoliceService::SendChildNotice(grpc::CallbackServerContext* context,
                                                         const v1::SendChildNoticeRequest* request,
                                                         v1::SendChildNoticeResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kSendChildNotice, *request, *response);
}

grpc::ServerUnaryReactor* PoliceService::RequestDisclosureChecks(grpc::CallbackServerContext* context,
                                                                 const v1::RequestDisclosureChecksRequest* request,
                                                                 v1::RequestDisclosureChecksResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kRequestDisclosureChecks, *request, *response);
}

grpc::ServerUnaryReactor* PoliceService::RecordDisclosure(grpc::CallbackServerContext* context,
                                                          const v1::RecordDisclosureRequest* request,
                                                          v1::RecordDisclosureResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kRecordDisclosure, *request, *response);
}

grpc::ServerUnaryReactor* PoliceService::RequestVictimInformation(grpc::CallbackServerContext* context,
                                                                  const v1::RequestVictimInformationRequest* request,
                                                                  v1::RequestVictimInformationResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kRequestVictimInformation, *request, *response);
}

grpc::ServerUnaryReactor* PoliceService::ReferForHousing(grpc::CallbackServerContext* context,
                                                         const v1::ReferForHousingRequest* request,
                                                         v1::ReferForHousingResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kReferForHousing, *request, *response);
}

}  // namespace accord::police
