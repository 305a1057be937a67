#include "services/broker/api/trail_calls.h"

#include <memory>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/rpc/server_stream.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"

namespace accord::broker {
namespace {

using inspection::v1::ExplainTrailRequest;
using inspection::v1::ExplainTrailResponse;
using inspection::v1::QueryTrailRequest;
using inspection::v1::QueryTrailResponse;
using inspection::v1::StreamTrailRequest;
using inspection::v1::StreamTrailResponse;

constexpr std::string_view kStreamTrail = "/accord.inspection.v1.TrailService/StreamTrail";
constexpr std::string_view kExplainTrail = "/accord.inspection.v1.TrailService/ExplainTrail";

absl::Status AnswerOnePage(const TrailWork& work, const TrailQuery& query, TrailPosition position, absl::Time now, QueryTrailResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const auto view, work.sequencer.View());
  const auto next = AnswerTrailPage(work, *view, query, position, now, response);
  // The position is what the caller sent: a query that is not its own, or is over, is a wrong token.
  if (query.from.has_value() && HasReason(next.status(), Reason::kEntryNotFound)) return PageTokenInvalid();
  ACCORD_RETURN_IF_ERROR(next);
  if (next->has_value()) {
    response.set_next_page_token(MakePageToken(query.page_query, ByteWriter().U64(position.query_index).U64(**next).bytes()));
  }
  return absl::OkStatus();
}

// The query, with what is to be read ahead if its entry is to come first.
absl::StatusOr<TrailQuery> Understand(const TrailWork& work, std::atomic<int>& searches, const Caller& caller, std::string_view method, absl::Time now,
                                      const QueryTrailRequest& request) {
  ACCORD_ASSIGN_OR_RETURN(const auto view, work.sequencer.View());
  ACCORD_ASSIGN_OR_RETURN(TrailQuery query, ReadTrailQuery(work, *view, caller, method, now, request));
  const absl::Status named = NameOnRecord(work, searches, *view, query);
  // Of whoever is in too many cases it says so, which is not to be had unseen.
  if (HasReason(named, Reason::kQueryTooCostly)) work.refusals.Record({.principal = caller.principal, .certificate = caller.certificate, .method = std::string(method), .status = named, .signature_digest = ""});
  ACCORD_RETURN_IF_ERROR(named);
  if (!query.from.has_value() && !query.filter.has_value()) query.trail.ahead = AheadOf(view, query.trail, query.page_size);
  return query;
}

// Puts the query on the record, and while that waits for the disk others read what its answer is made of, if they are free; nothing once the query is
// gone, answered or refused. The commit goes first: on few processors it would else wait for its own readers.
void RecordThenRead(const TrailWork& work, QueryEntry entry, const std::weak_ptr<EntriesAhead>& ahead, RecordQueryCommand::QueryRecorded done) {
  Executor& behind = work.ahead;  // `work` may be gone once `done` was called.
  work.sequencer.Submit(std::make_unique<RecordQueryCommand>(std::move(entry), std::move(done)));
  if (ahead.expired()) return;
  (void)behind.Run([&behind, ahead] {
    if (const auto wanted = ahead.lock(); wanted != nullptr) wanted->Read(behind);
  });
}

class TrailStream final : public rpc::ServerStream<StreamTrailResponse> {
 public:
  TrailStream(const TrailWork& work, std::atomic<int>& searches, const Clock& clock, QueryTrailRequest request)
      : work_(work), searches_(searches), clock_(clock), request_(std::move(request)) {}

 private:
  std::shared_ptr<TrailStream> Self() { return std::static_pointer_cast<TrailStream>(shared_from_this()); }

  absl::Status OnOpen(const rpc::Peer& peer) override {
    const Caller caller = CallerOf(peer);
    request_.clear_page_token();
    request_.set_page_size(kTrailRowsAMessage);
    auto query = Understand(work_, searches_, caller, kStreamTrail, clock_.Now(), request_);
    RecordRefusal(work_.refusals, caller, kStreamTrail, query.status());
    ACCORD_RETURN_IF_ERROR(query.status());
    query_ = *std::move(query);
    Hold();
    RecordThenRead(work_, query_.entry, query_.trail.ahead, [self = Self()](const absl::StatusOr<uint64_t>& index) {
      self->query_.searching.reset();
      RecordRefusal(self->work_.refusals, self->query_.caller, kStreamTrail, index.status());
      if (index.ok()) self->position_ = TrailPosition{.query_index = *index};
      self->Resume(index.status());
    });
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next(StreamTrailResponse& message) override {
    auto more = ReadOn(message);
    RecordRefusal(work_.refusals, query_.caller, kStreamTrail, more.status());
    return more;
  }

  absl::StatusOr<bool> ReadOn(StreamTrailResponse& message) {
    if (!position_.has_value()) return false;
    ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
    ACCORD_ASSIGN_OR_RETURN(const auto next, AnswerTrailPage(work_, *view, query_, *position_, clock_.Now(), *message.mutable_page()));
    if (next.has_value()) {
      position_->place = *next;
    } else {
      position_.reset();
    }
    return true;
  }

  const TrailWork& work_;
  std::atomic<int>& searches_;
  const Clock& clock_;
  QueryTrailRequest request_;
  TrailQuery query_;                       // From OnOpen on.
  std::optional<TrailPosition> position_;  // Absent before the query is recorded, and after the last page.
};

}  // namespace

grpc::ServerUnaryReactor* TrailCalls::Query(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const QueryTrailRequest& request,
                                            QueryTrailResponse& response) {
  return HandleRecorded(context, shared, work_.refusals, kQueryTrail, [this, &shared, &request, &response](const BrokerCall& call, Answer answer) {
    auto query = Understand(work_, searches_, call.caller, kQueryTrail, shared.clock.Now(), request);
    if (!query.ok()) return answer(query.status());
    if (query->from.has_value()) return answer(AnswerOnePage(work_, *query, *query->from, shared.clock.Now(), response));
    QueryEntry entry = query->entry;
    const std::weak_ptr<EntriesAhead> ahead = query->trail.ahead;
    RecordThenRead(work_, std::move(entry), ahead, [this, &shared, query = *std::move(query), &response, answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable {
      query.searching.reset();
      if (!index.ok()) return answer(index.status());
      answer(AnswerOnePage(work_, query, {.query_index = *index}, shared.clock.Now(), response));
    });
  });
}

grpc::ServerWriteReactor<StreamTrailResponse>* TrailCalls::Stream(grpc::CallbackServerContext& context, rpc::HandlerContext& shared,
                                                                 rpc::LiveStreams& streams, const StreamTrailRequest& request) {
  return rpc::OpenServerStream<TrailStream>(context, shared, streams, kStreamTrail, work_, searches_, shared.clock, request.query());
}

grpc::ServerUnaryReactor* TrailCalls::Explain(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ExplainTrailRequest& request,
                                              ExplainTrailResponse& response) {
  return HandleRecorded(context, shared, work_.refusals, kExplainTrail, [this, &shared, &request, &response](const BrokerCall& call, Answer answer) {
    answer([&]() -> absl::Status {
      ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
      ACCORD_ASSIGN_OR_RETURN(const TrailQuery query, ReadTrailQuery(work_, *view, call.caller, kExplainTrail, shared.clock.Now(), request.query()));
      ACCORD_ASSIGN_OR_RETURN(const FilterPath path, ExplainTrailQuery(work_, *view, query));
      response.set_path(path.by);
      response.set_entries(path.entries);
      for (const std::string& condition : path.checked) response.add_checked(condition);
      return absl::OkStatus();
    }());
  });
}

}  // namespace accord::broker
