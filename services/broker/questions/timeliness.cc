// How long things took: 2, 6 and 16.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/working_days.h"
#include "services/broker/questions/rows.h"
#include "services/broker/questions/suppression.h"
#include "services/broker/questions/themes.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using enum inspection::v1::ColumnKind;

struct ShareTimes {
  uint64_t reports = 0, recorded_later = 0, no_time = 0;
  std::vector<int64_t> event_to_share, event_to_grade, grade_to_share;
  RowEntries entries;

  void Add(const ReferralFacts& facts) {
    ++reports;
    entries.Add(facts.stored_index);
    const auto& core = CoreOf(facts);
    const int64_t happened = core.happened().latest_ms();
    if (facts.recorded_later) {
      ++recorded_later;
    } else if (happened == 0) {
      ++no_time;
    } else {
      event_to_share.push_back(std::max<int64_t>(0, facts.stored_ms - happened));
      const int64_t graded = core.risk().assessed_at_ms();
      if (graded == 0 || graded < core.happened().earliest_ms()) return;  // An assessment from before the event does not grade it.
      event_to_grade.push_back(std::max<int64_t>(0, graded - happened));
      grade_to_share.push_back(std::max<int64_t>(0, facts.stored_ms - graded));
    }
  }
};

// Where small counts are left out no time beyond which there are fewer than that many: the longest is a single referral's.
void AddSpreadCells(const QuestionInput& input, const std::vector<int64_t>& times, std::vector<std::string>& cells) {
  if (times.empty()) {
    cells.insert(cells.end(), 3, "");
    return;
  }
  const Spread spread = SpreadOf(times);
  const bool few_beyond = input.small_left_out && times.size() < kSmallCount * 20;  // A twentieth lies beyond the 95th percentile.
  cells.push_back(DurationCell(spread.median));
  cells.push_back(few_beyond ? "" : DurationCell(spread.high));
  cells.push_back(input.small_left_out ? "" : DurationCell(spread.most));
}

void AddShareTimes(const QuestionInput& input, Table& table, std::string agency, std::string grade, const ShareTimes& times) {
  std::vector<std::string> cells = {std::move(agency), std::move(grade), CountCell(times.reports), CountCell(times.event_to_share.size()),
                                    CountCell(times.recorded_later), CountCell(times.no_time)};
  AddSpreadCells(input, times.event_to_share, cells);
  cells.push_back(CountCell(times.event_to_grade.size()));
  AddSpreadCells(input, times.event_to_grade, cells);
  AddSpreadCells(input, times.grade_to_share, cells);
  AddAnswerRow(table, std::move(cells), times.entries.all());
  if (input.small_left_out) MarkLeftOut(table);
}

void IncidentToShare(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"agency"}, {"grade"}, {"reports", COLUMN_KIND_COUNT}, {"timed", COLUMN_KIND_COUNT}, {"recorded_later", COLUMN_KIND_COUNT},
                     {"no_time", COLUMN_KIND_COUNT}, {"median", COLUMN_KIND_DURATION}, {"percentile_95", COLUMN_KIND_DURATION},
                     {"longest", COLUMN_KIND_DURATION}, {"graded", COLUMN_KIND_COUNT}, {"incident_to_grade_median", COLUMN_KIND_DURATION},
                     {"incident_to_grade_95", COLUMN_KIND_DURATION}, {"incident_to_grade_longest", COLUMN_KIND_DURATION},
                     {"grade_to_share_median", COLUMN_KIND_DURATION}, {"grade_to_share_95", COLUMN_KIND_DURATION}, {"grade_to_share_longest", COLUMN_KIND_DURATION}});
  std::map<std::pair<std::string, int>, ShareTimes> by_group;
  ShareTimes all;
  for (const ReferralFacts* facts : input.referrals) {
    if (!ReportsEvent(*facts)) continue;
    by_group[{CoreOf(*facts).sender(), -static_cast<int>(CoreOf(*facts).risk().grade())}].Add(*facts);  // The highest grade first.
    all.Add(*facts);
  }
  for (const auto& [group, times] : by_group) {
    AddShareTimes(input, table, group.first, Code(static_cast<type::v1::RiskGrade>(-group.second)), times);
  }
  if (!by_group.empty()) AddShareTimes(input, table, std::string(kTotalRow), "", all);
  table.add_notes("A time that is known only to a range counts from its latest end: the shortest that it can have been. `median`, `percentile_95` and `longest` are from incident to share.");
  table.add_notes("`graded` are those of the timed ones that say when their risk was assessed, and not before the event: an older assessment does not grade it.");
  table.add_notes("Reports recorded more than 30 days after what they report, such as imported history, are counted apart and never timed.");
  if (input.small_left_out) {
    table.add_notes(fmt::format("The longest time is a single referral's and is left out, and so is a 95th percentile of fewer than {} times.", kSmallCount * 20));
  }
}

// When the sender's service had the statement `said`; null: no record.
const FactEvent* WhenTold(const ReferralFacts& facts, const FactEvent& said) {
  for (const FactEvent& event : facts.events) {
    const bool tells = event.event.type() == type::v1::EVENT_TYPE_DELIVERED && event.recipient == CoreOf(facts).sender();
    if (tells && event.statement_digest == said.statement_digest) return &event;
  }
  return nullptr;
}

// What children's services owe a contact: a decision by the end of the next working day, and its way back to who referred.
void ContactDecisions(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"sender"}, {"childrens_services"}, {"stored", COLUMN_KIND_TIME},
                     {"due", COLUMN_KIND_TIME}, {"decided", COLUMN_KIND_TIME}, {"decision"}, {"told_sender", COLUMN_KIND_TIME}, {"lacks"}});
  const Versions all(input);
  uint64_t contacts = 0, in_time = 0, waiting = 0;
  for (const ReferralFacts* facts : input.referrals) {
    if (CoreOf(*facts).type() != type::v1::REFERRAL_TYPE_REFERRAL) continue;
    const VersionsOfOne versions = all.From(*facts);
    if (IsTakenBack(*versions.back())) continue;
    for (const std::string& agency : RecipientsOfKind(input, *versions.back(), type::v1::AGENCY_KIND_CHILDRENS_SERVICES)) {
      ++contacts;
      const ReferralFacts& first = FirstFor(versions, agency);
      const int64_t due = absl::ToUnixMillis(EndOfNextWorkingDay(absl::FromUnixMillis(first.stored_ms)));
      const SaidOfVersion said = FirstByPerson(versions, type::v1::STATEMENT_KIND_DECIDED, agency);
      const FactEvent* const decided = said.event;
      const FactEvent* const told = decided == nullptr ? nullptr : WhenTold(*said.facts, *decided);
      std::string lacks;
      if (decided == nullptr) lacks = due <= input.now_ms ? "decision" : "";
      if (decided != nullptr && decided->time_ms >= due) lacks = "in time";
      if (decided != nullptr && told == nullptr) lacks += lacks.empty() ? "feedback" : ", feedback";
      if (decided == nullptr && lacks.empty()) ++waiting;
      if (decided != nullptr && decided->time_ms < due && !first.recorded_later) ++in_time;
      if (lacks.empty()) continue;
      std::vector<uint64_t> entries = {first.stored_index};
      if (decided != nullptr) entries.push_back(decided->index);
      if (told != nullptr) entries.push_back(told->index);
      const std::string decision = decided != nullptr && decided->statement.has_value() ? Code(decided->statement->decision()) : "";
      AddAnswerRow(table, {ReferralCell(first), CaseCell(first), CoreOf(first).sender(), agency, TimeCell(first.stored_ms), TimeCell(due), TimeCell(decided),
                           decision, TimeCell(told), lacks}, entries);
    }
  }
  table.add_notes(fmt::format("Of {} contacts {} were decided in time; of {} the time has not come yet. Those of imported history are not counted as timely.",
                              contacts, in_time, waiting));
  table.add_notes("Bank holidays are those of England and Wales. A decision that was told by other means has no record in Accord unless it was recorded there. "
                  "Who stands in for children's services has a contact once it was handed over.");
  table.add_notes("A corrected referral is one contact, from when its first version for that service was stored: a decision on any version counts, and nothing is expected of who is "
                  "not among the recipients of the newest.");
}

bool WasStopped(const ReferralFacts& facts, std::string_view recipient) {
  return facts.First(type::v1::EVENT_TYPE_COPY_STOPPED, recipient) != nullptr || facts.First(type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE, recipient) != nullptr;
}

// Who dealt with it first that it had not arrived.
const FactEvent* NoticedUndelivered(const ReferralFacts& facts, std::string_view recipient) {
  for (const FactEvent& event : facts.events) {
    const auto type = event.event.type();
    if (type == type::v1::EVENT_TYPE_PICK_UP_OVERDUE || type == type::v1::EVENT_TYPE_DEAD_LETTER_REQUEUED || type == type::v1::EVENT_TYPE_DEAD_LETTER_DISCARDED) {
      if (event.recipient == recipient) return &event;
    }
  }
  return nullptr;
}

void Undelivered(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"referral", COLUMN_KIND_REFERRAL}, {"case", COLUMN_KIND_CASE}, {"sender"}, {"recipient"}, {"stored", COLUMN_KIND_TIME},
                     {"age", COLUMN_KIND_DURATION}, {"attempts", COLUMN_KIND_COUNT}, {"last_attempt", COLUMN_KIND_TIME}, {"dead_letter", COLUMN_KIND_TIME},
                     {"noticed_by"}, {"noticed", COLUMN_KIND_TIME}});
  for (const ReferralFacts* facts : input.referrals) {
    if (input.now_ms - facts->stored_ms < input.days * kDayMs) continue;
    for (const std::string& recipient : AddressedTo(*facts)) {
      if (WasStopped(*facts, recipient)) continue;
      if (facts->FirstOwn(type::v1::EVENT_TYPE_DELIVERED, recipient) != nullptr) continue;
      uint64_t attempts = 0;
      const FactEvent* last = nullptr;
      for (const FactEvent& event : facts->events) {
        if (event.event.type() != type::v1::EVENT_TYPE_RELEASED || event.recipient != recipient || !event.decisions.has_value()) continue;
        ++attempts;
        last = &event;
      }
      const FactEvent* const dead = facts->First(type::v1::EVENT_TYPE_DEAD_LETTER, recipient);
      const FactEvent* const noticed = NoticedUndelivered(*facts, recipient);
      std::vector<uint64_t> entries = {facts->stored_index};
      for (const FactEvent* event : {last, dead, noticed}) {
        if (event != nullptr) entries.push_back(event->index);
      }
      AddAnswerRow(table, {ReferralCell(*facts), CaseCell(*facts), CoreOf(*facts).sender(), recipient, TimeCell(facts->stored_ms),
                           DurationCell(input.now_ms - facts->stored_ms), CountCell(attempts), TimeCell(last), TimeCell(dead),
                           noticed == nullptr ? "" : noticed->principal, TimeCell(noticed)}, entries);
    }
  }
  table.add_notes("What the recipient may not have, what was stopped before it left and what was recorded as told outside Accord is not counted as undelivered; nor what "
                  "is sealed for who stands in for another, before it is handed over.");
}

}  // namespace

std::vector<Question> TimelinessQuestions() {
  return {
      {.number = 2,
       .title = "From incident to grade to share",
       .definition = "Of every referral, notification and event notice that reports an event, by sender and grade: the time from when it happened to when the broker "
                     "stored it; from when it happened to when its risk was assessed; and from then to when the broker stored it.",
       .fields = {"REFERRAL_STORED time", "core.sender", "core.type", "core.happened", "core.report", "core.risk.grade", "core.risk.assessed_at_ms"},
       .counts = true,
       .sums = {{"reports", {"timed", "recorded_later", "no_time"}}},
       .answer = IncidentToShare},
      {.number = 6,
       .title = "Contacts without a decision in time, or not fed back",
       .definition = "Referrals to children's services that had no decision by a person by the end of the next working day after the broker stored them, or whose "
                     "decision did not reach the sender.",
       .fields = {"REFERRAL_STORED time and decisions", "RELEASED", "STATEMENT DECIDED", "actor.worker", "DELIVERED of that statement to the sender", "STATEMENT CORRECTION", "core.type",
                  "core.caused_by", "recipients"},
       .answer = ContactDecisions},
      {.number = 16,
       .title = "Undelivered and unacknowledged referrals",
       .definition = "Copies that the recipient's service had not acknowledged so many days after the broker stored the referral: their age, attempts, and "
                     "who noticed first.",
       .parameters = {"days"},
       .fields = {"REFERRAL_STORED time and decisions", "RELEASED", "DELIVERED", "DEAD_LETTER", "DEAD_LETTER_REQUEUED", "DEAD_LETTER_DISCARDED",
                  "PICK_UP_OVERDUE", "COPY_STOPPED", "WITHHELD_AT_RELEASE", "recipients"},
       .days = 1,
       .answer = Undelivered},
  };
}

}  // namespace accord::broker
