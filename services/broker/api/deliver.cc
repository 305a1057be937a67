#include "services/broker/api/deliver.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/telemetry/log.h"
#include "services/broker/api/case_history_call.h"
#include "services/broker/api/receipt.h"
#include "services/broker/cases/links.h"
#include "services/broker/delivery/release.h"
#include "services/broker/directory/families.h"
#include "services/broker/holds/hold_release.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

constexpr absl::Duration kRetryDelay = absl::Seconds(1);    // Of a release that may succeed later.
constexpr absl::Duration kCorruptDelay = absl::Minutes(1);  // Of one that needs a person.

absl::StatusOr<storage::v1::StoredDelivery> LoadLeased(const ReadView& view, const std::string& delivery_id) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyDelivery, delivery_id));
  storage::v1::StoredDelivery delivery;
  if (!bytes.has_value()) return Error(Reason::kDeliveryNotFound, "the delivery is gone: its referral was erased");
  if (!delivery.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a delivery that waits does not parse");
  return delivery;
}

// What can be large of it.
size_t BytesOf(const ReleasePlan& plan) {
  size_t bytes = plan.header.ByteSizeLong() + plan.statement.ByteSizeLong() + plan.sender_certificate.size();
  for (const auto& section : plan.sections) bytes += section.ByteSizeLong();
  for (const auto& opening : plan.openings) bytes += opening.ByteSizeLong();
  for (const auto& opening : plan.statement_openings) bytes += opening.ByteSizeLong();
  return bytes;
}

// Of the sections that are handed over, and of no other that was decided.
void FillTerms(const ReleasePlan& plan, v1::DeliveredReferral& referral) {
  for (const auto& section : plan.sections) {
    const auto decision = std::find_if(plan.decisions.begin(), plan.decisions.end(),
                                       [&](const auto& row) { return row.section_id() == section.section_id(); });
    if (decision == plan.decisions.end()) continue;
    v1::SectionTerms& terms = *referral.add_terms();
    terms.set_section_id(section.section_id());
    *terms.mutable_obligations() = decision->obligations();
    terms.set_regime(decision->recipient_regime());
  }
}

void FillDelivery(v1::Delivery& delivery, const std::string& delivery_id, const storage::v1::StoredDelivery& stored) {
  delivery.set_delivery_id(delivery_id);
  delivery.set_attempt(stored.attempt());
  delivery.set_first_released_ms(stored.first_released_ms());
  delivery.set_lane(stored.lane());
  delivery.set_key_sequence(stored.key_sequence());
}

absl::Status AddReceipt(const MailboxWork& work, const Caller& caller, uint64_t index, v1::Delivery& delivery) {
  ACCORD_ASSIGN_OR_RETURN(*delivery.mutable_released(), ReceiptOf(work.sequencer, index, caller));
  return absl::OkStatus();
}

// What the desk was permitted to know as its RELEASED entry was made.
absl::Status AddHistory(const MailboxWork& work, const std::string& header_digest, const MailboxId& mailbox, v1::Delivery& delivery) {
  ACCORD_ASSIGN_OR_RETURN(const auto view, work.sequencer.View());
  ACCORD_ASSIGN_OR_RETURN(*delivery.mutable_referral()->mutable_case_history(),
                          HistoryAtRelease(*view, work.linker, *work.policy.Get(), header_digest,
                                           {.agency = mailbox.agency, .desk = mailbox.desk}, work.clock.Now()));
  return absl::OkStatus();
}

v1::Delivery HoldDelivery(const std::string& delivery_id, const ReleasedHold& released) {
  v1::Delivery delivery;
  FillDelivery(delivery, delivery_id, released.delivery);
  auto& notice = *delivery.mutable_hold();
  notice.set_hold(released.hold.hold().id());
  notice.set_ground(released.hold.hold().ground());
  notice.set_authority(released.hold.hold().authority());
  notice.set_review_at_ms(released.hold.hold().review_at_ms());
  notice.set_set_at_ms(released.hold.set_at_ms());
  if (released.delivery.hold_lifted()) notice.set_lifted_at_ms(released.hold.lifted_at_ms());
  *notice.mutable_header_digests() = released.delivery.hold_referrals();
  return delivery;
}

v1::Delivery ReleasedDelivery(const std::string& delivery_id, Released released) {
  v1::Delivery delivery;
  FillDelivery(delivery, delivery_id, released.delivery);
  if (released.delivery.notice() != type::v1::NOTICE_KIND_UNSPECIFIED) {
    auto& notice = *delivery.mutable_notice();
    notice.set_kind(released.delivery.notice());
    notice.set_header_digest(released.delivery.header_digest());
    notice.set_agency(released.delivery.notice_agency());
    notice.set_due_at_ms(released.delivery.notice_due_ms());
    notice.set_reminder(released.delivery.notice_reminder());
    notice.set_step(released.delivery.notice_step());
    notice.set_asked(released.delivery.notice_asked());
    notice.set_answered(released.delivery.notice_answered());
    notice.set_of_statement(released.delivery.notice_of_statement());
    if (released.delivery.notice() == type::v1::NOTICE_KIND_LINK_PROPOSED) notice.set_link(LinkName(released.delivery.notice_link()));
  } else if (!released.delivery.statement_digest().empty()) {
    *delivery.mutable_statement() = std::move(released.plan.statement);
    for (auto& opening : released.plan.statement_openings) *delivery.add_statement_openings() = std::move(opening);
    delivery.set_answer_due_ms(released.plan.answer_due_ms);
  } else {
    auto& referral = *delivery.mutable_referral();
    *referral.mutable_header() = std::move(released.plan.header);
    for (auto& opening : released.plan.openings) *referral.add_openings() = std::move(opening);
    FillTerms(released.plan, referral);
    for (auto& section : released.plan.sections) *referral.add_sections() = std::move(section);
    referral.set_sender_certificate(std::move(released.plan.sender_certificate));
    if (!released.plan.supplement.payload().empty()) *referral.mutable_supplement() = std::move(released.plan.supplement);
    referral.set_pick_up_due_ms(released.plan.pick_up_due_ms);
    referral.set_response_due_ms(released.plan.response_due_ms);
  }
  return delivery;
}

absl::Status CheckDeliveryId(const std::string& delivery_id) {
  if (delivery_id.size() == kIdBytes) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, "a delivery id is 16 bytes", {{"field", "delivery_id"}});
}

}  // namespace

void Deliver(const MailboxWork& work, const std::string& delivery_id, const MailboxId& mailbox, const Caller& caller, size_t room,
             Delivered done) {
  bool hold = false;
  auto plan = [&]() -> absl::StatusOr<ReleasePlan> {
    ACCORD_ASSIGN_OR_RETURN(const auto view, work.sequencer.View());
    ACCORD_ASSIGN_OR_RETURN(const auto delivery, LoadLeased(*view, delivery_id));
    hold = !delivery.hold().empty();
    if (hold) return ReleasePlan();  // Nothing is decided of it.
    return PlanRelease(SealedReaderOf(*view),
                       PlainReaderOf(*view), *work.policy.Get(),
                       *work.directory.Get(), delivery, work.clock.Now());
  }();
  if (!plan.ok()) return std::move(done)(plan.status());
  if (BytesOf(*plan) > room) return std::move(done)(Error(Reason::kMessageTooLarge, "there is no room for it in this answer"));
  if (hold) {
    work.sequencer.Submit(std::make_unique<ReleaseHoldCommand>(
        delivery_id, mailbox, caller, [work, delivery_id, caller, done = std::move(done)](absl::StatusOr<ReleasedHold> released) mutable {
          std::move(done)([&]() -> absl::StatusOr<std::optional<v1::Delivery>> {
            ACCORD_RETURN_IF_ERROR(released);
            work.mailboxes.NoteAttempt(delivery_id, released->delivery.attempt());
            v1::Delivery delivery = HoldDelivery(delivery_id, *released);
            ACCORD_RETURN_IF_ERROR(AddReceipt(work, caller, released->index, delivery));
            return std::optional(std::move(delivery));
          }());
        }));
    return;
  }
  work.sequencer.Submit(std::make_unique<ReleaseCommand>(
      delivery_id, mailbox, caller, *std::move(plan), work.policy, work.directory, work.mailboxes,
      [work, delivery_id, mailbox, caller, done = std::move(done)](absl::StatusOr<Released> released) mutable {
        std::move(done)([&]() -> absl::StatusOr<std::optional<v1::Delivery>> {
          ACCORD_RETURN_IF_ERROR(released);
          if (released->withheld) return std::optional<v1::Delivery>();
          const uint64_t index = released->index;
          const bool tells_history = CarriesReferral(released->delivery) && released->plan.tells_history;
          const std::string header_digest = released->delivery.header_digest();
          v1::Delivery delivery = ReleasedDelivery(delivery_id, *std::move(released));
          if (tells_history) ACCORD_RETURN_IF_ERROR(AddHistory(work, header_digest, mailbox, delivery));
          ACCORD_RETURN_IF_ERROR(AddReceipt(work, caller, index, delivery));
          return std::optional(std::move(delivery));
        }());
      }));
}

void GiveBackLeased(const MailboxWork& work, const std::string& delivery_id, uint64_t holder, const absl::Status& why) {
  const bool settled = HasReason(why, Reason::kDeliveryNotFound);
  if (settled || HasReason(why, Reason::kReferralNotFound)) {
    // Settled elsewhere, or erased; unless it was queued again since.
    const auto view = work.sequencer.View();
    const auto now = view.ok() ? LoadLeased(**view, delivery_id) : view.status();
    if (!settled || !now.ok() || now->state() != storage::v1::DELIVERY_STATE_QUEUED) return work.mailboxes.Remove(delivery_id);
  }
  const bool corrupt = why.code() == absl::StatusCode::kDataLoss;
  if (corrupt) telemetry::Log(telemetry::Level::kError, "delivery.corrupt", {{"status", why}});
  const bool no_room = HasReason(why, Reason::kMessageTooLarge);
  const absl::Duration delay = corrupt ? kCorruptDelay : no_room ? absl::ZeroDuration() : kRetryDelay;
  work.mailboxes.Return(delivery_id, holder, work.clock.Now() + delay);
}

absl::StatusOr<Settlement> SettlementOf(const v1::AckCommand& ack) {
  ACCORD_RETURN_IF_ERROR(CheckDeliveryId(ack.delivery_id()));
  return Settlement{.kind = Settlement::Kind::kAck, .delay = {}, .reason = {}};
}

absl::StatusOr<Settlement> SettlementOf(const v1::NackCommand& nack) {
  ACCORD_RETURN_IF_ERROR(CheckDeliveryId(nack.delivery_id()));
  const absl::Duration delay = absl::Milliseconds(nack.delay_ms());
  if (delay > kNackDelayMax) return Error(Reason::kFieldInvalid, "delay_ms is over one hour", {{"field", "nack.delay_ms"}});
  return Settlement{.kind = Settlement::Kind::kNack, .delay = delay, .reason = {}};
}

absl::StatusOr<Settlement> SettlementOf(const v1::RejectCommand& reject) {
  ACCORD_RETURN_IF_ERROR(CheckDeliveryId(reject.delivery_id()));
  if (RowOf(ReasonFromName(reject.reason())).name != reject.reason()) {
    return Error(Reason::kFieldInvalid, "the reason is none of docs/errors.md", {{"field", "reject.reason"}});
  }
  return Settlement{.kind = Settlement::Kind::kReject, .delay = {}, .reason = reject.reason()};
}

}  // namespace accord::broker
