// Whom it reached, and whom it did not: 3, 4, 5 and 17.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "services/broker/questions/rows.h"
#include "services/broker/questions/themes.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using enum inspection::v1::ColumnKind;

// The first time that somebody was reached in the cases of a referral; 0: no record.
struct FirstReached {
  int64_t any = 0;
  int64_t timely = 0;  // By what was recorded when it happened: imported history never counts as in time.

  void Take(int64_t ms, const ReferralFacts& by) {
    if (any == 0 || ms < any) any = ms;
    if (!by.recorded_later && (timely == 0 || ms < timely)) timely = ms;
  }
};

// An agency of `kind`, from `from_ms` to `until_ms`, by what was not taken back, neither itself nor in its newest version: once corrected it is only that
// which its sender can withdraw. With `own` also by what the agency sent itself, for it knows of that.
FirstReached ReachedInCases(const QuestionInput& input, const Versions& versions, const ReferralFacts& facts, type::v1::AgencyKind kind, int64_t from_ms,
                            int64_t until_ms, bool own) {
  FirstReached first;
  for (const ReferralFacts* other : input.SameCases(facts)) {
    if (IsTakenBack(*other) || IsTakenBack(*versions.From(*other).back())) continue;
    const int64_t reached = own && input.KindOf(CoreOf(*other).sender()) == kind ? MadeMs(*other) : ReachedKindMs(input, *other, kind);
    if (reached != 0 && reached >= from_ms && reached <= until_ms) first.Take(reached, *other);
  }
  return first;
}

// A Marac, from `from_ms` on.
FirstReached MaracInCases(const QuestionInput& input, const Versions& versions, const ReferralFacts& facts, int64_t from_ms) {
  FirstReached first;
  for (const ReferralFacts* other : input.SameCases(facts)) {
    const ReferralFacts* const referred = versions.Marac(*other);
    if (referred != nullptr && MadeMs(*referred) >= from_ms) first.Take(MadeMs(*referred), *referred);
  }
  return first;
}

bool IsHigh(const ReferralFacts& facts) { return CoreOf(facts).risk().grade() == type::v1::RISK_GRADE_HIGH; }

// When a referral first stood at HIGH: as it was made, or as it was graded anew, in whichever version. As it was made only while its newest version says
// so, for a grade that was corrected was a mistake. 0: it never did.
struct HighSince {
  int64_t ms = 0;
  bool imported = false;  // By what was recorded later alone.
};
HighSince HighSinceOf(const VersionsOfOne& versions) {
  HighSince since;
  const auto take = [&](int64_t ms, bool imported) {
    if (since.ms == 0 || ms < since.ms) since = {ms, imported};
  };
  for (const ReferralFacts* facts : versions) {
    if (IsHigh(*facts) && IsHigh(*versions.back())) take(MadeMs(*facts), facts->recorded_later);
    for (const FactEvent& event : facts->events) {
      const bool high = event.statement.has_value() && event.statement->kind() == type::v1::STATEMENT_KIND_REGRADED &&
                        event.statement->regraded().grade() == type::v1::RISK_GRADE_HIGH;
      if (high) take(event.time_ms, false);
    }
  }
  return since;
}

void HighWithoutMaracOrIdva(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"agency"}, {"high_since", COLUMN_KIND_TIME},
                     {"due", COLUMN_KIND_TIME}, {"marac_later", COLUMN_KIND_TIME}, {"idva_later", COLUMN_KIND_TIME}});
  const Versions versions(input);
  uint64_t high = 0, waiting = 0, recorded_later = 0;
  std::set<const ReferralFacts*> newer;  // Than one that was asked about before.
  for (const ReferralFacts* facts : input.referrals) {
    if (newer.contains(facts)) continue;
    const VersionsOfOne chain = versions.From(*facts);
    newer.insert(chain.begin() + 1, chain.end());
    const auto [since, imported] = HighSinceOf(chain);
    if (since == 0 || IsTakenBack(*chain.back())) continue;
    ++high;
    const int64_t within = input.days * kDayMs, due = since + within;
    const FirstReached marac = MaracInCases(input, versions, *facts, since - within);
    const FirstReached idva = ReachedInCases(input, versions, *facts, type::v1::AGENCY_KIND_IDVA, since - within, input.now_ms, /*own=*/true);
    // Since when it is HIGH is known of what was recorded as it happened, or graded anew here.
    if (imported && (marac.any != 0 || idva.any != 0)) {
      ++recorded_later;
      continue;
    }
    if ((marac.timely != 0 && marac.timely <= due) || (idva.timely != 0 && idva.timely <= due)) continue;
    if (input.now_ms <= due) {
      ++waiting;
      continue;
    }
    AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), CoreOf(*facts).sender(), TimeCell(since), TimeCell(due), TimeCell(marac.any), TimeCell(idva.any)},
                 {facts->stored_index});
  }
  table.add_notes(fmt::format("Of {} referrals at HIGH {} are listed; of {} the time has not come yet. {} of imported history reached one, and are neither listed nor counted as timely.",
                              high, table.rows_size(), waiting, recorded_later));
  table.add_notes("What an Idva service sent itself is with one. A decision not to share is listed too, when it says HIGH: question 8 counts the reasons.");
  table.add_notes("What was corrected is listed once, by the first version that was asked about. It is HIGH if its newest version says so, since when one first did, or if any was graded "
                  "HIGH anew; and is not listed once the newest was taken back.");
  table.add_notes("A Marac or Idva referral counts if it is of a same case and of at most as many days before, and was not taken back, itself or in its newest version. A corrected Marac referral counts in its "
                  "newest version, from when the first that was for a Marac was made. One made outside Accord has no "
                  "record in Accord unless it was recorded as told outside: that counts from when it was told. One recorded more than 30 days after what it reports is "
                  "shown and never counts as in time.");
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
  const Versions versions(input);
  uint64_t reports = 0, recorded_later = 0;
  for (const ReferralFacts* facts : input.referrals) {  // No correction reports an event itself: each report is listed by its first version.
    if (!ReportsEvent(*facts) || !HasChild(*facts) || IsTakenBack(*versions.From(*facts).back())) continue;
    ++reports;
    const int64_t from = facts->stored_ms - input.days * kDayMs, due = facts->stored_ms + input.days * kDayMs;
    if (input.now_ms <= due) continue;
    const FirstReached services = ReachedInCases(input, versions, *facts, type::v1::AGENCY_KIND_CHILDRENS_SERVICES, from, due, /*own=*/true);
    const FirstReached school = ReachedInCases(input, versions, *facts, type::v1::AGENCY_KIND_EDUCATION, from, due, /*own=*/true);
    // Of an imported report it is known whom it reached, not when.
    const auto reached = [&](const FirstReached& one) { return (facts->recorded_later ? one.any : one.timely) != 0; };
    const bool no_services = !reached(services), no_school = !reached(school) && HasBornChild(*facts);
    if (!no_services && !no_school) {
      recorded_later += facts->recorded_later;
      continue;
    }
    const auto children = std::count_if(facts->parts.subjects.begin(), facts->parts.subjects.end(), [](const type::v1::SubjectPart& subject) {
      return subject.role() == type::v1::SUBJECT_ROLE_CHILD || subject.role() == type::v1::SUBJECT_ROLE_UNBORN_CHILD;
    });
    const std::string lacks = no_services ? no_school ? "children's services, school" : "children's services" : "school";
    const bool not_shared = NotSharedWith(input, *facts, type::v1::AGENCY_KIND_CHILDRENS_SERVICES) || NotSharedWith(input, *facts, type::v1::AGENCY_KIND_EDUCATION);
    AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), CoreOf(*facts).sender(), TimeCell(facts->stored_ms),
                         CountCell(static_cast<uint64_t>(children)), TimeCell(services.any), TimeCell(school.any), lacks, BoolCell(not_shared)},
                 {facts->stored_index});
  }
  table.add_notes(fmt::format("Of {} reports with a child {} are listed. {} of imported history lack neither, and are not counted as timely.", reports, table.rows_size(),
                              recorded_later));
  table.add_notes("Somebody reached by a referral that was recorded more than 30 days after what it reports is shown, and never counts as reached in time; nor does anybody by one that "
                  "was taken back, itself or in its newest version. A report whose newest version was taken back is not listed. Whoever sent a referral of the case is reached by that.");
  table.add_notes("Whether a child is of school age, or taught at home, is in sealed content that the broker cannot read: `school` says only that nothing "
                  "reached an agency of kind education in time. An unborn child is not expected at one.");
}

void SchoolNotices(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"agency"}, {"school"}, {"happened", COLUMN_KIND_TIME},
                     {"due", COLUMN_KIND_TIME}, {"delivered", COLUMN_KIND_TIME}, {"opened", COLUMN_KIND_TIME}, {"lacks"}});
  const Versions all(input);
  uint64_t recorded_later = 0;
  for (const ReferralFacts* facts : input.referrals) {
    if (!ReportsEvent(*facts) || !HasBornChild(*facts)) continue;
    const VersionsOfOne versions = all.From(*facts);
    if (IsTakenBack(*versions.back())) continue;
    const auto& core = CoreOf(*facts);
    const int64_t happened = core.happened().latest_ms() != 0 ? core.happened().latest_ms() : facts->stored_ms;
    const auto schools = RecipientsOfKind(input, *versions.back(), type::v1::AGENCY_KIND_EDUCATION);
    if (schools.empty()) {
      const int64_t due = input.SchoolStartMs(core.sender(), happened);
      if (input.now_ms <= due) continue;
      const bool by_police = input.KindOf(core.sender()) == type::v1::AGENCY_KIND_POLICE;
      if (!by_police || ReachedInCases(input, all, *facts, type::v1::AGENCY_KIND_EDUCATION, facts->stored_ms - kDayMs, input.now_ms, /*own=*/false).any != 0) continue;
      AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), core.sender(), "", TimeCell(happened), TimeCell(due), "", "", "school"},
                   {facts->stored_index});
    }
    for (const std::string& school : schools) {
      const int64_t due = input.SchoolStartMs(school, happened);
      if (input.now_ms <= due) continue;
      const FactEvent *delivered = nullptr, *opened = nullptr;  // Of any version.
      for (const ReferralFacts* one : versions) {
        if (delivered == nullptr) delivered = one->FirstOwn(type::v1::EVENT_TYPE_DELIVERED, school);
        if (opened == nullptr) opened = one->FirstStatement(type::v1::STATEMENT_KIND_OPENED, school);
      }
      if (delivered != nullptr && facts->recorded_later) {
        ++recorded_later;
        continue;
      }
      if (delivered != nullptr && delivered->time_ms < due) continue;
      std::vector<uint64_t> entries = {facts->stored_index};
      if (delivered != nullptr) entries.push_back(delivered->index);
      AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), core.sender(), school, TimeCell(happened), TimeCell(due), TimeCell(delivered),
                           TimeCell(opened), delivered == nullptr ? "delivery" : "in time"}, entries);
    }
  }
  table.add_notes(fmt::format("{} of imported history were acknowledged, and are neither listed nor counted as timely.", recorded_later));
  table.add_notes("School begins by the terms of the school's area in the clock rules in force; where none is known, every weekday that is no bank holiday is a school day, "
                  "so that a notice in the holidays may be listed as late.");
  table.add_notes("Why no school was matched is in the agency's own system; here it means that no agency of kind education was addressed and permitted anything, in any of the cases."
                  " Who stands in for a school is addressed once it was handed over.");
}

struct Voices {
  uint64_t referrals = 0, with_voice = 0, with_child = 0, child_voice = 0;
  RowEntries entries;
  void Add(const ReferralFacts& facts) {
    const bool voice = std::any_of(facts.parts.sections.begin(), facts.parts.sections.end(),
                                   [](const type::v1::SectionPart& section) { return section.category() == type::v1::CATEGORY_VOICE; });
    entries.Add(facts.stored_index);
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
                       CountCell(voices.with_child - voices.child_voice), PercentCell(voices.with_child - voices.child_voice, voices.with_child)},
               voices.entries.all());
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
       .definition = "Referrals and decisions not to share that are graded HIGH, as stored or later, with no Marac referral, no release to an Idva service and nothing from one in "
                     "any of their cases within so many days, nor a record that one was told outside Accord.",
       .parameters = {"days"},
       .fields = {"REFERRAL_STORED time", "RELEASED", "SENT_OUTSIDE_RECORDED", "STATEMENT REGRADED", "STATEMENT RECALL", "STATEMENT WITHDRAWN", "STATEMENT CORRECTION",
                  "core.happened", "core.risk.grade", "core.purpose", "core.type", "core.caused_by", "core.sender", "recipients", "cases"},
       .cases = true,
       .days = 5,
       .answer = HighWithoutMaracOrIdva},
      {.number = 4,
       .title = "Reports with a child that reached no children's services or no school",
       .definition = "Reports of an event with a child or an unborn child where nothing of any of their cases reached, or came from, children's services, or a school, within "
                     "so many days before or after.",
       .parameters = {"days"},
       .fields = {"REFERRAL_STORED time", "RELEASED", "SENT_OUTSIDE_RECORDED", "NOT_SHARED_RECORDED", "STATEMENT RECALL", "STATEMENT WITHDRAWN", "STATEMENT CORRECTION", "core.happened", "core.report",
                  "core.caused_by", "core.sender", "subjects.role", "recipients", "cases"},
       .cases = true,
       .days = 2,
       .answer = ChildrenNotReferred},
      {.number = 5,
       .title = "School notices after the school day began, or with no school",
       .definition = "Reports with a child whose copy was acknowledged by the school after the start of the first school day that began after the event, or never; "
                     "and those of the police that name no school.",
       .fields = {"REFERRAL_STORED time and decisions", "RELEASED", "DELIVERED", "STATEMENT OPENED", "STATEMENT CORRECTION", "core.happened", "core.caused_by", "subjects.role",
                  "recipients", "cases"},
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
