#include "services/accordctl/proposals.h"

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/base/status.h"

namespace accord::accordctl {

absl::StatusOr<int> ProposeChange(Session& session, const Endpoint& broker, admin::v1::ProposeChangeRequest request,
                                  absl::FunctionRef<std::string(const admin::v1::ProposedChange&)> told) {
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &admin::v1::AdminService::Stub::ProposeChange, request));
  if (session.json()) {
    session.PrintJson(ToJson(response.change()));
  } else {
    session.Print(told(response.change()));
  }
  return kDone;
}

}  // namespace accord::accordctl
