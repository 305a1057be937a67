#include "services/accordctl/import_run.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "accord/police/v1/police_service.pb.h"
#include "common/base/status.h"
#include "services/accordctl/push_calls.h"

namespace accord::accordctl::import_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::unique_ptr<google::protobuf::Message> Make(std::string_view call) {
  auto push = NewPush(call);
  return push.ok() ? std::move(push->request) : nullptr;
}

std::string Csv(size_t records, std::string_view summary = "what happened") {
  std::string text = "force,reference,is_crime,summary\n";
  for (size_t i = 1; i <= records; ++i) text += fmt::format("98,{}/26,true,{}\n", i, summary);
  return text;
}

// A service as import sees it.
struct FakeService {
  std::vector<std::string> pushed;                         // Request ids, in order.
  std::map<std::string, absl::Status> refuses;             // By request id.
  size_t away_after = SIZE_MAX;                            // Pushes it answers.
  agency::v1::SubmissionState state = agency::v1::SUBMISSION_STATE_SETTLED;
  std::vector<records::FileResult> saved;
  std::vector<size_t> told;

  ImportPort Port() {
    return {[this](const records::Record& record) -> absl::StatusOr<agency::v1::PushResult> {
              if (pushed.size() >= away_after) return absl::UnavailableError("connection refused");
              pushed.push_back(record.request_id);
              if (const auto refused = refuses.find(record.request_id); refused != refuses.end()) return refused->second;
              agency::v1::PushResult result;
              result.set_request_id(record.request_id);
              result.set_state(state);
              result.set_stored_index(pushed.size());
              return result;
            },
            [this](const records::FileResult& result) { return saved.push_back(result), absl::OkStatus(); },
            [this](size_t number, size_t) { told.push_back(number); }};
  }
};

struct Run {
  std::vector<records::Record> records;
  ImportOutcome outcome;
};
Run Import(FakeService& service, const std::string& bytes, const records::FileResult* earlier = nullptr) {
  auto records = records::ReadRecords(bytes, "ReportIncident.today.csv", "", Make);
  EXPECT_TRUE(records.ok()) << records.status();
  auto outcome = RunImport(*records, NewResult("ReportIncident.today.csv", bytes, *records, 1000), earlier, service.Port());
  EXPECT_TRUE(outcome.ok()) << outcome.status();
  return {*std::move(records), *std::move(outcome)};
}
std::vector<std::string> States(const records::FileResult& result) {
  std::vector<std::string> states;
  for (const auto& record : result.records) states.push_back(record.state);
  return states;
}
constexpr char kFirst[] = "ReportIncident/98/crime/1/26.v1", kSecond[] = "ReportIncident/98/crime/2/26.v1", kThird[] = "ReportIncident/98/crime/3/26.v1";

TEST(ImportTest, EveryRecordIsPushedInItsOrderUnderItsOwnReference) {
  FakeService service;
  const auto run = Import(service, Csv(3));
  EXPECT_THAT(service.pushed, ElementsAre(kFirst, kSecond, kThird));
  EXPECT_THAT(service.told, ElementsAre(1, 2, 3));
  EXPECT_THAT(States(run.outcome.result), ElementsAre("SETTLED", "SETTLED", "SETTLED"));
  EXPECT_EQ(run.outcome.result.state, "DONE");
  EXPECT_EQ(run.outcome.count.pushed, 3u);
  ASSERT_EQ(service.saved.size(), 1u);
  EXPECT_EQ(service.saved[0].records[1].line, 3u);
}

TEST(ImportTest, ARefusedRecordDoesNotStopTheRest) {
  FakeService service;
  service.refuses[kSecond] = Error(Reason::kFieldInvalid, "victim is wrong", {{"field", "victim"}});
  const auto run = Import(service, Csv(3));
  EXPECT_THAT(States(run.outcome.result), ElementsAre("SETTLED", "REFUSED", "SETTLED"));
  EXPECT_EQ(run.outcome.result.state, "REJECTED");
  EXPECT_EQ(run.outcome.count.refused, 1u);
  const auto& refused = run.outcome.result.records[1];
  EXPECT_EQ(refused.field, "victim");
  EXPECT_EQ(RefusalText(refused), "  record 2, line 3: victim: FIELD_INVALID: victim is wrong\n");
  EXPECT_THAT(ImportSummary(run.outcome, "x.result.json"), ::testing::AllOf(HasSubstr("3 records: 2 pushed now, 0 done before, 1 refused, 0 not reached"),
                                                                           HasSubstr("record_version"), HasSubstr("x.result.json")));
}

TEST(ImportTest, WhatIsKeptAtTheServiceAndSentToNobodyIsDone) {
  FakeService service;
  service.state = agency::v1::SUBMISSION_STATE_UNSPECIFIED;
  const auto run = Import(service, Csv(1));
  EXPECT_THAT(States(run.outcome.result), ElementsAre("SETTLED"));
  EXPECT_EQ(run.outcome.count.waiting, 0u);
  FakeService again;
  Import(again, Csv(1), &run.outcome.result);
  EXPECT_THAT(again.pushed, IsEmpty());
}

TEST(ImportTest, AForumsPushesAreRecordsUnderTheirOwnIds) {
  const std::string bytes =
      "call,options.request_id,referral,owner,code,words,due_at_ms,question\n"
      "AddAction,MARAC-1/action-1,referrals/" + std::string(64, 'a') + ",police,address_flag,Flag the address.,4102444800000,\n"
      "RequestResearch,MARAC-2/research,referrals/" + std::string(64, 'b') + ",,,,,What is known?\n"
      "AddAction,,referrals/" + std::string(64, 'a') + ",police,address_flag,Flag the address.,4102444800000,\n";
  const auto records = records::ReadRecords(bytes, "forum.csv", "", Make);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 3u);
  EXPECT_EQ((*records)[0].status, absl::OkStatus());
  EXPECT_EQ((*records)[0].request_id, "MARAC-1/action-1");
  EXPECT_EQ((*records)[1].status, absl::OkStatus());
  EXPECT_EQ((*records)[1].request_id, "MARAC-2/research");
  EXPECT_TRUE(HasReason((*records)[2].status, Reason::kFieldMissing)) << "it has no reference of its own";
}

TEST(ImportTest, WhenTheServiceIsAwayItStopsAndALaterRunGoesOnWhereItEnded) {
  FakeService service;
  service.away_after = 1;
  const auto first = Import(service, Csv(3));
  EXPECT_TRUE(absl::IsUnavailable(first.outcome.stopped));
  EXPECT_THAT(States(first.outcome.result), ElementsAre("SETTLED", "NOT_PUSHED", "NOT_PUSHED"));
  EXPECT_EQ(first.outcome.result.state, "PARTLY");
  EXPECT_EQ(first.outcome.count.left, 2u);
  EXPECT_THAT(ImportSummary(first.outcome, "r"), HasSubstr("run the same command again"));
  EXPECT_EQ(service.told.size(), 2u) << "what comes after is not tried";

  FakeService again;
  const auto kept = records::ParseResult(records::ResultJson(service.saved.back()));
  ASSERT_TRUE(kept.ok());
  const auto second = Import(again, Csv(3), &*kept);
  EXPECT_THAT(again.pushed, ElementsAre(kSecond, kThird));
  EXPECT_THAT(States(second.outcome.result), ElementsAre("SETTLED", "SETTLED", "SETTLED"));
  EXPECT_EQ(second.outcome.count.done, 1u);
  EXPECT_EQ(second.outcome.result.records[0].stored_index, 1u) << "what is known of it stands";
}

TEST(ImportTest, WhatIsNotSettledIsAskedForAgainAndWhatWasRefusedTriedAgain) {
  FakeService service;
  service.state = agency::v1::SUBMISSION_STATE_ACCEPTED;
  service.refuses[kSecond] = Error(Reason::kWorkerNotKnown, "enrol the worker");
  const auto first = Import(service, Csv(2));
  EXPECT_EQ(first.outcome.count.waiting, 1u);
  FakeService again;
  const auto second = Import(again, Csv(2), &first.outcome.result);
  EXPECT_THAT(again.pushed, ElementsAre(kFirst, kSecond));
  EXPECT_THAT(States(second.outcome.result), ElementsAre("SETTLED", "SETTLED"));
  EXPECT_TRUE(second.outcome.result.records[1].reason.empty());
}

TEST(ImportTest, WhenTheServiceIsAwayWhatEarlierRunsDidStands) {
  FakeService service;
  service.away_after = 2;
  const auto first = Import(service, Csv(3));
  FakeService away;
  away.away_after = 0;
  const auto second = Import(away, Csv(3), &first.outcome.result);
  EXPECT_THAT(States(second.outcome.result), ElementsAre("SETTLED", "SETTLED", "NOT_PUSHED"));
}

TEST(ImportTest, TheResultOfOtherBytesCountsForNothing) {
  FakeService service;
  const auto first = Import(service, Csv(2));
  FakeService again;
  const auto second = Import(again, Csv(2, "another summary"), &first.outcome.result);
  EXPECT_EQ(again.pushed.size(), 2u) << "the service knows what it was pushed before";
  EXPECT_EQ(second.outcome.count.done, 0u);
}

TEST(ImportTest, TheResultIsKeptEveryHundredRecords) {
  FakeService service;
  Import(service, Csv(2 * kResultEveryRecords));
  ASSERT_EQ(service.saved.size(), 3u);
  EXPECT_EQ(States(service.saved[0])[kResultEveryRecords - 1], "SETTLED");
  EXPECT_EQ(States(service.saved[0])[kResultEveryRecords], "NOT_PUSHED");
}

TEST(ImportTest, WhatIsWrongWithARecordIsInTheResultBeforeAnythingIsSent) {
  const std::string bytes = "force,reference,is_crime,summary\n98,1/26,maybe,x\n98,2/26,true,x\n";
  const auto records = records::ReadRecords(bytes, "ReportIncident.csv", "", Make);
  ASSERT_TRUE(records.ok());
  const auto result = NewResult("ReportIncident.csv", bytes, *records, 1000);
  EXPECT_THAT(States(result), ElementsAre("REFUSED", "NOT_PUSHED"));
  EXPECT_EQ(result.records[0].field, "is_crime");
  EXPECT_THAT(result.records[0].words, Not(HasSubstr("maybe")));
}

// Each push that import knows has a place for its options, by which a file's records become pushes; those of the five agencies have a reference too.
TEST(ImportTest, EveryCallTakesRecords) {
  for (const char* call : {"ReportIncident", "SendChildNotice", "RequestDisclosureChecks", "RecordDisclosure", "RequestVictimInformation", "ReferForHousing", "ReferFamily",
                           "RequestPartnerChecks", "CallStrategyDiscussion", "ReferOn", "ReferPatient", "NotifyDutyToRefer", "ReferToMarac", "ReferClient", "HandOverClient",
                           "RecordContactAttempts"}) {
    const auto request = Make(call);
    ASSERT_NE(request, nullptr) << call;
    EXPECT_NE(records::OptionsOf(*request), nullptr) << call;
    const auto* type = request->GetDescriptor();
    EXPECT_TRUE(type->FindFieldByName("case_reference") != nullptr || type->FindFieldByName("record_reference") != nullptr || type->FindFieldByName("reference") != nullptr) << call;
  }
}

}  // namespace
}  // namespace accord::accordctl::import_test
