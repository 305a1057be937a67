#include "common/agent/deliveries.h"

#include <fmt/format.h>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::agent {
namespace {

// Of the calls after the first: what follows from the first one's id and the position is the same when that is asked again.
std::string NextRequestId(const std::string& request_id, uint64_t position) {
  return "accord-replay/" + ToHex(crypto::Sha256(ByteWriter().Lp16("accord/replay-request/v1").Lp16(request_id).U64(position).bytes()));
}

}  // namespace

absl::Status Deliveries::VerifyAct(const type::v1::Receipt& receipt, type::v1::EventType type, const std::string& delivery_id) {
  // Which referral it is about says the receipt itself; that its openings are the entry's is verified below.
  type::v1::EntryReferral about;
  for (const auto& opening : receipt.openings()) {
    if (opening.label() == "referral" && !about.ParseFromString(opening.content())) about.Clear();
  }
  ACCORD_RETURN_IF_ERROR(log_.Verify(receipt, type, about.header_digest()).status());
  if (about.delivery_id() == delivery_id) return absl::OkStatus();
  return alarm_.Raise(Error(Reason::kReceiptInvalid, "the receipt is of another delivery"), {receipt.SerializeAsString()});
}

absl::Status Deliveries::Requeue(const broker::v1::RequeueDeadLetterRequest& request) {
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  ACCORD_ASSIGN_OR_RETURN(const auto response, broker_.RequeueDeadLetter(request));
  return VerifyAct(response.receipt(), type::v1::EVENT_TYPE_DEAD_LETTER_REQUEUED, request.delivery_id());
}

absl::Status Deliveries::Discard(const broker::v1::DiscardDeadLetterRequest& request) {
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  ACCORD_ASSIGN_OR_RETURN(const auto response, broker_.DiscardDeadLetter(request));
  return VerifyAct(response.receipt(), type::v1::EVENT_TYPE_DEAD_LETTER_DISCARDED, request.delivery_id());
}

absl::StatusOr<uint64_t> Deliveries::Replay(const std::string& request_id, absl::Time since, const type::v1::Worker& worker,
                                            absl::Time deadline) {
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  broker::v1::ReplayMailboxRequest request;
  request.set_request_id(request_id);
  request.set_time_ms(absl::ToUnixMillis(since));
  *request.mutable_worker() = worker;
  uint64_t queued = 0, position = 0;
  for (;;) {
    ACCORD_ASSIGN_OR_RETURN(const auto response, broker_.ReplayMailbox(request));
    ACCORD_RETURN_IF_ERROR(log_.Verify(response.receipt(), type::v1::EVENT_TYPE_MAILBOX_REPLAYED, "").status());
    queued += response.queued();
    if (response.next_position() == 0) return queued;
    if (response.next_position() <= position) return Error(Reason::kInternal, "the broker's replay goes back instead of on");
    if (clock_.Now() >= deadline) {
      return Error(Reason::kDeadlineTooShort, fmt::format("{} deliveries wait again, and more are to follow: ask again with the same request id", queued));
    }
    position = response.next_position();
    request.set_request_id(NextRequestId(request_id, position));
    request.set_position(position);
  }
}

}  // namespace accord::agent
