#include "common/agent_rpc/delivery_service.h"
#include "common/agent_rpc/work.h"

#include "common/base/status.h"
#include "common/referral/validate.h"

namespace accord::agent_rpc {

grpc::ServerUnaryReactor* DeliveryService::ListAgencyDeadLetters(grpc::CallbackServerContext* context,
                                                                 const agency::v1::ListAgencyDeadLettersRequest* request,
                                                                 agency::v1::ListAgencyDeadLettersResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.DeliveryService/ListAgencyDeadLetters",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              broker::v1::ListDeadLettersRequest asked;
                              asked.set_page_size(request->page_size());
                              asked.set_page_token(request->page_token());
                              ACCORD_ASSIGN_OR_RETURN(auto page, runtime_.deliveries().ListDeadLetters(asked));
                              response->mutable_dead_letters()->Swap(page.mutable_dead_letters());
                              response->set_next_page_token(page.next_page_token());
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* DeliveryService::RequeueAgencyDeadLetter(grpc::CallbackServerContext* context,
                                                                   const agency::v1::RequeueAgencyDeadLetterRequest* request,
                                                                   agency::v1::RequeueAgencyDeadLetterResponse*) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.DeliveryService/RequeueAgencyDeadLetter", *request, Journalled::kByCall,
                    [this, request](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      broker::v1::RequeueDeadLetterRequest asked;
                      asked.set_request_id(request->request_id());
                      asked.set_delivery_id(request->delivery_id());
                      *asked.mutable_worker() = request->worker();
                      return runtime_.deliveries().Requeue(asked);
                    });
}

grpc::ServerUnaryReactor* DeliveryService::DiscardAgencyDeadLetter(grpc::CallbackServerContext* context,
                                                                   const agency::v1::DiscardAgencyDeadLetterRequest* request,
                                                                   agency::v1::DiscardAgencyDeadLetterResponse*) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.DeliveryService/DiscardAgencyDeadLetter", *request, Journalled::kByCall,
                    [this, request](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      broker::v1::DiscardDeadLetterRequest asked;
                      asked.set_request_id(request->request_id());
                      asked.set_delivery_id(request->delivery_id());
                      asked.set_reason(request->reason());
                      *asked.mutable_worker() = request->worker();
                      return runtime_.deliveries().Discard(asked);
                    });
}

grpc::ServerUnaryReactor* DeliveryService::ReplayDeliveries(grpc::CallbackServerContext* context,
                                                            const agency::v1::ReplayDeliveriesRequest* request,
                                                            agency::v1::ReplayDeliveriesResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.DeliveryService/ReplayDeliveries", *request, Journalled::kByCall,
                    [this, request, response](const rpc::Call& call) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      if (request->since_ms() < 0) {
                        return Error(Reason::kFieldInvalid, "since_ms is before 1970", {{"field", "since_ms"}});
                      }
                      ACCORD_ASSIGN_OR_RETURN(const uint64_t queued,
                                              runtime_.deliveries().Replay(request->request_id(), absl::FromUnixMillis(request->since_ms()),
                                                                           request->worker(), call.deadline));
                      response->set_queued(queued);
                      return absl::OkStatus();
                    });
}

}  // namespace accord::agent_rpc
