#include "services/accordctl/checks_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accord::accordctl::checks_text_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const absl::Time kDue = absl::FromCivil(absl::CivilMinute(2026, 11, 27, 14, 0), absl::UTCTimeZone());

// Idva knows and sent two responses, housing withholds, health has not answered.
agency::v1::GetChecksResponse Checks() {
  agency::v1::GetChecksResponse checks;
  auto& health = *checks.add_rows();
  health.set_agency("health");
  health.set_state(type::v1::REFERRAL_STATE_OPENED);
  health.set_due_at_ms(absl::ToUnixMillis(kDue));
  auto& housing = *checks.add_rows();
  housing.set_agency("housing");
  housing.set_answer(type::v1::CHECK_ANSWER_KNOWN_WITHHELD);
  housing.set_withheld_reason(type::v1::NOT_SHARED_REASON_NOT_PROPORTIONATE);
  housing.set_answered_at_ms(absl::ToUnixMillis(kDue - absl::Hours(2)));
  auto& idva = *checks.add_rows();
  idva.set_agency("idva");
  idva.set_answer(type::v1::CHECK_ANSWER_KNOWN);
  idva.add_responses("referrals/" + std::string(64, 'a'));
  checks.set_answered(2);
  checks.set_due_at_ms(absl::ToUnixMillis(kDue));
  checks.set_grade(type::v1::RISK_GRADE_HIGH);
  return checks;
}

TEST(ChecksTextTest, OneLineSaysHowFarItIs) {
  auto checks = Checks();
  EXPECT_EQ(ChecksProgress(checks), "2 of 3 answered, due 27 Nov 14:00");
  checks.set_due(true);
  EXPECT_EQ(ChecksProgress(checks), "2 of 3 answered, its time is over since 27 Nov 14:00: this is the partial picture");
  checks.set_answered(3);
  EXPECT_EQ(ChecksProgress(checks), "all 3 have answered");
  checks.set_answered(0);
  checks.set_due_at_ms(0);
  EXPECT_EQ(ChecksProgress(checks), "0 of 3 answered");
}

TEST(ChecksTextTest, OneRowForEachThatWasAsked) {
  const std::string text = ChecksText(Checks(), 200);
  EXPECT_THAT(text, StartsWith("2 of 3 answered, due 27 Nov 14:00; risk high\n"));
  EXPECT_THAT(text, AllOf(HasSubstr("none yet"), HasSubstr("known withheld"), HasSubstr("not proportionate"), HasSubstr("27 Nov 12:00")));
  EXPECT_THAT(text, HasSubstr("aaaaaaaa"));
}

}  // namespace
}  // namespace accord::accordctl::checks_text_test
