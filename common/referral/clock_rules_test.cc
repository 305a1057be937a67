// By when what is due, on which calendar, and which rules are refused.
#include "common/referral/clock_rules.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/base/working_days.h"
#include "common/referral/decision.h"

namespace accord::referral::clock_rules_test {
namespace {

using namespace type::v1;  // NOLINT

absl::Time Utc(int year, int month, int day, int hour = 0, int minute = 0) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute, 0), absl::UTCTimeZone());
}

const absl::Time kChristmasEve = Utc(2026, 12, 24, 15);  // A Thursday; until Tuesday 29 December nobody works.

Clocked Of(ReferralType type, Lane lane, AgencyKind kind, absl::Time stored) {
  return {type, lane, kind, HolidaysOf(DefaultClockRules(), std::vector<std::string>{"E06000047"}), stored};
}

TEST(ClockRulesTest, TheBuiltInOnesHold) {
  EXPECT_EQ(ValidateClockRules(DefaultClockRules()), absl::OkStatus());
  EXPECT_EQ(DefaultClockRules().version, "clocks-1.2");
  const std::vector<ClockRules> all = BuiltInClockRules();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].version, "clocks-1");
  EXPECT_EQ(all[1].version, "clocks-1.1");
  EXPECT_EQ(all[2].version, "clocks-1.2");
  EXPECT_EQ(all[0].responses.size(), 4u) << "one text for ever";
  EXPECT_TRUE(all[0].before_school.empty() && all[1].before_school.empty());
  EXPECT_EQ(ValidateClockRules(all[0]), absl::OkStatus());
}

TEST(ClockRulesTest, DangerKeepsNoCalendarAndTheRestDoes) {
  const ClockRules rules = DefaultClockRules();
  const auto pick_up = [&](Lane lane) { return PickUpDue(rules, Of(REFERRAL_TYPE_REFERRAL, lane, AGENCY_KIND_IDVA, kChristmasEve)); };
  EXPECT_EQ(pick_up(LANE_IMMEDIATE), kChristmasEve + absl::Minutes(30));
  EXPECT_EQ(pick_up(LANE_HIGH), kChristmasEve + absl::Hours(24));
  EXPECT_EQ(pick_up(LANE_MEDIUM), Utc(2027, 1, 1)) << "29, 30, 31 December";
  EXPECT_EQ(pick_up(LANE_STANDARD), Utc(2027, 1, 6)) << "and 4, 5 January: the first is a holiday";
  EXPECT_EQ(pick_up(LANE_NOTICES), std::nullopt);
}

TEST(ClockRulesTest, ADayIsOneOfLondons) {
  const ClockRules rules = DefaultClockRules();
  const auto due = [&](absl::Time stored) { return *ResponseDue(rules, Of(REFERRAL_TYPE_REFERRAL, LANE_STANDARD, AGENCY_KIND_CHILDRENS_SERVICES, stored)); };
  EXPECT_EQ(due(Utc(2026, 11, 24, 10)), EndOfNextWorkingDay(Utc(2026, 11, 24, 10)));
  EXPECT_EQ(due(Utc(2026, 7, 6, 22, 59)), Utc(2026, 7, 7, 23)) << "Monday at one minute to midnight in summer";
  EXPECT_EQ(due(Utc(2026, 7, 6, 23)), Utc(2026, 7, 8, 23)) << "and at Tuesday's midnight";
}

TEST(ClockRulesTest, TheEarlierOfLaneAndKindIsWhenToAnswer) {
  const ClockRules rules = DefaultClockRules();
  const auto response = [&](Lane lane, AgencyKind kind, absl::Time stored) { return *ResponseDue(rules, Of(REFERRAL_TYPE_REFERRAL, lane, kind, stored)); };
  EXPECT_EQ(response(LANE_IMMEDIATE, AGENCY_KIND_CHILDRENS_SERVICES, kChristmasEve), kChristmasEve + absl::Hours(24));
  EXPECT_EQ(response(LANE_HIGH, AGENCY_KIND_IDVA, kChristmasEve), kChristmasEve + absl::Hours(72));
  EXPECT_EQ(response(LANE_HIGH, AGENCY_KIND_CHILDRENS_SERVICES, kChristmasEve), kChristmasEve + absl::Hours(72));
  const absl::Time tuesday = Utc(2026, 11, 24, 10);
  EXPECT_EQ(response(LANE_HIGH, AGENCY_KIND_CHILDRENS_SERVICES, tuesday), Utc(2026, 11, 26)) << "Wednesday's end is before 72 hours";
  EXPECT_EQ(response(LANE_STANDARD, AGENCY_KIND_IDVA, tuesday), Utc(2026, 12, 2));
}

TEST(ClockRulesTest, ARequestForInformationIsAnsweredByItsLaneWhoeverIsAsked) {
  const absl::Time tuesday = Utc(2026, 11, 24, 10);
  for (const AgencyKind kind : {AGENCY_KIND_HEALTH, AGENCY_KIND_CHILDRENS_SERVICES}) {
    const auto response = [&](Lane lane) { return *ResponseDue(DefaultClockRules(), Of(REFERRAL_TYPE_REQUEST_FOR_INFORMATION, lane, kind, tuesday)); };
    EXPECT_EQ(response(LANE_IMMEDIATE), tuesday + absl::Hours(4));
    EXPECT_EQ(response(LANE_HIGH), tuesday + absl::Hours(24));
    EXPECT_EQ(response(LANE_MEDIUM), Utc(2026, 11, 28)) << "Wednesday, Thursday, Friday";
    EXPECT_EQ(response(LANE_STANDARD), Utc(2026, 12, 2));
  }
  const Clocked old = Of(REFERRAL_TYPE_REQUEST_FOR_INFORMATION, LANE_HIGH, AGENCY_KIND_HEALTH, tuesday);
  EXPECT_EQ(*ResponseDue(BuiltInClockRules()[0], old), tuesday + absl::Hours(72)) << "what was asked under the older rules";
}

TEST(ClockRulesTest, NoClockRunsForWhatNobodyHasToAnswer) {
  const ClockRules rules = DefaultClockRules();
  for (const ReferralType type : {REFERRAL_TYPE_NOTIFICATION, REFERRAL_TYPE_EVENT_NOTICE}) {
    for (const Lane lane : {LANE_IMMEDIATE, LANE_HIGH}) EXPECT_TRUE(PickUpDue(rules, Of(type, lane, AGENCY_KIND_IDVA, kChristmasEve)).has_value());
    for (const Lane lane : {LANE_MEDIUM, LANE_STANDARD, LANE_NOTICES}) EXPECT_FALSE(PickUpDue(rules, Of(type, lane, AGENCY_KIND_IDVA, kChristmasEve)).has_value());
    EXPECT_FALSE(ResponseDue(rules, Of(type, LANE_IMMEDIATE, AGENCY_KIND_IDVA, kChristmasEve)).has_value());
  }
  for (const ReferralType type : {REFERRAL_TYPE_RESPONSE, REFERRAL_TYPE_NOT_SHARED, REFERRAL_TYPE_SENT_OUTSIDE}) {
    EXPECT_FALSE(PickUpDue(rules, Of(type, LANE_IMMEDIATE, AGENCY_KIND_IDVA, kChristmasEve)).has_value());
    EXPECT_FALSE(ResponseDue(rules, Of(type, LANE_IMMEDIATE, AGENCY_KIND_IDVA, kChristmasEve)).has_value());
  }
  EXPECT_TRUE(ResponseDue(rules, Of(REFERRAL_TYPE_REQUEST_FOR_INFORMATION, LANE_STANDARD, AGENCY_KIND_HEALTH, kChristmasEve)).has_value());
}

TEST(ClockRulesTest, AHolidayIsOneWhereverTheAgencyWorks) {
  ClockRules rules = DefaultClockRules();
  const absl::CivilDay christmas(2026, 12, 25), second(2027, 1, 4), stephen(2026, 12, 28);
  rules.bank_holidays.push_back({{JURISDICTION_SCOTLAND}, {christmas, second}});
  const auto days = [&](std::vector<std::string> areas) { return HolidaysOf(rules, areas); };
  EXPECT_TRUE(days({}).contains(stephen)) << "England, where nothing is said";
  EXPECT_TRUE(days({"E06000047", "W06000001"}).contains(stephen));
  EXPECT_TRUE(days({"S12000033"}).contains(second));
  EXPECT_EQ(days({"E06000047", "S12000033"}), std::set<absl::CivilDay>{christmas});
  EXPECT_TRUE(days({"E06000047", "N09000001"}).empty()) << "not known there: early rather than late";
}

TEST(ClockRulesTest, StepsFollowTheAllowance) {
  const ClockRules rules = DefaultClockRules();
  const absl::Time stored = Utc(2026, 11, 24, 10), due = stored + absl::Hours(24);
  const auto at = [&](EscalationStep step, bool immediate) { return StepTime(rules, step, immediate, stored, due) - due; };
  EXPECT_EQ(at(ESCALATION_STEP_REMINDER, false), absl::ZeroDuration());
  EXPECT_EQ(at(ESCALATION_STEP_MANAGERS, false), absl::Hours(6));
  EXPECT_EQ(at(ESCALATION_STEP_DEPUTY, false), absl::Hours(12));
  EXPECT_EQ(at(ESCALATION_STEP_SENDER, false), absl::Hours(24));
  EXPECT_EQ(at(ESCALATION_STEP_REMINDER, true), absl::ZeroDuration());
  EXPECT_EQ(at(ESCALATION_STEP_MANAGERS, true), absl::Minutes(5));
  EXPECT_EQ(at(ESCALATION_STEP_DEPUTY, true), absl::Minutes(10));
  EXPECT_EQ(at(ESCALATION_STEP_SENDER, true), absl::Minutes(15));
}

TEST(ClockRulesTest, WhatContradictsItselfIsRefused) {
  const std::vector<std::pair<const char*, std::function<void(ClockRules&)>>> wrong = {
      {"no version", [](ClockRules& r) { r.version.clear(); }},
      {"no immediate", [](ClockRules& r) { r.pick_up.erase(LANE_IMMEDIATE); }},
      {"immediate by working days", [](ClockRules& r) { r.pick_up[LANE_IMMEDIATE] = {{}, 1}; }},
      {"immediate late", [](ClockRules& r) { r.pick_up[LANE_IMMEDIATE] = {absl::Minutes(31), 0}; }},
      {"high by working days", [](ClockRules& r) { r.pick_up[LANE_HIGH] = {{}, 1}; }},
      {"high late", [](ClockRules& r) { r.pick_up[LANE_HIGH] = {absl::Hours(25), 0}; }},
      {"no medium", [](ClockRules& r) { r.pick_up.erase(LANE_MEDIUM); }},
      {"standard both", [](ClockRules& r) { r.pick_up[LANE_STANDARD] = {absl::Hours(1), 1}; }},
      {"standard neither", [](ClockRules& r) { r.pick_up[LANE_STANDARD] = {}; }},
      {"standard for ever", [](ClockRules& r) { r.pick_up[LANE_STANDARD] = {{}, kAllowanceDaysMax + 1}; }},
      {"notices", [](ClockRules& r) { r.pick_up[LANE_NOTICES] = {{}, 1}; }},
      {"no last response row", [](ClockRules& r) { r.responses.pop_back(); }},
      {"a row after the last", [](ClockRules& r) { r.responses.push_back(r.responses.back()); }},
      {"a type that nobody answers", [](ClockRules& r) { r.responses[7].types = {REFERRAL_TYPE_NOTIFICATION}; }},
      {"too many rows", [](ClockRules& r) { r.responses.insert(r.responses.begin(), kResponseRowsMax, r.responses[0]); }},
      {"deputy before managers", [](ClockRules& r) { r.percent.deputy = 20; }},
      {"sender before deputy", [](ClockRules& r) { r.immediate_minutes.sender = 9; }},
      {"percent", [](ClockRules& r) { r.percent.sender = kEscalationPercentMax + 1; }},
      {"holidays of nowhere", [](ClockRules& r) { r.bank_holidays[0].jurisdictions.clear(); }},
      {"holidays twice", [](ClockRules& r) { r.bank_holidays.push_back(r.bank_holidays[0]); }},
  };
  for (const auto& [what, alter] : wrong) {
    ClockRules rules = DefaultClockRules();
    alter(rules);
    EXPECT_TRUE(HasReason(ValidateClockRules(rules), Reason::kFieldInvalid)) << what;
  }
  ClockRules rules = DefaultClockRules();
  rules.pick_up[LANE_STANDARD] = {{}, kAllowanceDaysMax};
  rules.percent.sender = kEscalationPercentMax;
  EXPECT_EQ(ValidateClockRules(rules), absl::OkStatus()) << "at the limits";
}

TEST(ClockRulesTest, TheNewestThatHasComeIsInForceAndEachStaysKnown) {
  PolicySources sources;
  EXPECT_EQ(CompiledPolicy(sources).Clocks(Utc(2027, 1, 1)).version, "clocks-1.2");
  ClockRules first = BuiltInClockRules()[0], second = DefaultClockRules();
  second.version = "clocks-2";
  second.effective_from = Utc(2027, 1, 1);
  sources.clocks = {first, second};
  const CompiledPolicy policy(sources);
  EXPECT_EQ(policy.Clocks(Utc(2026, 12, 31, 23, 59)).version, "clocks-1");
  EXPECT_EQ(policy.Clocks(Utc(2027, 1, 1)).version, "clocks-2");
  EXPECT_EQ(policy.ClocksOf("clocks-1", Utc(2027, 1, 1)).version, "clocks-1");
  EXPECT_EQ(policy.ClocksOf("gone", Utc(2027, 1, 1)).version, "clocks-2");
}

}  // namespace
}  // namespace accord::referral::clock_rules_test
