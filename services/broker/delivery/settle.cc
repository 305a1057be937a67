#include "services/broker/delivery/settle.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/referral/states.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/delivery/release.h"
#include "services/broker/delivery/replay.h"
#include "services/broker/directory/families.h"
#include "services/broker/holds/hold_notices.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

std::string OutcomeOf(const Settlement& settlement) {
  switch (settlement.kind) {
    case Settlement::Kind::kAck: return "DELIVERED";
    case Settlement::Kind::kNack: return "NACKED";
    case Settlement::Kind::kReject: return settlement.reason;
  }
  return {};
}

}  // namespace

absl::Status SettleCommand::Apply(CommitContext& context) {
  // Of an erased referral nothing is recorded any more: whoever had it when it was erased is done with it.
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const auto erased, FindErased(read, ErasedDeliveryMark(delivery_id_)));
  if (erased.has_value()) {
    result_ = {*erased, true};
    return absl::OkStatus();
  }
  ACCORD_ASSIGN_OR_RETURN(auto delivery, LoadDelivery(context, delivery_id_));
  if (!delivery.has_value() || delivery->agency() != mailbox_.agency || delivery->desk() != mailbox_.desk ||
      delivery->attempt() == 0) {
    return Error(Reason::kDeliveryNotFound, "no such delivery was made to this mailbox");
  }
  if (delivery->state() != storage::v1::DELIVERY_STATE_QUEUED) {
    result_ = {delivery->settled_index(), true};
    return absl::OkStatus();
  }
  EndAttempt(*delivery, context.now(), OutcomeOf(settlement_));
  if (!delivery->hold().empty()) return SettleHold(context, *delivery);
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, delivery->header_digest()));
  if (!stored.has_value()) return Error(Reason::kDeliveryNotFound, "the referral was erased");
  ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
  EntryDraft entry = DeliveryEntry(*stored, *delivery, delivery_id_, header.core.part.sender(),
                                   header.core.part.request_id(), caller_);
  switch (settlement_.kind) {
    case Settlement::Kind::kAck: entry.event.set_type(type::v1::EVENT_TYPE_DELIVERED); break;
    case Settlement::Kind::kNack: entry.event.set_type(type::v1::EVENT_TYPE_DELIVERY_NACKED); break;
    case Settlement::Kind::kReject:
      entry.event.set_type(type::v1::EVENT_TYPE_DEAD_LETTER);
      entry.event.set_reason(settlement_.reason);
      break;
  }
  ACCORD_ASSIGN_OR_RETURN(result_.index, context.AddEntry(entry));

  if (settlement_.kind == Settlement::Kind::kNack) {
    PutOff(context, settlement_.delay, *delivery);
    return absl::OkStatus();
  }
  if (settlement_.kind == Settlement::Kind::kReject) {
    dead_ = true;
    ACCORD_RETURN_IF_ERROR(Bury(context, delivery_id_, *delivery, *stored, {result_.index, settlement_.reason}, queued_));
    return SaveReferral(context, delivery->header_digest(), *stored);
  }
  delivery->set_state(storage::v1::DELIVERY_STATE_DELIVERED);
  delivery->set_settled_index(result_.index);
  NoteSettled(context, delivery_id_, *delivery);
  context.Put(kFamilyDelivery, delivery_id_, delivery->SerializeAsString());
  context.Delete(kFamilyMailbox,
                 MailboxKey(delivery->agency(), delivery->desk(), delivery->lane(), delivery->mailbox_sequence()));
  auto* const recipient = CarriesReferral(*delivery) ? FindRecipient(*stored, delivery->agency()) : nullptr;
  const auto next = recipient == nullptr ? std::nullopt : referral::Next(recipient->state(), referral::Event::kDeliver);
  if (!next.has_value()) return absl::OkStatus();  // A statement, or the recipient has opened it already.
  recipient->set_state(*next);
  recipient->set_since_ms(absl::ToUnixMillis(context.now()));
  return SaveReferral(context, delivery->header_digest(), *stored);
}

void SettleCommand::PutOff(CommitContext& context, absl::Duration asked, storage::v1::StoredDelivery& delivery) {
  const absl::Duration backoff = JitteredBackoff(delivery.lane(), delivery.attempt(), context.RandomBytes(kJitterBytes));
  not_before_ = context.now() + std::max(asked, backoff);
  delivery.set_not_before_ms(absl::ToUnixMillis(not_before_));
  context.Put(kFamilyDelivery, delivery_id_, delivery.SerializeAsString());
  returned_ = true;
}

absl::Status SettleCommand::SettleHold(CommitContext& context, storage::v1::StoredDelivery& delivery) {
  const bool ack = settlement_.kind == Settlement::Kind::kAck;
  ACCORD_ASSIGN_OR_RETURN(EntryDraft entry,
                          HoldHolderEntry(context, ack ? type::v1::EVENT_TYPE_HOLD_DELIVERED : type::v1::EVENT_TYPE_DELIVERY_NACKED,
                                          delivery.hold(), mailbox_, caller_.principal, caller_.certificate));
  entry.event.set_attempt(delivery.attempt());
  if (settlement_.kind == Settlement::Kind::kReject) entry.event.set_reason(settlement_.reason);
  entry.referral->set_delivery_id(delivery_id_);
  ACCORD_ASSIGN_OR_RETURN(result_.index, context.AddEntry(entry));
  if (!ack) {
    const absl::Duration delay = settlement_.kind == Settlement::Kind::kReject ? kNackDelayMax : settlement_.delay;
    PutOff(context, delay, delivery);
    return absl::OkStatus();
  }
  delivery.set_state(storage::v1::DELIVERY_STATE_DELIVERED);
  delivery.set_settled_index(result_.index);
  NoteSettled(context, delivery_id_, delivery);
  delivery.clear_hold_referrals();  // It is not sent again; what it named may be erased one day.
  context.Put(kFamilyDelivery, delivery_id_, delivery.SerializeAsString());
  context.Delete(kFamilyMailbox, MailboxKey(delivery.agency(), delivery.desk(), delivery.lane(), delivery.mailbox_sequence()));
  ACCORD_ASSIGN_OR_RETURN(auto holder, LoadHolder(context, delivery.hold(), mailbox_));
  if (!holder.has_value()) return Error(Reason::kStoreCorrupt, "a notice names a holder that is not there");
  holder->set_acknowledged(holder->acknowledged() + 1);
  if (holder->acknowledged() == holder->notices()) holder->set_delivered_at_ms(absl::ToUnixMillis(context.now()));
  SaveHolder(context, delivery.hold(), mailbox_, *holder);
  return absl::OkStatus();
}

void SettleCommand::Published() {
  for (auto& [mailbox, waiting] : queued_) mailboxes_.Add(mailbox, std::move(waiting));
  // Here, not in Done: it may be queued again by a later command, which Done might come after.
  if (!returned_) mailboxes_.Remove(delivery_id_, dead_ ? Mailboxes::Gone::kDead : Mailboxes::Gone::kSettled);
}

void SettleCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  if (returned_) mailboxes_.Return(delivery_id_, holder_, not_before_);
  std::move(done_)(result_);
}

}  // namespace accord::broker
