#include "services/broker/delivery/dead_letters.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/states.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/delivery/release.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/requests.h"

namespace accord::broker {
namespace {

using storage::v1::StoredDelivery;
using storage::v1::StoredReferral;

// Absent, erased and not the caller's are one answer: it must not tell which.
absl::Status NotFound() { return Error(Reason::kDeliveryNotFound, "no such dead letter"); }

bool IsOwnNotice(const StoredDelivery& delivery) {
  return delivery.notice() != type::v1::NOTICE_KIND_UNSPECIFIED || !delivery.hold().empty();
}

bool OfSender(const StoredDelivery& delivery, const Caller& caller) {
  return delivery.sender() == caller.id && IsDeskOf(caller, type::v1::DESK_MAIN);
}
bool OfRecipient(const StoredDelivery& delivery, const Caller& caller) {
  return delivery.agency() == caller.id && IsDeskOf(caller, delivery.desk());
}

// Of its own: what is told of one dead letter stays in order, and waits for no delivery of the case.
std::string OrderingKey(std::string_view delivery_id) {
  return crypto::Sha256(ByteWriter().Lp16("accord/dead-letter-order/v1").Lp16(delivery_id).bytes()).substr(0, kIdBytes);
}

absl::Status Tell(CommitContext& context, type::v1::NoticeKind kind, std::string_view delivery_id, const StoredDelivery& delivery,
                  const MailboxId& desk, uint64_t index, NewDeliveries& queued) {
  StoredDelivery notice;
  notice.set_agency(desk.agency);
  notice.set_desk(desk.desk);
  notice.set_header_digest(delivery.header_digest());
  notice.set_sender(delivery.sender());
  notice.set_lane(type::v1::LANE_HIGH);
  notice.set_ordering_key(OrderingKey(delivery_id));
  notice.set_notice(kind);
  notice.set_notice_agency(delivery.agency());
  notice.set_notice_due_ms(absl::ToUnixMillis(context.now()));
  notice.set_notice_reminder(1);
  notice.set_notice_of_statement(!delivery.statement_digest().empty());
  return PutDelivery(context, context.RandomBytes(kIdBytes), std::move(notice), index, queued);
}

std::string DigestOf(const Caller& caller, const DeadLetterAct& act) {
  return crypto::Sha256(ByteWriter()
                            .Lp16("accord/dead-letter/v1")
                            .U8(static_cast<uint8_t>(caller.desk))
                            .Lp16(act.delivery_id)
                            .U8(static_cast<uint8_t>(act.discard))
                            .Lp16(act.worker.pseudonym())
                            .U8(static_cast<uint8_t>(act.worker.role()))
                            .U8(static_cast<uint8_t>(act.worker.authentication()))
                            .bytes());
}

// What is given up is opened and answered by nobody. One that its recipient holds all the same is still to be answered.
absl::Status EndClocks(CommitContext& context, const StoredDelivery& delivery, StoredReferral& stored) {
  auto* const recipient = CarriesReferral(delivery) ? FindRecipient(stored, delivery.agency()) : nullptr;
  if (recipient == nullptr || recipient->state() != type::v1::REFERRAL_STATE_DEAD_LETTER) return absl::OkStatus();
  ACCORD_RETURN_IF_ERROR(StopClocks(context, delivery.header_digest(), *recipient));
  return SaveReferral(context, delivery.header_digest(), stored);
}

}  // namespace

absl::Status AddDeadLetter(CommitContext& context, std::string_view delivery_id, StoredDelivery& delivery, std::string_view sender,
                           const Death& death, NewDeliveries& queued) {
  if (IsOwnNotice(delivery)) return absl::OkStatus();
  delivery.set_sender(std::string(sender));
  delivery.set_dead_reason(death.reason);
  delivery.set_dead_at_ms(absl::ToUnixMillis(context.now()));
  std::vector<MailboxId> desks = {{std::string(sender), type::v1::DESK_MAIN}};
  const bool recipient_knows = delivery.first_released_ms() != 0 && !death.withheld;
  if (recipient_knows && delivery.agency() != sender) desks.push_back({delivery.agency(), delivery.desk()});
  for (const MailboxId& desk : desks) {
    context.Put(kFamilyDeadLetter, DeadLetterKey(desk.agency, desk.desk, delivery.dead_at_ms(), delivery_id), "");
    ACCORD_RETURN_IF_ERROR(Tell(context, type::v1::NOTICE_KIND_DEAD_LETTER, delivery_id, delivery, desk, death.index, queued));
  }
  return absl::OkStatus();
}

void PutBack(CommitContext& context, std::string_view delivery_id, StoredDelivery& delivery, uint64_t mailbox_sequence,
             NewDeliveries& queued) {
  delivery.set_state(storage::v1::DELIVERY_STATE_QUEUED);
  delivery.set_mailbox_sequence(mailbox_sequence);
  delivery.set_queued_at_ms(absl::ToUnixMillis(context.now()));
  delivery.set_attempts_before(delivery.attempt());
  delivery.clear_settled_index();
  delivery.clear_not_before_ms();
  delivery.clear_dead_reason();
  delivery.clear_dead_at_ms();
  context.Put(kFamilyDelivery, delivery_id, delivery.SerializeAsString());
  context.Put(kFamilyMailbox, MailboxKey(delivery.agency(), delivery.desk(), delivery.lane(), mailbox_sequence), std::string(delivery_id));
  queued.push_back({{delivery.agency(), delivery.desk()}, WaitingOf(delivery_id, delivery)});
}

namespace {

// The state of a recipient whose dead letter goes again.
void MoveOnRequeue(CommitContext& context, const StoredDelivery& delivery, storage::v1::StoredRecipient& recipient) {
  auto next = referral::Next(recipient.state(), referral::Event::kRequeue);
  if (!next.has_value()) return;  // Its recipient had said something of it before it died.
  if (delivery.first_released_ms() != 0) next = referral::Next(*next, referral::Event::kRelease);
  recipient.set_state(next.value_or(recipient.state()));
  recipient.set_since_ms(absl::ToUnixMillis(context.now()));
}

}  // namespace

absl::Status GiveAgain(CommitContext& context, const StoredReferral& stored, storage::v1::StoredRecipient& recipient, StoredDelivery delivery,
                       uint64_t mailbox_sequence, NewDeliveries& queued) {
  if (delivery.state() == storage::v1::DELIVERY_STATE_DEAD) {
    for (const auto& [family, key] : PlacesOf(recipient.delivery_id(), delivery)) context.Delete(family, key);
    PutBack(context, recipient.delivery_id(), delivery, mailbox_sequence, queued);
    MoveOnRequeue(context, delivery, recipient);
    return absl::OkStatus();
  }
  StoredDelivery again;
  again.set_agency(delivery.agency());
  again.set_desk(delivery.desk());
  again.set_header_digest(delivery.header_digest());
  again.set_sender(delivery.sender());
  again.set_lane(delivery.lane());
  again.set_ordering_key(OrderingKeyOf(stored));
  // What it has had is not forgotten: its trail goes on.
  again.set_first_released_ms(delivery.first_released_ms());
  *again.mutable_released_sections() = delivery.released_sections();
  recipient.set_delivery_id(context.RandomBytes(kIdBytes));
  return PutDelivery(context, recipient.delivery_id(), std::move(again), mailbox_sequence, queued);
}

DeadLetterCommand::DeadLetterCommand(Caller caller, DeadLetterAct act, const DirectoryHolder& directory, Mailboxes& mailboxes,
                                     DeadLetterDone done)
    : caller_(std::move(caller)), act_(std::move(act)), directory_(directory), mailboxes_(mailboxes), digest_(DigestOf(caller_, act_)),
      done_(std::move(done)) {}

absl::Status DeadLetterCommand::Check(CommitContext& context, const StoredDelivery& delivery, const StoredReferral& stored) const {
  const bool of_sender = OfSender(delivery, caller_), of_recipient = OfRecipient(delivery, caller_);
  if ((!of_sender && !of_recipient) || IsOwnNotice(delivery)) return NotFound();
  if (delivery.state() == storage::v1::DELIVERY_STATE_DEAD) {
    const std::string row = DeadLetterKey(caller_.id, caller_.desk, delivery.dead_at_ms(), act_.delivery_id);
    ACCORD_ASSIGN_OR_RETURN(const auto known, context.Get(kFamilyDeadLetter, row));
    if (!known.has_value()) return NotFound();
  } else if (!of_sender && (delivery.first_released_ms() == 0 || delivery.dead_reason() == RowOf(Reason::kNothingPermitted).name)) {
    return NotFound();
  }
  ACCORD_RETURN_IF_ERROR(CheckNotBarred(*directory_.Get(), caller_.id, act_.worker.pseudonym()));
  if (delivery.state() != storage::v1::DELIVERY_STATE_DEAD) {
    return Error(Reason::kTransitionIllegal, "the delivery is no dead letter any more",
                 {{"state", storage::v1::DeliveryState_Name(delivery.state())}});
  }
  if (!requeues() || !CarriesReferral(delivery)) return absl::OkStatus();
  const auto* const recipient = FindRecipient(stored, delivery.agency());
  const auto state = stored.recalled()                  ? type::v1::REFERRAL_STATE_RECALLED
                     : recipient == nullptr             ? type::v1::REFERRAL_STATE_UNSPECIFIED
                                                        : recipient->state();
  if (state == type::v1::REFERRAL_STATE_RECALLED || state == type::v1::REFERRAL_STATE_WITHDRAWN || !stored.replaced_by().empty()) {
    return Error(Reason::kTransitionIllegal, "the referral was recalled, withdrawn or replaced: discard its dead letter",
                 {{"state", type::v1::ReferralState_Name(state)}});
  }
  return absl::OkStatus();
}

absl::Status DeadLetterCommand::Apply(CommitContext& context) {
  if (!IsRequestId(act_.request_id)) return Error(Reason::kFieldInvalid, "request_id is malformed", {{"field", "request_id"}});
  ACCORD_ASSIGN_OR_RETURN(const auto first, FirstRequest(context, caller_.principal, act_.request_id, digest_));
  if (first.has_value()) {
    index_ = first->index();
    return absl::OkStatus();
  }
  ACCORD_ASSIGN_OR_RETURN(auto delivery, LoadDelivery(context, act_.delivery_id));
  if (!delivery.has_value()) return NotFound();
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, delivery->header_digest()));
  if (!stored.has_value()) return NotFound();
  ACCORD_RETURN_IF_ERROR(Check(context, *delivery, *stored));

  ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
  EntryDraft entry =
      DeliveryEntry(*stored, *delivery, act_.delivery_id, header.core.part.sender(), header.core.part.request_id(), caller_);
  entry.event.set_type(requeues() ? type::v1::EVENT_TYPE_DEAD_LETTER_REQUEUED : type::v1::EVENT_TYPE_DEAD_LETTER_DISCARDED);
  entry.event.set_discard_reason(act_.discard);
  *entry.actor->mutable_worker() = act_.worker;
  ACCORD_ASSIGN_OR_RETURN(index_, context.AddEntry(entry));

  const std::string at_recipient = DeadLetterKey(delivery->agency(), delivery->desk(), delivery->dead_at_ms(), act_.delivery_id);
  ACCORD_ASSIGN_OR_RETURN(const auto recipient_knew, context.Get(kFamilyDeadLetter, at_recipient));
  context.Delete(kFamilyDeadLetter, at_recipient);
  context.Delete(kFamilyDeadLetter, DeadLetterKey(delivery->sender(), type::v1::DESK_MAIN, delivery->dead_at_ms(), act_.delivery_id));
  ACCORD_RETURN_IF_ERROR(TellOtherEnd(context, *delivery, recipient_knew.has_value()));
  if (requeues()) {
    ACCORD_RETURN_IF_ERROR(Requeue(context, *delivery, *stored));
  } else {
    delivery->set_state(storage::v1::DELIVERY_STATE_DISCARDED);
    delivery->set_settled_index(index_);
    context.Put(kFamilyDelivery, act_.delivery_id, delivery->SerializeAsString());
    ACCORD_RETURN_IF_ERROR(EndClocks(context, *delivery, *stored));
  }

  // Without the header digest: an erasure need not look for it.
  KeepRequest(context, caller_.principal, act_.request_id, digest_, index_);
  return absl::OkStatus();
}

absl::Status DeadLetterCommand::Requeue(CommitContext& context, StoredDelivery& delivery, StoredReferral& stored) {
  PutBack(context, act_.delivery_id, delivery, index_, queued_);
  auto* const recipient = CarriesReferral(delivery) ? FindRecipient(stored, delivery.agency()) : nullptr;
  if (recipient == nullptr) return absl::OkStatus();
  MoveOnRequeue(context, delivery, *recipient);
  return SaveReferral(context, delivery.header_digest(), stored);
}

absl::Status DeadLetterCommand::TellOtherEnd(CommitContext& context, const StoredDelivery& delivery, bool recipient_knew) {
  if (delivery.sender() == delivery.agency()) return absl::OkStatus();  // It has but one.
  const auto kind = requeues() ? type::v1::NOTICE_KIND_DEAD_LETTER_REQUEUED : type::v1::NOTICE_KIND_DEAD_LETTER_DISCARDED;
  if (!OfSender(delivery, caller_)) {
    return Tell(context, kind, act_.delivery_id, delivery, {delivery.sender(), type::v1::DESK_MAIN}, index_, queued_);
  }
  if (requeues() || !recipient_knew) return absl::OkStatus();
  return Tell(context, kind, act_.delivery_id, delivery, {delivery.agency(), delivery.desk()}, index_, queued_);
}

void DeadLetterCommand::Published() {
  for (auto& [mailbox, waiting] : queued_) mailboxes_.Add(mailbox, std::move(waiting));
}

void DeadLetterCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(index_);
}

}  // namespace accord::broker
