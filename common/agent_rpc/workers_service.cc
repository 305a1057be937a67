#include "common/agent_rpc/workers_service.h"

#include <algorithm>

#include "common/agent_rpc/inbox_service.h"
#include "common/agent_rpc/work.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/validate.h"

namespace accord::agent_rpc {

namespace {

// From the first worker on only who is enrolled may act: were that somebody else, who enrolled them could do nothing any more.
absl::Status CheckFirst(const agent::Workers& workers, const agency::v1::PutWorkerRequest& request) {
  const auto& roles = request.record().roles();
  const bool self = request.record().pseudonym() == request.worker().pseudonym() &&
                    (roles.empty() || std::find(roles.begin(), roles.end(), request.worker().role()) != roles.end());
  if (self || !workers.empty()) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, "the first in the register is who enrols, in the role that they act in: enrol yourself, then the others",
               {{"field", "record.pseudonym"}});
}

}  // namespace

grpc::ServerUnaryReactor* WorkersService::PutWorker(grpc::CallbackServerContext* context, const agency::v1::PutWorkerRequest* request,
                                                    agency::v1::PutWorkerResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.WorkersService/PutWorker", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_RETURN_IF_ERROR(CheckFirst(runtime_.workers(), *request));
                      ACCORD_ASSIGN_OR_RETURN(*response->mutable_record(),
                                              runtime_.workers().Put(request->request_id(), request->record(), request->worker(),
                                                                     [this](std::string_view digest) { return runtime_.inbox().People(digest); }));
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* WorkersService::EndWorker(grpc::CallbackServerContext* context, const agency::v1::EndWorkerRequest* request,
                                                    agency::v1::EndWorkerResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.WorkersService/EndWorker", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const auto ended,
                                              runtime_.workers().End(request->pseudonym(), request->worker(),
                                                                     [this](std::string_view digest) { return runtime_.inbox().IsOpenWork(digest); }));
                      response->set_left_at_ms(ended.left_at_ms);
                      response->set_returned(ended.returned);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* WorkersService::ListWorkers(grpc::CallbackServerContext* context, const agency::v1::ListWorkersRequest* request,
                                                      agency::v1::ListWorkersResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.WorkersService/ListWorkers", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
                      ACCORD_ASSIGN_OR_RETURN(const std::string after, ParseTextPageToken(request->page_token()));
                      for (auto& record : runtime_.workers().List(after, size)) *response->add_workers() = std::move(record);
                      if (response->workers_size() == size) response->set_next_page_token(ToBase64(response->workers(size - 1).pseudonym()));
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* WorkersService::ListJournal(grpc::CallbackServerContext* context, const agency::v1::ListJournalRequest* request,
                                                      agency::v1::ListJournalResponse* response) {
  return HandleWork(*context, runtime_, "/accord.agency.v1.WorkersService/ListJournal", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
                      ACCORD_ASSIGN_OR_RETURN(const uint64_t before, ParsePageToken(request->page_token()));
                      ACCORD_ASSIGN_OR_RETURN(auto page, runtime_.journal().List(before, size, request->about(), request->pseudonym()));
                      for (auto& entry : page.entries) *response->add_entries() = std::move(entry);
                      if (page.next != 0) response->set_next_page_token(MakePageToken(page.next));
                      return absl::OkStatus();
                    });
}

}  // namespace accord::agent_rpc
