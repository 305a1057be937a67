// Every service of the broker over its wire, put together once for main.cc and for tests.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>
#include <vector>

#include "common/rpc/server.h"
#include "services/broker/broker.h"

namespace accord::broker {

// Must outlive the server that serves all(). Thread-safe.
class BrokerServices {
 public:
  // Both must outlive this; `metrics` is the handlers'.
  BrokerServices(Broker& broker, telemetry::Metrics& metrics);
  ~BrokerServices();

  std::vector<grpc::Service*> all();
  // For rpc::Server::Start: a refusal like any other, of whoever may make the call.
  rpc::UnreadableReport unreadable();

  // Ends the streams of whoever may no longer call: after every change of the directory.
  void EndStreamsOfDenied();
  // Ends every stream: the broker is stopping.
  void EndStreams();

 private:
  struct Parts;  // Out of sight: the services' handlers are half a minute's work for a compiler in every file that sees them.
  const std::unique_ptr<Parts> parts_;
};

}  // namespace accord::broker
