// AuditService: how information is shared, for who answers for it (docs/audits.md).
#pragma once

#include <atomic>

#include "accord/admin/v1/audit_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/rpc/handler.h"
#include "services/broker/api/table_pages.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/trails/keys.h"

namespace accord::broker {

inline constexpr int kAuditPageDefault = 100;
// Answered at a time for agencies, and as many for administrators, whom an agency that asks on and on must not keep out. For their memory, as
// kQuestionsAtOnceMax, beside which they are: some 0.3 GiB each.
inline constexpr int kAuditsAtOnceMax = 1;

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
  // that entry, and may be turned for an hour. Errors of CheckAudit and AnswerAudit; PAGE_TOKEN_INVALID; QUEUE_FULL when kAuditsAtOnceMax of
  // its caller's kind are being answered and this one must be computed, as a page of an answer that is kept need not.
  grpc::ServerUnaryReactor* AuditSharing(grpc::CallbackServerContext* context, const admin::v1::AuditSharingRequest* request,
                                         admin::v1::AuditSharingResponse* response) override;

 private:
  std::atomic<int>& RunningOf(const Caller& caller);

  const AuditWork work_;
  rpc::HandlerContext& shared_;
  std::atomic<int> of_agencies_ = 0, of_administrators_ = 0;  // Being computed.
  WholeTables tables_;
};

}  // namespace accord::broker
