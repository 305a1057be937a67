#include "services/accordctl/answer_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accord::accordctl::answer_table_test {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

// 1 July 2027 08:30 UTC: half past nine in London.
constexpr int64_t kSummerMs = 1'814'430'600'000;
constexpr int64_t kWinterMs = 1'800'000'000'000;  // 15 January 2027 08:00.

inspection::v1::Table Answer() {
  inspection::v1::Table table;
  table.set_title("Who opened late");
  table.set_definition("Opened after its clock.");
  const auto column = [&](const char* name, inspection::v1::ColumnKind kind) {
    table.add_columns()->set_name(name);
    table.mutable_columns(table.columns_size() - 1)->set_kind(kind);
  };
  column("worker", inspection::v1::COLUMN_KIND_TEXT);
  column("opened", inspection::v1::COLUMN_KIND_TIME);
  column("late by", inspection::v1::COLUMN_KIND_DURATION);
  column("share", inspection::v1::COLUMN_KIND_PERCENT);
  column("told", inspection::v1::COLUMN_KIND_BOOL);
  column("count", inspection::v1::COLUMN_KIND_COUNT);
  const auto row = [&](std::vector<std::string> cells) -> inspection::v1::Row& {
    auto& added = *table.add_rows();
    for (std::string& cell : cells) added.add_cells(std::move(cell));
    return added;
  };
  auto& first = row({"w, \"one\"", std::to_string(kSummerMs), "12000000", "12.5", "true", "7"});
  for (const uint64_t index : {3, 4, 5, 6}) first.add_entries(index);
  row({"=1+2", "", "", "0.0", "false", "0"});
  row({"w-3", std::to_string(kWinterMs), "180000000", "", "", ""}).set_suppressed(true);
  table.add_notes("an absence reads no record in Accord");
  table.set_completeness("attested");
  table.set_query_index(90);
  table.set_tree_size(91);
  table.set_referrals(12);
  return table;
}

QueryProof Proof() { return {.origin = "example.com/log", .query_index = 90, .checkpoint_size = 93, .root = "00ff"}; }

TEST(AnswerTableTest, ATableForPeopleHasLondonTimesAndSaysWhatThereIsNoRecordOf) {
  const std::string text = AnswerText(Answer(), Proof(), 200);
  EXPECT_THAT(text, HasSubstr("Who opened late\nOpened after its clock.\n"));
  EXPECT_THAT(text, HasSubstr("2027-07-01 09:30"));
  EXPECT_THAT(text, HasSubstr("2027-01-15 08:00"));
  EXPECT_THAT(text, HasSubstr("3 h 20 min"));
  EXPECT_THAT(text, HasSubstr("2 d 2 h"));
  EXPECT_THAT(text, ContainsRegex("=1\\+2 +no record in Accord +- +0\\.0 %")) << "a time that is not there, and a length of time";
  EXPECT_THAT(text, HasSubstr("3, 4, 5 and 1 more"));
  EXPECT_THAT(text, HasSubstr("* a small count is left out"));
  EXPECT_THAT(text, HasSubstr("note: an absence reads"));
  EXPECT_THAT(text, HasSubstr("12 referrals looked at; completeness: attested; asked as entry 90 of a log of 91 entries"));
  EXPECT_THAT(text, HasSubstr("Entry 90, the record of this very question, was proved to be in the log of 93 entries with root 00ff, which the key of example.com/log signs"));
  inspection::v1::Table empty;
  empty.set_title("Nothing");
  EXPECT_THAT(AnswerText(empty, Proof(), 80), HasSubstr("\nno record in Accord\n"));
  empty.add_notes("no record in Accord");
  EXPECT_THAT(AnswerText(empty, Proof(), 80), ::testing::Not(HasSubstr("note: no record"))) << "said already";
  EXPECT_THAT(AnswerText(empty, Proof(), 80), HasSubstr("no referrals, or too few to tell, looked at; completeness: not stated"));
}

TEST(AnswerTableTest, CsvIsThatOfRfc4180AndRunsNothing) {
  EXPECT_EQ(AnswerCsv(Answer()),
            "worker,opened,late by (minutes),share (%),told,count,entries,suppressed\r\n"
            "\"w, \"\"one\"\"\",2027-07-01T09:30:00+01:00,200,12.5,true,7,3 4 5 6,false\r\n"
            "'=1+2,,,0.0,false,0,,false\r\n"
            "w-3,2027-01-15T08:00:00+00:00,3000,,,,,true\r\n");
}

TEST(AnswerTableTest, JsonHasNumbersAndNullForNoRecord) {
  const nlohmann::json document = AnswerJson(Answer(), Proof());
  EXPECT_EQ(document["rows"][0]["worker"], "w, \"one\"");
  EXPECT_EQ(document["rows"][0]["opened"], "2027-07-01T09:30:00+01:00");
  EXPECT_EQ(document["rows"][0]["late by"], 12'000'000);
  EXPECT_EQ(document["rows"][0]["share"], 12.5);
  EXPECT_EQ(document["rows"][0]["told"], true);
  EXPECT_EQ(document["rows"][0]["entries"], (std::vector<uint64_t>{3, 4, 5, 6}));
  EXPECT_TRUE(document["rows"][1]["opened"].is_null());
  EXPECT_EQ(document["rows"][2]["suppressed"], true);
  EXPECT_EQ(document["columns"][1]["name"], "opened");
  EXPECT_EQ(document["completeness"], "attested");
  EXPECT_EQ(document["queryIndex"], 90);
  EXPECT_EQ(document["proof"]["checkpointSize"], 93);
  EXPECT_EQ(document["proof"]["root"], "00ff");
}

// What a server sends is shown and not obeyed, and a row that is too short has no record for the rest.
TEST(AnswerTableTest, WhatDoesNotFitIsShownAsItCame) {
  auto table = Answer();
  table.mutable_rows(0)->set_cells(1, "\x1b[2J");
  table.mutable_rows(0)->mutable_cells()->RemoveLast();
  EXPECT_THAT(AnswerText(table, Proof(), 200), Not(HasSubstr("\x1b")));
  EXPECT_TRUE(AnswerJson(table, Proof())["rows"][0]["count"].is_null());
  EXPECT_EQ(AnswerJson(table, Proof())["rows"][0]["opened"], "\x1b[2J");
}

}  // namespace
}  // namespace accord::accordctl::answer_table_test
