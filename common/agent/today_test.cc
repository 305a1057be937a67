#include "common/agent/today.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/agent/outbox_recipients.h"
#include "common/agent/testing_service.h"
#include "common/base/working_days.h"

namespace accord::agent::today_test {
namespace {

using agency::v1::TodayItem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class TodayTest : public AgentTest {
 protected:
  // What police send arrives at the Idva.
  std::string Arrives(const std::string& request_id, type::v1::Lane lane, absl::Duration pick_up = absl::ZeroDuration(),
                      absl::Duration response = absl::ZeroDuration(), type::v1::ReferralType type = type::v1::REFERRAL_TYPE_REFERRAL,
                      type::v1::RiskGrade grade = type::v1::RISK_GRADE_UNSPECIFIED) {
    if (!known_) SignWithKnownCertificate();
    known_ = true;
    Draft draft = SomeDraft(request_id);
    draft.core.set_type(type);
    draft.core.mutable_risk()->set_grade(grade);
    EXPECT_TRUE(police.outbox->Push(draft).ok());
    police.Settle();
    auto delivery = DeliveryFor(idva);
    delivery.set_lane(lane);
    if (pick_up != absl::ZeroDuration()) delivery.mutable_referral()->set_pick_up_due_ms(absl::ToUnixMillis(clock.Now() + pick_up));
    if (response != absl::ZeroDuration()) delivery.mutable_referral()->set_response_due_ms(absl::ToUnixMillis(clock.Now() + response));
    EXPECT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
    return referral::DigestOf(delivery.referral().header());
  }
  void Opens(const std::string& digest) {
    EXPECT_EQ(idva.inbox->Read("read-" + ToHex(digest.substr(0, 6)), digest, SomeWorker()).status(), absl::OkStatus());
  }
  // Police pushed `request_id`, and this is how its recipients stand.
  void Sent(const std::string& request_id, std::vector<broker::v1::RecipientStatus> recipients = {}, bool immediate = false) {
    broker.recipients = std::move(recipients);
    Draft draft = SomeDraft(request_id);
    draft.options.set_immediate(immediate);
    EXPECT_TRUE(police.outbox->Push(draft).ok());
    police.Settle();
    ASSERT_EQ(police.State(request_id), agency::v1::SUBMISSION_STATE_SETTLED);
  }
  broker::v1::RecipientStatus Recipient(absl::Duration pick_up, absl::Duration response, type::v1::DutyState duty = type::v1::DUTY_STATE_UNSPECIFIED) {
    broker::v1::RecipientStatus row;
    row.set_agency("idva");
    row.set_state(type::v1::REFERRAL_STATE_STORED);
    row.set_duty(duty);
    if (pick_up != absl::ZeroDuration()) row.set_pick_up_due_ms(absl::ToUnixMillis(clock.Now() + pick_up));
    if (response != absl::ZeroDuration()) row.set_response_due_ms(absl::ToUnixMillis(clock.Now() + response));
    return row;
  }
  // The Idva says `kind` of what police sent.
  void Says(const std::string& request_id, type::v1::StatementKind kind, const std::function<void(type::v1::Statement&)>& fill = {}) {
    type::v1::Statement statement;
    statement.set_agency("idva");
    statement.set_kind(kind);
    *statement.mutable_worker() = SomeWorker();
    statement.set_acted_at_ms(absl::ToUnixMillis(clock.Now()));
    if (fill) fill(statement);
    EXPECT_EQ(police.outbox->AddStatement(police.outbox->Get(request_id)->header_digest(), statement), absl::OkStatus());
  }
  void Noticed(const std::string& request_id, type::v1::NoticeKind kind) {
    broker::v1::SharingNotice notice;
    notice.set_kind(kind);
    notice.set_agency("idva");
    notice.set_header_digest(police.outbox->Get(request_id)->header_digest());
    notice.set_due_at_ms(absl::ToUnixMillis(clock.Now()));
    EXPECT_EQ(police.outbox->AddNotice(notice), absl::OkStatus());
  }
  agency::v1::SubmissionRecipient RecipientOf(const std::string& request_id) {
    const auto submission = police.outbox->Get(request_id);
    return submission->recipients_size() == 1 ? submission->recipients(0) : agency::v1::SubmissionRecipient();
  }

  std::vector<TodayItem> Today(Service& of) {
    return MakeToday(*of.inbox->WaitingEntries(), *of.outbox->Concerns(clock.Now()), clock.Now());
  }
  std::vector<agency::v1::TodayKind> Kinds(Service& of) {
    std::vector<agency::v1::TodayKind> kinds;
    for (const auto& item : Today(of)) kinds.push_back(item.kind());
    return kinds;
  }

  bool known_ = false;
};

TEST_F(TodayTest, NothingWaits) {
  EXPECT_THAT(Today(idva), IsEmpty());
  EXPECT_THAT(Today(police), IsEmpty());
}

TEST_F(TodayTest, SaysInPlainWordsWhatToOpenAndAnswer) {
  const std::string received = "received 15 Jan 08:00";  // The fake clock's.
  ASSERT_EQ(absl::FormatTime("%d %b %H:%M", clock.Now(), absl::UTCTimeZone()), "15 Jan 08:00");
  const std::string digest = Arrives("request-1", type::v1::LANE_HIGH, absl::Hours(4), absl::Hours(24), type::v1::REFERRAL_TYPE_REFERRAL,
                                     type::v1::RISK_GRADE_HIGH);
  auto today = Today(idva);
  ASSERT_THAT(today, SizeIs(1));
  EXPECT_EQ(today[0].kind(), agency::v1::TODAY_KIND_TO_OPEN);
  EXPECT_EQ(today[0].agency(), "police");
  EXPECT_EQ(today[0].words(), "High-risk referral from police, " + received + ", not opened; due 15 Jan 12:00, in 4 hours.");
  clock.Advance(absl::Hours(7));
  today = Today(idva);
  EXPECT_EQ(today[0].kind(), agency::v1::TODAY_KIND_TO_OPEN_OVERDUE);
  EXPECT_EQ(today[0].words(), "High-risk referral from police, " + received + ", not opened; due 15 Jan 12:00, overdue by 3 hours.");
  Opens(digest);
  today = Today(idva);
  EXPECT_EQ(today[0].kind(), agency::v1::TODAY_KIND_TO_ANSWER);
  EXPECT_EQ(today[0].words(), "High-risk referral from police, " + received + ", opened and not answered; due 16 Jan 08:00, in 17 hours.");
  clock.Advance(absl::Hours(17));
  EXPECT_THAT(Kinds(idva), ElementsAre(agency::v1::TODAY_KIND_TO_ANSWER_OVERDUE));
  ASSERT_TRUE(idva.inbox->Act("accept-01", digest, SomeWorker(), type::v1::STATEMENT_KIND_ACCEPTED, [](auto&) {}).ok());
  EXPECT_THAT(Today(idva), IsEmpty());
}

TEST_F(TodayTest, OverdueComesFirstByLaneAndThenByWhenItWasDue) {
  Arrives("request-1", type::v1::LANE_IMMEDIATE);                      // Not due.
  Arrives("request-2", type::v1::LANE_HIGH, absl::Hours(3));           // Late, second.
  Arrives("request-3", type::v1::LANE_IMMEDIATE, absl::Hours(4));      // Late, first.
  Arrives("request-4", type::v1::LANE_HIGH, absl::Hours(2));           // Late, before request-2.
  Arrives("request-5", type::v1::LANE_MEDIUM, absl::Hours(9));
  Arrives("request-6", type::v1::LANE_IMMEDIATE, absl::Hours(9));
  clock.Advance(absl::Hours(5));
  std::vector<std::pair<type::v1::Lane, int64_t>> order;
  for (const auto& item : Today(idva)) {
    const int64_t hours = item.due_ms() == 0 ? 0 : (item.due_ms() - item.since_ms()) / 3'600'000;
    order.emplace_back(item.lane(), hours);
  }
  EXPECT_THAT(order, ElementsAre(std::pair(type::v1::LANE_IMMEDIATE, 4), std::pair(type::v1::LANE_HIGH, 2), std::pair(type::v1::LANE_HIGH, 3),
                                 std::pair(type::v1::LANE_IMMEDIATE, 9), std::pair(type::v1::LANE_IMMEDIATE, 0), std::pair(type::v1::LANE_MEDIUM, 9)));
}

TEST_F(TodayTest, ANoticeIsOpenedAndAsksForNothingMore) {
  const std::string digest = Arrives("request-1", type::v1::LANE_HIGH, {}, {}, type::v1::REFERRAL_TYPE_EVENT_NOTICE);
  EXPECT_THAT(Kinds(idva), ElementsAre(agency::v1::TODAY_KIND_TO_OPEN));
  Opens(digest);
  EXPECT_THAT(Today(idva), IsEmpty());
}

TEST_F(TodayTest, WhatWasRecalledIsToBeAnsweredAndNotOpened) {
  const std::string digest = Arrives("request-1", type::v1::LANE_HIGH, absl::Hours(1));
  ASSERT_TRUE(PoliceAct("recall-01", type::v1::STATEMENT_KIND_RECALL).ok());
  const int64_t due = absl::ToUnixMillis(clock.Now() + absl::Hours(24));
  ASSERT_EQ(idva.inbox->Receive(DeliveryOf(broker.acts.back(), due)), absl::OkStatus());
  auto today = Today(idva);
  ASSERT_THAT(today, SizeIs(1));
  EXPECT_EQ(today[0].kind(), agency::v1::TODAY_KIND_CHANGE_TO_ANSWER);
  EXPECT_EQ(today[0].due_ms(), due);
  EXPECT_THAT(today[0].words(), HasSubstr("recalled by its sender, not answered; due 16 Jan 08:00, in 24 hours."));
  idva.Restart();
  EXPECT_THAT(Kinds(idva), ElementsAre(agency::v1::TODAY_KIND_CHANGE_TO_ANSWER));
  ASSERT_TRUE(idva.inbox->AnswerChange("answer-1", digest, SomeWorker(), {.answer = type::v1::CHANGE_ANSWER_NOT_OPENED}).ok());
  EXPECT_THAT(Today(idva), IsEmpty());
}

TEST_F(TodayTest, OfWhatWasCorrectedTheNewVersionAloneIsToBeOpened) {
  Arrives("request-1", type::v1::LANE_HIGH);
  Draft correction = SomeDraft("request-2");
  correction.options.set_corrects("request-1");
  ASSERT_TRUE(police.outbox->Push(correction).ok());
  police.Settle();
  const auto delivery = DeliveryFor(idva);
  ASSERT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
  const auto today = Today(idva);
  ASSERT_THAT(today, SizeIs(1));
  EXPECT_THAT(today[0].words(), HasSubstr("Correction from police"));
}

TEST_F(TodayTest, RecipientsThatAreLateAndWhatTheySayOfIt) {
  Sent("request-1", {Recipient(absl::Hours(1), absl::Hours(8))});
  EXPECT_THAT(Today(police), IsEmpty()) << "nobody is late yet";
  clock.Advance(absl::Hours(2));
  EXPECT_THAT(Kinds(police), ElementsAre(agency::v1::TODAY_KIND_RECIPIENT_LATE));
  EXPECT_EQ(Today(police)[0].words(), "Referral to idva, sent 15 Jan 08:00, not opened there; due 15 Jan 09:00, overdue by 1 hour.");
  police.Restart();
  EXPECT_THAT(Today(police), SizeIs(1));
  Says("request-1", type::v1::STATEMENT_KIND_OPENED);
  EXPECT_THAT(Today(police), IsEmpty());
  EXPECT_EQ(RecipientOf("request-1").state(), type::v1::REFERRAL_STATE_OPENED);
  clock.Advance(absl::Hours(7));
  EXPECT_THAT(Today(police)[0].words(), HasSubstr("opened there and not answered; due 15 Jan 16:00"));
  Says("request-1", type::v1::STATEMENT_KIND_ACCEPTED);
  EXPECT_THAT(Today(police), IsEmpty());
}

TEST_F(TodayTest, WhatARecipientSaidBeforeTheAnswerArrivedStands) {
  broker.recipients = {Recipient(absl::Hours(1), absl::Hours(8))};
  broker.lose_answer = true;
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-1")).ok());
  police.Settle();
  ASSERT_EQ(police.State("request-1"), agency::v1::SUBMISSION_STATE_SENT);
  Says("request-1", type::v1::STATEMENT_KIND_OPENED);
  Says("request-1", type::v1::STATEMENT_KIND_ACCEPTED);
  broker.lose_answer = false;
  clock.Advance(kRetryDelayMax);
  police.Settle();
  ASSERT_EQ(police.State("request-1"), agency::v1::SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(RecipientOf("request-1").state(), type::v1::REFERRAL_STATE_ACCEPTED);
  clock.Advance(absl::Hours(9));
  EXPECT_THAT(Today(police), IsEmpty()) << "nobody is late";
}

TEST_F(TodayTest, WhatSoftwareOpenedIsStillToBeOpenedByAPerson) {
  Sent("request-1", {Recipient(absl::Hours(1), {}, type::v1::DUTY_STATE_ALERTED)}, /*immediate=*/true);
  Says("request-1", type::v1::STATEMENT_KIND_OPENED, [](auto& statement) { *statement.mutable_worker() = ServiceWorker(); });
  EXPECT_EQ(RecipientOf("request-1").state(), type::v1::REFERRAL_STATE_OPENED);
  EXPECT_EQ(RecipientOf("request-1").duty(), type::v1::DUTY_STATE_ALERTED);
  clock.Advance(absl::Hours(2));
  EXPECT_THAT(Kinds(police), ElementsAre(agency::v1::TODAY_KIND_RECIPIENT_LATE));
  Says("request-1", type::v1::STATEMENT_KIND_ACCEPTED);
  EXPECT_EQ(RecipientOf("request-1").duty(), type::v1::DUTY_STATE_OPENED);
}

TEST_F(TodayTest, ReturnedAndRedirectedStandUntilTheSenderActs) {
  Sent("request-1");
  Says("request-1", type::v1::STATEMENT_KIND_RETURNED, [](auto& statement) {
    statement.add_return_reasons(type::v1::RETURN_REASON_SAFE_CONTACT_MISSING);
    statement.add_return_reasons(type::v1::RETURN_REASON_RISK_NOT_ASSESSED);
  });
  clock.Advance(absl::Minutes(1));
  Sent("request-2");
  Says("request-2", type::v1::STATEMENT_KIND_REDIRECTED, [](auto& statement) { statement.set_redirect_to("housing"); });
  clock.Advance(30 * absl::Hours(24));
  police.Restart();
  const auto today = Today(police);
  ASSERT_THAT(today, SizeIs(2));
  EXPECT_EQ(today[0].words(), "Referral to idva, sent 15 Jan 08:00, returned 15 Jan 08:00 to be completed: safe contact missing, risk not assessed.");
  EXPECT_EQ(today[1].words(), "Referral to idva, sent 15 Jan 08:01, redirected 15 Jan 08:01: they name housing; send it there if that is right.");
  ASSERT_TRUE(PoliceAct("recall-01", type::v1::STATEMENT_KIND_RECALL).ok());
  EXPECT_THAT(Kinds(police), ElementsAre(agency::v1::TODAY_KIND_REDIRECTED));
  Draft correction = SomeDraft("request-3");
  correction.options.set_corrects("request-2");
  ASSERT_TRUE(police.outbox->Push(correction).ok());
  police.Settle();
  ASSERT_EQ(police.State("request-3"), agency::v1::SUBMISSION_STATE_SETTLED);
  EXPECT_THAT(Today(police), IsEmpty());
  police.Restart();
  EXPECT_THAT(Today(police), IsEmpty());
}

TEST_F(TodayTest, DeclinedIsShownForAWeekAndDecidedSinceYesterday) {
  Sent("request-1");
  Says("request-1", type::v1::STATEMENT_KIND_DECLINED, [](auto& statement) { statement.set_decline_reason(type::v1::DECLINE_REASON_OUT_OF_AREA); });
  clock.Advance(absl::Minutes(1));
  Sent("request-2");
  Says("request-2", type::v1::STATEMENT_KIND_DECIDED, [](auto& statement) { statement.set_decision(type::v1::CONTACT_DECISION_NO_FURTHER_ACTION); });
  EXPECT_THAT(Kinds(police), ElementsAre(agency::v1::TODAY_KIND_DECLINED, agency::v1::TODAY_KIND_DECIDED));
  EXPECT_THAT(Today(police)[0].words(), HasSubstr("declined 15 Jan 08:00: out of area."));
  EXPECT_THAT(Today(police)[1].words(), HasSubstr("decided 15 Jan 08:01: no further action."));
  clock.Advance(StartOfLondonDay(LondonDay(clock.Now()) + 2) - clock.Now() - absl::Milliseconds(1));
  EXPECT_THAT(Today(police), SizeIs(2)) << "to the end of the day after";
  clock.Advance(absl::Milliseconds(1));
  EXPECT_THAT(Kinds(police), ElementsAre(agency::v1::TODAY_KIND_DECLINED));
  clock.Advance(kDeclinedShown);
  EXPECT_THAT(Today(police), IsEmpty());
}

TEST_F(TodayTest, WhatStandsOfOneRecipientKeepsNothingOfAnother) {
  Sent("request-1");
  Says("request-1", type::v1::STATEMENT_KIND_RETURNED);
  Says("request-1", type::v1::STATEMENT_KIND_DECIDED, [](auto& statement) { statement.set_agency("childrens"); });
  EXPECT_THAT(Today(police), SizeIs(2));
  clock.Advance(kDeclinedShown);
  EXPECT_THAT(Kinds(police), ElementsAre(agency::v1::TODAY_KIND_RETURNED));
}

TEST_F(TodayTest, WhatIsNotSentWaitsForAPersonAndSaysNoMoreThanTheReason) {
  broker.withheld = {type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_NARRATIVE};
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-1")).ok());
  police.Settle();
  ASSERT_EQ(police.State("request-1"), agency::v1::SUBMISSION_STATE_NEEDS_PERSON);
  const auto today = Today(police);
  ASSERT_THAT(today, SizeIs(1));
  EXPECT_EQ(today[0].kind(), agency::v1::TODAY_KIND_SUBMISSION_WAITS);
  EXPECT_EQ(today[0].referral(), "request-1");
  EXPECT_EQ(today[0].words(), "Referral pushed 15 Jan 08:00 is not sent and waits for a person here: NOTHING_PERMITTED.");
  ASSERT_TRUE(police.outbox->Resolve("request-1", /*send=*/false).ok());
  EXPECT_THAT(Today(police), IsEmpty());
}

TEST_F(TodayTest, NoticesTellOfRecipientsThatWereNotKept) {
  Sent("request-1");  // Its answer named no recipients, as before they were kept.
  Noticed("request-1", type::v1::NOTICE_KIND_PICK_UP_OVERDUE);
  EXPECT_THAT(Kinds(police), ElementsAre(agency::v1::TODAY_KIND_RECIPIENT_LATE));
  Noticed("request-1", type::v1::NOTICE_KIND_DEAD_LETTER);
  EXPECT_THAT(Today(police)[0].words(), HasSubstr("could not be delivered"));
  Says("request-1", type::v1::STATEMENT_KIND_OPENED);
  EXPECT_THAT(Today(police), IsEmpty());
  Noticed("request-1", type::v1::NOTICE_KIND_PICK_UP_OVERDUE);
  EXPECT_THAT(Today(police), IsEmpty()) << "it was opened before the notice came";
}

TEST_F(TodayTest, WhatDiedOfAStatementLeavesTheReferralWhereItIs) {
  Sent("request-1", {Recipient(absl::Hours(4), absl::Hours(24))});
  broker::v1::SharingNotice notice;
  notice.set_kind(type::v1::NOTICE_KIND_DEAD_LETTER);
  notice.set_agency("idva");
  notice.set_header_digest(police.outbox->Get("request-1")->header_digest());
  notice.set_of_statement(true);
  ASSERT_EQ(police.outbox->AddNotice(notice), absl::OkStatus());
  EXPECT_EQ(RecipientOf("request-1").state(), type::v1::REFERRAL_STATE_STORED);
  notice.set_of_statement(false);
  ASSERT_EQ(police.outbox->AddNotice(notice), absl::OkStatus());
  EXPECT_EQ(RecipientOf("request-1").state(), type::v1::REFERRAL_STATE_DEAD_LETTER);
}

TEST_F(TodayTest, WhatCameOfItIsOwedFromTheDueTimeUntilItIsTold) {
  const std::string digest = Arrives("request-1", type::v1::LANE_MEDIUM);
  Opens(digest);
  broker.feedback_due_ms = absl::ToUnixMillis(clock.Now() + absl::Hours(48));
  ASSERT_TRUE(idva.inbox->Act("accept-1", digest, SomeWorker(), type::v1::STATEMENT_KIND_ACCEPTED, [](auto&) {}).ok());
  EXPECT_EQ(idva.inbox->Get(digest)->stored.feedback_due_ms(), broker.feedback_due_ms);
  EXPECT_THAT(Today(idva), IsEmpty()) << "it has time";
  clock.Advance(absl::Hours(48) - absl::Milliseconds(1));
  EXPECT_THAT(Today(idva), IsEmpty());
  clock.Advance(absl::Milliseconds(1));
  auto today = Today(idva);
  ASSERT_THAT(today, SizeIs(1));
  EXPECT_EQ(today[0].kind(), agency::v1::TODAY_KIND_FEEDBACK_OVERDUE);
  EXPECT_THAT(today[0].words(), HasSubstr("taken on, and what came of it not told; due "));
  ASSERT_TRUE(idva.inbox->Act("action-1", digest, SomeWorker(), type::v1::STATEMENT_KIND_ACTION, [](type::v1::Statement& statement) {
                statement.set_outcome_code("visited");
              }).ok());
  EXPECT_THAT(Today(idva), SizeIs(1)) << "an action is not yet what came of it";
  ASSERT_TRUE(idva.inbox->Act("outcome-1", digest, SomeWorker(), type::v1::STATEMENT_KIND_OUTCOME, [](type::v1::Statement& statement) {
                statement.set_outcome_code("engaged");
              }).ok());
  EXPECT_THAT(Today(idva), IsEmpty());
}

TEST_F(TodayTest, ARecipientThatOwesFeedbackIsLate) {
  Sent("request-1", {Recipient(absl::ZeroDuration(), absl::ZeroDuration())});
  Noticed("request-1", type::v1::NOTICE_KIND_FEEDBACK_OVERDUE);
  EXPECT_THAT(Today(police), IsEmpty()) << "it has not taken it on";
  Says("request-1", type::v1::STATEMENT_KIND_ACCEPTED);
  Noticed("request-1", type::v1::NOTICE_KIND_FEEDBACK_OVERDUE);
  auto today = Today(police);
  ASSERT_THAT(today, SizeIs(1));
  EXPECT_EQ(today[0].kind(), agency::v1::TODAY_KIND_RECIPIENT_LATE);
  EXPECT_THAT(today[0].words(), HasSubstr("taken on there, and what came of it not told; due "));
  Says("request-1", type::v1::STATEMENT_KIND_OUTCOME);
  EXPECT_THAT(Today(police), IsEmpty());
  Noticed("request-1", type::v1::NOTICE_KIND_FEEDBACK_OVERDUE);
  EXPECT_THAT(Today(police), IsEmpty()) << "a notice that was overtaken";
}

TEST_F(TodayTest, TheBrokerIsAskedHowImmediateRecipientsStand) {
  Sent("request-1", {Recipient(absl::Hours(1), {}, type::v1::DUTY_STATE_QUEUED)}, /*immediate=*/true);
  broker.recipients[0].set_duty(type::v1::DUTY_STATE_ALERTED);
  EXPECT_EQ(police.outbox->GetFresh("request-1")->recipients(0).duty(), type::v1::DUTY_STATE_ALERTED);
  EXPECT_EQ(RecipientOf("request-1").duty(), type::v1::DUTY_STATE_ALERTED) << "and kept";
  ASSERT_TRUE(police.outbox->GetFresh("request-1").ok());
  EXPECT_EQ(broker.referrals_asked, 1) << "each is an entry";
  clock.Advance(kRecipientsAskedEvery);
  broker.away = Error(Reason::kBrokerUnreachable, "away");
  EXPECT_EQ(police.outbox->GetFresh("request-1")->recipients(0).duty(), type::v1::DUTY_STATE_ALERTED);
  broker.away = absl::OkStatus();
  broker.recipients[0].set_duty(type::v1::DUTY_STATE_OPENED);
  EXPECT_EQ(police.outbox->GetFresh("request-1")->recipients(0).duty(), type::v1::DUTY_STATE_OPENED);
  clock.Advance(kRecipientsAskedEvery);
  const int asked = broker.referrals_asked;
  ASSERT_TRUE(police.outbox->GetFresh("request-1").ok());
  EXPECT_EQ(broker.referrals_asked, asked) << "all have opened it";
}

TEST_F(TodayTest, NobodyIsAskedOfWhatIsNotImmediate) {
  Sent("request-1", {Recipient(absl::Hours(1), {})});
  ASSERT_TRUE(police.outbox->GetFresh("request-1").ok());
  EXPECT_EQ(broker.referrals_asked, 0);
}

TEST_F(TodayTest, SaysWhoHasIt) {
  const std::string one = Arrives("request-1", type::v1::LANE_HIGH), two = Arrives("request-2", type::v1::LANE_MEDIUM);
  std::map<std::string, agency::v1::Assignment> assigned;
  assigned[one].set_team("north");
  assigned[two].set_team("north");
  assigned[two].set_worker("w-2");
  const auto items = MakeToday(*idva.inbox->WaitingEntries(), {}, clock.Now(), {}, assigned);
  ASSERT_THAT(items, SizeIs(2));
  EXPECT_THAT(items[0].words(), HasSubstr(", with team north, not opened"));
  EXPECT_THAT(items[1].words(), HasSubstr(", with w-2, not opened"));
}

TEST_F(TodayTest, WordsNameNobody) {
  Arrives("request-1", type::v1::LANE_HIGH);
  for (Service* service : {&police, &idva}) {
    for (const auto& item : Today(*service)) {
      EXPECT_THAT(item.words(), Not(HasSubstr("Ashdown")));
      EXPECT_THAT(item.words(), Not(HasSubstr("Miriam")));
    }
  }
}

}  // namespace
}  // namespace accord::agent::today_test
