// A check at both ends of an agency's service: the table of who asked, what whoever is asked may say, and a grade that changes meanwhile.
#include "common/agent/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/agent/outbox_recipients.h"
#include "common/agent/testing_service.h"
#include "common/agent/today.h"
#include "common/referral/referral_name.h"

namespace accord::agent::checks_test {
namespace {

using namespace type::v1;  // NOLINT
using agency::v1::GetChecksResponse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Status kAway = Error(Reason::kBrokerUnreachable, "no answer");

class ChecksTest : public AgentTest {
 protected:
  static Draft Check(const std::string& request_id = "request-1") {
    Draft draft = SomeDraft(request_id);
    draft.core.set_type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
    draft.core.set_checks(true);
    draft.core.mutable_risk()->set_grade(RISK_GRADE_HIGH);
    return draft;
  }
  broker::v1::RecipientStatus Recipient(const std::string& agency, absl::Duration response) {
    broker::v1::RecipientStatus row;
    row.set_agency(agency);
    row.set_state(REFERRAL_STATE_STORED);
    row.set_response_due_ms(absl::ToUnixMillis(clock.Now() + response));
    return row;
  }
  // Police asked five agencies, who have a day, and health two.
  std::string Asked() {
    for (const char* agency : {"idva", "childrens", "housing", "probation"}) broker.recipients.push_back(Recipient(agency, absl::Hours(24)));
    broker.recipients.push_back(Recipient("health", absl::Hours(48)));
    SignWithKnownCertificate();
    EXPECT_TRUE(police.outbox->Push(Check()).ok());
    police.Settle();
    EXPECT_EQ(police.State(), agency::v1::SUBMISSION_STATE_SETTLED);
    return police.outbox->Get("request-1")->header_digest();
  }
  void Says(const std::string& agency, CheckAnswer answer, NotSharedReason reason = NOT_SHARED_REASON_UNSPECIFIED) {
    Statement statement;
    statement.set_agency(agency);
    statement.set_kind(STATEMENT_KIND_CHECK_ANSWERED);
    *statement.mutable_worker() = SomeWorker();
    statement.set_acted_at_ms(absl::ToUnixMillis(clock.Now()));
    statement.set_check_answer(answer);
    statement.set_check_withheld_reason(reason);
    EXPECT_EQ(police.outbox->AddStatement(police.outbox->Get("request-1")->header_digest(), statement), absl::OkStatus());
  }
  GetChecksResponse Table(const ChecksResponses& responses = {}) { return MakeChecks(*police.outbox->Get("request-1"), responses, clock.Now()); }
  static std::vector<std::string> Answers(const GetChecksResponse& table) {
    std::vector<std::string> rows;
    for (const auto& row : table.rows()) rows.push_back(row.agency() + " " + CheckAnswer_Name(row.answer()).substr(13));
    return rows;
  }
  std::vector<agency::v1::TodayItem> Today(Service& of) {
    return MakeToday(*of.inbox->WaitingEntries(), *of.outbox->Concerns(clock.Now()), clock.Now());
  }
  // The check arrives at the Idva; its digest.
  std::string Arrives(Draft draft) {
    SignWithKnownCertificate();
    EXPECT_TRUE(police.outbox->Push(std::move(draft)).ok());
    police.Settle();
    auto delivery = DeliveryFor(idva);
    delivery.mutable_referral()->set_response_due_ms(absl::ToUnixMillis(clock.Now() + absl::Hours(24)));
    EXPECT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
    return referral::DigestOf(delivery.referral().header());
  }
  absl::StatusOr<InboxEntry> Act(const std::string& digest, StatementKind kind, const std::function<void(Statement&)>& fill = nullptr) {
    return idva.inbox->Act("act-" + std::to_string(1000 + ++acts_), digest, SomeWorker(), kind, [&](Statement& statement) {
      if (fill) fill(statement);
    });
  }
  absl::StatusOr<storage::v1::StoredSubmission> Regrade(RiskGrade grade, const std::string& request_id = "regrade-1") {
    Statement asked;
    asked.set_request_id(request_id);
    *asked.mutable_worker() = SomeWorker();
    asked.set_kind(STATEMENT_KIND_REGRADED);
    asked.mutable_regraded()->set_grade(grade);
    asked.mutable_regraded()->set_change_reason(RISK_CHANGE_REASON_CHECKS);
    asked.mutable_regraded()->set_supervisor("supervisor-1");
    return police.outbox->Act("request-1", asked, nullptr);
  }

  int acts_ = 0;
};

// ---------------------------------------------------------------- the table

TEST_F(ChecksTest, TheTableHasWhoAnsweredWhatAndWhoHasNot) {
  Asked();
  auto table = Table();
  EXPECT_THAT(Answers(table), ElementsAre("childrens UNSPECIFIED", "health UNSPECIFIED", "housing UNSPECIFIED", "idva UNSPECIFIED",
                                          "probation UNSPECIFIED"));
  EXPECT_EQ(table.answered(), 0u);
  EXPECT_EQ(table.due_at_ms(), absl::ToUnixMillis(clock.Now() + absl::Hours(24)));
  EXPECT_EQ(table.grade(), RISK_GRADE_HIGH);
  const absl::Time asked = clock.Now();
  clock.Advance(absl::Hours(1));
  Says("idva", CHECK_ANSWER_KNOWN);
  Says("childrens", CHECK_ANSWER_NOT_KNOWN);
  Says("housing", CHECK_ANSWER_KNOWN_WITHHELD, NOT_SHARED_REASON_NOT_PROPORTIONATE);
  table = Table({{"idva", {"referrals/aa", "referrals/bb"}}});
  EXPECT_THAT(Answers(table), ElementsAre("childrens NOT_KNOWN", "health UNSPECIFIED", "housing KNOWN_WITHHELD", "idva KNOWN", "probation UNSPECIFIED"));
  EXPECT_EQ(table.answered(), 3u) << "nil returns count";
  EXPECT_EQ(table.rows(2).withheld_reason(), NOT_SHARED_REASON_NOT_PROPORTIONATE);
  EXPECT_EQ(table.rows(2).answered_at_ms(), absl::ToUnixMillis(asked + absl::Hours(1)));
  EXPECT_EQ(table.rows(2).due_at_ms(), 0);
  EXPECT_EQ(table.rows(2).state(), REFERRAL_STATE_ANSWERED);
  EXPECT_THAT(table.rows(3).responses(), ElementsAre("referrals/aa", "referrals/bb"));
  EXPECT_THAT(table.rows(0).responses(), IsEmpty());
  // What is known may change: the newest answer counts, and counts once.
  Says("childrens", CHECK_ANSWER_KNOWN);
  EXPECT_EQ(Table().rows(0).answer(), CHECK_ANSWER_KNOWN);
  EXPECT_EQ(Table().answered(), 3u);
}

TEST_F(ChecksTest, HowRecipientsStandIsAskedOfTheBrokerUntilAllHaveAnswered) {
  Asked();
  const auto fresh = [&] { return MakeChecks(*police.outbox->GetFresh("request-1"), {}, clock.Now()); };
  EXPECT_EQ(fresh().rows(3).state(), REFERRAL_STATE_STORED);
  broker.recipients[0].set_state(REFERRAL_STATE_DELIVERED);  // Of which nobody tells its sender.
  EXPECT_EQ(fresh().rows(3).state(), REFERRAL_STATE_STORED) << "asked a moment ago";
  clock.Advance(kRecipientsAskedEvery);
  EXPECT_EQ(fresh().rows(3).state(), REFERRAL_STATE_DELIVERED);
  clock.Advance(kRecipientsAskedEvery);
  broker.away = kAway;
  EXPECT_EQ(fresh().rows(3).state(), REFERRAL_STATE_DELIVERED) << "what stood before";
  broker.away = absl::OkStatus();
  for (auto& row : broker.recipients) row.set_check_answer(CHECK_ANSWER_NOT_KNOWN);
  EXPECT_EQ(fresh().answered(), 5u);
  clock.Advance(kRecipientsAskedEvery);
  const int asked = broker.referrals_asked;
  EXPECT_EQ(fresh().answered(), 5u);
  EXPECT_EQ(broker.referrals_asked, asked) << "each is an entry";
}

TEST_F(ChecksTest, AtItsTimeItIsThePartialPicture) {
  Asked();
  Says("idva", CHECK_ANSWER_NOT_KNOWN);
  clock.Advance(absl::Hours(24) - absl::Milliseconds(1));
  EXPECT_FALSE(Table().due());
  clock.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(Table().due());
  EXPECT_EQ(Table().answered(), 1u);
  for (const char* agency : {"childrens", "housing", "probation"}) Says(agency, CHECK_ANSWER_NOT_KNOWN);
  EXPECT_FALSE(Table().due()) << "health has another day";
  EXPECT_EQ(Table().due_at_ms(), absl::ToUnixMillis(clock.Now() + absl::Hours(24)));
  Says("health", CHECK_ANSWER_KNOWN);
  EXPECT_EQ(Table().due_at_ms(), 0);
  EXPECT_EQ(Table().answered(), 5u);
}

TEST_F(ChecksTest, BeforeTheBrokerHasItTheTableSaysWhomItGoesTo) {
  broker.away = kAway;
  ASSERT_TRUE(police.outbox->Push(Check()).ok());
  police.Settle();
  EXPECT_THAT(Answers(Table()), ElementsAre("idva UNSPECIFIED"));
  EXPECT_EQ(Table().due_at_ms(), 0);
}

TEST_F(ChecksTest, WhatIsReceivedInAnswerIsNotedOnceAndOfChecksAlone) {
  const std::string digest = Asked();
  const std::string response(32, 'r');
  EXPECT_EQ(police.outbox->AddResponse(digest, response), absl::OkStatus());
  EXPECT_EQ(police.outbox->AddResponse(digest, response), absl::OkStatus());
  EXPECT_EQ(police.outbox->AddResponse(std::string(32, 'x'), response), absl::OkStatus()) << "none of ours";
  police.Restart();
  EXPECT_THAT(police.outbox->Get("request-1")->responses(), ElementsAre(response));
  for (int i = 0; i <= kResponsesMax; ++i) {
    EXPECT_EQ(police.outbox->AddResponse(digest, std::string(31, 'r') + static_cast<char>(i % 200) + std::string(1, static_cast<char>(i / 200))), absl::OkStatus());
  }
  EXPECT_EQ(police.outbox->Get("request-1")->responses_size(), kResponsesMax);
  broker.recipients.clear();
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-2")).ok());
  police.Settle();
  EXPECT_EQ(police.outbox->AddResponse(police.outbox->Get("request-2")->header_digest(), response), absl::OkStatus());
  EXPECT_THAT(police.outbox->Get("request-2")->responses(), IsEmpty()) << "no check";
}

TEST_F(ChecksTest, AReferralThatFollowsOurCheckIsAResponseToIt) {
  const std::string check = Asked();
  broker.recipients.clear();
  const auto issued = authority.IssueSigning("idva");
  idva.keys.signing_key = issued.signing_key();
  broker.certificates["police"] = police.keys.sealing_certificate.der();
  Draft draft = SomeDraft("response-1");
  draft.core.set_type(REFERRAL_TYPE_RESPONSE);
  draft.core.set_caused_by(check);
  draft.recipients = {"police"};
  ASSERT_TRUE(idva.outbox->Push(draft).ok());
  idva.Settle();
  auto delivery = DeliveryFor(police);
  delivery.mutable_referral()->set_sender_certificate(issued.certificate.der());
  ASSERT_EQ(police.inbox->Receive(delivery), absl::OkStatus());
  EXPECT_THAT(police.outbox->Get("request-1")->responses(), ElementsAre(referral::DigestOf(delivery.referral().header())));
}

// ---------------------------------------------------------------- what whoever is asked says

TEST_F(ChecksTest, ACheckIsAnsweredAndSaidAgainUntilTheBrokerHasIt) {
  const std::string digest = Arrives(Check());
  const auto known = [](Statement& statement) { statement.set_check_answer(CHECK_ANSWER_KNOWN); };
  EXPECT_TRUE(HasReason(Act(digest, STATEMENT_KIND_CHECK_ANSWERED, known).status(), Reason::kTransitionIllegal)) << "nobody has read it";
  ASSERT_TRUE(idva.inbox->Read("read-0001", digest, SomeWorker()).ok());
  EXPECT_TRUE(HasReason(Act(digest, STATEMENT_KIND_ACCEPTED).status(), Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(Act(digest, STATEMENT_KIND_DECLINED, [](Statement& s) { s.set_decline_reason(DECLINE_REASON_NO_CAPACITY); }).status(),
                        Reason::kTransitionIllegal));
  auto today = Today(idva);
  ASSERT_THAT(today, SizeIs(1));
  EXPECT_EQ(today[0].kind(), agency::v1::TODAY_KIND_TO_ANSWER);
  EXPECT_THAT(today[0].words(), HasSubstr("High-risk check from police"));
  EXPECT_THAT(today[0].words(), HasSubstr("known, not known, or known and withheld"));
  broker.away = kAway;
  EXPECT_TRUE(HasReason(Act(digest, STATEMENT_KIND_CHECK_ANSWERED, known).status(), Reason::kBrokerUnreachable));
  idva.Restart();
  broker.away = absl::OkStatus();
  idva.inbox->ResendPending();
  ASSERT_FALSE(broker.statements.empty());
  EXPECT_EQ(broker.statements.back().check_answer(), CHECK_ANSWER_KNOWN);
  EXPECT_EQ(idva.inbox->Get(digest)->stored.state(), REFERRAL_STATE_ANSWERED);
  EXPECT_THAT(Today(idva), IsEmpty());
  EXPECT_TRUE(Act(digest, STATEMENT_KIND_CHECK_ANSWERED, [](Statement& s) { s.set_check_answer(CHECK_ANSWER_NOT_KNOWN); }).ok()) << "what is known changed";
}

TEST_F(ChecksTest, OnlyACheckIsAnsweredSo) {
  const std::string digest = Arrives(SomeDraft());
  ASSERT_TRUE(idva.inbox->Read("read-0001", digest, SomeWorker()).ok());
  EXPECT_TRUE(HasReason(Act(digest, STATEMENT_KIND_CHECK_ANSWERED, [](Statement& s) { s.set_check_answer(CHECK_ANSWER_KNOWN); }).status(),
                        Reason::kTransitionIllegal));
}

// ---------------------------------------------------------------- today

TEST_F(ChecksTest, OnceItIsDueOneLineSaysWhoHasAnsweredAndWhoHasNot) {
  Asked();
  Says("idva", CHECK_ANSWER_NOT_KNOWN);
  Says("childrens", CHECK_ANSWER_KNOWN);
  Says("probation", CHECK_ANSWER_KNOWN);
  EXPECT_THAT(Today(police), IsEmpty());
  clock.Advance(absl::Hours(25));
  auto today = Today(police);
  ASSERT_THAT(today, SizeIs(1)) << "and no line for each that is late";
  EXPECT_EQ(today[0].kind(), agency::v1::TODAY_KIND_CHECKS_DUE);
  EXPECT_EQ(today[0].referral(), referral::ReferralName(police.outbox->Get("request-1")->header_digest()));
  EXPECT_THAT(today[0].words(), HasSubstr("High-risk check sent 15 Jan 08:00: 5 asked, 3 answered; health and housing have not; due 16 Jan 08:00, overdue by 1 hour."));
  Says("housing", CHECK_ANSWER_NOT_KNOWN);
  EXPECT_THAT(Today(police), IsEmpty()) << "health has time still";
  clock.Advance(absl::Hours(24));
  EXPECT_THAT(Today(police)[0].words(), HasSubstr("5 asked, 4 answered; health has not"));
}

// ---------------------------------------------------------------- the grade

TEST_F(ChecksTest, ARegradeIsAnActLikeTheOthersAndBringsTheNewTimes) {
  Asked();
  Says("idva", CHECK_ANSWER_KNOWN);
  for (auto& row : broker.recipients) row.set_response_due_ms(absl::ToUnixMillis(clock.Now() + absl::Hours(72)));
  broker.lose_answer = true;
  EXPECT_FALSE(Regrade(RISK_GRADE_MEDIUM).ok());
  EXPECT_TRUE(police.outbox->Get("request-1")->has_pending_act());
  EXPECT_EQ(Table().grade(), RISK_GRADE_HIGH) << "not before the broker has it";
  police.Restart();
  broker.lose_answer = false;
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_EQ(broker.acted.size(), 1u);
  const auto sent = *referral::ParseStatement(broker.acts.back());
  EXPECT_EQ(sent.kind(), STATEMENT_KIND_REGRADED);
  EXPECT_EQ(sent.regraded().supervisor(), "supervisor-1");
  const auto table = Table();
  EXPECT_EQ(table.grade(), RISK_GRADE_MEDIUM);
  EXPECT_EQ(table.due_at_ms(), absl::ToUnixMillis(clock.Now() - kRetryDelayMax + absl::Hours(72)));
  EXPECT_EQ(table.rows(3).answer(), CHECK_ANSWER_KNOWN) << "what was said meanwhile stands";
  EXPECT_EQ(table.rows(3).due_at_ms(), 0);
}

TEST_F(ChecksTest, ALoweringThatTheBrokerRefusesIsGivenToWhoAsked) {
  Asked();
  broker.refuse_act = Error(Reason::kRiskLowered, "the score of the same assessment gives more");
  EXPECT_TRUE(HasReason(Regrade(RISK_GRADE_STANDARD).status(), Reason::kRiskLowered));
  EXPECT_FALSE(police.outbox->Get("request-1")->has_pending_act());
  EXPECT_FALSE(police.outbox->Get("request-1")->has_regraded());
}

TEST_F(ChecksTest, WhoeverHoldsItTakesTheNewGradeAndItsTimes) {
  const std::string digest = Arrives(Check());
  ASSERT_TRUE(Regrade(RISK_GRADE_MEDIUM).ok());
  const auto first = broker.acts.back();
  clock.Advance(absl::Minutes(1));
  ASSERT_TRUE(Regrade(RISK_GRADE_STANDARD, "regrade-2").ok());
  const auto second = broker.acts.back();
  broker.recipients = {Recipient("housing", absl::Hours(1)), Recipient("idva", absl::Hours(120))};
  const auto newest = DeliveryOf(second, 0);
  broker.away = kAway;
  EXPECT_FALSE(idva.inbox->Receive(newest).ok()) << "its times are not known yet: it comes again";
  broker.away = absl::OkStatus();
  ASSERT_EQ(idva.inbox->Receive(newest), absl::OkStatus());
  auto entry = *idva.inbox->Get(digest);
  EXPECT_EQ(GradeNow(entry), RISK_GRADE_STANDARD);
  EXPECT_EQ(entry.stored.lane(), LANE_STANDARD);
  EXPECT_EQ(entry.stored.response_due_ms(), absl::ToUnixMillis(clock.Now() + absl::Hours(120)));
  EXPECT_EQ(entry.stored.answer_due_ms(), 0) << "nothing is asked";
  EXPECT_THAT(Today(idva)[0].words(), HasSubstr("Standard-risk check"));
  ASSERT_EQ(idva.inbox->Receive(DeliveryOf(first, 0)), absl::OkStatus()) << "overtaken";
  EXPECT_EQ(GradeNow(*idva.inbox->Get(digest)), RISK_GRADE_STANDARD);
  idva.Restart();
  EXPECT_EQ(GradeNow(*idva.inbox->Get(digest)), RISK_GRADE_STANDARD);
}

TEST_F(ChecksTest, ACorrectedCheckIsACheck) {
  Asked();
  Draft other = SomeDraft("request-2");
  other.options.set_corrects("request-1");
  EXPECT_TRUE(HasReason(police.outbox->Push(other).status(), Reason::kFieldInvalid));
  Draft correction = Check("request-2");
  correction.options.set_corrects("request-1");
  ASSERT_TRUE(police.outbox->Push(correction).ok());
  police.Settle();
  EXPECT_EQ(police.State("request-2"), agency::v1::SUBMISSION_STATE_SETTLED);
}

}  // namespace
}  // namespace accord::agent::checks_test
