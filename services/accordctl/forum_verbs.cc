// A Marac forum at the agency that coordinates it: agenda, research, hearing, actions.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "accord/forum/v1/forum_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/push_calls.h"
#include "services/accordctl/references.h"
#include "services/accordctl/samples.h"
#include "services/accordctl/submit_verb.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using forum::v1::ForumService;

std::string When(int64_t ms) {
  return ms == 0 ? "" : absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

std::string ActionsText(const google::protobuf::RepeatedPtrField<forum::v1::Action>& actions) {
  console::Table table({"action", "case", "owner", "what", "due", "state"});
  table.KeepWhole(0);
  for (const auto& action : actions) {
    table.Add({action.id(), ShortName(action.referral()), action.owner(), fmt::format("{}: {}", action.code(), action.words()), When(action.due_at_ms()),
               fmt::format("{}{}{}", console::EnumWords(*forum::v1::ActionState_descriptor(), action.state()), action.overdue() ? ", overdue" : "",
                           action.completed_code().empty() ? "" : ": " + action.completed_code())});
  }
  return table.empty() ? "no actions\n" : table.ToString(console::TerminalWidth());
}

std::string AgendaText(const google::protobuf::RepeatedPtrField<forum::v1::AgendaItem>& items) {
  console::Table table({"case", "from", "grade", "state", "meeting", "research", "decided", "actions"});
  table.KeepWhole(0);
  for (const auto& row : items) {
    const std::string research = row.has_answers() ? fmt::format("{} of {} answered", row.answers().answered(), row.answers().rows_size()) : "";
    table.Add({ShortName(row.item().referral()), row.item().sender(), console::Words(row.item().grade()), console::Words(row.item().state()),
               row.meeting_at_ms() == 0 ? "not known here" : When(row.meeting_at_ms()), research, fmt::format("{}", fmt::join(row.decisions(), ", ")),
               fmt::to_string(row.actions_size())});
  }
  return table.empty() ? "no cases\n" : table.ToString(console::TerminalWidth());
}

absl::StatusOr<int> ShowItem(Session& session, const forum::v1::AgendaItem& item) {
  if (session.json()) {
    session.PrintJson(ToJson(item));
    return kDone;
  }
  google::protobuf::RepeatedPtrField<forum::v1::AgendaItem> one;
  *one.Add() = item;
  session.Print(AgendaText(one));
  return kDone;
}

// What every call of a forum begins with: as whom, where, and of an act by whom.
struct Caller {
  const AgencyIdentity* agency = nullptr;
  Endpoint service;
  type::v1::Worker worker;
};
absl::StatusOr<Caller> Begin(Session& session) {
  Caller caller;
  ACCORD_ASSIGN_OR_RETURN(caller.agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(caller.worker, session.Worker(*caller.agency));
  ACCORD_ASSIGN_OR_RETURN(caller.service, session.Service(*caller.agency));
  return caller;
}

absl::StatusOr<int> Agenda(Session& session, const std::string& meeting) {
  forum::v1::GetAgendaRequest request;
  if (!meeting.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const int64_t at_ms, TimeMs("--meeting", meeting));
    request.set_meeting_at_ms(at_ms);
  }
  ACCORD_ASSIGN_OR_RETURN(const Caller caller, Begin(session));
  *request.mutable_worker() = caller.worker;
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(caller.service, &ForumService::Stub::GetAgenda, request));
  if (session.json()) {
    session.PrintJson(ToJson(response));
    return kDone;
  }
  session.Print(AgendaText(response.items()));
  if (response.more()) session.Print("… and more: name the meeting\n");
  return kDone;
}

absl::StatusOr<int> ListForumCases(Session& session, const std::string& id, const std::string& meeting) {
  forum::v1::ScheduleCaseRequest request;
  ACCORD_ASSIGN_OR_RETURN(const int64_t at_ms, TimeMs("--meeting", meeting));
  request.set_meeting_at_ms(at_ms);
  ACCORD_ASSIGN_OR_RETURN(const Caller caller, Begin(session));
  *request.mutable_worker() = caller.worker;
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_referral(), FindInInbox(caller.service, id));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(caller.service, &ForumService::Stub::ScheduleCase, request));
  return ShowItem(session, response.item());
}

absl::StatusOr<int> Hear(Session& session, const std::string& id, const std::vector<std::string>& decisions, const std::string& deferred_to) {
  if (decisions.empty() == deferred_to.empty()) return UsageError("say either --decision, what was decided, or --defer-to, when the next meeting begins");
  forum::v1::RecordHearingRequest request;
  *request.mutable_decisions() = {decisions.begin(), decisions.end()};
  if (!deferred_to.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const int64_t at_ms, TimeMs("--defer-to", deferred_to));
    request.set_deferred_to_ms(at_ms);
  }
  ACCORD_ASSIGN_OR_RETURN(const Caller caller, Begin(session));
  *request.mutable_worker() = caller.worker;
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_referral(), FindInInbox(caller.service, id));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(caller.service, &ForumService::Stub::RecordHearing, request));
  return ShowItem(session, response.item());
}

// The file of one push about a case, with the case put into it.
absl::StatusOr<int> PushAbout(Session& session, const std::string& call, const std::string& id, const std::string& file, int wait_s) {
  const auto samples = LoadSamples({file});
  if (!samples.ok() || samples->size() != 1) {
    return UsageError(samples.ok() ? "it is one file; nothing was sent" : fmt::format("{}; nothing was sent", FromAbsl(samples.status().message())));
  }
  const Sample& sample = samples->front();
  if (sample.call != call) return UsageError(fmt::format("{}: calls {}, not {}; nothing was sent", file, sample.call, call));
  ACCORD_ASSIGN_OR_RETURN(const Caller caller, Begin(session));
  nlohmann::json request = nlohmann::json::parse(sample.request);
  ACCORD_ASSIGN_OR_RETURN(request["referral"], FindInInbox(caller.service, id));
  ACCORD_ASSIGN_OR_RETURN(Push push, MakePush(call, request.dump()));
  if (!push.options->has_worker()) *push.options->mutable_worker() = caller.worker;
  push.options->set_wait_ms(static_cast<uint32_t>(wait_s) * 1000);
  ACCORD_ASSIGN_OR_RETURN(const auto result, push.send(caller.service, absl::Seconds(wait_s) + kAnswerMargin));
  if (session.json()) {
    session.PrintJson(ToJson(result));
    return kDone;
  }
  const bool told = result.state() != agency::v1::SUBMISSION_STATE_UNSPECIFIED;  // An action of one's own is told to nobody.
  session.Print(fmt::format("{}: {}\n", push.options->request_id(),
                            told ? console::EnumWords(*agency::v1::SubmissionState_descriptor(), result.state()) : "kept here"));
  for (const std::string& warning : result.warnings()) session.Print(fmt::format("  warning: {}\n", warning));
  return kDone;
}

absl::StatusOr<int> Done(Session& session, const std::string& action, const std::string& code) {
  ACCORD_ASSIGN_OR_RETURN(const Caller caller, Begin(session));
  forum::v1::CompleteActionRequest request;
  request.set_action(action);
  request.set_code(code);
  request.set_request_id(session.RequestId());
  *request.mutable_worker() = caller.worker;
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(caller.service, &ForumService::Stub::CompleteAction, request));
  if (session.json()) {
    session.PrintJson(ToJson(response.action()));
    return kDone;
  }
  google::protobuf::RepeatedPtrField<forum::v1::Action> one;
  *one.Add() = response.action();
  session.Print(ActionsText(one));
  return kDone;
}

absl::StatusOr<int> ListActions(Session& session, bool overdue, bool all) {
  ACCORD_ASSIGN_OR_RETURN(const Caller caller, Begin(session));
  forum::v1::ListActionsRequest request;
  request.set_overdue_only(overdue);
  request.set_completed_too(all);
  *request.mutable_worker() = caller.worker;
  forum::v1::ListActionsResponse all_pages;
  ACCORD_ASSIGN_OR_RETURN(
      const bool more, EachRow(
                           request, kRowsMax, [&](const auto& page) { return Ask(caller.service, &ForumService::Stub::ListActions, page); },
                           [](const auto& page) -> const auto& { return page.actions(); }, [&](const auto& action) { *all_pages.add_actions() = action; }));
  if (session.json()) {
    session.PrintJson(ToJson(all_pages));
    return kDone;
  }
  session.Print(ActionsText(all_pages.actions()));
  if (more) session.Print("… and more\n");
  return kDone;
}

// A verb that sends a file about a case.
void AddPushVerb(Command& under, std::string_view path, std::string_view name, std::string_view help, const std::string& call, Verb& chosen) {
  auto id = std::make_shared<std::string>(), file = std::make_shared<std::string>();
  auto wait_s = std::make_shared<int>(0);
  Command& verb = under.AddChange(name, help);
  verb.AddOption("REFERRAL", *id, "`referrals/…`, or the beginning of its digits").Required();
  verb.AddOption("FILE", *file, fmt::format("As for `referral submit`, with the call {}; its `referral` is put in", call)).Path().Required();
  verb.AddOption("--wait", *wait_s, "Seconds to wait for the broker's answer").Range(0, kWaitSecondsMax).ShowDefault();
  verb.Footer(fmt::format("What stands in FILE: docs/forum.md. Example: accordctl forum {} 0123456789abcdef {}.json --as marac --worker m.ward", path, name));
  verb.WhenGiven([&chosen, call, id, file, wait_s] { chosen = [=](Session& session) { return PushAbout(session, call, *id, *file, *wait_s); }; });
}

void AddActionVerbs(Command& forum, Verb& chosen) {
  Command& action = forum.AddGroup("action", "What agencies are to do, by when");
  AddPushVerb(action, "action add", "add", "Give an agency an action, as a file says it; its owner is told by a notification", "AddAction", chosen);
  auto id = std::make_shared<std::string>(), code = std::make_shared<std::string>("done");
  Command& done = action.AddChange("done", "Complete an action by hand: an own one, or one whose owner said so");
  done.AddOption("ACTION", *id, "Id of the action").Required();
  done.AddOption("--code", *code, "How it ended, a code of the forum's list").ShowDefault();
  done.Footer("Example: accordctl forum action done ACTION --code done --as marac --worker m.ward");
  done.WhenGiven([&chosen, id, code] { chosen = [id, code](Session& session) { return Done(session, *id, *code); }; });
  auto overdue = std::make_shared<bool>(false), all = std::make_shared<bool>(false);
  Command& list = action.AddVerb("list", "Actions that are not completed, by due time");
  list.AddFlag("--overdue", *overdue, "Overdue ones alone");
  list.AddFlag("--all", *all, "Completed ones too");
  list.Footer("Example: accordctl forum action list --overdue --as marac --worker m.ward");
  list.WhenGiven([&chosen, overdue, all] { chosen = [overdue, all](Session& session) { return ListActions(session, *overdue, *all); }; });
}

}  // namespace

void AddForumVerbs(Command& app, Verb& chosen) {
  Command& forum = app.AddGroup("forum", "A Marac forum at the agency that coordinates it: agenda, research, hearing, actions (docs/forum.md)");
  auto meeting = std::make_shared<std::string>(), id = std::make_shared<std::string>(), defer_to = std::make_shared<std::string>();
  auto decisions = std::make_shared<std::vector<std::string>>();

  Command& agenda = forum.AddVerb("agenda", "The cases of a meeting, with where each stands");
  agenda.AddOption("--meeting", *meeting, "When it begins, YYYY-MM-DDThh:mm:ssZ; without it every meeting");
  agenda.Footer("Example: accordctl forum agenda --meeting 2027-03-31T09:30:00Z --as marac --worker m.ward");
  agenda.WhenGiven([&chosen, meeting] { chosen = [meeting](Session& session) { return Agenda(session, *meeting); }; });

  Command& list = forum.AddChange("list", "List an accepted case for a meeting");
  list.AddOption("REFERRAL", *id, "`referrals/…`, or the beginning of its digits").Required();
  list.AddOption("--meeting", *meeting, "When it begins, YYYY-MM-DDThh:mm:ssZ").Required();
  list.Footer("Example: accordctl forum list 0123456789abcdef --meeting 2027-03-31T09:30:00Z --as marac --worker m.ward");
  list.WhenGiven([&chosen, id, meeting] { chosen = [id, meeting](Session& session) { return ListForumCases(session, *id, *meeting); }; });

  AddPushVerb(forum, "research", "research", "Ask the members what they know of a listed case, as a file says it", "RequestResearch", chosen);

  Command& hear = forum.AddChange("hear", "Record that a case was heard, or deferred");
  hear.AddOption("REFERRAL", *id, "`referrals/…`, or the beginning of its digits").Required();
  hear.AddOption("--decision", *decisions, "A code of the forum's list; may be repeated");
  hear.AddOption("--defer-to", *defer_to, "When the next meeting begins, YYYY-MM-DDThh:mm:ssZ");
  hear.Footer("Example: accordctl forum hear 0123456789abcdef --decision safety-plan --as marac --worker m.ward");
  hear.WhenGiven([&chosen, id, decisions, defer_to] {
    chosen = [id, decisions, defer_to](Session& session) { return Hear(session, *id, *decisions, *defer_to); };
  });
  AddActionVerbs(forum, chosen);
}

}  // namespace accord::accordctl
