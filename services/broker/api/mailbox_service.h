// MailboxService of the broker: agencies collect what waits for them.
#pragma once

#include <atomic>
#include <cstdint>

#include "accord/broker/v1/mailbox_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/rpc/bidi.h"
#include "common/rpc/handler.h"
#include "services/broker/admission/quota.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

inline constexpr uint32_t kMailboxCreditMax = 256;           // Unacknowledged deliveries of one stream.
inline constexpr size_t kMailboxWindowBytesMax = 4u << 20;   // Nothing more is leased while as much is unacknowledged.
inline constexpr int kReleasingMax = 16;                     // Deliveries of one stream between lease and first byte.
inline constexpr int kSettlingMax = 64;                      // Unanswered acks, nacks and rejects of one stream.

// What mailbox streams work with; all must outlive the server.
struct MailboxWork {
  Sequencer& sequencer;
  Mailboxes& mailboxes;
  const PolicyHolder& policy;
  const DirectoryHolder& directory;
  RefusalRecorder& refusals;
  Executor& executor;
  const Clock& clock;
  Quotas& quotas;
  const CaseLinker& linker;
};

// Thread-safe.
class MailboxService final : public broker::v1::MailboxService::CallbackService {
 public:
  MailboxService(const MailboxWork& work, rpc::HandlerContext& shared, rpc::LiveStreams& streams)
      : work_(work), shared_(shared), streams_(streams) {}

  grpc::ServerBidiReactor<v1::OpenMailboxRequest, v1::OpenMailboxResponse>* OpenMailbox(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* CollectMessages(grpc::CallbackServerContext* context, const v1::CollectMessagesRequest* request,
                                            v1::CollectMessagesResponse* response) override;
  grpc::ServerUnaryReactor* SettleMessages(grpc::CallbackServerContext* context, const v1::SettleMessagesRequest* request,
                                           v1::SettleMessagesResponse* response) override;
  grpc::ServerUnaryReactor* ReplayMailbox(grpc::CallbackServerContext* context, const v1::ReplayMailboxRequest* request,
                                          v1::ReplayMailboxResponse* response) override;
  grpc::ServerWriteReactor<v1::FetchSectionResponse>* FetchSection(grpc::CallbackServerContext* context,
                                                                   const v1::FetchSectionRequest* request) override;
  grpc::ServerUnaryReactor* AnswerHold(grpc::CallbackServerContext* context, const v1::AnswerHoldRequest* request,
                                       v1::AnswerHoldResponse* response) override;
  grpc::ServerUnaryReactor* ListDeadLetters(grpc::CallbackServerContext* context, const v1::ListDeadLettersRequest* request,
                                            v1::ListDeadLettersResponse* response) override;
  grpc::ServerUnaryReactor* RequeueDeadLetter(grpc::CallbackServerContext* context,
                                              const v1::RequeueDeadLetterRequest* request,
                                              v1::RequeueDeadLetterResponse* response) override;
  grpc::ServerUnaryReactor* DiscardDeadLetter(grpc::CallbackServerContext* context,
                                              const v1::DiscardDeadLetterRequest* request,
                                              v1::DiscardDeadLetterResponse* response) override;
  grpc::ServerUnaryReactor* ReportAlert(grpc::CallbackServerContext* context, const v1::ReportAlertRequest* request,
                                        v1::ReportAlertResponse* response) override;

 private:
  const MailboxWork work_;
  rpc::HandlerContext& shared_;
  rpc::LiveStreams& streams_;
  std::atomic<uint64_t> holders_ = 0;  // Numbers streams, from 1: who holds a lease.
};

}  // namespace accord::broker
