#include "services/childrens/api/childrens_service.h"

#include "common/agent_rpc/inbox_service.h"
#include "common/agent_rpc/push.h"
#include "common/agent_rpc/work.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"
#include "services/childrens/mapping.h"

namespace accord::childrens {
namespace {

constexpr agent_rpc::PushMethod kReferFamily("/accord.childrens.v1.ChildrensService/ReferFamily", MapFamily);
constexpr agent_rpc::PushMethod kRequestPartnerChecks("/accord.childrens.v1.ChildrensService/RequestPartnerChecks", MapPartnerChecks);
constexpr agent_rpc::PushMethod kCallStrategyDiscussion("/accord.childrens.v1.ChildrensService/CallStrategyDiscussion", MapStrategyDiscussion);

constexpr std::string_view kDecideContact = "/accord.childrens.v1.ChildrensService/DecideContact";

}  // namespace

agent_rpc::PushCalls ChildrensService::Pushes() {
  return {kReferFamily, kRequestPartnerChecks, kCallStrategyDiscussion};
}

grpc::ServerUnaryReactor* ChildrensService::DecideContact(grpc::CallbackServerContext* context,
                                                          const v1::DecideContactRequest* request,
                                                          v1::DecideContactResponse* response) {
  // Who records it may be named by the decision-maker alone.
  return rpc::HandleUnary(*context, runtime_.handlers(), kDecideContact, [this, request, response](const rpc::Call&, rpc::Completion done) {
    done([&]() -> absl::Status {
      const type::v1::Worker recorder = RecorderOf(*request);
      ACCORD_RETURN_IF_ERROR(agent_rpc::Admit(runtime_, kDecideContact, *request, agent_rpc::Journalled::kByAct, &recorder));
      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
      ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(request->contact(), "contact"));
      ACCORD_ASSIGN_OR_RETURN(const agent::InboxEntry contact,
                              runtime_.inbox().Act(request->request_id(), digest, recorder, type::v1::STATEMENT_KIND_DECIDED,
                                                   [&](type::v1::Statement& statement) { FillDecision(*request, statement); }));
      *response->mutable_contact() = agent_rpc::ToItem(runtime_, contact);
      return absl::OkStatus();
    }());
  });
}

grpc::ServerUnaryReactor* ChildrensService::ReferFamily(grpc::CallbackServerContext* context,
                                                        const v1::ReferFamilyRequest* request,
                                                        v1::ReferFamilyResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kReferFamily, *request, *response);
}

grpc::ServerUnaryReactor* ChildrensService::RequestPartnerChecks(grpc::CallbackServerContext* context,
                                                                 const v1::RequestPartnerChecksRequest* request,
                                                                 v1::RequestPartnerChecksResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kRequestPartnerChecks, *request, *response);
}

grpc::ServerUnaryReactor* ChildrensService::CallStrategyDiscussion(grpc::CallbackServerContext* context,
                                                                   const v1::CallStrategyDiscussionRequest* request,
                                                                   v1::CallStrategyDiscussionResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kCallStrategyDiscussion, *request, *response);
}

}  // namespace accord::childrens
