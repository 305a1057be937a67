// SharingService of the broker: holders, the register of sharing, gaps and breaches.
#pragma once

#include "accord/broker/v1/sharing_service.grpc.pb.h"
#include "common/rpc/handler.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

// What sharing is handled with; all must outlive the server.
struct SharingWork {
  Sequencer& sequencer;
  const PolicyHolder& policy;
  const DirectoryHolder& directory;
  Mailboxes& mailboxes;
  RefusalRecorder& refusals;
  const Clock& clock;
};

// Thread-safe.
class SharingService final : public broker::v1::SharingService::CallbackService {
 public:
  SharingService(const SharingWork& work, rpc::HandlerContext& shared) : work_(work), shared_(shared) {}

  grpc::ServerUnaryReactor* GetHolders(grpc::CallbackServerContext* context, const v1::GetHoldersRequest* request,
                                        v1::GetHoldersResponse* response) override;
  grpc::ServerUnaryReactor* ListGaps(grpc::CallbackServerContext* context, const v1::ListGapsRequest* request,
                                     v1::ListGapsResponse* response) override;
  grpc::ServerUnaryReactor* ListBreaches(grpc::CallbackServerContext* context, const v1::ListBreachesRequest* request,
                                         v1::ListBreachesResponse* response) override;
  grpc::ServerUnaryReactor* ListSharing(grpc::CallbackServerContext* context, const v1::ListSharingRequest* request,
                                        v1::ListSharingResponse* response) override;
  grpc::ServerUnaryReactor* RecordReview(grpc::CallbackServerContext* context, const v1::RecordReviewRequest* request,
                                         v1::RecordReviewResponse* response) override;

 private:
  const SharingWork work_;
  rpc::HandlerContext& shared_;
};

}  // namespace accord::broker
