// How a team works with the inbox: it is searched, and what is in it given to people.
#include <memory>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/status.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/inbox_text.h"
#include "services/accordctl/references.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::InboxService;

struct SearchArguments {
  int limit = kRowsDefault;
  std::string person, grade, from, until, category, worker, team;
  std::vector<std::string> senders, states, types, purposes;
  bool unassigned = false, overdue = false, unopened = false;
};

absl::StatusOr<agency::v1::SearchInboxRequest> ToRequest(const SearchArguments& arguments) {
  agency::v1::SearchInboxRequest request;
  if (!arguments.person.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*request.mutable_person(), PersonOf("--person", arguments.person));
  }
  for (const std::string& sender : arguments.senders) request.add_senders(sender);
  for (const std::string& words : arguments.states) request.add_states(Value<type::v1::ReferralState>(words));
  for (const std::string& words : arguments.types) request.add_types(Value<type::v1::ReferralType>(words));
  for (const std::string& words : arguments.purposes) request.add_purposes(Value<type::v1::Purpose>(words));
  request.set_grade_at_least(Value<type::v1::RiskGrade>(arguments.grade));
  request.set_category(Value<type::v1::Category>(arguments.category));
  ACCORD_ASSIGN_OR_RETURN(const int64_t from_ms, TimeMsOrNone("--from", arguments.from));
  request.set_received_from_ms(from_ms);
  ACCORD_ASSIGN_OR_RETURN(const int64_t until_ms, TimeMsOrNone("--until", arguments.until));
  request.set_received_until_ms(until_ms);
  request.set_assigned_worker(arguments.worker);
  request.set_assigned_team(arguments.team);
  request.set_unassigned(arguments.unassigned);
  request.set_overdue(arguments.overdue);
  request.set_unopened(arguments.unopened);
  return request;
}

absl::StatusOr<int> Search(Session& session, const SearchArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(auto request, ToRequest(arguments));
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  return ShowItems(session, std::move(request), arguments.limit,
                   [&](const auto& page) { return Ask(service, &InboxService::Stub::SearchInbox, page); });
}

struct AssignArguments {
  std::string id, worker, team;
  bool nobody = false;
};

absl::StatusOr<int> Assign(Session& session, const AssignArguments& arguments) {
  if (arguments.nobody == (!arguments.worker.empty() || !arguments.team.empty())) {
    return UsageError("say who is to have it: --to-worker, --to-team or both, or else --to-nobody");
  }
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  agency::v1::AssignReferralRequest request;
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(const std::string name, FindInInbox(service, arguments.id));
  request.set_referral(name);
  request.set_request_id(session.RequestId());
  request.set_to_worker(arguments.worker);
  request.set_to_team(arguments.team);
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &InboxService::Stub::AssignReferral, request));
  session.json() ? session.PrintJson(ToJson(response.item())) : session.Print(ItemText(response.item()));
  return kDone;
}

}  // namespace

void AddInboxTeamVerbs(Command& inbox, Verb& chosen) {
  auto asked = std::make_shared<SearchArguments>();
  Command& search = inbox.AddVerb("search", "Find what was received, the newest first: what fits all that is asked for");
  search.AddOption("--person", asked->person, "Somebody it is about: \"Family, Given, YYYY-MM-DD\"; also who is written with one error");
  search.AddOption("--sender", asked->senders, "Id of an agency that sent it");
  search.AddOption("--state", asked->states, "Where it stands here").Check(OneOf<type::v1::ReferralState>());
  search.AddOption("--type", asked->types, "What it is").Check(OneOf<type::v1::ReferralType>());
  search.AddOption("--purpose", asked->purposes, "What for").Check(OneOf<type::v1::Purpose>());
  search.AddOption("--grade", asked->grade, "Of this grade or a higher one").Check(OneOf<type::v1::RiskGrade>());
  search.AddOption("--category", asked->category, "Has a section of this category").Check(OneOf<type::v1::Category>());
  search.AddOption("--from", asked->from, "Received then or later, such as 2027-03-31 or 2027-03-31T09:30:00Z");
  search.AddOption("--until", asked->until, "Received before then");
  search.AddOption("--with-worker", asked->worker, "Given to this worker");
  search.AddOption("--with-team", asked->team, "Given to this team, or to somebody for it");
  search.AddFlag("--with-nobody", asked->unassigned, "Given to nobody");
  search.AddFlag("--overdue", asked->overdue, "Not opened, answered or fed back by its time");
  search.AddFlag("--unopened", asked->unopened, "No person has opened it");
  search.AddOption("--limit", asked->limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  search.Footer("Example: accordctl inbox search --as idva --person \"Ashdown, Miriam, 1990-02-03\"\n"
                "         accordctl inbox search --as idva --with-team north --overdue");
  search.WhenGiven([&chosen, asked] { chosen = [asked](Session& session) { return Search(session, *asked); }; });

  auto given = std::make_shared<AssignArguments>();
  Command& assign = inbox.AddChange("assign", "Give a referral to a worker or a team here, or take it from them; nobody else is told");
  assign.AddOption("ID", given->id, "`referrals/…`, or the beginning of its digits").Required();
  assign.AddOption("--to-worker", given->worker, "Pseudonym of who is to have it");
  assign.AddOption("--to-team", given->team, "The team that is to have it; with --to-worker: the team it is for, by default the worker's first");
  assign.AddFlag("--to-nobody", given->nobody, "Nobody is to have it");
  assign.Footer("Example: accordctl inbox assign 0123456789abcdef --as idva --to-worker m.bell");
  assign.WhenGiven([&chosen, given] { chosen = [given](Session& session) { return Assign(session, *given); }; });
}

}  // namespace accord::accordctl
