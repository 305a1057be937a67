// AdminService: changes to directory, deny set, lists and agreement, by two administrators; and what one may do at once: suspend, begin
// maintenance, look.
#pragma once

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/rpc/handler.h"
#include "services/broker/administration/connections.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/directory/changes.h"
#include "services/broker/directory/suspension.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

// What the service needs. All must outlive the server.
struct AdminParts {
  Sequencer& sequencer;
  const ChangeRules& rules;
  RefusalRecorder& refusals;
  const DirectoryHolder& directory;
  const PolicyHolder& policy;
  const Mailboxes& mailboxes;
  const ConnectionRegister& connections;
  const Clock& clock;
  SuspensionTold suspended;  // Tells whom a suspension concerns beside the one who is shut out.
};

// Thread-safe.
class AdminService final : public admin::v1::AdminService::CallbackService {
 public:
  AdminService(AdminParts parts, rpc::HandlerContext& shared) : parts_(parts), judging_(JudgingAlone(parts.rules)), shared_(shared) {}

  grpc::ServerUnaryReactor* ProposeChange(grpc::CallbackServerContext* context, const admin::v1::ProposeChangeRequest* request,
                                          admin::v1::ProposeChangeResponse* response) override;
  grpc::ServerUnaryReactor* ApproveChange(grpc::CallbackServerContext* context, const admin::v1::ApproveChangeRequest* request,
                                          admin::v1::ApproveChangeResponse* response) override;
  grpc::ServerUnaryReactor* WithdrawChange(grpc::CallbackServerContext* context, const admin::v1::WithdrawChangeRequest* request,
                                           admin::v1::WithdrawChangeResponse* response) override;
  grpc::ServerUnaryReactor* GetChange(grpc::CallbackServerContext* context, const admin::v1::GetChangeRequest* request,
                                      admin::v1::GetChangeResponse* response) override;
  grpc::ServerUnaryReactor* SuspendPrincipal(grpc::CallbackServerContext* context, const admin::v1::SuspendPrincipalRequest* request,
                                             admin::v1::SuspendPrincipalResponse* response) override;
  grpc::ServerUnaryReactor* ReinstatePrincipal(grpc::CallbackServerContext* context, const admin::v1::ReinstatePrincipalRequest* request,
                                               admin::v1::ReinstatePrincipalResponse* response) override;
  grpc::ServerUnaryReactor* GetOnboarding(grpc::CallbackServerContext* context, const admin::v1::GetOnboardingRequest* request,
                                          admin::v1::GetOnboardingResponse* response) override;
  grpc::ServerUnaryReactor* GetLeaving(grpc::CallbackServerContext* context, const admin::v1::GetLeavingRequest* request,
                                       admin::v1::GetLeavingResponse* response) override;
  grpc::ServerUnaryReactor* CheckConnection(grpc::CallbackServerContext* context, const admin::v1::CheckConnectionRequest* request,
                                            admin::v1::CheckConnectionResponse* response) override;
  grpc::ServerUnaryReactor* SetMaintenance(grpc::CallbackServerContext* context, const admin::v1::SetMaintenanceRequest* request,
                                           admin::v1::SetMaintenanceResponse* response) override;
  grpc::ServerUnaryReactor* ListOfficers(grpc::CallbackServerContext* context, const admin::v1::ListOfficersRequest* request,
                                         admin::v1::ListOfficersResponse* response) override;
  grpc::ServerUnaryReactor* ListChanges(grpc::CallbackServerContext* context, const admin::v1::ListChangesRequest* request,
                                        admin::v1::ListChangesResponse* response) override;
  grpc::ServerUnaryReactor* ListOverdue(grpc::CallbackServerContext* context, const admin::v1::ListOverdueRequest* request,
                                        admin::v1::ListOverdueResponse* response) override;
  grpc::ServerUnaryReactor* GetErasure(grpc::CallbackServerContext* context, const admin::v1::GetErasureRequest* request,
                                       admin::v1::GetErasureResponse* response) override;
  grpc::ServerUnaryReactor* ListHolds(grpc::CallbackServerContext* context, const admin::v1::ListHoldsRequest* request,
                                      admin::v1::ListHoldsResponse* response) override;

 private:
  // What a dry run is judged by: nobody is told of it, and no time is set.
  static ChangeRules JudgingAlone(ChangeRules rules) {
    rules.officer_moved = nullptr;
    rules.schedule = nullptr;
    return rules;
  }

  const AdminParts parts_;
  const ChangeRules judging_;
  rpc::HandlerContext& shared_;
};

}  // namespace accord::broker
