#include "common/referral/case_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/status.h"
#include "common/base/working_days.h"
#include "common/referral/agreement.h"
#include "common/referral/risk.h"

namespace accord::referral {
namespace {

using namespace type::v1;  // NOLINT: rules in the field's own words.

constexpr size_t kPlacementStepsMax = 4096;  // Of one search: what is not settled by then is not certain.

absl::Status MalformedCaseRules(std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", "case_rules"}}); }

absl::CivilDay DayOf(int64_t ms) { return LondonDay(absl::FromUnixMillis(ms)); }

// The days on which an event happened, as far as they are known.
struct Days {
  absl::CivilDay earliest, latest;
  bool Meets(const Days& other) const { return earliest <= other.latest && other.earliest <= latest; }
};

// What counts once: reports of one event by its own reference, or one report of an event that has none.
struct Happening {
  Days days;
  std::string event;  // Empty: none.
  std::vector<const CaseReport*> told_by;
  bool doubtful = false;
};

bool IsCurrent(const CaseReport& report) { return !report.recalled && report.replaced_by.empty(); }

bool IsMaracReferral(const CaseReport& report) {
  return report.purpose == PURPOSE_MARAC && report.type == REFERRAL_TYPE_REFERRAL && !report.recalled;
}

// When what it reports happened; nothing when it reports no event. One of a known reference and unknown time happened before it was known.
std::optional<Days> DaysOf(const CaseRules& rules, const CaseReport& report) {
  if (!rules.event_types.contains(report.type)) return std::nullopt;
  if (report.happened_latest_ms > 0) return Days{DayOf(report.happened_earliest_ms), DayOf(report.happened_latest_ms)};
  if (report.event.empty()) return std::nullopt;
  return Days{DayOf(0), DayOf(report.known_latest_ms > 0 ? report.known_latest_ms : report.stored_ms)};
}

// Where reports of one event agree, it happened in what they have in common; where they do not, somewhere in all that they say.
Days Together(const std::vector<Days>& said, bool& in_conflict) {
  Days common = said.front(), all = said.front();
  for (const Days& days : said) {
    common = {std::max(common.earliest, days.earliest), std::min(common.latest, days.latest)};
    all = {std::min(all.earliest, days.earliest), std::max(all.latest, days.latest)};
  }
  if (common.earliest <= common.latest) return common;
  in_conflict = true;
  return all;
}

std::vector<Happening> HappeningsOf(const CaseRules& rules, std::span<const CaseReport> reports, EventCount& count) {
  std::vector<Happening> happenings;
  std::map<std::string, std::vector<const CaseReport*>> of_one_event;
  std::set<std::string> agencies;
  for (const CaseReport& report : reports) {
    const auto days = IsCurrent(report) ? DaysOf(rules, report) : std::nullopt;
    if (!days.has_value()) continue;
    ++count.reports;
    agencies.insert(report.sender);
    if (report.event.empty()) {
      happenings.push_back({*days, "", {&report}, report.doubtful});
    } else {
      of_one_event[report.event].push_back(&report);
    }
  }
  for (const auto& [event, told_by] : of_one_event) {
    Happening& happening = happenings.emplace_back(Happening{{}, event, told_by, true});
    std::vector<Days> said;
    for (const CaseReport* report : told_by) {
      said.push_back(*DaysOf(rules, *report));
      happening.doubtful = happening.doubtful && report->doubtful;
    }
    happening.days = Together(said, count.dates_in_conflict);
  }
  count.agencies = static_cast<uint32_t>(agencies.size());
  return happenings;
}

// Did one agency tell of two events by these? It tells of one event to several agencies by reports of several purposes, and gives it one
// time; by two reports of one kind, whose times are not the same instant, it tells of two.
bool ToldApart(const CaseReport& one, const CaseReport& other) {
  if (one.sender != other.sender) return false;
  const auto exact = [](const CaseReport& report) { return report.happened_latest_ms > 0 && report.happened_earliest_ms == report.happened_latest_ms; };
  if (exact(one) && exact(other)) return one.happened_latest_ms != other.happened_latest_ms;
  return one.type == other.type && one.purpose == other.purpose;
}

// Are they two events, whatever the exact dates? References tell, days that do not meet, and that one agency told of both apart.
bool AreTwo(const Happening& one, const Happening& other) {
  if (!one.days.Meets(other.days)) return true;
  if (!one.event.empty() && !other.event.empty()) return true;
  return std::any_of(one.told_by.begin(), one.told_by.end(), [&](const CaseReport* report) {
    return std::any_of(other.told_by.begin(), other.told_by.end(), [&](const CaseReport* with) { return ToldApart(*report, *with); });
  });
}

bool IsToldBy(const Happening& one, const std::string& sender) {
  return std::any_of(one.told_by.begin(), one.told_by.end(), [&](const CaseReport* report) { return report->sender == sender; });
}

using Several = std::vector<const Happening*>;

// Which of them are surely two, asked once for each pair: the sequencer waits for the answer.
class Apart {
 public:
  explicit Apart(const Several& all) : first_(all.empty() ? nullptr : *std::min_element(all.begin(), all.end())) {
    size_t size = 0;
    for (const Happening* one : all) size = std::max(size, Place(one) + 1);
    two_.assign(size, std::vector<bool>(size));
    for (const Happening* one : all) {
      for (const Happening* other : all) two_[Place(one)][Place(other)] = one != other && AreTwo(*one, *other);
    }
  }

  // As many of `from` as are found that are pairwise two. Which reports are of how many events at the least is hard in general, so this
  // is the greatest of what is easily found: in the order of time, events with references first, and one agency's reports first.
  Several Most(Several from) const {
    std::stable_sort(from.begin(), from.end(), [](const auto* a, const auto* b) { return a->days.latest < b->days.latest; });
    Several most = Take(from);
    const auto consider = [&](auto belongs) {
      Several first = from;
      if (std::stable_partition(first.begin(), first.end(), belongs) - first.begin() < 2) return;
      if (Several taken = Take(first); taken.size() > most.size()) most = std::move(taken);
    };
    consider([](const Happening* one) { return !one->event.empty(); });
    std::set<std::string> senders;
    for (const Happening* one : from) {
      for (const CaseReport* report : one->told_by) senders.insert(report->sender);
    }
    for (const std::string& sender : senders) consider([&](const Happening* one) { return IsToldBy(*one, sender); });
    return most;
  }

 private:
  size_t Place(const Happening* one) const { return static_cast<size_t>(one - first_); }
  // Each time the first that fits.
  Several Take(const Several& from) const {
    Several taken;
    for (const Happening* one : from) {
      const std::vector<bool>& two = two_[Place(one)];
      if (std::all_of(taken.begin(), taken.end(), [&](const Happening* other) { return two[Place(other)]; })) taken.push_back(one);
    }
    return taken;
  }

  const Happening* const first_;  // All are of one vector.
  std::vector<std::vector<bool>> two_;
};

// Whether events that are surely apart can have happened on days such that no window has `many` of them. Placed one after the other,
// each as early as it can be: of those that may come next only such as no other is both earlier begun and earlier over than.
class Placement {
 public:
  Placement(const Several& events, uint32_t months, size_t many) : months_(months), many_(many), left_(events) {}

  // True also when it was not settled within kPlacementStepsMax.
  bool Exists() {
    if (left_.empty()) return true;
    if (++steps_ > kPlacementStepsMax) return true;
    absl::CivilDay from = placed_.empty() ? absl::CivilDay::min() : placed_.back();
    if (placed_.size() + 1 >= many_) from = std::max(from, MonthsLater(placed_[placed_.size() + 1 - many_], months_) + 1);
    if (std::any_of(left_.begin(), left_.end(), [&](const Happening* one) { return one->days.latest < from; })) return false;
    for (size_t i = 0; i < left_.size(); ++i) {
      const Happening* const next = left_[i];
      if (std::any_of(left_.begin(), left_.end(), [&](const Happening* other) { return GoesFirst(*other, *next); })) continue;
      left_.erase(left_.begin() + static_cast<ptrdiff_t>(i));
      placed_.push_back(std::max(from, next->days.earliest));
      const bool exists = Exists();
      placed_.pop_back();
      left_.insert(left_.begin() + static_cast<ptrdiff_t>(i), next);
      if (exists) return true;
    }
    return false;
  }

 private:
  static bool GoesFirst(const Happening& one, const Happening& other) {
    const auto rank = [](const Happening& h) { return std::pair(h.days.latest, h.days.earliest); };
    if (&one == &other || one.days.earliest > other.days.earliest || one.days.latest > other.days.latest) return false;
    return rank(one) != rank(other) || &one < &other;  // Of two alike either may go first.
  }

  const uint32_t months_;
  const size_t many_;
  Several left_;
  std::vector<absl::CivilDay> placed_;
  size_t steps_ = 0;
};

uint32_t AtLeast(const CaseRules& rules, const std::vector<Happening>& happenings) {
  Several all;
  for (const Happening& one : happenings) {
    if (!one.doubtful) all.push_back(&one);
  }
  const Apart apart(all);
  size_t most = all.empty() ? 0 : 1;
  // All that lies within one window for certain: a window begins with what happened first.
  std::set<absl::CivilDay> begun;
  for (const Happening* first : all) {
    if (!begun.insert(first->days.earliest).second) continue;
    const absl::CivilDay end = MonthsLater(first->days.earliest, rules.escalation_months);
    Several within;
    for (const Happening* one : all) {
      if (one->days.earliest >= first->days.earliest && one->days.latest <= end) within.push_back(one);
    }
    if (within.size() > most) most = std::max(most, apart.Most(std::move(within)).size());
  }
  // Nor can they be kept out of one window where no one window has them for certain.
  const Several several = apart.Most(all);
  while (most < several.size() && !Placement(several, rules.escalation_months, most + 1).Exists()) ++most;
  return static_cast<uint32_t>(most);
}

uint32_t AtMost(const CaseRules& rules, const std::vector<Happening>& happenings) {
  uint32_t most = 0;
  for (const Happening& last_of_first : happenings) {
    const Days window = {last_of_first.days.latest, MonthsLater(last_of_first.days.latest, rules.escalation_months)};
    most = std::max(most, static_cast<uint32_t>(std::count_if(happenings.begin(), happenings.end(),
                                                              [&](const Happening& one) { return one.days.Meets(window); })));
  }
  return most;
}

// The oldest version of `report` that is there: when the referral was first made.
const CaseReport& FirstVersion(std::span<const CaseReport> reports, const CaseReport& report) {
  const CaseReport* first = &report;
  for (size_t versions = 0; versions < reports.size(); ++versions) {
    const auto older = std::find_if(reports.begin(), reports.end(), [&](const CaseReport& one) { return one.replaced_by == first->digest; });
    if (older == reports.end()) break;
    first = &*older;
  }
  return *first;
}

// A Marac referral, in its newest version.
struct Marac {
  const CaseReport* report;
  int64_t referred_ms, anchor_ms;
};

std::vector<Marac> MaracsOf(const CaseRules& rules, std::span<const CaseReport> reports) {
  std::vector<Marac> maracs;
  for (const CaseReport& report : reports) {
    if (!IsMaracReferral(report) || !IsCurrent(report)) continue;
    const CaseReport& first = FirstVersion(reports, report);
    const int64_t heard_ms = std::max(report.heard_ms, first.heard_ms);
    const bool by_hearing = rules.repeat_anchor == CaseRules::Anchor::kHearing && heard_ms > 0;
    maracs.push_back({&report, first.stored_ms, by_hearing ? heard_ms : first.stored_ms});
  }
  return maracs;
}

// Is what `report` tells of abuse of the pair since `marac`, and within the time? A range that reaches into it is; what may be the very
// event that was referred is not.
bool IsRepeatOf(const CaseRules& rules, const CaseReport& report, const Marac& marac) {
  if (&report == marac.report) return false;
  auto days = DaysOf(rules, report);
  const bool dated = days.has_value();
  // Who refers to a Marac without an event tells of abuse known by then.
  if (!dated && IsMaracReferral(report)) days = Days{DayOf(report.stored_ms), DayOf(report.stored_ms)};
  if (!days.has_value()) return false;
  const int64_t latest_ms = dated && report.happened_latest_ms > 0 ? report.happened_latest_ms : report.stored_ms;
  if (latest_ms <= marac.anchor_ms || days->earliest > MonthsLater(DayOf(marac.anchor_ms), rules.repeat_months)) return false;
  if (!report.event.empty() && report.event == marac.report->event) return false;
  const auto referred = DaysOf(rules, *marac.report);
  if (!dated || !referred.has_value()) return true;
  return AreTwo({*days, report.event, {&report}, false}, {*referred, marac.report->event, {marac.report}, false});
}

// A repeat of an earlier Marac referral.
bool IsRepeat(const CaseRules& rules, std::span<const CaseReport> reports, const CaseReport& report, const std::vector<Marac>& maracs) {
  if (!IsCurrent(report)) return false;
  const int64_t first_ms = FirstVersion(reports, report).stored_ms;
  return std::any_of(maracs.begin(), maracs.end(), [&](const Marac& marac) {
    return marac.referred_ms <= first_ms && IsRepeatOf(rules, report, marac);
  });
}

void NoteMaracs(std::span<const CaseReport> reports, const std::vector<Marac>& maracs, CaseFindings& found) {
  for (const Marac& marac : maracs) found.last_marac_referral_ms = std::max(found.last_marac_referral_ms, marac.referred_ms);
  for (const CaseReport& report : reports) {
    if (report.purpose == PURPOSE_MARAC && !report.recalled) found.last_marac_hearing_ms = std::max(found.last_marac_hearing_ms, report.heard_ms);
  }
}

void NoteCount(const CaseRules& rules, CaseFindings& found) {
  if (found.count.at_least >= rules.escalation_events) {
    found.flags.insert(CASE_FLAG_ESCALATION);
  } else if (found.count.at_most >= rules.escalation_events) {
    found.flags.insert(CASE_FLAG_POSSIBLE_ESCALATION);
  }
  if (found.count.dates_in_conflict) found.flags.insert(CASE_FLAG_DATES_IN_CONFLICT);
}

bool HasGrade(const CaseReport& report) { return report.risk.grade() != RISK_GRADE_UNSPECIFIED && !report.recalled; }

void NoteGrade(const Risk& before, const Risk& now, CaseFindings& found) {
  if (now.grade() == before.grade()) return;
  found.flags.insert(now.grade() > before.grade() ? CASE_FLAG_GRADE_RAISED : CASE_FLAG_GRADE_LOWERED);
  found.change_reason = now.change_reason();
}

}  // namespace

CaseRules DefaultCaseRules() {
  CaseRules rules;
  rules.version = "cases-1";
  rules.event_types = {REFERRAL_TYPE_REFERRAL, REFERRAL_TYPE_NOTIFICATION, REFERRAL_TYPE_EVENT_NOTICE};
  return rules;
}

absl::Status ValidateCaseRules(const CaseRules& rules) {
  if (!IsPolicyVersion(rules.version)) return MalformedCaseRules("version is not 1 to 63 of [a-z0-9.-]");
  if (rules.escalation_events < 2 || rules.escalation_events > kEscalationEventsMax) {
    return MalformedCaseRules(fmt::format("escalation: events is 2 to {}", kEscalationEventsMax));
  }
  for (const auto& [name, months] : {std::pair("escalation", rules.escalation_months), {"repeat", rules.repeat_months},
                                     {"other_victims", rules.other_victim_months}}) {
    if (months < 1 || months > kCaseMonthsMax) return MalformedCaseRules(fmt::format("{}: months is 1 to {}", name, kCaseMonthsMax));
  }
  if (rules.event_types.empty()) return MalformedCaseRules("escalation: types has none, so that nothing would ever be counted");
  for (const ReferralType type : rules.event_types) {
    if (type == REFERRAL_TYPE_CORRECTION) return MalformedCaseRules("escalation: a correction is of the type of what it corrects");
    if (type == REFERRAL_TYPE_SENT_OUTSIDE || type == REFERRAL_TYPE_NOT_SHARED || type == REFERRAL_TYPE_UNSPECIFIED) {
      return MalformedCaseRules("escalation: a record of sharing, or of not sharing, reports no event");
    }
  }
  if (rules.ric.medium < 1 || rules.ric.medium > rules.ric.high || rules.ric.high > kRicScoreMax) {
    return MalformedCaseRules(fmt::format("grades: ric_medium and ric_high come in this order, 1 to {}", kRicScoreMax));
  }
  return absl::OkStatus();
}

absl::CivilDay MonthsLater(absl::CivilDay day, uint32_t months) {
  const absl::CivilMonth month = absl::CivilMonth(day) + static_cast<int>(months);
  return std::min(absl::CivilDay(month) + (day.day() - 1), absl::CivilDay(month + 1) - 1);
}

std::vector<CaseReport> AsAt(std::span<const CaseReport> reports, CaseTime time, absl::Time at) {
  const int64_t at_ms = absl::ToUnixMillis(at);
  std::vector<CaseReport> then;
  for (const CaseReport& report : reports) {
    int64_t earliest = report.stored_ms, latest = report.stored_ms;  // Of what says no time: known, and over, when it was stored.
    if (time == CASE_TIME_HAPPENED && report.happened_latest_ms > 0) earliest = report.happened_earliest_ms, latest = report.happened_latest_ms;
    if (time == CASE_TIME_KNOWN && report.known_latest_ms > 0) earliest = report.known_earliest_ms, latest = report.known_latest_ms;
    if (earliest > at_ms) continue;
    CaseReport& one = then.emplace_back(report);
    one.doubtful = latest > at_ms;
    if (one.heard_ms > at_ms) one.heard_ms = 0;
    if (one.stored_ms > at_ms && IsMaracReferral(one)) one.purpose = PURPOSE_UNSPECIFIED;  // Reported since: then it was no referral yet.
  }
  const bool recorded = time != CASE_TIME_HAPPENED && time != CASE_TIME_KNOWN;
  for (CaseReport& one : then) {
    if (!recorded || one.replaced_by.empty()) continue;
    const auto newer = std::find_if(reports.begin(), reports.end(), [&](const CaseReport& other) { return other.digest == one.replaced_by; });
    if (newer != reports.end() && newer->stored_ms > at_ms) one.replaced_by.clear();
  }
  return then;
}

EventCount CountEvents(const CaseRules& rules, std::span<const CaseReport> reports, const std::string& near) {
  EventCount count;
  std::vector<CaseReport> nearby;
  if (!near.empty()) {
    const auto centre = std::find_if(reports.begin(), reports.end(), [&](const CaseReport& one) { return one.digest == near; });
    const auto days = centre == reports.end() ? std::nullopt : DaysOf(rules, *centre);
    if (!days.has_value() || !IsCurrent(*centre)) return count;
    const auto reaches = [&](const CaseReport& report) {
      const auto others = DaysOf(rules, report);
      return others.has_value() && others->earliest <= MonthsLater(days->latest, rules.escalation_months) &&
             MonthsLater(others->latest, rules.escalation_months) >= days->earliest;
    };
    // With one report of an event belong all of it, however wrong their dates are.
    std::set<std::string> events;
    for (const CaseReport& report : reports) {
      if (!report.event.empty() && reaches(report)) events.insert(report.event);
    }
    for (const CaseReport& report : reports) {
      if (reaches(report) || events.contains(report.event)) nearby.push_back(report);
    }
    reports = nearby;
  }
  const std::vector<Happening> happenings = HappeningsOf(rules, reports, count);
  count.at_least = AtLeast(rules, happenings);
  count.at_most = AtMost(rules, happenings);
  return count;
}

CaseFindings FindAtStore(const CaseRules& rules, std::span<const CaseReport> reports) {
  CaseFindings found;
  if (reports.empty()) return found;
  const CaseReport& stored = reports.back();
  found.count = CountEvents(rules, reports, stored.digest);
  NoteCount(rules, found);
  const std::vector<Marac> maracs = MaracsOf(rules, reports);
  NoteMaracs(reports, maracs, found);
  if (IsRepeat(rules, reports, stored, maracs)) found.flags.insert(CASE_FLAG_MARAC_REPEAT);
  const auto before = LastRiskOf(reports.first(reports.size() - 1), stored.sender);
  if (before.has_value() && HasGrade(stored)) NoteGrade(*before, stored.risk, found);
  return found;
}

CaseFindings FindInHistory(const CaseRules& rules, std::span<const CaseReport> reports, const std::string& digest) {
  CaseFindings found;
  found.count = CountEvents(rules, reports);
  NoteCount(rules, found);
  const std::vector<Marac> maracs = MaracsOf(rules, reports);
  NoteMaracs(reports, maracs, found);
  for (const CaseReport& report : reports) {
    const bool asked = report.digest == digest || report.stored_ms >= found.last_marac_referral_ms;
    if (asked && IsRepeat(rules, reports, report, maracs)) found.flags.insert(CASE_FLAG_MARAC_REPEAT);
  }
  std::map<std::string, const CaseReport*> last;  // By sender.
  std::map<std::string, std::pair<const CaseReport*, const CaseReport*>> changes;
  for (const CaseReport& report : reports) {
    if (!HasGrade(report)) continue;
    const CaseReport*& before = last[report.sender];
    if (before != nullptr) changes[report.sender] = {before, &report};
    before = &report;
  }
  for (const auto& [sender, change] : changes) NoteGrade(change.first->risk, change.second->risk, found);
  return found;
}

bool TellsWithin(const CaseReport& report, uint32_t months, absl::Time now) {
  const int64_t latest_ms = report.happened_latest_ms > 0 ? report.happened_latest_ms : report.stored_ms;
  return !report.recalled && MonthsLater(DayOf(latest_ms), months) >= LondonDay(now);
}

std::optional<Risk> LastRiskOf(std::span<const CaseReport> reports, const std::string& sender) {
  for (size_t i = reports.size(); i > 0; --i) {
    if (reports[i - 1].sender == sender && HasGrade(reports[i - 1])) return reports[i - 1].risk;
  }
  return std::nullopt;
}

}  // namespace accord::referral
