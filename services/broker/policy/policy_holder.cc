#include "services/broker/policy/policy_holder.h"

#include <fmt/format.h>

#include <string>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "services/broker/directory/families.h"
#include "services/broker/policy/agreement_text.h"

namespace accord::broker {

absl::StatusOr<std::shared_ptr<const Policy>> LoadPolicy(const storage::Store& store,
                                                         const DirectorySnapshot& directory, const Epochs& epochs) {
  auto policy = std::make_shared<Policy>();
  policy->epochs = epochs;
  referral::PolicySnapshot& snapshot = policy->snapshot;

  ACCORD_ASSIGN_OR_RETURN(const auto current, store.Get(kFamilyPolicy, kAgreementCurrentKey));
  if (current.has_value()) {
    storage::v1::StoredAgreement stored;
    if (!stored.ParseFromString(*current)) return Error(Reason::kStoreCorrupt, "the agreement in force does not parse");
    auto agreement = ParseAgreement(stored.text());
    if (!agreement.ok()) {
      return Error(Reason::kStoreCorrupt,
                   fmt::format("the agreement in force is not one any more: {}", FromAbsl(agreement.status().message())));
    }
    snapshot.agreement = *std::move(agreement);
  }

  for (const auto& [id, row] : directory.agencies()) {
    referral::PolicyAgency& agency = snapshot.agencies[id];
    agency.kind = row.agency.kind();
    agency.active = row.agency.active() && row.sealing.has_value();
    agency.has_confidential_desk = row.confidential_sealing.has_value();
    for (const std::string& area : row.agency.areas()) {
      const type::v1::Jurisdiction jurisdiction = referral::JurisdictionOf(area);
      if (jurisdiction != type::v1::JURISDICTION_UNSPECIFIED) agency.jurisdictions.insert(jurisdiction);
    }
  }

  const std::string prefix = ConflictListKey("");
  bool parsed = true;
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyPolicy, storage::Prefix(prefix), [&](std::string_view key, std::string_view value) {
    storage::v1::StoredConflictList list;
    parsed = list.ParseFromArray(value.data(), static_cast<int>(value.size()));
    auto& workers = snapshot.conflicts[std::string(key.substr(prefix.size()))];
    workers.insert(list.workers().begin(), list.workers().end());
    return parsed;
  }));
  if (!parsed) return Error(Reason::kStoreCorrupt, "a conflict list does not parse");
  return policy;
}

}  // namespace accord::broker
