#include "services/health/api/health_service.h"

#include "common/agent_rpc/push.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"
#include "services/health/mapping.h"

namespace accord::health {
namespace {

// Reading is an act of its own at the broker, and the answer another: one id for both would be taken for a repetition.
std::string ReadingId(std::string_view answer_id) { return "read-for-answer/" + ToHex(crypto::Sha256(answer_id)).substr(0, 32); }

}  // namespace

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
        ACCORD_ASSIGN_OR_RETURN(const agent::InboxEntry entry, runtime_.inbox().Get(digest));
        Answered answered{entry.header_digest, entry.header.core.part, {}};
        if (answer.has_record()) {  // Held against what the section says, which only an act of reading opens.
          ACCORD_ASSIGN_OR_RETURN(const auto sections,
                                  runtime_.inbox().Read(ReadingId(answer.options().request_id()), digest, answer.options().worker()));
          answered.alleged_perpetrators = AllegedPerpetratorsOf(sections);
        }
        return MapAnswer(answer, answered, mapping);
      });
}

}  // namespace accord::health
