#include "common/agent_rpc/checks_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/agent/checks.h"
#include "common/agent_rpc/push.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"

namespace accord::agent_rpc {
namespace {

size_t CharsOf(const std::string& utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

// What was received in answer, by who sent it. What was erased here since is left out.
absl::StatusOr<agent::ChecksResponses> ResponsesTo(AgencyRuntime& runtime, const storage::v1::StoredSubmission& stored) {
  agent::ChecksResponses responses;
  for (const std::string& digest : stored.responses()) {
    const auto entry = runtime.inbox().Get(digest);
    if (absl::IsNotFound(entry.status()) || HasReason(entry.status(), Reason::kErased)) continue;
    ACCORD_RETURN_IF_ERROR(entry);
    responses[entry->header.core.part.sender()].push_back(referral::ReferralName(digest));
  }
  return responses;
}

}  // namespace

absl::StatusOr<agent::Draft> MapChecks(const agency::v1::RequestChecksRequest& request, const agent::MappingContext& context) {
  const auto& options = request.options();
  agent::DraftBuilder draft("RequestChecks", request, options, context);
  draft.RequirePresent(!options.recipients().empty(), "options.recipients", "names nobody who is asked")
      .Checks()
      .RequireValid(CharsOf(request.question()) <= kChecksQuestionCharsMax, "question",
                    fmt::format("is longer than {} characters", kChecksQuestionCharsMax))
      .Victim(request.victim(), "victim")
      .AllegedPerpetrators(request.alleged_perpetrators(), type::v1::RELATIONSHIP_CLASS_UNSPECIFIED)
      .Children(request.children())
      .Text(type::v1::CATEGORY_NARRATIVE, request.question());
  if (request.risk().grade() != type::v1::RISK_GRADE_UNSPECIFIED) {
    type::v1::RiskAssessment assessment;
    *assessment.mutable_risk() = request.risk();
    draft.Risk(std::move(assessment), "risk.instrument_version");
  } else {
    draft.Warn("It has no grade: those who are asked have the time of STANDARD.");
  }
  return std::move(draft).Build(request.purpose());
}

namespace {
constexpr PushMethod kRequestChecks("/accord.agency.v1.ChecksService/RequestChecks", MapChecks);
}  // namespace

PushCalls ChecksService::Pushes() { return {kRequestChecks}; }

grpc::ServerUnaryReactor* ChecksService::RequestChecks(grpc::CallbackServerContext* context, const agency::v1::RequestChecksRequest* request,
                                                       agency::v1::RequestChecksResponse* response) {
  return HandlePush(*context, runtime_, kRequestChecks, *request, *response);
}

grpc::ServerUnaryReactor* ChecksService::GetChecks(grpc::CallbackServerContext* context, const agency::v1::GetChecksRequest* request,
                                                   agency::v1::GetChecksResponse* response) {
  return rpc::HandleUnary(*context, runtime_.handlers(), "/accord.agency.v1.ChecksService/GetChecks",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                              ACCORD_ASSIGN_OR_RETURN(const auto stored, runtime_.outbox().GetFresh(request->request_id()));
                              if (!stored.draft().core().checks()) {
                                return Error(Reason::kReferralNotFound, "no check was asked under this request id");
                              }
                              ACCORD_ASSIGN_OR_RETURN(const auto responses, ResponsesTo(runtime_, stored));
                              *response = agent::MakeChecks(stored, responses, runtime_.clock().Now());
                              return absl::OkStatus();
                            }());
                          });
}

}  // namespace accord::agent_rpc
