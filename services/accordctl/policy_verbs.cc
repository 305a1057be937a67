#include "services/accordctl/policy_verbs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/policy/difference.h"
#include "common/policy/policy_text.h"
#include "common/policy/reading.h"
#include "services/accordctl/case_run.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/policy_client.h"
#include "services/accordctl/policy_explain.h"
#include "services/accordctl/references.h"
#include "services/accordctl/trail_query.h"

namespace accord::accordctl {
namespace {

using namespace admin::v1;  // NOLINT: kinds of documents.

constexpr char kKinds[] = "agreement, schedule, register, clocks, cases";

absl::StatusOr<std::string> ReadText(const std::string& path) {
  auto text = ReadFile(path, policy::kPolicyTextBytesMax);
  if (!text.ok()) return UsageError(FromAbsl(text.status().message()));
  return text;
}

absl::StatusOr<int> ListPolicies(Session& session, const std::string& as_at) {
  ACCORD_ASSIGN_OR_RETURN(const int64_t as_at_ms, TimeMsOrNone("--as-at", as_at));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  ACCORD_ASSIGN_OR_RETURN(const auto documents, ListDocuments(broker, as_at_ms));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"kind", "id", "version", "in force", "from", "until", "approved"});
  for (const PolicyDocument& document : documents) {
    rows.push_back(ToJson(document));
    table.Add({console::Words(document.kind()), document.id().empty() ? "-" : document.id(), document.version(), document.live() ? "yes" : "no",
               console::TimeText(document.effective_from_ms()), console::TimeText(document.expires_ms()),
               document.approved_at_ms() == 0 ? "built in" : console::TimeText(document.approved_at_ms())});
  }
  session.json() ? session.PrintJson({{"documents", rows}}) : session.Print(table.ToString(console::TerminalWidth()));
  return kDone;
}

absl::StatusOr<int> Forums(Session& session, const std::string& as_at) {
  ACCORD_ASSIGN_OR_RETURN(const int64_t as_at_ms, TimeMsOrNone("--as-at", as_at));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  ACCORD_ASSIGN_OR_RETURN(const auto forums, ListForums(broker, as_at_ms));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"forum", "name", "sits", "coordinator", "members"});
  for (const Forum& forum : forums) {
    rows.push_back(ToJson(forum));
    table.Add({forum.id(), forum.display_name(), forum.active() ? "yes" : "no", forum.coordinator(),
               fmt::format("{}", fmt::join(forum.members(), ", "))});
  }
  session.json() ? session.PrintJson({{"forums", rows}}) : session.Print(table.ToString(console::TerminalWidth()));
  return kDone;
}

std::string DocumentText(const PolicyDocument& document) {
  auto table = console::Table::Facts();
  table.Add({"kind", console::Words(document.kind())});
  if (!document.id().empty()) table.Add({"id", document.id()});
  table.Add({"version", document.version()});
  table.Add({"in force now", document.live() ? "yes" : "no"});
  table.Add({"approved", document.approved_at_ms() == 0 ? "built in" : console::TimeText(document.approved_at_ms())});
  return table.ToString(console::TerminalWidth()) + "\n" + console::Printable(document.text()) + "\n";
}

absl::StatusOr<int> ShowPolicy(Session& session, const std::string& words, const std::string& version) {
  const PolicyDocumentKind kind = KindFromWords(words).value_or(POLICY_DOCUMENT_KIND_AGREEMENT);  // Checked when it was read.
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  std::vector<PolicyDocument> documents;
  if (version.empty()) {
    ACCORD_ASSIGN_OR_RETURN(documents, LiveDocuments(broker, kind));
  } else {
    ACCORD_ASSIGN_OR_RETURN(documents.emplace_back(), GetDocument(broker, kind, version));
  }
  if (documents.empty()) return Error(Reason::kPolicyExpired, "no agreement is in force");
  nlohmann::json rows = nlohmann::json::array();
  std::string text;
  for (const PolicyDocument& document : documents) {
    rows.push_back(ToJson(document));
    text += DocumentText(document);
  }
  session.json() ? session.PrintJson({{"documents", rows}}) : session.Print(text);
  return kDone;
}

absl::StatusOr<int> Diff(Session& session, const std::string& file, const std::string& against) {
  ACCORD_ASSIGN_OR_RETURN(const std::string text, ReadText(file));
  ACCORD_ASSIGN_OR_RETURN(const PolicyDocumentKind kind, KindOfText(text, file));
  ACCORD_ASSIGN_OR_RETURN(const std::string id, IdOfText(kind, text, file));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  PolicyDocument other;
  if (!against.empty()) {
    ACCORD_ASSIGN_OR_RETURN(other, GetDocument(broker, kind, against));
  } else {
    ACCORD_ASSIGN_OR_RETURN(const auto live, LiveDocuments(broker, kind));
    const auto same = std::find_if(live.begin(), live.end(), [&](const PolicyDocument& document) { return document.id() == id; });
    if (same == live.end()) return Error(Reason::kPolicyDocumentNotFound, fmt::format("no agreement {} is in force: --against VERSION", id));
    other = *same;
  }
  ACCORD_ASSIGN_OR_RETURN(const auto lines, DiffTexts(kind, other.text(), other.version(), text, file));
  if (session.json()) {
    session.PrintJson({{"kind", PolicyDocumentKind_Name(kind)}, {"against", other.version()}, {"difference", lines}});
    return kDone;
  }
  if (lines.empty()) session.Print(fmt::format("{} says what {} says.\n", file, other.version()));
  for (const std::string& line : lines) session.Print(console::Printable(line) + "\n");
  return kDone;
}

struct TestArguments {
  std::string file, schedule, law, at;
  std::vector<std::string> agreements;
  bool offline = false;
};

absl::StatusOr<ProposedTexts> ReadProposed(const TestArguments& arguments) {
  ProposedTexts proposed;
  ACCORD_ASSIGN_OR_RETURN(const std::string cases, ReadText(arguments.file));
  ACCORD_ASSIGN_OR_RETURN(proposed.table, policy::ParseCases(cases, arguments.file));
  for (const std::string& file : arguments.agreements) {
    ACCORD_ASSIGN_OR_RETURN(const std::string text, ReadText(file));
    ACCORD_ASSIGN_OR_RETURN(proposed.agreements.emplace_back(), policy::ParseAgreement(text, file));
  }
  if (!arguments.schedule.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const std::string text, ReadText(arguments.schedule));
    ACCORD_ASSIGN_OR_RETURN(proposed.schedule, policy::ParseSchedule(text, arguments.schedule));
  }
  if (!arguments.law.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const std::string text, ReadText(arguments.law));
    ACCORD_ASSIGN_OR_RETURN(proposed.law, policy::ParseRegister(text, arguments.law));
  }
  if (!arguments.at.empty()) {
    proposed.at = policy::ParseTime(arguments.at);
    if (!proposed.at.has_value()) return UsageError(fmt::format("--at: `{}` is no date or time", arguments.at));
  }
  return proposed;
}

// To standard output: also of the run that has no session.
int PrintRun(const CaseRun& run, bool json) {
  const std::string text = json ? run.ToJson().dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
                                : run.ToText(console::TerminalWidth());
  std::fwrite(text.data(), 1, text.size(), stdout);
  return run.failed() == 0 ? kDone : kFailed;
}

absl::StatusOr<int> TestOffline(const TestArguments& arguments, bool json) {
  ACCORD_ASSIGN_OR_RETURN(const ProposedTexts proposed, ReadProposed(arguments));
  if (proposed.table.agencies.empty()) {
    return UsageError(fmt::format("{}: names no agencies: a table that is run --offline has [[agency]] of its own", arguments.file));
  }
  return PrintRun(RunProposed(proposed, {}, SystemClock().Now()), json);
}

absl::StatusOr<int> Test(Session& session, const TestArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(const ProposedTexts proposed, ReadProposed(arguments));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  ACCORD_ASSIGN_OR_RETURN(referral::PolicySources live, LiveSources(broker));
  return PrintRun(RunProposed(proposed, std::move(live), SystemClock().Now()), session.json());
}

struct ExplainArguments {
  std::string referral, recipient, section, at, purpose;
};

// The rules that permitted or asked, from the texts as they were kept: by rule id, its lines.
absl::StatusOr<std::map<std::string, std::vector<std::string>>> RuleTexts(const Endpoint& broker, const std::vector<Explained>& decisions) {
  std::map<std::string, std::vector<std::string>> texts;
  std::map<std::string, referral::Agreement> agreements;  // By version.
  for (const Explained& each : decisions) {
    const std::string& rule = each.decision.rule_id();
    if (texts.contains(rule)) continue;
    if (const auto route = RouteOfRule(rule); route.has_value()) {
      if (!agreements.contains(route->first)) {
        ACCORD_ASSIGN_OR_RETURN(const auto document, GetDocument(broker, POLICY_DOCUMENT_KIND_AGREEMENT, route->first));
        ACCORD_ASSIGN_OR_RETURN(agreements[route->first], policy::ParseAgreement(document.text(), route->first));
      }
      for (const referral::Route& kept : agreements[route->first].routes) {
        if (kept.id == route->second) texts[rule] = policy::DescribeRoute(kept);
      }
    } else if (const auto version = ScheduleOfRule(rule); version.has_value()) {
      ACCORD_ASSIGN_OR_RETURN(const auto document, GetDocument(broker, POLICY_DOCUMENT_KIND_EMERGENCY_SCHEDULE, *version));
      ACCORD_ASSIGN_OR_RETURN(const auto schedule, policy::ParseSchedule(document.text(), *version));
      texts[rule] = policy::DescribeSchedule(schedule);
    }
  }
  return texts;
}

nlohmann::json ExplainJson(const std::vector<Explained>& decisions, const std::map<std::string, std::vector<std::string>>& rules) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Explained& each : decisions) {
    rows.push_back({{"index", each.index},
                    {"timeMs", each.time_ms},
                    {"event", type::v1::EventType_Name(each.event)},
                    {"agreementVersion", each.agreement_version},
                    {"emergencyVersion", each.emergency_version},
                    {"lawVersion", each.law_version},
                    {"decision", ToJson(each.decision)}});
  }
  return {{"decisions", rows}, {"rules", rules}};
}

absl::StatusOr<int> Explain(Session& session, const ExplainArguments& arguments) {
  ExplainAbout about{.recipient = arguments.recipient};
  if (!arguments.section.empty()) about.category = Value<type::v1::Category>(arguments.section);
  if (!arguments.at.empty()) {
    about.at_ms = ExplainTime(arguments.at);
    if (!about.at_ms.has_value()) return UsageError(fmt::format("--at: `{}` is no date or time", arguments.at));
  }
  ACCORD_ASSIGN_OR_RETURN(const std::string digest, FindHeaderDigest(session, arguments.referral));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log, session.LogKey());
  inspection::v1::QueryTrailRequest request;
  request.set_referral(digest);
  request.set_purpose(arguments.purpose);
  ACCORD_ASSIGN_OR_RETURN(const AskedQuery asked, BeforeAskingTrail(broker, log, request));
  ACCORD_ASSIGN_OR_RETURN(const TrailAnswer answer, QueryTrail(broker, request, log.name()));
  ACCORD_RETURN_IF_ERROR(CheckAnswer(answer, request, asked));
  if (!CheckOrder(answer.rows).in_order) return Error(Reason::kReceiptInvalid, "the rows of the trail are not in the order of the log");
  const auto decisions = LastDecisions(answer.rows, about);
  if (decisions.empty()) return Error(Reason::kEntryNotFound, "the record has no decision of this, at that time, that this caller may see");
  // That what is explained stands in the log, the entries that it is read from, and that it was asked.
  std::vector<CheckedRow> used;
  std::copy_if(answer.rows.begin(), answer.rows.end(), std::back_inserter(used), [&](const CheckedRow& row) {
    return row.index == answer.query_index || std::any_of(decisions.begin(), decisions.end(), [&](const Explained& each) { return each.index == row.index; });
  });
  ACCORD_RETURN_IF_ERROR(ProveInOneLog(broker, log, used, asked.before).status());
  ACCORD_ASSIGN_OR_RETURN(const auto rules, RuleTexts(broker, decisions));
  if (session.json()) {
    session.PrintJson(ExplainJson(decisions, rules));
    return kDone;
  }
  std::string text = ExplainText(decisions, console::TerminalWidth());
  for (const auto& [rule, lines] : rules) {
    text += fmt::format("\n{}, as it is kept:\n", console::Printable(rule));
    for (const std::string& line : lines) text += fmt::format("  {}\n", console::Printable(line));
  }
  text += fmt::format("\nRead from the record, and proved to be in the log that {} signs; that it was asked is recorded too.\n", log.name());
  session.Print(text);
  return kDone;
}

void AddTest(Command& policy, Verb& chosen, OfflineVerb& offline) {
  auto arguments = std::make_shared<TestArguments>();
  Command& test = policy.AddVerb("test", "Run a table of cases against what is in force, or against texts that are proposed");
  test.AddOption("FILE", arguments->file, "The table (docs/agreements.md; deploy/policy-tests)").Required().ExistingFile();
  test.AddOption("--agreement", arguments->agreements, "A proposed agreement, in place of the one of its id; as often as needed")
      .ExistingFile();
  test.AddOption("--schedule", arguments->schedule, "A proposed emergency schedule").ExistingFile();
  test.AddOption("--register", arguments->law, "A proposed legal register").ExistingFile();
  test.AddOption("--at", arguments->at, "When it is decided, such as 2026-11-01; else now, or when the last proposed text takes effect");
  test.AddFlag("--offline", arguments->offline,
               "Ask no broker: what no file gives is what the program is built with, and the table names its own agencies");
  test.Footer("Ends with 1 when a case is decided otherwise than expected. Lists of workers in conflict are told to nobody: a table that\n"
              "means them has [[conflict]].\n"
              "Example: accordctl policy test deploy/policy-tests/marac.toml --agreement next-year.toml --as-admin alice");
  test.WhenGiven([&chosen, &offline, arguments] {
    if (arguments->offline) {
      offline = [arguments](bool json) { return TestOffline(*arguments, json); };
    } else {
      chosen = [arguments](Session& session) { return Test(session, *arguments); };
    }
  });
}

void AddExplain(Command& policy, Verb& chosen) {
  auto arguments = std::make_shared<ExplainArguments>();
  Command& explain = policy.AddVerb("explain", "Say why something was shared or withheld, from the record");
  explain.AddOption("REFERRAL", arguments->referral, "Request id, `referrals/…`, or the beginning of its digits").Required();
  explain.AddOption("--recipient", arguments->recipient, "For this agency alone");
  explain.AddOption("--section", arguments->section, "Of this category alone").Check(OneOf<type::v1::Category>());
  explain.AddOption("--at", arguments->at, "As it stood then: a day such as 2026-03-03, or a time such as 2026-03-03T09:30:00Z");
  explain.AddOption("--purpose", arguments->purpose, "Why it is asked: a code of at most 64 characters, kept in the record");
  explain.Footer("Of each section and recipient the last decision up to that day: by which rule, why, under which versions, what would have\n"
                 "changed it, and the route as the text of that version has it. That it was asked is recorded.\n"
                 "Example: accordctl policy explain push-0001 --as police --recipient housing --at 2026-03-03");
  explain.WhenGiven([&chosen, arguments] { chosen = [arguments](Session& session) { return Explain(session, *arguments); }; });
}

}  // namespace

void AddPolicyVerbs(Command& app, Verb& chosen, OfflineVerb& offline) {
  Command& policy = app.AddGroup("policy", "Agreements, emergency schedules, the legal register and clock rules");
  auto as_at = std::make_shared<std::string>();
  Command& list = policy.AddVerb("list", "List every version, the newest first");
  list.AddOption("--as-at", *as_at, "As it stood then, such as 2026-11-01 or 2026-11-01T09:30:00Z: without what was approved later");
  list.Footer("Example: accordctl policy list --as-at 2026-11-01 --as-admin alice");
  list.WhenGiven([&chosen, as_at] { chosen = [as_at](Session& session) { return ListPolicies(session, *as_at); }; });
  Command& forums = policy.AddVerb("forums", "List the forums and their members");
  forums.AddOption("--as-at", *as_at, "As they stood then, such as 2026-11-01 or 2026-11-01T09:30:00Z");
  forums.Footer("Example: accordctl policy forums --as police");
  forums.WhenGiven([&chosen, as_at] { chosen = [as_at](Session& session) { return Forums(session, *as_at); }; });

  auto kind = std::make_shared<std::string>("agreement"), version = std::make_shared<std::string>();
  Command& show = policy.AddVerb("show", "Show a version with its text");
  show.AddOption("KIND", *kind, "Of which kind").ShowDefault().Check({kKinds, [](const std::string& words) { return KindFromWords(words).has_value(); }});
  show.AddOption("VERSION", *version, "Else what is in force");
  show.Footer("Example: accordctl policy show agreement 2026.11 --as idva");
  show.WhenGiven([&chosen, kind, version] { chosen = [kind, version](Session& session) { return ShowPolicy(session, *kind, *version); }; });

  auto file = std::make_shared<std::string>(), against = std::make_shared<std::string>();
  Command& diff = policy.AddVerb("diff", "Say what a text says otherwise, by meaning");
  diff.AddOption("FILE", *file, "An agreement, emergency schedule, legal register or clock rules").Required().ExistingFile();
  diff.AddOption("--against", *against, "Which version; else the one of its id that is in force");
  diff.Footer("The order of routes and of lists means nothing, and makes no difference.\n"
              "Example: accordctl policy diff next-year.toml --as-admin alice");
  diff.WhenGiven([&chosen, file, against] { chosen = [file, against](Session& session) { return Diff(session, *file, *against); }; });

  AddTest(policy, chosen, offline);
  AddExplain(policy, chosen);
}

}  // namespace accord::accordctl
