#include "common/agent_rpc/tenant_service.h"

#include "common/base/status.h"
#include "common/referral/validate.h"
#include "common/rpc/error_mapping.h"

namespace accord::agent_rpc {
namespace {

// Ends at once; gone when gRPC is done with it.
class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  Refusal() {
    Finish(rpc::ToGrpc(Error(Reason::kLocked, "the agency is locked: its keys are under a passphrase; `accordctl tenant unlock` opens them")));
  }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerUnaryReactor* TenantService::Unlock(grpc::CallbackServerContext* context, const agency::v1::UnlockRequest* request,
                                                agency::v1::UnlockResponse* response) {
  return rpc::HandleUnary(*context, handlers_, "/accord.agency.v1.TenantService/Unlock",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            done([&]() -> absl::Status {
                              ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                              if (unlock_ != nullptr) ACCORD_RETURN_IF_ERROR(unlock_(request->passphrase()));
                              response->set_agency(agency_);
                              return absl::OkStatus();
                            }());
                          });
}

grpc::ServerUnaryReactor* TenantService::GetTenantStatus(grpc::CallbackServerContext* context, const agency::v1::GetTenantStatusRequest*,
                                                         agency::v1::GetTenantStatusResponse* response) {
  return rpc::HandleUnary(*context, handlers_, "/accord.agency.v1.TenantService/GetTenantStatus",
                          [this, response](const rpc::Call&, rpc::Completion done) {
                            response->set_agency(agency_);
                            response->set_locked(unlock_ != nullptr);
                            done(absl::OkStatus());
                          });
}

grpc::ServerGenericBidiReactor* LockedService::CreateReactor(grpc::GenericCallbackServerContext*) { return new Refusal(); }

}  // namespace accord::agent_rpc
