#include "services/broker/policy/policy_holder.h"

#include <string>
#include <utility>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {

absl::StatusOr<std::shared_ptr<const Policy>> LoadPolicy(const storage::Store& store,
                                                         const DirectorySnapshot& directory, const Epochs& epochs) {
  auto policy = std::make_shared<Policy>();
  policy->epochs = epochs;
  referral::PolicySources sources;

  ACCORD_ASSIGN_OR_RETURN(PolicyDocuments documents, LoadPolicyDocuments(store));
  sources.agreements = std::move(documents.agreements);
  sources.schedules = std::move(documents.schedules);
  sources.laws = std::move(documents.laws);
  sources.clocks = std::move(documents.clocks);
  sources.cases = std::move(documents.cases);
  policy->documents = std::move(documents.all);

  for (const auto& [id, row] : directory.agencies()) {
    referral::PolicyAgency& agency = sources.agencies[id];
    agency.kind = row.agency.kind();
    agency.active = row.agency.active() && row.sealing.has_value();
    agency.has_confidential_desk = row.confidential_sealing.has_value();
    agency.areas.insert(row.agency.areas().begin(), row.agency.areas().end());
    agency.specialisms.insert(row.agency.specialisms().begin(), row.agency.specialisms().end());
    agency.works_with_perpetrators = row.agency.works_with_perpetrators();
  }

  sources.conflicts = directory.conflicts();
  bool parsed = true;

  const std::string forums = ForumKey("");
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyPolicy, storage::Prefix(forums), [&](std::string_view key, std::string_view value) {
    admin::v1::Forum forum;
    parsed = forum.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (forum.active()) sources.forums[std::string(key.substr(forums.size()))].members.insert(forum.members().begin(), forum.members().end());
    return parsed;
  }));
  if (!parsed) return Error(Reason::kStoreCorrupt, "a forum does not parse");
  policy->compiled = referral::CompiledPolicy(std::move(sources));
  return policy;
}

std::set<absl::CivilDay> HolidaysInForce(const Policy& policy, std::string_view agency, absl::Time now) {
  const auto& agencies = policy.compiled.sources().agencies;
  const auto facts = agencies.find(std::string(agency));
  std::vector<std::string> areas;
  if (facts != agencies.end()) areas.assign(facts->second.areas.begin(), facts->second.areas.end());
  return referral::HolidaysOf(policy.compiled.Clocks(now), areas);
}

}  // namespace accord::broker
