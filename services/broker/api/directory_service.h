// DirectoryService: who the agencies are, for those who seal to them and who watch their own row.
#pragma once

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/rpc/handler.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/refusal_recorder.h"

namespace accord::broker {

// Thread-safe.
class DirectoryService final : public admin::v1::DirectoryService::CallbackService {
 public:
  // All must outlive the server.
  DirectoryService(const DirectoryHolder& directory, RefusalRecorder& refusals, rpc::HandlerContext& shared)
      : directory_(directory), refusals_(refusals), shared_(shared) {}

  grpc::ServerUnaryReactor* ListAgencies(grpc::CallbackServerContext* context, const admin::v1::ListAgenciesRequest* request,
                                         admin::v1::ListAgenciesResponse* response) override;

 private:
  const DirectoryHolder& directory_;
  RefusalRecorder& refusals_;
  rpc::HandlerContext& shared_;
};

}  // namespace accord::broker
