#include "services/agency/api/forum_service.h"

#include <fmt/format.h>

#include <utility>

#include "common/agent/checks.h"
#include "common/agent_rpc/checks_service.h"
#include "common/agent_rpc/inbox_service.h"
#include "common/agent_rpc/push.h"
#include "common/agent_rpc/work.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"
#include "services/agency/forum_mapping.h"

namespace accord::agency {
namespace {

using agent_rpc::HandleWork;
using agent_rpc::Journalled;

constexpr std::string_view kRequestResearch = "/accord.forum.v1.ForumService/RequestResearch", kAddAction = "/accord.forum.v1.ForumService/AddAction";

// Reading is an act of its own at the broker, saying so another, and what is pushed a third: one id for two would be taken for a repetition.
std::string DerivedId(std::string_view what, std::string_view push_id) {
  return fmt::format("{}/{}", what, ToHex(crypto::Sha256(push_id)).substr(0, 32));
}

// A push of this service, whose mapping needs the case, as MapPush takes one.
template <typename Map>
struct CasePush {
  std::string_view method;
  Map map;
  std::string_view path() const { return method; }
  template <typename Request>
  absl::StatusOr<agent::Draft> operator()(const Request& request, const agent::MappingContext& context, agent_rpc::AgencyRuntime&) const {
    return map(request, context);
  }
};
template <typename Map>
CasePush(std::string_view, Map) -> CasePush<Map>;

forum::v1::Action ToAction(const ForumAction& from) {
  forum::v1::Action action;
  action.set_id(from.id);
  action.set_referral(referral::ReferralName(from.header_digest));
  action.set_owner(from.stored.owner());
  action.set_code(from.stored.code());
  action.set_words(from.stored.words());
  action.set_due_at_ms(from.stored.due_at_ms());
  action.set_state(from.state);
  action.set_overdue(from.overdue);
  action.set_completed_at_ms(from.stored.completed_at_ms());
  action.set_completed_code(from.stored.completed_code());
  action.set_added_at_ms(from.stored.added_at_ms());
  return action;
}

// What of this service files may hold, as the watched folder takes it. `check`: absl::Status(const Request&); `take`: the same with its PushResult.
template <typename Request>
std::shared_ptr<const agent_rpc::PushCall> WholePush(std::string_view path, std::function<absl::Status(const Request&)> check,
                                                     std::function<absl::StatusOr<agency::v1::PushResult>(const Request&)> take) {
  using google::protobuf::Message;
  return std::make_shared<const agent_rpc::PushCall>(
      path, Request::default_instance(),
      agent_rpc::PushCall::Whole{[check](const Message& request) { return check(static_cast<const Request&>(request)); },
                                 [take](const Message& request) { return take(static_cast<const Request&>(request)); }});
}

}  // namespace

ForumService::ForumService(agent_rpc::AgencyRuntime& runtime)
    : runtime_(runtime), forum_(runtime.store(), runtime.inbox(), runtime.outbox(), runtime.clock(), runtime.config().forum, runtime.config().agency) {
  runtime_.AddToday([this] { return forum_.Today(); });
  runtime_.AddPush(WholePush<forum::v1::RequestResearchRequest>(
      kRequestResearch, [this](const auto& request) { return CheckAsk(request); },
      [this](const auto& request) -> absl::StatusOr<agency::v1::PushResult> {
        forum::v1::RequestResearchResponse response;
        ACCORD_RETURN_IF_ERROR(agent_rpc::Admit(runtime_, kRequestResearch, request, Journalled::kByAct));
        ACCORD_RETURN_IF_ERROR(Ask(request, response));
        return response.result();
      }));
  runtime_.AddPush(WholePush<forum::v1::AddActionRequest>(
      kAddAction, [this](const auto& request) { return CheckAdd(request); },
      [this](const auto& request) -> absl::StatusOr<agency::v1::PushResult> {
        forum::v1::AddActionResponse response;
        ACCORD_RETURN_IF_ERROR(agent_rpc::Admit(runtime_, kAddAction, request, Journalled::kByCall));
        ACCORD_RETURN_IF_ERROR(Add(request, response));
        // One of its own is kept, and nothing more comes of it.
        if (!response.has_result()) response.mutable_result()->set_state(agency::v1::SUBMISSION_STATE_SETTLED);
        return response.result();
      }));
}

forum::v1::AgendaItem ForumService::ToItem(const ForumCase& one) const {
  forum::v1::AgendaItem item;
  *item.mutable_item() = agent_rpc::ToItem(runtime_, one.entry);
  item.set_meeting_at_ms(one.stored.meeting_at_ms());
  *item.mutable_criteria() = one.entry.header.core.part.marac_criteria();
  item.set_research(one.stored.research());
  *item.mutable_decisions() = one.stored.decisions();
  if (const auto asked = runtime_.outbox().Get(one.stored.research()); !one.stored.research().empty() && asked.ok()) {
    *item.mutable_answers() = agent::MakeChecks(*asked, {}, runtime_.clock().Now());
  }
  for (const ForumAction& action : one.actions) *item.add_actions() = ToAction(action);
  return item;
}

absl::StatusOr<bool> ForumService::IsBarred(const type::v1::Worker& worker, std::string_view header_digest) {
  if (!runtime_.workers().HasConflicts(worker.pseudonym())) return false;
  const auto people = runtime_.inbox().People(header_digest);
  if (absl::IsNotFound(people.status()) || HasReason(people.status(), Reason::kErased)) return false;
  ACCORD_RETURN_IF_ERROR(people);
  return runtime_.workers().Bars(worker.pseudonym(), *people);
}

absl::StatusOr<std::vector<agency::v1::OpenedSection>> ForumService::Read(const std::string& request_id, const ForumCase& one,
                                                                          const type::v1::Worker& worker) {
  return runtime_.inbox().Read(DerivedId("read-for-forum", request_id), one.entry.header_digest, worker);
}

grpc::ServerUnaryReactor* ForumService::ScheduleCase(grpc::CallbackServerContext* context, const forum::v1::ScheduleCaseRequest* request,
                                                 forum::v1::ScheduleCaseResponse* response) {
  return HandleWork(*context, runtime_, "/accord.forum.v1.ForumService/ScheduleCase", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const ForumCase one, forum_.List(*request));
                      *response->mutable_item() = ToItem(one);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* ForumService::GetAgenda(grpc::CallbackServerContext* context, const forum::v1::GetAgendaRequest* request,
                                                  forum::v1::GetAgendaResponse* response) {
  return HandleWork(*context, runtime_, "/accord.forum.v1.ForumService/GetAgenda", *request, Journalled::kByCall,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const auto cases, forum_.Agenda(request->meeting_at_ms()));
                      for (const ForumCase& one : cases) {
                        ACCORD_ASSIGN_OR_RETURN(const bool barred, IsBarred(request->worker(), one.entry.header_digest));
                        if (barred) continue;
                        response->set_more(response->items_size() == static_cast<int>(kForumListMax));
                        if (response->more()) break;
                        *response->add_items() = ToItem(one);
                      }
                      return absl::OkStatus();
                    });
}

absl::StatusOr<agent::Draft> ForumService::MapResearch(const forum::v1::RequestResearchRequest& request, const ForumCase& one, const Sections& sections) {
  const auto checks = ResearchOf(request, one.entry, sections, runtime_.config().forum_members, runtime_.config().agency);
  return agent_rpc::MapPush(runtime_, checks, CasePush{kRequestResearch, agent_rpc::MapChecks});
}

absl::StatusOr<agent::Draft> ForumService::MapActionHere(const forum::v1::AddActionRequest& request, const ForumCase& one, const Sections& sections) {
  const auto map = [&](const forum::v1::AddActionRequest& add, const agent::MappingContext& context) { return MapAction(add, one.entry, sections, context); };
  return agent_rpc::MapPush(runtime_, request, CasePush{kAddAction, map});
}

absl::Status ForumService::CheckAsk(const forum::v1::RequestResearchRequest& request) {
  ACCORD_RETURN_IF_ERROR(agent_rpc::Admit(runtime_, kRequestResearch, request, Journalled::kByAct));
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  ACCORD_ASSIGN_OR_RETURN(const ForumCase one, forum_.Find(request.referral()));
  ACCORD_RETURN_IF_ERROR(Forum::CheckResearch(one, request.options().request_id()));
  ACCORD_ASSIGN_OR_RETURN(const Sections sections, runtime_.inbox().OpenSections(one.entry));
  return MapResearch(request, one, sections).status();
}

absl::Status ForumService::CheckAdd(const forum::v1::AddActionRequest& request) {
  ACCORD_RETURN_IF_ERROR(agent_rpc::Admit(runtime_, kAddAction, request, Journalled::kByAct));
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  ACCORD_ASSIGN_OR_RETURN(const ForumCase one, forum_.Find(request.referral()));
  ACCORD_RETURN_IF_ERROR(forum_.CheckAction(one, request));
  ACCORD_ASSIGN_OR_RETURN(const Sections sections, runtime_.inbox().OpenSections(one.entry));
  return MapActionHere(request, one, sections).status();
}

absl::Status ForumService::Ask(const forum::v1::RequestResearchRequest& request, forum::v1::RequestResearchResponse& response) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  const std::string& id = request.options().request_id();
  ACCORD_ASSIGN_OR_RETURN(const ForumCase one, forum_.Find(request.referral()));
  ACCORD_RETURN_IF_ERROR(Forum::CheckResearch(one, id));
  ACCORD_ASSIGN_OR_RETURN(const auto sections, Read(id, one, request.options().worker()));
  ACCORD_ASSIGN_OR_RETURN(agent::Draft draft, MapResearch(request, one, sections));
  ACCORD_ASSIGN_OR_RETURN(*response.mutable_result(), runtime_.Push(std::move(draft)));
  if (request.options().preview_only()) return absl::OkStatus();
  return forum_.NoteResearch(one, id, DerivedId("research", id), request.options().worker());
}

grpc::ServerUnaryReactor* ForumService::RequestResearch(grpc::CallbackServerContext* context, const forum::v1::RequestResearchRequest* request,
                                                        forum::v1::RequestResearchResponse* response) {
  return HandleWork(*context, runtime_, kRequestResearch, *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) { return Ask(*request, *response); });
}

grpc::ServerUnaryReactor* ForumService::RecordHearing(grpc::CallbackServerContext* context, const forum::v1::RecordHearingRequest* request,
                                                      forum::v1::RecordHearingResponse* response) {
  return HandleWork(*context, runtime_, "/accord.forum.v1.ForumService/RecordHearing", *request, Journalled::kByAct,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const ForumCase one, forum_.Hear(*request));
                      *response->mutable_item() = ToItem(one);
                      return absl::OkStatus();
                    });
}

absl::Status ForumService::Add(const forum::v1::AddActionRequest& request, forum::v1::AddActionResponse& response) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  const std::string& id = request.options().request_id();
  ACCORD_ASSIGN_OR_RETURN(const ForumCase one, forum_.Find(request.referral()));
  ACCORD_RETURN_IF_ERROR(forum_.CheckAction(one, request));
  ACCORD_ASSIGN_OR_RETURN(const auto sections, Read(id, one, request.options().worker()));
  // Mapped before it is kept, own or not, so that what is kept is right.
  ACCORD_ASSIGN_OR_RETURN(agent::Draft draft, MapActionHere(request, one, sections));
  const bool preview = request.options().preview_only();
  if (!preview) ACCORD_RETURN_IF_ERROR(forum_.KeepAction(one, request));
  if (!forum_.IsOwn(request.owner())) {
    ACCORD_ASSIGN_OR_RETURN(*response.mutable_result(), runtime_.Push(std::move(draft)));
  }
  if (preview) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const ForumAction action, forum_.GetAction(id));
  *response.mutable_action() = ToAction(action);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* ForumService::AddAction(grpc::CallbackServerContext* context, const forum::v1::AddActionRequest* request,
                                                  forum::v1::AddActionResponse* response) {
  return HandleWork(*context, runtime_, kAddAction, *request, Journalled::kByCall,
                    [this, request, response](const rpc::Call&) { return Add(*request, *response); });
}

grpc::ServerUnaryReactor* ForumService::CompleteAction(grpc::CallbackServerContext* context, const forum::v1::CompleteActionRequest* request,
                                                       forum::v1::CompleteActionResponse* response) {
  return HandleWork(*context, runtime_, "/accord.forum.v1.ForumService/CompleteAction", *request, Journalled::kByCall,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      ACCORD_ASSIGN_OR_RETURN(const ForumAction before, forum_.GetAction(request->action()));
                      ACCORD_ASSIGN_OR_RETURN(const bool barred, IsBarred(request->worker(), before.header_digest));
                      if (barred) return Error(Reason::kReferralNotFound, "there is no such action");  // As of what is not here.
                      ACCORD_ASSIGN_OR_RETURN(const ForumAction action, forum_.Complete(*request));
                      *response->mutable_action() = ToAction(action);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* ForumService::ListActions(grpc::CallbackServerContext* context, const forum::v1::ListActionsRequest* request,
                                                    forum::v1::ListActionsResponse* response) {
  return HandleWork(*context, runtime_, "/accord.forum.v1.ForumService/ListActions", *request, Journalled::kByCall,
                    [this, request, response](const rpc::Call&) -> absl::Status {
                      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                      std::string digest;
                      if (!request->referral().empty()) {
                        ACCORD_ASSIGN_OR_RETURN(digest, referral::ParseReferralName(request->referral()));
                      }
                      ACCORD_ASSIGN_OR_RETURN(const int size, agent_rpc::PageSize(request->page_size()));
                      ACCORD_ASSIGN_OR_RETURN(const uint64_t after, agent_rpc::ParsePageToken(request->page_token()));
                      ACCORD_ASSIGN_OR_RETURN(const auto actions, forum_.Actions(digest));
                      uint64_t at = 0;  // Of those that are asked for: where a page ends.
                      for (const ForumAction& action : actions) {
                        if (action.state == forum::v1::ACTION_STATE_COMPLETED && !request->completed_too()) continue;
                        if (!action.overdue && request->overdue_only()) continue;
                        ACCORD_ASSIGN_OR_RETURN(const bool barred, IsBarred(request->worker(), action.header_digest));
                        if (barred || at++ < after) continue;
                        if (response->actions_size() == size) {
                          response->set_next_page_token(agent_rpc::MakePageToken(at - 1));
                          break;
                        }
                        *response->add_actions() = ToAction(action);
                      }
                      return absl::OkStatus();
                    });
}

}  // namespace accord::agency
