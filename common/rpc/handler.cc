#include "common/rpc/handler.h"

#include <utility>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/rpc/error_mapping.h"

namespace accord::rpc {

HandlerContext::HandlerContext(Executor& executor, Authorizer& authorizer, const Clock& clock, telemetry::Metrics& metrics)
    : executor(executor),
      authorizer(authorizer),
      clock(clock),
      calls_(metrics.Counters("accord_rpc_calls_total", "Calls ended, by reason.", {"method", "reason"})),
      seconds_(metrics.Histograms("accord_rpc_seconds", "Time from a call's arrival to its end.", {"method"})) {}

absl::StatusOr<std::shared_ptr<const Peer>> HandlerContext::ReadPeer(const grpc::AuthContext& connection) {
  return peers_.Read(connection);
}

void HandlerContext::Count(std::string_view method, const absl::Status& status, absl::Time start) {
  const Reason reason = DetailOf(status).reason;
  calls_.With({method, HasReason(status, reason) ? RowOf(reason).name : absl::StatusCodeToString(status.code())}).Add();
  seconds_.With({method}).Observe(absl::ToDoubleSeconds(clock.Now() - start));
}

namespace {

// As gRPC's own clock has it, so that a call's time is real even where `clock` is not.
absl::Duration TimeLeft(const grpc::CallbackServerContext& context) {
  const gpr_timespec left = gpr_convert_clock_type(context.raw_deadline(), GPR_TIMESPAN);
  if (left.tv_sec == gpr_inf_future(GPR_TIMESPAN).tv_sec) return absl::InfiniteDuration();
  return absl::DurationFromTimespec({left.tv_sec, left.tv_nsec});
}

}  // namespace

// The state of one call between its arrival and its end.
class UnaryCall {
 public:
  UnaryCall(grpc::CallbackServerContext& context, HandlerContext& shared, std::string_view method)
      : shared_(shared),
        method_(method),
        start_(shared.clock.Now()),
        deadline_(start_ + TimeLeft(context)),
        connection_(context.auth_context()),
        reactor_(context.DefaultReactor()) {}

  grpc::ServerUnaryReactor* reactor() { return reactor_; }

  absl::Status CheckTime() const {
    if (deadline_ - shared_.clock.Now() >= shared_.time_min) return absl::OkStatus();
    return Error(Reason::kDeadlineTooShort, "the call leaves too little time for a commit");
  }

  absl::StatusOr<Call> Admit() {
    ACCORD_RETURN_IF_ERROR(CheckTime());  // Again: it may have waited long in the queue.
    Call call{.peer = nullptr, .deadline = deadline_};
    ACCORD_ASSIGN_OR_RETURN(call.peer, shared_.ReadPeer(*connection_));
    ACCORD_RETURN_IF_ERROR(shared_.authorizer.Authorize(*call.peer, method_));
    return call;
  }

  void Finish(const absl::Status& status) {
    shared_.Count(method_, status, start_);
    reactor_->Finish(ToGrpc(status));
  }

 private:
  HandlerContext& shared_;
  const std::string_view method_;
  const absl::Time start_;
  const absl::Time deadline_;
  const std::shared_ptr<const grpc::AuthContext> connection_;
  grpc::ServerUnaryReactor* const reactor_;
};

Completion::Completion(std::unique_ptr<UnaryCall> call)
    : call_(std::move(call)), if_dropped_(Error(Reason::kInternal, "the handler gave no answer")) {}
Completion::Completion(Completion&&) = default;

Completion::~Completion() {
  if (call_ != nullptr) call_->Finish(if_dropped_);
}

void Completion::operator()(const absl::Status& status) {
  ACCORD_CHECK(call_ != nullptr);
  std::exchange(call_, nullptr)->Finish(status);
}

grpc::ServerUnaryReactor* HandleUnary(grpc::CallbackServerContext& context, HandlerContext& shared,
                                      std::string_view method, UnaryBody body) {
  auto call = std::make_unique<UnaryCall>(context, shared, method);
  grpc::ServerUnaryReactor* const reactor = call->reactor();
  const absl::Status in_time = call->CheckTime();
  Completion done(std::move(call));
  if (!in_time.ok()) {
    done(in_time);
    return reactor;
  }
  // What a caller hears when the executor drops the task unrun.
  done.if_dropped_ = Error(Reason::kQueueFull, "the server has too much to do", {{std::string(kRetryAfterKey), "1000"}});
  (void)shared.executor.Run([done = std::move(done), body = std::move(body)]() mutable {
    done.if_dropped_ = Error(Reason::kInternal, "the handler gave no answer");
    auto admitted = done.call_->Admit();
    if (!admitted.ok()) return done(admitted.status());
    std::move(body)(*admitted, std::move(done));
  });
  return reactor;
}

}  // namespace accord::rpc
