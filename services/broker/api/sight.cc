#include "services/broker/api/sight.h"

#include <utility>

#include "common/base/status.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

std::optional<Sight> SightOf(const storage::v1::StoredReferral& stored, const referral::OpenedHeader& header, const Caller& caller) {
  if (header.core.part.sender() == caller.id) return Sight{.sender = true};
  const auto* recipient = FindRecipient(stored, caller.id);
  if (recipient == nullptr || !IsDeskOf(caller, recipient->desk()) || recipient->state() == type::v1::REFERRAL_STATE_STORED) return std::nullopt;
  // A dead letter, and a recalled copy, that never left tells its recipient nothing either.
  if (recipient->state() == type::v1::REFERRAL_STATE_DEAD_LETTER || recipient->state() == type::v1::REFERRAL_STATE_RECALLED) return std::nullopt;
  return Sight{.recipient = recipient};
}

Sight Seen::sight(const Caller& caller) const { return SightOf(stored, header, caller).value_or(Sight()); }

absl::StatusOr<Seen> SeeReferral(const ReadView& view, std::string_view header_digest, const Caller& caller) {
  // Absent, erased and not the caller's are one answer to whoever did not know of it.
  const absl::Status not_permitted = Error(Reason::kNotPermitted, "no such referral, or this agency is no party to it");
  ACCORD_ASSIGN_OR_RETURN(
      auto stored, LoadReferral(SealedReaderOf(view), header_digest));
  if (!stored.has_value()) {
    ACCORD_RETURN_IF_ERROR(RefuseIfErased(
        PlainReaderOf(view), header_digest, caller.id, caller.desk));
    return not_permitted;
  }
  Seen seen;
  seen.stored = *std::move(stored);
  ACCORD_ASSIGN_OR_RETURN(seen.header, OpenStored(seen.stored));
  const auto sight = SightOf(seen.stored, seen.header, caller);
  if (!sight.has_value()) return not_permitted;
  seen.sender = sight->sender;
  if (seen.sender) return seen;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyDelivery, sight->recipient->delivery_id()));
  if (!bytes.has_value() || !seen.delivery.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a referral's delivery is not stored");
  // Withdrawn while it waited, or as a dead letter.
  const bool arrived = seen.delivery.state() == storage::v1::DELIVERY_STATE_QUEUED || seen.delivery.state() == storage::v1::DELIVERY_STATE_DELIVERED;
  if (sight->recipient->state() == type::v1::REFERRAL_STATE_WITHDRAWN && !arrived) return not_permitted;
  return seen;
}

}  // namespace accord::broker
