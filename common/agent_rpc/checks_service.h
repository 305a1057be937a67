// The ChecksService of every agency service: asking many agencies about one family, and the table of what they answer (docs/checks.md).
#pragma once

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/agent/draft_builder.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"

namespace accord::agent_rpc {

inline constexpr size_t kChecksQuestionCharsMax = 16'000;

// The check as a draft: identity, children, alleged perpetrators, risk, and the question as narrative. Pure. Thread-safe.
absl::StatusOr<agent::Draft> MapChecks(const agency::v1::RequestChecksRequest& request, const agent::MappingContext& context);

// Thread-safe.
class ChecksService final : public agency::v1::ChecksService::CallbackService {
 public:
  explicit ChecksService(AgencyRuntime& runtime) : runtime_(runtime) {}

  // What it takes that is pushed, for the watched folder too.
  static PushCalls Pushes();

  grpc::ServerUnaryReactor* RequestChecks(grpc::CallbackServerContext*, const agency::v1::RequestChecksRequest*,
                                          agency::v1::RequestChecksResponse*) override;
  grpc::ServerUnaryReactor* GetChecks(grpc::CallbackServerContext*, const agency::v1::GetChecksRequest*,
                                      agency::v1::GetChecksResponse*) override;

 private:
  AgencyRuntime& runtime_;
};

}  // namespace accord::agent_rpc
