// The TenantService of proto/accord/agency/v1, and the answer to everything else while an agency is locked.
#pragma once

#include <absl/status/status.h>
#include <grpcpp/generic/async_generic_service.h>

#include <functional>
#include <string>
#include <string_view>

#include "accord/agency/v1/tenant_service.grpc.pb.h"
#include "common/rpc/handler.h"

namespace accord::agent_rpc {

// Unlocks and says whether it is. `handlers` must outlive this. Thread-safe.
class TenantService final : public agency::v1::TenantService::CallbackService {
 public:
  using Unlocker = std::function<absl::Status(std::string_view passphrase)>;
  // `unlock` is null where nothing is locked: then Unlock is OK whatever it is given.
  TenantService(rpc::HandlerContext& handlers, std::string agency, Unlocker unlock)
      : handlers_(handlers), agency_(std::move(agency)), unlock_(std::move(unlock)) {}

  grpc::ServerUnaryReactor* Unlock(grpc::CallbackServerContext*, const agency::v1::UnlockRequest*, agency::v1::UnlockResponse*) override;
  grpc::ServerUnaryReactor* GetTenantStatus(grpc::CallbackServerContext*, const agency::v1::GetTenantStatusRequest*,
                                            agency::v1::GetTenantStatusResponse*) override;

 private:
  rpc::HandlerContext& handlers_;
  const std::string agency_;
  const Unlocker unlock_;
};

// Answers LOCKED to every method, known or not, without reading what it was sent. Thread-safe.
class LockedService final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;
};

}  // namespace accord::agent_rpc
