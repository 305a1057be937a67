// The main() of every agency service.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"
#include "common/agent_rpc/agency_runtime.h"

namespace accord::agent_rpc {

// What makes one agency's service different from another's.
struct AgencySpec {
  std::string program;      // `accord-police`
  std::string description;  // For --help: one sentence.
  type::v1::AgencyKind kind = type::v1::AGENCY_KIND_UNSPECIFIED;
  int default_port = 0;     // design.md §8.
  // Makes the agency's own services, which must outlive the server.
  std::function<std::vector<std::unique_ptr<grpc::Service>>(AgencyRuntime&)> services;
};

//   PROGRAM --config FILE                serves until SIGTERM or SIGINT
//   PROGRAM --config FILE --clear-alarm  clears a standing alarm, once its evidence is kept
// Returns the exit status: 0, 1 failed, 2 wrong use.
//
// Order of stopping: health says no; the server finishes its calls; outbox and mailbox end; the store closes.
int RunAgency(int argc, char** argv, const AgencySpec& spec);

}  // namespace accord::agent_rpc
