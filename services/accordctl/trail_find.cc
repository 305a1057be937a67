#include "services/accordctl/trail_find.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/references.h"
#include "services/accordctl/trail_query.h"
#include "services/accordctl/trail_rows.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using inspection::v1::QueryTrailRequest;

constexpr uint64_t kExplainedMost = 1'000'000;  // The broker counts no further.

template <typename Enum>
void AddValues(const std::vector<std::string>& words, google::protobuf::RepeatedField<int>& values) {
  for (const std::string& word : words) values.Add(Value<Enum>(word));
}

absl::StatusOr<FoundEntries> ReadFound(const Endpoint& broker, QueryTrailRequest request, const std::string& origin, size_t rows_max) {
  FoundEntries found;
  bool cut = false;
  Progress progress("entries");
  request.set_page_size(kPageRowsMax);
  while (found.rows.size() < rows_max) {
    ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &inspection::v1::TrailService::Stub::QueryTrail, request));
    for (const auto& row : response.rows()) {
      ACCORD_ASSIGN_OR_RETURN(CheckedRow checked, CheckRow(row, origin));
      cut = found.rows.size() == rows_max;
      if (cut) break;
      found.rows.push_back(std::move(checked));
      found.json.push_back(ToJson(row));
    }
    found.completeness = response.completeness();
    found.query_index = response.query_index();
    request.set_page_token(response.next_page_token());
    if (request.page_token().empty()) {
      found.all = !cut && !found.rows.empty() && found.rows.back().index == found.query_index;
      if (!cut && !found.all) return Error(Reason::kReceiptInvalid, "the answer ends without the record of this question, which is its last row");
      break;
    }
    progress.Tell(found.rows.size(), 0);
  }
  return found;
}

std::string FoundTable(const FoundEntries& found) {
  console::Table table({"entry", "time", "event", "who", "recipient", "detail"});
  for (const CheckedRow& row : found.rows) {
    table.Add({std::to_string(row.index), console::TimeText(static_cast<int64_t>(row.leaf.time_ms)), EventText(row), ActorText(row), RecipientText(row),
               DetailText(row)});
  }
  return table.ToString(console::TerminalWidth());
}

absl::StatusOr<int> Explain(Session& session, const Endpoint& broker, const QueryTrailRequest& request) {
  inspection::v1::ExplainTrailRequest explained;
  *explained.mutable_query() = request;
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &inspection::v1::TrailService::Stub::ExplainTrail, explained));
  if (session.json()) {
    session.PrintJson(ToJson(response));
  } else {
    session.Print(ExplainText(response));
  }
  return kDone;
}

absl::StatusOr<int> Find(Session& session, const FindArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(const QueryTrailRequest request, FindRequest(arguments));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  if (arguments.explain) return Explain(session, broker, request);
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log, session.LogKey());
  ACCORD_ASSIGN_OR_RETURN(const AskedQuery asked, BeforeAsking(broker, log, type::v1::EVENT_TYPE_TRAIL_QUERIED, request));
  ACCORD_ASSIGN_OR_RETURN(const FoundEntries found, ReadFound(broker, request, log.name(), static_cast<size_t>(arguments.rows)));
  ACCORD_RETURN_IF_ERROR(CheckFound(found, arguments.newest_first, asked));
  const bool prove = !arguments.no_proofs && (arguments.proofs || found.rows.size() <= kProofsAtOnceMax);
  // The question's own is proved always, be it the last of the rows or beyond those that were asked for.
  ledger::Checkpoint tree = asked.before;
  if (prove || found.all) {
    ACCORD_ASSIGN_OR_RETURN(tree, ProveInOneLog(broker, log, ToProve(found.rows, prove), asked.before));
  }
  QueryProof proof = ProofIn(tree, found.query_index);
  if (!found.all) {
    ACCORD_ASSIGN_OR_RETURN(proof, ProveQuery(broker, log, found.query_index, asked, tree));
  }
  if (session.json()) {
    session.PrintJson({{"rows", found.json},
                       {"completeness", found.completeness},
                       {"queryIndex", found.query_index},
                       {"all", found.all},
                       {"openingsVerified", true},
                       {"leavesProved", prove},
                       {"proof", QueryProofJson(proof)}});
    return kDone;
  }
  std::string text = FoundTable(found) + "\n";
  text += console::Paragraph(FoundNotes(found, !arguments.warrant.empty(), proof, prove), console::TerminalWidth());
  session.Print(text);
  return kDone;
}

}  // namespace

absl::StatusOr<QueryTrailRequest> FindRequest(const FindArguments& arguments) {
  QueryTrailRequest request;
  request.set_purpose(arguments.purpose);
  request.set_warrant(arguments.warrant);
  auto& filter = *request.mutable_filter();
  for (const std::string& agency : arguments.agencies) filter.add_agencies(agency);
  for (const std::string& worker : arguments.workers) filter.add_workers(worker);
  for (const std::string& area : arguments.areas) filter.add_areas(area);
  AddValues<type::v1::RiskGrade>(arguments.grades, *filter.mutable_grades());
  AddValues<type::v1::EventType>(arguments.events, *filter.mutable_events());
  AddValues<type::v1::StatementKind>(arguments.statements, *filter.mutable_statements());
  AddValues<type::v1::Verdict>(arguments.verdicts, *filter.mutable_verdicts());
  AddValues<type::v1::Article6Basis>(arguments.bases, *filter.mutable_article6());
  AddValues<type::v1::Gateway>(arguments.gateways, *filter.mutable_gateways());
  AddValues<type::v1::Schedule8Condition>(arguments.schedule8, *filter.mutable_schedule8());
  for (const std::string& pseudonym : arguments.cases) {
    const auto bytes = FromHex(pseudonym);
    if (!bytes.has_value() || bytes->size() != kIdBytes) return UsageError(fmt::format("--case {}: a case is named by the 32 hex digits of its pseudonym", pseudonym));
    filter.add_case_pseudonyms(*bytes);
  }
  ACCORD_ASSIGN_OR_RETURN(const int64_t from_ms, TimeMsOrNone("--from", arguments.from));
  filter.set_from_ms(from_ms);
  ACCORD_ASSIGN_OR_RETURN(const int64_t until_ms, TimeMsOrNone("--until", arguments.until));
  filter.set_until_ms(until_ms);
  for (const std::string& subject : arguments.subjects) {
    ACCORD_ASSIGN_OR_RETURN(*filter.add_subjects(), SubjectOf(subject));
  }
  filter.set_newest_first(arguments.newest_first);
  if (!arguments.workers.empty() && arguments.agencies.size() != 1) return UsageError("--worker: whose they are is said by exactly one --agency");
  return request;
}

absl::Status CheckFound(const FoundEntries& found, bool newest_first, const AskedQuery& asked) {
  ACCORD_RETURN_IF_ERROR(CheckQueryIndex(found.query_index, asked));
  size_t count = found.rows.size();
  if (found.all) {  // Whatever the order, it is the last.
    const CheckedRow& own = found.rows[--count];
    ACCORD_RETURN_IF_ERROR(CheckQueryEntry(own.index, own.leaf, own.event, own.actor, asked));
  }
  for (size_t i = 1; i < count; ++i) {
    const uint64_t before = found.rows[i - 1].index, after = found.rows[i].index;
    if (newest_first ? before <= after : before >= after) return Error(Reason::kReceiptInvalid, "the entries are not in the order of the log");
  }
  return absl::OkStatus();
}

std::string FoundNotes(const FoundEntries& found, bool under_warrant, const QueryProof& proof, bool leaves_proved) {
  std::string text = fmt::format("Completeness: {}.", found.completeness.empty() ? "no grade told" : found.completeness);
  text += found.all ? fmt::format(" The last row, entry {0}, is the record of this very question: with it the broker has answered that no other entry before it is selected{1}, so "
                                  "one that is and is not above convicts the broker.",
                                  found.query_index, under_warrant ? " and covered by the warrant" : "")
                    : std::string(" That is the grade of the whole answer, and these are its first entries alone: ask for more with --limit, or for a shorter period.");
  text += " Verified before it was printed: what each row says opens commitments of its leaf";
  text += leaves_proved ? fmt::format(", and each leaf is in the log that {} signs", proof.origin) : fmt::format("; {}", kQuestionAloneProved);
  return text + ". " + QueryProofText(proof);
}

std::string ExplainText(const inspection::v1::ExplainTrailResponse& response) {
  std::string text = fmt::format("Read by: {}; {} entries", response.path(),
                                 response.entries() >= kExplainedMost ? std::string("a million or more") : fmt::format("at most {}", response.entries()));
  if (response.checked().empty()) return text + ". Nothing is left to check.\n";
  text += ". Checked one by one:";
  for (int i = 0; i < response.checked_size(); ++i) text += fmt::format("{} {}", i == 0 ? "" : ",", response.checked(i));
  return text + ".\n";
}

void AddTrailFind(Command& trail, Verb& chosen) {
  auto arguments = std::make_shared<FindArguments>();
  arguments->rows = kRowsDefault;
  Command& verb = trail.AddVerb("find", "Entries that all of these select, whatever they are about (administrators, inspectors)");
  verb.AddOption("--agency", arguments->agencies, "An agency that acted, sent or was to receive; may be repeated, as all of these");
  verb.AddOption("--worker", arguments->workers, "Pseudonym of a worker; needs one --agency, which is theirs");
  verb.AddOption("--area", arguments->areas, "GSS code of an area of such an agency, as the directory has it now");
  verb.AddOption("--from", arguments->from, "At or after this day or time, such as 2027-03-31 or 2027-03-31T09:30:00Z");
  verb.AddOption("--until", arguments->until, "And before this one");
  verb.AddOption("--grade", arguments->grades, "Grade of the referral when it was stored").Check(OneOf<type::v1::RiskGrade>());
  verb.AddOption("--event", arguments->events, "Kind of event").Check(OneOf<type::v1::EventType>());
  verb.AddOption("--statement", arguments->statements, "Kind of statement").Check(OneOf<type::v1::StatementKind>());
  verb.AddOption("--verdict", arguments->verdicts, "A verdict of its decisions").Check(OneOf<type::v1::Verdict>());
  verb.AddOption("--basis", arguments->bases, "Article 6 basis of the referral when it was stored").Check(OneOf<type::v1::Article6Basis>());
  verb.AddOption("--gateway", arguments->gateways, "Gateway of any part of the referral when it was stored").Check(OneOf<type::v1::Gateway>());
  verb.AddOption("--schedule8", arguments->schedule8, "Condition of Schedule 8, where Part 3 of the Data Protection Act has it in place of an Article 6 basis, likewise")
      .Check(OneOf<type::v1::Schedule8Condition>());
  verb.AddOption("--case", arguments->cases, "Of this case: its pseudonym, 32 hex digits; may be repeated");
  verb.AddOption("--subject", arguments->subjects,
                 "Of the cases of somebody, by a token that an agency which knows them made: DOMAIN:KEY:RECIPE:TOKEN, the token in hex");
  verb.AddFlag("--newest-first", arguments->newest_first, "The newest first");
  verb.AddFlag("--explain", arguments->explain, "Say how it would be read and how much that looks at; nothing is asked or recorded");
  verb.AddOption("--limit", arguments->rows, "Most entries to show").Range(1, kRowsMax).ShowDefault().Formerly("--rows");
  verb.AddOption("--purpose", arguments->purpose, "Why it is asked: a code of at most 64 characters, kept in the record");
  verb.AddOption("--warrant", arguments->warrant, "The warrant it is asked under (inspectors)");
  Option& no_proofs = verb.AddFlag("--no-proofs", arguments->no_proofs, "Do not prove that each leaf is in the log, but only that of the question");
  verb.AddFlag("--proofs", arguments->proofs, fmt::format("Prove it for more than {} entries too", kProofsAtOnceMax)).Excludes(no_proofs);
  verb.Footer("Example: accordctl trail find --agency housing --event statement --from 2026-11-01 --newest-first --limit 20 --as-admin alice");
  verb.WhenGiven([&chosen, arguments] { chosen = [arguments](Session& session) { return Find(session, *arguments); }; });
}

}  // namespace accord::accordctl
