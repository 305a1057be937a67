// Questions that count: how long things took, who was asked at all, and the entries that a count leads back to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "services/broker/questions/testing_record.h"

namespace accord::broker::counts_test {
namespace {

using inspection::v1::AskQuestionRequest;
using inspection::v1::Table;
using namespace accord::type::v1;

constexpr int64_t kLater = 100 * kDayMs;  // After every clock of these tests.

TEST(CountsTest, IncidentToShareTimesByAgencyAndGradeAndNeverWhatWasRecordedLater) {
  TestingRecord record;
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Happened(kMondayMs - kHourMs);
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Happened(kMondayMs - 5 * kHourMs, kMondayMs - 3 * kHourMs);  // From its latest end.
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Happened(kMondayMs - kRecordedLaterMs);                       // Just in time.
  record.Stored(kMondayMs).Grade(RISK_GRADE_HIGH).Happened(kMondayMs - kRecordedLaterMs - 1);                   // Imported.
  record.Stored(kMondayMs).Grade(RISK_GRADE_STANDARD);                                                          // Reports no event.
  record.Stored(kMondayMs, "childrens").Grade(RISK_GRADE_HIGH).core().mutable_report()->set_source(REPORT_SOURCE_CHILD);
  const Table table = record.Ask(2, kMondayMs + kLater);
  auto row = RowWhere(table, "agency", "police");
  EXPECT_EQ(row["grade"], "HIGH");
  EXPECT_EQ(row["reports"], "4");
  EXPECT_EQ(row["timed"], "3");
  EXPECT_EQ(row["recorded_later"], "1");
  EXPECT_EQ(row["median"], std::to_string(3 * kHourMs));
  EXPECT_EQ(row["longest"], std::to_string(kRecordedLaterMs));
  row = RowWhere(table, "agency", "childrens");
  EXPECT_EQ(row["no_time"], "1");
  EXPECT_EQ(row["median"], "");
  EXPECT_EQ(RowWhere(table, "agency", "all")["reports"], "5");
  EXPECT_EQ(table.coverage_size(), 2);
}

TEST(CountsTest, IncidentToGradeAndGradeToShareHaveAllThreeTimes) {
  TestingRecord record;
  const auto graded = [&](int64_t happened_hours, int64_t graded_hours) {  // Before it was stored.
    record.Stored(kMondayMs).Happened(kMondayMs - happened_hours * kHourMs).core().mutable_risk()->set_assessed_at_ms(kMondayMs - graded_hours * kHourMs);
  };
  for (int i = 0; i < 18; ++i) graded(4, 3);
  graded(9, 2);
  graded(20, 1);
  graded(1, 30);                                               // An older assessment: timed, not graded.
  record.Stored(kMondayMs).Happened(kMondayMs - 50 * kHourMs);  // It says no grade.
  auto row = RowWhere(record.Ask(2, kMondayMs + kLater), "agency", "police");
  EXPECT_EQ(row["timed"], "22");
  EXPECT_EQ(row["percentile_95"], std::to_string(20 * kHourMs));
  EXPECT_EQ(row["longest"], std::to_string(50 * kHourMs));
  EXPECT_EQ(row["graded"], "20");
  EXPECT_EQ(row["incident_to_grade_median"], std::to_string(kHourMs));
  EXPECT_EQ(row["incident_to_grade_95"], std::to_string(7 * kHourMs)) << "the nineteenth of twenty";
  EXPECT_EQ(row["incident_to_grade_longest"], std::to_string(19 * kHourMs));
  EXPECT_EQ(row["grade_to_share_median"], std::to_string(3 * kHourMs));
  EXPECT_EQ(row["grade_to_share_95"], std::to_string(3 * kHourMs));
  EXPECT_EQ(row["grade_to_share_longest"], std::to_string(3 * kHourMs));
}

TEST(CountsTest, EveryCountLeadsBackToEntriesUnlessSmallOnesAreLeftOut) {
  TestingRecord record;
  const auto store = [&] {
    auto one = record.Stored(kMondayMs).Happened(kMondayMs).To("idva").To("housing", CATEGORY_RISK, "default/no-route");
    TagPart& tag = one.facts().parts.tags.emplace_back();
    tag.set_tag_id(std::string(16, 't'));
    one.Said(kMondayMs + 1, "idva", STATEMENT_KIND_ACCEPTED);
    auto check = record.Stored(kMondayMs).Type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION).To("housing");
    check.core().set_checks(true);
    check.Said(kMondayMs + 1, "housing", STATEMENT_KIND_CHECK_ANSWERED).statement->set_check_answer(CHECK_ANSWER_NOT_KNOWN);
    return std::pair(one.facts().events.front().index, check.facts().events.front().index);
  };
  const auto [referral, check] = store();
  for (const Question& question : Questions()) {
    if (!question.counts) continue;
    const bool of_check = question.number == 14 || question.number == 15;
    const Table table = record.Ask(question.number, kMondayMs + kLater);
    ASSERT_EQ(table.rows_size(), 2) << question.number;
    for (const auto& row : table.rows()) {
      EXPECT_THAT(row.entries(), ::testing::Contains(of_check ? check : referral)) << question.number;
      // What an agency answered is an entry of its own.
      const bool answered = of_check || question.number > 100;
      if (answered) EXPECT_THAT(row.entries(), ::testing::Contains((of_check ? check : referral) + 1)) << question.number;
    }
    AskQuestionRequest request;
    request.set_for_publication(true);
    const Table published = record.Ask(question.number, kMondayMs + kLater, request);
    for (const auto& row : published.rows()) EXPECT_EQ(row.entries_size(), 0) << question.number;
  }
  for (int i = 0; i < 2 * kRowEntriesMax; ++i) store();
  EXPECT_EQ(record.Ask(17, kMondayMs + kLater).rows(0).entries_size(), kRowEntriesMax);
}

TEST(CountsTest, WhoStandsInForAnotherIsAskedOnceItIsHandedOverAndWhoGotNothingNever) {
  TestingRecord record;
  for (const char* agency : {"deputy", "barred"}) record.Enrol(agency, AGENCY_KIND_IDVA);
  const auto sent = [&](ReferralType type) {
    auto one = record.Stored(kMondayMs).Type(type).Case('a').To("idva").To("barred", CATEGORY_RISK, "always/protective-list").To("deputy");
    one.facts().parts.recipients.back().set_on_behalf_of("idva");
    one.core().set_checks(type == REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
    return one;
  };
  auto check = sent(REFERRAL_TYPE_REQUEST_FOR_INFORMATION), referral = sent(REFERRAL_TYPE_REFERRAL);
  const auto asked = [&] {
    const Table research = record.Ask(14, kMondayMs + kLater);
    EXPECT_TRUE(RowWhere(research, "agency", "barred").empty());
    return RowWhere(research, "agency", "all")["asked"] + " " + RowWhere(record.Ask(15, kMondayMs + kLater), "agency", "all")["checks"] + " " +
           RowWhere(record.Ask(101, kMondayMs + kLater), "area", "all")["demand"] + " " + std::to_string(record.Ask(16, kMondayMs + kLater).rows_size());
  };
  EXPECT_EQ(asked(), "1 1 1 2");
  check.Released(kMondayMs + kDayMs, "deputy");
  referral.Released(kMondayMs + kDayMs, "deputy");
  EXPECT_EQ(asked(), "2 2 2 4");
  referral.Delivered(kMondayMs + kDayMs, "deputy");
  EXPECT_EQ(asked(), "2 2 2 3");
}

TEST(CountsTest, WhereSmallCountsAreLeftOutThereIsNoMedianOfFewHoweverManyAnswered) {
  using namespace inspection::v1;
  TestingRecord record;
  const auto request = [&](int64_t stored_ms) { return record.Stored(stored_ms).Type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION).To("housing"); };
  const auto timed = [&] { request(kMondayMs).Said(kMondayMs + 3 * kHourMs, "housing", STATEMENT_KIND_CHECK_ANSWERED); };
  for (int i = 0; i < 6; ++i) {  // So that no count of the row is small.
    request(kMondayMs);
    request(kMondayMs + kLater - kHourMs);
  }
  for (int i = 0; i < 5; ++i) {
    request(kMondayMs).Happened(kMondayMs - kRecordedLaterMs - 1).Said(kMondayMs + kHourMs, "housing", STATEMENT_KIND_CHECK_ANSWERED);
  }
  timed();
  const auto asked = [&](WarrantKind kind) { return record.Ask(14, kMondayMs + kLater, {}, kind); };
  const auto median = [&](WarrantKind kind) { return RowWhere(asked(kind), "agency", "housing")["median"]; };
  EXPECT_EQ(median(WARRANT_KIND_STATUTORY), std::to_string(3 * kHourMs));
  EXPECT_FALSE(asked(WARRANT_KIND_STATUTORY).rows(0).suppressed());
  EXPECT_EQ(RowWhere(asked(WARRANT_KIND_COMMISSIONER), "agency", "housing")["answered"], "5") << "six, rounded";
  EXPECT_EQ(median(WARRANT_KIND_COMMISSIONER), "");
  EXPECT_TRUE(asked(WARRANT_KIND_COMMISSIONER).rows(0).suppressed()) << "an empty cell is no absence";
  for (int i = 0; i < 5; ++i) timed();
  EXPECT_EQ(median(WARRANT_KIND_COMMISSIONER), std::to_string(3 * kHourMs));
  EXPECT_FALSE(asked(WARRANT_KIND_COMMISSIONER).rows(0).suppressed());
}

TEST(CountsTest, BasesAndGatewaysAreLeftOutWithSmallCounts) {
  TestingRecord record;
  const auto share = [&](const std::string& sender, Gateway gateway) {
    auto one = record.Stored(kMondayMs, sender).To("idva");
    auto& tag = one.facts().parts.tags.emplace_back();
    tag.set_tag_id(std::string(16, 't'));
    tag.set_article6(ARTICLE6_BASIS_PUBLIC_TASK);
    tag.set_gateway(gateway);
  };
  for (int i = 0; i < 10; ++i) share("police", GATEWAY_UNSPECIFIED);
  share("housing", GATEWAY_CA1989_S47);
  const auto bases = [&](bool publish, inspection::v1::WarrantKind kind) {
    AskQuestionRequest request;
    request.set_for_publication(publish);
    const Table table = record.Ask(7, kMondayMs + kLater, request, kind);
    std::string all;
    for (const char* agency : {"housing", "police", "all"}) all += RowWhere(table, "agency", agency)["bases_and_gateways"] + "|";
    return all;
  };
  using namespace inspection::v1;
  EXPECT_EQ(bases(false, WARRANT_KIND_STATUTORY), "PUBLIC_TASK/CA1989_S47|PUBLIC_TASK/none|PUBLIC_TASK/CA1989_S47, PUBLIC_TASK/none|");
  EXPECT_EQ(bases(true, WARRANT_KIND_STATUTORY), "|||");
  EXPECT_EQ(bases(false, WARRANT_KIND_COMMISSIONER), "|||");
}

}  // namespace
}  // namespace accord::broker::counts_test
