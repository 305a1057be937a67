#include "common/agent_rpc/outbox_service.h"

#include "common/agent_rpc/inbox_service.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"

namespace accord::agent_rpc {
namespace {

agency::v1::Submission ToSubmission(const std::string& request_id, const storage::v1::StoredSubmission& stored) {
  agency::v1::Submission submission;
  submission.set_request_id(request_id);
  submission.set_state(stored.state());
  submission.set_method(stored.draft().method());
  if (!stored.header_digest().empty()) submission.set_referral(referral::ReferralName(stored.header_digest()));
  *submission.mutable_decisions() = stored.decisions();
  *submission.mutable_warnings() = stored.warnings();
  submission.set_waiting_for(stored.waiting_for());
  submission.set_accepted_at_ms(stored.accepted_at_ms());
  submission.set_attempts(stored.attempts());
  if (stored.has_receipt()) *submission.mutable_receipt() = stored.receipt();
  *submission.mutable_statements() = stored.statements();
  return submission;
}

}  // namespace

grpc::ServerUnaryReactor* OutboxService::GetSubmission(grpc::CallbackServerContext* context,
                                                       const agency::v1::GetSubmissionRequest* request,
                                                       agency::v1::GetSubmissionResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.OutboxService/GetSubmission",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            const auto stored = runtime_.outbox().Get(request->request_id());
                            if (stored.ok()) *response->mutable_submission() = ToSubmission(request->request_id(), *stored);
                            done(stored.status());
                          });
}

grpc::ServerUnaryReactor* OutboxService::ListSubmissions(grpc::CallbackServerContext* context,
                                                         const agency::v1::ListSubmissionsRequest* request,
                                                         agency::v1::ListSubmissionsResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.OutboxService/ListSubmissions",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
                              ACCORD_ASSIGN_OR_RETURN(const uint64_t before, ParsePageToken(request->page_token()));
                              ACCORD_ASSIGN_OR_RETURN(const auto rows, runtime_.outbox().List(before, size));
                              for (const auto& [id, stored] : rows) *response->add_submissions() = ToSubmission(id, stored);
                              if (static_cast<int>(rows.size()) == size && rows.back().second.sequence() > 1) {
                                response->set_next_page_token(MakePageToken(rows.back().second.sequence()));
                              }
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* OutboxService::ResolveSubmission(grpc::CallbackServerContext* context,
                                                           const agency::v1::ResolveSubmissionRequest* request,
                                                           agency::v1::ResolveSubmissionResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.OutboxService/ResolveSubmission",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                              ACCORD_ASSIGN_OR_RETURN(const auto stored, runtime_.outbox().Resolve(request->request_id(), request->send()));
                              *response->mutable_submission() = ToSubmission(request->request_id(), stored);
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* OutboxService::GetServiceStatus(grpc::CallbackServerContext* context,
                                                          const agency::v1::GetServiceStatusRequest*,
                                                          agency::v1::GetServiceStatusResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.OutboxService/GetServiceStatus",
                          [this, response](const rpc::Call&, rpc::Completion done) {
                            *response = runtime_.Status();
                            done(absl::OkStatus());
                          });
}

}  // namespace accord::agent_rpc
