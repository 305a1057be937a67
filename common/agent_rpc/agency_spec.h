// What makes one agency's program different from another's.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"

namespace accord::agent_rpc {

struct AgencySpec {
  std::string program;      // `accord-police`
  std::string description;  // For --help: one sentence.
  // Unspecified: the configuration says which (`kind`), and what such an agency pushes ([[push]], [forum]).
  type::v1::AgencyKind kind = type::v1::AGENCY_KIND_UNSPECIFIED;
  int default_port = 0;     // design.md §8.
  // Makes the agency's own services, which must outlive the server.
  std::function<std::vector<std::unique_ptr<grpc::Service>>(AgencyRuntime&)> services;
  PushCalls pushes;         // What those take that is pushed, for the watched folder.
};

}  // namespace accord::agent_rpc
