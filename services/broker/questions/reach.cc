// Whom it reached, and whom it did not: 3, 4, 5 and 17.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "services/broker/questions/rows.h"
#include "services/broker/questions/themes.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using enum inspection::v1::ColumnKind;

// The first time, from `from_ms` to `until_ms`, at which an agency of `kind` was reached in the cases of `facts`; 0: no record.
int64_t ReachedInCases(const QuestionInput& input, const ReferralFacts& facts, type::v1::AgencyKind kind, int64_t from_ms, int64_t until_ms) {
  int64_t first = 0;
  for (const ReferralFacts* other : input.SameCases(facts)) {
    const int64_t reached = ReachedKindMs(input, *other, kind);
    if (reached >= from_ms && reached <= until_ms && reached != 0 && (first == 0 || reached < first)) first = reached;
  }
  return first;
}

// When it first stood at HIGH: as it was stored, or as it was graded anew; 0: it never did.
int64_t HighSinceMs(const ReferralFacts& facts) {
  if (CoreOf(facts).risk().grade() == type::v1::RISK_GRADE_HIGH) return facts.stored_ms;
  for (const FactEvent& event : facts.events) {
    if (event.statement.has_value() && event.statement->kind() == type::v1::STATEMENT_KIND_REGRADED &&
        event.statement->regraded().grade() == type::v1::RISK_GRADE_HIGH) {
      return event.time_ms;
    }
  }
  return 0;
}

void HighWithoutMaracOrIdva(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"agency"}, {"high_since", COLUMN_KIND_TIME},
                     {"due", COLUMN_KIND_TIME}, {"marac_later", COLUMN_KIND_TIME}, {"idva_later", COLUMN_KIND_TIME}});
  uint64_t high = 0, waiting = 0;
  for (const ReferralFacts* facts : input.referrals) {
    const int64_t since = HighSinceMs(*facts);
    if (since == 0 || IsTakenBack(*facts) || CoreOf(*facts).type() == type::v1::REFERRAL_TYPE_NOT_SHARED) continue;
    ++high;
    const int64_t within = input.days * kDayMs, due = since + within;
    int64_t marac = 0;
    for (const ReferralFacts* other : input.SameCases(*facts)) {
      if (IsMaracReferral(*other) && other->stored_ms >= since - within && marac == 0) marac = other->stored_ms;
    }
    const int64_t idva = ReachedInCases(input, *facts, type::v1::AGENCY_KIND_IDVA, since - within, input.now_ms);
    if ((marac != 0 && marac <= due) || (idva != 0 && idva <= due)) continue;
    if (input.now_ms <= due) {
      ++waiting;
      continue;
    }
    AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), CoreOf(*facts).sender(), TimeCell(since), TimeCell(due), TimeCell(marac), TimeCell(idva)},
                 {facts->stored_index});
  }
  table.add_notes(fmt::format("Of {} referrals at HIGH {} are listed; of {} the time has not come yet.", high, table.rows_size(), waiting));
  table.add_notes("A Marac or Idva referral counts if it is of a same case and of at most as many days before. One made outside Accord has no record in "
                  "Accord unless it was recorded as told outside.");
}

bool NotSharedWith(const QuestionInput& input, const ReferralFacts& facts, type::v1::AgencyKind kind) {
  for (const ReferralFacts* other : input.SameCases(facts)) {
    if (CoreOf(*other).type() == type::v1::REFERRAL_TYPE_NOT_SHARED && !RecipientsOfKind(input, *other, kind).empty()) return true;
  }
  return false;
}

bool HasBornChild(const ReferralFacts& facts) {
  return std::any_of(facts.parts.subjects.begin(), facts.parts.subjects.end(),
                     [](const type::v1::SubjectPart& subject) { return subject.role() == type::v1::SUBJECT_ROLE_CHILD; });
}

void ChildrenNotReferred(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"agency"}, {"stored", COLUMN_KIND_TIME}, {"children", COLUMN_KIND_COUNT},
                     {"childrens_services", COLUMN_KIND_TIME}, {"school", COLUMN_KIND_TIME}, {"lacks"}, {"not_shared_recorded", COLUMN_KIND_BOOL}});
  uint64_t reports = 0;
  for (const ReferralFacts* facts : input.referrals) {
    if (!ReportsEvent(*facts) || !HasChild(*facts) || IsTakenBack(*facts)) continue;
    ++reports;
    const int64_t from = facts->stored_ms - input.days * kDayMs, due = facts->stored_ms + input.days * kDayMs;
    if (input.now_ms <= due) continue;
    const int64_t services = ReachedInCases(input, *facts, type::v1::AGENCY_KIND_CHILDRENS_SERVICES, from, due);
    const int64_t school = ReachedInCases(input, *facts, type::v1::AGENCY_KIND_EDUCATION, from, due);
    const bool no_school = school == 0 && HasBornChild(*facts);
    if (services != 0 && !no_school) continue;
    const auto children = std::count_if(facts->parts.subjects.begin(), facts->parts.subjects.end(), [](const type::v1::SubjectPart& subject) {
      return subject.role() == type::v1::SUBJECT_ROLE_CHILD || subject.role() == type::v1::SUBJECT_ROLE_UNBORN_CHILD;
    });
    const std::string lacks = services == 0 ? no_school ? "children's services, school" : "children's services" : "school";
    const bool not_shared = NotSharedWith(input, *facts, type::v1::AGENCY_KIND_CHILDRENS_SERVICES) || NotSharedWith(input, *facts, type::v1::AGENCY_KIND_EDUCATION);
    AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), CoreOf(*facts).sender(), TimeCell(facts->stored_ms),
                         CountCell(static_cast<uint64_t>(children)), TimeCell(services), TimeCell(school), lacks, BoolCell(not_shared)},
                 {facts->stored_index});
  }
  table.add_notes(fmt::format("Of {} reports with a child {} are listed.", reports, table.rows_size()));
  table.add_notes("Whether a child is of school age, or taught at home, is in sealed content that the broker cannot read: `school` says only that nothing "
                  "reached an agency of kind education in time. An unborn child is not expected at one.");
}

void SchoolNotices(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"agency"}, {"school"}, {"happened", COLUMN_KIND_TIME},
                     {"due", COLUMN_KIND_TIME}, {"delivered", COLUMN_KIND_TIME}, {"opened", COLUMN_KIND_TIME}, {"lacks"}});
  for (const ReferralFacts* facts : input.referrals) {
    if (!ReportsEvent(*facts) || !HasBornChild(*facts) || IsTakenBack(*facts)) continue;
    const auto& core = CoreOf(*facts);
    const int64_t happened = core.happened().latest_ms() != 0 ? core.happened().latest_ms() : facts->stored_ms;
    const auto schools = RecipientsOfKind(input, *facts, type::v1::AGENCY_KIND_EDUCATION);
    if (schools.empty()) {
      const int64_t due = input.SchoolStartMs(core.sender(), happened);
      if (input.now_ms <= due) continue;
      const bool by_police = input.KindOf(core.sender()) == type::v1::AGENCY_KIND_POLICE;
      if (!by_police || ReachedInCases(input, *facts, type::v1::AGENCY_KIND_EDUCATION, facts->stored_ms - kDayMs, input.now_ms) != 0) continue;
      AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), core.sender(), "", TimeCell(happened), TimeCell(due), "", "", "school"},
                   {facts->stored_index});
    }
    for (const std::string& school : schools) {
      const int64_t due = input.SchoolStartMs(school, happened);
      if (input.now_ms <= due) continue;
      const FactEvent* const delivered = facts->FirstOwn(type::v1::EVENT_TYPE_DELIVERED, school);
      if (delivered != nullptr && delivered->time_ms < due && !facts->recorded_later) continue;
      const FactEvent* const opened = facts->FirstStatement(type::v1::STATEMENT_KIND_OPENED, school);
      std::vector<uint64_t> entries = {facts->stored_index};
      if (delivered != nullptr) entries.push_back(delivered->index);
      AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), core.sender(), school, TimeCell(happened), TimeCell(due), TimeCell(delivered),
                           TimeCell(opened), delivered == nullptr ? "delivery" : "in time"}, entries);
    }
  }
  table.add_notes("School begins by the terms of the school's area in the clock rules in force; where none is known, every weekday that is no bank holiday is a school day, "
                  "so that a notice in the holidays may be listed as late.");
  table.add_notes("Why no school was matched is in the agency's own system; here it means that no agency of kind education was a recipient in any of the cases.");
}

struct Voices {
  uint64_t referrals = 0, with_voice = 0, with_child = 0, child_voice = 0;
  void Add(const ReferralFacts& facts) {
    const bool voice = std::any_of(facts.parts.sections.begin(), facts.parts.sections.end(),
                                   [](const type::v1::SectionPart& section) { return section.category() == type::v1::CATEGORY_VOICE; });
    ++referrals;
    with_voice += voice;
    if (!HasChild(facts)) return;
    ++with_child;
    child_voice += voice;
  }
};

void AddVoices(Table& table, const std::string& agency, const Voices& voices) {
  AddAnswerRow(table, {agency, CountCell(voices.referrals), CountCell(voices.with_voice), CountCell(voices.referrals - voices.with_voice),
                       PercentCell(voices.referrals - voices.with_voice, voices.referrals), CountCell(voices.with_child), CountCell(voices.child_voice),
                       CountCell(voices.with_child - voices.child_voice), PercentCell(voices.with_child - voices.child_voice, voices.with_child)});
}

void VoiceEmpty(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"agency"}, {"referrals", COLUMN_KIND_COUNT}, {"with_voice", COLUMN_KIND_COUNT}, {"without_voice", COLUMN_KIND_COUNT},
                     {"without_share", COLUMN_KIND_PERCENT}, {"with_child", COLUMN_KIND_COUNT}, {"child_with_voice", COLUMN_KIND_COUNT},
                     {"child_without_voice", COLUMN_KIND_COUNT}, {"child_without_share", COLUMN_KIND_PERCENT}});
  std::map<std::string, Voices> by_agency;
  Voices all;
  for (const ReferralFacts* facts : input.referrals) {
    const auto type = CoreOf(*facts).type();
    if (type != type::v1::REFERRAL_TYPE_REFERRAL && type != type::v1::REFERRAL_TYPE_NOTIFICATION && type != type::v1::REFERRAL_TYPE_EVENT_NOTICE) continue;
    by_agency[CoreOf(*facts).sender()].Add(*facts);
    all.Add(*facts);
  }
  for (const auto& [agency, voices] : by_agency) AddVoices(table, agency, voices);
  if (!by_agency.empty()) AddVoices(table, std::string(kTotalRow), all);
  table.add_notes("Voices are sealed: the broker sees that there is a section of category voice, not whose voice it holds nor what it says.");
}

}  // namespace

std::vector<Question> ReachQuestions() {
  return {
      {.number = 3,
       .title = "HIGH cases that reached neither a Marac nor an Idva in time",
       .definition = "Referrals graded HIGH, as stored or later, with no Marac referral and no release to an Idva service in any of their cases within so many days.",
       .parameters = {"days"},
       .fields = {"REFERRAL_STORED time", "RELEASED", "STATEMENT REGRADED", "core.risk.grade", "core.purpose", "core.type", "recipients", "cases"},
       .cases = true,
       .days = 5,
       .answer = HighWithoutMaracOrIdva},
      {.number = 4,
       .title = "Reports with a child that reached no children's services or no school",
       .definition = "Reports of an event with a child or an unborn child where nothing of any of their cases reached children's services, or a school, within "
                     "so many days before or after.",
       .parameters = {"days"},
       .fields = {"REFERRAL_STORED time", "RELEASED", "SENT_OUTSIDE_RECORDED", "NOT_SHARED_RECORDED", "core.happened", "core.report", "subjects.role",
                  "recipients", "cases"},
       .cases = true,
       .days = 2,
       .answer = ChildrenNotReferred},
      {.number = 5,
       .title = "School notices after the school day began, or with no school",
       .definition = "Reports with a child whose copy was acknowledged by the school after the start of the first school day that began after the event, or never; "
                     "and those of the police that name no school.",
       .fields = {"REFERRAL_STORED time", "DELIVERED", "STATEMENT OPENED", "core.happened", "subjects.role", "recipients", "cases"},
       .cases = true,
       .answer = SchoolNotices},
      {.number = 17,
       .title = "The victim's or child's voice is empty",
       .definition = "Referrals, notifications and event notices without a section of category voice, by sender; and of those with a child.",
       .fields = {"REFERRAL_STORED", "core.sender", "core.type", "sections.category", "subjects.role"},
       .counts = true,
       .sums = {{"referrals", {"with_voice", "without_voice"}}, {"with_child", {"child_with_voice", "child_without_voice"}}},
       .answer = VoiceEmpty},
  };
}

}  // namespace accord::broker
