#include <absl/synchronization/notification.h>
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>

#include "accord/inspection/v1/warrant_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/table.h"
#include "common/rpc/error_mapping.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/disclosure_verbs.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/verbs.h"
#include "services/accordctl/warrant_text.h"

namespace accord::accordctl {
namespace {

using inspection::v1::Warrant;
using inspection::v1::WarrantService;

constexpr size_t kWarrantFileBytesMax = 1u << 20;
constexpr absl::Duration kWatchTimeout = absl::Hours(24 * 7);  // Of one stream.
constexpr absl::Duration kWatchAgain = absl::Seconds(1);        // After one that ended.

int64_t NowMs() { return absl::ToUnixMillis(SystemClock().Now()); }

std::string MoreText(bool more) { return more ? fmt::format("… and more: --limit shows up to {}\n", kRowsMax) : ""; }

struct ProposeArguments {
  std::string file;
  WarrantOptions options;
};

absl::StatusOr<Warrant> ProposedWarrant(const ProposeArguments& arguments) {
  if (arguments.file.empty()) return WarrantFrom(arguments.options);
  ACCORD_ASSIGN_OR_RETURN(const std::string text, ReadFile(arguments.file, kWarrantFileBytesMax));
  Warrant warrant;
  const auto parsed = google::protobuf::util::JsonStringToMessage(text, &warrant);
  if (!parsed.ok()) return UsageError(fmt::format("{}: no accord.inspection.v1.Warrant: {}", arguments.file, parsed.ToString()));
  return warrant;
}

void PrintWarrant(const Session& session, const Warrant& warrant, uint64_t index, std::string_view what) {
  if (session.json()) return session.PrintJson({{"warrant", ToJson(warrant)}, {"index", index}});
  session.Print(fmt::format("{}\n{}", what, WarrantText(warrant, NowMs(), console::TerminalWidth())));
}

absl::StatusOr<int> ProposeWarrant(Session& session, const ProposeArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(Warrant warrant, ProposedWarrant(arguments));
  const bool statutory = warrant.kind() == inspection::v1::WARRANT_KIND_STATUTORY;
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(statutory ? Prefer::kInspector : Prefer::kAdmin));
  inspection::v1::ProposeWarrantRequest request;
  request.set_request_id(session.RequestId());
  *request.mutable_warrant() = std::move(warrant);
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &WarrantService::Stub::ProposeWarrant, request));
  PrintWarrant(session, response.warrant(), response.index(), "Proposed; not in force.");
  return kDone;
}

absl::StatusOr<int> ActivateWarrant(Session& session, const std::string& id) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kInspector));
  inspection::v1::ActivateWarrantRequest request;
  request.set_request_id(session.RequestId());
  request.set_id(id);
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &WarrantService::Stub::ActivateWarrant, request));
  PrintWarrant(session, response.warrant(), response.index(), "Activated.");
  return kDone;
}

absl::StatusOr<int> ChangeWarrant(Session& session, const std::string& id, inspection::v1::WarrantAct act, const std::string& why,
                                  std::string_view done) {
  const bool ends = act == inspection::v1::WARRANT_ACT_END;
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(ends ? Prefer::kInspector : Prefer::kAdmin));
  inspection::v1::ChangeWarrantRequest request;
  request.set_request_id(session.RequestId());
  request.set_id(id);
  request.set_act(act);
  request.set_suspension(Value<inspection::v1::WarrantSuspension>(why));
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &WarrantService::Stub::ChangeWarrant, request));
  PrintWarrant(session, response.warrant(), response.index(), done);
  return kDone;
}

absl::StatusOr<int> ListWarrants(Session& session, bool with_ended, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kInspector));
  std::vector<Warrant> warrants;
  nlohmann::json rows = nlohmann::json::array();
  inspection::v1::ListWarrantsRequest request;
  request.set_with_ended(with_ended);
  ACCORD_ASSIGN_OR_RETURN(const bool more, EachRow(
      request, rows_max, [&](const auto& page) { return Ask(broker, &WarrantService::Stub::ListWarrants, page); },
      [](const auto& page) -> const auto& { return page.warrants(); },
      [&](const Warrant& warrant) {
        warrants.push_back(warrant);
        rows.push_back(ToJson(warrant));
      }));
  if (session.json()) {
    session.PrintJson({{"warrants", rows}, {"more", more}});
  } else {
    session.Print(WarrantTable(warrants, NowMs(), console::TerminalWidth()) + MoreText(more));
  }
  return kDone;
}

absl::StatusOr<int> ShowWarrant(Session& session, const std::string& id) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kInspector));
  inspection::v1::ListWarrantsRequest request;
  request.set_with_ended(true);
  request.set_page_size(kPageRowsMax);
  do {
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(broker, &WarrantService::Stub::ListWarrants, request));
    const auto found = std::find_if(page.warrants().begin(), page.warrants().end(), [&](const Warrant& one) { return one.id() == id; });
    if (found != page.warrants().end()) {
      session.json() ? session.PrintJson(ToJson(*found)) : session.Print(WarrantText(*found, NowMs(), console::TerminalWidth()));
      return kDone;
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return Error(Reason::kWarrantNotFound, fmt::format("there is no warrant {}, or it is not yours", id), {{"warrant", id}});
}

// Reads one stream until it ends or `lines_max` lines were had; 0: until it ends.
absl::Status WatchOnce(const Endpoint& broker, int lines_max, const std::function<void(const inspection::v1::WatchWarrantsResponse&)>& tell) {
  WarrantService::Stub stub(broker.channel);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kWatchTimeout);
  const auto reader = stub.WatchWarrants(&context, inspection::v1::WatchWarrantsRequest());
  inspection::v1::WatchWarrantsResponse response;
  for (int lines = 0; lines_max == 0 || lines < lines_max; ++lines) {
    if (!reader->Read(&response)) return Annotate(rpc::FromGrpc(reader->Finish()), broker);
    tell(response);
  }
  context.TryCancel();
  return absl::OkStatus();
}

// A line for each warrant as it stands and whenever somebody changes it, and for each colleague who is shut out, until interrupted or `lines_max` were written; 0: for
// ever, whatever connections end meanwhile: a new stream begins with how things stand. For a program one document, once there are so many.
absl::StatusOr<int> WatchWarrants(Session& session, int lines_max) {
  if (session.json() && lines_max == 0) return UsageError("a watch has no end: --json needs --limit");
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kInspector));
  nlohmann::json rows = nlohmann::json::array(), shut_out = nlohmann::json::array();
  bool told_broken = false;
  const auto tell = [&](const inspection::v1::WatchWarrantsResponse& response) {
    told_broken = false;
    const Warrant& warrant = response.warrant();
    if (session.json()) {
      response.has_shut_out() ? shut_out.push_back(ToJson(response.shut_out())) : rows.push_back(ToJson(warrant));
    } else {
      const std::string what = response.has_shut_out() ? ShutOutText(response.shut_out()) : fmt::format("{}  {}", warrant.id(), WarrantStateText(warrant, NowMs()));
      session.Print(fmt::format("{}  {}\n", console::TimeText(NowMs()), what));
      std::fflush(stdout);
    }
  };
  for (;;) {
    const absl::Status ended = WatchOnce(broker, lines_max, tell);
    const bool goes_on = lines_max == 0 && (ended.ok() || rpc::IsRetryable(ended) || absl::IsDeadlineExceeded(ended));
    if (!goes_on) {
      ACCORD_RETURN_IF_ERROR(ended);
      break;
    }
    if (!ended.ok() && !absl::IsDeadlineExceeded(ended) && !told_broken) {
      session.Tell(fmt::format("{}  not watching: {}; trying again until it works\n", console::TimeText(NowMs()), FromAbsl(ended.message())));
      told_broken = true;
    }
    absl::Notification never;
    never.WaitForNotificationWithTimeout(kWatchAgain);
  }
  if (session.json()) session.PrintJson({{"warrants", rows}, {"shutOut", shut_out}});
  return kDone;
}

absl::StatusOr<int> ListLooks(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.BrokerAs(*agency));
  std::vector<inspection::v1::Look> looks;
  nlohmann::json rows = nlohmann::json::array();
  ACCORD_ASSIGN_OR_RETURN(const bool more, EachRow(
      inspection::v1::ListLooksRequest(), rows_max, [&](const auto& page) { return Ask(broker, &WarrantService::Stub::ListLooks, page); },
      [](const auto& page) -> const auto& { return page.looks(); },
      [&](const inspection::v1::Look& look) {
        looks.push_back(look);
        rows.push_back(ToJson(look));
      }));
  if (session.json()) {
    session.PrintJson({{"looks", rows}, {"more", more}});
  } else {
    session.Print(LookTable(looks, console::TerminalWidth()) + MoreText(more));
  }
  return kDone;
}

void AddPropose(Command& warrant, Verb& chosen) {
  auto arguments = std::make_shared<ProposeArguments>();
  WarrantOptions& options = arguments->options;
  Command& propose = warrant.AddChange("propose", "Propose a warrant; it is in force once a second officer activated it");
  propose.AddOption("FILE", arguments->file, "An accord.inspection.v1.Warrant in protobuf JSON, in place of the options").ExistingFile();
  propose.AddOption("--id", options.id, "Its id, never used before: 1 to 63 of [a-z0-9-]");
  propose.AddOption("--kind", options.kind, "Its kind").Check(OneOf<inspection::v1::WarrantKind>());
  propose.AddOption("--body", options.inspectorate, "The inspectorate or reviewing body whose officers use it");
  propose.AddOption("--officer", options.officers, "An officer who may use it; none: all of the body; may be repeated");
  propose.AddOption("--for", options.purpose, "What for: a code of at most 64 characters");
  propose.AddOption("--power", options.power, "The legal power: a code such as CA2004_S20");
  propose.AddOption("--agency", options.agencies, "An agency covered; none: all; may be repeated");
  propose.AddOption("--area", options.areas, "An area covered, by its GSS code; none: all; may be repeated");
  propose.AddOption("--from", options.from, "Entries covered: at or after this day or time");
  propose.AddOption("--until", options.until, "And before this");
  propose.AddOption("--event", options.events, "A kind of event covered; none: all; may be repeated").Check(OneOf<type::v1::EventType>());
  auto& which = propose.AddOption("--case", options.cases, "A case covered: the 32 hex digits of its pseudonym; may be repeated");
  propose.AddOption("--sample", options.sample, "Only cases drawn as samples, at most so many in all").PositiveNumber().Excludes(which);
  propose.AddOption("--starts", options.starts, "In force from this day or time");
  propose.AddOption("--ends", options.ends, "And until this");
  propose.AddOption("--embargo", options.embargo, "Agencies do not see who looked before this day or time; without: at once");
  propose.Footer("A statutory warrant is an inspector's to propose (--as inspector/NAME), every other an administrator's.\n"
                 "Example: accordctl --as inspector/ines warrant propose --id jtai-2026 --kind statutory --body ofsted --for JTAI/2026/7 --power CA2004_S20 \\\n"
                 "    --area E08000012 --from 2026-01-01 --until 2026-07-01 --starts 2026-11-02 --ends 2026-12-18");
  propose.WhenGiven([&chosen, arguments] { chosen = [arguments](Session& session) { return ProposeWarrant(session, *arguments); }; });
}

void AddActs(Command& warrant, Verb& chosen) {
  auto id = std::make_shared<std::string>(), why = std::make_shared<std::string>();
  Command& activate = warrant.AddChange("activate", "Activate a warrant that another officer proposed");
  activate.AddOption("ID", *id, "Its id").Required();
  activate.Footer("Example: accordctl --as inspector/omar warrant activate jtai-2026");
  activate.WhenGiven([&chosen, id] { chosen = [id](Session& session) { return ActivateWarrant(session, *id); }; });

  Command& suspend = warrant.AddChange("suspend", "Suspend a warrant, of which its officers are told at once (administrators)");
  suspend.AddOption("ID", *id, "Its id").Required();
  suspend.AddOption("--why", *why, "Why").Check(OneOf<inspection::v1::WarrantSuspension>()).Required();
  suspend.Footer("Example: accordctl warrant suspend jtai-2026 --why outside-power --as-admin alice");
  suspend.WhenGiven([&chosen, id, why] {
    chosen = [id, why](Session& session) { return ChangeWarrant(session, *id, inspection::v1::WARRANT_ACT_SUSPEND, *why, "Suspended."); };
  });
  Command& resume = warrant.AddChange("resume", "End a suspension that another administrator began");
  resume.AddOption("ID", *id, "Its id").Required();
  resume.Footer("Example: accordctl warrant resume jtai-2026 --as-admin bob");
  resume.WhenGiven([&chosen, id] {
    chosen = [id](Session& session) { return ChangeWarrant(session, *id, inspection::v1::WARRANT_ACT_RESUME, "", "It holds again."); };
  });
  Command& end = warrant.AddChange("end", "End a warrant for good, or take back one that was proposed");
  end.AddOption("ID", *id, "Its id").Required();
  end.Footer("Example: accordctl --as inspector/ines warrant end jtai-2026");
  end.WhenGiven([&chosen, id] {
    chosen = [id](Session& session) { return ChangeWarrant(session, *id, inspection::v1::WARRANT_ACT_END, "", "Ended."); };
  });
}

}  // namespace

void AddWarrantVerbs(Command& app, Verb& chosen) {
  Command& warrant = app.AddGroup("warrant", "Inspectors' grants to read the record: who, under which power, what, until when");
  AddPropose(warrant, chosen);
  AddActs(warrant, chosen);
  AddResolveVerb(warrant, chosen);
  auto id = std::make_shared<std::string>();
  Command& show = warrant.AddVerb("show", "Show a warrant: what it covers, and where it stands");
  show.AddOption("ID", *id, "Its id").Required();
  show.Footer("Example: accordctl --as inspector/ines warrant show jtai-2026");
  show.WhenGiven([&chosen, id] { chosen = [id](Session& session) { return ShowWarrant(session, *id); }; });

  auto limit = std::make_shared<int>(kRowsDefault);
  auto ended = std::make_shared<bool>(false);
  Command& list = warrant.AddVerb("list", "List warrants, the newest first: an inspector's body's own, all to an administrator");
  list.AddFlag("--ended", *ended, "Those that are over too");
  list.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  list.Footer("Example: accordctl --as inspector/ines warrant list --ended");
  list.WhenGiven([&chosen, limit, ended] { chosen = [limit, ended](Session& session) { return ListWarrants(session, *ended, *limit); }; });

  auto lines = std::make_shared<int>(0);
  Command& watch = warrant.AddVerb("watch", "Write a line for each warrant of the inspector's body, and again at once when somebody changes it or shuts a colleague out");
  watch.AddOption("--limit", *lines, "End after so many lines; --json needs it").PositiveNumber();
  watch.Footer("Example: accordctl --as inspector/ines warrant watch");
  watch.WhenGiven([&chosen, lines] { chosen = [lines](Session& session) { return WatchWarrants(session, *lines); }; });

  Command& looks = app.AddVerb("looks", "Which inspectors looked at what concerns this agency, once the embargo is over");
  looks.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  looks.Footer("Example: accordctl looks --as police");
  looks.WhenGiven([&chosen, limit] { chosen = [limit](Session& session) { return ListLooks(session, *limit); }; });
}

}  // namespace accord::accordctl
