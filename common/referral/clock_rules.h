// By when a referral is to be opened by a person and answered, and how a missed clock escalates, as data. Pure.
//
// The text form is docs/clocks.md's; common/policy reads it.
#pragma once

#include <absl/status/status.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"
#include "common/referral/school_days.h"

namespace accord::referral {

// Danger keeps no office hours: these two are the same whatever the rules and the calendar say (design.md §5).
inline constexpr absl::Duration kImmediatePickUp = absl::Minutes(30);
inline constexpr absl::Duration kHighPickUp = absl::Hours(24);

inline constexpr uint32_t kAllowanceDaysMax = 60;      // Working days.
inline constexpr uint32_t kAllowanceMinutesMax = 60 * 24 * 60;
inline constexpr uint32_t kEscalationPercentMax = 1000;
inline constexpr uint32_t kEscalationMinutesMax = 24 * 60;
inline constexpr size_t kResponseRowsMax = 100;
inline constexpr size_t kHolidayDaysMax = 1000;        // Of one row.
inline constexpr size_t kBeforeSchoolRowsMax = 20;

// How long something may take: elapsed time, or to the end of the Nth working day that begins after it was stored.
struct Allowance {
  absl::Duration elapsed = absl::ZeroDuration();  // Zero: by working days.
  uint32_t working_days = 0;
  bool operator==(const Allowance&) const = default;
};

struct ClockRules {
  struct Holidays {
    std::set<type::v1::Jurisdiction> jurisdictions;
    std::set<absl::CivilDay> days;
  };
  // By when a recipient answers. Of the rows that name a lane, and of those that name none, the first that fits counts; the
  // earlier of the two governs.
  struct Response {
    std::vector<type::v1::AgencyKind> kinds;    // Of the recipient; empty: any.
    std::vector<type::v1::ReferralType> types;  // Empty: any.
    type::v1::Lane lane = type::v1::LANE_UNSPECIFIED;
    Allowance within;
  };
  // What a recipient opens before school next begins in an area of its own, beside what the lane asks: the earlier governs. Any row that
  // fits; in each an empty list is any.
  struct BeforeSchool {
    std::vector<type::v1::ReferralType> types;
    std::vector<type::v1::Purpose> purposes;
    std::vector<type::v1::AgencyKind> from_kinds, to_kinds;  // Of sender and recipient.
  };
  // When managers, deputy and sender are told, after the due time; the reminder comes at once.
  struct Steps {
    uint32_t managers = 0, deputy = 0, sender = 0;
  };

  std::string version;  // 1 to 63 of [a-z0-9.-]; one text for ever.
  absl::Time effective_from = absl::InfinitePast();
  std::vector<Holidays> bank_holidays;
  std::map<type::v1::Lane, Allowance> pick_up;  // Of every lane but notices.
  std::vector<Response> responses;
  std::vector<BeforeSchool> before_school;
  std::vector<SchoolTerm> school_terms;
  Steps percent;            // Of the allowance, for every lane but IMMEDIATE.
  Steps immediate_minutes;  // For IMMEDIATE.
};

// The rules that a broker has until others are approved: version `clocks-1.2`. Their sources are in docs/clocks.md. Thread-safe,
// as all below.
ClockRules DefaultClockRules();
// Those, and before them each version that an older program was built with: clocks may still run by it, and entries name it.
std::vector<ClockRules> BuiltInClockRules();

// FIELD_INVALID with the cause, unless they are complete and do not contradict themselves.
absl::Status ValidateClockRules(const ClockRules& rules);

// Bank holidays of an agency with these areas: the days that are one in every part of the country that it works in, so that
// something is due too early rather than too late. No areas: those of England.
std::set<absl::CivilDay> HolidaysOf(const ClockRules& rules, std::span<const std::string> areas);

// What is judged by the rules.
struct Clocked {
  type::v1::ReferralType type = type::v1::REFERRAL_TYPE_UNSPECIFIED;  // Of a correction, that of what it corrects.
  type::v1::Lane lane = type::v1::LANE_UNSPECIFIED;                   // By urgency and grade.
  type::v1::AgencyKind kind = type::v1::AGENCY_KIND_UNSPECIFIED;      // Of the recipient.
  std::set<absl::CivilDay> holidays;                                  // Of the recipient.
  absl::Time stored;
  type::v1::Purpose purpose = type::v1::PURPOSE_UNSPECIFIED;
  std::string sender;                                                       // Agency id, of whose kind is the next.
  type::v1::AgencyKind sender_kind = type::v1::AGENCY_KIND_UNSPECIFIED;
  std::vector<std::string> areas = {};                                      // Of the recipient, GSS codes; none: England's.
};

// By when a person is to open it; nothing when no clock runs.
std::optional<absl::Time> PickUpDue(const ClockRules& rules, const Clocked& what);
// By when it is to be answered; nothing when no clock runs.
std::optional<absl::Time> ResponseDue(const ClockRules& rules, const Clocked& what);

// The end of the Nth working day in London that begins after `time`. REQUIRES: count > 0.
absl::Time EndOfNthWorkingDay(absl::Time time, uint32_t count, const std::set<absl::CivilDay>& holidays);
// The end of the first working day that is not over at `after`, if `after` is a day's end the one that follows: chased every working day.
absl::Time NextWorkingDayEnd(const std::set<absl::CivilDay>& holidays, absl::Time after);

// When a step of the escalation comes of a clock that ran from `stored` to `due`. REQUIRES: a step from REMINDER to SENDER.
absl::Time StepTime(const ClockRules& rules, type::v1::EscalationStep step, bool immediate, absl::Time stored, absl::Time due);

}  // namespace accord::referral
