// What the rules find in the reports of a case: every case of the field by name, the limits, and that the counts hold whatever the exact
// dates are, against all of them.
#include "common/referral/case_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/working_days.h"

namespace accord::referral::case_rules_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

int64_t At(int year, int month, int day, int hour = 12) {
  return absl::ToUnixMillis(absl::FromCivil(absl::CivilHour(year, month, day, hour), absl::UTCTimeZone()));
}

// A police report of an event at noon of a day, stored in the evening.
CaseReport Event(int year, int month, int day, const std::string& sender = "police") {
  static int reports = 0;
  CaseReport report;
  report.digest = "report-" + std::to_string(++reports);
  report.sender = sender;
  report.type = REFERRAL_TYPE_REFERRAL;
  report.purpose = PURPOSE_SAFEGUARDING_ADULT;
  report.happened_earliest_ms = report.happened_latest_ms = At(year, month, day);
  report.known_earliest_ms = report.known_latest_ms = At(year, month, day, 14);
  report.stored_ms = At(year, month, day, 20);
  return report;
}
CaseReport Between(absl::CivilDay from, absl::CivilDay to, const std::string& sender = "police") {
  CaseReport report = Event(static_cast<int>(to.year()), to.month(), to.day(), sender);
  report.happened_earliest_ms = At(static_cast<int>(from.year()), from.month(), from.day());
  return report;
}
CaseReport InMonth(int year, int month, const std::string& sender = "police") {
  const absl::CivilMonth in(year, month);
  return Between(absl::CivilDay(in), absl::CivilDay(in + 1) - 1, sender);
}
CaseReport Named(CaseReport report, const std::string& event) {
  report.event = event;
  return report;
}
CaseReport Marac(CaseReport report) {
  report.purpose = PURPOSE_MARAC;
  return report;
}
CaseReport Graded(CaseReport report, RiskGrade grade, RiskChangeReason reason = RISK_CHANGE_REASON_UNSPECIFIED) {
  report.risk.set_grade(grade);
  report.risk.set_change_reason(reason);
  return report;
}
// `newer` in place of `older`.
std::vector<CaseReport> Corrected(CaseReport older, CaseReport newer) {
  older.replaced_by = newer.digest;
  return {std::move(older), std::move(newer)};
}
template <typename... More>
std::vector<CaseReport> With(std::vector<CaseReport> reports, More... more) {
  (reports.push_back(std::move(more)), ...);
  return reports;
}

struct Found {
  std::vector<CaseReport> reports;  // The last is stored now.
  std::set<CaseFlag> flags;
  uint32_t at_least, at_most;
};

TEST(CaseRulesTest, FindsWhatTheFieldMeansInEachOfItsCases) {
  const CaseReport january = InMonth(2026, 1), march = Event(2026, 3, 2), may = Event(2026, 5, 5);
  CaseReport malicious = Event(2026, 4, 1, "health");
  malicious.credibility = REPORT_CREDIBILITY_LABELLED_MALICIOUS;
  CaseReport recalled = Event(2026, 2, 2);
  recalled.recalled = true;
  CaseReport asking = Event(2026, 4, 4);
  asking.type = REFERRAL_TYPE_REQUEST_FOR_INFORMATION;
  CaseReport undated = Event(2026, 4, 4);
  undated.happened_earliest_ms = undated.happened_latest_ms = 0;
  CaseReport marac_undated = Marac(undated);
  marac_undated.digest = "marac-undated", marac_undated.stored_ms = At(2026, 12, 1);
  CaseReport heard = Marac(Event(2026, 1, 10));
  heard.heard_ms = At(2026, 2, 20);
  CaseReport recalled_marac = Marac(Event(2026, 1, 10));
  recalled_marac.recalled = true;
  const auto hour = [](CaseReport report, int at) {
    report.happened_earliest_ms = report.happened_latest_ms = report.happened_latest_ms - absl::ToInt64Milliseconds(absl::Hours(12 - at));
    return report;
  };
  const std::set<CaseFlag> none, escalation = {CASE_FLAG_ESCALATION}, possible = {CASE_FLAG_POSSIBLE_ESCALATION}, repeat = {CASE_FLAG_MARAC_REPEAT};
  const std::map<std::string, Found> cases = {
      {"one event", {{march}, none, 1, 1}},
      {"two below the limit", {{march, may}, none, 2, 2}},
      {"three at the limit", {{Event(2026, 1, 1), march, may}, escalation, 3, 3}},
      {"twelve months exactly", {{Event(2025, 5, 5), march, may}, escalation, 3, 3}},
      {"one day past twelve months", {{Event(2025, 5, 4), march, may}, none, 2, 2}},
      {"an unborn child's case, told by health alone", {{Event(2026, 1, 1, "health"), Event(2026, 2, 1, "health"), Event(2026, 3, 1, "health")}, escalation, 3, 3}},
      {"dates known to the month", {{january, InMonth(2026, 2), InMonth(2026, 3)}, escalation, 3, 3}},
      {"two events of one month, known to no day", {{InMonth(2026, 1), InMonth(2026, 1), march}, escalation, 3, 3}},
      {"a month at the limit: surely within", {{InMonth(2025, 6), march, Event(2026, 6, 1)}, escalation, 3, 3}},
      {"a month across the limit: perhaps within", {{InMonth(2025, 6), march, Event(2026, 6, 15)}, possible, 2, 3}},
      {"a range of a year", {{Between(absl::CivilDay(2025, 1, 1), absl::CivilDay(2025, 12, 31)), march, may}, possible, 2, 3}},
      {"dates in conflict", {{Named(Event(2026, 1, 1), "e"), Named(Event(2026, 1, 9, "health"), "e")}, {CASE_FLAG_DATES_IN_CONFLICT}, 1, 1}},
      {"dates in conflict reach over all that is said", {{Named(Event(2025, 4, 1), "e"), Named(Event(2026, 4, 1, "health"), "e"), march, may},
                                                         {CASE_FLAG_POSSIBLE_ESCALATION, CASE_FLAG_DATES_IN_CONFLICT}, 2, 3}},
      {"reports of one event agree on what they have in common", {{Named(InMonth(2025, 5), "e"), Named(Event(2025, 5, 20, "health"), "e"), march, may}, escalation, 3, 3}},
      {"several reports of one event, by its reference", {{Named(march, "e"), Named(Event(2026, 3, 2, "health"), "e"), Named(InMonth(2026, 3, "housing"), "e")}, none, 1, 1}},
      {"several reports that may be of one event", {{Event(2026, 3, 2), Event(2026, 3, 2, "health"), Event(2026, 3, 2, "housing")}, possible, 1, 3}},
      {"references tell events of one day apart", {{Named(Event(2026, 3, 2), "e"), Named(Event(2026, 3, 2, "health"), "f"), Named(Event(2026, 3, 2, "housing"), "g")}, escalation, 3, 3}},
      {"one agency, one time, two purposes", {{march, Marac(Event(2026, 3, 2)), may}, {CASE_FLAG_MARAC_REPEAT, CASE_FLAG_POSSIBLE_ESCALATION}, 2, 3}},
      {"one agency, three times of one day", {{hour(march, 8), hour(Event(2026, 3, 2), 9), Event(2026, 3, 2)}, escalation, 3, 3}},
      {"labelled malicious, it counts as any other", {{january, malicious, may}, escalation, 3, 3}},
      {"labelled malicious last, it resets nothing", {{Event(2026, 2, 1), march, malicious}, escalation, 3, 3}},
      {"recalled, it does not count", {{january, recalled, may}, none, 2, 2}},
      {"corrected, it counts once", {With(Corrected(Event(2026, 1, 1), Event(2026, 1, 2)), may), none, 2, 2}},
      {"corrected to another date", {With(Corrected(Event(2024, 1, 1), Event(2026, 1, 1)), march, may), escalation, 3, 3}},
      {"corrected, and that is in another case", {{[&] { CaseReport gone = january; gone.replaced_by = "elsewhere"; return gone; }(), march, may}, none, 2, 2}},
      {"a request is no event", {{january, march, asking}, none, 0, 0}},
      {"without a time it reports no event", {{january, march, undated}, none, 0, 0}},
      {"a known event of unknown time is before it was known", {{Named(undated, "e"), Event(2026, 4, 4)}, none, 1, 2}},
      {"an old cluster is not found again by a new event", {{Event(2020, 1, 1), Event(2020, 2, 1), Event(2020, 3, 1), march}, none, 1, 1}},
      {"Marac repeat, twelve months after the referral", {{Marac(Event(2026, 1, 10)), Event(2027, 1, 10)}, repeat, 2, 2}},
      {"no repeat one day past", {{Marac(Event(2026, 1, 10)), Event(2027, 1, 11)}, none, 1, 1}},
      {"what happened before the referral is no repeat", {{Marac(march), Event(2026, 2, 1, "health")}, none, 2, 2}},
      {"the referred event, told by another, is no repeat", {{Marac(march), InMonth(2026, 3, "health")}, none, 1, 2}},
      {"abuse later that month, told by another with its reference", {{Marac(Named(march, "e")), Named(InMonth(2026, 3, "health"), "f")}, repeat, 2, 2}},
      {"a range that reaches into the time is a repeat", {{Marac(Event(2026, 1, 10)), Between(absl::CivilDay(2027, 1, 5), absl::CivilDay(2027, 2, 5))}, repeat, 1, 2}},
      {"another Marac referral, of no dated event", {{Marac(Event(2026, 1, 10)), marac_undated}, repeat, 0, 0}},
      {"a Marac referral that was recalled", {{recalled_marac, march}, none, 1, 1}},
      {"a corrected Marac referral is dated by its first version", {With(Corrected(Marac(Event(2026, 1, 10)), Marac([] {
                                                                              CaseReport newer = Event(2026, 1, 10);
                                                                              newer.stored_ms = At(2026, 6, 1);
                                                                              return newer;
                                                                            }())), Event(2027, 1, 11)), none, 1, 1}},
      {"anchored on the referral, a late hearing moves nothing", {{heard, Event(2027, 1, 11)}, none, 1, 1}},
      {"a grade raised", {{Graded(march, RISK_GRADE_STANDARD), Graded(may, RISK_GRADE_HIGH)}, {CASE_FLAG_GRADE_RAISED}, 2, 2}},
      {"a grade lowered", {{Graded(march, RISK_GRADE_HIGH), Graded(may, RISK_GRADE_MEDIUM)}, {CASE_FLAG_GRADE_LOWERED}, 2, 2}},
      {"another agency's grade is no change", {{Graded(march, RISK_GRADE_HIGH), Graded(Event(2026, 5, 5, "idva"), RISK_GRADE_MEDIUM)}, none, 2, 2}},
      {"a report without a grade changes none", {{Graded(march, RISK_GRADE_HIGH), may}, none, 2, 2}},
  };
  for (const auto& [name, found] : cases) {
    const CaseFindings findings = FindAtStore(DefaultCaseRules(), found.reports);
    EXPECT_EQ(findings.flags, found.flags) << name;
    EXPECT_EQ(findings.count.at_least, found.at_least) << name;
    EXPECT_EQ(findings.count.at_most, found.at_most) << name;
  }
}

// Several perpetrators at once and in turn, the same one with another victim, and reversed roles are cases of their own: nothing of them
// is among the reports. services/broker/cases/case_events_test.cc.

TEST(CaseRulesTest, TheAnchorOfARepeatIsARule) {
  CaseRules rules = DefaultCaseRules();
  CaseReport heard = Marac(Event(2026, 1, 10)), waits = heard;
  heard.heard_ms = At(2026, 2, 20);
  const CaseReport late = Event(2027, 2, 20);
  EXPECT_THAT(FindAtStore(rules, std::vector{heard, late}).flags, IsEmpty());
  rules.repeat_anchor = CaseRules::Anchor::kHearing;
  EXPECT_THAT(FindAtStore(rules, std::vector{heard, late}).flags, ElementsAre(CASE_FLAG_MARAC_REPEAT)) << "at the limit";
  EXPECT_THAT(FindAtStore(rules, std::vector{heard, Event(2027, 2, 21)}).flags, IsEmpty()) << "one day past";
  EXPECT_THAT(FindAtStore(rules, std::vector{waits, Event(2027, 1, 10)}).flags, ElementsAre(CASE_FLAG_MARAC_REPEAT)) << "not heard yet: from the referral";
  EXPECT_THAT(FindAtStore(rules, std::vector{heard, Event(2026, 2, 1)}).flags, IsEmpty()) << "before it was heard";
}

TEST(CaseRulesTest, CountsWhatNoOneWindowHasForCertain) {
  // Two at each end of seventeen months, and one somewhere: wherever it is, three are within twelve months.
  const std::vector<CaseReport> reports = {Event(2025, 1, 1), Event(2025, 1, 2), Event(2026, 6, 1), Event(2026, 6, 2),
                                           Between(absl::CivilDay(2025, 1, 1), absl::CivilDay(2026, 6, 2), "health")};
  std::vector<CaseReport> named;
  for (const CaseReport& report : reports) named.push_back(Named(report, report.digest));
  EXPECT_EQ(CountEvents(DefaultCaseRules(), named).at_least, 3u);
  // Over thirty months it may be far from all of them.
  named[2].happened_earliest_ms = named[2].happened_latest_ms = At(2027, 7, 1);
  named[3].happened_earliest_ms = named[3].happened_latest_ms = At(2027, 7, 2);
  named[4].happened_latest_ms = At(2027, 7, 2);
  EXPECT_EQ(CountEvents(DefaultCaseRules(), named).at_least, 2u);
}

TEST(CaseRulesTest, HistoryFindsOldClustersAndTheLastChangeOfEachAgency) {
  const CaseRules rules = DefaultCaseRules();
  CaseReport referred = Marac(Graded(Event(2026, 1, 10), RISK_GRADE_HIGH));
  referred.heard_ms = At(2026, 2, 1);
  const std::vector<CaseReport> reports = {Event(2020, 1, 1), Event(2020, 2, 1), Event(2020, 3, 1), referred,
                                           Graded(Event(2027, 3, 1, "idva"), RISK_GRADE_MEDIUM), Graded(Event(2027, 5, 1, "idva"), RISK_GRADE_STANDARD, RISK_CHANGE_REASON_SUPERVISION)};
  const CaseFindings found = FindInHistory(rules, reports, reports.back().digest);
  EXPECT_THAT(found.flags, UnorderedElementsAre(CASE_FLAG_ESCALATION, CASE_FLAG_GRADE_LOWERED));
  EXPECT_EQ(found.change_reason, RISK_CHANGE_REASON_SUPERVISION);
  EXPECT_EQ(found.count.reports, 6u);
  EXPECT_EQ(found.count.agencies, 2u);
  EXPECT_EQ(found.last_marac_referral_ms, referred.stored_ms);
  EXPECT_EQ(found.last_marac_hearing_ms, referred.heard_ms);
  const CaseFindings nothing = FindInHistory(rules, {}, "none");
  EXPECT_THAT(nothing.flags, IsEmpty());
  EXPECT_EQ(nothing.count.at_most, 0u);
}

TEST(CaseRulesTest, ARepeatIsFoundInWhatIsAskedOfAndInWhatCameSince) {
  const CaseReport first = Marac(Event(2026, 1, 10)), between = Event(2026, 3, 1), second = Marac(Event(2026, 6, 1)), after = Event(2026, 7, 1);
  const CaseRules rules = DefaultCaseRules();
  EXPECT_TRUE(FindInHistory(rules, std::vector{first, between, second}, second.digest).flags.contains(CASE_FLAG_MARAC_REPEAT));
  EXPECT_TRUE(FindInHistory(rules, std::vector{first, after}, first.digest).flags.contains(CASE_FLAG_MARAC_REPEAT));
  EXPECT_FALSE(FindInHistory(rules, std::vector{first}, first.digest).flags.contains(CASE_FLAG_MARAC_REPEAT));
}

TEST(CaseRulesTest, TheThreeTimesAreAskedOfApart) {
  // Happened in January, known in March, stored in May; told as "January" when June asks of mid-January.
  CaseReport report = InMonth(2026, 1);
  report.known_earliest_ms = report.known_latest_ms = At(2026, 3, 3);
  report.stored_ms = At(2026, 5, 5);
  const auto as_at = [&](CaseTime time, int64_t ms) { return AsAt(std::vector{report}, time, absl::FromUnixMillis(ms)); };
  for (const auto& [time, due] : {std::pair(CASE_TIME_HAPPENED, At(2026, 1, 31)), {CASE_TIME_KNOWN, At(2026, 3, 3)}, {CASE_TIME_RECORDED, At(2026, 5, 5)},
                                  {CASE_TIME_UNSPECIFIED, At(2026, 5, 5)}}) {
    ASSERT_EQ(as_at(time, due).size(), 1u) << time;
    EXPECT_FALSE(as_at(time, due)[0].doubtful) << time;
    const size_t before = time == CASE_TIME_HAPPENED ? 1 : 0;  // It may have happened before the last that it can have.
    EXPECT_EQ(as_at(time, due - 1).size(), before) << time;
  }
  const auto middle = as_at(CASE_TIME_HAPPENED, At(2026, 1, 15));
  EXPECT_EQ(CountEvents(DefaultCaseRules(), middle).at_least, 0u) << "it may not have happened by then";
  EXPECT_EQ(CountEvents(DefaultCaseRules(), middle).at_most, 1u);
  EXPECT_THAT(as_at(CASE_TIME_HAPPENED, At(2025, 12, 31)), IsEmpty());
}

TEST(CaseRulesTest, AVersionThatHadNotComeHasReplacedNothing) {
  CaseReport newer = Event(2026, 4, 1);
  newer.stored_ms = At(2026, 6, 1);
  const auto reports = Corrected(Event(2026, 3, 1), newer);
  const auto count = [&](CaseTime time, int64_t ms) { return CountEvents(DefaultCaseRules(), AsAt(reports, time, absl::FromUnixMillis(ms))).reports; };
  EXPECT_EQ(count(CASE_TIME_RECORDED, newer.stored_ms - 1), 1u) << "the older one, as it stood";
  EXPECT_EQ(count(CASE_TIME_RECORDED, newer.stored_ms), 1u);
  EXPECT_EQ(count(CASE_TIME_HAPPENED, At(2026, 3, 15)), 0u) << "by what is known today it happened in April";
}

TEST(CaseRulesTest, MonthsEndWhereTheMonthDoes) {
  EXPECT_EQ(MonthsLater(absl::CivilDay(2024, 2, 29), 12), absl::CivilDay(2025, 2, 28));
  EXPECT_EQ(MonthsLater(absl::CivilDay(2026, 8, 31), 6), absl::CivilDay(2027, 2, 28));
  EXPECT_EQ(MonthsLater(absl::CivilDay(2026, 1, 15), 12), absl::CivilDay(2027, 1, 15));
}

TEST(CaseRulesTest, TellsWithinTheMonthsAndNotADayLonger) {
  const CaseReport report = Event(2024, 1, 15);
  EXPECT_TRUE(TellsWithin(report, 36, absl::FromUnixMillis(At(2027, 1, 15))));
  EXPECT_FALSE(TellsWithin(report, 36, absl::FromUnixMillis(At(2027, 1, 16))));
}

TEST(CaseRulesTest, RefusesRulesThatContradictThemselves) {
  EXPECT_EQ(ValidateCaseRules(DefaultCaseRules()), absl::OkStatus());
  for (const auto& spoil : std::vector<std::function<void(CaseRules&)>>{
           [](CaseRules& r) { r.version = "Cases 1"; }, [](CaseRules& r) { r.escalation_events = 1; }, [](CaseRules& r) { r.escalation_events = 65; },
           [](CaseRules& r) { r.escalation_months = 0; }, [](CaseRules& r) { r.repeat_months = 121; }, [](CaseRules& r) { r.other_victim_months = 0; },
           [](CaseRules& r) { r.event_types.clear(); }, [](CaseRules& r) { r.event_types.insert(REFERRAL_TYPE_CORRECTION); },
           [](CaseRules& r) { r.event_types.insert(REFERRAL_TYPE_SENT_OUTSIDE); }, [](CaseRules& r) { r.ric.medium = 15; }, [](CaseRules& r) { r.ric.high = 25; }}) {
    CaseRules rules = DefaultCaseRules();
    spoil(rules);
    EXPECT_TRUE(HasReason(ValidateCaseRules(rules), Reason::kFieldInvalid));
  }
}

// A world that was: events on exact days, and reports that are true of them.
struct World {
  std::vector<absl::CivilDay> events;
  std::vector<CaseReport> reports;
};

World AnyWorld(Random& random) {
  World world;
  const absl::CivilDay start(2025, 1, 1);
  const size_t events = 1 + random.Below(5);
  for (size_t i = 0; i < events; ++i) world.events.push_back(start + static_cast<int>(random.Below(700)));
  const std::vector<std::string> senders = {"police", "health", "housing"};
  for (size_t i = 0; i < events; ++i) {
    // Each event is reported at least once; an agency reports one once, and gives all its reports references, or none of them.
    const size_t first = random.Below(3), tellers = 1 + random.Below(3);
    for (size_t t = 0; t < tellers; ++t) {
      const std::string& sender = senders[(first + t) % 3];
      const absl::CivilDay day = world.events[i];
      CaseReport report = random.Below(2) == 0 ? Event(static_cast<int>(day.year()), day.month(), day.day(), sender)
                                               : Between(day - static_cast<int>(random.Below(200)), day + static_cast<int>(random.Below(200)), sender);
      // Two reports of one agency tell of two events only if they are not of one instant.
      if (report.happened_earliest_ms == report.happened_latest_ms) {
        report.happened_earliest_ms = report.happened_latest_ms += static_cast<int64_t>(i);
      }
      if (sender != "housing") report.event = "event-" + std::to_string(i);
      world.reports.push_back(std::move(report));
    }
  }
  return world;
}

uint32_t TrueCount(const World& world) {
  uint32_t most = 0;
  for (const absl::CivilDay first : world.events) {
    most = std::max(most, static_cast<uint32_t>(std::count_if(world.events.begin(), world.events.end(), [&](absl::CivilDay day) {
                      return day >= first && day <= MonthsLater(first, 12);
                    })));
  }
  return most;
}

TEST(CaseRulesTest, TheCountsHoldWhateverWasTrue) {
  FakeRandom random(20260101);
  size_t sharp = 0;
  for (int i = 0; i < 2500; ++i) {
    const World world = AnyWorld(random);
    const EventCount count = CountEvents(DefaultCaseRules(), world.reports);
    const uint32_t truth = TrueCount(world);
    ASSERT_LE(count.at_least, truth) << "world " << i;
    ASSERT_GE(count.at_most, truth) << "world " << i;
    sharp += count.at_least == truth;
  }
  EXPECT_GT(sharp, 1250u) << "a bound that says nothing would hold too";
}

// Against every assignment of days: with references, and ranges on a grid, the bounds are the least and the most there can be.
TEST(CaseRulesTest, TheBoundsAreThoseOfAllExactDates) {
  FakeRandom random(7);
  size_t equal = 0;
  for (int i = 0; i < 400; ++i) {
    std::vector<CaseReport> reports;
    std::vector<std::pair<int, int>> ranges;  // In months.
    const size_t events = 1 + random.Below(4);
    for (size_t e = 0; e < events; ++e) {
      const int from = static_cast<int>(random.Below(24)), to = from + static_cast<int>(random.Below(10));
      ranges.emplace_back(from, to);
      reports.push_back(Named(Between(absl::CivilDay(absl::CivilMonth(2025, 1) + from), absl::CivilDay(absl::CivilMonth(2025, 1) + to)), std::to_string(e)));
    }
    uint32_t least = UINT32_MAX, most = 0;
    std::vector<int> at(events);
    const std::function<void(size_t)> place = [&](size_t e) {
      if (e < events) {
        for (at[e] = ranges[e].first; at[e] <= ranges[e].second; ++at[e]) place(e + 1);
        return;
      }
      World world;
      for (const int month : at) world.events.push_back(absl::CivilDay(absl::CivilMonth(2025, 1) + month));
      const uint32_t count = TrueCount(world);
      least = std::min(least, count), most = std::max(most, count);
    };
    place(0);
    const EventCount count = CountEvents(DefaultCaseRules(), reports);
    ASSERT_LE(count.at_least, least) << "case " << i;
    ASSERT_EQ(count.at_most, most) << "case " << i;
    equal += count.at_least == least;
  }
  EXPECT_GE(equal, 395u) << "days between the months of the grid may be lower still";
}

}  // namespace
}  // namespace accord::referral::case_rules_test
