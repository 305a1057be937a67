// Questions about one case or referral, 1, 9, 20 and 22: what stands on the case's chain alone, who looked, and what an agency was told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "services/broker/questions/testing_record.h"

namespace accord::broker::record_test {
namespace {

using inspection::v1::AskQuestionRequest;
using inspection::v1::Table;
using namespace accord::type::v1;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

AskQuestionRequest AboutCase(char letter) {
  AskQuestionRequest request;
  request.set_case_pseudonym(std::string(16, letter));
  return request;
}
std::vector<std::string> Column(const Table& table, const std::string& name) {
  std::vector<std::string> cells;
  for (int column = 0; column < table.columns_size(); ++column) {
    if (table.columns(column).name() != name) continue;
    for (const auto& row : table.rows()) cells.push_back(row.cells(column));
  }
  return cells;
}

// A referral, then a link that was proposed and answered, then somebody's trail, question and bundle, of the whole case.
void AddCase(TestingRecord& record) {
  auto one = record.Stored(kMondayMs).Case('a').To("idva");
  record.OfCase('a', kMondayMs + 1, EVENT_TYPE_LINK_PROPOSED, "broker").event.set_match_strength(MATCH_STRENGTH_STRONG_AND_WEAK);
  record.OfCase('a', kMondayMs + 2, EVENT_TYPE_TRAIL_QUERIED, "inspector/ines").event.set_warrant("jtai-1");
  one.Released(kMondayMs + 3, "idva");
  record.OfCase('a', kMondayMs + 4, EVENT_TYPE_LINK_ANSWERED, "agency/housing").event.set_link_answer(LINK_ANSWER_REJECTED);
  record.OfCase('a', kMondayMs + 5, EVENT_TYPE_QUESTION_ASKED, "inspector/ines");
  record.OfCase('a', kMondayMs + 6, EVENT_TYPE_BUNDLE_EXPORTED, "admin/alice");
  record.OfCase('b', kMondayMs + 7, EVENT_TYPE_BUNDLE_EXPORTED, "admin/alice");  // Of another case.
}

TEST(RecordTest, TheTimelineOfACaseHasWhatStandsOnItsOwnChain) {
  TestingRecord record;
  AddCase(record);
  const Table table = record.Ask(1, kMondayMs + kDayMs, AboutCase('a'));
  EXPECT_THAT(Column(table, "event"),
              ElementsAre("REFERRAL_STORED", "LINK_PROPOSED", "TRAIL_QUERIED", "RELEASED", "LINK_ANSWERED", "QUESTION_ASKED", "BUNDLE_EXPORTED"));
  auto row = RowWhere(table, "event", "LINK_ANSWERED");
  EXPECT_EQ(row["agency"], "housing");
  EXPECT_EQ(row["detail"], "REJECTED");
  EXPECT_EQ(row["referral"], "");
  EXPECT_EQ(RowWhere(table, "event", "LINK_PROPOSED")["detail"], "STRONG_AND_WEAK");
  EXPECT_NE(RowWhere(table, "event", "RELEASED")["referral"], "");
  EXPECT_THAT(table.notes(), Contains(HasSubstr("the case's own chain")));
  std::vector<std::string> covered;
  for (const auto& one : table.coverage()) covered.push_back(one.agency());
  EXPECT_THAT(covered, ElementsAre("housing", "idva", "police")) << "who answered acted too";
  TestingRecord plain;
  plain.Stored(kMondayMs).Case('a');
  EXPECT_THAT(plain.Ask(1, kMondayMs + kDayMs, AboutCase('a')).notes(), Not(Contains(HasSubstr("the case's own chain"))));
}

TEST(RecordTest, AskingAboutItEndsNoGap) {
  TestingRecord record;
  auto one = record.Stored(kMondayMs).Case('a');
  record.OfCase('a', kMondayMs + 20 * kDayMs, EVENT_TYPE_TRAIL_QUERIED, "inspector/ines");
  one.Add(kMondayMs + 21 * kDayMs, EVENT_TYPE_DISCLOSURE_READ, "inspector/ines");
  one.Said(kMondayMs + 35 * kDayMs, "idva", STATEMENT_KIND_DECLINED);
  record.OfCase('a', kMondayMs + 70 * kDayMs, EVENT_TYPE_QUESTION_ASKED, "inspector/ines");
  const Table table = record.Ask(1, kMondayMs + 75 * kDayMs, AboutCase('a'));
  EXPECT_THAT(Column(table, "gap"), ElementsAre("", "", "", std::to_string(35 * kDayMs), ""));
  EXPECT_THAT(table.notes(), Contains(HasSubstr("No record in Accord for 40 days")));
}

TEST(RecordTest, WhoViewedTheWholeCaseAndWhatWasDisclosed) {
  TestingRecord record;
  AddCase(record);
  record.Stored(kMondayMs + kHourMs).Case('a').Add(kMondayMs + kHourMs + 1, EVENT_TYPE_DISCLOSURE_READ, "inspector/ines");
  const Table table = record.Ask(9, kMondayMs + kDayMs, AboutCase('a'));
  EXPECT_THAT(Column(table, "what"), ElementsAre("TRAIL_QUERIED", "QUESTION_ASKED", "BUNDLE_EXPORTED", "DISCLOSURE_READ"));
  EXPECT_EQ(RowWhere(table, "what", "TRAIL_QUERIED")["warrant"], "jtai-1");
  EXPECT_EQ(RowWhere(table, "what", "TRAIL_QUERIED")["referral"], "");
  EXPECT_EQ(RowWhere(table, "what", "BUNDLE_EXPORTED")["principal"], "admin/alice");
  EXPECT_THAT(table.notes(), Contains(HasSubstr("stand on no case's chain")));
  EXPECT_THAT(table.notes(), Not(Contains(HasSubstr("ask about the case"))));
  EXPECT_THAT(record.Ask(9, kMondayMs + kDayMs).notes(), Contains(HasSubstr("ask about the case"))) << "of one referral alone";
}

TEST(RecordTest, TheIntegrityOfACaseIsThatOfItsOwnChainToo) {
  TestingRecord record;
  AddCase(record);
  const Table table = record.Ask(22, kMondayMs + kDayMs, AboutCase('a'));
  ASSERT_EQ(table.rows_size(), 2);
  auto own = RowWhere(table, "referral", "");
  EXPECT_EQ(own["case"], ToHex(std::string(16, 'a')));
  EXPECT_EQ(own["entries"], "5");
  EXPECT_EQ(own["first_entry"], "2");
  EXPECT_EQ(own["last_entry"], "7");
  EXPECT_EQ(own["last"], std::to_string(kMondayMs + 6));
  EXPECT_EQ(table.rows(0).cells(2), "2");
}

TEST(RecordTest, WhatAnAgencyWasToldByStatementsAndOfTheHistory) {
  TestingRecord record;
  auto one = record.Stored(kMondayMs).Case('a').To("idva").To("housing");
  one.Released(kMondayMs + 1, "idva").Released(kMondayMs + 1, "housing");
  const auto tell = [&](int64_t time_ms, EventType type, const FactEvent& said, const std::string& agency) {
    const std::string digest = said.statement_digest;
    one.Add(time_ms, type, "agency/" + agency, agency).statement_digest = digest;
  };
  FactEvent& declines = one.Said(kMondayMs + 2, "housing", STATEMENT_KIND_DECLINED);
  declines.statement->set_decline_reason(DECLINE_REASON_NO_CAPACITY);
  declines.statement->set_acted_at_ms(kMondayMs - 5);
  const FactEvent declined = declines;
  tell(kMondayMs + 3, EVENT_TYPE_RELEASED, declined, "police");
  const FactEvent regraded = [&] {
    FactEvent& said = one.Said(kMondayMs + 4, "police", STATEMENT_KIND_REGRADED);
    said.statement->mutable_regraded()->set_grade(RISK_GRADE_HIGH);
    return said;
  }();
  tell(kMondayMs + 5, EVENT_TYPE_RELEASED, regraded, "idva");
  tell(kMondayMs + 6, EVENT_TYPE_RELEASED, regraded, "housing");
  tell(kMondayMs + 7, EVENT_TYPE_DELIVERED, regraded, "idva");
  tell(kMondayMs + 8, EVENT_TYPE_RELEASED, regraded, "idva");  // Once more: it was told already.
  one.Add(kMondayMs + 9, EVENT_TYPE_CASE_HISTORY_READ, "agency/idva");
  one.Add(kMondayMs + 10, EVENT_TYPE_CASE_HISTORY_READ, "agency/housing");
  const auto told = [&](const std::string& agency, int64_t ms) {
    AskQuestionRequest request = AboutCase('a');
    request.add_agencies(agency);
    request.set_as_at_ms(kMondayMs + ms);
    return record.Ask(20, kMondayMs + kDayMs, request);
  };
  EXPECT_THAT(Column(told("idva", 4), "how"), ElementsAre("received")) << "stated, and not yet released to it";
  EXPECT_THAT(Column(told("idva", 20), "how"), ElementsAre("received", "told", "history read"));
  EXPECT_THAT(Column(told("police", 20), "how"), ElementsAre("sent", "told"));
  auto row = RowWhere(told("idva", 20), "how", "told");
  EXPECT_EQ(row["statement"], "REGRADED");
  EXPECT_EQ(row["detail"], "HIGH");
  EXPECT_EQ(row["sender"], "police");
  EXPECT_EQ(row["recorded"], std::to_string(kMondayMs + 4));
  EXPECT_EQ(row["released"], std::to_string(kMondayMs + 5));
  EXPECT_EQ(row["delivered"], std::to_string(kMondayMs + 7));
  EXPECT_EQ(RowWhere(told("idva", 6), "how", "told")["delivered"], "");
  EXPECT_EQ(RowWhere(told("idva", 20), "how", "history read")["released"], std::to_string(kMondayMs + 9));
  row = RowWhere(told("police", 20), "how", "told");
  EXPECT_EQ(row["detail"], "NO_CAPACITY");
  EXPECT_EQ(row["known_to_sender"], std::to_string(kMondayMs - 5));
  EXPECT_THAT(Column(told("school", 20), "how"), IsEmpty());
}

}  // namespace
}  // namespace accord::broker::record_test
