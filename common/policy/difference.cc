#include "common/policy/difference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "common/policy/case_text.h"
#include "common/policy/clock_text.h"
#include "common/policy/reading.h"
#include "common/policy/words.h"

namespace accord::policy {
namespace {

using Values = std::set<std::string>;

// One key of a document or route. A list's values are a set; of a single value `values` is empty when it is not set.
struct Field {
  std::string key;
  bool list;
  Values values;
};
using Fields = std::vector<Field>;

template <typename Enum>
Field Coded(std::string_view key, const std::vector<Enum>& list) {
  Field field{std::string(key), true, {}};
  for (const Enum value : list) field.values.insert(ToWord(value));
  return field;
}
Field Texts(std::string_view key, const std::vector<std::string>& list) {
  return {std::string(key), true, Values(list.begin(), list.end())};
}
Field One(std::string_view key, const std::string& value) {
  return {std::string(key), false, value.empty() ? Values() : Values{value}};
}
template <typename Enum>
Field OneCoded(std::string_view key, Enum value) {
  return One(key, value == Enum() ? "" : ToWord(value));
}
Field Flag(std::string_view key, bool value) { return One(key, value ? "true" : ""); }
Field Number(std::string_view key, std::optional<uint32_t> value) {
  return One(key, value.has_value() ? fmt::format("{}", *value) : "");
}
Field Moment(std::string_view key, absl::Time time) {
  return One(key, time == absl::InfinitePast() || time == absl::InfiniteFuture() ? "" : TimeText(time));
}

Fields RouteFields(const referral::Route& route) {
  return {Coded("from_kinds", route.from_kinds),
          Texts("from_agencies", route.from_agencies),
          Coded("to_kinds", route.to_kinds),
          Texts("to_agencies", route.to_agencies),
          Texts("to_forums", route.to_forums),
          Coded("purposes", route.purposes),
          Coded("categories", route.categories),
          Texts("areas", route.areas),
          Texts("specialisms", route.specialisms),
          Coded("instruments", route.instruments),
          OneCoded("min_grade", route.min_grade),
          OneCoded("max_grade", route.max_grade),
          Number("min_score", route.min_score),
          Number("max_score", route.max_score),
          One("forum", route.forum),
          Flag("needs_consent", route.needs_consent),
          Coded("gateways", route.gateways),
          Coded("article6", route.article6),
          Coded("article9", route.article9),
          Coded("criminal_offence", route.criminal_offence),
          Flag("confidential_address", route.confidential_address),
          Number("retention_days", route.retention_days == 0 ? std::nullopt : std::optional(route.retention_days)),
          OneCoded("onward", route.onward),
          Number("feedback_working_days", route.feedback_working_days == 0 ? std::nullopt : std::optional(route.feedback_working_days))};
}

std::string Joined(const Values& values) { return values.empty() ? "not set" : fmt::format("{}", fmt::join(values, ", ")); }

Values Less(const Values& from, const Values& what) {
  Values left;
  std::set_difference(from.begin(), from.end(), what.begin(), what.end(), std::inserter(left, left.end()));
  return left;
}

// REQUIRES: the same keys in the same order.
void DiffFields(std::string_view prefix, const Fields& before, const Fields& after, std::vector<std::string>& lines) {
  for (size_t i = 0; i < before.size(); ++i) {
    const Field &old = before[i], &now = after[i];
    if (old.values == now.values) continue;
    std::string what;
    if (!old.list) {
      what = fmt::format("{} -> {}", Joined(old.values), Joined(now.values));
    } else {
      const Values added = Less(now.values, old.values), removed = Less(old.values, now.values);
      if (!added.empty()) what = "added " + Joined(added);
      if (!removed.empty()) what += (what.empty() ? "removed " : "; removed ") + Joined(removed);
      // An empty list is no condition, or nobody: that is not a matter of what was added.
      if (now.values.empty()) what += "; now not set";
      if (old.values.empty()) what += "; was not set";
    }
    lines.push_back(fmt::format("{}{}: {}", prefix, old.key, what));
  }
}

std::vector<std::string> Said(const Fields& fields) {
  std::vector<std::string> lines;
  for (const Field& field : fields) {
    if (!field.values.empty()) lines.push_back(fmt::format("{}: {}", field.key, Joined(field.values)));
  }
  return lines;
}

// A thing that is only in one of two: its name, then what it says.
void Whole(std::string_view name, std::string_view what, const Fields& fields, std::vector<std::string>& lines) {
  lines.push_back(fmt::format("{}: {}", name, what));
  for (const std::string& said : Said(fields)) lines.push_back(fmt::format("{}: {}", name, said));
}

// Things of two documents by name. One name may stand for several of them.
using Named = std::map<std::string, std::vector<Fields>>;

void DiffNamed(const Named& before, const Named& after, std::vector<std::string>& lines) {
  std::set<std::string> names;
  for (const Named* side : {&before, &after}) {
    for (const auto& [name, unused] : *side) names.insert(name);
  }
  const auto find = [](const Named& side, const std::string& name) {
    const auto found = side.find(name);
    return found == side.end() ? std::vector<Fields>() : found->second;
  };
  for (const std::string& name : names) {
    std::vector<Fields> old = find(before, name), now = find(after, name);
    if (old.size() == 1 && now.size() == 1) {
      DiffFields(name + ": ", old.front(), now.front(), lines);
      continue;
    }
    // Several of one name: those that are on both sides go, whatever their order.
    for (auto row = old.begin(); row != old.end();) {
      const auto same = std::find_if(now.begin(), now.end(), [&](const Fields& other) { return Said(other) == Said(*row); });
      if (same == now.end()) {
        ++row;
        continue;
      }
      now.erase(same);
      row = old.erase(row);
    }
    for (const Fields& row : old) Whole(name, "removed; it said", row, lines);
    for (const Fields& row : now) Whole(name, "added", row, lines);
  }
}

Named RoutesOf(const referral::Agreement& agreement) {
  Named routes;
  for (const referral::Route& route : agreement.routes) routes["route " + route.id].push_back(RouteFields(route));
  return routes;
}

Fields Head(std::string_view version, absl::Time effective_from) {
  return {One("version", std::string(version)), Moment("effective_from", effective_from)};
}

Named RowsOf(const referral::LegalRegister& law) {
  Named rows;
  for (const auto& row : law.gateways) {
    rows["gateway " + ToWord(row.gateway)].push_back(
        {Coded("jurisdictions", std::vector(row.jurisdictions.begin(), row.jurisdictions.end())), Moment("from", row.from),
         Moment("until", row.until), One("by_itself", row.by_itself ? "true" : "false"),
         One("replaces_consent", row.replaces_consent ? "true" : "false")});
  }
  for (const auto& row : law.bases) {
    rows["basis " + ToWord(row.article6)].push_back({Moment("from", row.from), Moment("until", row.until)});
  }
  return rows;
}

std::vector<std::string> RecipientsOf(const referral::EmergencySchedule& schedule) {
  std::vector<std::string> recipients;
  for (const auto& recipient : schedule.recipients) {
    const Values specialisms(recipient.specialisms.begin(), recipient.specialisms.end());
    recipients.push_back(specialisms.empty() ? ToWord(recipient.kind)
                                             : fmt::format("{} ({})", ToWord(recipient.kind), fmt::join(specialisms, " or ")));
  }
  return recipients;
}

Fields ScheduleFields(const referral::EmergencySchedule& schedule) {
  Fields fields = Head(schedule.version, schedule.effective_from);
  fields.push_back(Texts("recipients", RecipientsOf(schedule)));
  fields.push_back(Coded("categories", schedule.categories));
  return fields;
}

Fields StepFields(std::string_view table, const referral::ClockRules::Steps& steps) {
  return {One(fmt::format("{}: managers", table), fmt::format("{}", steps.managers)), One(fmt::format("{}: deputy", table), fmt::format("{}", steps.deputy)),
          One(fmt::format("{}: sender", table), fmt::format("{}", steps.sender))};
}

Named RowsOf(const referral::ClockRules& rules) {
  Named rows;
  for (const auto& row : rules.bank_holidays) {
    Values days;
    for (const absl::CivilDay day : row.days) days.insert(TimeText(absl::FromCivil(day, absl::UTCTimeZone())));
    for (const type::v1::Jurisdiction part : row.jurisdictions) rows["bank holidays " + ToWord(part)].push_back({Field{"days", true, days}});
  }
  for (const auto& [lane, within] : rules.pick_up) rows["pick_up " + ToWord(lane)].push_back({One("within", AllowanceText(within))});
  for (size_t i = 0; i < rules.responses.size(); ++i) {
    const auto& row = rules.responses[i];
    rows[fmt::format("response {:03}", i + 1)].push_back({OneCoded("lane", row.lane), Coded("kinds", row.kinds), Coded("types", row.types),
                                                          One("within", AllowanceText(row.within))});
  }
  for (size_t i = 0; i < rules.before_school.size(); ++i) {
    const auto& row = rules.before_school[i];
    rows[fmt::format("before_school {:03}", i + 1)].push_back({Coded("types", row.types), Coded("purposes", row.purposes),
                                                               Coded("from_kinds", row.from_kinds), Coded("to_kinds", row.to_kinds)});
  }
  const auto day = [](absl::CivilDay one) { return TimeText(absl::FromCivil(one, absl::UTCTimeZone())); };
  for (const auto& term : rules.school_terms) {
    const Fields fields = {One("last_day", day(term.last)), Texts("closed", DaysText(term.closed)), One("begins", MinuteText(term.begins))};
    if (term.areas.empty()) rows["school elsewhere from " + day(term.first)].push_back(fields);
    for (const std::string& area : term.areas) rows[fmt::format("school {} from {}", area, day(term.first))].push_back(fields);
  }
  return rows;
}

}  // namespace

std::vector<std::string> DescribeRoute(const referral::Route& route) { return Said(RouteFields(route)); }
std::vector<std::string> DescribeSchedule(const referral::EmergencySchedule& schedule) { return Said(ScheduleFields(schedule)); }

std::vector<std::string> DiffAgreements(const referral::Agreement& before, const referral::Agreement& after) {
  const auto head = [](const referral::Agreement& agreement) {
    Fields fields = Head(agreement.version, agreement.effective_from);
    fields.insert(fields.begin(), One("id", agreement.id));
    fields.push_back(Moment("expires", agreement.expires));
    fields.push_back(Texts("parties", agreement.parties));
    return fields;
  };
  std::vector<std::string> lines;
  DiffFields("", head(before), head(after), lines);
  DiffNamed(RoutesOf(before), RoutesOf(after), lines);
  return lines;
}

std::vector<std::string> DiffSchedules(const referral::EmergencySchedule& before, const referral::EmergencySchedule& after) {
  std::vector<std::string> lines;
  DiffFields("", ScheduleFields(before), ScheduleFields(after), lines);
  return lines;
}

std::vector<std::string> DiffRegisters(const referral::LegalRegister& before, const referral::LegalRegister& after) {
  std::vector<std::string> lines;
  DiffFields("", Head(before.version, before.effective_from), Head(after.version, after.effective_from), lines);
  DiffNamed(RowsOf(before), RowsOf(after), lines);
  return lines;
}

std::vector<std::string> DiffClockRules(const referral::ClockRules& before, const referral::ClockRules& after) {
  const auto head = [](const referral::ClockRules& rules) {
    Fields fields = Head(rules.version, rules.effective_from);
    const Fields usual = StepFields("escalation", rules.percent), immediate = StepFields("escalation_immediate", rules.immediate_minutes);
    fields.insert(fields.end(), usual.begin(), usual.end());
    fields.insert(fields.end(), immediate.begin(), immediate.end());
    return fields;
  };
  std::vector<std::string> lines;
  DiffFields("", head(before), head(after), lines);
  DiffNamed(RowsOf(before), RowsOf(after), lines);
  return lines;
}

std::vector<std::string> DiffCaseRules(const referral::CaseRules& before, const referral::CaseRules& after) {
  const auto fields = [](const referral::CaseRules& rules) {
    Fields all = Head(rules.version, rules.effective_from);
    const auto number = [&](std::string name, uint32_t value) { all.push_back(One(std::move(name), fmt::format("{}", value))); };
    number("escalation: events", rules.escalation_events);
    number("escalation: months", rules.escalation_months);
    all.push_back(Coded("escalation: types", std::vector(rules.event_types.begin(), rules.event_types.end())));
    number("repeat: months", rules.repeat_months);
    all.push_back(One("repeat: anchor", AnchorText(rules.repeat_anchor)));
    number("other_victims: months", rules.other_victim_months);
    number("grades: ric_medium", rules.ric.medium);
    number("grades: ric_high", rules.ric.high);
    return all;
  };
  std::vector<std::string> lines;
  DiffFields("", fields(before), fields(after), lines);
  return lines;
}

}  // namespace accord::policy
