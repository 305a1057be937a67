// ReferralService of the broker: agencies push referrals and speak of them.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <string>

#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/base/executor.h"
#include "common/rpc/bidi.h"
#include "common/rpc/handler.h"
#include "services/broker/admission/admission.h"
#include "services/broker/admission/quota.h"
#include "services/broker/admission/statement_command.h"
#include "services/broker/admission/submit_command.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/sharing/preview_quota.h"

namespace accord::broker {

inline constexpr int kSubmitReadAheadMax = 64;  // Unanswered requests of one SubmitReferrals stream.

// What referrals are handled with; all must outlive the server.
struct ReferralWork {
  Sequencer& sequencer;
  const Admission& admission;
  const CaseLinker& linker;
  Mailboxes& mailboxes;
  const DirectoryHolder& directory;
  RefusalRecorder& refusals;
  Executor& executor;
  const Clock& clock;
  PreviewQuota& previews;
  const PolicyHolder& policy;
  Quotas& quotas;
};

using SubmitDone = absl::AnyInvocable<void(absl::StatusOr<v1::SubmitReferralResponse>, std::string_view signature_digest) &&>;

// Takes one submission of `caller`, on a worker: checks it, queues it, answers once it is signed for.
// `signature_digest` is that of its header once it was read, for the record of a refusal.
void Submit(const ReferralWork& work, const Caller& caller, v1::SubmitReferralRequest request, SubmitDone done);

// The answer to a submission that was stored. Errors of the store. Thread-safe.
absl::StatusOr<v1::SubmitReferralResponse> SubmitResponse(const ReferralWork& work, const Caller& caller, Stored stored);

// Thread-safe.
class ReferralService final : public broker::v1::ReferralService::CallbackService {
 public:
  ReferralService(const ReferralWork& work, rpc::HandlerContext& shared, rpc::LiveStreams& streams)
      : work_(work), shared_(shared), streams_(streams) {}

  grpc::ServerUnaryReactor* PreviewReferral(grpc::CallbackServerContext* context, const v1::PreviewReferralRequest* request,
                                            v1::PreviewReferralResponse* response) override;
  grpc::ServerUnaryReactor* SubmitReferral(grpc::CallbackServerContext* context, const v1::SubmitReferralRequest* request,
                                           v1::SubmitReferralResponse* response) override;
  grpc::ServerBidiReactor<v1::SubmitReferralsRequest, v1::SubmitReferralsResponse>* SubmitReferrals(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetReferral(grpc::CallbackServerContext* context, const v1::GetReferralRequest* request,
                                        v1::GetReferralResponse* response) override;
  grpc::ServerUnaryReactor* ListReferrals(grpc::CallbackServerContext* context, const v1::ListReferralsRequest* request,
                                          v1::ListReferralsResponse* response) override;
  grpc::ServerUnaryReactor* RespondToReferral(grpc::CallbackServerContext* context,
                                              const v1::RespondToReferralRequest* request,
                                              v1::RespondToReferralResponse* response) override;
  grpc::ServerUnaryReactor* RecordOutcome(grpc::CallbackServerContext* context, const v1::RecordOutcomeRequest* request,
                                          v1::RecordOutcomeResponse* response) override;
  grpc::ServerUnaryReactor* ChangeConsent(grpc::CallbackServerContext* context, const v1::ChangeConsentRequest* request,
                                          v1::ChangeConsentResponse* response) override;
  grpc::ServerUnaryReactor* CorrectReferral(grpc::CallbackServerContext* context, const v1::CorrectReferralRequest* request,
                                            v1::CorrectReferralResponse* response) override;
  grpc::ServerUnaryReactor* RecallReferral(grpc::CallbackServerContext* context, const v1::RecallReferralRequest* request,
                                           v1::RecallReferralResponse* response) override;
  grpc::ServerUnaryReactor* WithdrawReferral(grpc::CallbackServerContext* context, const v1::WithdrawReferralRequest* request,
                                             v1::WithdrawReferralResponse* response) override;
  grpc::ServerUnaryReactor* RegradeReferral(grpc::CallbackServerContext* context, const v1::RegradeReferralRequest* request,
                                            v1::RegradeReferralResponse* response) override;
  grpc::ServerUnaryReactor* ResealReferral(grpc::CallbackServerContext* context, const v1::ResealReferralRequest* request,
                                           v1::ResealReferralResponse* response) override;
  grpc::ServerReadReactor<v1::UploadSectionRequest>* UploadSection(grpc::CallbackServerContext* context,
                                                                   v1::UploadSectionResponse* response) override;

 private:
  const ReferralWork work_;
  rpc::HandlerContext& shared_;
  rpc::LiveStreams& streams_;
};

}  // namespace accord::broker
