// Case history over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: a party is told what it may know and the asking is on the record first; a recipient is delivered it when a route lets it have
// case history, and not otherwise; a hearing and a recall count; a grade below its own score is refused, at the broker too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accord/broker/v1/case_service.grpc.pb.h"
#include "common/base/status.h"
#include "services/broker/api/testing_mailbox.h"

namespace accord::broker::case_history_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CaseHistoryApiTest : public MailboxTest {
 protected:
  // An event of now, on its own day.
  std::string Event(const std::string& request_id, std::function<void(HeaderCore&)> alter = nullptr) {
    clock_.Advance(absl::Hours(24));
    const int64_t now_ms = absl::ToUnixMillis(clock_.Now());
    return Stored({.request_id = request_id, .recipients = {"idva"}, .alter = [=](referral::HeaderParts& parts) {
                     parts.core.mutable_happened()->set_earliest_ms(now_ms);
                     parts.core.mutable_happened()->set_latest_ms(now_ms);
                     if (alter) alter(parts.core);
                   }});
  }
  absl::StatusOr<v1::CaseHistory> Ask(const std::string& agency, const std::string& digest, int64_t as_at_ms = 0, CaseTime time = CASE_TIME_UNSPECIFIED) {
    const auto stub = v1::CaseService::NewStub(world_.Channel("agency/" + agency));
    v1::GetCaseHistoryRequest request;
    request.set_name(referral::ReferralName(digest));
    request.set_as_at_ms(as_at_ms);
    request.set_time(time);
    const auto response = rpc::CallUnary(*stub, &v1::CaseService::Stub::GetCaseHistory, request, kTestTimeout);
    if (!response.ok()) return response.status();
    return response->history();
  }
  uint64_t TreeSize() { return (*world_.broker().sequencer().View())->ledger().size(); }
};

TEST_F(CaseHistoryApiTest, APartyIsToldAndTheAskingIsOnTheRecord) {
  Event("event-0001");
  Event("event-0002");
  const std::string last = Event("event-0003");
  const uint64_t before = TreeSize();
  const auto police = Ask("police", last);
  ASSERT_EQ(police.status(), absl::OkStatus());
  EXPECT_EQ(TreeSize(), before + 1);
  EXPECT_THAT(police->flags(), ElementsAre(CASE_FLAG_ESCALATION));
  EXPECT_EQ(police->events_at_least(), 3u);
  EXPECT_EQ(police->rules_version(), "cases-1");
  EXPECT_TRUE(HasReason(Ask("idva", last).status(), Reason::kNotPermitted)) << "not released to it yet";
  EXPECT_TRUE(HasReason(Ask("housing", last).status(), Reason::kNotPermitted)) << "no party to it";
  EXPECT_TRUE(HasReason(Ask("police", std::string(32, 'x')).status(), Reason::kNotPermitted));
  EXPECT_TRUE(HasReason(Ask("police", last, -1).status(), Reason::kFieldInvalid));
  const auto then = Ask("police", last, absl::ToUnixMillis(clock_.Now() - absl::Hours(24)), CASE_TIME_HAPPENED);
  ASSERT_EQ(then.status(), absl::OkStatus());
  EXPECT_EQ(then->events_at_least(), 2u);
  ASSERT_EQ(Recall("recall-0001", last), absl::OkStatus());
  EXPECT_EQ(Ask("police", last)->events_at_least(), 2u) << "a recalled one does not count";
}

TEST_F(CaseHistoryApiTest, ItIsDeliveredWhereARouteLetsItBe) {
  Event("event-0001");
  const v1::Delivery plain = CollectOne("idva");
  EXPECT_FALSE(plain.referral().has_case_history());
  Ack("idva", plain.delivery_id());
  ASSERT_EQ(world_.PutAgreement("2", R"("identity", "risk", "narrative", "case_history")"), absl::OkStatus());
  Event("event-0002");
  const v1::Delivery told = CollectOne("idva");
  ASSERT_TRUE(told.referral().has_case_history());
  EXPECT_EQ(told.referral().case_history().events_at_least(), 2u);
  EXPECT_THAT(told.referral().case_history().flags(), IsEmpty());
  Ack("idva", told.delivery_id());
  // Of nothing it has the same shape.
  const std::string other = Stored({.request_id = "request-other", .recipients = {"idva"}, .victim = "nobody-else"});
  const v1::Delivery alone = CollectOne("idva");
  ASSERT_TRUE(alone.referral().has_case_history());
  EXPECT_EQ(alone.referral().case_history().rules_version(), "cases-1");
}

TEST_F(CaseHistoryApiTest, AGradeBelowItsOwnScoreIsRefused) {
  const auto graded = [](RiskGrade grade, uint32_t score) {
    return [=](referral::HeaderParts& parts) {
      parts.core.mutable_risk()->set_instrument(INSTRUMENT_SAFELIVES_DASH_RIC);
      parts.core.mutable_risk()->set_score(score);
      parts.core.mutable_risk()->set_grade(grade);
    };
  };
  const auto submit = [&](const std::string& request_id, RiskGrade grade, uint32_t score) {
    return rpc::CallUnary(*referrals_["police"], &v1::ReferralService::Stub::SubmitReferral,
                          MakeSubmission(world_, {.request_id = request_id, .victim = request_id, .alter = graded(grade, score)}), kTestTimeout)
        .status();
  };
  EXPECT_TRUE(HasReason(submit("graded-0001", RISK_GRADE_MEDIUM, 14), Reason::kRiskLowered));
  EXPECT_EQ(submit("graded-0002", RISK_GRADE_MEDIUM, 13), absl::OkStatus());
  EXPECT_EQ(submit("graded-0003", RISK_GRADE_HIGH, 3), absl::OkStatus()) << "judgement may raise";
}

}  // namespace
}  // namespace accord::broker::case_history_api_test
