// Checks and changes of a grade over the wire: a whole broker with TLS, a real store and a real log, and a clock that the test moves. What
// each may say and when is tested over commands (admission/checks_test.cc); here, that it is served, recorded and delivered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/broker/api/testing_change.h"

namespace accord::broker::checks_api_test {
namespace {

class ChecksApiTest : public ChangeApiTest {
 protected:
  ChecksApiTest() : ChangeApiTest(&Clock()) {}
  static FakeClock& Clock() {
    static FakeClock clock(SystemClock().Now());
    return clock;
  }
  static TestingReferral Check(const std::string& request_id, RiskGrade grade = RISK_GRADE_HIGH) {
    TestingReferral spec = {.request_id = request_id, .recipients = {"idva", "childrens"}, .grade = grade};
    spec.alter = [](referral::HeaderParts& parts) {
      if (parts.core.type() != REFERRAL_TYPE_CORRECTION) parts.core.set_type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
      parts.core.set_checks(true);
    };
    return spec;
  }
  v1::RecipientStatus StatusOf(const std::string& digest, const std::string& agency) {
    const auto referral = Get("police", digest);
    EXPECT_EQ(referral.status(), absl::OkStatus());
    for (const auto& row : referral->recipients()) {
      if (row.agency() == agency) return row;
    }
    return {};
  }
  absl::StatusOr<v1::RegradeReferralResponse> Regrade(const std::string& digest, RiskGrade grade, const std::string& request_id,
                                                      const std::string& previous = "", const std::string& supervisor = "") {
    Statement statement = Word("police", STATEMENT_KIND_REGRADED, request_id, digest, previous);
    statement.mutable_regraded()->set_grade(grade);
    statement.mutable_regraded()->set_change_reason(RISK_CHANGE_REASON_CHECKS);
    statement.mutable_regraded()->set_supervisor(supervisor);
    v1::RegradeReferralRequest request;
    request.set_request_id(request_id);
    *request.mutable_statement() = Sign(statement);
    return rpc::CallUnary(Stub("police"), &v1::ReferralService::Stub::RegradeReferral, request, kTestTimeout);
  }
};

TEST_F(ChecksApiTest, WhoeverAskedIsToldAnswersAsTheyComeAndTheFiguresWhenTheyAreDue) {
  const Sent sent = Send(Check("checks-001"));
  EXPECT_EQ(StatusOf(sent.digest, "childrens").response_due_ms(), absl::ToUnixMillis(Clock().Now() + absl::Hours(24)));
  ASSERT_TRUE(Take("idva").has_referral());
  const auto opened = Respond(Word("idva", STATEMENT_KIND_OPENED, "idva-0001", sent.digest, ""));
  ASSERT_EQ(opened.status(), absl::OkStatus());
  Take("police");
  Statement answer = Word("idva", STATEMENT_KIND_CHECK_ANSWERED, "idva-0002", sent.digest, opened->statement_digest());
  answer.set_check_answer(CHECK_ANSWER_KNOWN_WITHHELD);
  answer.set_check_withheld_reason(NOT_SHARED_REASON_NOT_PROPORTIONATE);
  const auto answered = Respond(answer);
  ASSERT_EQ(answered.status(), absl::OkStatus());
  EXPECT_EQ(answered->state(), REFERRAL_STATE_ANSWERED);
  const auto told = referral::ParseStatement(Take("police").statement());
  ASSERT_EQ(told.status(), absl::OkStatus());
  EXPECT_EQ(told->check_withheld_reason(), NOT_SHARED_REASON_NOT_PROPORTIONATE);
  EXPECT_EQ(StatusOf(sent.digest, "idva").check_answer(), CHECK_ANSWER_KNOWN_WITHHELD);

  // A restart loses nothing of it.
  world_.Stop();
  world_.Start();
  Connect();
  Clock().Advance(absl::Hours(24));
  const v1::Delivery due = Take("police");
  ASSERT_TRUE(due.has_notice());
  EXPECT_EQ(due.notice().kind(), NOTICE_KIND_CHECKS_DUE);
  EXPECT_EQ(due.notice().header_digest(), sent.digest);
  EXPECT_EQ(due.notice().asked(), 2u);
  EXPECT_EQ(due.notice().answered(), 1u);
}

TEST_F(ChecksApiTest, AChangeOfTheGradeIsAnsweredWithTheNewTimesAndToldToWhoHoldsIt) {
  const Sent sent = Send(Check("checks-001", RISK_GRADE_STANDARD));
  ASSERT_TRUE(Take("idva").has_referral());
  const auto regraded = Regrade(sent.digest, RISK_GRADE_HIGH, "regrade-1");
  ASSERT_EQ(regraded.status(), absl::OkStatus());
  ASSERT_EQ(regraded->recipients_size(), 2);
  for (const auto& row : regraded->recipients()) EXPECT_EQ(row.response_due_ms(), absl::ToUnixMillis(Clock().Now() + absl::Hours(24))) << row.agency();
  EXPECT_FALSE(regraded->receipt().tlog_proof().empty());
  const v1::Delivery word = Take("idva");
  ASSERT_TRUE(word.has_statement());
  EXPECT_EQ(word.lane(), LANE_HIGH);
  EXPECT_EQ(word.answer_due_ms(), 0);
  EXPECT_EQ(referral::ParseStatement(word.statement())->regraded().grade(), RISK_GRADE_HIGH);
  EXPECT_EQ(Take("childrens").lane(), LANE_HIGH) << "the copy that waited";
  // Asked again: its first answer; and down again only with a word.
  EXPECT_EQ(Regrade(sent.digest, RISK_GRADE_HIGH, "regrade-1")->index(), regraded->index());
  const auto lowered = Regrade(sent.digest, RISK_GRADE_MEDIUM, "regrade-2", regraded->statement_digest());
  EXPECT_TRUE(HasReason(lowered.status(), Reason::kRiskLowered)) << lowered.status();
  EXPECT_EQ(Regrade(sent.digest, RISK_GRADE_MEDIUM, "regrade-3", regraded->statement_digest(), "supervisor-1").status(), absl::OkStatus());
}

TEST_F(ChecksApiTest, ACheckIsCorrectedByACheckAlone) {
  const Sent sent = Send(Check("checks-001"));
  const TestingReferral other = {.request_id = "other-001", .recipients = {"idva"}};
  EXPECT_TRUE(HasReason(Correct(MakeCorrection(sent.digest, other, false)).status(), Reason::kFieldInvalid));
  const auto corrected = Correct(MakeCorrection(sent.digest, Check("checks-002"), false));
  ASSERT_EQ(corrected.status(), absl::OkStatus());
  const std::string digest = corrected->stored().header_digest();
  EXPECT_EQ(StatusOf(digest, "idva").response_due_ms(), absl::ToUnixMillis(Clock().Now() + absl::Hours(24))) << "of what it corrects";
}

}  // namespace
}  // namespace accord::broker::checks_api_test
