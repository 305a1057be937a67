// Every named question over a small made-up record: what it finds, what it finds absent, and its boundary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/bytes.h"
#include "services/broker/questions/testing_record.h"

namespace accord::broker::questions_test {
namespace {

using inspection::v1::AskQuestionRequest;
using inspection::v1::Table;
using namespace accord::type::v1;

std::string Notes(const Table& table) {
  std::string all;
  for (const std::string& note : table.notes()) all += note + "\n";
  return all;
}

constexpr int64_t kLater = 100 * kDayMs;  // After every clock of these tests.

TEST(QuestionsTest, AllOfTheInspectorsAndTheCommissionersAreThere) {
  std::vector<uint32_t> numbers;
  for (const Question& question : Questions()) numbers.push_back(question.number);
  std::vector<uint32_t> wanted;
  for (uint32_t i = 1; i <= 22; ++i) wanted.push_back(i);
  wanted.insert(wanted.end(), {101, 102});
  EXPECT_EQ(numbers, wanted);
  for (const Question& question : Questions()) {
    EXPECT_FALSE(question.title.empty() || question.definition.empty() || question.fields.empty()) << question.number;
    // Over an empty record each says that there is none.
    const Table table = TestingRecord().Ask(question.number, kMondayMs);
    EXPECT_EQ(table.rows_size(), 0) << question.number;
    EXPECT_THAT(Notes(table), ::testing::HasSubstr("No record in Accord")) << question.number;
    for (const auto& sum : question.sums) {
      for (const std::string_view name : sum.parts) {
        EXPECT_TRUE(std::any_of(table.columns().begin(), table.columns().end(), [&](const auto& column) { return column.name() == name; })) << name;
      }
    }
  }
}

TEST(QuestionsTest, TimelineHasEveryEntryInOrderAndMarksGaps) {
  TestingRecord record;
  auto first = record.Stored(kMondayMs);
  first.To("idva").Case('a').Released(kMondayMs + kHourMs, "idva");
  record.Stored(kMondayMs + 2 * kHourMs, "childrens").Case('a');
  first.Said(kMondayMs + 31 * kDayMs + kHourMs, "idva", STATEMENT_KIND_DECLINED).statement->set_decline_reason(DECLINE_REASON_NO_CAPACITY);
  const Table table = record.Ask(1, kMondayMs + kLater);
  ASSERT_EQ(table.rows_size(), 4);
  EXPECT_EQ(table.rows(1).cells(1), "RELEASED");
  EXPECT_EQ(table.rows(2).cells(3), "childrens");
  EXPECT_EQ(table.rows(3).cells(5), "NO_CAPACITY");
  EXPECT_EQ(table.rows(2).cells(7), "");  // An hour is no gap.
  EXPECT_EQ(table.rows(3).cells(7), std::to_string(31 * kDayMs - kHourMs));
  EXPECT_THAT(Notes(table), ::testing::HasSubstr("No record in Accord for 68 days"));
}

TEST(QuestionsTest, HighWithoutMaracOrIdvaInTime) {
  TestingRecord record;
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Case('a');                                                             // Nothing followed.
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Case('b').To("idva").Released(kMondayMs + 5 * kDayMs, "idva");          // On the last moment.
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Case('c').To("idva").Released(kMondayMs + 5 * kDayMs + 1, "idva");      // A moment late.
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Case('d');
  record.Stored(kMondayMs + kDayMs, "housing").Case('d').core().set_purpose(PURPOSE_MARAC);                              // Another agency did.
  record.Stored(kMondayMs).Grade(RISK_GRADE_MEDIUM).Case('e');
  record.Stored(kMondayMs).Grade(RISK_GRADE_MEDIUM).Case('f').Said(kMondayMs + kHourMs, "police", STATEMENT_KIND_REGRADED).statement->mutable_regraded()->set_grade(RISK_GRADE_HIGH);
  const Table table = record.Ask(3, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 3);
  EXPECT_EQ(RowWhere(table, "case", ToHex(std::string(16, 'a')))["idva_later"], "");
  EXPECT_EQ(RowWhere(table, "case", ToHex(std::string(16, 'c')))["idva_later"], std::to_string(kMondayMs + 5 * kDayMs + 1));
  EXPECT_EQ(RowWhere(table, "case", ToHex(std::string(16, 'f')))["high_since"], std::to_string(kMondayMs + kHourMs));
  EXPECT_EQ(record.Ask(3, kMondayMs + 5 * kDayMs).rows_size(), 0) << "the time has not come";
}

TEST(QuestionsTest, ReportsWithAChildThatReachedNobody) {
  TestingRecord record;
  record.Stored(kMondayMs).Happened(kMondayMs).Subject(SUBJECT_ROLE_CHILD).Case('a');
  record.Stored(kMondayMs).Happened(kMondayMs).Subject(SUBJECT_ROLE_UNBORN_CHILD).Case('b').To("childrens").Released(kMondayMs + 2 * kDayMs, "childrens");
  record.Stored(kMondayMs).Happened(kMondayMs).Subject(SUBJECT_ROLE_CHILD).Case('c').To("childrens").Released(kMondayMs + 2 * kDayMs + 1, "childrens");
  record.Stored(kMondayMs).Happened(kMondayMs).Subject(SUBJECT_ROLE_VICTIM).Case('d');
  record.Stored(kMondayMs, "police").Type(REFERRAL_TYPE_NOT_SHARED).Case('a').facts().parts.recipients.emplace_back().set_agency("childrens");
  const Table table = record.Ask(4, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 2);
  auto row = RowWhere(table, "case", ToHex(std::string(16, 'a')));
  EXPECT_EQ(row["lacks"], "children's services, school");
  EXPECT_EQ(row["not_shared_recorded"], "true");
  EXPECT_EQ(RowWhere(table, "case", ToHex(std::string(16, 'c')))["childrens_services"], "");
}

TEST(QuestionsTest, SchoolNoticesAfterTheDayBegan) {
  TestingRecord record;
  const int64_t school_start = kMondayMs + 22 * kHourMs + 45 * kMinuteMs;  // Tuesday 08:45.
  const auto notice = [&](char letter) { return record.Stored(kMondayMs).Happened(kMondayMs).Subject(SUBJECT_ROLE_CHILD).Case(letter); };
  notice('a').To("school").Released(school_start - 2, "school").Delivered(school_start - 1, "school");
  notice('b').To("school").Released(school_start - 2, "school").Delivered(school_start, "school");
  notice('c').To("school");
  notice('d');
  const Table table = record.Ask(5, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 3);
  auto row = RowWhere(table, "case", ToHex(std::string(16, 'b')));
  EXPECT_EQ(row["due"], std::to_string(school_start));
  EXPECT_EQ(row["lacks"], "in time");
  EXPECT_EQ(RowWhere(table, "case", ToHex(std::string(16, 'c')))["lacks"], "delivery");
  EXPECT_EQ(RowWhere(table, "case", ToHex(std::string(16, 'd')))["lacks"], "school");
}

TEST(QuestionsTest, ContactsDecidedByTheEndOfTheNextWorkingDay) {
  TestingRecord record;
  const int64_t due = kMondayMs + 38 * kHourMs;  // The end of Tuesday.
  const auto contact = [&](char letter) { return record.Stored(kMondayMs).Case(letter).To("childrens"); };
  const auto decided = [&](RecordedReferral one, int64_t time_ms, bool told) {
    FactEvent& said = one.Said(time_ms, "childrens", STATEMENT_KIND_DECIDED);
    said.statement->set_decision(CONTACT_DECISION_SECTION_47);
    const std::string digest = said.statement_digest;
    if (told) one.Add(time_ms + 1, EVENT_TYPE_DELIVERED, "agency/police", "police").statement_digest = digest;
  };
  decided(contact('a'), due - 1, true);
  decided(contact('b'), due, true);
  decided(contact('c'), due - 1, false);
  contact('d');
  record.Stored(kMondayMs).Case('e').To("childrens", CATEGORY_RISK, "always/protective-list");  // Could not have it.
  const Table table = record.Ask(6, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 3);
  EXPECT_EQ(RowWhere(table, "lacks", "in time")["case"], ToHex(std::string(16, 'b')));
  EXPECT_EQ(RowWhere(table, "lacks", "feedback")["decision"], "SECTION_47");
  EXPECT_EQ(RowWhere(table, "lacks", "decision")["decided"], "");
  EXPECT_THAT(Notes(table), ::testing::HasSubstr("Of 4 contacts 2 were decided in time"));
  EXPECT_EQ(record.Ask(6, due - 1).rows_size(), 2) << "of one the time has not come";
}

TagPart& TagOf(RecordedReferral one, ConfidentialityConsent consent) {
  auto& tag = one.To("idva").facts().parts.tags.emplace_back();
  tag.set_tag_id(std::string(16, 't'));
  tag.set_consent(consent);
  tag.set_regime(REGIME_UK_GDPR);
  return tag;
}

TEST(QuestionsTest, SharesWithoutConsentAndWhatTheyLack) {
  TestingRecord record;
  TagOf(record.Stored(kMondayMs), CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS);
  TagOf(record.Stored(kMondayMs), CONFIDENTIALITY_CONSENT_REFUSED);
  TagPart& whole = TagOf(record.Stored(kMondayMs), CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE);
  whole.set_article6(ARTICLE6_BASIS_PUBLIC_TASK);
  whole.set_gateway(GATEWAY_CA1989_S47);
  whole.set_rationale_present(true);
  whole.set_approver("s-1");
  TagOf(record.Stored(kMondayMs, "housing"), CONFIDENTIALITY_CONSENT_GIVEN);
  auto& unshared = record.Stored(kMondayMs).To("idva", CATEGORY_RISK, "always/protective-list").facts().parts.tags.emplace_back();
  unshared.set_tag_id(std::string(16, 't'));  // Nothing was permitted under it.
  const Table table = record.Ask(7, kMondayMs + kLater);
  auto row = RowWhere(table, "agency", "police");
  EXPECT_EQ(row["shares"], "3");
  EXPECT_EQ(row["without_consent"], "2");
  EXPECT_EQ(row["refused_or_withdrawn"], "1");
  EXPECT_EQ(row["no_basis"], "1");
  EXPECT_EQ(row["no_approver"], "1");
  EXPECT_EQ(row["blank_share"], "50.0");
  EXPECT_EQ(row["bases_and_gateways"], "PUBLIC_TASK/CA1989_S47, none/none");
  EXPECT_EQ(RowWhere(table, "agency", "housing")["blank_share"], "");
  EXPECT_EQ(RowWhere(table, "agency", "all")["shares"], "4");
}

TEST(QuestionsTest, RefusedAndNotSharedByReason) {
  TestingRecord record;
  record.Stored(kMondayMs).Type(REFERRAL_TYPE_NOT_SHARED).core().set_not_shared_reason(NOT_SHARED_REASON_DETRIMENT_TO_CHILD);
  auto one = record.Stored(kMondayMs).To("idva").To("housing", CATEGORY_HEALTH, "default/no-route").To("housing", CATEGORY_RISK, "default/no-route");
  one.Said(kMondayMs + 1, "idva", STATEMENT_KIND_DECLINED).statement->set_decline_reason(DECLINE_REASON_OUT_OF_AREA);
  FactEvent& check = one.Said(kMondayMs + 2, "housing", STATEMENT_KIND_CHECK_ANSWERED);
  check.statement->set_check_answer(CHECK_ANSWER_KNOWN_WITHHELD);
  check.statement->set_check_withheld_reason(NOT_SHARED_REASON_RAISES_RISK);
  const Table table = record.Ask(8, kMondayMs + kLater);
  EXPECT_EQ(RowWhere(table, "reason", "DETRIMENT_TO_CHILD")["what"], "recorded as not shared");
  EXPECT_EQ(RowWhere(table, "reason", "OUT_OF_AREA")["agency"], "idva");
  EXPECT_EQ(RowWhere(table, "reason", "RAISES_RISK")["count"], "1");
  EXPECT_EQ(RowWhere(table, "reason", "default/no-route")["count"], "1") << "once a referral, recipient and rule";
  EXPECT_EQ(RowWhere(table, "agency", "all")["count"], "4");
}

TEST(QuestionsTest, WhoViewedAndWhoIsBarred) {
  TestingRecord record;
  record.agencies["idva"].barred = {"w-1"};
  auto one = record.Stored(kMondayMs).To("idva").Released(kMondayMs + 1, "idva");
  one.Said(kMondayMs + 2, "idva", STATEMENT_KIND_OPENED);
  one.Said(kMondayMs + 3, "idva", STATEMENT_KIND_ACCEPTED);
  one.Add(kMondayMs + 4, EVENT_TYPE_TRAIL_QUERIED, "inspector/j").event.set_warrant("jtai-1");
  const Table table = record.Ask(9, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 2);
  EXPECT_EQ(RowWhere(table, "what", "OPENED")["conflict_of_interest"], "true");
  EXPECT_EQ(RowWhere(table, "what", "TRAIL_QUERIED")["warrant"], "jtai-1");
  EXPECT_EQ(RowWhere(table, "what", "TRAIL_QUERIED")["conflict_of_interest"], "false");
}

TEST(QuestionsTest, RepeatsDetectedReferredAndMissed) {
  TestingRecord record;
  const auto marac = [&](int64_t time_ms, char letter) { record.Stored(time_ms).Case(letter).core().set_purpose(PURPOSE_MARAC); };
  const auto repeat = [&](char letter) { record.Stored(kMondayMs).Happened(kMondayMs).Case(letter).Flagged(kMondayMs, CASE_FLAG_MARAC_REPEAT); };
  marac(kMondayMs - 100 * kDayMs, 'a');
  for (const char letter : {'a', 'b', 'c'}) repeat(letter);
  marac(kMondayMs + 14 * kDayMs, 'a');
  marac(kMondayMs + 14 * kDayMs + 1, 'b');
  record.Stored(kMondayMs).Happened(kMondayMs).Case('d').Flagged(kMondayMs, CASE_FLAG_ESCALATION);
  const Table table = record.Ask(10, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 3);
  auto row = RowWhere(table, "case", ToHex(std::string(16, 'a')));
  EXPECT_EQ(row["missed"], "false");
  EXPECT_EQ(row["last_marac"], std::to_string(kMondayMs - 100 * kDayMs));
  EXPECT_EQ(row["referred_by"], "police");
  EXPECT_EQ(RowWhere(table, "case", ToHex(std::string(16, 'b')))["missed"], "true");
  EXPECT_EQ(RowWhere(table, "case", ToHex(std::string(16, 'c')))["referred"], "");
  EXPECT_EQ(RowWhere(record.Ask(10, kMondayMs + kDayMs), "case", ToHex(std::string(16, 'c')))["missed"], "false");
}

TEST(QuestionsTest, SeveralIncidentsNeverEscalated) {
  TestingRecord record;
  const auto incidents = [&](char letter, std::vector<int> days, const std::string& event = {}) {
    for (const int day : days) {
      auto one = record.Stored(kMondayMs + day * kDayMs).Happened(kMondayMs + day * kDayMs).Case(letter).Grade(RISK_GRADE_STANDARD);
      if (!event.empty()) one.core().mutable_report()->mutable_event()->set_token(event);
    }
  };
  incidents('a', {0, 100, 200});
  incidents('b', {0, 100});
  incidents('c', {-300, 0, 67});  // 367 days: one day too long.
  incidents('d', {-299, 0, 67});  // 366.
  incidents('e', {0, 1, 2}, "one and the same");
  incidents('f', {0, 1, 2});
  record.Stored(kMondayMs).Case('f').core().set_purpose(PURPOSE_MARAC);
  const Table table = record.Ask(11, kMondayMs + 300 * kDayMs);
  EXPECT_EQ(table.rows_size(), 2);
  EXPECT_EQ(RowWhere(table, "case", ToHex(std::string(16, 'a')))["incidents"], "3");
  EXPECT_EQ(RowWhere(table, "case", ToHex(std::string(16, 'd')))["agencies"], "police");
}

TEST(QuestionsTest, GradesThatChangedByWhomAndWhy) {
  TestingRecord record;
  record.Stored(kMondayMs).Case('a').Grade(RISK_GRADE_HIGH);
  record.Stored(kMondayMs + 1, "housing").Case('a').Grade(RISK_GRADE_STANDARD);  // Another agency's is no change.
  auto lower = record.Stored(kMondayMs + 2).Case('a').Grade(RISK_GRADE_MEDIUM);
  lower.core().mutable_risk()->set_supervisor("s-1");
  lower.core().mutable_risk()->set_change_reason(RISK_CHANGE_REASON_NEW_ASSESSMENT);
  lower.Said(kMondayMs + 3, "police", STATEMENT_KIND_REGRADED).statement->mutable_regraded()->set_grade(RISK_GRADE_HIGH);
  record.Stored(kMondayMs + 4).Case('a').Grade(RISK_GRADE_HIGH);  // The same again.
  const Table table = record.Ask(12, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 2);
  EXPECT_EQ(RowWhere(table, "direction", "lowered")["supervisor"], "s-1");
  EXPECT_EQ(RowWhere(table, "direction", "lowered")["reason"], "NEW_ASSESSMENT");
  EXPECT_EQ(RowWhere(table, "direction", "raised")["worker"], "w-1");
}

TEST(QuestionsTest, ActionsOverdueAtTheNextMeeting) {
  TestingRecord record;
  auto one = record.Stored(kMondayMs).Case('a').To("idva").To("housing");
  one.Said(kMondayMs + 1, "idva", STATEMENT_KIND_ACTION).statement->set_outcome_code("call");
  one.Said(kMondayMs + 2, "housing", STATEMENT_KIND_ACTION).statement->set_outcome_code("move");
  one.Said(kMondayMs + 3, "police", STATEMENT_KIND_LISTED).statement->set_meeting_at_ms(kMondayMs + 7 * kDayMs);
  one.Said(kMondayMs + 7 * kDayMs, "housing", STATEMENT_KIND_OUTCOME);
  one.Said(kMondayMs + 7 * kDayMs + 1, "idva", STATEMENT_KIND_OUTCOME);
  const Table table = record.Ask(13, kMondayMs + kLater);
  ASSERT_EQ(table.rows_size(), 1);
  EXPECT_EQ(RowWhere(table, "agency", "idva")["due"], std::to_string(kMondayMs + 7 * kDayMs));
  EXPECT_THAT(Notes(table), ::testing::HasSubstr("in the forum's own store"));
  EXPECT_EQ(RowWhere(table, "agency", "idva")["lacks"], "in time");
  EXPECT_EQ(record.Ask(13, kMondayMs + 7 * kDayMs - 1).rows_size(), 0);
}

TEST(QuestionsTest, ActionsThatAForumGaveAndNobodyOwns) {
  TestingRecord record;
  auto heard = record.Stored(kMondayMs - kDayMs).Case('a').To("housing");
  heard.core().set_forum("marac-south");
  heard.Said(kMondayMs - 1, "housing", STATEMENT_KIND_LISTED).statement->set_meeting_at_ms(kMondayMs + 7 * kDayMs);
  const auto given = [&](const std::string& owner, Category category = CATEGORY_SAFETY_PLAN) {
    record.Enrol(owner, AGENCY_KIND_HEALTH);
    auto action = record.Stored(kMondayMs, "housing").Type(REFERRAL_TYPE_NOTIFICATION).Case('a').To(owner, category);
    action.core().set_purpose(PURPOSE_MARAC);
    action.core().set_caused_by(heard.digest());
    return action;
  };
  auto silent = given("silent");
  silent.Said(kMondayMs + 1, "silent", STATEMENT_KIND_OPENED);
  silent.To("barred", CATEGORY_RISK, "always/protective-list").To("deputy").facts().parts.recipients.back().set_on_behalf_of("silent");  // Neither has it to do.
  given("declined").Said(kMondayMs + 1, "declined", STATEMENT_KIND_DECLINED);
  given("accepted").Said(kMondayMs + 1, "accepted", STATEMENT_KIND_ACCEPTED);
  given("late").Said(kMondayMs + 7 * kDayMs + 1, "late", STATEMENT_KIND_OUTCOME);
  given("done").Said(kMondayMs + 7 * kDayMs, "done", STATEMENT_KIND_OUTCOME);
  given("recalled").Said(kMondayMs + 1, "housing", STATEMENT_KIND_RECALL);
  given("told", CATEGORY_NARRATIVE);  // No action: it has no safety plan.
  const Table table = record.Ask(13, kMondayMs + 7 * kDayMs + 2);
  EXPECT_EQ(table.rows_size(), 4);
  auto row = RowWhere(table, "agency", "silent");
  EXPECT_EQ(row["lacks"], "answer");
  EXPECT_EQ(row["forum"], "marac-south");
  EXPECT_EQ(row["due"], std::to_string(kMondayMs + 7 * kDayMs));
  EXPECT_EQ(RowWhere(table, "agency", "declined")["lacks"], "owner");
  EXPECT_EQ(RowWhere(table, "agency", "accepted")["lacks"], "outcome");
  EXPECT_EQ(RowWhere(table, "agency", "late")["lacks"], "in time");
  EXPECT_EQ(record.Ask(13, kMondayMs + 7 * kDayMs - 1).rows_size(), 0);
  silent.Released(kMondayMs + 2, "deputy");
  EXPECT_EQ(RowWhere(record.Ask(13, kMondayMs + 7 * kDayMs + 2), "agency", "deputy")["lacks"], "answer") << "it was handed over";
}

TEST(QuestionsTest, ResearchWithoutReplyAndNilReturns) {
  TestingRecord record;
  auto check = record.Stored(kMondayMs).Type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION).Case('a').To("childrens").To("housing").To("idva");
  check.core().set_checks(true);
  check.Said(kMondayMs + kHourMs, "childrens", STATEMENT_KIND_CHECK_ANSWERED).statement->set_check_answer(CHECK_ANSWER_NOT_KNOWN);
  auto response = record.Stored(kMondayMs + 2 * kHourMs, "housing").Type(REFERRAL_TYPE_RESPONSE).Case('a');
  response.core().set_caused_by(check.digest());
  Table table = record.Ask(14, kMondayMs + 5 * kDayMs + 1);
  EXPECT_EQ(RowWhere(table, "agency", "childrens")["answered"], "1");
  EXPECT_EQ(RowWhere(table, "agency", "housing")["median"], std::to_string(2 * kHourMs));
  EXPECT_EQ(RowWhere(table, "agency", "idva")["no_reply"], "1");
  EXPECT_EQ(RowWhere(table, "agency", "all")["no_reply_share"], "33.3");
  EXPECT_EQ(RowWhere(record.Ask(14, kMondayMs + 5 * kDayMs), "agency", "idva")["waiting"], "1");
  table = record.Ask(15, kMondayMs + kLater);
  EXPECT_EQ(RowWhere(table, "agency", "childrens")["nil_returns"], "1");
  EXPECT_EQ(RowWhere(table, "agency", "idva")["not_answered"], "1");
  EXPECT_EQ(RowWhere(table, "agency", "all")["checks"], "3");
  EXPECT_THAT(Notes(table), ::testing::HasSubstr("No record in Accord of who attended"));
}

TEST(QuestionsTest, UndeliveredWithItsAttemptsAndWhoNoticed) {
  TestingRecord record;
  record.Stored(kMondayMs).Case('a').To("idva").Released(kMondayMs + 1, "idva").Delivered(kMondayMs + 2, "idva");
  record.Stored(kMondayMs).Case('b').To("idva").Released(kMondayMs + 1, "idva").Released(kMondayMs + 2, "idva").Add(kMondayMs + 3, EVENT_TYPE_PICK_UP_OVERDUE, "broker", "idva");
  record.Stored(kMondayMs).Case('c').To("idva").Add(kMondayMs + 1, EVENT_TYPE_COPY_STOPPED, "agency/police", "idva");
  // A statement that arrived is not the referral.
  record.Stored(kMondayMs).Case('d').To("idva").Add(kMondayMs + 3, EVENT_TYPE_DELIVERED, "agency/idva", "idva").statement_digest = "other";
  const Table table = record.Ask(16, kMondayMs + kDayMs);
  EXPECT_EQ(table.rows_size(), 2);
  auto row = RowWhere(table, "case", ToHex(std::string(16, 'b')));
  EXPECT_EQ(row["attempts"], "2");
  EXPECT_EQ(row["noticed_by"], "broker");
  EXPECT_EQ(row["age"], std::to_string(kDayMs));
  EXPECT_EQ(RowWhere(table, "case", ToHex(std::string(16, 'd')))["attempts"], "0");
  EXPECT_EQ(record.Ask(16, kMondayMs + kDayMs - 1).rows_size(), 0);
}

TEST(QuestionsTest, VoicesThatAreEmpty) {
  TestingRecord record;
  record.Stored(kMondayMs).To("idva", CATEGORY_VOICE).Subject(SUBJECT_ROLE_CHILD);
  record.Stored(kMondayMs).To("idva", CATEGORY_RISK).Subject(SUBJECT_ROLE_UNBORN_CHILD);
  record.Stored(kMondayMs).To("idva", CATEGORY_RISK);
  record.Stored(kMondayMs).To("idva", CATEGORY_RISK).Type(REFERRAL_TYPE_RESPONSE);  // Not asked of.
  const auto row = [&](const std::string& agency) { return RowWhere(record.Ask(17, kMondayMs + kLater), "agency", agency); };
  EXPECT_EQ(row("police")["referrals"], "3");
  EXPECT_EQ(row("police")["without_voice"], "2");
  EXPECT_EQ(row("police")["child_without_voice"], "1");
  EXPECT_EQ(row("all")["child_without_share"], "50.0");
}

TEST(QuestionsTest, TheSamePerpetratorAcrossVictims) {
  TestingRecord record;
  record.Enrol("gmp", AGENCY_KIND_POLICE, "E08000003");
  const auto pair = [&](const std::string& sender, char letter, const std::string& victim, const std::string& perpetrator) {
    record.Stored(kMondayMs, sender).Case(letter).Subject(SUBJECT_ROLE_VICTIM, victim).Subject(SUBJECT_ROLE_ALLEGED_PERPETRATOR, perpetrator);
  };
  pair("police", 'a', "anna", "paul");
  pair("gmp", 'b', "beth", "paul");
  pair("police", 'c', "cara", "quentin");
  pair("police", 'c', "cara", "quentin");  // Twice the same victim.
  pair("police", 'd', "paul", "anna");     // Roles reversed: one victim.
  const Table table = record.Ask(18, kMondayMs + kLater);
  ASSERT_EQ(table.rows_size(), 1);
  EXPECT_EQ(RowWhere(table, "person", "person 1")["victims"], "2");
  EXPECT_EQ(RowWhere(table, "person", "person 1")["areas"], "E08000003, E08000012");
}

TEST(QuestionsTest, TransfersSentAcceptedAndHandedOver) {
  TestingRecord record;
  record.Enrol("idva-north", AGENCY_KIND_IDVA, "E08000003");
  auto out = record.Stored(kMondayMs).Case('a');
  out.core().set_forum("marac-south");
  out.Said(kMondayMs + 1, "police", STATEMENT_KIND_TRANSFERRED_OUT).statement->set_other_forum("marac-north");
  auto in = record.Stored(kMondayMs + 2).Case('a');
  in.Said(kMondayMs + 3, "police", STATEMENT_KIND_TRANSFERRED_IN).statement->set_other_forum("marac-south");
  record.Stored(kMondayMs + 4, "idva").Case('a').To("idva-north");
  auto lost = record.Stored(kMondayMs).Case('b');
  lost.Said(kMondayMs + 1, "police", STATEMENT_KIND_TRANSFERRED_OUT).statement->set_other_forum("marac-west");
  const Table table = record.Ask(19, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 2);
  auto row = RowWhere(table, "to", "marac-north");
  EXPECT_EQ(row["accepted"], std::to_string(kMondayMs + 3));
  EXPECT_EQ(row["idva_to"], "idva-north");
  EXPECT_EQ(RowWhere(table, "to", "marac-west")["accepted"], "");
}

TEST(QuestionsTest, WhatAnAgencyKnewAtATime) {
  TestingRecord record;
  auto one = record.Stored(kMondayMs).Happened(kMondayMs - kDayMs).Case('a').To("idva", CATEGORY_RISK).To("housing", CATEGORY_HOUSING);
  one.core().mutable_known()->set_latest_ms(kMondayMs - kHourMs);
  one.Released(kMondayMs + 10, "idva").Delivered(kMondayMs + 20, "idva");
  one.Said(kMondayMs + 25, "idva", STATEMENT_KIND_OPENED).worker.set_role(WORKER_ROLE_SYSTEM);  // No person.
  one.Said(kMondayMs + 30, "idva", STATEMENT_KIND_OPENED);
  record.Stored(kMondayMs + 40, "idva").Case('a');
  AskQuestionRequest request;
  request.set_case_pseudonym(std::string(16, 'a'));
  request.add_agencies("idva");
  const auto at = [&](int64_t ms) {
    request.set_as_at_ms(kMondayMs + ms);
    return record.Ask(20, kMondayMs + kLater, request);
  };
  EXPECT_EQ(at(9).rows_size(), 0);
  EXPECT_THAT(Notes(at(9)), ::testing::HasSubstr("Of 1 further referrals"));
  auto row = RowWhere(at(10), "how", "received");
  EXPECT_EQ(row["happened"], std::to_string(kMondayMs - kDayMs));
  EXPECT_EQ(row["known_to_sender"], std::to_string(kMondayMs - kHourMs));
  EXPECT_EQ(row["recorded"], std::to_string(kMondayMs));
  EXPECT_EQ(row["delivered"], "");
  EXPECT_EQ(row["categories"], "RISK") << "not what another agency had";
  EXPECT_EQ(RowWhere(at(29), "how", "received")["opened_by_person"], "");
  EXPECT_EQ(RowWhere(at(30), "how", "received")["opened_by_person"], std::to_string(kMondayMs + 30));
  EXPECT_EQ(RowWhere(at(39), "how", "sent")["referral"], "");
  EXPECT_NE(RowWhere(at(40), "how", "sent")["referral"], "");
}

TEST(QuestionsTest, ProtectionBlockedCorrectedAndBreached) {
  TestingRecord record;
  auto one = record.Stored(kMondayMs).To("housing", CATEGORY_RISK, "always/protective-list").To("idva", CATEGORY_RISK, "default/no-route");
  FactEvent& told = one.Said(kMondayMs + 1, "police", STATEMENT_KIND_CORRECTION);
  told.recipient = "idva";
  told.statement->set_safe_contact_change(true);
  one.Add(kMondayMs + 2, EVENT_TYPE_BREACH_RECORDED, "agency/police");
  const Table table = record.Ask(21, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 3);
  EXPECT_EQ(RowWhere(table, "what", "blocked when stored")["recipient"], "housing");
  EXPECT_EQ(RowWhere(table, "what", "safe contact corrected: told")["recipient"], "idva");
  EXPECT_EQ(RowWhere(table, "what", "breach recorded")["sender"], "police");
  EXPECT_THAT(Notes(table), ::testing::HasSubstr("What a preview showed as blocked and what a submission was refused for is not in it"));
}

TEST(QuestionsTest, TheIntegrityOfChainsPointsToABundle) {
  TestingRecord record;
  record.Stored(kMondayMs).Case('a').To("idva").Released(kMondayMs + 1, "idva");
  const Table table = record.Ask(22, kMondayMs + kLater);
  ASSERT_EQ(table.rows_size(), 1);
  EXPECT_EQ(table.rows(0).cells(2), "2");
  EXPECT_EQ(table.completeness(), "attested");
  EXPECT_THAT(Notes(table), ::testing::HasSubstr("accord-verify bundle"));
}

TEST(QuestionsTest, DemandThatWasNotMet) {
  TestingRecord record;
  const auto asked = [&] { return record.Stored(kMondayMs).To("idva"); };
  asked().Said(kMondayMs + 1, "idva", STATEMENT_KIND_ACCEPTED);
  asked().Said(kMondayMs + 1, "idva", STATEMENT_KIND_DECLINED).statement->set_decline_reason(DECLINE_REASON_NO_CAPACITY);
  asked().Said(kMondayMs + 1, "idva", STATEMENT_KIND_DECLINED).statement->set_decline_reason(DECLINE_REASON_NOT_WANTED);
  asked();
  record.Stored(kMondayMs + 28 * kDayMs).To("idva");
  record.Enrol("idva-2", AGENCY_KIND_IDVA);
  auto no_room = record.Stored(kMondayMs).Type(REFERRAL_TYPE_NOT_SHARED);
  no_room.core().set_not_shared_reason(NOT_SHARED_REASON_NO_CAPACITY);
  for (const char* agency : {"idva", "idva-2"}) no_room.facts().parts.recipients.emplace_back().set_agency(agency);
  const Table table = record.Ask(101, kMondayMs + kLater);
  auto row = RowWhere(table, "month", "2027-01");
  EXPECT_EQ(row["demand"], "4");
  EXPECT_EQ(row["accepted"], "1");
  EXPECT_EQ(row["declined_no_capacity"], "1");
  EXPECT_EQ(row["not_answered"], "1");
  EXPECT_EQ(row["not_shared_no_room"], "1") << "once, however many services lack room";
  EXPECT_EQ(row["unmet_share"], "25.0");
  EXPECT_EQ(RowWhere(table, "month", "2027-02")["demand"], "1");
  EXPECT_EQ(RowWhere(table, "area", "all")["demand"], "5");
}

TEST(QuestionsTest, WhatCameOfSupport) {
  TestingRecord record;
  for (const auto reason : {CLOSE_REASON_COMPLETED, CLOSE_REASON_NOT_ENGAGED, CLOSE_REASON_UNSPECIFIED}) {
    auto one = record.Stored(kMondayMs).To("idva");
    one.Said(kMondayMs + 1, "idva", STATEMENT_KIND_ACCEPTED);
    if (reason != CLOSE_REASON_UNSPECIFIED) one.Said(kMondayMs + 2, "idva", STATEMENT_KIND_CLOSED).statement->set_close_reason(reason);
  }
  record.Stored(kMondayMs).To("idva");  // Not accepted.
  auto row = RowWhere(record.Ask(102, kMondayMs + kLater), "area", "all");
  EXPECT_EQ(row["accepted"], "3");
  EXPECT_EQ(row["open"], "1");
  EXPECT_EQ(row["completed"], "1");
  EXPECT_EQ(row["moved_away"], "0");
}

}  // namespace
}  // namespace accord::broker::questions_test
