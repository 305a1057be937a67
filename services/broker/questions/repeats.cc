// Repeats, escalation, grades and perpetrators: 10, 11, 12 and 18.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/bytes.h"
#include "services/broker/questions/rows.h"
#include "services/broker/questions/themes.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using enum inspection::v1::ColumnKind;

constexpr int64_t kRepeatMs = 366 * kDayMs;  // Twelve months, whatever the year.

const FactEvent* FlaggedAs(const ReferralFacts& facts, type::v1::CaseFlag flag) {
  for (const FactEvent& event : facts.events) {
    const auto& flags = event.event.case_flags();
    if (event.event.type() == type::v1::EVENT_TYPE_CASE_FLAGGED && std::find(flags.begin(), flags.end(), flag) != flags.end()) return &event;
  }
  return nullptr;
}

// The last Marac referral before a report, and the first from it on, each in the version in which it was first referred; null: none. One told outside
// Accord came before the report when it was told before what the report says happened: it may well be told before the report is written.
struct MaracsOfReport {
  const ReferralFacts *last = nullptr, *referred = nullptr;
};
MaracsOfReport MaracsAround(const QuestionInput& input, const Versions& versions, const ReferralFacts& facts) {
  MaracsOfReport found;
  const ReferralFacts& report = versions.First(facts);  // Else a corrected Marac referral would have come before its own correction.
  const int64_t happened = CoreOf(facts).happened().latest_ms();
  const int64_t reported = happened == 0 ? report.stored_ms : std::min(happened, report.stored_ms);
  for (const ReferralFacts* other : input.SameCases(facts)) {
    const ReferralFacts* const marac = versions.Marac(*other);
    if (marac == nullptr) continue;
    const int64_t made = MadeMs(*marac);
    const bool outside = CoreOf(*marac).type() == type::v1::REFERRAL_TYPE_SENT_OUTSIDE;
    if (outside ? made < reported : marac->stored_index < report.stored_index) {
      if (report.stored_ms - made <= kRepeatMs && (found.last == nullptr || made >= MadeMs(*found.last))) found.last = marac;
      continue;
    }
    // One that can count as timely before one that was recorded later.
    const auto rank = [](const ReferralFacts& one) { return std::pair(one.recorded_later, MadeMs(one)); };
    if (found.referred == nullptr || rank(*marac) < rank(*found.referred)) found.referred = marac;
  }
  return found;
}

void Repeats(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"agency"}, {"detected", COLUMN_KIND_TIME}, {"last_marac", COLUMN_KIND_TIME},
                     {"due", COLUMN_KIND_TIME}, {"referred", COLUMN_KIND_TIME}, {"referred_by"}, {"missed", COLUMN_KIND_BOOL}});
  const Versions versions(input);
  uint64_t missed = 0, waiting = 0, recorded_later = 0;
  for (const ReferralFacts* facts : input.referrals) {
    const FactEvent* const flagged = FlaggedAs(*facts, type::v1::CASE_FLAG_MARAC_REPEAT);
    if (flagged == nullptr) continue;
    const int64_t due = facts->stored_ms + input.days * kDayMs;
    const auto [last, referred] = MaracsAround(input, versions, *facts);
    // Of imported history it is known that a repeat was referred, not whether in time.
    const bool judged = !facts->recorded_later || referred == nullptr;
    const bool in_time = judged && referred != nullptr && !referred->recorded_later && MadeMs(*referred) <= due;
    const bool late = judged && !in_time && input.now_ms > due;
    recorded_later += !judged;
    missed += late;
    waiting += judged && !in_time && !late;
    std::vector<uint64_t> entries = {flagged->index};
    if (last != nullptr) entries.push_back(last->stored_index);
    if (referred != nullptr) entries.push_back(referred->stored_index);
    AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), CoreOf(*facts).sender(), TimeCell(flagged), TimeCell(last == nullptr ? 0 : MadeMs(*last)),
                         TimeCell(due), TimeCell(referred == nullptr ? 0 : MadeMs(*referred)), referred == nullptr ? "" : CoreOf(*referred).sender(),
                         judged ? BoolCell(late) : ""}, entries);
  }
  table.add_notes(fmt::format("{} repeats were detected; {} were not referred to a Marac in time, of {} the time has not come yet. {} of imported history were referred, and are "
                              "not counted as timely: their `missed` is empty.", table.rows_size(), missed, waiting, recorded_later));
  table.add_notes("A Marac referral that was taken back is none, and a correction of one is no new referral: it counts in its newest version, from when the first that was for "
                  "a Marac was made. One recorded as told outside Accord counts from when it was told; one recorded more than 30 days after what it "
                  "reports never counts as in time.");
  table.add_notes("A repeat is what the case rules in force found when the report was stored, between the same victim and alleged perpetrator. People whom no strong "
                  "token or confirmed link joins are not known to be the same.");
}

struct CaseIncident {
  int64_t earliest = 0, latest = 0;
  const ReferralFacts* facts = nullptr;
};

// Reports of events of the case, each event once by its own reference, by their latest time. Those taken back or replaced are none.
std::vector<CaseIncident> IncidentsOf(const std::vector<const ReferralFacts*>& of_case) {
  std::vector<CaseIncident> incidents;
  std::set<std::string_view> told;
  for (const ReferralFacts* facts : of_case) {
    const auto& core = CoreOf(*facts);
    if (!ReportsEvent(*facts) || core.happened().latest_ms() == 0 || IsTakenBack(*facts)) continue;
    const std::string& event = core.report().event().token();
    if (!event.empty() && !told.insert(event).second) continue;
    const int64_t latest = core.happened().latest_ms();
    incidents.push_back({core.happened().earliest_ms() == 0 ? latest : core.happened().earliest_ms(), latest, facts});
  }
  std::sort(incidents.begin(), incidents.end(), [](const CaseIncident& a, const CaseIncident& b) { return a.latest < b.latest; });
  return incidents;
}

// The most that certainly fell within `window`: from the earliest that the first can have been to the latest that the last can.
std::vector<CaseIncident> MostWithin(const std::vector<CaseIncident>& incidents, int64_t window) {
  const auto is_within = [&](const CaseIncident& one, const CaseIncident& first) { return one.earliest >= first.earliest && one.latest - first.earliest <= window; };
  const CaseIncident* first_of_most = nullptr;
  int64_t greatest = 0;
  for (const CaseIncident& first : incidents) {
    const auto count = std::count_if(incidents.begin(), incidents.end(), [&](const CaseIncident& one) { return is_within(one, first); });
    if (count > greatest) {
      greatest = count;
      first_of_most = &first;
    }
  }
  std::vector<CaseIncident> most;
  if (first_of_most == nullptr) return most;  // None is known to a time as short as the window.
  for (const CaseIncident& one : incidents) {
    if (is_within(one, *first_of_most)) most.push_back(one);
  }
  return most;
}

bool WasEscalated(const Versions& versions, const std::vector<const ReferralFacts*>& of_case) {
  return std::any_of(of_case.begin(), of_case.end(), [&](const ReferralFacts* facts) {
    if (versions.Marac(*facts) != nullptr || CoreOf(*facts).risk().grade() == type::v1::RISK_GRADE_HIGH) return true;
    return std::any_of(facts->events.begin(), facts->events.end(), [](const FactEvent& event) {
      return event.statement.has_value() && event.statement->regraded().grade() == type::v1::RISK_GRADE_HIGH;
    });
  });
}

void NeverEscalated(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"case", COLUMN_KIND_CASE}, {"incidents", COLUMN_KIND_COUNT}, {"first", COLUMN_KIND_TIME}, {"last", COLUMN_KIND_TIME},
                     {"agencies"}, {"highest_grade"}});
  const Versions versions(input);
  std::set<std::string> cases, listed;
  for (const ReferralFacts* facts : input.referrals) cases.insert(facts->cases.begin(), facts->cases.end());
  for (const std::string& pseudonym : cases) {
    const std::string& group = input.GroupOf(pseudonym);
    if (!listed.insert(group).second) continue;  // Cases that are confirmed to be one are in one row, by the first that was asked about.
    const auto found = input.by_case.find(group);
    if (found == input.by_case.end() || WasEscalated(versions, found->second)) continue;
    const std::vector<CaseIncident> most = MostWithin(IncidentsOf(found->second), input.days * kDayMs);
    if (most.empty() || most.size() < input.count) continue;
    std::set<std::string> agencies;
    int grade = 0;
    std::vector<uint64_t> entries;
    for (const CaseIncident& incident : most) {
      agencies.insert(CoreOf(*incident.facts).sender());
      grade = std::max(grade, static_cast<int>(CoreOf(*incident.facts).risk().grade()));
      entries.push_back(incident.facts->stored_index);
    }
    AddAnswerRow(table, {ToHex(pseudonym), CountCell(most.size()), TimeCell(most.front().latest), TimeCell(most.back().latest), JoinCells(agencies),
                         Code(static_cast<type::v1::RiskGrade>(grade))}, entries);
  }
  table.add_notes("Reports of one event that give its reference count once; those that give none count each, so one event that two agencies told without it counts twice. "
                  "Nothing is taken out because somebody labelled it malicious.");
  table.add_notes("Escalated means, anywhere in the case: a referral to a Marac that was not taken back nor corrected to be for something else, in Accord or recorded as "
                  "told outside, or the grade HIGH. A decision not to "
                  "refer is none.");
}

class GradeRows {
 public:
  GradeRows(Table& table, const ReferralFacts& facts) : table_(table), facts_(facts) {}

  void Add(const FactEvent& event, const FactEvent& actor, type::v1::RiskGrade from, const type::v1::Risk& to) {
    const std::string direction = from == type::v1::RISK_GRADE_UNSPECIFIED ? "" : to.grade() < from ? "lowered" : to.grade() > from ? "raised" : "same";
    AddAnswerRow(table_, {ReferralCell(facts_), CaseCell(facts_), TimeCell(&event), actor.agency, actor.worker.pseudonym(), Code(to.subject()), Code(from), Code(to.grade()),
                          direction, Code(to.change_reason()), to.supervisor()}, {event.index});
  }

 private:
  Table& table_;
  const ReferralFacts& facts_;
};

// The grade of `subject` that the sender had given last in the cases of `facts` before it.
type::v1::RiskGrade GradeBefore(const QuestionInput& input, const ReferralFacts& facts, type::v1::SubjectRole subject) {
  auto grade = type::v1::RISK_GRADE_UNSPECIFIED;
  uint64_t last = 0;
  const auto take = [&](uint64_t index, const type::v1::Risk& risk) {
    if (index >= facts.stored_index || index < last || risk.subject() != subject || risk.grade() == type::v1::RISK_GRADE_UNSPECIFIED) return;
    last = index;
    grade = risk.grade();
  };
  for (const ReferralFacts* other : input.SameCases(facts)) {
    if (other->stored_index >= facts.stored_index || CoreOf(*other).sender() != CoreOf(facts).sender()) continue;
    take(other->stored_index, CoreOf(*other).risk());
    for (const FactEvent& event : other->events) {
      if (event.statement.has_value() && event.statement->kind() == type::v1::STATEMENT_KIND_REGRADED) take(event.index, event.statement->regraded());
    }
  }
  return grade;
}

void GradeChanges(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"time", COLUMN_KIND_TIME}, {"agency"}, {"worker"}, {"of"}, {"from"}, {"to"},
                     {"direction"}, {"reason"}, {"supervisor"}});
  for (const ReferralFacts* facts : input.referrals) {
    GradeRows rows(table, *facts);
    const type::v1::Risk& risk = CoreOf(*facts).risk();
    std::map<type::v1::SubjectRole, type::v1::RiskGrade> grades;  // Of whom, by now.
    const auto before = [&](type::v1::SubjectRole subject) {
      const auto found = grades.find(subject);
      return found == grades.end() ? GradeBefore(input, *facts, subject) : found->second;
    };
    if (!facts->events.empty() && risk.grade() != type::v1::RISK_GRADE_UNSPECIFIED) {
      const type::v1::RiskGrade last = before(risk.subject());
      if (last != type::v1::RISK_GRADE_UNSPECIFIED && last != risk.grade()) rows.Add(facts->events.front(), facts->events.front(), last, risk);
      grades[risk.subject()] = risk.grade();
    }
    std::set<std::string> seen;  // A statement has an entry for each holder that is told.
    for (const FactEvent& event : facts->events) {
      if (!event.statement.has_value() || event.statement->kind() != type::v1::STATEMENT_KIND_REGRADED) continue;
      if (!seen.insert(event.statement_digest).second) continue;
      const type::v1::Risk& regraded = event.statement->regraded();
      rows.Add(event, event, before(regraded.subject()), regraded);
      grades[regraded.subject()] = regraded.grade();
    }
  }
  table.add_notes("A grade is compared with the last that the same agency gave of the same person in the same cases: `of` is whom it is of, such as the victim or a child. Grades by different "
                  "agencies or of different people are not changes. A lower one has the supervisor who agreed.");
}

// People by their strong tokens: whoever shares one is the same.
class PeopleByToken {
 public:
  // Their number, the same for all tokens of the subject; -1 when it has no strong one.
  int Of(const type::v1::SubjectPart& subject) {
    int person = -1;
    for (const auto& token : subject.tokens()) {
      if (!token.strong()) continue;
      const auto [found, fresh] = by_token_.try_emplace(token.domain() + '/' + token.token_key() + '/' + std::to_string(token.recipe()) + '/' + token.token(),
                                                        static_cast<int>(parent_.size()));
      if (fresh) parent_.push_back(found->second);
      const int root = Root(found->second);
      if (person == -1) person = root;
      parent_[static_cast<size_t>(root)] = person;
    }
    return person;
  }
  int Root(int person) const {
    while (parent_[static_cast<size_t>(person)] != person) person = parent_[static_cast<size_t>(person)];
    return person;
  }

 private:
  std::map<std::string, int> by_token_;
  std::vector<int> parent_;
};

struct PerpetratorTrace {
  std::set<int> victims;
  std::set<std::string> cases, areas, agencies;
  int64_t first = 0, last = 0;
  std::vector<uint64_t> entries;
};

void SamePerpetrator(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"person", COLUMN_KIND_TEXT}, {"victims", COLUMN_KIND_COUNT}, {"cases", COLUMN_KIND_COUNT}, {"areas"}, {"agencies"},
                     {"first", COLUMN_KIND_TIME}, {"last", COLUMN_KIND_TIME}});
  PeopleByToken people;
  std::vector<std::pair<int, const ReferralFacts*>> seen;
  std::map<const ReferralFacts*, std::vector<int>> victims;
  for (const ReferralFacts* facts : input.referrals) {
    for (const auto& subject : facts->parts.subjects) {
      if (subject.role() != type::v1::SUBJECT_ROLE_VICTIM && subject.role() != type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR) continue;
      const int person = people.Of(subject);
      if (person < 0) continue;
      if (subject.role() == type::v1::SUBJECT_ROLE_VICTIM) victims[facts].push_back(person);
      if (subject.role() == type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR) seen.emplace_back(person, facts);
    }
  }
  std::map<int, PerpetratorTrace> traces;
  for (const auto& [person, facts] : seen) {
    PerpetratorTrace& trace = traces[people.Root(person)];
    for (const int victim : victims[facts]) trace.victims.insert(people.Root(victim));
    trace.cases.insert(facts->cases.begin(), facts->cases.end());
    trace.agencies.insert(CoreOf(*facts).sender());
    const std::string area = input.AreaOf(CoreOf(*facts).sender());
    if (!area.empty()) trace.areas.insert(area);
    if (trace.first == 0) trace.first = facts->stored_ms;
    trace.last = facts->stored_ms;
    trace.entries.push_back(facts->stored_index);
  }
  int number = 0;
  for (const auto& [person, trace] : traces) {
    if (trace.victims.size() < input.count) continue;
    AddAnswerRow(table, {fmt::format("person {}", ++number), CountCell(trace.victims.size()), CountCell(trace.cases.size()), JoinCells(trace.areas),
                         JoinCells(trace.agencies), TimeCell(trace.first), TimeCell(trace.last)}, trace.entries);
  }
  table.add_notes("People are the same who share a strong token of one linkage domain; who do not are not known to be. The numbers of people are of this answer alone. "
                  "Of the period that was asked: an earlier victim outside it is not counted.");
  table.add_notes("An area is the first of the agency that sent the referral.");
}

}  // namespace

std::vector<Question> RepeatQuestions() {
  return {
      {.number = 10,
       .title = "Repeats within twelve months: detected and referred",
       .definition = "Reports that the case rules found to be a Marac repeat when they were stored, with the Marac referral before and the one that followed; missed "
                     "when none was stored within so many days.",
       .parameters = {"days"},
       .fields = {"CASE_FLAGGED case_flags", "REFERRAL_STORED time", "SENT_OUTSIDE_RECORDED", "STATEMENT RECALL", "STATEMENT WITHDRAWN", "core.happened", "core.purpose",
                  "core.type", "core.caused_by", "core.sender", "cases"},
       .cases = true,
       .days = 14,
       .answer = Repeats},
      {.number = 11,
       .title = "Several incidents that were never escalated",
       .definition = "Cases with at least so many incidents within so many days, whatever their exact dates, in which nothing was referred to a Marac and no grade was HIGH.",
       .parameters = {"days", "count"},
       .fields = {"REFERRAL_STORED", "SENT_OUTSIDE_RECORDED", "STATEMENT REGRADED", "STATEMENT RECALL", "STATEMENT WITHDRAWN", "core.happened", "core.report.event",
                  "core.purpose", "core.type", "core.caused_by", "core.risk.grade", "cases"},
       .cases = true,
       .days = 366,
       .count = 3,
       .answer = NeverEscalated},
      {.number = 12,
       .title = "Grades that changed",
       .definition = "Every grade that is another than the same agency's last of that person in the case: by whom, of whom, from what to what, why, and of a lower one the supervisor.",
       .fields = {"REFERRAL_STORED", "STATEMENT REGRADED", "core.risk", "core.sender", "actor.worker", "cases"},
       .cases = true,
       .answer = GradeChanges},
      {.number = 18,
       .title = "The same alleged perpetrator across victims and areas",
       .definition = "People who are the alleged perpetrator of at least so many victims in the referrals of the period, by strong tokens.",
       .parameters = {"count"},
       .fields = {"REFERRAL_STORED", "subjects.role", "subjects.tokens", "core.sender", "cases"},
       .count = 2,
       .answer = SamePerpetrator},
  };
}

}  // namespace accord::broker
