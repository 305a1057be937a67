#include "services/health/api/health_service.h"

#include "common/agent_rpc/push.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"
#include "services/health/mapping.h"

namespace accord::health {

grpc::ServerUnaryReactor* HealthService::ReferPatient(grpc::CallbackServerContext* context,
                                                      const v1::ReferPatientRequest* request,
                                                      v1::ReferPatientResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.health.v1.HealthService/ReferPatient", *request, *response, MapPatient);
}

grpc::ServerUnaryReactor* HealthService::NotifyDutyToRefer(grpc::CallbackServerContext* context,
                                                           const v1::NotifyDutyToReferRequest* request,
                                                           v1::NotifyDutyToReferResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.health.v1.HealthService/NotifyDutyToRefer", *request, *response, MapDutyToRefer);
}

grpc::ServerUnaryReactor* HealthService::AnswerReferral(grpc::CallbackServerContext* context,
                                                        const v1::AnswerReferralRequest* request,
                                                        v1::AnswerReferralResponse* response) {
  return agent_rpc::HandlePush(
      *context, runtime_, "/accord.health.v1.HealthService/AnswerReferral", *request, *response,
      [this](const v1::AnswerReferralRequest& answer, const agent::MappingContext& mapping) -> absl::StatusOr<agent::Draft> {
        ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(answer));
        ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(answer.referral()));
        ACCORD_ASSIGN_OR_RETURN(const agent::InboxEntry answered, runtime_.inbox().Get(digest));
        return MapAnswer(answer, {answered.header_digest, answered.header.core.part}, mapping);
      });
}

}  // namespace accord::health
