// A server in this process that knows nothing, and what was asked of it. For tests.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace accord::accordctl {

// A call that was made, and its first message.
struct MadeCall {
  std::string method, request;
};

// Answers every call with an empty message, and remembers what was called. Thread-safe.
class EmptyServer {
 public:
  EmptyServer() {
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~EmptyServer() { server_->Shutdown(); }

  std::shared_ptr<grpc::Channel> Channel() { return server_->InProcessChannel(grpc::ChannelArguments()); }
  // From now on every call is refused so. Not while one runs.
  void Refuse(const grpc::Status& status) { service_.refusal = status; }
  std::vector<MadeCall> TakeCalls() {
    const std::lock_guard lock(service_.mu);
    return std::exchange(service_.calls, {});
  }

 private:
  struct Service : grpc::CallbackGenericService {
    struct Reactor : grpc::ServerGenericBidiReactor {
      Reactor(Service& service, std::string method) : service(service), method(std::move(method)) { StartRead(&request); }
      void OnReadDone(bool ok) override {
        if (ok) {
          if (!std::exchange(read, true)) Remember();
          return StartRead(&request);
        }
        if (!service.refusal.ok()) return Finish(service.refusal);
        const grpc::Slice nothing("");
        empty = grpc::ByteBuffer(&nothing, 1);
        StartWriteAndFinish(&empty, grpc::WriteOptions(), grpc::Status::OK);
      }
      void OnDone() override { delete this; }
      void Remember() {
        std::vector<grpc::Slice> slices;
        (void)request.Dump(&slices);
        std::string bytes;
        for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
        const std::lock_guard lock(service.mu);
        service.calls.push_back({method, bytes});
      }
      Service& service;
      const std::string method;
      grpc::ByteBuffer request, empty;
      bool read = false;
    };
    grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
      return new Reactor(*this, context->method());
    }
    std::mutex mu;
    std::vector<MadeCall> calls;
    grpc::Status refusal;
  };
  Service service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace accord::accordctl
