// The ForumService of proto/accord/forum/v1.
#pragma once

#include "accord/forum/v1/forum_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "services/agency/forum.h"

namespace accord::agency {

// Of a runtime whose configuration has a [forum]; it must outlive this. Thread-safe.
class ForumService final : public forum::v1::ForumService::CallbackService {
 public:
  // Adds to the runtime what of the forum waits today, and its pushes RequestResearch and AddAction for the watched folder.
  explicit ForumService(agent_rpc::AgencyRuntime& runtime);

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
  using Sections = std::vector<agency::v1::OpenedSection>;
  absl::StatusOr<Sections> Read(const std::string& request_id, const ForumCase& one, const type::v1::Worker& worker);
  // Whether a conflict of interest keeps a case from a worker.
  absl::StatusOr<bool> IsBarred(const type::v1::Worker& worker, std::string_view header_digest);
  // The draft of a push about a case, out of its sections.
  absl::StatusOr<agent::Draft> MapResearch(const forum::v1::RequestResearchRequest& request, const ForumCase& one, const Sections& sections);
  absl::StatusOr<agent::Draft> MapActionHere(const forum::v1::AddActionRequest& request, const ForumCase& one, const Sections& sections);
  // Whether Ask and Add would take it, as far as can be known without reading the case in anybody's name.
  absl::Status CheckAsk(const forum::v1::RequestResearchRequest& request);
  absl::Status CheckAdd(const forum::v1::AddActionRequest& request);
  absl::Status Ask(const forum::v1::RequestResearchRequest& request, forum::v1::RequestResearchResponse& response);
  absl::Status Add(const forum::v1::AddActionRequest& request, forum::v1::AddActionResponse& response);

  agent_rpc::AgencyRuntime& runtime_;
  Forum forum_;
};

}  // namespace accord::agency
