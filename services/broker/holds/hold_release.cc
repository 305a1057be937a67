#include "services/broker/holds/hold_release.h"

#include "common/base/status.h"
#include "services/broker/delivery/attempts.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/holds/hold_index.h"
#include "services/broker/holds/hold_notices.h"

namespace accord::broker {

absl::Status ReleaseHoldCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto delivery, LoadDelivery(context, delivery_id_));
  if (!delivery.has_value() || delivery->state() != storage::v1::DELIVERY_STATE_QUEUED || delivery->hold().empty() ||
      delivery->agency() != mailbox_.agency || delivery->desk() != mailbox_.desk) {
    return Error(Reason::kDeliveryNotFound, "no such notice waits in this mailbox");
  }
  ACCORD_ASSIGN_OR_RETURN(auto hold, LoadHold(context, delivery->hold()));
  ACCORD_ASSIGN_OR_RETURN(auto holder, LoadHolder(context, delivery->hold(), mailbox_));
  if (!hold.has_value() || !holder.has_value()) return Error(Reason::kStoreCorrupt, "a notice names a hold that is not there");
  const int64_t now_ms = absl::ToUnixMillis(context.now());
  BeginAttempt(*delivery, context.now());
  if (delivery->first_released_ms() == 0) delivery->set_first_released_ms(now_ms);
  context.Put(kFamilyDelivery, delivery_id_, delivery->SerializeAsString());
  if (holder->released_at_ms() == 0) {
    holder->set_released_at_ms(now_ms);
    SaveHolder(context, delivery->hold(), mailbox_, *holder);
  }
  ACCORD_ASSIGN_OR_RETURN(EntryDraft entry, HoldHolderEntry(context, type::v1::EVENT_TYPE_RELEASED, delivery->hold(), mailbox_,
                                                            caller_.principal, caller_.certificate));
  entry.event.set_attempt(delivery->attempt());
  entry.referral->set_delivery_id(delivery_id_);
  ACCORD_ASSIGN_OR_RETURN(result_.index, context.AddEntry(entry));
  result_.delivery = *std::move(delivery);
  result_.hold = *std::move(hold);
  return absl::OkStatus();
}

void ReleaseHoldCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(result_));
}

}  // namespace accord::broker
