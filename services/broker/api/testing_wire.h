// Calls on a broker's wire that keep every byte that comes back: messages, status, error details and metadata. For tests of what an
// answer gives away, which a stub would read into the fields that it knows.
#pragma once

#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>
#include <fmt/format.h>
#include <google/protobuf/message.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/rpc/client.h"
#include "services/broker/api/testing_broker.h"

namespace accord::broker {

// All that came back of one call.
struct WireAnswer {
  std::string method;                 // "/package.Service/Method"
  std::vector<std::string> messages;  // As they were sent.
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string words, details;                        // Of the status; details are a google.rpc.Status.
  std::multimap<std::string, std::string> metadata;  // Initial and trailing.

  Reason reason() const { return DetailOf(rpc::FromGrpc(grpc::Status(code, words, details))).reason; }
};

// Of calls that run side by side: how each ended, in the order in which they did. Thread-safe.
class EndedCalls {
 public:
  void Add(absl::Status status) {
    absl::MutexLock lock(&mu_);
    statuses_.push_back(std::move(status));
  }
  // All that ended, once there are `count` of them or the test's time is over.
  std::vector<absl::Status> Wait(size_t count) const {
    const auto reached = [&] { return statuses_.size() >= count; };
    absl::MutexLock lock(&mu_);
    EXPECT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&reached), kTestTimeout));
    return statuses_;
  }

 private:
  mutable absl::Mutex mu_;
  std::vector<absl::Status> statuses_;  // Guarded by `mu_`.
};

// One call under way. Requests and answers go one at a time, so a unary method is a stream of one. Single-thread.
class WireCall {
 public:
  WireCall(const std::shared_ptr<grpc::Channel>& channel, std::string_view method) : stub_(channel) {
    answer_.method = method;
    rpc::SetTimeout(context_, kTestTimeout);
    stream_ = stub_.PrepareCall(&context_, answer_.method, &queue_);
    stream_->StartCall(this);
    Wait();
  }
  ~WireCall() {
    if (!finished_) Cancel();
    queue_.Shutdown();
    void* tag = nullptr;
    for (bool ok = false; queue_.Next(&tag, &ok);) {
    }
  }
  WireCall(const WireCall&) = delete;
  WireCall& operator=(const WireCall&) = delete;

  // False once the server has ended the call.
  bool Write(const google::protobuf::Message& request) {
    grpc::Slice slice(request.SerializeAsString());
    stream_->Write(grpc::ByteBuffer(&slice, 1), this);
    return Wait();
  }
  void WritesDone() {
    stream_->WritesDone(this);
    Wait();
  }
  // The next message, which is in the answer too; nothing when there are no more.
  std::optional<std::string> Read() {
    grpc::ByteBuffer buffer;
    stream_->Read(&buffer, this);
    if (!Wait()) return std::nullopt;
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(buffer.Dump(&slices).ok());
    std::string& message = answer_.messages.emplace_back();
    for (const grpc::Slice& slice : slices) message.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    return message;
  }
  // Reads to the end.
  const WireAnswer& Finish() {
    while (Read().has_value()) {
    }
    grpc::Status status;
    stream_->Finish(&status, this);
    Wait();
    finished_ = true;
    EXPECT_NE(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << answer_.method << " does not end: cancel it once all was read";
    answer_.code = status.error_code();
    answer_.words = status.error_message();
    answer_.details = status.error_details();
    for (const auto* metadata : {&context_.GetServerInitialMetadata(), &context_.GetServerTrailingMetadata()}) {
      for (const auto& [key, value] : *metadata) {
        answer_.metadata.emplace(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
      }
    }
    return answer_;
  }
  const WireAnswer& Cancel() {
    context_.TryCancel();
    return Finish();
  }

 private:
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue_.Next(&tag, &ok));
    return ok;
  }

  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  WireAnswer answer_;
  bool finished_ = false;
};

// Sends `request`, says no more, reads to the end.
inline WireAnswer CallOnce(const std::shared_ptr<grpc::Channel>& channel, std::string_view method,
                           const google::protobuf::Message& request) {
  WireCall call(channel, method);
  call.Write(request);
  call.WritesDone();
  return call.Finish();
}

template <typename Message>
Message Parse(std::string_view bytes) {
  Message message;
  EXPECT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return message;
}
// The one message of a call that succeeded.
template <typename Message>
Message Only(const WireAnswer& answer) {
  EXPECT_EQ(answer.code, grpc::StatusCode::OK) << answer.method << ": " << answer.words;
  EXPECT_EQ(answer.messages.size(), 1u) << answer.method;
  return answer.messages.empty() ? Message() : Parse<Message>(answer.messages[0]);
}

}  // namespace accord::broker
