// The PoliceService of proto/accord/police/v1: converts, maps, pushes.
#pragma once

#include "accord/police/v1/police_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"

namespace accord::police {

// `runtime` must outlive this. Thread-safe.
class PoliceService final : public v1::PoliceService::CallbackService {
 public:
  explicit PoliceService(agent_rpc::AgencyRuntime& runtime) : runtime_(runtime) {}

  // What it takes that is pushed, for the watched folder too.
  static agent_rpc::PushCalls Pushes();

  grpc::ServerUnaryReactor* ReportIncident(grpc::CallbackServerContext*, const v1::ReportIncidentRequest*,
                                           v1::ReportIncidentResponse*) override;
  grpc::ServerUnaryReactor* SendChildNotice(grpc::CallbackServerContext*, const v1::SendChildNoticeRequest*,
                                            v1::SendChildNoticeResponse*) override;
  grpc::ServerUnaryReactor* RequestDisclosureChecks(grpc::CallbackServerContext*, const v1::RequestDisclosureChecksRequest*,
                                                    v1::RequestDisclosureChecksResponse*) override;
  grpc::ServerUnaryReactor* RecordDisclosure(grpc::CallbackServerContext*, const v1::RecordDisclosureRequest*,
                                             v1::RecordDisclosureResponse*) override;
  grpc::ServerUnaryReactor* RequestVictimInformation(grpc::CallbackServerContext*, const v1::RequestVictimInformationRequest*,
                                                     v1::RequestVictimInformationResponse*) override;
  grpc::ServerUnaryReactor* ReferForHousing(grpc::CallbackServerContext*, const v1::ReferForHousingRequest*,
                                            v1::ReferForHousingResponse*) override;

 private:
  agent_rpc::AgencyRuntime& runtime_;
};

}  // namespace accord::police
