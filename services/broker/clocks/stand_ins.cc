#include "services/broker/clocks/stand_ins.h"

#include <algorithm>
#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/decision.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/register.h"

namespace accord::broker {

using storage::v1::StoredRecipient;
using storage::v1::StoredReferral;

absl::StatusOr<PermittedNow> PermittedTo(CommitContext& context, const Policy& policy, const StoredReferral& stored,
                                         const referral::OpenedHeader& header, const type::v1::RecipientPart& part) {
  const auto read = SealedReaderOf(context);
  PermittedNow permitted;
  ACCORD_ASSIGN_OR_RETURN(permitted.parts, PartsNow(stored, header));
  auto& recipients = permitted.parts.recipients;
  const bool there = std::any_of(recipients.begin(), recipients.end(), [&](const auto& row) { return row.agency() == part.agency(); });
  if (!there) recipients.push_back(part);
  ACCORD_ASSIGN_OR_RETURN(const Cause cause, CauseOf(read, header.core.part));
  permitted.decisions = referral::Decide(policy.compiled, permitted.parts, cause.facts(), context.now());
  permitted.sections = referral::PermittedSections(permitted.decisions, part.agency());
  return permitted;
}

absl::StatusOr<StoredRecipient*> AddRecipient(CommitContext& context, const Policy& policy, const std::string& header_digest,
                                              const type::v1::HeaderCore& core, const type::v1::RecipientPart& part, const PermittedNow& permitted,
                                              const std::string& like, uint64_t index, StoredReferral& stored, NewDeliveries& queued) {
  ACCORD_ASSIGN_OR_RETURN(const auto first, LoadDelivery(context, like));
  if (!first.has_value()) return Error(Reason::kStoreCorrupt, "a referral's delivery is not stored");
  const std::string& agency = part.agency();
  StoredRecipient* recipient = FindRecipient(stored, agency);
  if (recipient == nullptr) recipient = stored.add_recipients();
  recipient->set_agency(agency);
  recipient->set_desk(part.desk() == type::v1::DESK_CONFIDENTIAL ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN);
  recipient->set_state(type::v1::REFERRAL_STATE_STORED);
  recipient->set_since_ms(absl::ToUnixMillis(context.now()));
  recipient->set_delivery_id(context.RandomBytes(kIdBytes));
  storage::v1::StoredDelivery delivery;
  delivery.set_agency(agency);
  delivery.set_desk(recipient->desk());
  delivery.set_header_digest(header_digest);
  delivery.set_sender(core.sender());
  delivery.set_lane(first->lane());
  delivery.set_ordering_key(first->ordering_key());
  ACCORD_RETURN_IF_ERROR(PutDelivery(context, recipient->delivery_id(), std::move(delivery), index, queued));
  context.Put(kFamilyParty, PartyKey(agency, stored.stored_index()), header_digest);
  const auto facts = policy.compiled.sources().agencies.find(agency);
  const auto kind = facts == policy.compiled.sources().agencies.end() ? type::v1::AGENCY_KIND_UNSPECIFIED : facts->second.kind;
  ACCORD_RETURN_IF_ERROR(EnterSharing(context, header_digest, stored, core,
                                      {{agency, ClassOf(permitted.parts, permitted.decisions.decisions, agency, kind, permitted.sections)}}));
  return recipient;
}

absl::Status QueueForStandIns(CommitContext& context, const Policy& policy, const std::string& header_digest,
                              const referral::OpenedHeader& header, const StoredRecipient& named, uint64_t index, StoredReferral& stored,
                              NewDeliveries& queued) {
  const std::string agency = named.agency(), like = named.delivery_id();
  for (const auto& row : header.recipients) {
    if (row.part.on_behalf_of() != agency || FindRecipient(stored, row.part.agency()) != nullptr) continue;
    const auto facts = policy.compiled.sources().agencies.find(row.part.agency());
    if (facts == policy.compiled.sources().agencies.end() || !facts->second.active) continue;
    ACCORD_ASSIGN_OR_RETURN(const PermittedNow permitted, PermittedTo(context, policy, stored, header, row.part));
    if (permitted.sections.empty()) continue;
    ACCORD_RETURN_IF_ERROR(AddRecipient(context, policy, header_digest, header.core.part, row.part, permitted, like, index, stored, queued));
  }
  return absl::OkStatus();
}

}  // namespace accord::broker
