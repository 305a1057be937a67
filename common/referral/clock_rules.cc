#include "common/referral/clock_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/base/working_days.h"
#include "common/referral/agreement.h"
#include "common/referral/header.h"

namespace accord::referral {
namespace {

using namespace type::v1;  // NOLINT: rules in the field's own words.

absl::Status MalformedClockRules(std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", "clock_rules"}}); }

absl::Time DueBy(const Allowance& within, const Clocked& what) {
  return within.elapsed > absl::ZeroDuration() ? what.stored + within.elapsed
                                               : EndOfNthWorkingDay(what.stored, within.working_days, what.holidays);
}

template <typename List, typename Value>
bool Fits(const List& list, Value value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

absl::Status CheckAllowance(std::string_view what, const Allowance& within) {
  const bool elapsed = within.elapsed != absl::ZeroDuration();
  if (elapsed == (within.working_days > 0)) return MalformedClockRules(fmt::format("{}: says `minutes`, `hours` or `working_days`, and one of them alone", what));
  if (within.elapsed < absl::ZeroDuration() || within.elapsed > absl::Minutes(kAllowanceMinutesMax) || within.working_days > kAllowanceDaysMax) {
    return MalformedClockRules(fmt::format("{}: is over {} days", what, kAllowanceDaysMax));
  }
  return absl::OkStatus();
}

absl::Status CheckPickUp(const ClockRules& rules) {
  const auto is = [&](Lane lane, absl::Duration elapsed) {
    const auto row = rules.pick_up.find(lane);
    return row != rules.pick_up.end() && row->second == Allowance{elapsed, 0};
  };
  if (!is(LANE_IMMEDIATE, kImmediatePickUp)) return MalformedClockRules("pick_up immediate: is 30 minutes, elapsed, whatever the calendar");
  if (!is(LANE_HIGH, kHighPickUp)) return MalformedClockRules("pick_up high: is 24 hours, elapsed, whatever the calendar");
  for (const auto& [lane, name] : {std::pair(LANE_MEDIUM, "pick_up medium"), {LANE_STANDARD, "pick_up standard"}}) {
    const auto row = rules.pick_up.find(lane);
    if (row == rules.pick_up.end()) return MalformedClockRules(fmt::format("{}: has no row", name));
    ACCORD_RETURN_IF_ERROR(CheckAllowance(name, row->second));
  }
  if (rules.pick_up.contains(LANE_NOTICES)) return MalformedClockRules("pick_up notices: no clock runs for notices");
  return absl::OkStatus();
}

absl::Status CheckResponses(const ClockRules& rules) {
  if (rules.responses.size() > kResponseRowsMax) return MalformedClockRules(fmt::format("over {} response rows", kResponseRowsMax));
  bool any = false;
  for (const ClockRules::Response& row : rules.responses) {
    ACCORD_RETURN_IF_ERROR(CheckAllowance("response", row.within));
    for (const ReferralType type : row.types) {
      if (type != REFERRAL_TYPE_REFERRAL && type != REFERRAL_TYPE_REQUEST_FOR_INFORMATION) {
        return MalformedClockRules("response: only a referral and a request for information are answered");
      }
    }
    if (row.lane == LANE_NOTICES) return MalformedClockRules("response: no clock runs for notices");
    if (any && row.lane == LANE_UNSPECIFIED) return MalformedClockRules("response: a row follows one that fits all, and would never count");
    any = any || (row.lane == LANE_UNSPECIFIED && row.kinds.empty() && row.types.empty());
  }
  if (!any) return MalformedClockRules("response: a last row without lane, kinds and types is needed, for all that no other fits");
  return absl::OkStatus();
}

absl::Status CheckBeforeSchool(const ClockRules& rules) {
  if (rules.before_school.size() > kBeforeSchoolRowsMax) return MalformedClockRules(fmt::format("over {} before_school rows", kBeforeSchoolRowsMax));
  for (const ClockRules::BeforeSchool& row : rules.before_school) {
    for (const ReferralType type : row.types) {
      if (type == REFERRAL_TYPE_CORRECTION) return MalformedClockRules("before_school: a correction counts as what it corrects");
      if (type == REFERRAL_TYPE_RESPONSE || IsRecordOnly(type)) return MalformedClockRules("before_school: of a type that nobody has to open");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSteps(std::string_view what, const ClockRules::Steps& steps, uint32_t max) {
  if (steps.managers > steps.deputy || steps.deputy > steps.sender || steps.sender > max) {
    return MalformedClockRules(fmt::format("{}: managers, deputy and sender come in this order, at most {}", what, max));
  }
  return absl::OkStatus();
}

// In which lane it is to be opened by a time of its own: notices in two alone.
bool HasLaneClock(const Clocked& what) {
  const bool notice = what.type == REFERRAL_TYPE_NOTIFICATION || what.type == REFERRAL_TYPE_EVENT_NOTICE;
  return !notice || what.lane == LANE_IMMEDIATE || what.lane == LANE_HIGH;
}

bool IsBeforeSchool(const ClockRules& rules, const Clocked& what) {
  return std::any_of(rules.before_school.begin(), rules.before_school.end(), [&](const ClockRules::BeforeSchool& row) {
    return Fits(row.types, what.type) && Fits(row.purposes, what.purpose) && Fits(row.from_kinds, what.sender_kind) && Fits(row.to_kinds, what.kind);
  });
}

// In whichever area of the recipient it begins first.
absl::Time SchoolStart(const ClockRules& rules, const Clocked& what) {
  if (what.areas.empty()) return NextSchoolStart(rules.school_terms, "", HolidaysOf(rules, {}), what.stored);
  absl::Time first = absl::InfiniteFuture();
  for (const std::string& area : what.areas) {
    first = std::min(first, NextSchoolStart(rules.school_terms, area, HolidaysOf(rules, {&area, 1}), what.stored));
  }
  return first;
}

// What programs before checks were built with.
ClockRules FirstClockRules() {
  ClockRules rules;
  rules.version = "clocks-1";
  const auto days = BankHolidays();
  rules.bank_holidays = {{{JURISDICTION_ENGLAND, JURISDICTION_WALES}, {days.begin(), days.end()}}};
  rules.pick_up = {{LANE_IMMEDIATE, {kImmediatePickUp, 0}}, {LANE_HIGH, {kHighPickUp, 0}}, {LANE_MEDIUM, {{}, 3}}, {LANE_STANDARD, {{}, 5}}};
  rules.responses = {{{}, {}, LANE_IMMEDIATE, {absl::Hours(24), 0}},
                     {{}, {}, LANE_HIGH, {absl::Hours(72), 0}},
                     {{AGENCY_KIND_CHILDRENS_SERVICES}, {}, LANE_UNSPECIFIED, {{}, 1}},
                     {{}, {}, LANE_UNSPECIFIED, {{}, 5}}};
  rules.percent = {25, 50, 100};
  rules.immediate_minutes = {5, 10, 15};
  return rules;
}

// What programs before school days were built with.
ClockRules ChecksClockRules() {
  ClockRules rules = FirstClockRules();
  rules.version = "clocks-1.1";
  // What is known is asked for to be acted on, and is looked up faster than a referral is weighed. The row without a lane keeps the one
  // working day of a contact from a request.
  const std::vector<ReferralType> asked = {REFERRAL_TYPE_REQUEST_FOR_INFORMATION};
  const std::vector<ClockRules::Response> rows = {{{}, asked, LANE_IMMEDIATE, {absl::Hours(4), 0}},
                                                  {{}, asked, LANE_HIGH, {absl::Hours(24), 0}},
                                                  {{}, asked, LANE_MEDIUM, {{}, 3}},
                                                  {{}, asked, LANE_STANDARD, {{}, 5}},
                                                  {{}, asked, LANE_UNSPECIFIED, {{}, 5}}};
  rules.responses.insert(rules.responses.begin(), rows.begin(), rows.end());
  return rules;
}

}  // namespace

ClockRules DefaultClockRules() {
  ClockRules rules = ChecksClockRules();
  rules.version = "clocks-1.2";
  // Operation Encompass. Term dates are the area's.
  rules.before_school = {{{REFERRAL_TYPE_NOTIFICATION},
                          {PURPOSE_SAFEGUARDING_CHILD},
                          {AGENCY_KIND_POLICE},
                          {AGENCY_KIND_CHILDRENS_SERVICES, AGENCY_KIND_HEALTH, AGENCY_KIND_EDUCATION}}};
  return rules;
}

std::vector<ClockRules> BuiltInClockRules() { return {FirstClockRules(), ChecksClockRules(), DefaultClockRules()}; }

absl::Status ValidateClockRules(const ClockRules& rules) {
  if (!IsPolicyVersion(rules.version)) return MalformedClockRules("version is not 1 to 63 of [a-z0-9.-]");
  std::set<Jurisdiction> seen;
  for (const ClockRules::Holidays& row : rules.bank_holidays) {
    if (row.jurisdictions.empty()) return MalformedClockRules("bank_holidays: of no part of the country");
    if (row.days.size() > kHolidayDaysMax) return MalformedClockRules(fmt::format("bank_holidays: over {} days", kHolidayDaysMax));
    for (const Jurisdiction jurisdiction : row.jurisdictions) {
      if (!seen.insert(jurisdiction).second) return MalformedClockRules("bank_holidays: a part of the country has two rows");
    }
  }
  ACCORD_RETURN_IF_ERROR(CheckPickUp(rules));
  ACCORD_RETURN_IF_ERROR(CheckResponses(rules));
  ACCORD_RETURN_IF_ERROR(CheckBeforeSchool(rules));
  ACCORD_RETURN_IF_ERROR(ValidateSchoolTerms(rules.school_terms));
  ACCORD_RETURN_IF_ERROR(CheckSteps("escalation", rules.percent, kEscalationPercentMax));
  return CheckSteps("escalation_immediate", rules.immediate_minutes, kEscalationMinutesMax);
}

std::set<absl::CivilDay> HolidaysOf(const ClockRules& rules, std::span<const std::string> areas) {
  std::set<Jurisdiction> parts;
  for (const std::string& area : areas) parts.insert(JurisdictionOf(area));
  if (parts.empty()) parts.insert(JURISDICTION_ENGLAND);
  std::set<absl::CivilDay> common;
  bool first = true;
  for (const Jurisdiction part : parts) {
    const auto row = std::find_if(rules.bank_holidays.begin(), rules.bank_holidays.end(),
                                  [&](const ClockRules::Holidays& one) { return one.jurisdictions.contains(part); });
    if (row == rules.bank_holidays.end()) return {};
    if (std::exchange(first, false)) common = row->days;
    std::erase_if(common, [&](absl::CivilDay day) { return !row->days.contains(day); });
  }
  return common;
}

std::optional<absl::Time> PickUpDue(const ClockRules& rules, const Clocked& what) {
  if (what.type == REFERRAL_TYPE_RESPONSE || IsRecordOnly(what.type)) return std::nullopt;
  std::optional<absl::Time> due;
  const auto within = rules.pick_up.find(what.lane);
  if (HasLaneClock(what) && within != rules.pick_up.end()) due = DueBy(within->second, what);
  if (!IsBeforeSchool(rules, what)) return due;
  const absl::Time school = SchoolStart(rules, what);
  return due.has_value() ? std::min(*due, school) : school;
}

std::optional<absl::Time> ResponseDue(const ClockRules& rules, const Clocked& what) {
  if (what.type != REFERRAL_TYPE_REFERRAL && what.type != REFERRAL_TYPE_REQUEST_FOR_INFORMATION) return std::nullopt;
  std::optional<absl::Time> due;
  for (const Lane lane : {what.lane, LANE_UNSPECIFIED}) {
    const auto row = std::find_if(rules.responses.begin(), rules.responses.end(), [&](const ClockRules::Response& one) {
      return one.lane == lane && Fits(one.kinds, what.kind) && Fits(one.types, what.type);
    });
    if (row == rules.responses.end()) continue;
    const absl::Time by = DueBy(row->within, what);
    due = due.has_value() ? std::min(*due, by) : by;
  }
  return due;
}

absl::Time EndOfNthWorkingDay(absl::Time time, uint32_t count, const std::set<absl::CivilDay>& holidays) {
  absl::CivilDay day = LondonDay(time);
  for (uint32_t left = count; left > 0;) {
    ++day;
    const absl::Weekday weekday = absl::GetWeekday(day);
    if (weekday != absl::Weekday::saturday && weekday != absl::Weekday::sunday && !holidays.contains(day)) --left;
  }
  return StartOfLondonDay(day + 1);
}

absl::Time NextWorkingDayEnd(const std::set<absl::CivilDay>& holidays, absl::Time after) {
  return EndOfNthWorkingDay(StartOfLondonDay(LondonDay(after)) - absl::Milliseconds(1), 1, holidays);
}

absl::Time StepTime(const ClockRules& rules, EscalationStep step, bool immediate, absl::Time stored, absl::Time due) {
  const auto after = [&](const ClockRules::Steps& steps) -> uint32_t {
    switch (step) {
      case ESCALATION_STEP_MANAGERS: return steps.managers;
      case ESCALATION_STEP_DEPUTY: return steps.deputy;
      case ESCALATION_STEP_SENDER: return steps.sender;
      default: return 0;
    }
  };
  if (immediate) return due + absl::Minutes(after(rules.immediate_minutes));
  return due + (due - stored) * after(rules.percent) / 100;
}

}  // namespace accord::referral
