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

absl::StatusOr<agent::Draft> MapAnswerHere(const v1::AnswerReferralRequest& answer, const agent::MappingContext& mapping, agent_rpc::AgencyRuntime& runtime) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(answer));
  ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(answer.referral()));
  ACCORD_ASSIGN_OR_RETURN(const agent::InboxEntry entry, runtime.inbox().Get(digest));
  Answered answered{entry.header_digest, entry.header.core.part, {}};
  if (answer.has_record()) {  // Held against what the section says, which only an act of reading opens.
    ACCORD_ASSIGN_OR_RETURN(const auto sections, runtime.inbox().Read(ReadingId(answer.options().request_id()), digest, answer.options().worker()));
    answered.alleged_perpetrators = AllegedPerpetratorsOf(sections);
  }
  return MapAnswer(answer, answered, mapping);
}

constexpr agent_rpc::PushMethod kReferPatient("/accord.health.v1.HealthService/ReferPatient", MapPatient);
constexpr agent_rpc::PushMethod kNotifyDutyToRefer("/accord.health.v1.HealthService/NotifyDutyToRefer", MapDutyToRefer);
constexpr agent_rpc::PushMethod kAnswerReferral("/accord.health.v1.HealthService/AnswerReferral", MapAnswerHere);

}  // namespace

agent_rpc::PushCalls HealthService::Pushes() {
  return {kReferPatient, kNotifyDutyToRefer, kAnswerReferral};
}

grpc::ServerUnaryReactor* HealthService::ReferPatient(grpc::CallbackServerContext* context,
                                                      const v1::ReferPatientRequest* request,
                                                      v1::ReferPatientResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kReferPatient, *request, *response);
}

grpc::ServerUnaryReactor* HealthService::NotifyDutyToRefer(grpc::CallbackServerContext* context,
                                                           const v1::NotifyDutyToReferRequest* request,
                                                           v1::NotifyDutyToReferResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kNotifyDutyToRefer, *request, *response);
}

grpc::ServerUnaryReactor* HealthService::AnswerReferral(grpc::CallbackServerContext* context,
                                                        const v1::AnswerReferralRequest* request,
                                                        v1::AnswerReferralResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kAnswerReferral, *request, *response);
}

}  // namespace accord::health
