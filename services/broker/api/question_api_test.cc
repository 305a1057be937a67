// Named questions and samples over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: every question is an entry before its first row; its pages are of the log as it was then; it is answered under a warrant that covers it and in
// no other way; a sample is drawn again from its seed, and opens to its warrant what was drawn and nothing else.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "accord/inspection/v1/warrant_service.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/api/question_calls.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_places.h"
#include "services/broker/api/testing_warrants.h"
#include "services/broker/api/testing_wire.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker::question_api_test {
namespace {

using inspection::v1::AskQuestionRequest;
using inspection::v1::AskQuestionResponse;
using inspection::v1::DrawSampleRequest;
using inspection::v1::DrawSampleResponse;

class QuestionApiTest : public ::testing::Test {
 protected:
  QuestionApiTest() {
    for (const char* id : {"ines", "omar"}) {
      admin::v1::Change change;
      change.mutable_put_officer()->set_id(id);
      change.mutable_put_officer()->set_inspector(true);
      change.mutable_put_officer()->set_active(true);
      change.mutable_put_officer()->set_inspectorate("ofsted");
      EXPECT_EQ(world_.Change(change), absl::OkStatus());
    }
  }
  WireAnswer Call(const std::string& principal, const std::string& service, const std::string& method, const google::protobuf::Message& request) {
    return CallOnce(world_.Channel(principal), "/accord." + service + "/" + method, request);
  }
  WireAnswer Ask(const std::string& principal, const AskQuestionRequest& request) { return Call(principal, "inspection.v1.TrailService", "AskQuestion", request); }
  WireAnswer Draw(const std::string& principal, const DrawSampleRequest& request) { return Call(principal, "inspection.v1.TrailService", "DrawSample", request); }
  void Store(const std::string& request_id, const std::string& victim) {
    TestingReferral spec{.request_id = request_id, .recipients = {"idva"}};
    spec.victim = victim;
    spec.perpetrator = "bob";
    Only<v1::SubmitReferralResponse>(Call("agency/police", "broker.v1.ReferralService", "SubmitReferral", MakeSubmission(world_, spec)));
  }
  // A statutory one over the last hour and the next; limited to samples of so many cases unless 0.
  void Activate(const std::string& id, uint32_t sample_cases_max) {
    inspection::v1::Warrant warrant = StatutoryWarrant(id, world_.clock().Now());
    warrant.mutable_scope()->set_from_ms(from_ms_);
    warrant.mutable_scope()->set_until_ms(until_ms_);
    warrant.mutable_scope()->set_sample_cases_max(sample_cases_max);
    ActivateWarrant(world_, warrant);
  }
  AskQuestionRequest Question(uint32_t number, const std::string& warrant) const {
    AskQuestionRequest request;
    request.set_question(number);
    request.set_warrant(warrant);
    request.set_from_ms(from_ms_);
    request.set_until_ms(until_ms_);
    return request;
  }
  DrawSampleRequest Sample(uint32_t size, const std::string& warrant) const {
    DrawSampleRequest request;
    request.set_size(size);
    request.set_warrant(warrant);
    request.set_from_ms(from_ms_);
    request.set_until_ms(until_ms_);
    return request;
  }
  // The reason, with the dimension; empty for OK.
  static std::string Refused(const WireAnswer& answer) {
    if (answer.code == grpc::StatusCode::OK) return "";
    const ErrorDetail detail = DetailOf(rpc::FromGrpc(grpc::Status(answer.code, answer.words, answer.details)));
    const auto dimension = detail.metadata.find("dimension");
    return std::string(RowOf(detail.reason).name) + (dimension == detail.metadata.end() ? "" : " " + dimension->second);
  }
  static std::vector<std::string> Cells(const inspection::v1::Row& row) { return {row.cells().begin(), row.cells().end()}; }
  static std::vector<std::string> CasesOf(const DrawSampleResponse& response) {
    std::vector<std::string> cases;
    for (const auto& row : response.table().rows()) cases.push_back(row.cells(1));
    return cases;
  }
  EntryParts EntryAt(uint64_t index) {
    const auto view = world_.broker().sequencer().View();
    const auto entry = ReadEntry(**view, index);
    EXPECT_EQ(entry.status(), absl::OkStatus());
    const std::vector<type::v1::Opening> openings(entry->openings.openings().begin(), entry->openings.openings().end());
    return *ReadParts(openings);
  }

  TestingBroker world_;
  const int64_t from_ms_ = absl::ToUnixMillis(world_.clock().Now()) - 3'600'000, until_ms_ = from_ms_ + 7'200'000;
};

TEST_F(QuestionApiTest, AQuestionIsAnEntryBeforeItsRowsAndItsPagesAreOfTheLogAsItWas) {
  for (const char* id : {"referral-1", "referral-2", "referral-3"}) Store(id, "anna");
  Activate("jtai-1", 0);
  AskQuestionRequest request = Question(17, "jtai-1");
  request.set_purpose("JTAI/2026/7");
  const auto counted = Only<AskQuestionResponse>(Ask("inspector/ines", request)).table();
  EXPECT_EQ(counted.rows(0).cells(1), "3") << "a statutory warrant shows small counts";
  EXPECT_EQ(counted.completeness(), "attested");
  EXPECT_EQ(counted.tree_size(), counted.query_index());
  const EntryParts entry = EntryAt(counted.query_index());
  EXPECT_EQ(entry.event->type(), type::v1::EVENT_TYPE_QUESTION_ASKED);
  EXPECT_EQ(entry.event->question(), 17u);
  EXPECT_EQ(entry.event->warrant(), "jtai-1");
  EXPECT_EQ(entry.event->purpose(), "JTAI/2026/7");
  EXPECT_EQ(entry.event->query_digest().size(), 32u);
  EXPECT_EQ(entry.actor->principal(), "inspector/ines");
  // An administrator has no statutory warrant.
  EXPECT_EQ(Only<AskQuestionResponse>(Ask("admin/alice", Question(17, ""))).table().rows_size(), 0);

  const auto sample = Only<DrawSampleResponse>(Draw("admin/alice", Sample(1, "")));
  request = AskQuestionRequest();
  request.set_question(22);
  request.set_warrant("jtai-1");
  request.set_case_pseudonym(*FromHex(CasesOf(sample).at(0)));
  request.set_page_size(1);
  auto page = Only<AskQuestionResponse>(Ask("inspector/ines", request));
  Store("referral-4", "anna");  // After the question.
  int rows = page.table().rows_size();
  while (!page.next_page_token().empty()) {
    request.set_page_token(page.next_page_token());
    EXPECT_EQ(Refused(Ask("inspector/omar", request)), "PAGE_TOKEN_INVALID");
    page = Only<AskQuestionResponse>(Ask("inspector/ines", request));
    EXPECT_EQ(page.table().rows_size(), 1);
    rows += page.table().rows_size();
  }
  EXPECT_EQ(rows, 3);
}

TEST_F(QuestionApiTest, WhatIsErasedBetweenTwoPagesIsOnNoPageAfterwards) {
  for (const char* id : {"referral-1", "referral-2", "referral-3"}) Store(id, "anna");
  const auto sample = Only<DrawSampleResponse>(Draw("admin/alice", Sample(1, "")));
  AskQuestionRequest request;
  request.set_question(22);
  request.set_case_pseudonym(*FromHex(CasesOf(sample).at(0)));
  const auto whole = Only<AskQuestionResponse>(Ask("admin/alice", request)).table();
  ASSERT_EQ(whole.rows_size(), 3);
  request.set_page_size(1);
  const auto first = Only<AskQuestionResponse>(Ask("admin/alice", request));
  EXPECT_EQ(Cells(first.table().rows(0)), Cells(whole.rows(0)));
  request.set_page_token(first.next_page_token());
  for (int turned = 0; turned < 2; ++turned) {
    EXPECT_EQ(Cells(Only<AskQuestionResponse>(Ask("admin/alice", request)).table().rows(0)), Cells(whole.rows(1)));
  }
  const auto cell = std::find_if(whole.rows(1).cells().begin(), whole.rows(1).cells().end(), [](const std::string& one) { return one.starts_with("referrals/"); });
  ASSERT_NE(cell, whole.rows(1).cells().end());
  admin::v1::Change change;
  change.mutable_erase()->set_header_digest(*FromHex(std::string_view(*cell).substr(std::string_view("referrals/").size())));
  change.mutable_erase()->set_ground(type::v1::ERASURE_GROUND_SUBJECT_REQUEST);
  change.mutable_erase()->set_authority("dpo:2026/17");
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  const auto after = Only<AskQuestionResponse>(Ask("admin/alice", request));
  ASSERT_EQ(after.table().rows_size(), 1);
  EXPECT_EQ(Cells(after.table().rows(0)), Cells(whole.rows(2)));
  EXPECT_EQ(after.table().referrals(), 2u);
}

// Under a warrant of agencies alone any area may be named: what is answered is of what its agencies had to do with these.
TEST_F(QuestionApiTest, TheAgenciesOfAnAreaThatIsNamedSeeThatSomebodyLooked) {
  admin::v1::Change change;
  auto& idva = *change.mutable_put_agency()->mutable_agency();
  idva = world_.broker().directory().Get()->FindAgency("idva")->agency;
  idva.add_areas("E08000012");
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  inspection::v1::Warrant warrant = StatutoryWarrant("jtai-1", world_.clock().Now());
  warrant.mutable_scope()->set_from_ms(from_ms_);
  warrant.mutable_scope()->set_until_ms(until_ms_);
  warrant.mutable_scope()->add_agencies("police");
  ActivateWarrant(world_, warrant);
  const auto looks = [&](const std::string& agency) {
    const auto seen = Only<inspection::v1::ListLooksResponse>(Call(agency, "inspection.v1.WarrantService", "ListLooks", inspection::v1::ListLooksRequest()));
    return seen.looks_size();
  };
  AskQuestionRequest request = Question(17, "jtai-1");
  EXPECT_EQ(Refused(Ask("inspector/ines", request)), "");
  EXPECT_EQ(looks("agency/police"), 1);
  EXPECT_EQ(looks("agency/idva"), 0);
  request.add_areas("E08000012");
  EXPECT_EQ(Refused(Ask("inspector/ines", request)), "");
  EXPECT_EQ(looks("agency/police"), 2);
  EXPECT_EQ(looks("agency/idva"), 1);
  DrawSampleRequest sample = Sample(1, "jtai-1");
  sample.add_areas("E08000012");
  EXPECT_EQ(Refused(Draw("inspector/ines", sample)), "");
  EXPECT_EQ(looks("agency/idva"), 2);
  EXPECT_EQ(looks("agency/housing"), 0);
}

// The trail, a question and a bundle of a whole case stand on its own chain, on none of its referrals'.
TEST_F(QuestionApiTest, WhoLookedAtAWholeCaseIsAmongThoseWhoViewedIt) {
  admin::v1::Change change;
  auto& police = *change.mutable_put_agency()->mutable_agency();
  police = world_.broker().directory().Get()->FindAgency("police")->agency;
  police.add_areas("E08000012");
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  for (const char* id : {"referral-1", "referral-2"}) Store(id, "anna");
  inspection::v1::Warrant warrant = StatutoryWarrant("jtai-1", world_.clock().Now());
  warrant.mutable_scope()->set_from_ms(from_ms_);
  warrant.mutable_scope()->set_until_ms(until_ms_);
  warrant.mutable_scope()->add_areas("E08000012");
  ActivateWarrant(world_, warrant);
  const std::string pseudonym = *FromHex(CasesOf(Only<DrawSampleResponse>(Draw("admin/alice", Sample(1, "")))).at(0));

  inspection::v1::QueryTrailRequest trail;
  trail.set_case_pseudonym(pseudonym);
  trail.set_warrant("jtai-1");
  trail.set_purpose("JTAI/2026/7");
  EXPECT_EQ(Refused(Call("inspector/ines", "inspection.v1.TrailService", "QueryTrail", trail)), "");
  AskQuestionRequest request;
  request.set_case_pseudonym(pseudonym);
  request.set_question(1);
  EXPECT_EQ(Refused(Ask("admin/alice", request)), "");
  inspection::v1::ExportBundleRequest bundle;
  bundle.add_case_pseudonyms(pseudonym);
  bundle.set_warrant("jtai-1");
  EXPECT_EQ(Refused(Call("inspector/omar", "inspection.v1.TrailService", "ExportBundle", bundle)), "");

  request.set_question(9);
  request.set_warrant("jtai-1");
  const auto viewed = Only<AskQuestionResponse>(Ask("inspector/ines", request)).table();
  std::vector<std::string> looks;
  for (const auto& row : viewed.rows()) looks.push_back(row.cells(1) + " " + row.cells(2) + " " + row.cells(5) + row.cells(7));
  EXPECT_THAT(looks, ::testing::ElementsAre("TRAIL_QUERIED inspector/ines JTAI/2026/7", "QUESTION_ASKED admin/alice ", "BUNDLE_EXPORTED inspector/omar "));
  // And they are no entries of the referrals besides.
  request.set_question(22);
  const auto chains = Only<AskQuestionResponse>(Ask("inspector/ines", request)).table();
  ASSERT_EQ(chains.rows_size(), 3);
  EXPECT_EQ(chains.rows(2).cells(2), "4") << "these three, and question 9";
}

TEST_F(QuestionApiTest, NoMoreThanTwoAreAnsweredAtATime) {
  Store("referral-1", "anna");
  const absl::Status first = OneTooMany<AskQuestionRequest, AskQuestionResponse>(
      world_, "admin/alice", kQuestionsAtOnceMax, Question(2, ""), [](auto& stub, auto& context, auto& request, auto& response, auto ended) { stub.AskQuestion(&context, &request, &response, ended); });
  ASSERT_TRUE(HasReason(first, Reason::kQueueFull)) << first;
  EXPECT_EQ(DetailOf(first).metadata.at(std::string(rpc::kRetryAfterKey)), "10000");
  EXPECT_EQ(Refused(Ask("admin/alice", Question(2, ""))), "");
}

// What a stratum has been drawn of is read from the record, so that two at a time would pass its bound.
TEST_F(QuestionApiTest, OneSampleIsDrawnAtATime) {
  Store("referral-1", "anna");
  const absl::Status first = OneTooMany<DrawSampleRequest, DrawSampleResponse>(
      world_, "admin/alice", kSamplesAtOnceMax, Sample(1, ""), [](auto& stub, auto& context, auto& request, auto& response, auto ended) { stub.DrawSample(&context, &request, &response, ended); });
  EXPECT_TRUE(HasReason(first, Reason::kQueueFull)) << first;
  for (int i = 0; i <= kSamplesAtOnceMax; ++i) EXPECT_EQ(Refused(Draw("admin/alice", Sample(1, ""))), "") << "each gives its place back";
}

TEST_F(QuestionApiTest, NobodyAsksWithoutAWarrantThatCoversIt) {
  Store("referral-1", "anna");
  Activate("jtai-1", 0);
  EXPECT_EQ(Refused(Ask("inspector/ines", Question(2, "jtai-1"))), "");
  EXPECT_EQ(Refused(Ask("inspector/ines", Question(2, ""))), "NOT_PERMITTED");
  EXPECT_EQ(Refused(Ask("inspector/ines", Question(2, "jtai-2"))), "WARRANT_NOT_FOUND");
  EXPECT_EQ(Refused(Ask("agency/police", Question(2, ""))), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(Refused(Ask("inspector/ines", Question(99, "jtai-1"))), "QUESTION_UNKNOWN");
  auto request = Question(2, "jtai-1");
  request.set_until_ms(until_ms_ + 1);
  EXPECT_EQ(Refused(Ask("inspector/ines", request)), "WARRANT_SCOPE period");
  request = Question(2, "jtai-1");
  request.set_days(2);
  EXPECT_EQ(Refused(Ask("inspector/ines", request)), "FIELD_INVALID");
  const auto listed = Only<inspection::v1::ListQuestionsResponse>(
      Call("inspector/ines", "inspection.v1.TrailService", "ListQuestions", inspection::v1::ListQuestionsRequest()));
  EXPECT_EQ(listed.questions_size(), 24);
}

TEST_F(QuestionApiTest, ASampleIsDrawnAgainFromItsSeedAndOpensWhatWasDrawn) {
  for (int i = 0; i < 30; ++i) Store(fmt::format("referral-{}", i), fmt::format("victim-{}", i));
  Activate("jtai-1", 2);
  const auto all = CasesOf(Only<DrawSampleResponse>(Draw("admin/alice", Sample(500, ""))));
  ASSERT_EQ(all.size(), 30u);
  AskQuestionRequest request;
  request.set_question(22);
  request.set_warrant("jtai-1");
  request.set_case_pseudonym(*FromHex(all[0]));
  EXPECT_EQ(Refused(Ask("inspector/ines", request)), "WARRANT_SCOPE case") << "before a sample is drawn nothing is covered";

  const auto drawn = Only<DrawSampleResponse>(Draw("inspector/ines", Sample(2, "jtai-1")));
  EXPECT_EQ(drawn.seed().size(), 16u);
  const EntryParts entry = EntryAt(drawn.query_index());
  EXPECT_EQ(entry.event->type(), type::v1::EVENT_TYPE_SAMPLE_DRAWN);
  EXPECT_EQ(entry.event->sample_seed(), drawn.seed());
  EXPECT_EQ(entry.event->tree_size(), drawn.tree_size());
  Store("referral-late", "emma");
  auto again = Sample(2, "jtai-1");
  again.set_seed(drawn.seed());
  again.set_tree_size(drawn.tree_size());
  const auto cases = CasesOf(drawn);
  EXPECT_EQ(CasesOf(Only<DrawSampleResponse>(Draw("inspector/ines", again))), cases);
  EXPECT_EQ(Refused(Draw("inspector/ines", Sample(3, "jtai-1"))), "WARRANT_SCOPE sample");

  for (const std::string& one : all) {
    request.set_case_pseudonym(*FromHex(one));
    const bool covered = std::find(cases.begin(), cases.end(), one) != cases.end();
    EXPECT_EQ(Refused(Ask("inspector/ines", request)), covered ? "" : "WARRANT_SCOPE case");
  }
}

// Who knows when a case was stored can not ask for it alone; who knows its pseudonym could try seeds until one draws it, if seeds were the caller's.
TEST_F(QuestionApiTest, NobodyChoosesWhatASampleOpens) {
  for (int i = 0; i < 20; ++i) Store(fmt::format("referral-{}", i), fmt::format("victim-{}", i));
  Activate("jtai-1", 2);
  const int64_t before_ms = absl::ToUnixMillis(world_.clock().Now());
  while (absl::ToUnixMillis(world_.clock().Now()) <= before_ms) {
  }
  Store("referral-known", "known");
  auto alone = Sample(1, "");
  alone.set_from_ms(before_ms + 1);
  const auto known = CasesOf(Only<DrawSampleResponse>(Draw("admin/alice", alone)));
  ASSERT_EQ(known.size(), 1u);
  alone.set_warrant("jtai-1");
  EXPECT_EQ(Refused(Draw("inspector/ines", alone)), "WARRANT_SCOPE sample");

  auto seeded = Sample(1, "jtai-1");
  seeded.set_seed(std::string(16, 's'));
  EXPECT_EQ(Refused(Draw("inspector/ines", seeded)), "FIELD_INVALID");
  AskQuestionRequest request;
  request.set_question(22);
  request.set_warrant("jtai-1");
  request.set_case_pseudonym(*FromHex(known[0]));
  EXPECT_EQ(Refused(Ask("inspector/ines", request)), "WARRANT_SCOPE case");
}

TEST_F(QuestionApiTest, WithoutIdentitiesASampleHasNeitherPseudonymsNorTheSeedThatTellsThem) {
  Store("referral-1", "anna");
  inspection::v1::Warrant warrant = StatutoryWarrant("panel-1", world_.clock().Now());
  warrant.set_kind(inspection::v1::WARRANT_KIND_SCRUTINY_PANEL);
  warrant.mutable_scope()->set_from_ms(from_ms_);
  warrant.mutable_scope()->set_until_ms(until_ms_);
  ActivateWarrant(world_, warrant);
  const auto drawn = Only<DrawSampleResponse>(Draw("inspector/ines", Sample(1, "panel-1")));
  EXPECT_EQ(CasesOf(drawn), std::vector<std::string>{""});
  EXPECT_EQ(drawn.seed(), "");
  EXPECT_EQ(EntryAt(drawn.query_index()).event->sample_seed().size(), 16u) << "an administrator draws it again";
}

TEST_F(QuestionApiTest, ASampleOfAGradeIsDrawnAgainFromItsSeedAndIsAnotherRequest) {
  for (const char* victim : {"anna", "beth", "cara"}) Store(std::string("referral-") + victim, victim);
  auto request = Sample(2, "");
  request.add_grades(type::v1::RISK_GRADE_HIGH);
  const auto drawn = Only<DrawSampleResponse>(Draw("admin/alice", request));
  EXPECT_EQ(drawn.table().rows_size(), 2);
  Store("referral-late", "emma");
  request.set_seed(drawn.seed());
  request.set_tree_size(drawn.tree_size());
  const auto again = Only<DrawSampleResponse>(Draw("admin/alice", request));
  EXPECT_EQ(CasesOf(again), CasesOf(drawn));
  request.set_grades(0, type::v1::RISK_GRADE_STANDARD);
  const auto other = Only<DrawSampleResponse>(Draw("admin/alice", request));
  EXPECT_EQ(other.table().rows_size(), 0);
  EXPECT_NE(EntryAt(other.query_index()).event->query_digest(), EntryAt(again.query_index()).event->query_digest());
  request.add_age_bands(type::v1::AGE_BAND_UNBORN);
  const auto bands = Only<DrawSampleResponse>(Draw("admin/alice", request));
  EXPECT_NE(EntryAt(bands.query_index()).event->query_digest(), EntryAt(other.query_index()).event->query_digest());
}

}  // namespace
}  // namespace accord::broker::question_api_test
