// Proposing a change of administrators, which every verb that proposes one does alike.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <string>

#include "accord/admin/v1/admin_service.pb.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// Proposes the change of `request` at `broker`, under a request id of its own, and prints it: as JSON, or what `told` says of it. Errors are those of the
// call.
absl::StatusOr<int> ProposeChange(Session& session, const Endpoint& broker, admin::v1::ProposeChangeRequest request,
                                  absl::FunctionRef<std::string(const admin::v1::ProposedChange&)> told);

}  // namespace accord::accordctl
