#include "services/childrens/api/childrens_service.h"

#include "common/agent_rpc/inbox_service.h"
#include "common/agent_rpc/push.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"
#include "services/childrens/mapping.h"

namespace accord::childrens {

grpc::ServerUnaryReactor* ChildrensService::DecideContact(grpc::CallbackServerContext* context,
                                                          const v1::DecideContactRequest* request,
                                                          v1::DecideContactResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.childrens.v1.ChildrensService/DecideContact",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                              ACCORD_ASSIGN_OR_RETURN(const std::string digest,
                                                      referral::ParseReferralName(request->contact(), "contact"));
                              ACCORD_ASSIGN_OR_RETURN(
                                  const agent::InboxEntry contact,
                                  runtime_.inbox().Act(request->request_id(), digest, RecorderOf(*request), type::v1::STATEMENT_KIND_DECIDED,
                                                       [&](type::v1::Statement& statement) { FillDecision(*request, statement); }));
                              *response->mutable_contact() = agent_rpc::ToItem(contact);
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* ChildrensService::ReferFamily(grpc::CallbackServerContext* context,
                                                        const v1::ReferFamilyRequest* request,
                                                        v1::ReferFamilyResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.childrens.v1.ChildrensService/ReferFamily", *request, *response, MapFamily);
}

grpc::ServerUnaryReactor* ChildrensService::RequestPartnerChecks(grpc::CallbackServerContext* context,
                                                                 const v1::RequestPartnerChecksRequest* request,
                                                                 v1::RequestPartnerChecksResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.childrens.v1.ChildrensService/RequestPartnerChecks", *request, *response,
                               MapPartnerChecks);
}

grpc::ServerUnaryReactor* ChildrensService::CallStrategyDiscussion(grpc::CallbackServerContext* context,
                                                                   const v1::CallStrategyDiscussionRequest* request,
                                                                   v1::CallStrategyDiscussionResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.childrens.v1.ChildrensService/CallStrategyDiscussion", *request, *response,
                               MapStrategyDiscussion);
}

}  // namespace accord::childrens
