// What is asked for and refused, and what is left out for whom.
#include "services/broker/questions/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "common/base/status.h"
#include "services/broker/questions/suppression.h"
#include "services/broker/questions/testing_record.h"

namespace accord::broker::engine_test {
namespace {

using inspection::v1::AskQuestionRequest;
using inspection::v1::Table;

AskQuestionRequest Valid(uint32_t number) {
  AskQuestionRequest request;
  request.set_question(number);
  request.set_from_ms(kMondayMs);
  request.set_until_ms(kMondayMs + 90 * kDayMs);
  return request;
}

Scope WarrantFor(inspection::v1::WarrantKind kind) {
  inspection::v1::Warrant warrant;
  warrant.set_id("w-1");
  warrant.set_kind(kind);
  auto& scope = *warrant.mutable_scope();
  scope.add_areas("E08000012");
  scope.add_agencies("police");
  scope.set_from_ms(kMondayMs);
  scope.set_until_ms(kMondayMs + 90 * kDayMs);
  return Scope::Of(warrant, {});
}
const Scope kStatutory = WarrantFor(inspection::v1::WARRANT_KIND_STATUTORY);

// "FIELD_INVALID days", "WARRANT_SCOPE area", or empty when it is taken.
std::string Refused(const AskQuestionRequest& request, const Scope& scope = Scope::All()) {
  const auto question = CheckQuestion(request, scope);
  if (question.ok()) return "";
  const ErrorDetail detail = DetailOf(question.status());
  std::string text(RowOf(detail.reason).name);
  for (const std::string_view key : {"field", "dimension"}) {
    const auto found = detail.metadata.find(std::string(key));
    if (found != detail.metadata.end()) text += " " + found->second;
  }
  return text;
}

TEST(EngineTest, TakesTheParametersThatTheQuestionDeclaresAndNoOther) {
  EXPECT_EQ(Refused(Valid(3)), "");
  EXPECT_EQ(Refused(Valid(0)), "QUESTION_UNKNOWN");
  EXPECT_EQ(Refused(Valid(23)), "QUESTION_UNKNOWN");
  auto request = Valid(3);
  request.set_days(3660);
  EXPECT_EQ(Refused(request), "");
  request.set_days(3661);
  EXPECT_EQ(Refused(request), "FIELD_INVALID days");
  request = Valid(2);
  request.set_days(1);
  EXPECT_EQ(Refused(request), "FIELD_INVALID days") << "question 2 asks for no days";
  request = Valid(3);
  request.set_for_publication(true);
  EXPECT_EQ(Refused(request), "FIELD_INVALID for_publication") << "a list is not for publication";
  request.set_question(2);
  EXPECT_EQ(Refused(request), "");
  request = Valid(3);
  request.clear_from_ms();
  EXPECT_EQ(Refused(request), "FIELD_MISSING from_ms");
  request = Valid(3);
  request.set_until_ms(request.from_ms());
  EXPECT_EQ(Refused(request), "FIELD_INVALID until_ms");
  request.set_until_ms(request.from_ms() + kQuestionPeriodMsMax);
  EXPECT_EQ(Refused(request), "");
  request.set_until_ms(request.from_ms() + kQuestionPeriodMsMax + 1);
  EXPECT_EQ(Refused(request), "FIELD_INVALID until_ms");
  request = Valid(3);
  for (int i = 0; i <= kQuestionValuesMax; ++i) request.add_areas("E08000012");
  EXPECT_EQ(Refused(request), "FIELD_INVALID areas");
}

TEST(EngineTest, AQuestionAboutOneCaseNeedsJustOne) {
  AskQuestionRequest request;
  request.set_question(1);
  EXPECT_EQ(Refused(request), "FIELD_MISSING case_pseudonym");
  request.set_case_pseudonym(std::string(15, 'c'));
  EXPECT_EQ(Refused(request), "FIELD_INVALID case_pseudonym");
  request.set_case_pseudonym(std::string(16, 'c'));
  EXPECT_EQ(Refused(request), "");
  request.set_referral(std::string(32, 'r'));
  EXPECT_EQ(Refused(request), "FIELD_INVALID referral");
  request.clear_case_pseudonym();
  EXPECT_EQ(Refused(request), "");
  request.set_question(20);
  EXPECT_EQ(Refused(request), "FIELD_MISSING agencies");
  request.add_agencies("idva");
  EXPECT_EQ(Refused(request), "FIELD_MISSING as_at_ms");
  request.set_as_at_ms(kMondayMs);
  EXPECT_EQ(Refused(request), "");
  request.add_agencies("police");
  EXPECT_EQ(Refused(request), "FIELD_INVALID agencies");
}

TEST(EngineTest, OneStepOutsideTheWarrantIsRefused) {
  auto request = Valid(3);
  request.add_areas("E08000012");
  request.add_agencies("police");
  EXPECT_EQ(Refused(request, kStatutory), "");
  request.add_areas("E08000003");
  EXPECT_EQ(Refused(request, kStatutory), "WARRANT_SCOPE area");
  request.clear_areas();
  request.add_agencies("idva");
  EXPECT_EQ(Refused(request, kStatutory), "WARRANT_SCOPE agency");
  request = Valid(3);
  request.set_from_ms(kMondayMs - 1);
  EXPECT_EQ(Refused(request, kStatutory), "WARRANT_SCOPE period");
  request = Valid(3);
  request.set_until_ms(request.until_ms() + 1);
  EXPECT_EQ(Refused(request, kStatutory), "WARRANT_SCOPE period");
  const Scope commissioner = WarrantFor(inspection::v1::WARRANT_KIND_COMMISSIONER), panel = WarrantFor(inspection::v1::WARRANT_KIND_SCRUTINY_PANEL);
  EXPECT_EQ(Refused(Valid(3), commissioner), "WARRANT_SCOPE rows");
  EXPECT_EQ(Refused(Valid(101), commissioner), "");
  EXPECT_EQ(Refused(Valid(3), panel), "");
  request.Clear();
  request.set_question(1);
  request.set_case_pseudonym(std::string(16, 'c'));
  EXPECT_EQ(Refused(request, panel), "WARRANT_SCOPE case");
}

TEST(EngineTest, WhoMayHaveNoIdentitiesGetsNone) {
  TestingRecord record;
  record.Stored(kMondayMs).Case('a').Grade(type::v1::RISK_GRADE_HIGH);
  const Table whole = record.Ask(3, kMondayMs + 100 * kDayMs);
  EXPECT_NE(whole.rows(0).cells(0), "");
  EXPECT_EQ(whole.rows(0).entries_size(), 1);
  const Table panel = record.Ask(3, kMondayMs + 100 * kDayMs, {}, inspection::v1::WARRANT_KIND_SCRUTINY_PANEL);
  ASSERT_EQ(panel.rows_size(), 1);
  EXPECT_EQ(panel.rows(0).cells(0), "");
  EXPECT_EQ(panel.rows(0).cells(1), "");
  EXPECT_EQ(panel.rows(0).cells(2), "police");
  EXPECT_EQ(panel.rows(0).entries_size(), 0);
  // Nor the moment of an entry, which says which it is.
  EXPECT_EQ(RowWhere(whole, "agency", "police")["high_since"], std::to_string(kMondayMs));
  EXPECT_EQ(RowWhere(panel, "agency", "police")["high_since"], std::to_string(kMondayMs / kDayMs * kDayMs));
}

TEST(EngineTest, WithoutIdentitiesNobodyIsTheOneWhoNoticed) {
  TestingRecord record;
  auto one = record.Stored(kMondayMs).To("idva");
  one.Add(kMondayMs + kHourMs, type::v1::EVENT_TYPE_DEAD_LETTER_REQUEUED, "admin/alice", "idva");
  const auto row = [&](inspection::v1::WarrantKind kind) { return RowWhere(record.Ask(16, kMondayMs + 3 * kDayMs + kHourMs, {}, kind), "recipient", "idva"); };
  auto whole = row(inspection::v1::WARRANT_KIND_STATUTORY), panel = row(inspection::v1::WARRANT_KIND_SCRUTINY_PANEL);
  EXPECT_EQ(whole["noticed_by"], "admin/alice");
  EXPECT_EQ(whole["age"], std::to_string(3 * kDayMs + kHourMs));
  EXPECT_EQ(panel["noticed_by"], "");
  EXPECT_EQ(panel["age"], std::to_string(3 * kDayMs));
  EXPECT_EQ(panel["stored"], std::to_string(kMondayMs / kDayMs * kDayMs));
}

TEST(EngineTest, ThemesAndGradesSelect) {
  TestingRecord record;
  record.Stored(kMondayMs).Grade(type::v1::RISK_GRADE_HIGH).Subject(type::v1::SUBJECT_ROLE_CHILD, "", type::v1::AGE_BAND_UNDER_16);
  record.Stored(kMondayMs).Grade(type::v1::RISK_GRADE_MEDIUM).Subject(type::v1::SUBJECT_ROLE_UNBORN_CHILD, "", type::v1::AGE_BAND_UNBORN);
  record.Stored(kMondayMs).Grade(type::v1::RISK_GRADE_HIGH).Subject(type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR, "", type::v1::AGE_BAND_UNBORN);
  AskQuestionRequest request;
  request.add_age_bands(type::v1::AGE_BAND_UNBORN);
  EXPECT_EQ(record.Ask(17, kMondayMs + 1, request).referrals(), 1u);
  request.add_age_bands(type::v1::AGE_BAND_UNDER_16);
  EXPECT_EQ(record.Ask(17, kMondayMs + 1, request).referrals(), 2u);
  request.add_grades(type::v1::RISK_GRADE_HIGH);
  EXPECT_EQ(record.Ask(17, kMondayMs + 1, request).referrals(), 1u);
}

TEST(EngineTest, CoverageSaysWhichEntriesThereAreAndTheLongestGap) {
  TestingRecord record;
  record.Stored(kMondayMs - 2 * kDayMs).To("idva").Released(kMondayMs, "idva");
  record.Stored(kMondayMs).Happened(kMondayMs - 31 * kDayMs);
  const Table table = record.Ask(17, kMondayMs + kDayMs);
  ASSERT_EQ(table.coverage_size(), 2);
  const auto& idva = table.coverage(0);
  EXPECT_EQ(idva.agency(), "idva");
  EXPECT_EQ(idva.first_ms(), kMondayMs);
  EXPECT_EQ(idva.events(0), "RELEASED");
  EXPECT_EQ(idva.longest_gap_days(), 365u);  // From its enrolment to its first entry.
  EXPECT_EQ(table.coverage(1).recorded_later(), 1u);
}

TEST(EngineTest, CoverageSaysOfASilentAgencyThatThereIsNothing) {
  TestingRecord record;
  record.Enrol("refuge", type::v1::AGENCY_KIND_IDVA, "E08000003");
  record.Stored(kMondayMs);
  const auto covered = [&](const AskQuestionRequest& request, uint32_t number = 17) {
    std::vector<std::string> names;
    const Table table = record.Ask(number, kMondayMs + kDayMs, request);
    for (const auto& one : table.coverage()) names.push_back(one.agency() + (one.events().empty() ? " nothing" : ""));
    return names;
  };
  AskQuestionRequest request;
  EXPECT_THAT(covered(request), ::testing::ElementsAre("police")) << "neither asked nor the warrant's";
  request.add_areas("E08000003");
  EXPECT_THAT(covered(request), ::testing::ElementsAre("police", "refuge nothing"));
  EXPECT_EQ(record.Ask(17, kMondayMs + kDayMs, request).coverage(1).longest_gap_days(), 367u) << "since it was enrolled";
  request.Clear();
  record.covers.add_areas("E08000003");
  EXPECT_THAT(covered(request), ::testing::ElementsAre("police", "refuge nothing"));
  request.add_agencies("police");
  EXPECT_THAT(covered(request), ::testing::ElementsAre("police")) << "it was asked about another";
  request.Clear();
  record.covers.add_agencies("housing");
  EXPECT_THAT(covered(request), ::testing::ElementsAre("police")) << "what the refuge does beside is not the warrant's to know";
  record.covers.clear_areas();
  EXPECT_THAT(covered(request), ::testing::ElementsAre("housing nothing", "police"));
  request.set_case_pseudonym(std::string(16, 'a'));
  EXPECT_THAT(covered(request, 1), ::testing::IsEmpty()) << "not everybody is expected in every case";
}

TEST(EngineTest, AskedNothingAnAnswerKeepsToTheWarrantAndSaysSo) {
  TestingRecord record;
  record.Stored(kMondayMs);
  const auto said = [&](const AskQuestionRequest& request) {
    const Table table = record.Ask(17, kMondayMs + kDayMs, request);
    return std::any_of(table.notes().begin(), table.notes().end(), [](const std::string& note) { return note.find("does not cover") != note.npos; });
  };
  AskQuestionRequest request;
  EXPECT_FALSE(said(request));
  record.covers.add_areas("E08000012");
  EXPECT_TRUE(said(request));
  request.add_areas("E08000012");
  EXPECT_FALSE(said(request)) << "it has what it asked for";
}

// Rows "a", "b", … with these counts in a column, and their sum.
Table Counts(const std::vector<uint64_t>& values) {
  Table table;
  SetColumns(table, {{"name"}, {"count", inspection::v1::COLUMN_KIND_COUNT}, {"share", inspection::v1::COLUMN_KIND_PERCENT}});
  uint64_t all = 0;
  char name = 'a';
  for (const uint64_t value : values) {
    AddAnswerRow(table, {std::string(1, name++), std::to_string(value), "1.0"}, {7});
    all += value;
  }
  AddAnswerRow(table, {std::string(kTotalRow), std::to_string(all), "1.0"});
  return table;
}
std::vector<std::string> Shown(Table table, const std::vector<SumOf>& sums = {}) {
  SuppressSmallCounts(sums, table);
  std::vector<std::string> shown;
  for (const auto& row : table.rows()) {
    shown.push_back(row.cells(1));
    EXPECT_EQ(row.cells(1).empty(), row.suppressed());
    EXPECT_EQ(row.cells(2).empty(), row.suppressed()) << "a share of what is not shown";
    EXPECT_EQ(row.entries_size(), 0);
  }
  return shown;
}

TEST(SuppressionTest, FiveIsLeftOutAndSixIsNot) {
  EXPECT_EQ(Shown(Counts({6, 7, 8})), (std::vector<std::string>{"6", "7", "8", "21"}));
  // One hidden alone could be worked out: the next smallest goes too.
  EXPECT_EQ(Shown(Counts({5, 7, 8})), (std::vector<std::string>{"", "", "8", "20"}));
  EXPECT_EQ(Shown(Counts({5, 4, 8})), (std::vector<std::string>{"", "", "8", "17"}));
  EXPECT_EQ(Shown(Counts({5})), (std::vector<std::string>{"", ""})) << "the total is the only one";
  EXPECT_EQ(Shown(Counts({9})), (std::vector<std::string>{"9", "9"}));
}

TEST(SuppressionTest, WhatMustStandAtABoundIsNotGivenAway) {
  // Two noughts, or two fives, are the only ones that add up to the rest.
  EXPECT_EQ(Shown(Counts({0, 0, 8, 9})), (std::vector<std::string>{"", "", "", "9", "17"}));
  EXPECT_EQ(Shown(Counts({5, 5, 8, 9})), (std::vector<std::string>{"", "", "", "9", "27"}));
  EXPECT_EQ(Shown(Counts({0, 5, 8, 9})), (std::vector<std::string>{"", "", "8", "9", "22"}));
}

TEST(SuppressionTest, SumsAcrossColumnsGiveNothingAwayEither) {
  Table table;
  SetColumns(table, {{"name"}, {"all", inspection::v1::COLUMN_KIND_COUNT}, {"with", inspection::v1::COLUMN_KIND_COUNT}, {"without", inspection::v1::COLUMN_KIND_COUNT}});
  AddAnswerRow(table, {"a", "20", "17", "3"});
  AddAnswerRow(table, {"b", "40", "20", "20"});
  AddAnswerRow(table, {"c", "60", "30", "30"});
  AddAnswerRow(table, {std::string(kTotalRow), "120", "67", "53"});
  SuppressSmallCounts({{"all", {"with", "without"}}}, table);
  EXPECT_EQ(table.rows(0).cells(3), "");
  EXPECT_EQ(table.rows(0).cells(2), "") << "17 of 20 would say it";
  // And nothing in the columns is hidden alone.
  for (int column = 2; column <= 3; ++column) {
    int hidden = 0;
    for (int row = 0; row < 4; ++row) hidden += table.rows(row).cells(column).empty();
    EXPECT_GE(hidden, 2);
  }
  EXPECT_EQ(table.rows(3).cells(1), "120");
}

TEST(SuppressionTest, CountsAndSharesThatAreLeftAreToTheNearestFive) {
  Table table = Counts({6, 7, 8, 12, 13});
  const std::vector<std::string> shares = {"0.0", "2.4", "2.5", "52.4", "97.5", ""};
  for (int row = 0; row < table.rows_size(); ++row) table.mutable_rows(row)->set_cells(2, shares[static_cast<size_t>(row)]);
  RoundShown(table);
  std::vector<std::string> shown;
  for (const auto& row : table.rows()) shown.push_back(row.cells(1) + " " + row.cells(2));
  EXPECT_EQ(shown, (std::vector<std::string>{"5 0.0", "5 0.0", "10 5.0", "10 50.0", "15 100.0", "45 "}));
}

TEST(SuppressionTest, OfARowThatLostEveryCountNotEvenItsNameIsLeft) {
  Table table = Counts({5, 7, 8});
  SuppressSmallCounts({}, table);
  DropEmptiedRows(table);
  ASSERT_EQ(table.rows_size(), 2);
  EXPECT_EQ(table.rows(0).cells(0), "c");
  EXPECT_EQ(table.rows(1).cells(0), kTotalRow);
  // A row that has a count left says that it lost one.
  table.Clear();
  SetColumns(table, {{"name"}, {"all", inspection::v1::COLUMN_KIND_COUNT}, {"some", inspection::v1::COLUMN_KIND_COUNT}});
  AddAnswerRow(table, {"a", "20", "3"});
  SuppressSmallCounts({}, table);
  DropEmptiedRows(table);
  ASSERT_EQ(table.rows_size(), 1);
  EXPECT_TRUE(table.rows(0).suppressed());
}

// Two answers that differ by one referral, as one of two areas and one of the first do by those of the second.
TEST(SuppressionTest, TheDifferenceOfTwoAnswersIsNoSmallCount) {
  using namespace inspection::v1;
  TestingRecord record;
  for (int i = 0; i < 11; ++i) record.Stored(kMondayMs).To("idva");
  const auto ask = [&](WarrantKind kind) {
    Table table = record.Ask(17, kMondayMs + 1, {}, kind);
    table.clear_tree_size();
    return table.SerializeAsString();
  };
  const std::string public_first = ask(WARRANT_KIND_COMMISSIONER), exact_first = ask(WARRANT_KIND_STATUTORY);
  record.Stored(kMondayMs).To("idva");
  EXPECT_EQ(ask(WARRANT_KIND_COMMISSIONER), public_first);
  EXPECT_NE(ask(WARRANT_KIND_STATUTORY), exact_first);
}

TEST(SuppressionTest, FewReadAsNone) {
  using namespace inspection::v1;
  TestingRecord record;
  record.covers.add_agencies("police");  // So that coverage has it before it did anything.
  const auto ask = [&](WarrantKind kind) {
    Table table = record.Ask(17, kMondayMs + 1, {}, kind);
    table.clear_tree_size();
    return table.SerializeAsString();
  };
  const std::string public_first = ask(WARRANT_KIND_COMMISSIONER), exact_first = ask(WARRANT_KIND_STATUTORY);
  for (int i = 0; i < 5; ++i) record.Stored(kMondayMs).Happened(kMondayMs - kRecordedLaterMs - 1);
  EXPECT_EQ(ask(WARRANT_KIND_COMMISSIONER), public_first);
  EXPECT_NE(ask(WARRANT_KIND_STATUTORY), exact_first);
}

TEST(SuppressionTest, CoverageTellsOfNoSingleReferral) {
  using namespace inspection::v1;
  TestingRecord record;
  const auto covered = [&](WarrantKind kind) { return record.Ask(3, kMondayMs + 10 * kDayMs, {}, kind).coverage(0); };
  for (int i = 0; i < 5; ++i) record.Stored(kMondayMs + i * kDayMs).Said(kMondayMs + i * kDayMs, "police", type::v1::STATEMENT_KIND_ACCEPTED);
  const Coverage few = covered(WARRANT_KIND_SCRUTINY_PANEL);
  Coverage name_alone;
  name_alone.set_agency("police");
  name_alone.set_enrolled_ms(kMondayMs - 365 * kDayMs);
  EXPECT_EQ(few.SerializeAsString(), name_alone.SerializeAsString()) << "however many entries each has: " << few.DebugString();
  EXPECT_EQ(covered(WARRANT_KIND_STATUTORY).last_ms(), kMondayMs + 4 * kDayMs);
  record.Stored(kMondayMs + 5 * kDayMs);
  const Coverage more = covered(WARRANT_KIND_SCRUTINY_PANEL);
  EXPECT_THAT(more.events(), ::testing::ElementsAre("REFERRAL_STORED", "STATEMENT"));
  EXPECT_EQ(more.first_ms(), kMondayMs / kDayMs * kDayMs);
  EXPECT_EQ(more.last_ms(), kMondayMs / kDayMs * kDayMs + 5 * kDayMs);
  EXPECT_EQ(covered(WARRANT_KIND_STATUTORY).last_ms(), kMondayMs + 5 * kDayMs);
  // Who may ask about one case has its every entry.
  record.Stored(kMondayMs).Case('a');
  AskQuestionRequest request;
  request.set_case_pseudonym(std::string(16, 'a'));
  EXPECT_EQ(record.Ask(1, kMondayMs + 10 * kDayMs, request, WARRANT_KIND_DEATH_REVIEW).coverage(0).first_ms(), kMondayMs);
}

TEST(SuppressionTest, OnlyAStatutoryWarrantShowsSmallCounts) {
  TestingRecord record;
  for (int i = 0; i < 5; ++i) record.Stored(kMondayMs).To("idva");
  using namespace inspection::v1;
  const auto cell = [&](WarrantKind kind, bool publish) {
    AskQuestionRequest request;
    request.set_for_publication(publish);
    return RowWhere(record.Ask(17, kMondayMs + 1, request, kind), "agency", "police")["referrals"];
  };
  EXPECT_EQ(cell(WARRANT_KIND_STATUTORY, false), "5");
  EXPECT_EQ(cell(WARRANT_KIND_STATUTORY, true), "");
  EXPECT_EQ(cell(WARRANT_KIND_COMMISSIONER, false), "");
  EXPECT_EQ(cell(WARRANT_KIND_DEATH_REVIEW, false), "");
  record.Stored(kMondayMs).To("idva");
  EXPECT_EQ(cell(WARRANT_KIND_COMMISSIONER, false), "5") << "six, to the nearest five";
  EXPECT_EQ(cell(WARRANT_KIND_STATUTORY, false), "6");
}

// A list has its rows, but not how many of how many they are.
TEST(SuppressionTest, AListWithoutSmallCountsHasNoneInItsNotesEither) {
  using namespace inspection::v1;
  TestingRecord record;
  record.Stored(kMondayMs).Case('a').Grade(type::v1::RISK_GRADE_HIGH).Happened(kMondayMs - kRecordedLaterMs - 1);
  const auto counted = [](const Table& table) { return std::count_if(table.notes().begin(), table.notes().end(), IsCountingNote); };
  const auto ask = [&](WarrantKind kind) { return record.Ask(3, kMondayMs + 100 * kDayMs, {}, kind); };
  const Table whole = ask(WARRANT_KIND_STATUTORY);
  EXPECT_EQ(counted(whole), 1);
  EXPECT_EQ(whole.referrals(), 1u);
  EXPECT_EQ(whole.coverage(0).recorded_later(), 1u);
  for (const WarrantKind kind : {WARRANT_KIND_SCRUTINY_PANEL, WARRANT_KIND_DEATH_REVIEW}) {
    const Table table = ask(kind);
    EXPECT_EQ(table.rows_size(), 1);
    EXPECT_EQ(counted(table), 0) << table.DebugString();
    EXPECT_EQ(table.referrals(), 0u);
    EXPECT_EQ(table.coverage(0).recorded_later(), 0u);
  }
  for (int i = 0; i < 5; ++i) record.Stored(kMondayMs);
  EXPECT_EQ(ask(WARRANT_KIND_SCRUTINY_PANEL).referrals(), 5u) << "six, to the nearest five";
  record.Stored(kMondayMs), record.Stored(kMondayMs);
  EXPECT_EQ(ask(WARRANT_KIND_SCRUTINY_PANEL).referrals(), 10u);
  EXPECT_EQ(ask(WARRANT_KIND_STATUTORY).referrals(), 8u);
}

TEST(SuppressionTest, ANoteThatCountsBeginsWithIt) {
  EXPECT_TRUE(IsCountingNote("Of 3 reports 2 are listed."));
  EXPECT_TRUE(IsCountingNote("2 referrals were erased."));
  EXPECT_FALSE(IsCountingNote("Of what was asked about 2."));
  EXPECT_FALSE(IsCountingNote("A gap is more than 30 days."));
  EXPECT_FALSE(IsCountingNote(""));
}

}  // namespace
}  // namespace accord::broker::engine_test
