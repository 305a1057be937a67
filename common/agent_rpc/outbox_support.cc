#include "common/agent_rpc/outbox_service.h"
#include "common/agent_rpc/work.h"
#include "common/base/status.h"
#include "common/referral/validate.h"

namespace accord::agent_rpc {

grpc::ServerUnaryReactor* OutboxService::PublishOwnSupport(grpc::CallbackServerContext* context, const agency::v1::PublishOwnSupportRequest* request,
                                                           agency::v1::PublishOwnSupportResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.OutboxService/PublishOwnSupport", *request, Journalled::kByCall,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      admin::v1::PublishSupportRequest asked;
                      asked.set_request_id(request->request_id());
                      *asked.mutable_support() = request->support();
                      *asked.mutable_worker() = request->worker();
                      ACCORD_ASSIGN_OR_RETURN(auto answer, runtime_.published_support().Publish(asked));
                      response->mutable_support()->Swap(answer.mutable_support());
                      response->set_index(answer.index());
                      return absl::OkStatus();
                    });
}

}  // namespace accord::agent_rpc
