#include "services/broker/sharing/review_list.h"

#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

absl::StatusOr<bool> WasReleasedTo(const ReadView& view, std::string_view header_digest, const Caller& caller) {
  const auto read = SealedReaderOf(view);
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read, header_digest));
  if (!stored.has_value()) return false;
  const auto* recipient = FindRecipient(*stored, caller.id);
  if (recipient == nullptr || !IsDeskOf(caller, recipient->desk())) return false;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyDelivery, recipient->delivery_id()));
  storage::v1::StoredDelivery delivery;
  if (!bytes.has_value() || !delivery.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a referral's delivery is not stored");
  return delivery.first_released_ms() > 0;
}

}  // namespace accord::broker
