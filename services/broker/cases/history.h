// What one agency may know of what the rules find about the cases of a referral (docs/cases.md).
//
// It counts what the agency sent, what it holds, and what a decision on each referral lets it have as a section of category `case_history`:
// today's, under the policy in force. The answer has the same shape whether or not there is anything, or anything it may know.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <set>
#include <string>

#include "accord/storage/v1/broker.pb.h"
#include "common/referral/case_rules.h"
#include "common/referral/header.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/policy/policy_holder.h"

namespace accord::broker {

// Who asks what.
struct HistoryQuestion {
  std::string agency;
  type::v1::Desk desk = type::v1::DESK_MAIN;
  type::v1::CaseTime time = type::v1::CASE_TIME_RECORDED;  // Which time of a report has to have come
  absl::Time as_at = absl::InfiniteFuture();               // by then; what is recalled by today counts at no time.
};

// Of several cases of the referral: every flag, and the greatest of each number.
struct CaseHistory {
  std::set<type::v1::CaseFlag> flags;
  referral::EventCount count;
  int64_t last_marac_referral_ms = 0, last_marac_hearing_ms = 0;  // 0: none is known.
  uint32_t other_victims = 0;
  std::string rules_version;
};

// Of the referral `stored`, whose header is `header`. COUNTER_ALLEGATION goes to the agency that coordinates the forum which the referral
// names, and to agencies of kind IDVA; whom else it could reach it would endanger. Blocks on reads: not for the sequencer thread.
// DATA_LOSS when what is stored does not parse; errors of the readers. Thread-safe as far as these are.
absl::StatusOr<CaseHistory> HistoryFor(SealedReader read, PlainReader read_plain, const CaseLinker& linker, const Policy& policy,
                                       const storage::v1::StoredReferral& stored, const referral::OpenedHeader& header,
                                       const HistoryQuestion& question, absl::Time now);

}  // namespace accord::broker
