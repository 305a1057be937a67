// DirectoryService: who the agencies are and whom they take, for those who seal to them, refer to them and watch their own row.
#pragma once

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/rpc/handler.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

// Thread-safe.
class DirectoryService final : public admin::v1::DirectoryService::CallbackService {
 public:
  // All must outlive the server.
  DirectoryService(Sequencer& sequencer, const DirectoryHolder& directory, RefusalRecorder& refusals, const Clock& clock, rpc::HandlerContext& shared)
      : sequencer_(sequencer), directory_(directory), refusals_(refusals), clock_(clock), shared_(shared) {}

  grpc::ServerUnaryReactor* ListAgencies(grpc::CallbackServerContext* context, const admin::v1::ListAgenciesRequest* request,
                                         admin::v1::ListAgenciesResponse* response) override;
  grpc::ServerUnaryReactor* PublishSupport(grpc::CallbackServerContext* context, const admin::v1::PublishSupportRequest* request,
                                           admin::v1::PublishSupportResponse* response) override;

 private:
  Sequencer& sequencer_;
  const DirectoryHolder& directory_;
  RefusalRecorder& refusals_;
  const Clock& clock_;
  rpc::HandlerContext& shared_;
};

}  // namespace accord::broker
