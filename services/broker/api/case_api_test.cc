// Pairs of cases that may be one, over the wire. Goal: an agency that holds both is told by a notice, lists and answers the pair, and
// gets a receipt; one that does not hears as little as of a pair that there is none of; several people of one referral are several cases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "accord/broker/v1/case_service.grpc.pb.h"
#include "services/broker/api/testing_change.h"
#include "services/broker/cases/case_linker.h"

namespace accord::broker::case_api_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CaseApiTest : public ChangeApiTest {
 protected:
  // With a weak token of both people beside the strong ones.
  static TestingReferral Weakly(const std::string& request_id, const std::string& victim, std::vector<std::string> recipients) {
    TestingReferral spec = {.request_id = request_id, .recipients = std::move(recipients)};
    spec.victim = victim;
    spec.perpetrator = "bob";
    spec.alter = [](referral::HeaderParts& parts) {
      for (auto& subject : parts.subjects) {
        if (subject.tokens().empty()) continue;
        SubjectToken weak = subject.tokens(0);
        weak.set_strong(false);
        weak.set_token(std::string(31, 'w') + static_cast<char>('0' + subject.role()));
        *subject.add_tokens() = weak;
      }
    };
    return spec;
  }
  std::vector<v1::LinkProposal> List(const std::string& agency) {
    const auto stub = v1::CaseService::NewStub(world_.Channel("agency/" + agency));
    const auto response = rpc::CallUnary(*stub, &v1::CaseService::Stub::ListLinkProposals, v1::ListLinkProposalsRequest(), kTestTimeout);
    EXPECT_EQ(response.status(), absl::OkStatus());
    return {response->proposals().begin(), response->proposals().end()};
  }
  absl::StatusOr<v1::AnswerLinkProposalResponse> Answer(const std::string& agency, const std::string& link, LinkAnswer answer) {
    const auto stub = v1::CaseService::NewStub(world_.Channel("agency/" + agency));
    v1::AnswerLinkProposalRequest request;
    request.set_request_id(fmt::format("link-answer-{:04}", ++link_answers_));
    request.set_name(link);
    request.set_answer(answer);
    request.mutable_worker()->set_pseudonym("worker-1");
    request.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
    request.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    return rpc::CallUnary(*stub, &v1::CaseService::Stub::AnswerLinkProposal, request, kTestTimeout);
  }

  int link_answers_ = 0;
};

TEST_F(CaseApiTest, WhoHoldsBothIsToldAndAnswers) {
  const Sent first = Send(Weakly("referral-1", "anna", {"idva", "housing"}));
  const Sent second = Send(Weakly("referral-2", "anne", {"idva"}));
  auto notice = Take("police").notice();
  EXPECT_EQ(notice.kind(), NOTICE_KIND_LINK_PROPOSED) << "it sent both";
  EXPECT_EQ(notice.header_digest(), second.digest);
  EXPECT_THAT(List("idva"), IsEmpty()) << "nothing was released to it";
  EXPECT_TRUE(Take("idva").has_referral());
  EXPECT_TRUE(Take("idva").has_referral());
  notice = Take("idva").notice();
  EXPECT_EQ(notice.kind(), NOTICE_KIND_LINK_PROPOSED);
  EXPECT_TRUE(Take("housing").has_referral());
  EXPECT_THAT(List("housing"), IsEmpty()) << "it holds one";

  const auto listed = List("idva");
  ASSERT_THAT(listed, SizeIs(1));
  EXPECT_EQ(listed[0].name(), notice.link());
  EXPECT_EQ(listed[0].strength(), MATCH_STRENGTH_STRONG_AND_WEAK);
  EXPECT_THAT(listed[0].one(), ElementsAre(referral::ReferralName(first.digest)));
  EXPECT_THAT(listed[0].other(), ElementsAre(referral::ReferralName(second.digest)));
  EXPECT_EQ(listed[0].answer(), LINK_ANSWER_UNSPECIFIED);

  const auto unknown = Answer("idva", "links/999999", LINK_ANSWER_CONFIRMED), foreign = Answer("housing", notice.link(), LINK_ANSWER_CONFIRMED);
  EXPECT_TRUE(HasReason(unknown.status(), Reason::kLinkNotFound)) << unknown.status();
  EXPECT_TRUE(HasReason(foreign.status(), Reason::kLinkNotFound)) << foreign.status();
  EXPECT_EQ(unknown.status().message(), foreign.status().message());
  const auto answered = Answer("idva", notice.link(), LINK_ANSWER_CONFIRMED);
  ASSERT_EQ(answered.status(), absl::OkStatus());
  EntryEvent event;
  for (const auto& opening : answered->receipt().openings()) {
    if (opening.label() != "event") continue;
    EXPECT_TRUE(event.ParseFromString(opening.content()));
  }
  EXPECT_EQ(event.type(), EVENT_TYPE_LINK_ANSWERED);
  EXPECT_EQ(event.link_answer(), LINK_ANSWER_CONFIRMED);
  EXPECT_EQ(List("police")[0].answered_by(), "idva");
  EXPECT_EQ(Answer("police", notice.link(), LINK_ANSWER_UNDONE).status(), absl::OkStatus());
  EXPECT_TRUE(HasReason(Answer("police", notice.link(), LINK_ANSWER_UNDONE).status(), Reason::kTransitionIllegal));
}

TEST_F(CaseApiTest, FourPerpetratorsAreFourCasesEachOfWhichLeadsToTheReferral) {
  TestingReferral spec = {.request_id = "referral-many", .recipients = {"idva"}};
  spec.alter = [](referral::HeaderParts& parts) {
    const auto perpetrator = *std::find_if(parts.subjects.begin(), parts.subjects.end(),
                                           [](const auto& subject) { return subject.role() == SUBJECT_ROLE_ALLEGED_PERPETRATOR; });
    for (char c = 'b'; c <= 'd'; ++c) {
      auto& another = parts.subjects.emplace_back(perpetrator);
      another.set_subject_id(std::string(16, c));
      another.mutable_tokens(0)->set_token(std::string(32, c));
    }
  };
  const Sent sent = Send(spec);
  EXPECT_TRUE(Take("idva").has_referral());
  std::vector<std::string> cases;
  const auto view = *world_.broker().sequencer().View();
  ASSERT_EQ(view->Scan(kFamilyCase, {}, [&](std::string_view key, std::string_view) { return cases.emplace_back(key), true; }), absl::OkStatus());
  EXPECT_THAT(cases, SizeIs(4));
  for (const std::string& pseudonym : cases) {
    EXPECT_EQ(view->Get(kFamilyCaseReferral, CaseReferralKey(pseudonym, 0))->value_or(""), sent.digest);
    EXPECT_TRUE(view->Get(kFamilyChain, pseudonym)->has_value()) << "every case has an entry";
  }
  EXPECT_EQ(Get("police", sent.digest).status(), absl::OkStatus()) << "reading is an entry on as many chains as there is room for";
}

}  // namespace
}  // namespace accord::broker::case_api_test
