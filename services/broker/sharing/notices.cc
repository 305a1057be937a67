#include "services/broker/sharing/notices.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::broker {
namespace {

constexpr std::string_view kBrokerPrincipal = "broker";

// Of its own: reminders of one thing stay in order, and wait for no delivery of the case.
std::string OrderingKey(const Overdue& overdue) {
  const std::string subject =
      ByteWriter().Lp16("accord/notice-order/v1").Raw(overdue.header_digest).U8(static_cast<uint8_t>(overdue.kind)).Lp8(overdue.agency).bytes();
  return crypto::Sha256(subject).substr(0, kIdBytes);
}

}  // namespace

absl::StatusOr<uint64_t> TellOverdue(CommitContext& context, type::v1::EventType type, const Overdue& overdue,
                                     const storage::v1::StoredReferral& stored, const type::v1::HeaderCore& core,
                                     const std::vector<MailboxId>& desks, NewDeliveries& queued) {
  EntryDraft entry;
  entry.chains = ChainsOf(stored);
  entry.event.set_type(type);
  entry.event.set_due_at_ms(absl::ToUnixMillis(overdue.due));
  entry.event.set_reminder(overdue.reminder);
  entry.event.set_step(overdue.step);
  entry.event.set_clock_version(overdue.clock_version);
  entry.actor.emplace().set_principal(std::string(kBrokerPrincipal));
  auto& about = entry.referral.emplace();
  about.set_header_digest(overdue.header_digest);
  about.set_sender(core.sender());
  about.set_request_id(core.request_id());
  if (overdue.agency != core.sender()) about.set_recipient(overdue.agency);
  ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(entry));
  for (const MailboxId& desk : desks) {
    storage::v1::StoredDelivery delivery;
    delivery.set_agency(desk.agency);
    delivery.set_desk(desk.desk);
    delivery.set_header_digest(overdue.header_digest);
    delivery.set_sender(core.sender());
    delivery.set_lane(type::v1::LANE_HIGH);
    delivery.set_ordering_key(OrderingKey(overdue));
    delivery.set_notice(overdue.kind);
    delivery.set_notice_due_ms(absl::ToUnixMillis(overdue.due));
    delivery.set_notice_reminder(overdue.reminder);
    delivery.set_notice_agency(overdue.agency);
    delivery.set_notice_step(overdue.step);
    delivery.set_notice_asked(overdue.asked);
    delivery.set_notice_answered(overdue.answered);
    ACCORD_RETURN_IF_ERROR(PutDelivery(context, context.RandomBytes(kIdBytes), std::move(delivery), index, queued));
  }
  return index;
}

}  // namespace accord::broker
