// What a commissioner counts: a service's last word, and what did not come to an end of its own.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "services/broker/questions/testing_record.h"

namespace accord::broker::commissioning_test {
namespace {

using namespace type::v1;  // NOLINT: facts are made of its messages throughout.

constexpr int64_t kLater = 60 * kDayMs;

std::map<std::string, std::string> All(TestingRecord& record, uint32_t question) { return RowWhere(record.Ask(question, kMondayMs + kLater), "area", "all"); }

TEST(CommissioningTest, WhatAServiceDeclinesAfterItAcceptedIsNotMet) {
  TestingRecord record;
  auto one = record.Stored(kMondayMs).To("idva");
  one.Said(kMondayMs + 1, "idva", STATEMENT_KIND_ACCEPTED);
  EXPECT_EQ(All(record, 101)["accepted"], "1");
  EXPECT_EQ(All(record, 102)["open"], "1");
  one.Said(kMondayMs + kDayMs, "idva", STATEMENT_KIND_DECLINED).statement->set_decline_reason(DECLINE_REASON_NO_CAPACITY);
  EXPECT_EQ(All(record, 101)["accepted"], "0");
  EXPECT_EQ(All(record, 101)["declined_no_capacity"], "1");
  EXPECT_EQ(All(record, 101)["unmet_share"], "100.0");
  EXPECT_EQ(All(record, 102)["accepted"], "1") << "it was";
  EXPECT_EQ(All(record, 102)["open"], "0");
  EXPECT_EQ(All(record, 102)["closed_otherwise"], "1");
}

TEST(CommissioningTest, SupportThatItsSenderWithdrewIsNotOpenAndOneThatWasClosedStaysSo) {
  TestingRecord record;
  auto withdrawn = record.Stored(kMondayMs).To("idva");
  withdrawn.Said(kMondayMs + 1, "idva", STATEMENT_KIND_ACCEPTED);
  withdrawn.Said(kMondayMs + 2, "police", STATEMENT_KIND_WITHDRAWN);
  auto closed = record.Stored(kMondayMs).To("idva");
  closed.Said(kMondayMs + 1, "idva", STATEMENT_KIND_ACCEPTED);
  closed.Said(kMondayMs + 2, "idva", STATEMENT_KIND_CLOSED).statement->set_close_reason(CLOSE_REASON_COMPLETED);
  auto row = All(record, 102);
  EXPECT_EQ(row["accepted"], "2");
  EXPECT_EQ(row["open"], "0");
  EXPECT_EQ(row["closed_otherwise"], "1");
  EXPECT_EQ(row["completed"], "1");
}

TEST(CommissioningTest, WhatAServiceSaysOfACorrectedVersionIsSaidOfTheReferral) {
  TestingRecord record;
  auto older = record.Stored(kMondayMs).To("idva");
  auto newer = record.Stored(kMondayMs + 30 * kDayMs).Type(REFERRAL_TYPE_CORRECTION).To("idva");  // Of another month.
  newer.core().set_caused_by(older.digest());
  newer.Said(kMondayMs + 31 * kDayMs, "idva", STATEMENT_KIND_ACCEPTED);
  EXPECT_EQ(All(record, 101)["demand"], "1");
  EXPECT_EQ(All(record, 101)["accepted"], "1");
  EXPECT_EQ(All(record, 102)["open"], "1");
  EXPECT_EQ(RowWhere(record.Ask(102, kMondayMs + kLater), "month", "2027-01")["accepted"], "1");
  newer.Said(kMondayMs + 32 * kDayMs, "idva", STATEMENT_KIND_DECLINED).statement->set_decline_reason(DECLINE_REASON_NO_CAPACITY);
  EXPECT_EQ(All(record, 101)["declined_no_capacity"], "1");
  EXPECT_EQ(All(record, 102)["closed_otherwise"], "1");
  older.Said(kMondayMs + 33 * kDayMs, "idva", STATEMENT_KIND_ACCEPTED);  // The last word, by the log and not by the version.
  EXPECT_EQ(All(record, 101)["accepted"], "1");
  EXPECT_EQ(All(record, 102)["open"], "1");
  newer.Said(kMondayMs + 34 * kDayMs, "idva", STATEMENT_KIND_CLOSED).statement->set_close_reason(CLOSE_REASON_COMPLETED);
  EXPECT_EQ(All(record, 102)["completed"], "1");
}

TEST(CommissioningTest, TheNewestVersionSaysWhomItAsksAndWhetherItWasWithdrawn) {
  TestingRecord record;
  const auto corrected = [&](const RecordedReferral& older, const std::string& agency) {
    auto newer = record.Stored(kMondayMs + kDayMs).Type(REFERRAL_TYPE_CORRECTION).To(agency);
    newer.core().set_caused_by(older.digest());
    return newer;
  };
  corrected(record.Stored(kMondayMs).To("idva"), "housing");
  EXPECT_EQ(All(record, 101)["demand"], "") << "nothing is asked of it";
  corrected(record.Stored(kMondayMs).To("housing"), "idva");
  EXPECT_EQ(All(record, 101)["not_answered"], "1");
  auto closed = record.Stored(kMondayMs).To("idva");
  closed.Said(kMondayMs + 1, "idva", STATEMENT_KIND_ACCEPTED);
  closed.Said(kMondayMs + 2, "idva", STATEMENT_KIND_CLOSED).statement->set_close_reason(CLOSE_REASON_COMPLETED);
  auto anew = corrected(closed, "idva");
  EXPECT_EQ(All(record, 102)["completed"], "1");
  anew.Said(kMondayMs + 2 * kDayMs, "idva", STATEMENT_KIND_ACCEPTED);
  EXPECT_EQ(All(record, 102)["open"], "1") << "it took it on again";
  anew.Said(kMondayMs + 3 * kDayMs, "police", STATEMENT_KIND_WITHDRAWN);
  EXPECT_EQ(All(record, 102)["closed_otherwise"], "1");
}

}  // namespace
}  // namespace accord::broker::commissioning_test
