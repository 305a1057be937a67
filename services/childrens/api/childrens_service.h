// The ChildrensService of proto/accord/childrens/v1: converts, maps, pushes.
#pragma once

#include "accord/childrens/v1/childrens_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"

namespace accord::childrens {

// `runtime` must outlive this. Thread-safe.
class ChildrensService final : public v1::ChildrensService::CallbackService {
 public:
  explicit ChildrensService(agent_rpc::AgencyRuntime& runtime) : runtime_(runtime) {}

  // What it takes that is pushed, for the watched folder too.
  static agent_rpc::PushCalls Pushes();

  grpc::ServerUnaryReactor* DecideContact(grpc::CallbackServerContext*, const v1::DecideContactRequest*,
                                          v1::DecideContactResponse*) override;
  grpc::ServerUnaryReactor* ReferFamily(grpc::CallbackServerContext*, const v1::ReferFamilyRequest*,
                                        v1::ReferFamilyResponse*) override;
  grpc::ServerUnaryReactor* RequestPartnerChecks(grpc::CallbackServerContext*, const v1::RequestPartnerChecksRequest*,
                                                 v1::RequestPartnerChecksResponse*) override;
  grpc::ServerUnaryReactor* CallStrategyDiscussion(grpc::CallbackServerContext*, const v1::CallStrategyDiscussionRequest*,
                                                   v1::CallStrategyDiscussionResponse*) override;

 private:
  agent_rpc::AgencyRuntime& runtime_;
};

}  // namespace accord::childrens
