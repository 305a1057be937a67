// The OutboxService of every agency service: converts, and calls the runtime's outbox.
#pragma once

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"

namespace accord::agent_rpc {

// Where a submission stands, and what was said of it. Thread-safe.
agency::v1::Submission ToSubmission(const std::string& request_id, const storage::v1::StoredSubmission& stored);

// Thread-safe.
class OutboxService final : public agency::v1::OutboxService::CallbackService {
 public:
  explicit OutboxService(AgencyRuntime& runtime) : runtime_(runtime) {}

  // What it takes that is pushed, for the watched folder too.
  static PushCalls Pushes();

  grpc::ServerUnaryReactor* GetSubmission(grpc::CallbackServerContext*, const agency::v1::GetSubmissionRequest*,
                                          agency::v1::GetSubmissionResponse*) override;
  grpc::ServerUnaryReactor* ListSubmissions(grpc::CallbackServerContext*, const agency::v1::ListSubmissionsRequest*,
                                            agency::v1::ListSubmissionsResponse*) override;
  grpc::ServerUnaryReactor* ResolveSubmission(grpc::CallbackServerContext*, const agency::v1::ResolveSubmissionRequest*,
                                              agency::v1::ResolveSubmissionResponse*) override;
  grpc::ServerUnaryReactor* ChangeSubmissionConsent(grpc::CallbackServerContext*, const agency::v1::ChangeSubmissionConsentRequest*,
                                                    agency::v1::ChangeSubmissionConsentResponse*) override;
  grpc::ServerUnaryReactor* RecallSubmission(grpc::CallbackServerContext*, const agency::v1::RecallSubmissionRequest*,
                                             agency::v1::RecallSubmissionResponse*) override;
  grpc::ServerUnaryReactor* WithdrawSubmission(grpc::CallbackServerContext*, const agency::v1::WithdrawSubmissionRequest*,
                                               agency::v1::WithdrawSubmissionResponse*) override;
  grpc::ServerUnaryReactor* RegradeSubmission(grpc::CallbackServerContext*, const agency::v1::RegradeSubmissionRequest*,
                                              agency::v1::RegradeSubmissionResponse*) override;
  grpc::ServerUnaryReactor* ResealSubmission(grpc::CallbackServerContext* context, const agency::v1::ResealSubmissionRequest* request,
                                             agency::v1::ResealSubmissionResponse* response) override;
  grpc::ServerUnaryReactor* ReviewSubmissionGap(grpc::CallbackServerContext*, const agency::v1::ReviewSubmissionGapRequest*,
                                                agency::v1::ReviewSubmissionGapResponse*) override;
  grpc::ServerUnaryReactor* AssessSubmissionBreach(grpc::CallbackServerContext*, const agency::v1::AssessSubmissionBreachRequest*,
                                                   agency::v1::AssessSubmissionBreachResponse*) override;
  grpc::ServerUnaryReactor* RecordNotShared(grpc::CallbackServerContext*, const agency::v1::RecordNotSharedRequest*,
                                            agency::v1::RecordNotSharedResponse*) override;
  grpc::ServerUnaryReactor* RecordSentOutside(grpc::CallbackServerContext*, const agency::v1::RecordSentOutsideRequest*,
                                              agency::v1::RecordSentOutsideResponse*) override;
  grpc::ServerUnaryReactor* GetSubmissionHolders(grpc::CallbackServerContext*, const agency::v1::GetSubmissionHoldersRequest*,
                                                  agency::v1::GetSubmissionHoldersResponse*) override;
  grpc::ServerUnaryReactor* ListWaiting(grpc::CallbackServerContext*, const agency::v1::ListWaitingRequest*,
                                        agency::v1::ListWaitingResponse*) override;
  grpc::ServerUnaryReactor* PublishOwnSupport(grpc::CallbackServerContext*, const agency::v1::PublishOwnSupportRequest*,
                                              agency::v1::PublishOwnSupportResponse*) override;
  grpc::ServerUnaryReactor* GetServiceStatus(grpc::CallbackServerContext*, const agency::v1::GetServiceStatusRequest*,
                                             agency::v1::GetServiceStatusResponse*) override;

 private:
  AgencyRuntime& runtime_;
};

}  // namespace accord::agent_rpc
