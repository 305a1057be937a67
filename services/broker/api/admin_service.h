// AdminService: changes to directory, deny set, lists and agreement, by two administrators.
#pragma once

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/rpc/handler.h"
#include "services/broker/directory/changes.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

// Thread-safe.
class AdminService final : public admin::v1::AdminService::CallbackService {
 public:
  // All must outlive the server.
  AdminService(Sequencer& sequencer, const ChangeRules& rules, RefusalRecorder& refusals, rpc::HandlerContext& shared)
      : sequencer_(sequencer), rules_(rules), refusals_(refusals), shared_(shared) {}

  grpc::ServerUnaryReactor* ProposeChange(grpc::CallbackServerContext* context,
                                          const admin::v1::ProposeChangeRequest* request,
                                          admin::v1::ProposeChangeResponse* response) override;
  grpc::ServerUnaryReactor* ApproveChange(grpc::CallbackServerContext* context,
                                          const admin::v1::ApproveChangeRequest* request,
                                          admin::v1::ApproveChangeResponse* response) override;
  grpc::ServerUnaryReactor* ListChanges(grpc::CallbackServerContext* context, const admin::v1::ListChangesRequest* request,
                                        admin::v1::ListChangesResponse* response) override;
  grpc::ServerUnaryReactor* ListOverdue(grpc::CallbackServerContext* context, const admin::v1::ListOverdueRequest* request,
                                        admin::v1::ListOverdueResponse* response) override;
  grpc::ServerUnaryReactor* GetErasure(grpc::CallbackServerContext* context, const admin::v1::GetErasureRequest* request,
                                       admin::v1::GetErasureResponse* response) override;
  grpc::ServerUnaryReactor* ListHolds(grpc::CallbackServerContext* context, const admin::v1::ListHoldsRequest* request,
                                      admin::v1::ListHoldsResponse* response) override;

 private:
  Sequencer& sequencer_;
  const ChangeRules& rules_;
  RefusalRecorder& refusals_;
  rpc::HandlerContext& shared_;
};

}  // namespace accord::broker
