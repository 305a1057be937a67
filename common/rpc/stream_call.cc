#include "common/rpc/stream_call.h"

#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/rpc/error_mapping.h"

namespace accord::rpc {

bool LiveStreams::Add(const std::shared_ptr<LiveStream>& stream, std::shared_ptr<const Peer> peer, std::string_view method) {
  absl::MutexLock lock(&mu_);
  if (stream->removed_) return false;
  streams_.insert_or_assign(stream.get(), Entry{stream, std::move(peer), method});
  return true;
}

void LiveStreams::Remove(LiveStream& stream) {
  absl::MutexLock lock(&mu_);
  stream.removed_ = true;
  streams_.erase(&stream);
}

void LiveStreams::EndIf(const Judge& judge) {
  std::vector<std::pair<std::shared_ptr<LiveStream>, absl::Status>> ending;  // Closed without the lock.
  {
    absl::MutexLock lock(&mu_);
    for (const auto& [raw, entry] : streams_) {
      absl::Status status = judge(*entry.peer, entry.method);
      if (status.ok()) continue;
      if (auto stream = entry.stream.lock()) ending.emplace_back(std::move(stream), std::move(status));
    }
  }
  for (const auto& [stream, status] : ending) stream->Close(status);
}

size_t LiveStreams::size() const {
  absl::MutexLock lock(&mu_);
  return streams_.size();
}

void StreamCall::Begin(grpc::CallbackServerContext& context, HandlerContext& shared, LiveStreams& streams, std::string_view method) {
  shared_ = &shared, streams_ = &streams, method_ = method, start_ = shared.clock.Now();
  connection_ = context.auth_context();
}

absl::Status StreamCall::Post(std::function<void()> task) {
  if (shared_->executor.Run(std::move(task))) return absl::OkStatus();
  return Error(Reason::kQueueFull, "the server has too much to do", {{std::string(kRetryAfterKey), "1000"}});
}

absl::StatusOr<std::shared_ptr<const Peer>> StreamCall::Admit(const std::shared_ptr<LiveStream>& self) {
  admitted_ = true;
  ACCORD_ASSIGN_OR_RETURN(std::shared_ptr<const Peer> peer, shared_->ReadPeer(*connection_));
  // Before it is authorised, so that a change that comes meanwhile finds it.
  if (!streams_->Add(self, peer, method_)) return absl::CancelledError();
  ACCORD_RETURN_IF_ERROR(shared_->authorizer.Authorize(*peer, method_));
  return peer;
}

void StreamCall::Ended(const absl::Status& status) {
  shared_->Count(method_, status, start_);
  streams_->Remove(*this);
}

}  // namespace accord::rpc
