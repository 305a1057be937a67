// The HousingService of proto/accord/housing/v1: converts, maps, pushes, and shows what was received.
#pragma once

#include "accord/housing/v1/housing_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/agent_rpc/push_call.h"

namespace accord::housing {

// `runtime` must outlive this. Thread-safe.
class HousingService final : public v1::HousingService::CallbackService {
 public:
  explicit HousingService(agent_rpc::AgencyRuntime& runtime) : runtime_(runtime) {}

  // What it takes that is pushed, for the watched folder too.
  static agent_rpc::PushCalls Pushes();

  grpc::ServerUnaryReactor* ReferOn(grpc::CallbackServerContext*, const v1::ReferOnRequest*,
                                    v1::ReferOnResponse*) override;
  grpc::ServerUnaryReactor* ListHousingNotices(grpc::CallbackServerContext*, const v1::ListHousingNoticesRequest*,
                                               v1::ListHousingNoticesResponse*) override;
  grpc::ServerUnaryReactor* ReadHousingNotice(grpc::CallbackServerContext*, const v1::ReadHousingNoticeRequest*,
                                              v1::ReadHousingNoticeResponse*) override;
  grpc::ServerUnaryReactor* OpenApplication(grpc::CallbackServerContext*, const v1::OpenApplicationRequest*,
                                            v1::OpenApplicationResponse*) override;

 private:
  agent_rpc::AgencyRuntime& runtime_;
};

}  // namespace accord::housing
