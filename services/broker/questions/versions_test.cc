// What is counted together: the versions of a corrected referral, and cases that agencies confirmed to be one; and where what is looked at ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/bytes.h"
#include "services/broker/questions/testing_record.h"

namespace accord::broker::versions_test {
namespace {

using inspection::v1::AskQuestionRequest;
using inspection::v1::Table;
using namespace accord::type::v1;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kLater = 100 * kDayMs;  // After every clock of these tests.

std::string CaseOf(char letter) { return ToHex(std::string(16, letter)); }
std::string NotesIn(const Table& table) {
  std::string all;
  for (const std::string& note : table.notes()) all += note + "\n";
  return all;
}
RecordedReferral CorrectionOf(TestingRecord& record, int64_t time_ms, const RecordedReferral& older) {
  auto newer = record.Stored(time_ms).Type(REFERRAL_TYPE_CORRECTION);
  newer.core().set_caused_by(older.digest());
  return newer;
}
void Decide(RecordedReferral one, int64_t time_ms) {
  FactEvent& said = one.Said(time_ms, "childrens", STATEMENT_KIND_DECIDED);
  said.statement->set_decision(CONTACT_DECISION_SECTION_17);
  const std::string digest = said.statement_digest;
  one.Add(time_ms + 1, EVENT_TYPE_DELIVERED, "agency/police", "police").statement_digest = digest;
}

TEST(VersionsTest, ADecisionOnTheCorrectedVersionIsOneOnTheContact) {
  TestingRecord record;
  const auto contact = [&](char letter) { return record.Stored(kMondayMs).Case(letter).To("childrens"); };
  const auto corrected = [&](const RecordedReferral& older, const std::string& agency = "childrens") { return CorrectionOf(record, kMondayMs + kHourMs, older).To(agency); };
  Decide(corrected(contact('a')), kMondayMs + 2 * kHourMs);
  corrected(contact('b'));                                              // Nobody decided.
  Decide(CorrectionOf(record, kMondayMs + 3 * kDayMs, contact('c')).To("childrens"), kMondayMs + 3 * kDayMs + kHourMs);  // Late, as of the first version.
  corrected(contact('d'), "idva");                                      // It went to the wrong agency: nothing is expected of that.
  corrected(contact('e')).Said(kMondayMs + 2 * kHourMs, "police", STATEMENT_KIND_WITHDRAWN);
  auto first = contact('f');
  Decide(first, kMondayMs + kHourMs / 2);  // Before it was corrected.
  corrected(first);
  const Table table = record.Ask(6, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 2);
  EXPECT_EQ(RowWhere(table, "case", CaseOf('b'))["lacks"], "decision");
  EXPECT_EQ(RowWhere(table, "case", CaseOf('c'))["lacks"], "in time");
  EXPECT_EQ(RowWhere(table, "case", CaseOf('c'))["stored"], std::to_string(kMondayMs));
  EXPECT_THAT(NotesIn(table), HasSubstr("Of 4 contacts 2 were decided in time"));
}

TEST(VersionsTest, ADecisionBySoftwareIsNone) {
  TestingRecord record;
  auto one = record.Stored(kMondayMs).Case('a').To("childrens");
  one.Said(kMondayMs + 1, "childrens", STATEMENT_KIND_DECIDED).worker.set_role(WORKER_ROLE_SYSTEM);
  EXPECT_EQ(RowWhere(record.Ask(6, kMondayMs + kLater), "case", CaseOf('a'))["lacks"], "decision");
  Decide(one, kMondayMs + kHourMs);
  EXPECT_EQ(record.Ask(6, kMondayMs + kLater).rows_size(), 0);
}

TEST(VersionsTest, AnAnswerToTheCorrectedRequestIsOneToTheRequest) {
  TestingRecord record;
  auto request = record.Stored(kMondayMs).Type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION).To("housing").To("childrens").To("idva");
  request.core().set_checks(true);
  auto corrected = CorrectionOf(record, kMondayMs + kDayMs, request).To("housing").To("childrens");
  corrected.core().set_checks(true);
  corrected.Said(kMondayMs + 2 * kDayMs, "housing", STATEMENT_KIND_CHECK_ANSWERED).statement->set_check_answer(CHECK_ANSWER_NOT_KNOWN);
  auto response = record.Stored(kMondayMs + 3 * kDayMs, "childrens").Type(REFERRAL_TYPE_RESPONSE);  // Of no case.
  response.core().set_caused_by(corrected.digest());
  const Table research = record.Ask(14, kMondayMs + kLater), checks = record.Ask(15, kMondayMs + kLater);
  EXPECT_EQ(RowWhere(research, "agency", "all")["asked"], "2");
  EXPECT_EQ(RowWhere(research, "agency", "all")["no_reply"], "0");
  EXPECT_EQ(RowWhere(research, "agency", "housing")["median"], std::to_string(2 * kDayMs)) << "since it was asked first";
  EXPECT_EQ(RowWhere(checks, "agency", "housing")["nil_returns"], "1");
  EXPECT_EQ(RowWhere(checks, "agency", "all")["checks"], "2");
}

TEST(VersionsTest, ActionsAndSchoolNoticesGoOnInTheCorrectedVersion) {
  TestingRecord record;
  auto heard = record.Stored(kMondayMs).Case('a').To("idva");
  heard.Said(kMondayMs + 1, "idva", STATEMENT_KIND_ACTION).statement->set_outcome_code("call");
  auto given = record.Stored(kMondayMs + 2, "housing").Type(REFERRAL_TYPE_NOTIFICATION).Case('b').To("idva", CATEGORY_SAFETY_PLAN);
  given.core().set_purpose(PURPOSE_MARAC);
  given.core().set_caused_by(heard.digest());
  auto notice = record.Stored(kMondayMs).Happened(kMondayMs).Subject(SUBJECT_ROLE_CHILD).Case('c').To("school");
  EXPECT_EQ(record.Ask(13, kMondayMs + kLater).rows_size(), 2);
  EXPECT_EQ(record.Ask(5, kMondayMs + kLater).rows_size(), 1);
  CorrectionOf(record, kMondayMs + kHourMs, heard).To("idva").Said(kMondayMs + 2 * kHourMs, "idva", STATEMENT_KIND_OUTCOME);
  auto newer = record.Stored(kMondayMs + kHourMs, "housing").Type(REFERRAL_TYPE_CORRECTION).To("idva", CATEGORY_SAFETY_PLAN);
  newer.core().set_caused_by(given.digest());
  newer.Said(kMondayMs + 2 * kHourMs, "idva", STATEMENT_KIND_OUTCOME);
  CorrectionOf(record, kMondayMs + kHourMs, notice).To("school").Released(kMondayMs + kHourMs, "school").Delivered(kMondayMs + kHourMs, "school");
  EXPECT_EQ(record.Ask(13, kMondayMs + kLater).rows_size(), 0);
  EXPECT_EQ(record.Ask(5, kMondayMs + kLater).rows_size(), 0);
}

TEST(VersionsTest, AnActionOfTheCorrectedVersionEndsInTheOlderOneTooAndWhenItFirstDid) {
  TestingRecord record;
  auto older = record.Stored(kMondayMs).Case('a').To("idva");
  auto newer = CorrectionOf(record, kMondayMs + kHourMs, older).To("idva");
  newer.Said(kMondayMs + 2 * kHourMs, "idva", STATEMENT_KIND_ACTION);
  EXPECT_EQ(record.Ask(13, kMondayMs + kLater).rows_size(), 1);
  older.Said(kMondayMs + 3 * kHourMs, "idva", STATEMENT_KIND_OUTCOME);
  EXPECT_EQ(record.Ask(13, kMondayMs + kLater).rows_size(), 0);
  older.Said(kMondayMs + 4 * kHourMs, "idva", STATEMENT_KIND_ACTION);
  newer.Said(kMondayMs + 5 * kHourMs, "idva", STATEMENT_KIND_OUTCOME);
  older.Said(kMondayMs + 60 * kDayMs, "idva", STATEMENT_KIND_CLOSED);  // Long after it was due.
  EXPECT_EQ(record.Ask(13, kMondayMs + kLater).rows_size(), 0);
}

TEST(VersionsTest, AtHighIsWhatTheNewestVersionSaysListedOnceByTheFirst) {
  TestingRecord record;
  const auto graded = [&](char letter, RiskGrade grade) { return record.Stored(kMondayMs).Case(letter).Grade(grade); };
  const auto corrected = [&](const RecordedReferral& older, char letter, RiskGrade grade) {
    return CorrectionOf(record, kMondayMs + kHourMs, older).Case(letter).Grade(grade);
  };
  corrected(graded('a', RISK_GRADE_HIGH), 'a', RISK_GRADE_HIGH).Said(kMondayMs + 2 * kHourMs, "police", STATEMENT_KIND_WITHDRAWN);
  corrected(graded('b', RISK_GRADE_HIGH), 'b', RISK_GRADE_STANDARD);  // It was a mistake.
  auto first = graded('c', RISK_GRADE_HIGH);
  corrected(first, 'c', RISK_GRADE_HIGH);
  corrected(graded('d', RISK_GRADE_STANDARD), 'd', RISK_GRADE_HIGH);
  auto regraded = graded('e', RISK_GRADE_STANDARD);
  regraded.Said(kMondayMs + 5, "idva", STATEMENT_KIND_REGRADED).statement->mutable_regraded()->set_grade(RISK_GRADE_HIGH);
  corrected(regraded, 'e', RISK_GRADE_STANDARD);  // What another agency found stands.
  const Table table = record.Ask(3, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 3);
  EXPECT_THAT(NotesIn(table), HasSubstr("Of 3 referrals at HIGH 3 are listed"));
  EXPECT_EQ(RowWhere(table, "case", CaseOf('c'))["referral"], ReferralCell(first.facts()));
  EXPECT_EQ(RowWhere(table, "case", CaseOf('c'))["high_since"], std::to_string(kMondayMs));
  EXPECT_EQ(RowWhere(table, "case", CaseOf('d'))["high_since"], std::to_string(kMondayMs + kHourMs));
  EXPECT_EQ(RowWhere(table, "case", CaseOf('e'))["high_since"], std::to_string(kMondayMs + 5));
  AskQuestionRequest high;
  high.add_grades(RISK_GRADE_HIGH);
  EXPECT_EQ(RowWhere(record.Ask(3, kMondayMs + kLater, high), "case", CaseOf('d'))["agency"], "police") << "the first that was asked about";
}

TEST(VersionsTest, WhatWasTakenBackInItsNewestVersionReachedNobodyAndReportsNothing) {
  TestingRecord record;
  const auto report = [&](char letter) { return record.Stored(kMondayMs).Happened(kMondayMs).Subject(SUBJECT_ROLE_CHILD).Case(letter).Grade(RISK_GRADE_HIGH); };
  report('a');
  auto sent = record.Stored(kMondayMs).Case('a').To("idva").To("childrens").To("school");
  for (const char* agency : {"idva", "childrens", "school"}) sent.Released(kMondayMs + 1, agency);
  auto newer = CorrectionOf(record, kMondayMs + kHourMs, sent).Case('a');
  auto other = CorrectionOf(record, kMondayMs + kHourMs, report('b')).Case('b').Grade(RISK_GRADE_HIGH);
  const auto listed = [&](uint32_t number, char letter) { return !RowWhere(record.Ask(number, kMondayMs + kLater), "case", CaseOf(letter)).empty(); };
  EXPECT_FALSE(listed(3, 'a') || listed(4, 'a'));
  EXPECT_TRUE(listed(3, 'b') && listed(4, 'b'));
  newer.Said(kMondayMs + 2 * kHourMs, "police", STATEMENT_KIND_WITHDRAWN);
  other.Said(kMondayMs + 2 * kHourMs, "police", STATEMENT_KIND_WITHDRAWN);
  EXPECT_TRUE(listed(3, 'a'));
  EXPECT_TRUE(listed(4, 'a'));
  EXPECT_FALSE(listed(3, 'b'));
  EXPECT_FALSE(listed(4, 'b'));
}

TEST(VersionsTest, CasesThatAreConfirmedToBeOneAreJudgedAsOne) {
  TestingRecord record;
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Case('a');
  record.Stored(kMondayMs + kDayMs).Case('b').core().set_purpose(PURPOSE_MARAC);
  for (const int day : {0, 1, 2}) record.Stored(kMondayMs + day * kDayMs).Happened(kMondayMs + day * kDayMs).Case(day == 1 ? 'd' : 'c').Grade(RISK_GRADE_STANDARD);
  EXPECT_EQ(record.Ask(3, kMondayMs + kLater).rows_size(), 1);
  EXPECT_EQ(record.Ask(11, kMondayMs + kLater).rows_size(), 0);
  EXPECT_THAT(NotesIn(record.Ask(3, kMondayMs + kLater)), Not(HasSubstr("confirmed to be one are counted together")));
  record.SameCase('b', 'a');
  record.SameCase('d', 'c');
  const Table high = record.Ask(3, kMondayMs + kLater), incidents = record.Ask(11, kMondayMs + kLater);
  EXPECT_EQ(high.rows_size(), 0);
  EXPECT_THAT(NotesIn(high), HasSubstr("confirmed to be one are counted together"));
  ASSERT_EQ(incidents.rows_size(), 1) << "one row of both";
  EXPECT_EQ(incidents.rows(0).cells(1), "3");
}

// What is recorded after the warrant's period is not covered, so that it looks as if it had not been done.
TEST(VersionsTest, NothingIsLateForWantOfWhatLiesAfterTheWarrant) {
  TestingRecord record;
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Case('a').To("childrens").To("idva");
  const auto late = [&](uint32_t number) { return record.Ask(number, kMondayMs + kLater).rows_size(); };
  EXPECT_EQ(late(3) + late(6) + late(16), 1 + 1 + 2);
  record.covers.set_until_ms(kMondayMs + kHourMs);
  EXPECT_EQ(late(3) + late(6) + late(16), 0);
  EXPECT_THAT(NotesIn(record.Ask(6, kMondayMs + kLater)), HasSubstr("As it stood on 2027-01-04, when the warrant's period ends"));
  EXPECT_THAT(NotesIn(record.Ask(6, kMondayMs + 1)), Not(HasSubstr("when the warrant's period ends"))) << "it has not ended";
  record.covers.set_from_ms(kMondayMs - kDayMs);
  EXPECT_THAT(NotesIn(record.Ask(3, kMondayMs + kLater)), HasSubstr("What was recorded before 2027-01-03"));
}

TEST(VersionsTest, AnUnknownAgencyOrAreaIsToldAndIsNoAbsence) {
  TestingRecord record;
  record.Stored(kMondayMs);
  AskQuestionRequest request;
  request.add_agencies("police");
  request.add_areas("E08000012");
  EXPECT_THAT(NotesIn(record.Ask(17, kMondayMs + 1, request)), Not(HasSubstr("is its")));
  request.add_agencies("polcie");
  request.add_areas("E0800012");
  EXPECT_THAT(NotesIn(record.Ask(17, kMondayMs + 1, request)), HasSubstr("The directory has no agency polcie"));
  EXPECT_THAT(NotesIn(record.Ask(17, kMondayMs + 1, request)), HasSubstr("has the area E0800012:"));
}

TEST(VersionsTest, WhoSentItHasIt) {
  TestingRecord record;
  record.Enrol("refuge", AGENCY_KIND_IDVA);
  record.Stored(kMondayMs, "refuge").Grade(RISK_GRADE_HIGH).Case('a');
  record.Stored(kMondayMs, "childrens").Happened(kMondayMs).Subject(SUBJECT_ROLE_CHILD).Case('b');
  record.Stored(kMondayMs, "school").Happened(kMondayMs).Subject(SUBJECT_ROLE_CHILD).Case('c');
  EXPECT_EQ(record.Ask(3, kMondayMs + kLater).rows_size(), 0);
  const Table table = record.Ask(4, kMondayMs + kLater);
  EXPECT_EQ(RowWhere(table, "case", CaseOf('b'))["lacks"], "school");
  EXPECT_EQ(RowWhere(table, "case", CaseOf('c'))["lacks"], "children's services");
}

TEST(VersionsTest, WhatARuleWithheldIsCountedOnceAndNotAgainForWhoStandsIn) {
  TestingRecord record;
  auto one = record.Stored(kMondayMs).To("housing", CATEGORY_RISK, "default/no-route").To("deputy", CATEGORY_RISK, "default/no-route");
  one.facts().parts.recipients.back().set_on_behalf_of("housing");
  EXPECT_EQ(RowWhere(record.Ask(8, kMondayMs + kLater), "reason", "default/no-route")["count"], "1");
}

TEST(VersionsTest, WhatWasTakenBackReachedNobodyAndADecisionNotToShareIsListed) {
  TestingRecord record;
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Case('a');
  record.Stored(kMondayMs).Case('a').To("idva").Released(kMondayMs + 1, "idva").Said(kMondayMs + 2, "police", STATEMENT_KIND_RECALL);
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Case('b').Type(REFERRAL_TYPE_NOT_SHARED);
  const Table table = record.Ask(3, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 2);
  EXPECT_EQ(RowWhere(table, "case", CaseOf('a'))["idva_later"], "");
  EXPECT_EQ(RowWhere(table, "case", CaseOf('b'))["agency"], "police");
}

TEST(VersionsTest, AnImportedNoticeThatASchoolHasIsNeitherLateNorInTime) {
  TestingRecord record;
  const auto notice = [&](char letter) { return record.Stored(kMondayMs).Happened(kMondayMs - 200 * kDayMs).Subject(SUBJECT_ROLE_CHILD).Case(letter).To("school"); };
  notice('a').Released(kMondayMs + 1, "school").Delivered(kMondayMs + 2, "school");
  notice('b');
  const Table table = record.Ask(5, kMondayMs + kLater);
  ASSERT_EQ(table.rows_size(), 1);
  EXPECT_EQ(RowWhere(table, "case", CaseOf('b'))["lacks"], "delivery");
  EXPECT_THAT(NotesIn(table), HasSubstr("1 of imported history were acknowledged"));
}

TEST(VersionsTest, GradesOfDifferentPeopleAreNoChangeAndTheLastWordIsThatBefore) {
  TestingRecord record;
  const auto graded = [&](int64_t time_ms, char letter, SubjectRole subject, RiskGrade grade) {
    auto one = record.Stored(time_ms).Case(letter).Grade(grade);
    one.core().mutable_risk()->set_subject(subject);
    return one;
  };
  graded(kMondayMs, 'a', SUBJECT_ROLE_CHILD, RISK_GRADE_HIGH);
  graded(kMondayMs + 1, 'a', SUBJECT_ROLE_VICTIM, RISK_GRADE_MEDIUM);
  EXPECT_EQ(record.Ask(12, kMondayMs + kLater).rows_size(), 0);
  // Graded anew after a newer referral.
  auto first = graded(kMondayMs + 2, 'b', SUBJECT_ROLE_VICTIM, RISK_GRADE_MEDIUM);
  graded(kMondayMs + 3, 'b', SUBJECT_ROLE_VICTIM, RISK_GRADE_MEDIUM);
  Risk& regraded = *first.Said(kMondayMs + 4, "police", STATEMENT_KIND_REGRADED).statement->mutable_regraded();
  regraded.set_subject(SUBJECT_ROLE_VICTIM);
  regraded.set_grade(RISK_GRADE_HIGH);
  graded(kMondayMs + 5, 'b', SUBJECT_ROLE_VICTIM, RISK_GRADE_MEDIUM);
  const Table table = record.Ask(12, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 2);
  EXPECT_EQ(RowWhere(table, "direction", "raised")["of"], "VICTIM");
  EXPECT_EQ(RowWhere(table, "direction", "lowered")["time"], std::to_string(kMondayMs + 5));
}

TEST(VersionsTest, OfAPeriodNothingIsSaidOfWhatFollowed) {
  TestingRecord record;
  record.Stored(kMondayMs).Case('a');
  AskQuestionRequest request;
  request.set_case_pseudonym(std::string(16, 'a'));
  EXPECT_THAT(NotesIn(record.Ask(1, kMondayMs + kLater, request)), HasSubstr("No record in Accord for 100 days"));
  request.set_from_ms(kMondayMs - kDayMs);
  request.set_until_ms(kMondayMs + kDayMs);
  const std::string notes = NotesIn(record.Ask(1, kMondayMs + kLater, request));
  EXPECT_THAT(notes, Not(HasSubstr("No record in Accord for")));
  EXPECT_THAT(notes, HasSubstr("what looks like a gap need not be one"));
}

TEST(VersionsTest, AnAdministratorWithAConflictOfInterestWhoLookedIsMarked) {
  TestingRecord record;
  record.barred_administrators = {"alice"};
  auto one = record.Stored(kMondayMs);
  one.Add(kMondayMs + 1, EVENT_TYPE_TRAIL_QUERIED, "admin/alice");
  one.Add(kMondayMs + 2, EVENT_TYPE_TRAIL_QUERIED, "admin/bob");
  const Table table = record.Ask(9, kMondayMs + kLater);
  EXPECT_EQ(RowWhere(table, "principal", "admin/alice")["conflict_of_interest"], "true");
  EXPECT_EQ(RowWhere(table, "principal", "admin/bob")["conflict_of_interest"], "false");
}

TEST(VersionsTest, WhoMayNotHaveSmallCountsGetsLengthsOfTimeToTheHourAndNoLongest) {
  using namespace inspection::v1;
  TestingRecord record;
  const auto timed = [&](int64_t after_ms) { record.Stored(kMondayMs).Happened(kMondayMs - after_ms).core().mutable_risk()->set_assessed_at_ms(kMondayMs - 50 * kMinuteMs); };
  for (int i = 0; i < 119; ++i) timed(100 * kMinuteMs + i);
  for (int i = 0; i < 6; ++i) {  // So that no count of the row is small.
    record.Stored(kMondayMs).Happened(kMondayMs - kRecordedLaterMs - 1);
    record.Stored(kMondayMs).core().mutable_report()->set_source(REPORT_SOURCE_CHILD);
  }
  const auto cell = [&](const std::string& column, WarrantKind kind = WARRANT_KIND_COMMISSIONER) {
    return RowWhere(record.Ask(2, kMondayMs + 1, {}, kind), "agency", "police")[column];
  };
  EXPECT_EQ(cell("median"), std::to_string(2 * kHourMs));
  EXPECT_EQ(cell("percentile_95"), "");
  timed(100 * kMinuteMs);
  EXPECT_EQ(cell("percentile_95"), std::to_string(2 * kHourMs)) << "six of 120 took longer";
  EXPECT_EQ(cell("longest"), "");
  EXPECT_EQ(cell("longest", WARRANT_KIND_STATUTORY), std::to_string(100 * kMinuteMs + 118));
  const Table table = record.Ask(2, kMondayMs + 1, {}, WARRANT_KIND_COMMISSIONER);
  EXPECT_TRUE(table.rows(0).suppressed()) << "an empty cell is no absence";
  EXPECT_EQ(table.rows(0).cells(3), "120");
}

}  // namespace
}  // namespace accord::broker::versions_test
