// Sections too large for a message: UploadSection ahead of a referral, FetchSection beside its delivery (docs/attachments.md).
#pragma once

#include "accord/broker/v1/mailbox_service.grpc.pb.h"
#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/rpc/bidi.h"
#include "common/rpc/handler.h"
#include "services/broker/api/mailbox_service.h"
#include "services/broker/api/referral_service.h"

namespace accord::broker {

// Holds the section while it comes, kSealedSectionBytesMax at most, and refuses it at the first byte beyond. What the works name, `shared`
// and `streams` must outlive the server. Thread-safe.
grpc::ServerReadReactor<v1::UploadSectionRequest>* HandleUploadSection(grpc::CallbackServerContext& context, rpc::HandlerContext& shared,
                                                                       rpc::LiveStreams& streams, const ReferralWork& work,
                                                                       v1::UploadSectionResponse& response);
// Holds the section twice while it is cut for the desk, then once, and one chunk of it, until it is read. Likewise.
grpc::ServerWriteReactor<v1::FetchSectionResponse>* HandleFetchSection(grpc::CallbackServerContext& context, rpc::HandlerContext& shared,
                                                                       rpc::LiveStreams& streams, const MailboxWork& work,
                                                                       const v1::FetchSectionRequest& request);

}  // namespace accord::broker
