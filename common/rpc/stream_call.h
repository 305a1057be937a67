// What the three kinds of streams share (bidi.h, read_stream.h, server_stream.h): how one is admitted, and the register of those that are open,
// by which they are ended from outside.
#pragma once

#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>
#include <grpcpp/server_context.h>

#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "common/rpc/handler.h"

namespace accord::rpc {

// A stream that can be ended from outside.
class LiveStream {
 public:
  virtual ~LiveStream() = default;
  // Ends the stream: with OK what is queued goes out first, with an error it does not.
  // Thread-safe; only the first call has an effect.
  virtual void Close(const absl::Status& status) = 0;

 private:
  friend class LiveStreams;
  bool removed_ = false;  // Guarded by the lock of the register.
};

// The open streams of a server, so that whoever may no longer call loses its streams at once and a stopping server can end them all.
// Thread-safe; must outlive the server.
class LiveStreams {
 public:
  using Judge = std::function<absl::Status(const Peer& peer, std::string_view method)>;

  // `method` must be a constant. False for a stream that was removed before: nobody would take it out again.
  [[nodiscard]] bool Add(const std::shared_ptr<LiveStream>& stream, std::shared_ptr<const Peer> peer, std::string_view method);
  void Remove(LiveStream& stream);
  // Ends every stream for whose peer and method `judge` gives an error, with that error. `judge` must not call back here. Call it after
  // the change that makes the difference: a stream that opens meanwhile is here before it is authorised.
  void EndIf(const Judge& judge);
  size_t size() const;

 private:
  struct Entry {
    std::weak_ptr<LiveStream> stream;
    std::shared_ptr<const Peer> peer;
    std::string_view method;
  };
  mutable absl::Mutex mu_;
  std::unordered_map<LiveStream*, Entry> streams_ ABSL_GUARDED_BY(mu_);
};

// A call that is a stream, whichever side writes. Begin first, then each of the others once; the kinds say on which thread.
class StreamCall : public LiveStream {
 protected:
  // As the call arrives. What is given must outlive the server; `method` must be a constant.
  void Begin(grpc::CallbackServerContext& context, HandlerContext& shared, LiveStreams& streams, std::string_view method);
  // Runs `task` on the executor. QUEUE_FULL when it takes no more.
  absl::Status Post(std::function<void()> task);
  // On the executor: who calls, as authorised for the method, and open from here on. `self` is this.
  //   CANCELLED        it has ended meanwhile
  //   UNAUTHENTICATED  the connection names nobody
  //   the authorizer's error
  absl::StatusOr<std::shared_ptr<const Peer>> Admit(const std::shared_ptr<LiveStream>& self);
  bool admitted() const { return admitted_; }
  // It is over, with `status`: counted, and not open any more.
  void Ended(const absl::Status& status);

 private:
  // Constant after Begin; then what only the one task touches.
  HandlerContext* shared_ = nullptr;
  LiveStreams* streams_ = nullptr;
  std::string_view method_;
  absl::Time start_;
  std::shared_ptr<const grpc::AuthContext> connection_;
  bool admitted_ = false;
};

}  // namespace accord::rpc
