#include "services/accordctl/duty_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accord::accordctl::duty_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromCivil(absl::CivilMinute(2026, 11, 27, 17, 2), absl::UTCTimeZone());

agency::v1::SubmissionRecipient& Add(agency::v1::Submission& submission, const std::string& agency, type::v1::DutyState duty) {
  auto& row = *submission.add_recipients();
  row.set_agency(agency);
  row.set_state(type::v1::REFERRAL_STATE_STORED);
  row.set_duty(duty);
  return row;
}

TEST(DutyTextTest, TellsTheSenderWhetherAnybodyIsThere) {
  agency::v1::Submission submission;
  Add(submission, "idva", type::v1::DUTY_STATE_ALERTED);
  Add(submission, "health", type::v1::DUTY_STATE_QUEUED);
  Add(submission, "housing", type::v1::DUTY_STATE_OPENED);
  Add(submission, "childrens", type::v1::DUTY_STATE_NO_ONE_ON_DUTY).set_duty_telephone("01632 960123");
  Add(submission, "probation", type::v1::DUTY_STATE_NO_ONE_ON_DUTY);
  const std::string text = RecipientsText(submission, kNow, 200, false);
  EXPECT_THAT(text, HasSubstr("alerted"));
  EXPECT_THAT(text, HasSubstr("waits for their service"));
  EXPECT_THAT(text, HasSubstr("opened by a person"));
  EXPECT_THAT(text, HasSubstr("NO ONE ON DUTY: telephone 01632 960123. 999 is for danger now."));
  EXPECT_THAT(text, HasSubstr("NO ONE ON DUTY, and they have registered no telephone number. 999 is for danger now."));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(RecipientsText(submission, kNow, 200, true), HasSubstr("\x1b"));
}

TEST(DutyTextTest, SaysNothingOfRecipientsWithoutDutyOrClock) {
  agency::v1::Submission submission;
  auto& row = Add(submission, "idva", type::v1::DUTY_STATE_UNSPECIFIED);
  EXPECT_EQ(RecipientsText(submission, kNow, 120, false), "");
  row.set_response_due_ms(absl::ToUnixMillis(kNow + absl::Hours(2)));
  EXPECT_THAT(RecipientsText(submission, kNow, 120, false), HasSubstr("27 Nov 19:02"));
}

TEST(DutyTextTest, AnItemIsDueByTheEarlierClock) {
  agency::v1::InboxItem item;
  EXPECT_EQ(DueText(item, kNow), "-");
  item.set_response_due_ms(absl::ToUnixMillis(kNow + absl::Hours(1)));
  EXPECT_EQ(DueText(item, kNow), "27 Nov 18:02");
  item.set_pick_up_due_ms(absl::ToUnixMillis(kNow - absl::Hours(2)));
  EXPECT_EQ(DueText(item, kNow), "overdue 2 h");
  EXPECT_EQ(DueText(item, kNow - absl::Hours(1) - absl::Minutes(1)), "overdue 59 min");
  EXPECT_EQ(DueText(item, kNow + absl::Hours(46)), "overdue 2 d");
}

agency::v1::TodayItem Item(agency::v1::TodayKind kind, const std::string& words, absl::Time due = absl::UnixEpoch()) {
  agency::v1::TodayItem item;
  item.set_kind(kind);
  item.set_referral("request-1");
  item.set_lane(type::v1::LANE_HIGH);
  item.set_words(words);
  item.set_due_ms(absl::ToUnixMillis(due));
  return item;
}

TEST(DutyTextTest, NothingWaits) { EXPECT_EQ(TodayText({}, kNow, 120, true), "Nothing waits.\n"); }

TEST(DutyTextTest, WhatWaitsAtAForumStandsTogether) {
  std::vector<agency::v1::TodayItem> items;
  for (const auto kind : {agency::v1::TODAY_KIND_CASE_TO_LIST, agency::v1::TODAY_KIND_TO_OPEN, agency::v1::TODAY_KIND_CASE_TO_HEAR, agency::v1::TODAY_KIND_RESEARCH_DUE,
                          agency::v1::TODAY_KIND_ACTION_OVERDUE, agency::v1::TODAY_KIND_ACTION_UNOWNED}) {
    items.push_back(Item(kind, "Something."));
  }
  EXPECT_THAT(TodayText(items, kNow, 120, false), HasSubstr("At the forum (5)\n"));
}

TEST(DutyTextTest, WhatWaitsIsGroupedAndKeepsItsOrder) {
  const std::vector<agency::v1::TodayItem> items = {
      Item(agency::v1::TODAY_KIND_TO_OPEN_OVERDUE, "One.", kNow), Item(agency::v1::TODAY_KIND_RETURNED, "Two."),
      Item(agency::v1::TODAY_KIND_TO_ANSWER_OVERDUE, "Three.", kNow), Item(static_cast<agency::v1::TodayKind>(99), "Four.")};
  EXPECT_EQ(TodayText(items, kNow, 120, false),
            "Overdue here (2)\n"
            "  request-1  One.\n"
            "  request-1  Three.\n"
            "\n"
            "What others said of what you sent (1)\n"
            "  request-1  Two.\n"
            "\n"
            "More (1)\n"
            "  request-1  Four.\n");
  const std::string coloured = TodayText(items, kNow, 120, true);
  EXPECT_THAT(coloured, HasSubstr("\x1b[1;31mOne."));
  EXPECT_THAT(coloured, Not(HasSubstr("\x1b[1;31mTwo.")));
}

}  // namespace
}  // namespace accord::accordctl::duty_text_test
