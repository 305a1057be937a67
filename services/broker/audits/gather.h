// What an audit of sharing is computed from, gathered from the record for whoever asks.
//
// Administrators see all agencies; an agency what it sent and did itself, and of a referral addressed to its confidential desk only with
// that desk's certificate.
//
// Thread-safe: all functions are pure but for what they read of the view.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>

#include "accord/admin/v1/audit_service.pb.h"
#include "accord/inspection/v1/table.pb.h"
#include "services/broker/audits/audit.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/trails/keys.h"

namespace accord::broker {

inline constexpr size_t kAuditReferralsMax = 20'000;  // Looked at for one audit.
inline constexpr size_t kAuditActsMax = 20'000;       // Likewise, of the agencies' own chains.
inline constexpr int kAuditValuesMax = 32;            // Of each list of the request.

// The audit of the request, whose fields are those that it takes.
//   ENUM_UNKNOWN   `audit` or a category is none
//   FIELD_MISSING, FIELD_INVALID  with `field`
//   NOT_PERMITTED  an agency asks about another's sending or doing
absl::StatusOr<const Audit*> CheckAudit(const admin::v1::AuditSharingRequest& request, const Caller& caller);

// The whole answer over the first `tree_size` entries, as of `now_ms`. REQUIRES: `audit` is CheckAudit's.
//   QUERY_TOO_COSTLY  more than kAuditReferralsMax referrals or kAuditActsMax acts
//   errors of the view
absl::StatusOr<inspection::v1::Table> AnswerAudit(const ReadView& view, const TrailKeys& keys, const DirectorySnapshot& directory, const Caller& caller,
                                                  const Audit& audit, const admin::v1::AuditSharingRequest& request, uint64_t tree_size, int64_t now_ms);

}  // namespace accord::broker
