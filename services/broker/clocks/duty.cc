#include "services/broker/clocks/duty.h"

#include <set>
#include <string>
#include <vector>

#include "common/base/working_days.h"

namespace accord::broker {
namespace {

using namespace type::v1;  // NOLINT: states of duty.

// Whether hours on the day `day` apply at all.
bool Applies(const admin::v1::DutyHours& hours, absl::CivilDay day, const std::set<absl::CivilDay>& holidays) {
  const auto weekday = static_cast<uint32_t>(absl::GetWeekday(day)) + 1;  // absl counts from Monday, from 0.
  return weekday >= hours.first_day() && weekday <= hours.last_day() && !(hours.not_on_bank_holidays() && holidays.contains(day));
}

}  // namespace

bool DutyNow(const admin::v1::Agency& agency, const referral::ClockRules& rules, absl::Time now) {
  if (agency.duty_hours().empty()) return false;
  const std::set<absl::CivilDay> holidays =
      referral::HolidaysOf(rules, std::vector<std::string>(agency.areas().begin(), agency.areas().end()));
  const absl::CivilSecond clock = LondonTime(now);
  const absl::CivilDay today(clock);
  const auto minute = static_cast<uint32_t>(clock.hour() * 60 + clock.minute());
  for (const admin::v1::DutyHours& hours : agency.duty_hours()) {
    const uint32_t from = hours.from_minute(), to = hours.to_minute();
    const bool all_day = from == to, overnight = to < from;
    if (Applies(hours, today, holidays) && (all_day || (minute >= from && (overnight || minute < to)))) return true;
    if (overnight && minute < to && Applies(hours, today - 1, holidays)) return true;
  }
  return false;
}

bool SomebodyOnDuty(const DirectorySnapshot& directory, const referral::ClockRules& rules, std::string_view agency, absl::Time now) {
  const AgencyRow* row = directory.FindActiveAgency(agency);
  if (row == nullptr) return false;
  if (DutyNow(row->agency, rules, now)) return true;
  const AgencyRow* stand_in = directory.FindActiveAgency(row->agency.duty_recipient());
  return stand_in != nullptr && DutyNow(stand_in->agency, rules, now);
}

DutyState DutyOf(const storage::v1::StoredRecipient& recipient, const DirectorySnapshot& directory, const referral::ClockRules& rules,
                 absl::Time now) {
  switch (recipient.state()) {
    case REFERRAL_STATE_RECALLED:
    case REFERRAL_STATE_WITHDRAWN: return DUTY_STATE_UNSPECIFIED;
    case REFERRAL_STATE_STORED:
    case REFERRAL_STATE_RELEASED:
    case REFERRAL_STATE_DELIVERED:
    case REFERRAL_STATE_DEAD_LETTER: break;
    default:
      // What software alone has opened, nobody has.
      if (recipient.pick_up_due_ms() == 0) return DUTY_STATE_OPENED;
  }
  if (recipient.alerted_at_ms() > 0) return DUTY_STATE_ALERTED;
  return SomebodyOnDuty(directory, rules, recipient.agency(), now) ? DUTY_STATE_QUEUED : DUTY_STATE_NO_ONE_ON_DUTY;
}

}  // namespace accord::broker
