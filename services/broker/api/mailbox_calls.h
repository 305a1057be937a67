// MailboxService's unary calls beside AnswerHold: polling, replay, dead letters.
#pragma once

#include "services/broker/api/mailbox_service.h"

namespace accord::broker {

inline constexpr uint32_t kCollectCreditDefault = 16, kCollectCreditMax = 64;  // Deliveries of one poll.
inline constexpr size_t kCollectBytesMax = 3u << 20;                           // Of them together, but for the first.
inline constexpr int kSettlementsMax = 64;

// Who holds the leases of every poll; streams are numbered from 1. A settlement is thus right whichever poll had leased the delivery.
inline constexpr uint64_t kPollHolder = ~uint64_t{0};

// `work` and `shared` must outlive the server. Thread-safe.
grpc::ServerUnaryReactor* HandleCollectMessages(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                                const v1::CollectMessagesRequest& request, v1::CollectMessagesResponse& response);
grpc::ServerUnaryReactor* HandleSettleMessages(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                               const v1::SettleMessagesRequest& request, v1::SettleMessagesResponse& response);
grpc::ServerUnaryReactor* HandleReplayMailbox(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                              const v1::ReplayMailboxRequest& request, v1::ReplayMailboxResponse& response);
grpc::ServerUnaryReactor* HandleListDeadLetters(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                                const v1::ListDeadLettersRequest& request, v1::ListDeadLettersResponse& response);
grpc::ServerUnaryReactor* HandleRequeueDeadLetter(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                                  const v1::RequeueDeadLetterRequest& request, v1::RequeueDeadLetterResponse& response);
grpc::ServerUnaryReactor* HandleDiscardDeadLetter(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                                  const v1::DiscardDeadLetterRequest& request, v1::DiscardDeadLetterResponse& response);

}  // namespace accord::broker
