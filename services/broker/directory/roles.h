// What administrators are enrolled for, and what each may do about which change (docs/access.md). Which methods a role may call is said by the
// `roles` option of the methods (access.h).
//
// A role that is taken away counts from the next call on, and ends the streams that only it allowed.
//
// All functions are pure and thread-safe.
#pragma once

#include <absl/status/status.h>

#include <set>
#include <string>
#include <string_view>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/options/v1/options.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "services/broker/directory/directory.h"

namespace accord::broker {

using Roles = std::set<options::v1::OfficerRole>;

// Those of an administrator; of one enrolled without any, as all were before there were roles: ADMINISTRATOR, APPROVER and
// DATA_PROTECTION_OFFICER.
Roles RolesOf(const storage::v1::StoredOfficer& officer);
// Of the active administrator `id`; none when there is none, or it is suspended.
Roles RolesOf(const DirectorySnapshot& directory, std::string_view id);

// True for erasures, holds and retention, which are a data-protection officer's business too.
bool IsOfDataProtection(const admin::v1::Change& change);

// OK when the roles allow to propose `change`, or to approve or reject what another proposed. ROLE_NOT_ALLOWED.
absl::Status CheckMayPropose(const Roles& roles, const admin::v1::Change& change);
absl::Status CheckMayApprove(const Roles& roles, const admin::v1::Change& change);

// OK when there would still be an administrator who proposes and another who approves, if administrator `id` were as `becomes`, or out of
// it when that is null: without these two nothing could be changed any more, nor this be undone. LAST_ADMINISTRATOR.
absl::Status CheckAdministrationRemains(const DirectorySnapshot& directory, std::string_view id, const storage::v1::StoredOfficer* becomes);

}  // namespace accord::broker
