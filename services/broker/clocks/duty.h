// Who is on duty where, by the hours that agencies register, and what the sender of IMMEDIATE is told of it (docs/clocks.md).
//
// All functions are pure and thread-safe.
#pragma once

#include <absl/time/time.h>

#include <string_view>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "common/referral/clock_rules.h"
#include "services/broker/directory/directory.h"

namespace accord::broker {

// Whether somebody is on duty at `agency` at `now`. Hours that end on the next day belong to the day on which they begin: the
// evening before a bank holiday lasts into it.
bool DutyNow(const admin::v1::Agency& agency, const referral::ClockRules& rules, absl::Time now);

// Whether somebody is on duty at the agency, or at its duty recipient.
bool SomebodyOnDuty(const DirectorySnapshot& directory, const referral::ClockRules& rules, std::string_view agency, absl::Time now);

// How the duty worker of a recipient of IMMEDIATE stands; unspecified once nothing is expected of it any more.
type::v1::DutyState DutyOf(const storage::v1::StoredRecipient& recipient, const DirectorySnapshot& directory,
                           const referral::ClockRules& rules, absl::Time now);

}  // namespace accord::broker
