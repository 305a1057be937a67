// How case history reads at a terminal.
#include "services/accordctl/history_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accord::accordctl::history_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

broker::v1::CaseHistory Found() {
  broker::v1::CaseHistory history;
  history.add_flags(type::v1::CASE_FLAG_MARAC_REPEAT);
  history.add_flags(type::v1::CASE_FLAG_POSSIBLE_ESCALATION);
  history.set_events_at_least(2);
  history.set_events_at_most(4);
  history.set_reports(5);
  history.set_reporting_agencies(1);
  history.set_last_marac_referral_ms(1'800'000'000'000);
  history.set_other_victims(2);
  history.set_rules_version("cases-1");
  return history;
}

TEST(HistoryTextTest, SaysWhatWasFound) {
  const std::string text = HistoryText(Found(), 100);
  EXPECT_THAT(text, HasSubstr("marac repeat, possible escalation"));
  EXPECT_THAT(text, HasSubstr("2 to 4, as their dates are known"));
  EXPECT_THAT(text, HasSubstr("5, by 1 agency"));
  EXPECT_THAT(text, HasSubstr("cases-1"));
  const std::string line = HistoryLine(Found());
  EXPECT_THAT(line, HasSubstr("marac repeat, possible escalation; 2 to 4 events within the window; last Marac referral "));
  EXPECT_THAT(line, HasSubstr("other victims: 2"));
}

TEST(HistoryTextTest, SaysThatThereIsNothing) {
  const std::string text = HistoryText({}, 100);
  EXPECT_THAT(text, HasSubstr("nothing"));
  EXPECT_THAT(text, Not(HasSubstr("as their dates")));
  EXPECT_EQ(HistoryLine({}), "nothing found");
}

}  // namespace
}  // namespace accord::accordctl::history_text_test
