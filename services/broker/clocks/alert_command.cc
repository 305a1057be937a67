#include "services/broker/clocks/alert_command.h"

#include "common/base/status.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/delivery/release.h"

namespace accord::broker {

absl::Status AlertCommand::Apply(CommitContext& context) {
  const absl::Status not_found = Error(Reason::kDeliveryNotFound, "no IMMEDIATE referral was delivered to this desk by that id");
  ACCORD_ASSIGN_OR_RETURN(const auto delivery, LoadDelivery(context, delivery_id_));
  if (!delivery.has_value() || delivery->agency() != caller_.id || !IsDeskOf(caller_, delivery->desk()) || !CarriesReferral(*delivery) ||
      delivery->lane() != type::v1::LANE_IMMEDIATE || delivery->first_released_ms() == 0) {
    return not_found;
  }
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, delivery->header_digest()));
  auto* const recipient = stored.has_value() ? FindRecipient(*stored, delivery->agency()) : nullptr;
  if (recipient == nullptr || recipient->delivery_id() != delivery_id_) return not_found;  // Erased.
  if (recipient->alerted_at_ms() > 0) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
  EntryDraft entry =
      DeliveryEntry(*stored, *delivery, delivery_id_, header.core.part.sender(), header.core.part.request_id(), caller_);
  entry.event.set_type(type::v1::EVENT_TYPE_DUTY_ALERTED);
  ACCORD_RETURN_IF_ERROR(context.AddEntry(entry));
  recipient->set_alerted_at_ms(absl::ToUnixMillis(context.now()));
  return SaveReferral(context, delivery->header_digest(), *stored);
}

}  // namespace accord::broker
