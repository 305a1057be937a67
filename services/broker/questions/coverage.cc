#include "services/broker/questions/coverage.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "services/broker/questions/rows.h"
#include "services/broker/questions/suppression.h"

namespace accord::broker {
namespace {

struct Covered {
  std::set<type::v1::EventType> events;
  std::set<int64_t> days;  // Since 1970, UTC.
  int64_t first_ms = 0, last_ms = 0;
  uint64_t recorded_later = 0;
  uint64_t referrals = 0;  // With an entry of it.

  void Add(const FactEvent& event) {
    events.insert(event.event.type());
    days.insert(event.time_ms / kDayMs);
    if (first_ms == 0 || event.time_ms < first_ms) first_ms = event.time_ms;
    last_ms = std::max(last_ms, event.time_ms);
  }
};

uint32_t LongestGap(const std::set<int64_t>& days, int64_t first_day, int64_t end_day) {
  int64_t longest = 0, next = first_day;
  for (const int64_t day : days) {
    longest = std::max(longest, day - next);
    next = std::max(next, day + 1);
  }
  return static_cast<uint32_t>(std::max<int64_t>(0, std::max(longest, end_day - next)));
}

}  // namespace

void AddCoverage(const QuestionInput& input, int64_t from_ms, int64_t until_ms, bool small_left_out, inspection::v1::Table& table) {
  std::map<std::string, Covered> by_agency;
  for (const std::string& agency : input.asked_agencies) by_agency[agency];
  for (const std::string& agency : input.expected) by_agency[agency];
  const auto add = [&](const FactEvent& event) {
    const bool covered = !event.agency.empty() && event.time_ms >= from_ms && event.time_ms < until_ms;
    if (covered) by_agency[event.agency].Add(event);
    return covered;
  };
  for (const FactEvent* event : input.of_case) add(*event);
  for (const ReferralFacts* facts : input.referrals) {
    const std::string& sender = CoreOf(*facts).sender();
    by_agency[sender].recorded_later += facts->recorded_later;
    for (const auto& recipient : facts->parts.recipients) by_agency[recipient.agency()];
    std::set<std::string> acted;
    for (const FactEvent& event : facts->events) {
      if (add(event) && acted.insert(event.agency).second) ++by_agency[event.agency].referrals;
    }
  }
  for (const auto& [agency, covered] : by_agency) {
    auto& coverage = *table.add_coverage();
    coverage.set_agency(agency);
    const auto found = input.agencies.find(agency);
    const int64_t enrolled = found == input.agencies.end() ? 0 : found->second.enrolled_ms;
    coverage.set_enrolled_ms(enrolled);
    if (small_left_out && covered.referrals < kSmallCount) continue;
    std::set<std::string> names;
    for (const type::v1::EventType event : covered.events) names.insert(Code(event));
    for (const std::string& name : names) coverage.add_events(name);
    coverage.set_first_ms(small_left_out ? covered.first_ms / kDayMs * kDayMs : covered.first_ms);
    coverage.set_last_ms(small_left_out ? covered.last_ms / kDayMs * kDayMs : covered.last_ms);
    coverage.set_recorded_later(covered.recorded_later);
    const int64_t end = std::min(until_ms, input.now_ms);
    coverage.set_longest_gap_days(LongestGap(covered.days, std::max(from_ms, enrolled) / kDayMs, (end + kDayMs - 1) / kDayMs));
  }
}

}  // namespace accord::broker
