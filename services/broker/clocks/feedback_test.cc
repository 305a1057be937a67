// What came of a referral: by when it is to be told, what starts and ends that, and who is told when it is not.
#include "services/broker/clocks/feedback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/working_days.h"
#include "common/referral/testing_parts.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker::feedback_test {
namespace {

using namespace type::v1;  // NOLINT
using referral::testing::kNow;
using referral::testing::SampleParts;
using referral::testing::SamplePolicy;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kDue = StartOfLondonDay(absl::CivilDay(2027, 1, 20));  // Friday the 15th, and two working days.

class FeedbackTest : public ::testing::Test {
 protected:
  FeedbackTest() {
    ACCORD_CHECK(LondonDay(kNow) == absl::CivilDay(2027, 1, 15));
    context_.time = kNow;
    auto sources = SamplePolicy();
    sources.agreements[0].expires = kNow + absl::Hours(24 * 365);
    policy_.compiled = referral::CompiledPolicy(sources);
    Store({{"idva", VERDICT_PERMIT, 5}, {"idva", VERDICT_PERMIT, 2}, {"idva", VERDICT_PERMIT, 0}, {"idva", VERDICT_WITHHOLD, 1},
           {"housing", VERDICT_PERMIT, 1}});
  }
  struct Decided {
    std::string agency;
    Verdict verdict;
    uint32_t days;
  };
  // A referral of the sample to the Idva service, which has something of it.
  void Store(const std::vector<Decided>& decided) {
    const auto header = referral::SignHeader(SampleParts(), signer_, random_);
    ASSERT_EQ(header.status(), absl::OkStatus());
    digest_ = referral::DigestOf(header->header);
    const auto chain = context_.OpenChain();
    context_.Put(kFamilyChain, chain->pseudonym, storage::v1::StoredChain().SerializeAsString());
    storage::v1::StoredReferral stored;
    *stored.mutable_header() = header->header;
    for (const auto& opening : header->openings) *stored.add_openings() = opening;
    for (const Decided& one : decided) {
      SectionDecision& decision = *stored.add_decisions();
      decision.set_recipient(one.agency);
      decision.set_verdict(one.verdict);
      decision.mutable_obligations()->set_feedback_working_days(one.days);
    }
    stored.set_chain(chain->pseudonym);
    stored.set_stored_at_ms(absl::ToUnixMillis(kNow));
    auto& recipient = *stored.add_recipients();
    recipient.set_agency("idva");
    recipient.set_desk(DESK_MAIN);
    recipient.set_state(REFERRAL_STATE_OPENED);
    recipient.set_delivery_id(std::string(16, 'd'));
    recipient.set_first_released_ms(1);
    storage::v1::StoredDelivery delivery;
    delivery.set_agency("idva");
    delivery.set_desk(DESK_MAIN);
    delivery.set_header_digest(digest_);
    NewDeliveries queued;
    ASSERT_EQ(PutDelivery(context_, recipient.delivery_id(), delivery, 0, queued), absl::OkStatus());
    ASSERT_EQ(SaveReferral(context_, digest_, stored), absl::OkStatus());
  }
  storage::v1::StoredRecipient Row() { return (*LoadReferral(context_, digest_))->recipients(0); }
  void Says(StatementKind kind, ContactDecision decision = CONTACT_DECISION_UNSPECIFIED, bool person = true) {
    Statement statement;
    statement.set_kind(kind);
    statement.set_decision(decision);
    statement.set_agency("idva");
    statement.set_header_digest(digest_);
    statement.mutable_worker()->set_role(person ? WORKER_ROLE_PRACTITIONER : WORKER_ROLE_SYSTEM);
    statement.mutable_worker()->set_authentication(person ? AUTHENTICATION_MULTI_FACTOR : AUTHENTICATION_AUTOMATIC);
    auto stored = **LoadReferral(context_, digest_);
    const auto header = OpenStored(stored);
    ASSERT_EQ(NoteStatement(context_, statement, *header, stored), absl::OkStatus());
    ASSERT_EQ(NoteFeedback(context_, policy_, statement, stored), absl::OkStatus());
    ASSERT_EQ(SaveReferral(context_, digest_, stored), absl::OkStatus());
  }
  // When it falls due next; every row of family `due` is of this clock.
  std::vector<absl::Time> Rows() {
    std::vector<absl::Time> rows;
    EXPECT_EQ(context_.Scan(kFamilyDue, {}, [&](std::string_view key, std::string_view) {
      rows.push_back(absl::FromUnixMillis(static_cast<int64_t>(*U64FromKey(key.substr(0, 8)))));
      return true;
    }, nullptr), absl::OkStatus());
    return rows;
  }
  // Lets it fall due; who was told.
  std::vector<std::string> Chase(absl::Time when) {
    context_.time = std::max(context_.time, when);
    EXPECT_EQ(ClearDue(context_, DueKind::kFeedback, digest_, "idva", DESK_MAIN), absl::OkStatus());
    NewDeliveries queued;
    EXPECT_EQ(ChaseFeedback(context_, policy_, {DueKind::kFeedback, when, digest_, "idva", DESK_MAIN}, queued), absl::OkStatus());
    std::vector<std::string> told;
    for (const auto& [mailbox, waiting] : queued) told.push_back(mailbox.agency);
    return told;
  }

  MemoryContext context_;
  FakeRandom random_{7};
  const crypto::SigningKey signer_ = crypto::SigningKey::Generate();
  Policy policy_;
  std::string digest_;
};

TEST_F(FeedbackTest, RunsFromWhenItWasTakenOnForTheFewestWorkingDaysOfWhatItMayHave) {
  Says(STATEMENT_KIND_OPENED);
  EXPECT_EQ(Row().feedback_due_ms(), 0);
  Says(STATEMENT_KIND_ACCEPTED);
  EXPECT_EQ(Row().feedback_due_ms(), absl::ToUnixMillis(kDue));
  EXPECT_THAT(Rows(), ElementsAre(kDue));
  context_.time += absl::Hours(48);  // What follows gives no more time.
  Says(STATEMENT_KIND_ACTION);
  Says(STATEMENT_KIND_HEARD);
  EXPECT_THAT(Rows(), ElementsAre(kDue));
  Says(STATEMENT_KIND_OUTCOME);
  EXPECT_EQ(Row().feedback_due_ms(), 0);
  EXPECT_THAT(Rows(), IsEmpty());
}

// What the entry of a statement says; over the wire: ClockApiTest.WhoIsLateIsTalkedToInOrderAndTheSenderLast.
TEST_F(FeedbackTest, WhatEndsAClockIsKnownByWhenThatWasDue) {
  storage::v1::StoredRecipient before;
  before.set_pick_up_due_ms(1), before.set_response_due_ms(2), before.set_feedback_due_ms(3);
  storage::v1::StoredRecipient after = before;
  EXPECT_EQ(DueOfEnded(before, after), 0);
  after.set_feedback_due_ms(0);
  EXPECT_EQ(DueOfEnded(before, after), 3);
  after.set_pick_up_due_ms(0);
  EXPECT_EQ(DueOfEnded(before, after), 1);
  after.set_response_due_ms(0);
  EXPECT_EQ(DueOfEnded(before, after), 2) << "who answers what it had not opened answers in time or not";
  EXPECT_EQ(DueOfEnded({}, {}), 0);
  EXPECT_EQ(DueOfEnded({}, before), 0) << "what begins ends nothing";
}

TEST_F(FeedbackTest, WhereNoAgreementAsksForItThereIsNone) {
  Store({{"idva", VERDICT_PERMIT, 0}, {"idva", VERDICT_WITHHOLD, 1}, {"housing", VERDICT_PERMIT, 1}});
  Says(STATEMENT_KIND_ACCEPTED);
  EXPECT_EQ(Row().feedback_due_ms(), 0);
  EXPECT_THAT(Rows(), IsEmpty());
}

TEST_F(FeedbackTest, ADecisionWithMoreToComeStartsItAndOneWithoutDoesNot) {
  Says(STATEMENT_KIND_DECIDED, CONTACT_DECISION_NO_FURTHER_ACTION);
  EXPECT_THAT(Rows(), IsEmpty());
  Says(STATEMENT_KIND_DECIDED, CONTACT_DECISION_SECTION_47);
  EXPECT_THAT(Rows(), ElementsAre(kDue));
  Says(STATEMENT_KIND_DECIDED, CONTACT_DECISION_NO_FURTHER_ACTION);
  EXPECT_THAT(Rows(), IsEmpty());
  Says(STATEMENT_KIND_HEARD);
  EXPECT_THAT(Rows(), ElementsAre(kDue));
}

TEST_F(FeedbackTest, EndsWithEachWordThatTellsWhatCameOfIt) {
  for (const StatementKind kind : {STATEMENT_KIND_OUTCOME, STATEMENT_KIND_DECLINED, STATEMENT_KIND_CLOSED, STATEMENT_KIND_RETURNED,
                                   STATEMENT_KIND_REDIRECTED, STATEMENT_KIND_TRANSFERRED_OUT}) {
    Says(STATEMENT_KIND_ACCEPTED);
    ASSERT_THAT(Rows(), SizeIs(1));
    Says(kind, CONTACT_DECISION_UNSPECIFIED, /*person=*/false);
    EXPECT_THAT(Rows(), SizeIs(1)) << "software alone ends none: " << StatementKind_Name(kind);
    Says(kind);
    EXPECT_THAT(Rows(), IsEmpty()) << StatementKind_Name(kind);
    EXPECT_EQ(Row().feedback_due_ms(), 0);
  }
}

TEST_F(FeedbackTest, StopsWhenNothingMoreIsExpected) {
  Says(STATEMENT_KIND_ACCEPTED);
  auto stored = **LoadReferral(context_, digest_);
  ASSERT_EQ(StopClocks(context_, digest_, *stored.mutable_recipients(0)), absl::OkStatus());
  EXPECT_EQ(stored.recipients(0).feedback_due_ms(), 0);
  EXPECT_THAT(Rows(), IsEmpty());
}

TEST_F(FeedbackTest, BothEndsAreToldEveryWorkingDayAndThenEveryWeekForEver) {
  Says(STATEMENT_KIND_ACCEPTED);
  EXPECT_THAT(Chase(kDue), ElementsAre("police", "idva"));
  ASSERT_THAT(context_.entries, SizeIs(1));
  EXPECT_EQ(context_.entries[0].event.type(), EVENT_TYPE_FEEDBACK_OVERDUE);
  EXPECT_EQ(context_.entries[0].event.due_at_ms(), absl::ToUnixMillis(kDue));
  EXPECT_EQ(context_.entries[0].event.reminder(), 1u);
  EXPECT_EQ(context_.entries[0].referral->recipient(), "idva");
  EXPECT_THAT(Rows(), ElementsAre(StartOfLondonDay(absl::CivilDay(2027, 1, 21))));
  Chase(Rows()[0]);
  Chase(Rows()[0]);  // Told at the end of Thursday.
  EXPECT_THAT(Rows(), ElementsAre(StartOfLondonDay(absl::CivilDay(2027, 1, 23))));
  Chase(Rows()[0]);  // Friday's: the next working day is Monday.
  EXPECT_THAT(Rows(), ElementsAre(StartOfLondonDay(absl::CivilDay(2027, 1, 26))));
  while (Row().feedback_reminders() + 1 < kFeedbackDailyMax) Chase(Rows()[0]);
  const absl::Time last = Rows()[0];
  Chase(last);
  EXPECT_EQ(Row().feedback_reminders(), kFeedbackDailyMax);
  EXPECT_THAT(Rows(), ElementsAre(last + kFeedbackLaterEvery));
  for (int week = 0; week < 60; ++week) Chase(Rows()[0]);
  EXPECT_THAT(Rows(), ElementsAre(last + 61 * kFeedbackLaterEvery));
  Says(STATEMENT_KIND_OUTCOME);
  EXPECT_THAT(Chase(last), IsEmpty()) << "it was told meanwhile";
  EXPECT_THAT(Rows(), IsEmpty());
}

// Nothing can be said after these, so that no person could ever end it.
TEST_F(FeedbackTest, WhatSoftwareAloneHasEndedIsToldOnceMoreAndNotForEver) {
  const auto move = [&](ReferralState state) {
    auto stored = **LoadReferral(context_, digest_);
    stored.mutable_recipients(0)->set_state(state);
    ASSERT_EQ(SaveReferral(context_, digest_, stored), absl::OkStatus());
  };
  for (const auto& [kind, state] : {std::pair(STATEMENT_KIND_CLOSED, REFERRAL_STATE_CLOSED), std::pair(STATEMENT_KIND_TRANSFERRED_OUT, REFERRAL_STATE_TRANSFERRED_OUT)}) {
    move(REFERRAL_STATE_ACCEPTED);
    Says(STATEMENT_KIND_ACCEPTED);
    Says(kind, CONTACT_DECISION_UNSPECIFIED, /*person=*/false);
    move(state);
    ASSERT_THAT(Rows(), SizeIs(1)) << "software alone ends none";
    EXPECT_THAT(Chase(Rows()[0]), ElementsAre("police", "idva")) << "no person told what came of it";
    EXPECT_THAT(Rows(), IsEmpty()) << StatementKind_Name(kind);
    EXPECT_EQ(Row().feedback_due_ms(), 0);
  }
  move(REFERRAL_STATE_DECLINED);  // Which a person may still close.
  Says(STATEMENT_KIND_ACCEPTED);
  Says(STATEMENT_KIND_DECLINED, CONTACT_DECISION_UNSPECIFIED, /*person=*/false);
  Chase(Rows()[0]);
  EXPECT_THAT(Rows(), SizeIs(1));
}

TEST_F(FeedbackTest, WhatWasMissedWhileTheBrokerWasDownIsToldOnce) {
  Says(STATEMENT_KIND_ACCEPTED);
  context_.time = kDue + absl::Hours(24 * 8 + 10);  // Thursday of the week after, in the morning.
  Chase(kDue);
  EXPECT_THAT(Rows(), ElementsAre(StartOfLondonDay(absl::CivilDay(2027, 1, 29))));
}

}  // namespace
}  // namespace accord::broker::feedback_test
