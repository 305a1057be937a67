// LedgerService: the log for whoever holds a receipt of it.
#pragma once

#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "common/rpc/bidi.h"
#include "common/rpc/handler.h"
#include "services/broker/api/witness_calls.h"
#include "services/broker/scrub/scrubber.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/trails/published.h"

namespace accord::broker {

inline constexpr int kCheckpointsPerPage = 50;
inline constexpr size_t kLeavesPerMessageMax = 256;
inline constexpr size_t kLeafBytesPerMessageMax = 1u << 20;  // A message ends early once its leaves have these.

// Its calls are metrics, not entries, also when they refuse (handle.h). Thread-safe.
class LedgerService final : public v1::LedgerService::CallbackService {
 public:
  // All must outlive the server.
  LedgerService(Sequencer& sequencer, const PolicyWitnesses& witnesses, const Scrubber& scrubber, const Clock& clock,
                rpc::HandlerContext& shared, rpc::LiveStreams& streams)
      : sequencer_(sequencer), witnesses_(witnesses), scrubber_(scrubber), shared_(shared), streams_(streams),
        calls_(sequencer, witnesses, clock) {}

  grpc::ServerUnaryReactor* GetCheckpoint(grpc::CallbackServerContext* context, const v1::GetCheckpointRequest* request,
                                          v1::GetCheckpointResponse* response) override;
  grpc::ServerUnaryReactor* ListCheckpoints(grpc::CallbackServerContext* context, const v1::ListCheckpointsRequest* request,
                                            v1::ListCheckpointsResponse* response) override;
  grpc::ServerUnaryReactor* GetReceipt(grpc::CallbackServerContext* context, const v1::GetReceiptRequest* request,
                                       v1::GetReceiptResponse* response) override;
  grpc::ServerUnaryReactor* ProveConsistency(grpc::CallbackServerContext* context,
                                             const v1::ProveConsistencyRequest* request,
                                             v1::ProveConsistencyResponse* response) override;
  grpc::ServerWriteReactor<v1::StreamEntriesResponse>* StreamEntries(grpc::CallbackServerContext* context,
                                                                     const v1::StreamEntriesRequest* request) override;
  grpc::ServerUnaryReactor* Cosign(grpc::CallbackServerContext* context, const v1::CosignRequest* request,
                                   v1::CosignResponse* response) override;
  grpc::ServerUnaryReactor* ReportFork(grpc::CallbackServerContext* context, const v1::ReportForkRequest* request,
                                       v1::ReportForkResponse* response) override;
  grpc::ServerUnaryReactor* GetLedgerStatus(grpc::CallbackServerContext* context, const v1::GetLedgerStatusRequest* request,
                                            v1::GetLedgerStatusResponse* response) override;

 private:
  Sequencer& sequencer_;
  const Witnesses& witnesses_;
  const Scrubber& scrubber_;
  rpc::HandlerContext& shared_;
  rpc::LiveStreams& streams_;
  WitnessCalls calls_;
};

}  // namespace accord::broker
