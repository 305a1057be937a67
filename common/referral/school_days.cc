#include "common/referral/school_days.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "common/base/status.h"
#include "common/base/working_days.h"
#include "common/referral/identifiers.h"

namespace accord::referral {
namespace {

using TermList = std::vector<const SchoolTerm*>;

absl::Status InvalidTerm(std::string_view why) { return Error(Reason::kFieldInvalid, fmt::format("school_terms: {}", why), {{"field", "clock_rules"}}); }

bool IsWeekend(absl::CivilDay day) {
  const absl::Weekday weekday = absl::GetWeekday(day);
  return weekday == absl::Weekday::saturday || weekday == absl::Weekday::sunday;
}

absl::Status CheckTerm(const SchoolTerm& term) {
  if (term.areas.size() > kSchoolTermAreasMax) return InvalidTerm(fmt::format("a term has over {} areas", kSchoolTermAreasMax));
  for (const std::string& area : term.areas) {
    if (!IsGssCode(area)) return InvalidTerm("an area is no GSS code");
  }
  if (term.last < term.first) return InvalidTerm("a term ends before it begins");
  if (term.last - term.first >= kSchoolTermDaysMax) return InvalidTerm(fmt::format("a term is over {} days", kSchoolTermDaysMax));
  if (!term.closed.empty() && (*term.closed.begin() < term.first || *term.closed.rbegin() > term.last)) {
    return InvalidTerm("a day that is closed is not in its term");
  }
  if (term.begins < kSchoolBeginsMinuteMin || term.begins > kSchoolBeginsMinuteMax) return InvalidTerm("school begins from 06:00 to 12:00");
  return absl::OkStatus();
}

// Of one area, ascending. A missing term would make one long holiday, and what is due then late.
absl::Status CheckSuccession(std::string_view area, const TermList& terms) {
  absl::CivilDay school = terms.front()->first - 1;  // The last day of it so far.
  const auto wrong = [&](const SchoolTerm& term, std::string_view why) {
    return InvalidTerm(fmt::format("{}, the term from {}: {}", area.empty() ? "without areas" : area, absl::FormatCivilTime(term.first), why));
  };
  const auto gap = [&](const SchoolTerm& term, absl::CivilDay next) {
    if (next - school <= kSchoolHolidayDaysMax) return absl::OkStatus();
    return wrong(term, fmt::format("over {} days without school; is a term missing?", kSchoolHolidayDaysMax));
  };
  const SchoolTerm* before = nullptr;
  for (const SchoolTerm* term : terms) {
    if (before != nullptr && term->first <= before->last) return wrong(*term, "begins before the one before it ends");
    before = term;
    for (absl::CivilDay day = term->first; day <= term->last; ++day) {
      if (IsWeekend(day) || term->closed.contains(day)) continue;
      ACCORD_RETURN_IF_ERROR(gap(*term, day));
      school = day;
    }
  }
  return gap(*before, before->last);
}

// Those that name `area`, or else those that name none; ascending.
TermList TermsOf(std::span<const SchoolTerm> terms, std::string_view area) {
  TermList own, elsewhere;
  for (const SchoolTerm& term : terms) {
    if (term.areas.empty()) {
      elsewhere.push_back(&term);
    } else if (term.areas.contains(std::string(area))) {
      own.push_back(&term);
    }
  }
  TermList& of = own.empty() ? elsewhere : own;
  std::sort(of.begin(), of.end(), [](const SchoolTerm* a, const SchoolTerm* b) { return a->first < b->first; });
  return std::move(of);
}

// Minutes after midnight at which school begins on this day; nothing when there is none.
std::optional<uint32_t> BeginsOn(const TermList& terms, absl::CivilDay day, const std::set<absl::CivilDay>& holidays) {
  if (IsWeekend(day) || holidays.contains(day)) return std::nullopt;
  for (const SchoolTerm* term : terms) {
    if (day >= term->first && day <= term->last) return term->closed.contains(day) ? std::nullopt : std::optional(term->begins);
  }
  const bool known = !terms.empty() && day > terms.front()->first && day < terms.back()->last;
  if (known) return std::nullopt;  // Holidays, between two terms.
  uint32_t earliest = kSchoolBeginsMinute;
  for (const SchoolTerm* term : terms) earliest = std::min(earliest, term->begins);
  return earliest;
}

}  // namespace

absl::Status ValidateSchoolTerms(std::span<const SchoolTerm> terms) {
  if (terms.size() > kSchoolTermsMax) return InvalidTerm(fmt::format("are over {}", kSchoolTermsMax));
  std::set<std::string> areas;
  bool elsewhere = false;
  for (const SchoolTerm& term : terms) {
    ACCORD_RETURN_IF_ERROR(CheckTerm(term));
    areas.insert(term.areas.begin(), term.areas.end());
    elsewhere = elsewhere || term.areas.empty();
  }
  if (elsewhere) areas.insert("");
  for (const std::string& area : areas) ACCORD_RETURN_IF_ERROR(CheckSuccession(area, TermsOf(terms, area)));
  return absl::OkStatus();
}

absl::Time NextSchoolStart(std::span<const SchoolTerm> terms, std::string_view area, const std::set<absl::CivilDay>& holidays, absl::Time after) {
  const TermList of = TermsOf(terms, area);
  // It ends: after the last term every weekday is one, but for the bank holidays that are known.
  for (absl::CivilDay day = LondonDay(after);; ++day) {
    const auto begins = BeginsOn(of, day, holidays);
    if (!begins.has_value()) continue;
    // No clock is put forward or back on a school day: that is always on a Sunday.
    const absl::Time start = StartOfLondonDay(day) + absl::Minutes(*begins);
    if (start > after) return start;
  }
}

}  // namespace accord::referral
