// A server's end of a stream that only the server writes: reads that are too long for one message.
//
//   class Entries final : public rpc::ServerStream<StreamEntriesResponse> {
//     absl::Status OnOpen(const rpc::Peer& peer) override { … }
//     absl::StatusOr<bool> Next(StreamEntriesResponse& message) override { … }
//   };
//   …StreamEntries(CallbackServerContext* context, const StreamEntriesRequest* request) override {
//     return rpc::OpenServerStream<Entries>(*context, shared_, streams_, "/accord…/StreamEntries", *request, more…);
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

// Authorised as any call; then Next is asked on the executor for one message after the other, each once the
// one before is written, so that a slow reader holds one message and nothing else. Between two messages
// other tasks of the executor run.
//
//   executor                      gRPC
//   Admit, OnOpen, Next ──▶ StartWrite ──▶ OnWriteDone ──▶ executor: Next ──▶ …
//
// A stream that must wait, before its first message such as for an entry on the record, or between two for news, says Hold in OnOpen or
// Next, and Resume when it may go on; meanwhile no thread waits for it.
//
// As in BidiStream, gRPC's reactions only note what happened and post one task, and gRPC is called under mu_.
template <typename Response>
class ServerStream : public StreamCall,
                     public std::enable_shared_from_this<ServerStream<Response>>,
                     private grpc::ServerWriteReactor<Response> {
 public:
  void Close(const absl::Status& status) override {
    absl::MutexLock lock(&mu_);
    CloseLocked(status);
  }

 protected:
  ServerStream() = default;

  // Once, first. An error ends the stream with it.
  virtual absl::Status OnOpen(const Peer& peer) = 0;
  // In OnOpen or Next: after that one returns, nothing is written and nothing asked until Resume. What Next returns besides is not looked at,
  // save for an error.
  void Hold() { held_ = true; }
  // From any thread: Next is asked, or the stream ends with the error. One that comes before its Hold counts for it. Does nothing for a
  // stream that has ended.
  void Resume(const absl::Status& status) {
    absl::MutexLock lock(&mu_);
    if (!status.ok()) return CloseLocked(status);
    if (closing_.has_value()) return FinishLocked();
    if (!parked_) {
      resumed_ = true;
      return;
    }
    parked_ = false;
    PostLocked();
  }
  // Fills the empty `message`. True: it is to be written, and more may come. False: the stream ends with OK, without
  // it. An error ends the stream with that error.
  virtual absl::StatusOr<bool> Next(Response& message) = 0;

 private:
  template <typename Stream, typename... Args>
  friend auto* OpenServerStream(grpc::CallbackServerContext& context, HandlerContext& shared, LiveStreams& streams,
                                std::string_view method, Args&&... args);

  grpc::ServerWriteReactor<Response>* Start(grpc::CallbackServerContext& context, HandlerContext& shared,
                                            LiveStreams& streams, std::string_view method) {
    Begin(context, shared, streams, method);
    absl::MutexLock lock(&mu_);
    self_ = this->shared_from_this();
    PostLocked();
    return this;
  }

  // Reactions of gRPC.
  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    if (!ok) closing_ = absl::CancelledError();
    if (closing_.has_value()) return FinishLocked();
    PostLocked();
  }
  void OnCancel() override {
    absl::MutexLock lock(&mu_);
    if (!finished_) closing_ = absl::CancelledError();
    FinishLocked();
  }
  void OnDone() override {
    std::shared_ptr<ServerStream> self;  // May be the last owner: outlives the lock.
    absl::MutexLock lock(&mu_);
    Ended(*closing_);
    self = std::move(self_);
  }

  void CloseLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (!closing_.has_value()) closing_ = status;
    FinishLocked();
  }
  // Finishes what is closing, once nothing is being written.
  void FinishLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (!closing_.has_value() || writing_ || finished_) return;
    finished_ = true;
    this->Finish(ToGrpc(*closing_));
  }

  void PostLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const absl::Status posted = Post([self = this->shared_from_this()] { self->React(); });
    if (!posted.ok()) CloseLocked(posted);
  }

  // At most one runs: it is posted at the start, then by the end of a write that it began, or by Resume once it is parked.
  void React() {
    absl::Status status;
    held_ = false;
    if (!admitted()) status = Open();
    absl::StatusOr<bool> more = false;
    if (status.ok() && !held_ && !closing()) {
      message_.Clear();
      more = Next(message_);
    }
    absl::MutexLock lock(&mu_);
    if (closing_.has_value()) return FinishLocked();
    if (!status.ok()) return CloseLocked(status);
    if (!more.ok()) return CloseLocked(more.status());
    if (held_) return ParkLocked();
    if (!*more) return CloseLocked(absl::OkStatus());
    writing_ = true;
    this->StartWrite(&message_);
  }
  void ParkLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (resumed_) {
      resumed_ = false;
      return PostLocked();
    }
    parked_ = true;
  }

  absl::Status Open() {
    ACCORD_ASSIGN_OR_RETURN(const std::shared_ptr<const Peer> peer, Admit(this->shared_from_this()));
    return OnOpen(*peer);
  }
  bool closing() {
    absl::MutexLock lock(&mu_);
    return closing_.has_value();
  }

  // What only the one task touches.
  bool held_ = false;  // Hold was said in this turn.
  Response message_;  // gRPC's while writing_.

  absl::Mutex mu_;  // Taken before that of LiveStreams, never after.
  std::shared_ptr<ServerStream> self_ ABSL_GUARDED_BY(mu_);  // gRPC's hold on us, until OnDone.
  std::optional<absl::Status> closing_ ABSL_GUARDED_BY(mu_);
  bool parked_ ABSL_GUARDED_BY(mu_) = false, resumed_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false, finished_ ABSL_GUARDED_BY(mu_) = false;
};

// Makes a `Stream` of `args` for this call. `shared` and `streams` must outlive the server; `method` must be a
// constant; `args` are copied, the request too.
template <typename Stream, typename... Args>
auto* OpenServerStream(grpc::CallbackServerContext& context, HandlerContext& shared, LiveStreams& streams,
                       std::string_view method, Args&&... args) {
  return std::make_shared<Stream>(std::forward<Args>(args)...)->Start(context, shared, streams, method);
}

}  // namespace accord::rpc
