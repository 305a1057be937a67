// The pushes of the five agency services, by method name: one table in place of a switch per agency.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <google/protobuf/message.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "accord/agency/v1/agency_service.pb.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// A request ready to be sent. Single-thread.
struct Push {
  std::unique_ptr<google::protobuf::Message> request;
  agency::v1::PushOptions* options = nullptr;  // In `request`.
  std::function<absl::StatusOr<agency::v1::PushResult>(const Endpoint&, absl::Duration timeout)> send;
};

// One with an empty request. INVALID_ARGUMENT, naming the calls there are. Thread-safe.
absl::StatusOr<Push> NewPush(std::string_view call);

// Reads `json`, the request of `call` in protobuf JSON. INVALID_ARGUMENT, naming the calls there are or what is wrong.
absl::StatusOr<Push> MakePush(std::string_view call, const std::string& json);

}  // namespace accord::accordctl
