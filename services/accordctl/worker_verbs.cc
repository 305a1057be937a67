// An agency's register of workers, and its journal.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <vector>

#include "accord/agency/v1/workers_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/inbox_text.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/references.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::JournalEntry;
using agency::v1::WorkerRecord;
using agency::v1::WorkersService;

struct PutArguments {
  std::string pseudonym;
  std::vector<std::string> roles, teams, conflicts;
  bool replace_conflicts = false;
};

std::string Roles(const WorkerRecord& record) {
  std::vector<std::string> words;
  for (const int role : record.roles()) words.push_back(console::Words(static_cast<type::v1::WorkerRole>(role)));
  return words.empty() ? "any" : fmt::format("{}", fmt::join(words, ", "));
}

std::string Teams(const WorkerRecord& record) { return fmt::format("{}", fmt::join(record.teams(), ", ")); }
std::string LeftText(const WorkerRecord& record) { return record.left_at_ms() == 0 ? "" : console::TimeText(record.left_at_ms()); }

// What every change of the register begins with.
template <typename Request>
absl::StatusOr<Endpoint> BeginWorkers(Session& session, Request& request) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  request.set_request_id(session.RequestId());
  return session.Service(*agency);
}

absl::StatusOr<int> PutWorker(Session& session, const PutArguments& arguments) {
  agency::v1::PutWorkerRequest request;
  WorkerRecord& record = *request.mutable_record();
  record.set_pseudonym(arguments.pseudonym);
  for (const std::string& words : arguments.roles) record.add_roles(Value<type::v1::WorkerRole>(words));
  for (const std::string& team : arguments.teams) record.add_teams(team);
  for (const std::string& text : arguments.conflicts) {
    ACCORD_ASSIGN_OR_RETURN(*record.add_conflicts(), PersonOf("--conflict", text));
  }
  record.set_replace_conflicts(arguments.replace_conflicts);
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, BeginWorkers(session, request));
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &WorkersService::Stub::PutWorker, request));
  if (session.json()) {
    session.PrintJson(ToJson(response.record()));
    return kDone;
  }
  auto table = console::Table::Facts();
  table.Add({"worker", response.record().pseudonym()});
  table.Add({"roles", Roles(response.record())});
  table.Add({"teams", Teams(response.record())});
  table.Add({"conflicts kept", std::to_string(response.record().conflicts_kept())});
  session.Print(table.ToString(console::TerminalWidth()));
  return kDone;
}

absl::StatusOr<int> EndWorker(Session& session, const std::string& pseudonym) {
  agency::v1::EndWorkerRequest request;
  request.set_pseudonym(pseudonym);
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, BeginWorkers(session, request));
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &WorkersService::Stub::EndWorker, request));
  if (session.json()) {
    session.PrintJson(ToJson(response));
    return kDone;
  }
  session.Print(fmt::format("{}'s access ended at {}; {} referral{} went back\n", pseudonym, console::TimeText(response.left_at_ms()),
                            response.returned(), response.returned() == 1 ? "" : "s"));
  return kDone;
}

// Shows the rows of a list, as JSON under `name` or as a table that `add` fills.
template <typename Request, typename AskPage, typename Rows, typename Add>
absl::StatusOr<int> ShowWorkers(Session& session, const char* name, Request request, int rows_max, console::Table table, AskPage ask, Rows rows, Add add) {
  nlohmann::json all = nlohmann::json::array();
  ACCORD_ASSIGN_OR_RETURN(const bool more, EachRow(std::move(request), rows_max, ask, rows, [&](const auto& row) {
                            all.push_back(ToJson(row));
                            add(table, row);
                          }));
  if (session.json()) {
    session.PrintJson({{name, all}, {"more", more}});
    return kDone;
  }
  session.Print(table.ToString(console::TerminalWidth()));
  if (more) session.Print(fmt::format("… and more: --limit shows up to {}\n", kRowsMax));
  return kDone;
}

absl::StatusOr<int> ListWorkers(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  return ShowWorkers(session, "workers", agency::v1::ListWorkersRequest(), rows_max, console::Table({"worker", "roles", "teams", "conflicts kept", "left"}),
              [&](const auto& page) { return Ask(service, &WorkersService::Stub::ListWorkers, page); },
              [](const auto& page) -> const auto& { return page.workers(); },
              [](console::Table& table, const WorkerRecord& record) {
                table.Add({record.pseudonym(), Roles(record), Teams(record), std::to_string(record.conflicts_kept()), LeftText(record)});
              });
}

// What an entry says beside its act: the statement, what was called, why it was refused, whom it concerned.
std::string Details(const JournalEntry& entry) {
  std::vector<std::string> parts;
  if (entry.statement() != type::v1::STATEMENT_KIND_UNSPECIFIED) parts.push_back(console::Words(entry.statement()));
  if (!entry.method().empty()) parts.push_back(entry.method());
  if (!entry.reason().empty()) parts.push_back(entry.reason());
  if (!entry.other_worker().empty()) parts.push_back("worker " + entry.other_worker());
  if (!entry.team().empty()) parts.push_back("team " + entry.team());
  return fmt::format("{}", fmt::join(parts, ", "));
}

struct JournalArguments {
  std::string about, worker;
  int limit = kRowsDefault;
};

absl::StatusOr<int> Journal(Session& session, const JournalArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  agency::v1::ListJournalRequest request;
  request.set_about(arguments.about);
  request.set_pseudonym(arguments.worker);
  return ShowWorkers(session, "entries", std::move(request), arguments.limit, console::Table({"time", "act", "by", "as", "about", "details"}),
              [&](const auto& page) { return Ask(service, &WorkersService::Stub::ListJournal, page); },
              [](const auto& page) -> const auto& { return page.entries(); },
              [](console::Table& table, const JournalEntry& entry) {
                table.Add({console::TimeText(entry.at_ms()), console::Words(entry.act()), entry.worker().pseudonym(), console::Words(entry.worker().role()),
                           ShortName(entry.about()), Details(entry)});
              });
}

}  // namespace

void AddWorkerVerbs(Command& app, Verb& chosen) {
  Command& workers = app.AddGroup("workers", "Who works at this agency, and about whom they may not know");
  auto record = std::make_shared<PutArguments>();
  Command& put = workers.AddChange("put", "Enrol a worker, or change one; from the first one on only who is enrolled may act");
  put.AddOption("PSEUDONYM", record->pseudonym, "The agency's own pseudonym of the person; never a name").Required();
  put.AddOption("--in-role", record->roles, "A role they may act in; none: any").Check(OneOf<type::v1::WorkerRole>());
  put.AddOption("--team", record->teams, "A team of theirs, the first one first");
  put.AddOption("--conflict", record->conflicts,
                "Somebody about whom they may not know: \"Family, Given, YYYY-MM-DD\"; kept as keyed tokens, and added to those that are kept");
  put.AddFlag("--replace-conflicts", record->replace_conflicts, "These conflicts are the whole list");
  put.Footer("Enrol yourself first. Example: accordctl workers put m.bell --team north --conflict \"Ashdown, Miriam, 1990-02-03\" --as idva");
  put.WhenGiven([&chosen, record] { chosen = [record](Session& session) { return PutWorker(session, *record); }; });

  auto pseudonym = std::make_shared<std::string>();
  Command& end = workers.AddChange("end", "End a worker's access at once; what they have open goes back to its team");
  end.AddOption("PSEUDONYM", *pseudonym, "Who has left").Required();
  end.Footer("Example: accordctl workers end m.bell --as idva");
  end.WhenGiven([&chosen, pseudonym] { chosen = [pseudonym](Session& session) { return EndWorker(session, *pseudonym); }; });

  auto limit = std::make_shared<int>(kRowsDefault);
  Command& list = workers.AddVerb("list", "List the workers, those who left too");
  list.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  list.Footer("Example: accordctl workers list --as idva");
  list.WhenGiven([&chosen, limit] { chosen = [limit](Session& session) { return ListWorkers(session, *limit); }; });

  auto asked = std::make_shared<JournalArguments>();
  Command& journal = app.AddVerb("journal", "What was done at this agency and by whom, the newest first");
  journal.AddOption("--about", asked->about, "Of this alone: `referrals/…` in full, or the request id of a push");
  journal.AddOption("--by", asked->worker, "By this worker, or of them");
  journal.AddOption("--limit", asked->limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  journal.Footer("Example: accordctl journal --by m.bell --as idva");
  journal.WhenGiven([&chosen, asked] { chosen = [asked](Session& session) { return Journal(session, *asked); }; });
}

}  // namespace accord::accordctl
