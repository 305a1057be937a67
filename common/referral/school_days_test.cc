// When school next begins, by the terms of an area and without any; which terms are refused; and by when a child notice is opened.
#include "common/referral/school_days.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/referral/clock_rules.h"

namespace accord::referral::school_days_test {
namespace {

using namespace type::v1;  // NOLINT
using absl::CivilDay;
using ::testing::HasSubstr;

constexpr const char* kArea = "E06000047";
constexpr absl::Duration kMoment = absl::Milliseconds(1);

absl::Time Utc(int year, int month, int day, int hour = 0, int minute = 0) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute, 0), absl::UTCTimeZone());
}
const absl::Time kFridayNight = Utc(2026, 11, 27, 23, 10);

// Autumn with half-term and an INSET day, and spring, of one area.
std::vector<SchoolTerm> Terms() {
  SchoolTerm autumn = {.areas = {kArea}, .first = CivilDay(2026, 9, 1), .last = CivilDay(2026, 12, 18)};
  for (int day = 26; day <= 30; ++day) autumn.closed.insert(CivilDay(2026, 10, day));
  autumn.closed.insert(CivilDay(2026, 11, 30));
  return {autumn, {.areas = {kArea}, .first = CivilDay(2027, 1, 5), .last = CivilDay(2027, 3, 25), .begins = 9 * 60}};
}
std::set<CivilDay> Holidays() { return HolidaysOf(DefaultClockRules(), std::vector<std::string>{kArea}); }
absl::Time Next(absl::Time after, std::string_view area = kArea) { return NextSchoolStart(Terms(), area, Holidays(), after); }

TEST(SchoolDaysTest, ItIsTheNextBeginningAndNeverTheOneThatHasCome) {
  const absl::Time thursday = Utc(2026, 11, 26, 8, 45), friday = Utc(2026, 11, 27, 8, 45);
  EXPECT_EQ(Next(thursday - kMoment), thursday) << "the same morning";
  EXPECT_EQ(Next(thursday), friday) << "strictly after";
  EXPECT_EQ(Next(thursday + kMoment), friday);
}

TEST(SchoolDaysTest, WeekendsHolidaysAndDaysThatAreClosedAreNone) {
  EXPECT_EQ(Next(kFridayNight), Utc(2026, 12, 1, 8, 45)) << "Monday is an INSET day";
  EXPECT_EQ(Next(Utc(2026, 10, 23, 8, 45)), Utc(2026, 11, 2, 8, 45)) << "half-term";
  EXPECT_EQ(Next(Utc(2026, 12, 18, 8, 45)), Utc(2027, 1, 5, 9)) << "the first day of term, which begins later";
  auto terms = Terms();
  terms[1].first = CivilDay(2027, 1, 1);
  EXPECT_EQ(NextSchoolStart(terms, kArea, Holidays(), Utc(2026, 12, 20)), Utc(2027, 1, 4, 9)) << "New Year's Day is a bank holiday in any term";
  EXPECT_EQ(NextSchoolStart(terms, kArea, {}, Utc(2026, 12, 20)), Utc(2027, 1, 1, 9)) << "where that is not known";
}

TEST(SchoolDaysTest, ByLondonsClock) {
  EXPECT_EQ(Next(Utc(2026, 9, 3, 7, 44)), Utc(2026, 9, 3, 7, 45)) << "a quarter to nine in summer";
  EXPECT_EQ(Next(Utc(2026, 9, 3, 7, 45)), Utc(2026, 9, 4, 7, 45));
  EXPECT_EQ(NextSchoolStart({}, "", {}, Utc(2026, 10, 23, 12)), Utc(2026, 10, 26, 8, 45)) << "the clock was put back on Sunday";
  EXPECT_EQ(NextSchoolStart({}, "", {}, Utc(2027, 3, 26, 12)), Utc(2027, 3, 29, 7, 45)) << "and forward";
}

TEST(SchoolDaysTest, WhereNoTermIsKnownEveryWeekdayIsOneButBankHolidays) {
  EXPECT_EQ(Next(Utc(2026, 12, 24, 15), "E06000052"), Utc(2026, 12, 29, 8, 45)) << "an area without terms";
  EXPECT_EQ(Next(Utc(2026, 12, 24, 15), ""), Utc(2026, 12, 29, 8, 45)) << "of no area";
  EXPECT_EQ(Next(Utc(2026, 8, 28, 12)), Utc(2026, 9, 1, 7, 45)) << "the 31st, before the first term, is a bank holiday";
  EXPECT_EQ(Next(Utc(2026, 8, 27, 12)), Utc(2026, 8, 28, 7, 45)) << "before the first term";
  EXPECT_EQ(Next(Utc(2027, 3, 25, 12)), Utc(2027, 3, 30, 7, 45)) << "after the last, by the earliest time of day; Easter is no school day";
}

TEST(SchoolDaysTest, TermsWithoutAreasAreForThoseThatHaveNoneOfTheirOwn) {
  auto terms = Terms();
  terms.push_back({.areas = {}, .first = CivilDay(2026, 9, 7), .last = CivilDay(2026, 12, 11), .begins = 8 * 60 + 30});
  terms.push_back({.areas = {}, .first = CivilDay(2027, 1, 11), .last = CivilDay(2027, 3, 19), .begins = 8 * 60 + 30});
  EXPECT_EQ(ValidateSchoolTerms(terms), absl::OkStatus());
  const absl::Time saturday = Utc(2026, 12, 12);
  EXPECT_EQ(NextSchoolStart(terms, kArea, Holidays(), saturday), Utc(2026, 12, 14, 8, 45));
  EXPECT_EQ(NextSchoolStart(terms, "E06000052", Holidays(), saturday), Utc(2027, 1, 11, 8, 30));
  EXPECT_EQ(NextSchoolStart(terms, "", Holidays(), saturday), Utc(2027, 1, 11, 8, 30));
}

TEST(SchoolDaysTest, TermsThatContradictThemselvesAreRefused) {
  using List = std::vector<SchoolTerm>;
  const auto many = [](List& terms, size_t count) {
    terms.clear();
    for (size_t i = 0; i < count; ++i) terms.push_back({.areas = {}, .first = CivilDay(2026, 9, 1) + static_cast<int>(i), .last = CivilDay(2026, 9, 1) + static_cast<int>(i)});
  };
  const auto areas = [](List& terms, size_t count) {
    for (size_t i = terms[0].areas.size(); i < count; ++i) terms[0].areas.insert("E0700" + std::to_string(1000 + i));
  };
  // In order: wrong, with what is said of it; and what is just right.
  const std::vector<std::pair<std::string, std::function<void(List&)>>> wrong = {
      {"over 500", [&](List& t) { many(t, kSchoolTermsMax + 1); }},
      {"over 400 areas", [&](List& t) { areas(t, kSchoolTermAreasMax + 1); }},
      {"no GSS code", [](List& t) { t[0].areas.insert("Durham"); }},
      {"ends before it begins", [](List& t) { t[0].last = t[0].first - 1, t[0].closed.clear(); }},
      {"over 366 days", [](List& t) { t.pop_back(), t[0].last = t[0].first + kSchoolTermDaysMax; }},
      {"not in its term", [](List& t) { t[0].closed.insert(t[0].first - 1); }},
      {"not in its term", [](List& t) { t[0].closed.insert(t[0].last + 1); }},
      {"from 06:00", [](List& t) { t[0].begins = kSchoolBeginsMinuteMin - 1; }},
      {"to 12:00", [](List& t) { t[0].begins = kSchoolBeginsMinuteMax + 1; }},
      {"E06000047, the term from 2026-12-18: begins before", [](List& t) { t[1].first = t[0].last; }},
      {"E06000047, the term from 2027-02-26: over 70 days", [](List& t) { --t[0].last, t[1].first = t[0].last + kSchoolHolidayDaysMax + 1; }},
      {"over 70 days", [](List& t) { for (CivilDay day = t[1].first; day <= t[1].last; ++day) t[1].closed.insert(day); }},
      {"without areas, the term from 2026-09-02", [](List& t) { t = {{.areas = {}, .first = CivilDay(2026, 9, 1), .last = CivilDay(2026, 9, 2)}, {.areas = {}, .first = CivilDay(2026, 9, 2), .last = CivilDay(2026, 9, 3)}}; }},
  };
  for (const auto& [what, alter] : wrong) {
    auto terms = Terms();
    alter(terms);
    const absl::Status refused = ValidateSchoolTerms(terms);
    EXPECT_TRUE(HasReason(refused, Reason::kFieldInvalid)) << what;
    EXPECT_THAT(std::string(FromAbsl(refused.message())), HasSubstr(what));
  }
  const std::vector<std::function<void(List&)>> right = {
      [](List&) {},
      [](List& t) { t.clear(); },
      [&](List& t) { many(t, kSchoolTermsMax); },
      [&](List& t) { areas(t, kSchoolTermAreasMax); },
      [](List& t) { t.pop_back(), t[0].last = t[0].first + kSchoolTermDaysMax - 1; },
      [](List& t) { t[0].begins = kSchoolBeginsMinuteMin, t[1].begins = kSchoolBeginsMinuteMax; },
      [](List& t) { t[1].first = t[0].last + 1; },
      [](List& t) { t[1].first = t[0].last + kSchoolHolidayDaysMax; },
      [](List& t) { std::swap(t[0], t[1]); },
      [](List& t) { t[1].areas = {"E06000052"}, t[1].first = t[0].first; },
  };
  for (size_t i = 0; i < right.size(); ++i) {
    auto terms = Terms();
    right[i](terms);
    EXPECT_EQ(ValidateSchoolTerms(terms), absl::OkStatus()) << i;
  }
}

// A child notice of the police, stored on a Friday night, to a recipient of this kind.
Clocked Notice(AgencyKind kind, Lane lane = LANE_NOTICES) {
  Clocked what{REFERRAL_TYPE_NOTIFICATION, lane, kind, Holidays(), kFridayNight};
  what.purpose = PURPOSE_SAFEGUARDING_CHILD;
  what.sender_kind = AGENCY_KIND_POLICE;
  what.areas = {kArea};
  return what;
}
ClockRules WithTerms() {
  ClockRules rules = DefaultClockRules();
  rules.school_terms = Terms();
  return rules;
}
const absl::Time kTuesday = Utc(2026, 12, 1, 8, 45);  // Monday is an INSET day there.

TEST(BeforeSchoolTest, AChildNoticeIsOpenedBeforeTheNextSchoolDay) {
  for (const AgencyKind kind : {AGENCY_KIND_CHILDRENS_SERVICES, AGENCY_KIND_HEALTH, AGENCY_KIND_EDUCATION}) {
    EXPECT_EQ(PickUpDue(WithTerms(), Notice(kind)), kTuesday);
    EXPECT_EQ(PickUpDue(DefaultClockRules(), Notice(kind)), Utc(2026, 11, 30, 8, 45)) << "no term is known";
    EXPECT_FALSE(ResponseDue(WithTerms(), Notice(kind)).has_value()) << "nobody is asked to answer it";
  }
}

TEST(BeforeSchoolTest, DangerOnlyEverComesEarlier) {
  EXPECT_EQ(PickUpDue(WithTerms(), Notice(AGENCY_KIND_EDUCATION, LANE_IMMEDIATE)), kFridayNight + absl::Minutes(30));
  EXPECT_EQ(PickUpDue(WithTerms(), Notice(AGENCY_KIND_EDUCATION, LANE_HIGH)), kFridayNight + absl::Hours(24)) << "hours, at the weekend too";
  Clocked what = Notice(AGENCY_KIND_EDUCATION, LANE_HIGH);
  what.stored = Utc(2026, 12, 1, 8);
  EXPECT_EQ(PickUpDue(WithTerms(), what), kTuesday) << "not 24 hours";
  what.lane = LANE_IMMEDIATE;
  EXPECT_EQ(PickUpDue(WithTerms(), what), what.stored + absl::Minutes(30));
  what.stored = Utc(2026, 12, 1, 8, 30);
  EXPECT_EQ(PickUpDue(WithTerms(), what), kTuesday) << "not 30 minutes";
}

TEST(BeforeSchoolTest, InWhicheverAreaOfTheRecipientSchoolBeginsFirst) {
  Clocked what = Notice(AGENCY_KIND_HEALTH);
  what.areas = {kArea, "E06000052"};
  EXPECT_EQ(PickUpDue(WithTerms(), what), Utc(2026, 11, 30, 8, 45)) << "of the other none is known";
  what.areas = {};
  EXPECT_EQ(PickUpDue(WithTerms(), what), Utc(2026, 11, 30, 8, 45));
  what.stored = Utc(2026, 12, 24, 15);
  EXPECT_EQ(PickUpDue(WithTerms(), what), Utc(2026, 12, 29, 8, 45)) << "without areas, by England's holidays";
  what.areas = {"S12000033"};
  EXPECT_EQ(PickUpDue(WithTerms(), what), Utc(2026, 12, 25, 8, 45)) << "of Scotland no holidays are known: early rather than late";
}

TEST(BeforeSchoolTest, WhatIsNoChildNoticeHasTheClocksThatItHad) {
  const auto due = [](std::function<void(Clocked&)> alter) {
    Clocked what = Notice(AGENCY_KIND_HEALTH);
    alter(what);
    return PickUpDue(WithTerms(), what);
  };
  EXPECT_EQ(due([](Clocked& w) { w.kind = AGENCY_KIND_IDVA; }), std::nullopt);
  EXPECT_EQ(due([](Clocked& w) { w.kind = AGENCY_KIND_UNSPECIFIED; }), std::nullopt);
  EXPECT_EQ(due([](Clocked& w) { w.sender_kind = AGENCY_KIND_IDVA; }), std::nullopt);
  EXPECT_EQ(due([](Clocked& w) { w.purpose = PURPOSE_SAFEGUARDING_ADULT; }), std::nullopt);
  EXPECT_EQ(due([](Clocked& w) { w.type = REFERRAL_TYPE_EVENT_NOTICE; }), std::nullopt);
  EXPECT_EQ(due([](Clocked& w) { w.type = REFERRAL_TYPE_REFERRAL, w.lane = LANE_MEDIUM; }), Utc(2026, 12, 3)) << "three working days";
  for (const ClockRules& old : {BuiltInClockRules()[0], BuiltInClockRules()[1]}) {
    EXPECT_EQ(PickUpDue(old, Notice(AGENCY_KIND_EDUCATION)), std::nullopt) << old.version << ": as it was";
  }
}

TEST(BeforeSchoolTest, ARowWithoutConditionsIsOfAllThatIsOpened) {
  ClockRules rules = WithTerms();
  rules.before_school = {{}};
  Clocked what = Notice(AGENCY_KIND_IDVA, LANE_STANDARD);
  what.type = REFERRAL_TYPE_REFERRAL;
  EXPECT_EQ(PickUpDue(rules, what), kTuesday);
  for (const ReferralType type : {REFERRAL_TYPE_RESPONSE, REFERRAL_TYPE_NOT_SHARED, REFERRAL_TYPE_SENT_OUTSIDE}) {
    what.type = type;
    EXPECT_EQ(PickUpDue(rules, what), std::nullopt);
  }
  EXPECT_EQ(ValidateClockRules(rules), absl::OkStatus());
  for (const ReferralType type : {REFERRAL_TYPE_CORRECTION, REFERRAL_TYPE_RESPONSE, REFERRAL_TYPE_NOT_SHARED, REFERRAL_TYPE_SENT_OUTSIDE}) {
    rules.before_school[0].types = {type};
    EXPECT_TRUE(HasReason(ValidateClockRules(rules), Reason::kFieldInvalid)) << type;
  }
  rules.before_school.assign(kBeforeSchoolRowsMax, {});
  EXPECT_EQ(ValidateClockRules(rules), absl::OkStatus());
  rules.before_school.emplace_back();
  EXPECT_TRUE(HasReason(ValidateClockRules(rules), Reason::kFieldInvalid));
  rules.before_school.clear();
  rules.school_terms[1].first = rules.school_terms[0].last;
  EXPECT_TRUE(HasReason(ValidateClockRules(rules), Reason::kFieldInvalid)) << "terms are looked at too";
}

}  // namespace
}  // namespace accord::referral::school_days_test
