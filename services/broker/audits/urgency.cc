// How much and how urgently: IMMEDIATE with its gaps, and unusual volumes.
#include <absl/time/time.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/base/working_days.h"
#include "services/broker/audits/audit.h"
#include "services/broker/questions/rows.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using enum inspection::v1::ColumnKind;

// Of an agency, or of one of its workers.
struct Urgency {
  uint64_t referrals = 0, immediate = 0, gaps = 0, open = 0, overdue = 0, not_justified = 0;
  std::vector<uint64_t> entries;  // Of the gaps.
};

// What of a referral was shared under the emergency schedule alone, as the broker keeps it (sharing/gap.h).
struct EmergencyGap {
  bool there = false, open = false, overdue = false, not_justified = false;
  uint64_t unknown = 0;  // Sections, by recipient, of which it is not known whether they left so.
};

// To whom it is delivered as it is stored: not to who stands in for another, unless it is handed over.
std::set<std::string> DeliveredAtOnce(const ReferralFacts& facts) {
  std::set<std::string> agencies;
  for (const auto& recipient : facts.parts.recipients) {
    if (recipient.on_behalf_of().empty()) agencies.insert(recipient.agency());
  }
  return agencies;
}

EmergencyGap GapIn(const AuditInput& input, const ReferralFacts& facts) {
  EmergencyGap gap;
  const SectionsLeaving leaving(facts);
  const std::set<std::string> at_once = DeliveredAtOnce(facts);
  std::set<std::string> recipients;  // Another one opens it again.
  std::set<std::pair<std::string, std::string>> unknown;  // Recipient and section.
  for (const FactEvent& event : facts.events) {
    const bool stored = event.index == facts.stored_index;
    gap.overdue = gap.overdue || event.event.type() == type::v1::EVENT_TYPE_GAP_OVERDUE;
    if (event.event.type() == type::v1::EVENT_TYPE_STATEMENT && event.event.statement() == type::v1::STATEMENT_KIND_GAP_REVIEWED) {
      gap.open = false;
      gap.not_justified = gap.not_justified || (event.statement.has_value() && event.statement->gap_review() == type::v1::GAP_REVIEW_NOT_JUSTIFIED);
    }
    if (!event.decisions.has_value() || (!stored && event.event.type() != type::v1::EVENT_TYPE_RELEASED)) continue;
    for (const auto& decision : event.decisions->decisions()) {
      if (!decision.emergency_gap() || decision.verdict() != type::v1::VERDICT_PERMIT) continue;
      const Leaving left = !stored ? leaving.Of(input, event, decision) : at_once.contains(decision.recipient()) ? Leaving::kLeft : Leaving::kStayed;
      if (left == Leaving::kUnknown) unknown.emplace(decision.recipient(), decision.section_id());
      if (left == Leaving::kLeft && recipients.insert(decision.recipient()).second) gap.there = gap.open = true;
    }
  }
  gap.unknown = static_cast<uint64_t>(std::count_if(unknown.begin(), unknown.end(), [&](const auto& one) { return !recipients.contains(one.first); }));
  return gap;
}

void AddUrgency(const ReferralFacts& facts, const EmergencyGap& gap, Urgency& to) {
  ++to.referrals;
  to.immediate += CoreOf(facts).urgency() == type::v1::URGENCY_IMMEDIATE;
  if (!gap.there) return;
  ++to.gaps;
  to.entries.push_back(facts.stored_index);
  to.open += gap.open;
  to.overdue += gap.overdue;
  to.not_justified += gap.not_justified;
}

// Monday of the week in which `ms` lies in London, as its midnight there.
int64_t AuditWeekOf(int64_t ms) {
  const absl::CivilDay day = LondonDay(absl::FromUnixMillis(ms));
  const absl::CivilDay monday = absl::GetWeekday(day) == absl::Weekday::monday ? day : absl::PrevWeekday(day, absl::Weekday::monday);
  return absl::ToUnixMillis(StartOfLondonDay(monday));
}

// `weeks` weeks from a Monday, which is a Monday too over the change of the clock.
int64_t AuditWeeksFrom(int64_t monday_ms, int weeks) {
  return absl::ToUnixMillis(StartOfLondonDay(LondonDay(absl::FromUnixMillis(monday_ms)) + 7 * weeks));
}

struct WeekVolume {
  uint64_t count = 0;
  std::vector<uint64_t> entries;
};
using Volumes = std::map<int64_t, WeekVolume>;  // By Monday.

uint64_t CountOf(const Volumes& volumes, int64_t monday_ms) {
  const auto found = volumes.find(monday_ms);
  return found == volumes.end() ? 0 : found->second.count;
}

// Twice the median of the weeks before, which is whole where the median may not be.
uint64_t TwiceMedianBefore(const Volumes& volumes, int64_t monday_ms, int weeks) {
  std::vector<uint64_t> before;
  for (int back = 1; back <= weeks; ++back) before.push_back(CountOf(volumes, AuditWeeksFrom(monday_ms, -back)));
  std::sort(before.begin(), before.end());
  return before[(before.size() - 1) / 2] + before[before.size() / 2];
}

}  // namespace

int64_t LooksBackToMs(int64_t from_ms) { return AuditWeeksFrom(AuditWeekOf(from_ms), -kWeeksBefore); }

void AuditImmediate(const AuditInput& input, Table& table) {
  SetColumns(table, {{"agency"}, {"worker"}, {"referrals", COLUMN_KIND_COUNT}, {"immediate", COLUMN_KIND_COUNT}, {"share", COLUMN_KIND_PERCENT},
                     {"gaps", COLUMN_KIND_COUNT}, {"open", COLUMN_KIND_COUNT}, {"overdue", COLUMN_KIND_COUNT}, {"not_justified", COLUMN_KIND_COUNT}});
  std::map<std::string, Urgency> agencies;
  std::map<std::pair<std::string, std::string>, Urgency> workers;
  uint64_t unknown = 0;
  for (const ReferralFacts* facts : input.referrals) {
    if (referral::IsRecordOnly(CoreOf(*facts).type())) continue;
    const EmergencyGap gap = GapIn(input, *facts);
    unknown += gap.unknown;
    AddUrgency(*facts, gap, agencies[CoreOf(*facts).sender()]);
    AddUrgency(*facts, gap, workers[{CoreOf(*facts).sender(), CoreOf(*facts).worker().pseudonym()}]);
  }
  const auto add = [&](const std::string& agency, const std::string& worker, const Urgency& urgency) {
    AddAnswerRow(table, {agency, worker, CountCell(urgency.referrals), CountCell(urgency.immediate), PercentCell(urgency.immediate, urgency.referrals),
                         CountCell(urgency.gaps), CountCell(urgency.open), CountCell(urgency.overdue), CountCell(urgency.not_justified)},
                 urgency.entries);
  };
  for (const auto& [agency, urgency] : agencies) {
    add(agency, std::string(kTotalRow), urgency);
    for (auto row = workers.lower_bound({agency, ""}); row != workers.end() && row->first.first == agency; ++row) {
      if (row->second.immediate > 0 || row->second.gaps > 0) add(agency, row->first.second, row->second);
    }
  }
  table.add_notes("Workers without an IMMEDIATE referral and without a gap are in `all` only. Records of what was not shared, or told outside Accord, are no referrals here.");
  AddUnknownLeaving(unknown, table);
}

void AuditUnusualVolumes(const AuditInput& input, Table& table) {
  SetColumns(table, {{"agency"}, {"worker"}, {"week", COLUMN_KIND_TIME}, {"referrals", COLUMN_KIND_COUNT}, {"median_before"}, {"weeks_before", COLUMN_KIND_COUNT}});
  std::map<std::pair<std::string, std::string>, Volumes> volumes;
  std::map<std::string, int64_t> begins;  // The first week of each agency's record.
  const auto count = [&](const ReferralFacts& facts) {
    const std::string& sender = CoreOf(facts).sender();
    const int64_t week = AuditWeekOf(facts.stored_ms);
    // One that left and came back was enrolled anew; what it stored before then it stored.
    const auto agency = input.agencies.find(sender);
    const int64_t enrolled_ms = agency == input.agencies.end() || agency->second.enrolled_ms == 0 ? input.log_begins_ms : agency->second.enrolled_ms;
    int64_t& begin = begins.try_emplace(sender, AuditWeekOf(enrolled_ms)).first->second;
    begin = std::min(begin, week);
    for (const std::string& worker : {std::string(kTotalRow), CoreOf(facts).worker().pseudonym()}) {
      WeekVolume& volume = volumes[{sender, worker}][week];
      ++volume.count;
      volume.entries.push_back(facts.stored_index);
    }
  };
  for (const ReferralFacts* facts : input.before) count(*facts);
  for (const ReferralFacts* facts : input.referrals) count(*facts);
  bool unjudged = false;
  for (const auto& [who, weeks] : volumes) {
    for (const auto& [week, volume] : weeks) {
      if (week < AuditWeekOf(input.from_ms) || volume.count < kUnusualMin) continue;
      const auto known = static_cast<int>(std::clamp<int64_t>((week - begins.at(who.first) + kDayMs) / kWeekMs, 0, kWeeksBefore));
      if (known < kWeeksBeforeMin) {
        unjudged = true;
        continue;
      }
      const uint64_t twice = TwiceMedianBefore(weeks, week, known);
      if (2 * volume.count <= kUnusualFactor * twice) continue;
      AddAnswerRow(table, {who.first, who.second, TimeCell(week), CountCell(volume.count), CountCell(twice / 2) + (twice % 2 == 0 ? "" : ".5"), CountCell(static_cast<uint64_t>(known))},
                   volume.entries);
    }
  }
  if (unjudged) table.add_notes("Weeks of 10 or more that have fewer than 4 weeks of record before them were not judged.");
  table.add_notes("Many referrals can be a busy week, a new team or a file that was imported: the entries say which.");
}

}  // namespace accord::broker
