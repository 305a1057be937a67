#include "services/broker/holds/answer_hold.h"

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/requests.h"
#include "services/broker/holds/hold_index.h"
#include "services/broker/holds/hold_notices.h"

namespace accord::broker {
namespace {

// Sameness of a request: what is asked, and for which desk.
std::string DigestOf(const Caller& caller, const HoldAnswered& answered) {
  const std::string asked = ByteWriter()
                                .Lp16("accord/hold-answer/v1")
                                .U8(static_cast<uint8_t>(caller.desk))
                                .Lp16(answered.hold)
                                .U8(static_cast<uint8_t>(answered.answer))
                                .U64(static_cast<uint64_t>(answered.erased_at_ms))
                                .Lp16(answered.worker.pseudonym())
                                .U8(static_cast<uint8_t>(answered.worker.role()))
                                .U8(static_cast<uint8_t>(answered.worker.authentication()))
                                .bytes();
  return crypto::Sha256(asked);
}

absl::Status CheckDate(const HoldAnswered& answered, absl::Time now) {
  const bool erased = answered.answer == type::v1::HOLD_ANSWER_ALREADY_ERASED;
  if (erased != (answered.erased_at_ms != 0)) {
    return Error(Reason::kFieldInvalid, "erased_at_ms belongs to ALREADY_ERASED, and to nothing else", {{"field", "erased_at_ms"}});
  }
  if (answered.erased_at_ms >= 0 && absl::FromUnixMillis(answered.erased_at_ms) <= now) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, "erased_at_ms is in the future", {{"field", "erased_at_ms"}});
}

}  // namespace

AnswerHoldCommand::AnswerHoldCommand(Caller caller, std::string request_id, HoldAnswered answered, HoldAnsweredDone done)
    : caller_(std::move(caller)), request_id_(std::move(request_id)), answered_(std::move(answered)),
      digest_(DigestOf(caller_, answered_)), done_(std::move(done)) {}

absl::Status AnswerHoldCommand::Apply(CommitContext& context) {
  if (!IsRequestId(request_id_)) return Error(Reason::kFieldInvalid, "request_id is malformed", {{"field", "request_id"}});
  ACCORD_ASSIGN_OR_RETURN(const auto first, FirstRequest(context, caller_.principal, request_id_, digest_));
  if (first.has_value()) {
    index_ = first->index();
    return absl::OkStatus();
  }
  const MailboxId desk = {caller_.id, caller_.desk};
  ACCORD_ASSIGN_OR_RETURN(auto holder, LoadHolder(context, answered_.hold, desk));
  if (!holder.has_value() || holder->released_at_ms() == 0) return Error(Reason::kHoldNotFound, "no such legal hold");
  ACCORD_RETURN_IF_ERROR(CheckDate(answered_, context.now()));
  holder->set_answer(answered_.answer);
  holder->set_answered_at_ms(absl::ToUnixMillis(context.now()));
  holder->set_erased_at_ms(answered_.erased_at_ms);
  SaveHolder(context, answered_.hold, desk, *holder);

  ACCORD_ASSIGN_OR_RETURN(EntryDraft entry, HoldHolderEntry(context, type::v1::EVENT_TYPE_HOLD_ANSWERED, answered_.hold, desk,
                                                            caller_.principal, caller_.certificate));
  entry.event.set_hold_answer(answered_.answer);
  entry.event.set_erased_at_ms(answered_.erased_at_ms);
  *entry.actor->mutable_worker() = answered_.worker;
  ACCORD_ASSIGN_OR_RETURN(index_, context.AddEntry(entry));
  KeepRequest(context, caller_.principal, request_id_, digest_, index_);
  return absl::OkStatus();
}

void AnswerHoldCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(index_);
}

}  // namespace accord::broker
