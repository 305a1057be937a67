// ReferralService's calls by which a sender changes what it shared: consent, correction, recall, withdrawal, grade, sealing again.
#pragma once

#include "services/broker/api/referral_service.h"

namespace accord::broker {

// `work` and `shared` must outlive the server. Thread-safe.
grpc::ServerUnaryReactor* HandleChangeConsent(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                              const v1::ChangeConsentRequest& request, v1::ChangeConsentResponse& response);
grpc::ServerUnaryReactor* HandleCorrectReferral(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                                const v1::CorrectReferralRequest& request, v1::CorrectReferralResponse& response);
grpc::ServerUnaryReactor* HandleRecallReferral(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                               const v1::RecallReferralRequest& request, v1::RecallReferralResponse& response);
grpc::ServerUnaryReactor* HandleWithdrawReferral(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                                 const v1::WithdrawReferralRequest& request, v1::WithdrawReferralResponse& response);
grpc::ServerUnaryReactor* HandleRegradeReferral(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                                const v1::RegradeReferralRequest& request, v1::RegradeReferralResponse& response);
grpc::ServerUnaryReactor* HandleResealReferral(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                               const v1::ResealReferralRequest& request, v1::ResealReferralResponse& response);

}  // namespace accord::broker
