#include "services/housing/api/housing_service.h"

#include "common/agent_rpc/push.h"
#include "services/housing/mapping.h"

namespace accord::housing {

grpc::ServerUnaryReactor* HousingService::ReferOn(grpc::CallbackServerContext* context,
                                                  const v1::ReferOnRequest* request,
                                                  v1::ReferOnResponse* response) {
  return agent_rpc::HandlePush(*context, runtime_, "/accord.housing.v1.HousingService/ReferOn", *request, *response, MapOnward);
}

}  // namespace accord::housing
