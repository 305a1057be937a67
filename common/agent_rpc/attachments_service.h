// AttachmentsService of an agency: files that go with a push, and that came with a referral (docs/attachments.md).
#pragma once

#include <atomic>

#include "accord/agency/v1/attachments_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"
#include "common/rpc/bidi.h"

namespace accord::agent_rpc {

inline constexpr int kFilesAtOnceMax = 16;  // On their way, either way: each is held in memory, 5 MB at most.

// Thread-safe. `runtime` must outlive the server, and so must this.
class AttachmentsService final : public agency::v1::AttachmentsService::CallbackService {
 public:
  explicit AttachmentsService(AgencyRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerReadReactor<agency::v1::UploadAttachmentRequest>* UploadAttachment(grpc::CallbackServerContext* context,
                                                                                 agency::v1::UploadAttachmentResponse* response) override;
  grpc::ServerWriteReactor<agency::v1::ReadAttachmentResponse>* ReadAttachment(grpc::CallbackServerContext* context,
                                                                               const agency::v1::ReadAttachmentRequest* request) override;

 private:
  AgencyRuntime& runtime_;
  rpc::LiveStreams streams_;
  std::atomic<int> files_ = 0;  // Those on their way.
};

}  // namespace accord::agent_rpc
