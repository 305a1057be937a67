// Who is on duty when, at the minute; and what a sender is told of it.
#include "services/broker/clocks/duty.h"

#include <gtest/gtest.h>

#include <string>

#include "services/broker/clocks/clocks.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::duty_test {
namespace {

using namespace type::v1;  // NOLINT

absl::Time Utc(int month, int day, int hour = 0, int minute = 0, int second = 0) {
  return absl::FromCivil(absl::CivilSecond(2026, month, day, hour, minute, second), absl::UTCTimeZone());
}

admin::v1::Agency Agency(uint32_t first, uint32_t last, uint32_t from, uint32_t to, bool not_on_holidays = false) {
  admin::v1::Agency agency;
  agency.add_areas("E06000047");
  auto& hours = *agency.add_duty_hours();
  hours.set_first_day(first);
  hours.set_last_day(last);
  hours.set_from_minute(from);
  hours.set_to_minute(to);
  hours.set_not_on_bank_holidays(not_on_holidays);
  return agency;
}
bool On(const admin::v1::Agency& agency, absl::Time now) { return DutyNow(agency, referral::DefaultClockRules(), now); }

constexpr uint32_t kNine = 9 * 60, kFive = 17 * 60, kTenAtNight = 22 * 60, kSix = 6 * 60;

TEST(DutyTest, WithoutHoursNever) { EXPECT_FALSE(On(admin::v1::Agency(), Utc(11, 24, 12))); }

TEST(DutyTest, FromTheFirstMinuteToTheLast) {
  const auto agency = Agency(1, 5, kNine, kFive);  // 24 November 2026 is a Tuesday.
  EXPECT_FALSE(On(agency, Utc(11, 24, 8, 59, 59)));
  EXPECT_TRUE(On(agency, Utc(11, 24, 9)));
  EXPECT_TRUE(On(agency, Utc(11, 24, 16, 59, 59)));
  EXPECT_FALSE(On(agency, Utc(11, 24, 17)));
  EXPECT_TRUE(On(agency, Utc(11, 27, 12)));   // Friday.
  EXPECT_FALSE(On(agency, Utc(11, 28, 12)));  // Saturday.
  EXPECT_FALSE(On(agency, Utc(11, 29, 12)));
  EXPECT_TRUE(On(agency, Utc(11, 30, 12)));   // Monday.
}

TEST(DutyTest, ByLondonsClock) {
  const auto agency = Agency(1, 5, kNine, kFive);
  EXPECT_FALSE(On(agency, Utc(7, 7, 7, 59)));
  EXPECT_TRUE(On(agency, Utc(7, 7, 8)));  // Nine o'clock in summer.
  EXPECT_FALSE(On(agency, Utc(7, 7, 16)));
}

TEST(DutyTest, EqualTimesAreAllDay) {
  for (const uint32_t time : {0u, kNine, 1440u}) {
    const auto agency = Agency(2, 2, time, time);
    EXPECT_FALSE(On(agency, Utc(11, 23, 23, 59)));
    EXPECT_TRUE(On(agency, Utc(11, 24)));
    EXPECT_TRUE(On(agency, Utc(11, 24, 23, 59)));
    EXPECT_FALSE(On(agency, Utc(11, 25)));
  }
  EXPECT_TRUE(On(Agency(2, 2, 0, 1440), Utc(11, 24, 23, 59, 59)));
}

TEST(DutyTest, ANightBelongsToTheDayOnWhichItBegins) {
  const auto agency = Agency(5, 5, kTenAtNight, kSix);  // Friday night.
  EXPECT_FALSE(On(agency, Utc(11, 27, 5)));
  EXPECT_FALSE(On(agency, Utc(11, 27, 21, 59)));
  EXPECT_TRUE(On(agency, Utc(11, 27, 22)));
  EXPECT_TRUE(On(agency, Utc(11, 28, 0)));
  EXPECT_TRUE(On(agency, Utc(11, 28, 5, 59, 59)));
  EXPECT_FALSE(On(agency, Utc(11, 28, 6)));
  EXPECT_FALSE(On(agency, Utc(11, 28, 22)));
}

TEST(DutyTest, NotOnBankHolidaysIfItSaysSo) {
  EXPECT_TRUE(On(Agency(1, 7, kNine, kFive), Utc(12, 25, 12)));
  EXPECT_FALSE(On(Agency(1, 7, kNine, kFive, true), Utc(12, 25, 12)));
  const auto nights = Agency(1, 7, kTenAtNight, kSix, true);
  EXPECT_TRUE(On(nights, Utc(12, 25, 5))) << "Christmas Eve's night";
  EXPECT_FALSE(On(nights, Utc(12, 25, 23)));
  EXPECT_FALSE(On(nights, Utc(12, 26, 5))) << "of the holiday's own night";
  EXPECT_TRUE(On(nights, Utc(12, 26, 23)));
}

TEST(DutyTest, AnyOfSeveralHours) {
  auto agency = Agency(1, 5, kNine, kFive);
  *agency.add_duty_hours() = Agency(6, 7, 0, 0).duty_hours(0);
  EXPECT_TRUE(On(agency, Utc(11, 24, 12)));
  EXPECT_TRUE(On(agency, Utc(11, 28, 3)));
  EXPECT_FALSE(On(agency, Utc(11, 27, 20)));
}

// An agency on weekdays, whose duty recipient works at night.
class DutyOfTest : public ::testing::Test {
 protected:
  DutyOfTest() {
    auto days = Agency(1, 5, kNine, kFive);
    days.set_id("idva");
    days.set_active(true);
    days.set_duty_recipient("night");
    auto nights = Agency(1, 7, kTenAtNight, kSix);
    nights.set_id("night");
    nights.set_active(true);
    store_.Put(kFamilyAgency, "idva", days.SerializeAsString());
    store_.Put(kFamilyAgency, "night", nights.SerializeAsString());
    directory_ = *DirectorySnapshot::Load(store_, 1);
    recipient_.set_agency("idva");
    recipient_.set_state(REFERRAL_STATE_STORED);
    recipient_.set_pick_up_due_ms(1);
  }
  DutyState At(absl::Time now) { return DutyOf(recipient_, *directory_, referral::DefaultClockRules(), now); }

  MemoryContext store_;
  std::shared_ptr<const DirectorySnapshot> directory_;
  storage::v1::StoredRecipient recipient_;
};

TEST_F(DutyOfTest, SomebodyOnDutyIsTheAgencyOrWhoStandsIn) {
  EXPECT_EQ(At(Utc(11, 24, 12)), DUTY_STATE_QUEUED);
  EXPECT_EQ(At(Utc(11, 24, 18)), DUTY_STATE_NO_ONE_ON_DUTY);
  EXPECT_EQ(At(Utc(11, 24, 23)), DUTY_STATE_QUEUED);
  recipient_.set_agency("unknown");
  EXPECT_EQ(At(Utc(11, 24, 12)), DUTY_STATE_NO_ONE_ON_DUTY);
}

TEST_F(DutyOfTest, AnAlertAndAPersonAreToldBeforeTheHours) {
  recipient_.set_state(REFERRAL_STATE_DELIVERED);
  recipient_.set_alerted_at_ms(5);
  EXPECT_EQ(At(Utc(11, 24, 18)), DUTY_STATE_ALERTED);
  recipient_.set_state(REFERRAL_STATE_OPENED);
  EXPECT_EQ(At(Utc(11, 24, 18)), DUTY_STATE_ALERTED) << "software alone has opened it: its clock runs";
  recipient_.set_pick_up_due_ms(0);
  EXPECT_EQ(At(Utc(11, 24, 18)), DUTY_STATE_OPENED);
  recipient_.set_state(REFERRAL_STATE_ACCEPTED);
  EXPECT_EQ(At(Utc(11, 24, 18)), DUTY_STATE_OPENED);
  for (const auto over : {REFERRAL_STATE_RECALLED, REFERRAL_STATE_WITHDRAWN}) {
    recipient_.set_state(over);
    EXPECT_EQ(At(Utc(11, 24, 18)), DUTY_STATE_UNSPECIFIED);
  }
  recipient_.set_state(REFERRAL_STATE_DEAD_LETTER);
  recipient_.clear_alerted_at_ms();
  EXPECT_EQ(At(Utc(11, 24, 18)), DUTY_STATE_NO_ONE_ON_DUTY);
}

}  // namespace
}  // namespace accord::broker::duty_test
