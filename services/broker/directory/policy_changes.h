// Changes of what decisions are made by: agreements, emergency schedules, legal registers, clock rules, case rules, as texts of which every version is
// kept, and forums. changes.h carries them out, by two administrators as all others.
#pragma once

#include <absl/status/status.h>

#include <functional>

#include "accord/admin/v1/admin_service.pb.h"
#include "common/referral/decision.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr size_t kPolicyVersionsMax = 1000;  // Of each kind of text.

// The policy in force; on the sequencer thread that of the committed state.
using PolicyInForce = std::function<referral::CompiledPolicy()>;

// True for the changes that this file knows. Thread-safe, as the next.
bool IsPolicyChange(const admin::v1::Change& change);

// OK when the text reads, or the forum is well formed, in itself.
// AGREEMENT_MALFORMED, SCHEDULE_MALFORMED, LEGAL_REGISTER_MALFORMED, of clock rules and case rules FIELD_INVALID, with the line; MESSAGE_TOO_LARGE; those of ValidateForum.
absl::Status ValidatePolicyChange(const admin::v1::Change& change);

// OK when it may come into force beside what is kept: its version means no other text, and it is not to take effect before one
// that would stay in force over it. REQUIRES: ValidatePolicyChange is OK.
// AGREEMENT_MALFORMED, SCHEDULE_MALFORMED, LEGAL_REGISTER_MALFORMED, FIELD_INVALID.
absl::Status CheckPolicyChange(const admin::v1::Change& change, const referral::CompiledPolicy& policy, CommitContext& context);

// Keeps it. REQUIRES: CheckPolicyChange is OK.
absl::Status WritePolicyChange(const admin::v1::Change& change, CommitContext& context);

}  // namespace accord::broker
