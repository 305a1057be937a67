// The CasesService of every agency service: converts, and asks the broker.
#pragma once

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"

namespace accord::agent_rpc {

// Thread-safe.
class CasesService final : public agency::v1::CasesService::CallbackService {
 public:
  explicit CasesService(AgencyRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerUnaryReactor* GetReferralHistory(grpc::CallbackServerContext*, const agency::v1::GetReferralHistoryRequest*,
                                               agency::v1::GetReferralHistoryResponse*) override;
  grpc::ServerUnaryReactor* ListCaseLinks(grpc::CallbackServerContext*, const agency::v1::ListCaseLinksRequest*,
                                          agency::v1::ListCaseLinksResponse*) override;
  grpc::ServerUnaryReactor* AnswerCaseLink(grpc::CallbackServerContext*, const agency::v1::AnswerCaseLinkRequest*,
                                           agency::v1::AnswerCaseLinkResponse*) override;

 private:
  AgencyRuntime& runtime_;
};

}  // namespace accord::agent_rpc
