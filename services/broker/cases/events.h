// What each referral says of its cases, for the rules (docs/cases.md): family `case_event`, beside `case_referral`.
//
// A row is sealed under the slot of its referral and goes with it. Referrals of before rows were kept have none, and count for nothing.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "common/referral/case_rules.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr size_t kCaseEventsMax = 64;  // That the rules look at together: the newest.

// What a referral with this core says. `type`: of a correction, that of what it corrects. Thread-safe.
storage::v1::StoredCaseEvent EventOf(const CaseLinker& linker, std::string_view header_digest, const type::v1::HeaderCore& core,
                                     type::v1::ReferralType type, int64_t stored_at_ms);

// As the rules read it. Thread-safe.
referral::CaseReport ReportOf(const storage::v1::StoredCaseEvent& event);

// The newest reports of `cases` together, at most `most`, each referral once, in the order in which they were stored. DATA_LOSS when a row
// does not parse; errors of the readers. Thread-safe as far as these are.
absl::StatusOr<std::vector<referral::CaseReport>> LoadReports(SealedReader read, PlainReader read_plain, std::span<const std::string> cases,
                                                              size_t most = kCaseEventsMax);

// Puts the row in each case of `stored`, whose cases are numbered.
absl::Status PutEvent(CommitContext& context, const storage::v1::StoredReferral& stored, const storage::v1::StoredCaseEvent& event);

// Changes the row in each case of `stored`, where it has one. What happens to a referral later: a newer version replaces it, it is
// recalled, a forum hears it, its sender grades it anew.
absl::Status ChangeEvent(CommitContext& context, const storage::v1::StoredReferral& stored,
                         absl::FunctionRef<void(storage::v1::StoredCaseEvent& event)> change);

}  // namespace accord::broker
