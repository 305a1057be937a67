// The ForumService of proto/accord/forum/v1.
#pragma once

#include "accord/forum/v1/forum_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "services/agency/forum.h"

namespace accord::agency {

// Of a runtime whose configuration has a [forum]; it must outlive this. Thread-safe.
class ForumService final : public forum::v1::ForumService::CallbackService {
 public:
  explicit ForumService(agent_rpc::AgencyRuntime& runtime)
      : runtime_(runtime), forum_(runtime.store(), runtime.inbox(), runtime.outbox(), runtime.clock(), runtime.config().forum, runtime.config().agency) {}

  grpc::ServerUnaryReactor* ScheduleCase(grpc::CallbackServerContext*, const forum::v1::ScheduleCaseRequest*, forum::v1::ScheduleCaseResponse*) override;
  grpc::ServerUnaryReactor* GetAgenda(grpc::CallbackServerContext*, const forum::v1::GetAgendaRequest*, forum::v1::GetAgendaResponse*) override;
  grpc::ServerUnaryReactor* RequestResearch(grpc::CallbackServerContext*, const forum::v1::RequestResearchRequest*,
                                            forum::v1::RequestResearchResponse*) override;
  grpc::ServerUnaryReactor* RecordHearing(grpc::CallbackServerContext*, const forum::v1::RecordHearingRequest*, forum::v1::RecordHearingResponse*) override;
  grpc::ServerUnaryReactor* AddAction(grpc::CallbackServerContext*, const forum::v1::AddActionRequest*, forum::v1::AddActionResponse*) override;
  grpc::ServerUnaryReactor* CompleteAction(grpc::CallbackServerContext*, const forum::v1::CompleteActionRequest*, forum::v1::CompleteActionResponse*) override;
  grpc::ServerUnaryReactor* ListActions(grpc::CallbackServerContext*, const forum::v1::ListActionsRequest*, forum::v1::ListActionsResponse*) override;

 private:
  // As an answer shows it.
  forum::v1::AgendaItem ToItem(const ForumCase& one) const;
  // The sections of a case, which reads it.
  absl::StatusOr<std::vector<agency::v1::OpenedSection>> Read(const std::string& request_id, const ForumCase& one, const type::v1::Worker& worker);
  // Whether a conflict of interest keeps a case from a worker.
  absl::StatusOr<bool> IsBarred(const type::v1::Worker& worker, std::string_view header_digest);
  absl::Status Ask(const forum::v1::RequestResearchRequest& request, forum::v1::RequestResearchResponse& response);
  absl::Status Add(const forum::v1::AddActionRequest& request, forum::v1::AddActionResponse& response);

  agent_rpc::AgencyRuntime& runtime_;
  Forum forum_;
};

}  // namespace accord::agency
