// Acts on what was sent and who holds it, and whom a change of administrators names, as people read them.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/status.h"
#include "services/accordctl/references.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// A row for each desk and version, and each basis and rule of what it holds; below it who was not told, and who has not answered. Pure. Thread-safe.
std::string HoldersText(const agency::v1::GetSubmissionHoldersResponse& holders, size_t width);

// What a recipient's statement says beside its kind; empty when nothing. Pure. Thread-safe.
std::string StatementText(const agency::v1::ReceivedStatement& statement);

// What came of an act on a submission, and whom no notice may reach. Pure. Thread-safe.
std::string ActText(const agency::v1::Submission& submission, size_t width);

// What a proposed change of administrators names and what stands among its differences by a digest alone, since it leads to people: whom a conflict list
// bars, which cases and people a hold covers. An approver holds it against the list, or the order, that they have. Empty for other changes. Pure.
// Thread-safe.
std::string NamedText(const admin::v1::Change& change);

// What is planned for the same: before the change, so that what it makes different is different from that; and after it, so that it is withdrawn. Empty when
// nothing is. Pure. Thread-safe.
std::string PlannedText(const admin::v1::GetChangeResponse& response, size_t width);

// Carries out an act on the submission that `id` names, as the agency and worker of the session, and prints what came of it.
template <typename Request, typename Response>
absl::StatusOr<int> SubmissionAct(Session& session, const std::string& id, Request request,
                                  grpc::Status (agency::v1::OutboxService::Stub::*method)(grpc::ClientContext*, const Request&, Response*));

// For SubmissionAct.
void PrintAct(Session& session, const agency::v1::Submission& submission);

template <typename Request, typename Response>
absl::StatusOr<int> SubmissionAct(Session& session, const std::string& id, Request request,
                                  grpc::Status (agency::v1::OutboxService::Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(const auto submission, FindSubmission(service, id));
  request.set_submission(submission.request_id());
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const Response response, Ask(service, method, request));
  PrintAct(session, response.submission());
  return kDone;
}

}  // namespace accord::accordctl
