// The pushes of an agency's service as data: what each is called, what it takes, and how that becomes a draft. From one of these both the
// gRPC method and the watched folder take the mapping.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "common/agent/draft_builder.h"
#include "common/agent_rpc/agency_runtime.h"

namespace accord::agent_rpc {

// One push, with its request's type: `constexpr PushMethod kReportIncident("/accord.police.v1.PoliceService/ReportIncident", MapIncident);`
template <typename Request>
class PushMethod {
 public:
  using Map = absl::StatusOr<agent::Draft> (*)(const Request&, const agent::MappingContext&);
  // One that needs what the service holds, such as what is answered.
  using MapHere = absl::StatusOr<agent::Draft> (*)(const Request&, const agent::MappingContext&, AgencyRuntime&);

  // `path` must be a constant.
  constexpr PushMethod(std::string_view path, Map map) : path_(path), map_(map) {}
  constexpr PushMethod(std::string_view path, MapHere map) : path_(path), map_here_(map) {}

  constexpr std::string_view path() const { return path_; }
  absl::StatusOr<agent::Draft> operator()(const Request& request, const agent::MappingContext& context, AgencyRuntime& runtime) const {
    return map_ != nullptr ? map_(request, context) : map_here_(request, context, runtime);
  }

 private:
  std::string_view path_;
  Map map_ = nullptr;
  MapHere map_here_ = nullptr;
};

// One push of any request. Copies are cheap. Thread-safe.
class PushCall {
 public:
  // What becomes of a request that is more than one draft, such as an action of a forum, which is kept as well as told. Each passes the gate
  // (work.h) itself.
  struct Whole {
    std::function<absl::Status(const google::protobuf::Message&)> check;                              // Whether it would be taken; keeps nothing.
    std::function<absl::StatusOr<agency::v1::PushResult>(const google::protobuf::Message&)> take;  // As the call does.
  };

  // `path` and `prototype` must be constants.
  PushCall(std::string_view path, const google::protobuf::Message& prototype, Whole whole) : path_(path), prototype_(&prototype), whole_(std::move(whole)) {}
  template <typename Request>
  PushCall(const PushMethod<Request>& method)  // NOLINT: a list of methods is a list of calls.
      : path_(method.path()), prototype_(&Request::default_instance()),
        map_([method](const google::protobuf::Message& request, const agent::MappingContext& context, AgencyRuntime& runtime) {
          return method(static_cast<const Request&>(request), context, runtime);
        }) {}

  std::string_view path() const { return path_; }
  // `ReportIncident`
  std::string_view name() const { return path_.substr(path_.rfind('/') + 1); }
  std::unique_ptr<google::protobuf::Message> NewRequest() const { return std::unique_ptr<google::protobuf::Message>(prototype_->New()); }
  // Without functions where the call is one draft, which the next gives.
  const Whole& whole() const { return whole_; }
  // REQUIRES: `request` is of NewRequest.
  absl::StatusOr<agent::Draft> operator()(const google::protobuf::Message& request, const agent::MappingContext& context, AgencyRuntime& runtime) const {
    return map_(request, context, runtime);
  }

 private:
  std::string_view path_;
  const google::protobuf::Message* prototype_;
  std::function<absl::StatusOr<agent::Draft>(const google::protobuf::Message&, const agent::MappingContext&, AgencyRuntime&)> map_;
  Whole whole_;
};

using PushCalls = std::vector<PushCall>;

}  // namespace accord::agent_rpc
