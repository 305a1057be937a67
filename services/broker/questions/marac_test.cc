// What counts as a referral to a Marac, and what is never counted as timely, in every question that asks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/bytes.h"
#include "services/broker/questions/testing_record.h"

namespace accord::broker::marac_test {
namespace {

using inspection::v1::Table;
using namespace accord::type::v1;

constexpr int64_t kLater = 100 * kDayMs;  // After every clock of these tests.

std::string HexOf(char letter) { return ToHex(std::string(16, letter)); }
std::string NotesOf(const Table& table) {
  std::string all;
  for (const std::string& note : table.notes()) all += note + "\n";
  return all;
}
RecordedReferral Marac(TestingRecord& record, int64_t time_ms, char letter) {
  auto marac = record.Stored(time_ms).Case(letter);
  marac.core().set_purpose(PURPOSE_MARAC);
  return marac;
}
// Told outside Accord at `told_ms`, and recorded at `time_ms`.
RecordedReferral ToldMarac(TestingRecord& record, int64_t time_ms, char letter, int64_t told_ms) {
  return Marac(record, time_ms, letter).Type(REFERRAL_TYPE_SENT_OUTSIDE).Happened(told_ms);
}
// What replaces `older`: its correction by who sent it.
RecordedReferral Corrected(TestingRecord& record, int64_t time_ms, char letter, const RecordedReferral& older, Purpose purpose = PURPOSE_MARAC,
                           const std::string& sender = "police") {
  auto correction = record.Stored(time_ms, sender).Case(letter).Type(REFERRAL_TYPE_CORRECTION);
  correction.core().set_purpose(purpose);
  correction.core().set_caused_by(older.digest());
  return correction;
}

TEST(MaracTest, HighCaseWithARecalledReferralIsListedAndOneToldOutsideIsNot) {
  TestingRecord record;
  for (const char letter : {'a', 'b', 'c', 'd', 'e', 'f'}) record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Case(letter);
  Marac(record, kMondayMs + kDayMs, 'a').Said(kMondayMs + 2 * kDayMs, "police", STATEMENT_KIND_RECALL);
  Marac(record, kMondayMs + kDayMs, 'b').Said(kMondayMs + 2 * kDayMs, "idva", STATEMENT_KIND_RECALL);  // Not the sender's to take back.
  ToldMarac(record, kMondayMs + 20 * kDayMs, 'c', kMondayMs + 5 * kDayMs);                             // When it was told counts, on the last moment.
  ToldMarac(record, kMondayMs + 20 * kDayMs, 'd', kMondayMs + 5 * kDayMs + 1);
  Marac(record, kMondayMs + kDayMs, 'e').Type(REFERRAL_TYPE_NOT_SHARED);  // A decision not to refer.
  auto safeguarding = record.Stored(kMondayMs + 1).Case('f');
  Marac(record, kMondayMs + kDayMs, 'f').Type(REFERRAL_TYPE_CORRECTION).core().set_caused_by(safeguarding.digest());  // A referral, corrected to be for a Marac.
  const Table table = record.Ask(3, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 3);
  EXPECT_EQ(RowWhere(table, "case", HexOf('a'))["agency"], "police");
  EXPECT_EQ(RowWhere(table, "case", HexOf('a'))["marac_later"], "");
  EXPECT_EQ(RowWhere(table, "case", HexOf('d'))["marac_later"], std::to_string(kMondayMs + 5 * kDayMs + 1));
  EXPECT_EQ(RowWhere(table, "case", HexOf('e'))["agency"], "police");
}

TEST(MaracTest, RepeatIsNotReferredByWhatWasTakenBackAndIsByWhatWasToldOutside) {
  TestingRecord record;
  for (const char letter : {'a', 'b', 'c'}) record.Stored(kMondayMs).Happened(kMondayMs - kDayMs).Case(letter).Flagged(kMondayMs, CASE_FLAG_MARAC_REPEAT);
  Marac(record, kMondayMs + kDayMs, 'a').Said(kMondayMs + 2 * kDayMs, "police", STATEMENT_KIND_WITHDRAWN);
  ToldMarac(record, kMondayMs + 20 * kDayMs, 'b', kMondayMs - kHourMs);            // Before the report was written, after what it reports.
  ToldMarac(record, kMondayMs + 1, 'c', kMondayMs - kDayMs - 1);                   // Before that: an earlier one.
  const Table table = record.Ask(10, kMondayMs + kLater);
  auto row = RowWhere(table, "case", HexOf('a'));
  EXPECT_EQ(row["missed"], "true");
  EXPECT_EQ(row["referred"], "");
  row = RowWhere(table, "case", HexOf('b'));
  EXPECT_EQ(row["missed"], "false");
  EXPECT_EQ(row["referred"], std::to_string(kMondayMs - kHourMs));
  row = RowWhere(table, "case", HexOf('c'));
  EXPECT_EQ(row["missed"], "true");
  EXPECT_EQ(row["last_marac"], std::to_string(kMondayMs - kDayMs - 1));
}

TEST(MaracTest, ADecisionNotToReferIsNoEscalation) {
  TestingRecord record;
  const auto incidents = [&](char letter) {
    for (const int day : {0, 1, 2}) record.Stored(kMondayMs + day * kDayMs).Happened(kMondayMs + day * kDayMs).Case(letter).Grade(RISK_GRADE_STANDARD);
  };
  for (const char letter : {'a', 'b', 'c', 'd', 'e'}) incidents(letter);
  Marac(record, kMondayMs + 3 * kDayMs, 'a').Type(REFERRAL_TYPE_NOT_SHARED);
  Marac(record, kMondayMs + 3 * kDayMs, 'b').Said(kMondayMs + 4 * kDayMs, "police", STATEMENT_KIND_RECALL);
  ToldMarac(record, kMondayMs + 3 * kDayMs, 'c', kMondayMs + 2 * kDayMs);
  const auto mistaken = Marac(record, kMondayMs + 3 * kDayMs, 'd'), mistyped = Marac(record, kMondayMs + 3 * kDayMs, 'e');
  Corrected(record, kMondayMs + 4 * kDayMs, 'd', mistaken, PURPOSE_SAFEGUARDING_ADULT);
  Corrected(record, kMondayMs + 4 * kDayMs, 'e', mistyped);
  const Table table = record.Ask(11, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 3);
  EXPECT_EQ(RowWhere(table, "case", HexOf('d'))["incidents"], "3") << "it was never for a Marac";
  EXPECT_EQ(RowWhere(table, "case", HexOf('a'))["incidents"], "3");
  EXPECT_EQ(RowWhere(table, "case", HexOf('b'))["incidents"], "3");
}

void StoreHighRepeat(TestingRecord& record, char letter) {
  record.Stored(kMondayMs).Happened(kMondayMs).Case(letter).Grade(RISK_GRADE_HIGH).Flagged(kMondayMs, CASE_FLAG_MARAC_REPEAT);
}

TEST(MaracTest, ACorrectionIsNoNewReferral) {
  TestingRecord record;
  const auto before = Marac(record, kMondayMs - 150 * kDayMs, 'a');
  for (const char letter : {'a', 'b'}) StoreHighRepeat(record, letter);
  Corrected(record, kMondayMs + 2 * kDayMs, 'a', before);
  // In time, and corrected twice after it.
  const auto first = Marac(record, kMondayMs + kDayMs, 'b');
  const auto second = Corrected(record, kMondayMs + 20 * kDayMs, 'b', first);
  Corrected(record, kMondayMs + 21 * kDayMs, 'b', second);
  // A repeat that was itself referred: its correction, which is flagged as well, came after no other.
  auto itself = Marac(record, kMondayMs, 'c').Happened(kMondayMs);
  itself.Flagged(kMondayMs, CASE_FLAG_MARAC_REPEAT);
  Corrected(record, kMondayMs + 3 * kDayMs, 'c', itself).Happened(kMondayMs).Flagged(kMondayMs + 3 * kDayMs, CASE_FLAG_MARAC_REPEAT);
  const Table repeats = record.Ask(10, kMondayMs + kLater);
  auto row = RowWhere(repeats, "case", HexOf('a'));
  EXPECT_EQ(row["last_marac"], std::to_string(kMondayMs - 150 * kDayMs));
  EXPECT_EQ(row["referred"], "");
  EXPECT_EQ(row["missed"], "true");
  row = RowWhere(repeats, "case", HexOf('b'));
  EXPECT_EQ(row["referred"], std::to_string(kMondayMs + kDayMs));
  EXPECT_EQ(row["missed"], "false");
  row = RowWhere(repeats, "detected", std::to_string(kMondayMs + 3 * kDayMs));
  EXPECT_EQ(row["last_marac"], "");
  EXPECT_EQ(row["referred"], std::to_string(kMondayMs));
  EXPECT_EQ(row["missed"], "false");
  const Table high = record.Ask(3, kMondayMs + kLater);
  ASSERT_EQ(high.rows_size(), 1);
  EXPECT_EQ(RowWhere(high, "case", HexOf('a'))["marac_later"], "");
}

TEST(MaracTest, AReplacedReferralCountsNoMore) {
  TestingRecord record;
  for (const char letter : {'a', 'b', 'c', 'd'}) StoreHighRepeat(record, letter);
  const auto marac = [&](char letter) { return Marac(record, kMondayMs + kDayMs, letter); };
  Corrected(record, kMondayMs + 2 * kDayMs, 'a', marac('a')).Said(kMondayMs + 3 * kDayMs, "police", STATEMENT_KIND_WITHDRAWN);
  Corrected(record, kMondayMs + 2 * kDayMs, 'b', marac('b'), PURPOSE_SAFEGUARDING_ADULT);
  // To something else and back, which it has been all along; and nobody corrects what another sent.
  Corrected(record, kMondayMs + 30 * kDayMs, 'c', Corrected(record, kMondayMs + 2 * kDayMs, 'c', marac('c'), PURPOSE_SAFEGUARDING_ADULT));
  Corrected(record, kMondayMs + 2 * kDayMs, 'd', marac('d'), PURPOSE_SAFEGUARDING_ADULT, "housing");
  const Table repeats = record.Ask(10, kMondayMs + kLater), high = record.Ask(3, kMondayMs + kLater);
  EXPECT_EQ(high.rows_size(), 2);
  for (const char letter : {'a', 'b'}) {
    auto row = RowWhere(repeats, "case", HexOf(letter));
    EXPECT_EQ(row["referred"], "") << letter;
    EXPECT_EQ(row["missed"], "true") << letter;
    EXPECT_EQ(RowWhere(high, "case", HexOf(letter))["agency"], "police") << letter;
  }
  for (const char letter : {'c', 'd'}) {
    auto row = RowWhere(repeats, "case", HexOf(letter));
    EXPECT_EQ(row["referred"], std::to_string(kMondayMs + kDayMs)) << letter;
    EXPECT_EQ(row["missed"], "false") << letter;
  }
}

// Imported in the same minute: a report of long ago and what followed it then.
constexpr int64_t kLongAgo = 200 * kDayMs;

TEST(MaracTest, ImportedHighCaseIsNeverInTime) {
  TestingRecord record;
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Happened(kMondayMs - kLongAgo).Case('a');
  Marac(record, kMondayMs + 1, 'a').Happened(kMondayMs - kLongAgo);
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Happened(kMondayMs - kLongAgo).Case('b');  // Nothing at all.
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Happened(kMondayMs).Case('c');
  Marac(record, kMondayMs + 1, 'c').Happened(kMondayMs - kLongAgo);
  // Graded HIGH here, whenever it was imported: since when is known.
  record.Stored(kMondayMs).Happened(kMondayMs - kLongAgo).Case('d').Said(kMondayMs + 1, "police", STATEMENT_KIND_REGRADED).statement->mutable_regraded()->set_grade(RISK_GRADE_HIGH);
  Marac(record, kMondayMs + kDayMs, 'd');
  const Table table = record.Ask(3, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 2);
  EXPECT_EQ(RowWhere(table, "case", HexOf('b'))["marac_later"], "");
  EXPECT_EQ(RowWhere(table, "case", HexOf('c'))["marac_later"], std::to_string(kMondayMs + 1)) << "shown, and not in time";
  EXPECT_THAT(NotesOf(table), ::testing::HasSubstr("1 of imported history reached one, and are neither listed nor counted as timely"));
}

TEST(MaracTest, ImportedReportWithAChildIsNeverInTime) {
  TestingRecord record;
  const auto report = [&](char letter, int64_t happened_ms) { return record.Stored(kMondayMs).Happened(happened_ms).Subject(SUBJECT_ROLE_UNBORN_CHILD).Case(letter); };
  report('a', kMondayMs - kLongAgo).To("childrens").Released(kMondayMs + 1, "childrens");
  report('b', kMondayMs - kLongAgo);
  report('c', kMondayMs);
  record.Stored(kMondayMs).Happened(kMondayMs - kLongAgo).Case('c').To("childrens").Released(kMondayMs + 1, "childrens");
  const Table table = record.Ask(4, kMondayMs + kLater);
  EXPECT_EQ(table.rows_size(), 2);
  EXPECT_EQ(RowWhere(table, "case", HexOf('b'))["childrens_services"], "");
  auto row = RowWhere(table, "case", HexOf('c'));
  EXPECT_EQ(row["childrens_services"], std::to_string(kMondayMs + 1));
  EXPECT_EQ(row["lacks"], "children's services") << "shown, and not in time";
  EXPECT_THAT(NotesOf(table), ::testing::HasSubstr("1 of imported history lack neither, and are not counted as timely"));
}

TEST(MaracTest, ImportedRepeatIsNeverInTime) {
  TestingRecord record;
  const auto repeat = [&](char letter, int64_t happened_ms) { record.Stored(kMondayMs).Happened(happened_ms).Case(letter).Flagged(kMondayMs, CASE_FLAG_MARAC_REPEAT); };
  repeat('a', kMondayMs - kLongAgo);
  Marac(record, kMondayMs + 1, 'a').Happened(kMondayMs - kLongAgo);
  repeat('b', kMondayMs - kLongAgo);
  repeat('c', kMondayMs);
  Marac(record, kMondayMs + 1, 'c').Happened(kMondayMs - kLongAgo);
  repeat('d', kMondayMs);
  Marac(record, kMondayMs + 1, 'd').Happened(kMondayMs - kLongAgo);
  Marac(record, kMondayMs + 2, 'd');
  const Table table = record.Ask(10, kMondayMs + kLater);
  EXPECT_EQ(RowWhere(table, "case", HexOf('a'))["missed"], "") << "nobody can tell";
  EXPECT_EQ(RowWhere(table, "case", HexOf('b'))["missed"], "true");
  EXPECT_EQ(RowWhere(table, "case", HexOf('c'))["missed"], "true");
  EXPECT_EQ(RowWhere(table, "case", HexOf('d'))["missed"], "false");
  EXPECT_EQ(RowWhere(table, "case", HexOf('d'))["referred"], std::to_string(kMondayMs + 2));
  EXPECT_THAT(NotesOf(table), ::testing::HasSubstr("1 of imported history were referred, and are not counted as timely"));
}

TEST(MaracTest, RepliesToImportedRequestsAreNotTimed) {
  TestingRecord record;
  for (const int64_t ago : {int64_t{0}, kLongAgo}) {
    auto check = record.Stored(kMondayMs).Type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION).Happened(kMondayMs - ago).Case('a').To("housing");
    check.Said(kMondayMs + (ago == 0 ? kDayMs : 1), "housing", STATEMENT_KIND_CHECK_ANSWERED).statement->set_check_answer(CHECK_ANSWER_NOT_KNOWN);
  }
  const Table table = record.Ask(14, kMondayMs + kLater);
  auto row = RowWhere(table, "agency", "housing");
  EXPECT_EQ(row["answered"], "2");
  EXPECT_EQ(row["median"], std::to_string(kDayMs));
  EXPECT_THAT(NotesOf(table), ::testing::HasSubstr("1 replies to requests of imported history are not in the median"));
}

}  // namespace
}  // namespace accord::broker::marac_test
