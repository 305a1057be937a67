#include "common/policy/clock_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/policy/policy_text.h"
#include "common/policy/reading.h"
#include "common/policy/words.h"
#include "common/referral/identifiers.h"

namespace accord::policy {
namespace {

using namespace type::v1;  // NOLINT: the texts are made of these words.
using referral::ClockRules;

std::optional<absl::CivilDay> ParseDay(std::string_view text) {
  const auto time = ParseTime(text);
  if (!time.has_value() || TimeText(*time) != text) return std::nullopt;
  const auto day = absl::ToCivilDay(*time, absl::UTCTimeZone());
  return absl::FromCivil(day, absl::UTCTimeZone()) == *time ? std::optional(day) : std::nullopt;
}

std::string DayText(absl::CivilDay day) { return TimeText(absl::FromCivil(day, absl::UTCTimeZone())); }

// One of `minutes`, `hours` and `working_days`.
referral::Allowance ReadAllowance(config::Table& table) {
  const int given = table.Has("minutes") + table.Has("hours") + table.Has("working_days");
  constexpr int64_t kMinutesMax = referral::kAllowanceMinutesMax;
  const int64_t minutes = table.OptionalInt("minutes", 0, 1, kMinutesMax), hours = table.OptionalInt("hours", 0, 1, kMinutesMax / 60);
  const int64_t days = table.OptionalInt("working_days", 0, 1, referral::kAllowanceDaysMax);
  if (given != 1) table.Reject("working_days", "one of `minutes`, `hours` and `working_days` is needed, and one alone");
  return {absl::Minutes(minutes) + absl::Hours(hours), static_cast<uint32_t>(days)};
}

void ReadHolidays(config::Table& table, ClockRules& rules) {
  auto& row = rules.bank_holidays.emplace_back();
  const auto jurisdictions = Words<Jurisdiction>(table, "jurisdictions");
  row.jurisdictions.insert(jurisdictions.begin(), jurisdictions.end());
  for (const std::string& text : table.Strings("days")) {
    const auto day = ParseDay(text);
    if (!day.has_value()) {
      table.Reject("days", fmt::format("`{}` is no day; one such as 2026-12-25 is needed", text));
    } else if (!row.days.insert(*day).second) {
      table.Reject("days", fmt::format("{} is there twice", text));
    }
  }
}

// The two that are the same for everybody may be left out; they may not be said otherwise.
void ReadPickUp(config::Table& table, ClockRules& rules) {
  const Lane lane = RequiredWord<Lane>(table, "lane");
  const referral::Allowance within = ReadAllowance(table);
  if (lane == LANE_IMMEDIATE && within != referral::Allowance{referral::kImmediatePickUp, 0}) {
    table.Reject("lane", "immediate is opened within 30 minutes, elapsed, whatever the calendar");
  } else if (lane == LANE_HIGH && within != referral::Allowance{referral::kHighPickUp, 0}) {
    table.Reject("lane", "high is opened within 24 hours, elapsed, whatever the calendar");
  } else if (lane == LANE_NOTICES) {
    table.Reject("lane", "no clock runs for notices");
  } else if (lane != LANE_IMMEDIATE && lane != LANE_HIGH && !rules.pick_up.emplace(lane, within).second) {
    table.Reject("lane", "there are two rows of this lane");
  }
}

void ReadResponse(config::Table& table, ClockRules& rules) {
  auto& row = rules.responses.emplace_back();
  row.lane = OptionalWord(table, "lane", LANE_UNSPECIFIED);
  row.kinds = Words<AgencyKind>(table, "kinds");
  row.types = Words<ReferralType>(table, "types");
  row.within = ReadAllowance(table);
}

void ReadBeforeSchool(config::Table& table, ClockRules& rules) {
  auto& row = rules.before_school.emplace_back();
  row.types = Words<ReferralType>(table, "types");
  row.purposes = Words<Purpose>(table, "purposes");
  row.from_kinds = Words<AgencyKind>(table, "from_kinds");
  row.to_kinds = Words<AgencyKind>(table, "to_kinds");
}

std::optional<absl::CivilDay> ReadDay(config::Table& table, std::string_view key) {
  const std::string text = table.RequiredString(key);
  const auto day = ParseDay(text);
  if (!day.has_value() && !text.empty()) table.Reject(key, fmt::format("`{}` is no day; one such as 2026-12-18 is needed", text));
  return day;
}

// "2026-11-02", or "2026-10-26/2026-10-30", both of which are meant.
void ReadClosed(config::Table& table, const std::string& text, referral::SchoolTerm& term) {
  const size_t slash = std::min(text.find('/'), text.size());
  const auto first = ParseDay(std::string_view(text).substr(0, slash));
  const auto last = slash == text.size() ? first : ParseDay(std::string_view(text).substr(slash + 1));
  if (!first.has_value() || !last.has_value() || *last < *first) {
    return table.Reject("closed", fmt::format("`{}` is no day; one such as 2026-11-02, or several such as 2026-10-26/2026-10-30, are needed", text));
  }
  // Checked first, so that the days between are few.
  if (*first < term.first || *last > term.last) return table.Reject("closed", fmt::format("{} is not in the term", text));
  for (absl::CivilDay day = *first; day <= *last; ++day) {
    if (!term.closed.insert(day).second) return table.Reject("closed", fmt::format("{} is there twice", DayText(day)));
  }
}

// "08:45", as minutes after midnight.
uint32_t ReadBegins(config::Table& table) {
  const std::string text = table.OptionalString("begins", MinuteText(referral::kSchoolBeginsMinute));
  for (uint32_t minute = referral::kSchoolBeginsMinuteMin; minute <= referral::kSchoolBeginsMinuteMax; ++minute) {
    if (MinuteText(minute) == text) return minute;
  }
  table.Reject("begins", fmt::format("a time such as 08:45 is needed, from {} to {}", MinuteText(referral::kSchoolBeginsMinuteMin),
                                     MinuteText(referral::kSchoolBeginsMinuteMax)));
  return referral::kSchoolBeginsMinute;
}

void ReadTerm(config::Table& table, ClockRules& rules) {
  auto& term = rules.school_terms.emplace_back();
  for (const std::string& area : table.Strings("areas")) {
    if (!referral::IsGssCode(area)) {
      table.Reject("areas", fmt::format("`{}` is no GSS code; one such as E06000047 is needed", area));
    } else if (!term.areas.insert(area).second) {
      table.Reject("areas", fmt::format("{} is there twice", area));
    }
  }
  if (table.Has("areas") && term.areas.empty()) table.Reject("areas", "is empty: leave it out for wherever no term names the area");
  const auto first = ReadDay(table, "first_day"), last = ReadDay(table, "last_day");
  term.first = first.value_or(absl::CivilDay()), term.last = last.value_or(term.first);
  if (term.last < term.first) table.Reject("last_day", "is before the first");
  if (term.last - term.first >= referral::kSchoolTermDaysMax) {
    table.Reject("last_day", fmt::format("is more than {} days from the first", referral::kSchoolTermDaysMax));
    term.last = term.first;
  }
  const std::vector<std::string> closed = table.Strings("closed");
  if (first.has_value() && last.has_value()) {
    for (const std::string& text : closed) ReadClosed(table, text, term);
  }
  term.begins = ReadBegins(table);
}

ClockRules::Steps ReadSteps(config::Table table, std::string_view unit, uint32_t max) {
  const auto read = [&](std::string_view who) {
    return static_cast<uint32_t>(table.RequiredInt(fmt::format("{}_{}", who, unit), 0, max));
  };
  return {read("managers"), read("deputy"), read("sender")};
}

std::string AllowanceKey(const referral::Allowance& within) {
  if (within.working_days > 0) return fmt::format("working_days = {}\n", within.working_days);
  const int64_t minutes = absl::ToInt64Minutes(within.elapsed);
  return minutes % 60 == 0 ? fmt::format("hours = {}\n", minutes / 60) : fmt::format("minutes = {}\n", minutes);
}

template <typename List, typename Text>
std::string Listed(std::string_view key, const List& list, Text text) {
  std::vector<std::string> quoted;
  for (const auto& value : list) quoted.push_back(fmt::format("\"{}\"", text(value)));
  return list.empty() ? "" : fmt::format("{} = [{}]\n", key, fmt::join(quoted, ", "));
}

}  // namespace

absl::StatusOr<ClockRules> ParseClockRules(std::string_view text, const std::string& name) {
  const auto malformed = [](std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", "clock_rules"}}); };
  if (!IsUtf8(text)) return malformed(fmt::format("{}: the text is not UTF-8", name));
  if (text.size() > kPolicyTextBytesMax) return malformed(fmt::format("{}: the text is over {} bytes", name, kPolicyTextBytesMax));
  auto root = config::Table::Parse(text, name);
  if (!root.ok()) return malformed(FromAbsl(root.status().message()));
  ClockRules rules;
  rules.version = root->RequiredString("version");
  rules.effective_from = RequiredTime(*root, "effective_from");
  rules.pick_up = {{LANE_IMMEDIATE, {referral::kImmediatePickUp, 0}}, {LANE_HIGH, {referral::kHighPickUp, 0}}};
  std::vector<config::Table> rows = root->Tables("bank_holidays");
  for (config::Table& row : rows) ReadHolidays(row, rules);
  rows = root->Tables("pick_up");
  for (config::Table& row : rows) ReadPickUp(row, rules);
  rows = root->Tables("response");
  for (config::Table& row : rows) ReadResponse(row, rules);
  rows = root->Tables("before_school");
  for (config::Table& row : rows) ReadBeforeSchool(row, rules);
  rows = root->Tables("school_terms");
  for (config::Table& row : rows) ReadTerm(row, rules);
  rules.percent = ReadSteps(root->Section("escalation"), "percent", referral::kEscalationPercentMax);
  rules.immediate_minutes = ReadSteps(root->Section("escalation_immediate"), "minutes", referral::kEscalationMinutesMax);
  if (const absl::Status finished = root->Finish(); !finished.ok()) return malformed(FromAbsl(finished.message()));
  if (const absl::Status valid = referral::ValidateClockRules(rules); !valid.ok()) {
    return malformed(fmt::format("{}: {}", name, FromAbsl(valid.message())));
  }
  return rules;
}

std::string ClockRulesText(const ClockRules& rules) {
  const absl::Time from = rules.effective_from == absl::InfinitePast() ? absl::UnixEpoch() : rules.effective_from;
  std::string text = fmt::format("version = \"{}\"\neffective_from = \"{}\"\n", rules.version, TimeText(from));
  for (const auto& row : rules.bank_holidays) {
    text += "\n[[bank_holidays]]\n" + Listed("jurisdictions", row.jurisdictions, [](Jurisdiction one) { return ToWord(one); });
    text += Listed("days", row.days, DayText);
  }
  for (const auto& [lane, within] : rules.pick_up) text += fmt::format("\n[[pick_up]]\nlane = \"{}\"\n{}", ToWord(lane), AllowanceKey(within));
  for (const auto& row : rules.responses) {
    text += "\n[[response]]\n";
    if (row.lane != LANE_UNSPECIFIED) text += fmt::format("lane = \"{}\"\n", ToWord(row.lane));
    text += Listed("kinds", row.kinds, [](AgencyKind kind) { return ToWord(kind); });
    text += Listed("types", row.types, [](ReferralType type) { return ToWord(type); });
    text += AllowanceKey(row.within);
  }
  const auto kinds = [](AgencyKind kind) { return ToWord(kind); };
  for (const auto& row : rules.before_school) {
    text += "\n[[before_school]]\n" + Listed("types", row.types, [](ReferralType type) { return ToWord(type); });
    text += Listed("purposes", row.purposes, [](Purpose purpose) { return ToWord(purpose); });
    text += Listed("from_kinds", row.from_kinds, kinds) + Listed("to_kinds", row.to_kinds, kinds);
  }
  const auto same = [](const std::string& one) { return one; };
  for (const auto& term : rules.school_terms) {
    text += "\n[[school_terms]]\n" + Listed("areas", term.areas, same);
    text += fmt::format("first_day = \"{}\"\nlast_day = \"{}\"\n", DayText(term.first), DayText(term.last));
    text += Listed("closed", DaysText(term.closed), same) + fmt::format("begins = \"{}\"\n", MinuteText(term.begins));
  }
  const auto steps = [&](std::string_view table, std::string_view unit, const ClockRules::Steps& s) {
    text += fmt::format("\n[{0}]\nmanagers_{1} = {2}\ndeputy_{1} = {3}\nsender_{1} = {4}\n", table, unit, s.managers, s.deputy, s.sender);
  };
  steps("escalation", "percent", rules.percent);
  steps("escalation_immediate", "minutes", rules.immediate_minutes);
  return text;
}

std::string AllowanceText(const referral::Allowance& within) {
  if (within.working_days > 0) return fmt::format("{} working day{}", within.working_days, within.working_days == 1 ? "" : "s");
  const int64_t minutes = absl::ToInt64Minutes(within.elapsed);
  return minutes % 60 == 0 ? fmt::format("{} hour{}", minutes / 60, minutes == 60 ? "" : "s") : fmt::format("{} minutes", minutes);
}

std::vector<std::string> DaysText(const std::set<absl::CivilDay>& days) {
  std::vector<std::string> texts;
  for (auto day = days.begin(); day != days.end();) {
    const absl::CivilDay first = *day;
    absl::CivilDay last = first;
    while (++day != days.end() && *day == last + 1) last = *day;
    texts.push_back(first == last ? DayText(first) : fmt::format("{}/{}", DayText(first), DayText(last)));
  }
  return texts;
}

std::string MinuteText(uint32_t minute) { return fmt::format("{:02}:{:02}", minute / 60, minute % 60); }

}  // namespace accord::policy
