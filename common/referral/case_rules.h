// Repeats and escalation as data, and what they find in the reports of a case (docs/cases.md). Pure.
//
// Reports say when something happened by ranges, several may be of one event, and some are wrong: so nothing is counted but what holds
// whatever the exact dates are, and what may. Ranges count by days in London. The text form is read by common/policy.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "accord/type/v1/vocabulary.pb.h"

namespace accord::referral {

inline constexpr uint32_t kCaseMonthsMax = 120;
inline constexpr uint32_t kEscalationEventsMax = 64;

// From which counts of YES a SafeLives Dash gives MEDIUM and HIGH (risk.h).
struct RicBands {
  uint32_t medium = 10, high = 14;
};

struct CaseRules {
  // From when the months in which abuse is a Marac repeat run (domain.md §1).
  enum class Anchor {
    kReferral,  // From when the last Marac referral was stored.
    kHearing,   // From when a forum heard it; from the referral until it has.
  };
  std::string version;  // 1 to 63 of [a-z0-9.-]; one text for ever.
  absl::Time effective_from = absl::InfinitePast();
  uint32_t escalation_events = 3;  // So many events
  uint32_t escalation_months = 12;  // in so many rolling months.
  std::set<type::v1::ReferralType> event_types;  // What reports an event; a correction is of the type of what it corrects.
  uint32_t repeat_months = 12;
  Anchor repeat_anchor = Anchor::kReferral;
  uint32_t other_victim_months = 36;  // Since the alleged perpetrator was last one in a case of another victim.
  RicBands ric;
};

// The rules that a broker has until others are approved: version `cases-1`. Their sources are in docs/cases.md. Thread-safe, as all below.
CaseRules DefaultCaseRules();

// FIELD_INVALID with the cause, unless they are complete and within the bounds above.
absl::Status ValidateCaseRules(const CaseRules& rules);

// One report of a case: a referral, as far as the rules read it. Times are milliseconds since 1970, UTC; 0: not said.
struct CaseReport {
  std::string digest;  // Of its header.
  std::string sender;
  type::v1::ReferralType type = type::v1::REFERRAL_TYPE_UNSPECIFIED;
  type::v1::Purpose purpose = type::v1::PURPOSE_UNSPECIFIED;
  int64_t happened_earliest_ms = 0, happened_latest_ms = 0;  // Both 0: it says of no time.
  int64_t known_earliest_ms = 0, known_latest_ms = 0;        // Likewise.
  int64_t stored_ms = 0;
  std::string event;  // Pseudonym of the event's own reference; empty: none.
  type::v1::Risk risk;
  type::v1::ReportCredibility credibility = type::v1::REPORT_CREDIBILITY_UNSPECIFIED;  // Takes no report out of any count.
  std::string replaced_by;  // Header digest of the newer version; empty: this is the newest.
  int64_t heard_ms = 0;
  bool recalled = false;
  bool doubtful = false;  // It may not have come by the time that is asked about (AsAt): counted among what may be.
};

// The reports as they stood at `at`: those of which `time` had come by then, in their order. Of RECORDED, versions that had not come
// yet have replaced nothing; of the two others what is known today counts. Hearings and Marac referrals after `at` are none.
std::vector<CaseReport> AsAt(std::span<const CaseReport> reports, type::v1::CaseTime time, absl::Time at);

// How many events fell within one window of the rules.
struct EventCount {
  uint32_t at_least = 0;  // Whatever the exact dates, and whichever reports are of one event: a lower bound (docs/cases.md).
  uint32_t at_most = 0;   // The most that can have.
  uint32_t reports = 0;   // That reported an event, each in its newest version.
  uint32_t agencies = 0;  // That sent them.
  bool dates_in_conflict = false;  // Reports of one event that no one day fits.
};

// Counts over `reports`. With `near`, the digest of one of them: only events that may have fallen within a window of its own.
EventCount CountEvents(const CaseRules& rules, std::span<const CaseReport> reports, const std::string& near = {});

// What the rules find in the reports of a pair.
struct CaseFindings {
  std::set<type::v1::CaseFlag> flags;
  EventCount count;
  int64_t last_marac_referral_ms = 0;  // 0: none is known.
  int64_t last_marac_hearing_ms = 0;
  type::v1::RiskChangeReason change_reason = type::v1::RISK_CHANGE_REASON_UNSPECIFIED;  // With GRADE_RAISED or GRADE_LOWERED.
};

// As a referral is stored: `reports` in the order in which they were, the new one last. Escalation and conflicts are found near what it
// reports, a repeat and another grade in itself.
CaseFindings FindAtStore(const CaseRules& rules, std::span<const CaseReport> reports);

// As somebody asks of the referral `digest`, one of `reports` or none of them: over all of them. A repeat is found in that referral, and
// in whatever was reported since the last Marac referral; another grade in the last two of each sender.
CaseFindings FindInHistory(const CaseRules& rules, std::span<const CaseReport> reports, const std::string& digest);

// Does the report, which was not recalled, tell of a time within so many months before `now`: when it happened at the latest, or was stored?
bool TellsWithin(const CaseReport& report, uint32_t months, absl::Time now);

// The grade that `sender` gave last, of the newest report that has one and was not recalled; nothing when none has.
std::optional<type::v1::Risk> LastRiskOf(std::span<const CaseReport> reports, const std::string& sender);

// `day` and so many months: the same day of that month, or its last where it has no such day. What falls on it is still within them.
absl::CivilDay MonthsLater(absl::CivilDay day, uint32_t months);

}  // namespace accord::referral
