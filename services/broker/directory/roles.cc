#include "services/broker/directory/roles.h"

#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

using options::v1::OFFICER_ROLE_ADMINISTRATOR;
using options::v1::OFFICER_ROLE_APPROVER;
using options::v1::OFFICER_ROLE_DATA_PROTECTION_OFFICER;

absl::Status RoleLacks(std::string_view what) {
  return Error(Reason::kRoleNotAllowed, std::string("none of the roles that you are enrolled for may ") + std::string(what));
}

}  // namespace

Roles RolesOf(const storage::v1::StoredOfficer& officer) {
  if (officer.roles().empty()) return {OFFICER_ROLE_ADMINISTRATOR, OFFICER_ROLE_APPROVER, OFFICER_ROLE_DATA_PROTECTION_OFFICER};
  Roles roles;
  for (const int role : officer.roles()) roles.insert(static_cast<options::v1::OfficerRole>(role));
  return roles;
}

Roles RolesOf(const DirectorySnapshot& directory, std::string_view id) {
  const auto* const officer = directory.FindOfficer(false, id);
  if (officer == nullptr || !officer->active() || directory.IsSuspended(OfficerKey(false, id))) return {};
  return RolesOf(*officer);
}

bool IsOfDataProtection(const admin::v1::Change& change) {
  return change.has_erase() || change.has_set_hold() || change.has_lift_hold() || change.has_put_retention();
}

absl::Status CheckMayPropose(const Roles& roles, const admin::v1::Change& change) {
  if (roles.contains(OFFICER_ROLE_ADMINISTRATOR)) return absl::OkStatus();
  if (roles.contains(OFFICER_ROLE_DATA_PROTECTION_OFFICER) && IsOfDataProtection(change)) return absl::OkStatus();
  return RoleLacks("propose this kind of change");
}

absl::Status CheckMayApprove(const Roles& roles, const admin::v1::Change& change) {
  if (roles.contains(OFFICER_ROLE_APPROVER)) return absl::OkStatus();
  if (roles.contains(OFFICER_ROLE_DATA_PROTECTION_OFFICER) && IsOfDataProtection(change)) return absl::OkStatus();
  return RoleLacks("approve or reject this kind of change");
}

absl::Status CheckAdministrationRemains(const DirectorySnapshot& directory, std::string_view id, const storage::v1::StoredOfficer* becomes) {
  std::set<std::string> propose, approve, either;
  const auto count = [&](const std::string& key, const Roles& roles) {
    if (roles.contains(OFFICER_ROLE_ADMINISTRATOR)) propose.insert(key), either.insert(key);
    if (roles.contains(OFFICER_ROLE_APPROVER)) approve.insert(key), either.insert(key);
  };
  const std::string changed = OfficerKey(false, id);
  for (const auto& [key, officer] : directory.officers()) {
    if (key == changed || !key.starts_with(OfficerKey(false, "")) || !officer.active() || directory.IsSuspended(key)) continue;
    count(key, RolesOf(officer));
  }
  if (becomes != nullptr && becomes->active() && !directory.IsSuspended(changed)) count(changed, RolesOf(*becomes));
  if (!propose.empty() && !approve.empty() && either.size() >= 2) return absl::OkStatus();
  return Error(Reason::kLastAdministrator, "an active administrator who proposes and another who approves must remain; enrol one first");
}

}  // namespace accord::broker
