#include "common/agent_rpc/disclosure_service.h"

#include "common/agent_rpc/work.h"
#include "common/base/status.h"
#include "common/referral/validate.h"

namespace accord::agent_rpc {

grpc::ServerUnaryReactor* DisclosureService::ListDisclosures(grpc::CallbackServerContext* context, const agency::v1::ListDisclosuresRequest* request,
                                                             agency::v1::ListDisclosuresResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.DisclosureService/ListDisclosures",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                              inspection::v1::ListDisclosuresRequest asked;
                              asked.set_page_size(request->page_size());
                              asked.set_page_token(request->page_token());
                              asked.set_open_only(request->open_only());
                              ACCORD_ASSIGN_OR_RETURN(auto page, runtime_.disclosures().List(asked));
                              response->mutable_disclosures()->Swap(page.mutable_disclosures());
                              response->set_next_page_token(page.next_page_token());
                              return absl::OkStatus();
                            }());
                          });
}

// Both write the journal themselves, for what they are about is the broker's to tell.
grpc::ServerUnaryReactor* DisclosureService::ReadDisclosure(grpc::CallbackServerContext* context, const agency::v1::ReadDisclosureRequest* request,
                                                            agency::v1::ReadDisclosureResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.DisclosureService/ReadDisclosure", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_ASSIGN_OR_RETURN(*response, runtime_.disclosures().Read(*request));
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* DisclosureService::AnswerDisclosure(grpc::CallbackServerContext* context, const agency::v1::AnswerDisclosureRequest* request,
                                                              agency::v1::AnswerDisclosureResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.DisclosureService/AnswerDisclosure", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_ASSIGN_OR_RETURN(*response, runtime_.disclosures().Answer(*request));
                      return absl::OkStatus();
                    });
}

}  // namespace accord::agent_rpc
