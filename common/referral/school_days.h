// School days as areas publish them, and when school next begins: a child notice is opened before the next one (docs/clocks.md).
//
// Pure. Thread-safe.
#pragma once

#include <absl/status/status.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace accord::referral {

inline constexpr size_t kSchoolTermsMax = 500;
inline constexpr size_t kSchoolTermAreasMax = 400;   // Of one term.
inline constexpr int kSchoolTermDaysMax = 366;       // Of one term.
// From one school day to the next. The longest holidays, the summer's of Northern Ireland, have 62 days; what is longer lacks a term.
inline constexpr int kSchoolHolidayDaysMax = 70;
inline constexpr uint32_t kSchoolBeginsMinute = 8 * 60 + 45;  // After midnight, by London's clock, unless a term says otherwise.
inline constexpr uint32_t kSchoolBeginsMinuteMin = 6 * 60, kSchoolBeginsMinuteMax = 12 * 60;

// A term of the schools of some areas. What it does not say, holds of all: at weekends and on bank holidays there is no school.
struct SchoolTerm {
  std::set<std::string> areas;  // GSS codes; empty: wherever no term names the area.
  absl::CivilDay first, last;   // Both are in it.
  std::set<absl::CivilDay> closed;  // Half-term, INSET days: days of it without school.
  uint32_t begins = kSchoolBeginsMinute;
};

// FIELD_INVALID with the cause, unless each is complete and those of one area follow each other without a gap that no holiday has.
absl::Status ValidateSchoolTerms(std::span<const SchoolTerm> terms);

// When the schools of `area`, a GSS code or empty, next begin, strictly after `after`. `holidays`: the bank holidays there. A day that no
// term decides, because none is known there or it lies before the first or after the last, is a school day from Monday to Friday, so
// that something is due too early rather than too late. REQUIRES: the terms are valid.
absl::Time NextSchoolStart(std::span<const SchoolTerm> terms, std::string_view area, const std::set<absl::CivilDay>& holidays, absl::Time after);

}  // namespace accord::referral
