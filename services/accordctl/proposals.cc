#include "services/accordctl/proposals.h"

#include <utility>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/base/status.h"

namespace accord::accordctl {

absl::StatusOr<int> ProposeChange(Session& session, Endpoint broker, admin::v1::ProposeChangeRequest request,
                                  absl::FunctionRef<std::string(const admin::v1::ProposedChange&)> told) {
  // The broker has a dry run of its own, which knows more than one here.
  request.set_dry_run(session.dry_run());
  broker.dry_run = false;
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &admin::v1::AdminService::Stub::ProposeChange, request));
  if (session.json()) {
    nlohmann::json change = ToJson(response.change());
    session.PrintJson(session.dry_run() ? nlohmann::json{{"dryRun", true}, {"change", std::move(change)}} : change);
  } else {
    session.Print(session.dry_run() ? "The broker would take it. Nothing was changed.\n" : told(response.change()));
  }
  return kDone;
}

}  // namespace accord::accordctl
