// A server's end of a stream that only the client writes: what is too long for one message. It is better whole: one lifetime.
//
//   class Upload final : public rpc::ReadStream<UploadSectionRequest, UploadSectionResponse> {
//     absl::Status OnOpen(const rpc::Peer& peer) override { … }
//     absl::Status OnMessage(UploadSectionRequest message) override { … }
//     void OnEnd() override { …; Answer(response); }
//   };
//   …UploadSection(CallbackServerContext* context, UploadSectionResponse* response) override {
//     return rpc::OpenReadStream<Upload>(*context, *response, shared_, streams_, "/accord…/UploadSection", more…);
//   }
#pragma once

#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "common/rpc/error_mapping.h"
#include "common/rpc/stream_call.h"

namespace accord::rpc {

// Authorised as any call; then OnMessage is called on the executor for one message after the other, and the next is read when it has
// returned: a fast writer waits, and the stream holds one message and what OnMessage keeps.
//
//   executor          gRPC                       executor
//   Admit, OnOpen ──▶ StartRead ──▶ OnReadDone ──▶ OnMessage ──▶ StartRead ──▶ … ──▶ OnEnd … Answer
//
// As in BidiStream, gRPC's reactions only note what happened and post one task, and gRPC is called under mu_.
template <typename Request, typename Response>
class ReadStream : public StreamCall,
                   public std::enable_shared_from_this<ReadStream<Request, Response>>,
                   private grpc::ServerReadReactor<Request> {
 public:
  void Close(const absl::Status& status) override {
    absl::MutexLock lock(&mu_);
    CloseLocked(status.ok() ? absl::CancelledError() : status);
  }

 protected:
  ReadStream() = default;

  // Once, first. An error ends the stream with it.
  virtual absl::Status OnOpen(const Peer& peer) = 0;
  // An error ends the stream with it; no more is read.
  virtual absl::Status OnMessage(Request message) = 0;
  // The client has said all; Answer follows, here or later, from any thread.
  virtual void OnEnd() = 0;

  // Ends the stream with `answer`, or with its error. Only the first has an effect, and none after the stream has ended otherwise.
  void Answer(absl::StatusOr<Response> answer) {
    absl::MutexLock lock(&mu_);
    if (closing_.has_value()) return;
    if (answer.ok()) *response_ = *std::move(answer);
    CloseLocked(answer.status());
  }

 private:
  template <typename Stream, typename... Args>
  friend auto* OpenReadStream(grpc::CallbackServerContext& context, auto& response, HandlerContext& shared, LiveStreams& streams,
                              std::string_view method, Args&&... args);

  enum class Event { kNone, kMessage, kEnd };

  grpc::ServerReadReactor<Request>* Start(grpc::CallbackServerContext& context, Response& response, HandlerContext& shared,
                                          LiveStreams& streams, std::string_view method) {
    Begin(context, shared, streams, method);
    absl::MutexLock lock(&mu_);
    context_ = &context, response_ = &response;
    self_ = this->shared_from_this();
    PostLocked();
    return this;
  }

  // Reactions of gRPC.
  void OnReadDone(bool ok) override {
    absl::MutexLock lock(&mu_);
    if (closing_.has_value()) return;
    next_ = ok ? Event::kMessage : Event::kEnd;
    PostLocked();
  }
  void OnCancel() override {
    absl::MutexLock lock(&mu_);
    CloseLocked(absl::CancelledError());
  }
  void OnDone() override {
    std::shared_ptr<ReadStream> self;  // May be the last owner: outlives the lock.
    absl::MutexLock lock(&mu_);
    Ended(*closing_);
    self = std::move(self_);
  }

  // The response is gRPC's from here on.
  void CloseLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (closing_.has_value()) return;
    closing_ = status;
    this->Finish(ToGrpc(status));
  }

  void PostLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const absl::Status posted = Post([self = this->shared_from_this()] { self->React(); });
    if (!posted.ok()) CloseLocked(posted);
  }

  // At most one runs: it is posted at the start, and then by the end of a read that it began.
  void React() {
    absl::Status status;
    if (!admitted()) status = Open();
    Event event = Event::kNone;
    Request message;
    {
      absl::MutexLock lock(&mu_);
      if (closing_.has_value()) return;
      event = std::exchange(next_, Event::kNone);
      // A read fails for who went away as it does for who has said all.
      if (event == Event::kEnd && context_->IsCancelled()) return CloseLocked(absl::CancelledError());
      if (event == Event::kMessage) message = std::move(incoming_);
    }
    if (status.ok() && event == Event::kEnd) return OnEnd();
    if (status.ok() && event == Event::kMessage) status = OnMessage(std::move(message));
    absl::MutexLock lock(&mu_);
    if (closing_.has_value()) return;
    if (!status.ok()) return CloseLocked(status);
    incoming_.Clear();
    this->StartRead(&incoming_);
  }

  absl::Status Open() {
    ACCORD_ASSIGN_OR_RETURN(const std::shared_ptr<const Peer> peer, Admit(this->shared_from_this()));
    return OnOpen(*peer);
  }

  // What only the one task touches.
  Request incoming_;  // gRPC's from StartRead until next_ says so.

  absl::Mutex mu_;  // Taken before that of LiveStreams, never after.
  std::shared_ptr<ReadStream> self_ ABSL_GUARDED_BY(mu_);  // gRPC's hold on us, until OnDone.
  grpc::CallbackServerContext* context_ ABSL_GUARDED_BY(mu_) = nullptr;  // Gone once closing_ and done.
  Response* response_ ABSL_GUARDED_BY(mu_) = nullptr;      // gRPC's once closing_.
  std::optional<absl::Status> closing_ ABSL_GUARDED_BY(mu_);
  Event next_ ABSL_GUARDED_BY(mu_) = Event::kNone;
};

// Makes a `Stream` of `args` for this call. `shared` and `streams` must outlive the server; `method` must be a constant.
template <typename Stream, typename... Args>
auto* OpenReadStream(grpc::CallbackServerContext& context, auto& response, HandlerContext& shared, LiveStreams& streams,
                     std::string_view method, Args&&... args) {
  return std::make_shared<Stream>(std::forward<Args>(args)...)->Start(context, response, shared, streams, method);
}

}  // namespace accord::rpc
