// Named questions and samples (docs/questions.md).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <utility>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/referral/referral_name.h"
#include "services/accordctl/answer_table.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/query_proof.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using inspection::v1::AskQuestionRequest;
using inspection::v1::DrawSampleRequest;
using inspection::v1::TrailService;

constexpr absl::Duration kQuestionTimeout = absl::Minutes(2);  // It may look at twenty thousand referrals.
constexpr std::string_view kBrokerAnswers = "the broker looks through the record, which may take two minutes";

struct QuestionArguments {
  uint64_t number = 0;
  std::string warrant, purpose, from, until, as_at, pseudonym, referral;
  std::vector<std::string> areas, agencies, grades, age_bands;
  int days = 0, count = 0, limit = kRowsDefault;
  bool for_publication = false, csv = false;
};

absl::StatusOr<std::string> BytesOfHex(const std::string& option, const std::string& hex) {
  const auto bytes = FromHex(hex);
  if (!bytes.has_value()) return UsageError(option + ": hexadecimal digits are needed");
  return *bytes;
}

absl::StatusOr<AskQuestionRequest> QuestionOf(const QuestionArguments& arguments) {
  AskQuestionRequest request;
  request.set_question(static_cast<uint32_t>(arguments.number));
  request.set_warrant(arguments.warrant);
  request.set_purpose(arguments.purpose);
  ACCORD_ASSIGN_OR_RETURN(const int64_t from, TimeMsOrNone("--from", arguments.from));
  ACCORD_ASSIGN_OR_RETURN(const int64_t until, TimeMsOrNone("--until", arguments.until));
  ACCORD_ASSIGN_OR_RETURN(const int64_t as_at, TimeMsOrNone("--as-at", arguments.as_at));
  request.set_from_ms(from);
  request.set_until_ms(until);
  request.set_as_at_ms(as_at);
  for (const std::string& area : arguments.areas) request.add_areas(area);
  for (const std::string& agency : arguments.agencies) request.add_agencies(agency);
  for (const std::string& grade : arguments.grades) request.add_grades(Value<type::v1::RiskGrade>(grade));
  for (const std::string& band : arguments.age_bands) request.add_age_bands(Value<type::v1::AgeBand>(band));
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_case_pseudonym(), BytesOfHex("--case", arguments.pseudonym));
  if (!arguments.referral.empty()) {
    ACCORD_ASSIGN_OR_RETURN(*request.mutable_referral(), referral::ParseReferralName(arguments.referral));
  }
  request.set_days(static_cast<uint32_t>(arguments.days));
  request.set_count(static_cast<uint32_t>(arguments.count));
  request.set_for_publication(arguments.for_publication);
  return request;
}

absl::StatusOr<int> AskQuestion(Session& session, const QuestionArguments& arguments) {
  if (arguments.csv && session.json()) return UsageError("--csv and --json exclude each other");
  ACCORD_ASSIGN_OR_RETURN(const AskQuestionRequest request, QuestionOf(arguments));
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log, session.LogKey());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kInspector));
  ACCORD_ASSIGN_OR_RETURN(const AskedQuery asked, BeforeAsking(broker, log, type::v1::EVENT_TYPE_QUESTION_ASKED, request));
  Progress progress("rows");
  progress.Tell(0, 0, kBrokerAnswers);
  inspection::v1::Table answer;  // Of the first page, with the rows of all.
  bool first = true;
  const auto ask = [&](const AskQuestionRequest& page) -> absl::StatusOr<inspection::v1::AskQuestionResponse> {
    ACCORD_ASSIGN_OR_RETURN(auto response, Ask(broker, &TrailService::Stub::AskQuestion, page, kQuestionTimeout));
    if (std::exchange(first, false)) {
      answer = response.table();
      answer.clear_rows();
    }
    return response;
  };
  ACCORD_ASSIGN_OR_RETURN(const bool more, EachRow(request, arguments.limit, ask, [](const auto& page) -> const auto& { return page.table().rows(); },
                                                   [&](const inspection::v1::Row& row) {
                                                     *answer.add_rows() = row;
                                                     progress.Tell(static_cast<uint64_t>(answer.rows_size()), 0);
                                                   }));
  if (more) answer.add_notes(fmt::format("these are the first {} rows: --limit shows up to {}", arguments.limit, kRowsMax));
  ACCORD_ASSIGN_OR_RETURN(const QueryProof proof, ProveQuery(broker, log, answer.query_index(), asked, asked.before));
  progress.End();
  PrintAnswer(session, answer, proof, arguments.csv);
  return kDone;
}

// The questions with these numbers; all for none.
absl::StatusOr<int> ShowQuestions(Session& session, uint64_t number) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kInspector));
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &TrailService::Stub::ListQuestions, inspection::v1::ListQuestionsRequest()));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"number", "question", "parameters"});
  for (const auto& question : response.questions()) {
    if (number != 0 && question.number() != number) continue;
    rows.push_back(ToJson(question));
    table.Add({fmt::to_string(question.number()), question.title(), fmt::format("{}", fmt::join(question.parameters(), ", "))});
    if (number == 0 || session.json()) continue;
    session.Print(console::Paragraph(
        console::Printable(fmt::format("{}. {}\n\n{}\n\nParameters (needed ones end in !): {}\nComputed from: {}", question.number(), question.title(),
                                       question.definition(), fmt::join(question.parameters(), ", "), fmt::join(question.fields(), "; "))),
        console::TerminalWidth()));
  }
  if (number != 0 && rows.empty()) return Error(Reason::kQuestionUnknown, fmt::format("there is no question {}", number));
  if (session.json()) {
    session.PrintJson({{"questions", rows}});
  } else if (number == 0) {
    session.Print(table.ToString(console::TerminalWidth()));
  }
  return kDone;
}

struct SampleArguments {
  std::string warrant, purpose, from, until, seed;
  std::vector<std::string> areas, strata, grades, age_bands;
  int size = 0;
  uint64_t tree_size = 0;
  bool csv = false;
};

absl::StatusOr<int> DrawSample(Session& session, const SampleArguments& arguments) {
  if (arguments.csv && session.json()) return UsageError("--csv and --json exclude each other");
  DrawSampleRequest request;
  request.set_warrant(arguments.warrant);
  request.set_purpose(arguments.purpose);
  ACCORD_ASSIGN_OR_RETURN(const int64_t from, TimeMsOrNone("--from", arguments.from));
  ACCORD_ASSIGN_OR_RETURN(const int64_t until, TimeMsOrNone("--until", arguments.until));
  request.set_from_ms(from);
  request.set_until_ms(until);
  for (const std::string& area : arguments.areas) request.add_areas(area);
  for (const std::string& grade : arguments.grades) request.add_grades(Value<type::v1::RiskGrade>(grade));
  for (const std::string& band : arguments.age_bands) request.add_age_bands(Value<type::v1::AgeBand>(band));
  for (const std::string& stratum : arguments.strata) request.add_strata(Value<inspection::v1::SampleStratum>(stratum));
  request.set_size(static_cast<uint32_t>(arguments.size));
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_seed(), BytesOfHex("--seed", arguments.seed));
  request.set_tree_size(arguments.tree_size);
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log, session.LogKey());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kInspector));
  ACCORD_ASSIGN_OR_RETURN(const AskedQuery asked, BeforeAsking(broker, log, type::v1::EVENT_TYPE_SAMPLE_DRAWN, request));
  Progress progress("cases");
  progress.Tell(0, 0, kBrokerAnswers);
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &TrailService::Stub::DrawSample, request, kQuestionTimeout));
  ACCORD_ASSIGN_OR_RETURN(const QueryProof proof, ProveQuery(broker, log, response.query_index(), asked, asked.before));
  progress.End();
  inspection::v1::Table answer = response.table();
  if (!response.seed().empty()) answer.add_notes(fmt::format("To draw the same again: --seed {} --tree-size {}", ToHex(response.seed()), response.tree_size()));
  PrintAnswer(session, answer, proof, arguments.csv);
  return kDone;
}

template <typename Arguments>
void AddCommonOptions(Command& verb, Arguments& arguments) {
  verb.AddOption("--warrant", arguments.warrant, "The warrant that it is asked under; inspectors");
  verb.AddOption("--purpose", arguments.purpose, "Why it is asked: a code of at most 64 characters; it goes on the record");
  verb.AddOption("--from", arguments.from, "Referrals stored then or later, such as 2027-03-31 or 2027-03-31T09:30:00Z");
  verb.AddOption("--until", arguments.until, "And before then; at most two years after");
  verb.AddOption("--area", arguments.areas, "Only this area, a GSS code; may be repeated");
  verb.AddFlag("--csv", arguments.csv, "The rows alone, as RFC 4180 has them; what else is said goes to standard error");
}

void AddAskVerb(Command& question, Verb& chosen) {
  Command& verb = question.AddVerb("ask", "Answer a named question, with what the answer rests on");
  auto arguments = std::make_shared<QuestionArguments>();
  verb.AddOption("NUMBER", arguments->number, "Its number (accordctl question list)").Required();
  AddCommonOptions(verb, *arguments);
  verb.AddOption("--agency", arguments->agencies, "Only referrals that this agency sent or was to receive; may be repeated");
  verb.AddOption("--grade", arguments->grades, "Only this grade; may be repeated").Check(OneOf<type::v1::RiskGrade>());
  verb.AddOption("--age-band", arguments->age_bands, "Only with a child or victim of this age band; may be repeated").Check(OneOf<type::v1::AgeBand>());
  verb.AddOption("--case", arguments->pseudonym, "About this case: its pseudonym, 32 digits");
  verb.AddOption("--referral", arguments->referral, "About this referral: `referrals/…`");
  verb.AddOption("--days", arguments->days, "Within so many days, where the question asks").Range(1, 3660);
  verb.AddOption("--count", arguments->count, "At least so many, where the question asks").Range(1, 1000);
  verb.AddOption("--as-at", arguments->as_at, "As it was on the record then");
  verb.AddFlag("--for-publication", arguments->for_publication, "Leave small counts out");
  verb.AddOption("--limit", arguments->limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  verb.Footer("Example: accordctl question ask 3 --as inspector/j-ahmed --warrant jtai-2027-liverpool --area E08000012 --from 2027-01-01 --until 2027-04-01 --days 5");
  verb.WhenGiven([&chosen, arguments] { chosen = [arguments](Session& session) { return AskQuestion(session, *arguments); }; });
}

}  // namespace

void AddQuestionVerbs(Command& app, Verb& chosen) {
  Command& question = app.AddGroup("question", "The questions that inspectors ask, answered from the record (docs/questions.md)");
  Command& list = question.AddVerb("list", "List them, with the parameters that they take");
  list.Footer("Example: accordctl question list --as inspector/j-ahmed");
  list.WhenGiven([&chosen] { chosen = [](Session& session) { return ShowQuestions(session, 0); }; });
  Command& show = question.AddVerb("show", "What one asks, in words, and what it is computed from");
  auto number = std::make_shared<uint64_t>(0);
  show.AddOption("NUMBER", *number, "Its number").Required();
  show.Footer("Example: accordctl question show 3 --as inspector/j-ahmed");
  show.WhenGiven([&chosen, number] { chosen = [number](Session& session) { return ShowQuestions(session, *number); }; });
  AddAskVerb(question, chosen);

  Command& sample = app.AddGroup("sample", "Random samples of cases");
  Command& draw = sample.AddVerb("draw", "Draw cases at random, which can be drawn again from the seed; under a warrant for samples they are covered from then on");
  auto arguments = std::make_shared<SampleArguments>();
  AddCommonOptions(draw, *arguments);
  draw.AddOption("--size", arguments->size, "How many cases").Range(1, 500).Required();
  draw.AddOption("--stratum", arguments->strata, "By what it is stratified; may be repeated").Check(OneOf<inspection::v1::SampleStratum>());
  draw.AddOption("--grade", arguments->grades, "Only cases with such a referral of this grade; may be repeated").Check(OneOf<type::v1::RiskGrade>());
  draw.AddOption("--age-band", arguments->age_bands, "Only cases with a person in this age band in such a referral; may be repeated").Check(OneOf<type::v1::AgeBand>());
  draw.AddOption("--seed", arguments->seed, "Of an earlier sample, to draw the same again: 32 digits");
  draw.AddOption("--tree-size", arguments->tree_size, "The log's size that the earlier sample was drawn over");
  draw.Footer("Example: accordctl sample draw --as inspector/j-ahmed --warrant jtai-2027-liverpool --from 2027-01-01 --until 2027-04-01 --size 10 --stratum grade --stratum child");
  draw.WhenGiven([&chosen, arguments] { chosen = [arguments](Session& session) { return DrawSample(session, *arguments); }; });
}

}  // namespace accord::accordctl
