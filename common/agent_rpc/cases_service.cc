#include "common/agent_rpc/cases_service.h"

#include "common/agent_rpc/work.h"
#include "common/base/status.h"
#include "common/referral/validate.h"

namespace accord::agent_rpc {

grpc::ServerUnaryReactor* CasesService::GetReferralHistory(grpc::CallbackServerContext* context,
                                                           const agency::v1::GetReferralHistoryRequest* request,
                                                           agency::v1::GetReferralHistoryResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.CasesService/GetReferralHistory",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                              broker::v1::GetCaseHistoryRequest asked;
                              asked.set_name(request->referral());
                              asked.set_as_at_ms(request->as_at_ms());
                              asked.set_time(request->time());
                              ACCORD_ASSIGN_OR_RETURN(auto answer, runtime_.cases().History(asked));
                              response->mutable_history()->Swap(answer.mutable_history());
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* CasesService::ListCaseLinks(grpc::CallbackServerContext* context, const agency::v1::ListCaseLinksRequest* request,
                                                      agency::v1::ListCaseLinksResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.CasesService/ListCaseLinks",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              broker::v1::ListLinkProposalsRequest asked;
                              asked.set_page_size(request->page_size());
                              asked.set_page_token(request->page_token());
                              ACCORD_ASSIGN_OR_RETURN(auto page, runtime_.cases().ListLinks(asked));
                              response->mutable_proposals()->Swap(page.mutable_proposals());
                              response->set_next_page_token(page.next_page_token());
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* CasesService::AnswerCaseLink(grpc::CallbackServerContext* context, const agency::v1::AnswerCaseLinkRequest* request,
                                                       agency::v1::AnswerCaseLinkResponse*) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.CasesService/AnswerCaseLink", *request, Journalled::kByCall,
                    [this, request](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      broker::v1::AnswerLinkProposalRequest asked;
                      asked.set_request_id(request->request_id());
                      asked.set_name(request->link());
                      asked.set_answer(request->answer());
                      *asked.mutable_worker() = request->worker();
                      return runtime_.cases().Answer(asked);
                    });
}

}  // namespace accord::agent_rpc
