// The WorkersService of every agency service: its register of workers, and its journal.
#pragma once

#include "accord/agency/v1/workers_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"

namespace accord::agent_rpc {

// Thread-safe.
class WorkersService final : public agency::v1::WorkersService::CallbackService {
 public:
  explicit WorkersService(AgencyRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerUnaryReactor* PutWorker(grpc::CallbackServerContext*, const agency::v1::PutWorkerRequest*,
                                      agency::v1::PutWorkerResponse*) override;
  grpc::ServerUnaryReactor* EndWorker(grpc::CallbackServerContext*, const agency::v1::EndWorkerRequest*,
                                      agency::v1::EndWorkerResponse*) override;
  grpc::ServerUnaryReactor* ListWorkers(grpc::CallbackServerContext*, const agency::v1::ListWorkersRequest*,
                                        agency::v1::ListWorkersResponse*) override;
  grpc::ServerUnaryReactor* ListJournal(grpc::CallbackServerContext*, const agency::v1::ListJournalRequest*,
                                        agency::v1::ListJournalResponse*) override;

 private:
  AgencyRuntime& runtime_;
};

}  // namespace accord::agent_rpc
