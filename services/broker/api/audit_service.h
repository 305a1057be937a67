// AuditService: how information is shared, for who answers for it (docs/audits.md).
#pragma once

#include "accord/admin/v1/audit_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/rpc/handler.h"
#include "services/broker/api/table_pages.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/trails/keys.h"

namespace accord::broker {

inline constexpr int kAuditPageDefault = 100;

// What audits are answered with. All must outlive the server.
struct AuditWork {
  Sequencer& sequencer;
  const DirectoryHolder& directory;
  const TrailKeys& keys;
  RefusalRecorder& refusals;
  const Clock& clock;
};

// Thread-safe.
class AuditService final : public admin::v1::AuditService::CallbackService {
 public:
  AuditService(const AuditWork& work, rpc::HandlerContext& shared) : work_(work), shared_(shared) {}

  // The entry SHARING_AUDITED is durable before the first row, on the caller's chain; the pages of one answer are of the log as it was at
  // that entry, and may be turned for an hour. Errors of CheckAudit and AnswerAudit; PAGE_TOKEN_INVALID.
  grpc::ServerUnaryReactor* AuditSharing(grpc::CallbackServerContext* context, const admin::v1::AuditSharingRequest* request,
                                         admin::v1::AuditSharingResponse* response) override;

 private:
  const AuditWork work_;
  rpc::HandlerContext& shared_;
  WholeTables tables_;
};

}  // namespace accord::broker
