#include "services/broker/api/question_calls.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/running_place.h"
#include "services/broker/api/table_pages.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/questions/engine.h"
#include "services/broker/questions/sample.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/trails/index.h"
#include "services/broker/trails/looks.h"
#include "services/broker/trails/trail.h"
#include "services/broker/warrants/query_entry.h"

namespace accord::broker {
namespace {

using inspection::v1::AskQuestionRequest;
using inspection::v1::AskQuestionResponse;
using inspection::v1::DrawSampleRequest;
using inspection::v1::DrawSampleResponse;

constexpr std::string_view kListQuestions = "/accord.inspection.v1.TrailService/ListQuestions";
constexpr std::string_view kAskQuestion = "/accord.inspection.v1.TrailService/AskQuestion";
constexpr std::string_view kDrawSample = "/accord.inspection.v1.TrailService/DrawSample";

absl::Status CheckQuestionPurpose(std::string_view purpose) {
  if (IsPurpose(purpose)) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, fmt::format("purpose: a code of at most {} characters is needed", kPurposeCharsMax), {{"field", "purpose"}});
}

// One call, once it is understood.
struct Asked {
  Caller caller;
  Scope scope = Scope::All();
  const Question* question = nullptr;
  AskQuestionRequest request;
  std::string digest;  // Of the request without its page.
  std::string page_query;
  int page_size = 0;
  std::optional<TablePosition> from;  // Absent for the first page.
};

absl::StatusOr<Asked> ReadAsked(const ReadView& view, const Caller& caller, const AskQuestionRequest& request, absl::Time now) {
  Asked asked;
  asked.caller = caller;
  asked.request = request;
  ACCORD_ASSIGN_OR_RETURN(asked.scope, OpenScope(view, caller, request.warrant(), now));
  ACCORD_RETURN_IF_ERROR(CheckQuestionPurpose(request.purpose()));
  ACCORD_ASSIGN_OR_RETURN(asked.page_size, PageSize(request.page_size(), kQuestionPageDefault));
  ACCORD_ASSIGN_OR_RETURN(asked.question, CheckQuestion(request, asked.scope));
  asked.digest = DigestWithoutPage(request);
  asked.page_query = PageQuery(kAskQuestion, {caller.principal, asked.digest});
  ACCORD_ASSIGN_OR_RETURN(asked.from, ReadTablePosition(request.page_token(), asked.page_query));
  return asked;
}

referral::ClockRules ClocksNow(const QuestionWork& work, absl::Time now) { return work.policy.Get()->compiled.Clocks(now); }

absl::StatusOr<std::unique_ptr<RunningPlace>> TakePlace(QuestionAnswers& answers) {
  return RunningPlace::Take(answers.running, kQuestionsAtOnceMax, "questions are being answered");
}

// The page that begins at `from`, of the answer that is kept or of one computed now, for which `place` is taken if it was not.
absl::Status AnswerAsked(const ReadView& view, const QuestionWork& work, QuestionAnswers& answers, std::unique_ptr<RunningPlace> place, const Asked& asked,
                         TablePosition from, absl::Time now, AskQuestionResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int64_t asked_at_ms,
                          QueryAskedAtMs(view, asked.caller, type::v1::EVENT_TYPE_QUESTION_ASKED, asked.digest, from.query_index, now));
  const auto directory = work.directory.Get();
  ACCORD_ASSIGN_OR_RETURN(const TableGround ground,
                          TableGroundOf(view, asked.caller, asked.page_query, from.query_index, asked.scope.warrant(), directory->epoch()));
  const auto compute = [&]() -> absl::StatusOr<inspection::v1::Table> {
    if (place == nullptr) {
      ACCORD_ASSIGN_OR_RETURN(place, TakePlace(answers));
    }
    const referral::ClockRules clocks = ClocksNow(work, absl::FromUnixMillis(asked_at_ms));
    return AnswerQuestion(view, work.executor, work.keys, *directory, clocks, asked.scope, *asked.question, asked.request, from.query_index, asked_at_ms);
  };
  ACCORD_ASSIGN_OR_RETURN(*response.mutable_next_page_token(),
                          AnswerTablePage(answers.tables, ground, from.row, asked.page_size, compute, *response.mutable_table()));
  return absl::OkStatus();
}

// On the chains of the referral or case that is asked about, so that whoever reads its trail sees the question too. REQUIRES: it is covered.
absl::Status NameAsked(const ReadView& view, const Asked& asked, QueryEntry& query) {
  if (!asked.request.case_pseudonym().empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto found, view.Get(kFamilyCase, asked.request.case_pseudonym()));
    if (!found.has_value()) return absl::OkStatus();
    query.draft.chains.push_back(asked.request.case_pseudonym());
    ACCORD_ASSIGN_OR_RETURN(query.looked_at, PartiesOfCase(view, asked.request.case_pseudonym()));
    return absl::OkStatus();
  }
  const auto read = SealedReaderOf(view);
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read, asked.request.referral()));
  if (!stored.has_value()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
  query.draft.chains = ChainsOf(*stored);
  auto& about = query.draft.referral.emplace();
  about.set_header_digest(asked.request.referral());
  about.set_sender(header.core.part.sender());
  about.set_request_id(header.core.part.request_id());
  ACCORD_ASSIGN_OR_RETURN(query.looked_at, PartiesOf(view, about.sender(), *stored));
  return absl::OkStatus();
}

// OK when the question can be answered. ERASED of a referral that was: who may ask about one may know of all, as of trails.
absl::Status JudgeAsked(const ReadView& view, const QuestionWork& work, const DirectorySnapshot& directory, const Asked& asked, absl::Time now) {
  const absl::Status status = AnswerQuestion(view, work.executor, work.keys, directory, ClocksNow(work, now), asked.scope, *asked.question, asked.request,
                                             view.ledger().size(), absl::ToUnixMillis(now)).status();
  if (!HasReason(status, Reason::kReferralNotFound)) return status;
  ACCORD_ASSIGN_OR_RETURN(const auto erased, FindErased(PlainReaderOf(view), ErasedReferralMark(asked.request.referral())));
  return erased.has_value() ? ErasedAt(*erased) : status;
}

// Whom a question or sample of many concerns that names these areas, and these agencies.
template <typename Areas>
std::set<LookedAt> LookedAtIn(const Areas& areas, std::set<std::string> agencies, const Scope& scope, const DirectorySnapshot& directory) {
  for (std::string& agency : AgenciesIn(directory, {areas.begin(), areas.end()})) agencies.insert(std::move(agency));
  return LookedAtUnder(scope, directory, agencies);
}

absl::StatusOr<QueryEntry> QuestionEntry(const ReadView& view, const QuestionWork& work, const DirectorySnapshot& directory, const Asked& asked, absl::Time now) {
  QueryEntry query = QueryEntryOf(asked.caller, asked.scope, type::v1::EVENT_TYPE_QUESTION_ASKED, kAskQuestion, asked.request.purpose());
  query.draft.event.set_question(asked.request.question());
  query.draft.event.set_query_digest(asked.digest);
  if (asked.question->one) {
    // Judged before there is an entry: what lies outside the warrant is a refusal, and stands on no chain that is not the caller's.
    ACCORD_RETURN_IF_ERROR(JudgeAsked(view, work, directory, asked, now));
    ACCORD_RETURN_IF_ERROR(NameAsked(view, asked, query));
    if (asked.scope.warrant_id().empty()) query.looked_at.clear();
  } else {
    query.looked_at = LookedAtIn(asked.request.areas(), {asked.request.agencies().begin(), asked.request.agencies().end()}, asked.scope, directory);
  }
  return query;
}

struct Drawing {
  std::unique_ptr<RunningPlace> alone, place;  // Until the sample is on the record.
  Scope scope = Scope::All();
  Sample sample;
  std::string seed;
  uint64_t tree_size = 0;
  QueryEntry query;
};

absl::StatusOr<Drawing> PlanDrawing(const QuestionWork& work, QuestionAnswers& answers, const Caller& caller, const DrawSampleRequest& request, absl::Time now) {
  {
    // Who may not draw hears that, and nothing of whether others do.
    ACCORD_ASSIGN_OR_RETURN(const auto before, work.sequencer.View());
    ACCORD_RETURN_IF_ERROR(OpenScope(*before, caller, request.warrant(), now));
  }
  Drawing drawing;
  // Before the view: how many of a stratum were drawn already is read from the record, which two at a time would not see of each other.
  ACCORD_ASSIGN_OR_RETURN(drawing.alone, RunningPlace::Take(answers.drawing, kSamplesAtOnceMax, "samples are being drawn"));
  ACCORD_ASSIGN_OR_RETURN(const auto at, work.sequencer.View());
  const ReadView& view = *at;
  ACCORD_ASSIGN_OR_RETURN(drawing.scope, OpenScope(view, caller, request.warrant(), now));
  ACCORD_RETURN_IF_ERROR(CheckQuestionPurpose(request.purpose()));
  ACCORD_RETURN_IF_ERROR(CheckSample(request, drawing.scope, view.ledger().size()));
  ACCORD_ASSIGN_OR_RETURN(drawing.place, TakePlace(answers));
  drawing.seed = request.seed().empty() ? work.random.Bytes(kSampleSeedBytes) : request.seed();
  drawing.tree_size = request.tree_size() == 0 ? view.ledger().size() : request.tree_size();
  const auto directory = work.directory.Get();
  ACCORD_ASSIGN_OR_RETURN(drawing.sample, DrawSample(view, work.keys, *directory, drawing.scope, request, drawing.seed, drawing.tree_size));
  if (!drawing.scope.identities()) ShuffleDrawn(work.random, drawing.sample);
  drawing.query = QueryEntryOf(caller, drawing.scope, type::v1::EVENT_TYPE_SAMPLE_DRAWN, kDrawSample, request.purpose());
  drawing.query.draft.event.set_query_digest(crypto::Sha256(request.SerializeAsString()));
  drawing.query.draft.event.set_sample_seed(drawing.seed);
  drawing.query.draft.event.set_tree_size(drawing.tree_size);
  drawing.query.looked_at = LookedAtIn(request.areas(), {}, drawing.scope, *directory);
  if (drawing.scope.warrant().scope().sample_cases_max() > 0) drawing.query.sampled = drawing.sample.pseudonyms();
  return drawing;
}

}  // namespace

grpc::ServerUnaryReactor* QuestionCalls::List(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const inspection::v1::ListQuestionsRequest&,
                                              inspection::v1::ListQuestionsResponse& response) {
  return HandleRecorded(context, shared, work_.refusals, kListQuestions, [&response](const BrokerCall&, Answer answer) {
    for (const Question& question : Questions()) *response.add_questions() = DescribeQuestion(question);
    answer(absl::OkStatus());
  });
}

grpc::ServerUnaryReactor* QuestionCalls::Ask(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const AskQuestionRequest& request,
                                             AskQuestionResponse& response) {
  return HandleRecorded(context, shared, work_.refusals, kAskQuestion, [this, &shared, &request, &response](const BrokerCall& call, Answer answer) {
    absl::StatusOr<Asked> asked;
    absl::StatusOr<QueryEntry> query;
    absl::StatusOr<std::unique_ptr<RunningPlace>> place;
    {
      const auto view = work_.sequencer.View();
      if (!view.ok()) return answer(view.status());
      asked = ReadAsked(**view, call.caller, request, shared.clock.Now());
      if (!asked.ok()) return answer(asked.status());
      if (asked->from.has_value()) {
        const absl::Status answered = AnswerAsked(**view, work_, answers_, nullptr, *asked, *asked->from, shared.clock.Now(), response);
        return answer(answered);
      }
      place = TakePlace(answers_);
      if (!place.ok()) return answer(place.status());
      query = QuestionEntry(**view, work_, *work_.directory.Get(), *asked, shared.clock.Now());
      if (!query.ok()) return answer(query.status());
    }
    work_.sequencer.Submit(std::make_unique<RecordQueryCommand>(
        *std::move(query), [this, &shared, &response, asked = *std::move(asked), place = *std::move(place),
                            answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable {
          if (!index.ok()) return answer(index.status());
          const auto view = work_.sequencer.View();
          if (!view.ok()) return answer(view.status());
          const absl::Status answered =
              AnswerAsked(**view, work_, answers_, std::move(place), asked, {.query_index = *index, .row = 0}, shared.clock.Now(), response);
          answer(answered);  // A statement of its own: the place was given back before the caller can ask for the next page.
        }));
  });
}

grpc::ServerUnaryReactor* QuestionCalls::Draw(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const DrawSampleRequest& request,
                                              DrawSampleResponse& response) {
  return HandleRecorded(context, shared, work_.refusals, kDrawSample, [this, &shared, &request, &response](const BrokerCall& call, Answer answer) {
    auto drawing = PlanDrawing(work_, answers_, call.caller, request, shared.clock.Now());
    if (!drawing.ok()) return answer(drawing.status());
    QueryEntry query = std::move(drawing->query);
    work_.sequencer.Submit(std::make_unique<RecordQueryCommand>(
        std::move(query), [&request, &response, drawing = *std::move(drawing), answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable {
          drawing.alone = nullptr;  // Both before the caller can draw again.
          drawing.place = nullptr;
          if (!index.ok()) return answer(index.status());
          *response.mutable_table() = SampleTable(drawing.sample, request, drawing.scope, drawing.tree_size);
          response.mutable_table()->set_query_index(*index);
          if (drawing.scope.identities()) response.set_seed(drawing.seed);  // Which says of every pseudonym whether and when it was drawn.
          response.set_tree_size(drawing.tree_size);
          response.set_query_index(*index);
          answer(absl::OkStatus());
        }));
  });
}

}  // namespace accord::broker
