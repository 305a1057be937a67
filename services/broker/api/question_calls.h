// ListQuestions, AskQuestion and DrawSample: the named questions and samples as calls (docs/questions.md).
#pragma once

#include <atomic>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/random.h"
#include "common/rpc/handler.h"
#include "services/broker/api/table_pages.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/trails/keys.h"

namespace accord::broker {

inline constexpr int kQuestionPageDefault = 100;
inline constexpr int kQuestionsAtOnceMax = 2;  // Answered at a time, samples that are drawn among them, for their memory: at most some 0.3 GiB each.

inline constexpr int kSamplesAtOnceMax = 1;   // Drawn at a time.

// What the calls need. All must outlive the server.
struct QuestionWork {
  Sequencer& sequencer;
  const DirectoryHolder& directory;
  const PolicyHolder& policy;
  const TrailKeys& keys;
  Random& random;
  RefusalRecorder& refusals;
  Executor& executor;  // Helps to read.
};

// What calls have of each other's answers. Thread-safe.
struct QuestionAnswers {
  std::atomic<int> running = 0;  // Being computed, or drawn.
  std::atomic<int> drawing = 0;  // Of those, drawn.
  WholeTables tables;
};

// Thread-safe.
class QuestionCalls {
 public:
  explicit QuestionCalls(QuestionWork work) : work_(work) {}

  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const inspection::v1::ListQuestionsRequest& request,
                                 inspection::v1::ListQuestionsResponse& response);
  // The entry QUESTION_ASKED is durable before the first row; the pages of one answer are of the log as it was at that entry, and may be turned for
  // an hour. Errors of OpenScope, CheckQuestion and AnswerQuestion; PAGE_TOKEN_INVALID; QUEUE_FULL when kQuestionsAtOnceMax are being answered and
  // this one must be computed, as a page of an answer that is kept need not.
  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const inspection::v1::AskQuestionRequest& request,
                                inspection::v1::AskQuestionResponse& response);
  // The entry SAMPLE_DRAWN is durable, with what it adds to the warrant, before the answer. Errors of OpenScope, CheckSample, DrawSample and
  // RecordQueryCommand; QUEUE_FULL when kSamplesAtOnceMax are being drawn, or kQuestionsAtOnceMax answered or drawn.
  grpc::ServerUnaryReactor* Draw(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const inspection::v1::DrawSampleRequest& request,
                                 inspection::v1::DrawSampleResponse& response);

 private:
  const QuestionWork work_;
  QuestionAnswers answers_;
};

}  // namespace accord::broker
