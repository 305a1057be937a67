#include "services/broker/delivery/fetch.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "services/broker/delivery/release.h"
#include "services/broker/directory/families.h"

namespace accord::broker {

absl::Status SectionNotFound() { return Error(Reason::kReferralNotFound, "no such section was delivered to this desk, or it may not have it now"); }

absl::StatusOr<std::string> SectionFor(SealedReader read, const Policy& policy, const DirectorySnapshot& directory,
                                       const storage::v1::StoredReferral& stored, const referral::OpenedHeader& header,
                                       const storage::v1::StoredDelivery& delivery, std::string_view section_id, absl::Time now) {
  const auto& released = delivery.released_sections();
  if (stored.recalled() || std::find(released.begin(), released.end(), section_id) == released.end()) return SectionNotFound();
  ACCORD_ASSIGN_OR_RETURN(const DecidedNow decided, DecideNow(read, policy, stored, header, delivery, now));
  if (!referral::PermittedSections(decided.decisions, delivery.agency()).contains(std::string(section_id))) return SectionNotFound();
  const AgencyRow* const agency = directory.FindActiveAgency(delivery.agency());
  const auto* const sealing = agency == nullptr ? nullptr : &SealingOf(*agency, delivery.desk());
  if (sealing == nullptr || !sealing->has_value()) return SectionNotFound();
  ACCORD_ASSIGN_OR_RETURN(const auto sealed, read(kFamilySection, SectionKey(delivery.header_digest(), section_id)));
  if (!sealed.has_value()) return SectionNotFound();
  auto cut = crypto::cms::ForRecipient(*sealed, (*sealing)->subject_key_id());
  if (HasReason(cut.status(), Reason::kSealingKeyUnknown)) return SectionNotFound();
  return cut;
}

}  // namespace accord::broker
