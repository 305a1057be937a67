#include "services/agency/api/refer_service.h"

#include "common/agent_rpc/push.h"
#include "services/agency/mapping.h"

namespace accord::agency {
namespace {

absl::StatusOr<agent::Draft> MapPersonHere(const refer::v1::ReferPersonRequest& request, const agent::MappingContext& context,
                                           agent_rpc::AgencyRuntime& runtime) {
  return MapPerson(request, runtime.config().push_profiles, context);
}

constexpr agent_rpc::PushMethod kReferPerson("/accord.refer.v1.ReferService/ReferPerson", MapPersonHere);

}  // namespace

agent_rpc::PushCalls ReferService::Pushes() { return {kReferPerson}; }

grpc::ServerUnaryReactor* ReferService::ReferPerson(grpc::CallbackServerContext* context, const refer::v1::ReferPersonRequest* request,
                                                    refer::v1::ReferPersonResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, kReferPerson, *request, *response);
}

}  // namespace accord::agency
