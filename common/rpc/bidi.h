// A server's end of a bidirectional stream: mailboxes and bulk submission. It is better whole: the base and its template share one
// lifetime, which is what has to be understood.
//
//   class Mailbox final : public rpc::BidiStream<OpenMailboxRequest, OpenMailboxResponse> {
//     using BidiStream::BidiStream;
//     void OnOpen() override { ReadNext(); }
//     void OnMessage(OpenMailboxRequest message) override { …; ReadNext(); }
//     void OnHalfClose() override { Close(absl::OkStatus()); }
//     void OnClosed() override { … }
//   };
//   …OpenMailbox(CallbackServerContext* context) override {
//     return rpc::OpenStream<Mailbox>(*context, shared_, streams_, "/accord…/OpenMailbox", more…);
//   }
#pragma once

#include <absl/synchronization/mutex.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "common/rpc/error_mapping.h"
#include "common/rpc/stream_call.h"

namespace accord::rpc {

// Authorised as any call; then the four reactions run on the executor, one at a
// time, in the order in which things happened. Reading is pulled: nothing is read
// until ReadNext(), which is how a stream bounds what it has in flight. Send, Close
// and ReadNext are thread-safe and harmless after the end, so anyone who holds a
// shared_ptr to the stream (shared_from_this) may call them.
//
// gRPC's reactions only note what happened and post one task. gRPC is called under
// mu_: it runs no reaction of ours inside a call (they are not inlineable), and no
// call can then follow Finish.
template <typename Request, typename Response>
class BidiStream : public StreamCall,
                   public std::enable_shared_from_this<BidiStream<Request, Response>>,
                   private grpc::ServerBidiReactor<Request, Response> {
 public:
  // What may wait to be written: a stream that lets more be owed to its peer than
  // that has no bound. One message more than the bytes may wait, so that any fits.
  static constexpr size_t kQueueMax = 256;
  static constexpr size_t kQueueBytesMax = 8u << 20;

  // Queues `message`. False when the stream is ending or enough waits.
  bool Send(Response message) {
    const size_t bytes = message.ByteSizeLong();
    absl::MutexLock lock(&mu_);
    if (closing_.has_value() || queue_.size() >= kQueueMax || queue_bytes_ >= kQueueBytesMax) return false;
    queue_bytes_ += bytes;
    queue_.push_back(std::move(message));
    PumpLocked();
    return true;
  }

  // Asks for the next message: one OnMessage or OnHalfClose follows, or OnClosed.
  // REQUIRES: the one asked for before has come.
  void ReadNext() {
    absl::MutexLock lock(&mu_);
    if (closing_.has_value()) return;
    ACCORD_CHECK(!reading_);
    reading_ = true;
    this->StartRead(&incoming_);
  }

  void Close(const absl::Status& status) override {
    absl::MutexLock lock(&mu_);
    CloseLocked(status);
  }

 protected:
  BidiStream() = default;
  const Peer& peer() const { return *peer_; }  // From OnOpen on.

  virtual void OnOpen() = 0;
  virtual void OnMessage(Request message) = 0;
  virtual void OnHalfClose() = 0;  // The peer writes no more.
  // Last, and only after OnOpen: nothing is written or read any more. Must not block.
  virtual void OnClosed() = 0;

 private:
  template <typename Stream, typename... Args>
  friend auto* OpenStream(grpc::CallbackServerContext& context, HandlerContext& shared, LiveStreams& streams,
                          std::string_view method, Args&&... args);

  enum class Event { kNone, kMessage, kHalfClose };

  grpc::ServerBidiReactor<Request, Response>* Start(grpc::CallbackServerContext& context, HandlerContext& shared,
                                                    LiveStreams& streams, std::string_view method) {
    Begin(context, shared, streams, method);
    absl::MutexLock lock(&mu_);
    self_ = this->shared_from_this();
    PostLocked();
    return this;
  }

  // Reactions of gRPC.
  void OnReadDone(bool ok) override {
    absl::MutexLock lock(&mu_);
    next_ = ok ? Event::kMessage : Event::kHalfClose;
    PostLocked();
  }
  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    queue_bytes_ -= queue_.front().ByteSizeLong();
    queue_.pop_front();
    if (!ok) closing_ = absl::CancelledError();
    PumpLocked();
  }
  void OnCancel() override {
    absl::MutexLock lock(&mu_);
    if (!finished_) closing_ = absl::CancelledError();  // Whatever was to be flushed no longer can be.
    PumpLocked();
  }
  void OnDone() override {
    std::shared_ptr<BidiStream> self;  // May be the last owner: outlives the lock.
    bool retire = false;
    {
      absl::MutexLock lock(&mu_);
      Ended(*closing_);
      self = std::move(self_);
      done_ = true;
      PostLocked();
      retire = !posted_;  // The executor takes no more: nobody else is left to do it.
    }
    if (retire) Retire();
  }

  void CloseLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (closing_.has_value()) return;
    closing_ = status;
    PumpLocked();
  }

  void PumpLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (writing_ || finished_) return;
    if (closing_.has_value() && (!closing_->ok() || queue_.empty())) {
      finished_ = true;
      this->Finish(ToGrpc(*closing_));
    } else if (!queue_.empty()) {
      writing_ = true;
      grpc::WriteOptions options;
      if (queue_.size() > 1) options.set_buffer_hint();
      this->StartWrite(&queue_.front(), options);
    }
  }

  // At most one task of this stream is queued or running.
  void PostLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (posted_) return;
    const absl::Status posted = Post([self = this->shared_from_this()] { self->React(); });
    posted_ = posted.ok();
    if (!posted_) CloseLocked(posted);
  }

  void React() {
    if (!admitted()) Open();
    Event event = Event::kNone;
    Request message;
    {
      absl::MutexLock lock(&mu_);
      if (!closing_.has_value()) event = std::exchange(next_, Event::kNone);
      if (event != Event::kNone) reading_ = false;
      if (event == Event::kMessage) message = std::move(incoming_);
    }
    if (event == Event::kMessage) OnMessage(std::move(message));
    if (event == Event::kHalfClose) OnHalfClose();
    bool retire = false;
    {
      absl::MutexLock lock(&mu_);
      posted_ = false;
      retire = done_;
      if (!done_ && next_ != Event::kNone && !closing_.has_value()) PostLocked();
    }
    if (retire) Retire();
  }

  // Once: by the task that finds done_, or by OnDone when there can be no task.
  void Retire() {
    if (opened_) OnClosed();
  }

  void Open() {
    auto peer = Admit(this->shared_from_this());
    if (!peer.ok()) return Close(peer.status());
    peer_ = *std::move(peer);
    opened_ = true;
    OnOpen();
  }

  // What only the one task touches.
  std::shared_ptr<const Peer> peer_;
  bool opened_ = false;

  absl::Mutex mu_;  // Taken before that of LiveStreams, never after.
  std::shared_ptr<BidiStream> self_ ABSL_GUARDED_BY(mu_);  // gRPC's hold on us, until OnDone.
  std::deque<Response> queue_ ABSL_GUARDED_BY(mu_);        // The front is being written if writing_.
  size_t queue_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  Request incoming_;                                       // gRPC's while reading_, until next_ says so.
  Event next_ ABSL_GUARDED_BY(mu_) = Event::kNone;
  std::optional<absl::Status> closing_ ABSL_GUARDED_BY(mu_);
  bool reading_ ABSL_GUARDED_BY(mu_) = false, writing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false, done_ ABSL_GUARDED_BY(mu_) = false;
  bool posted_ ABSL_GUARDED_BY(mu_) = false;
};

// Makes a `Stream` of `args` for this call. `shared` and `streams` must outlive the
// server; `method` must be a constant.
template <typename Stream, typename... Args>
auto* OpenStream(grpc::CallbackServerContext& context, HandlerContext& shared, LiveStreams& streams,
                 std::string_view method, Args&&... args) {
  return std::make_shared<Stream>(std::forward<Args>(args)...)->Start(context, shared, streams, method);
}

}  // namespace accord::rpc
