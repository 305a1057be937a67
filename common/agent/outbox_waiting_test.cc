// The outbox when nothing goes: the broker away for a day, the service ended at any write, a full disk, certificates that have ended, a request
// said again after an upgrade. Nothing is lost, nothing arrives twice, and what waits says why.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "common/agent/request_digest.h"
#include "common/agent/testing_service.h"
#include "common/agent/waiting.h"

namespace accord::agent::outbox_waiting_test {
namespace {

using agency::v1::SUBMISSION_STATE_ACCEPTED;
using agency::v1::SUBMISSION_STATE_NEEDS_PERSON;
using agency::v1::SUBMISSION_STATE_SENT;
using agency::v1::SUBMISSION_STATE_SETTLED;
using agency::v1::SUBMISSION_STATE_WITHDRAWN;
using agency::v1::WAITING_KIND_ACT_ON_SENT;
using agency::v1::WAITING_KIND_RESEAL;
using agency::v1::WAITING_KIND_STATEMENT;
using agency::v1::WAITING_KIND_SUBMISSION;

class WaitingTest : public AgentTest {
 protected:
  // The one that waits.
  Wait TheOne() {
    const std::vector<Wait> waits = police.outbox->AllWaits();
    EXPECT_EQ(waits.size(), 1u);
    return waits.empty() ? Wait() : waits.front();
  }
  std::set<std::string> StoredIds() const {
    std::set<std::string> ids;
    for (const auto& [id, row] : broker.stored) ids.insert(id);
    return ids;
  }
  // Each submission of one request id was the same bytes, however often it was sent.
  void ExpectNothingSentTwiceWithOtherBytes() {
    std::map<std::string, std::string> first;
    for (const std::string& bytes : broker.submitted) {
      type::v1::Submission submission;
      ASSERT_TRUE(submission.ParseFromString(bytes));
      const std::vector<type::v1::Opening> openings(submission.openings().begin(), submission.openings().end());
      const std::string id = referral::OpenHeader(*referral::ParseHeader(submission.header()), openings)->core.part.request_id();
      EXPECT_EQ(first.emplace(id, bytes).first->second, bytes) << id;
    }
  }
};

TEST_F(WaitingTest, WhatTheBrokersMaintenanceKeepsOutGoesByItselfAfterwards) {
  broker.refuse_submit = Error(Reason::kMaintenance, "the broker is under maintenance", {{"retry_after_ms", "60000"}});
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-1")).ok());
  police.Settle();
  EXPECT_EQ(TheOne().reason, "MAINTENANCE");
  EXPECT_FALSE(TheOne().needs_person);
  broker.refuse_submit = absl::OkStatus();
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_EQ(police.State("request-1"), SUBMISSION_STATE_SETTLED);
  ExpectNothingSentTwiceWithOtherBytes();
}

TEST_F(WaitingTest, ADayWithoutTheBrokerLosesNothingAndSendsNothingTwice) {
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-sent")).ok());
  broker.lose_answer = true;  // The broker goes away between taking it and saying so.
  police.Settle();
  ASSERT_EQ(police.State("request-sent"), SUBMISSION_STATE_SENT);
  broker.lose_answer = false;
  broker.away = Error(Reason::kBrokerUnreachable, "no answer");
  const absl::Time began = clock.Now();
  std::set<std::string> pushed = {"request-sent"};
  size_t tries = 0;
  for (int hour = 0; hour < 24; ++hour) {
    const std::string id = "request-" + std::to_string(hour);
    Draft draft = SomeDraft(id);
    draft.options.set_immediate(hour == 23);
    ASSERT_TRUE(police.outbox->Push(draft).ok());
    pushed.insert(id);
    if (hour % 8 == 7) police.Restart();
    for (const absl::Time end = clock.Now() + absl::Hours(1); clock.Now() < end; clock.Advance(absl::Minutes(10))) {
      while (police.outbox->Step()) ++tries;
    }
  }
  EXPECT_EQ(police.outbox->waiting(), 25u);
  EXPECT_LE(tries, 24u * 6 * 25) << "one try of each, whenever it is due";
  std::vector<Wait> waits = police.outbox->AllWaits();
  ASSERT_EQ(waits.size(), 25u);
  for (const Wait& wait : waits) {
    EXPECT_EQ(wait.reason, "BROKER_UNREACHABLE") << wait.about;
    EXPECT_GE(wait.since_ms, absl::ToUnixMillis(began)) << wait.about;
    EXPECT_FALSE(wait.needs_person);
  }
  EXPECT_EQ(SummaryOf(waits).oldest_ms, absl::ToUnixMillis(began));

  broker.away = absl::OkStatus();
  clock.Advance(kRetryDelayMax);
  const size_t before = broker.submitted.size();
  police.Settle();
  EXPECT_EQ(StoredIds(), pushed) << "all of it, each once";
  EXPECT_TRUE(police.outbox->AllWaits().empty());
  EXPECT_EQ(broker.submitted.size(), before + 25);
  ExpectNothingSentTwiceWithOtherBytes();
  type::v1::Submission first;
  ASSERT_TRUE(first.ParseFromString(broker.submitted[before]));
  EXPECT_EQ(referral::DigestOf(first.header()), broker.stored["request-23"].first) << "danger now goes first, whatever waited longer";
}

// The service ends at each of its writes in turn, whether that was carried out or not, and is started again.
TEST_F(WaitingTest, EndedAtAnyWriteItGoesOnAndArrivesOnce) {
  for (const bool keeps : {false, true}) {
    for (uint64_t at = 0; at < 5; ++at) {
      const std::string id = "request-" + std::to_string(at) + (keeps ? "k" : "n");
      police.disk = {.keeps_failed = keeps, .writes = 0, .fails_after = at};
      police.Restart();
      const absl::Status pushed = police.outbox->Push(SomeDraft(id)).status();
      if (at == 0) {
        EXPECT_TRUE(HasReason(pushed, Reason::kStoreUnavailable)) << "never acknowledged without being durable";
      }
      for (int i = 0; i < 10 && police.outbox->Step(); ++i) clock.Advance(absl::Milliseconds(1));
      police.disk = {};
      police.Restart();
      ASSERT_TRUE(police.outbox->Push(SomeDraft(id)).ok()) << "the records system pushes again";
      clock.Advance(kRetryDelayMax);
      police.Settle();
      EXPECT_EQ(police.State(id), SUBMISSION_STATE_SETTLED) << id;
      EXPECT_TRUE(broker.stored.contains(id)) << id;
    }
  }
  EXPECT_EQ(broker.stored.size(), 10u);
  ExpectNothingSentTwiceWithOtherBytes();
}

TEST_F(WaitingTest, AFullDiskAcknowledgesNothingAndLosesNothing) {
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-old")).ok());
  police.disk.full = true;
  const absl::Status refused = police.outbox->Push(SomeDraft("request-new")).status();
  EXPECT_TRUE(HasReason(refused, Reason::kStoreUnavailable)) << refused;
  EXPECT_TRUE(HasReason(police.outbox->Get("request-new").status(), Reason::kReferralNotFound)) << "nothing of it is there";
  EXPECT_TRUE(police.store->refuses()) << "and health says so";
  while (police.outbox->Step()) {
  }
  EXPECT_TRUE(broker.submitted.empty()) << "nothing leaves that is not durable";
  EXPECT_EQ(TheOne().about, "request-old");

  police.disk.full = false;
  EXPECT_TRUE(HasReason(police.outbox->Push(SomeDraft("request-new")).status(), Reason::kStoreUnavailable)) << "until it is started again";
  police.Restart();
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-new")).ok());
  police.Settle();
  EXPECT_EQ(StoredIds(), (std::set<std::string>{"request-old", "request-new"}));
}

TEST_F(WaitingTest, WithTooLittleRoomPushesAreRefusedAndWhatWasAcceptedGoes) {
  uint64_t free = 1000;
  absl::Status unknown;
  police.outbox->KeepFree(1000, [&]() -> absl::StatusOr<uint64_t> {
    ACCORD_RETURN_IF_ERROR(unknown);
    return free;
  });
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-1")).ok()) << "as much as the floor is enough";
  free = 999;
  EXPECT_TRUE(HasReason(police.outbox->Push(SomeDraft("request-2")).status(), Reason::kDiskFloor));
  EXPECT_TRUE(police.outbox->Push(SomeDraft("request-1")).ok()) << "what is there already takes no room";
  Draft urgent = SomeDraft("request-3");
  urgent.options.set_immediate(true);
  EXPECT_TRUE(police.outbox->Push(urgent).ok());
  police.Settle();
  EXPECT_EQ(StoredIds(), (std::set<std::string>{"request-1", "request-3"}));
  unknown = absl::UnavailableError("no such file system");
  EXPECT_TRUE(police.outbox->Push(SomeDraft("request-4")).ok()) << "one that cannot be asked refuses nothing";
  unknown = absl::OkStatus();
  free = 1000;
  EXPECT_TRUE(police.outbox->Push(SomeDraft("request-2")).ok()) << "without a restart";
}

// What gRPC says when the handshake fails has no reason of ours: our certificate has ended, or the broker's.
TEST_F(WaitingTest, AnExpiredCertificateKeepsWhatWaitsAndSaysWhatToDo) {
  broker.away = absl::UnavailableError("failed to connect to all addresses; last error: Ssl handshake failed: certificate has expired");
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  for (int i = 0; i < 20; ++i) {
    clock.Advance(kRetryDelayMax);
    police.Settle();
  }
  EXPECT_EQ(police.State(), SUBMISSION_STATE_ACCEPTED) << "no person is asked, and nothing is given up";
  EXPECT_EQ(police.outbox->Get("request-1")->waiting_for().substr(0, 19), "BROKER_UNREACHABLE:") << "not INTERNAL, which would be a fault of ours";

  BrokerContact contact;
  contact.Note(broker.away, clock.Now());
  clock.Advance(absl::Minutes(1));
  contact.Note(broker.away, clock.Now());
  ServiceFacts facts{clock.Now(), absl::OkStatus(), false, contact.away_since(), clock.Now()};
  EXPECT_NE(WaitingFor(police.outbox->AllWaits(), facts).find("certificate for calls to the broker ended"), std::string::npos);
  facts.certificate_until = clock.Now() + absl::Seconds(1);
  EXPECT_NE(WaitingFor(police.outbox->AllWaits(), facts).find("has not answered since"), std::string::npos);

  broker.away = absl::OkStatus();
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(broker.stored.size(), 1u);
}

TEST_F(WaitingTest, ABrokerThatDeniesTheCertificateIsWaitedForUnderItsOwnReason) {
  broker.refuse_submit = Error(Reason::kCertificateDenied, "denied");
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  EXPECT_EQ(TheOne().reason, "CERTIFICATE_DENIED");
  EXPECT_EQ(TheOne().attempts, 1u);
  BrokerContact contact;
  contact.Note(broker.refuse_submit, clock.Now());
  EXPECT_EQ(contact.away_since(), absl::InfiniteFuture()) << "it answered";
  EXPECT_EQ(ToItem(TheOne()).words(), "The certificate or its key is on the deny set, or older than the principal's valid-from. Obtain a new certificate with a new key.");
  broker.refuse_submit = absl::OkStatus();
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_EQ(police.State(), SUBMISSION_STATE_SETTLED);
}

TEST_F(WaitingTest, WhatWaitsForAPersonSaysSoOverRestartsUntilTheySettleIt) {
  broker.withheld = {type::v1::CATEGORY_NARRATIVE, type::v1::CATEGORY_IDENTITY};
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  ASSERT_EQ(police.State(), SUBMISSION_STATE_NEEDS_PERSON);
  police.Restart();
  EXPECT_TRUE(TheOne().needs_person);
  EXPECT_EQ(TheOne().reason, "NOTHING_PERMITTED");
  EXPECT_NE(ToItem(TheOne()).words().find("accordctl referral resolve"), std::string::npos);
  EXPECT_EQ(police.outbox->waiting(), 0u) << "it is not on its way";
  ASSERT_TRUE(police.outbox->Resolve("request-1", false).ok());
  EXPECT_EQ(police.State(), SUBMISSION_STATE_WITHDRAWN);
  EXPECT_TRUE(police.outbox->AllWaits().empty());
}

TEST_F(WaitingTest, ActsStatementsAndResealsAreListedToo) {
  const std::string digest = DeliverOne();
  clock.Advance(absl::Minutes(5));
  broker.away = Error(Reason::kBrokerUnreachable, "no answer");
  EXPECT_FALSE(PoliceAct("act-00001", type::v1::STATEMENT_KIND_RECALL).ok());
  EXPECT_EQ(TheOne().kind, WAITING_KIND_ACT_ON_SENT);
  EXPECT_EQ(TheOne().since_ms, absl::ToUnixMillis(clock.Now())) << "since the act, not since the push";
  police.Restart();
  EXPECT_EQ(TheOne().kind, WAITING_KIND_ACT_ON_SENT);

  ASSERT_TRUE(idva.inbox->Read("read-00001", digest, SomeWorker()).ok());
  ASSERT_EQ(idva.inbox->Unsent().size(), 1u);
  EXPECT_EQ(idva.inbox->Unsent()[0].kind, WAITING_KIND_STATEMENT);
  EXPECT_EQ(idva.inbox->Unsent()[0].reason, "BROKER_UNREACHABLE");
  idva.Restart();
  EXPECT_EQ(idva.inbox->Unsent().size(), 1u);
  broker.away = absl::OkStatus();
  idva.inbox->ResendPending();
  EXPECT_TRUE(idva.inbox->Unsent().empty());
  clock.Advance(kRetryDelayMax);
  police.Settle();
  EXPECT_TRUE(police.outbox->AllWaits().empty());

  storage::v1::StoredSubmission settled;
  settled.set_state(SUBMISSION_STATE_SETTLED);
  settled.add_reseal_for("idva");
  settled.add_reseal_for("health");
  const std::vector<Wait> reseals = WaitsOf("request-1", settled);
  ASSERT_EQ(reseals.size(), 2u);
  EXPECT_EQ(reseals[0].kind, WAITING_KIND_RESEAL);
  EXPECT_TRUE(reseals[0].needs_person);
  EXPECT_NE(AgeKey(reseals[0]), AgeKey(reseals[1]));
}

TEST(WaitingForTest, WhatStopsEverythingIsSaidFirst) {
  const std::vector<Wait> waits = {{WAITING_KIND_SUBMISSION, "request-1", 1, 0, "QUEUE_FULL", false},
                                   {WAITING_KIND_SUBMISSION, "request-2", 2, 0, "PREVIEW_QUOTA", false},
                                   {WAITING_KIND_SUBMISSION, "request-3", 3, 0, "QUEUE_FULL", false},
                                   {WAITING_KIND_SUBMISSION, "request-4", 0, 0, "", false}};
  ServiceFacts facts{absl::UnixEpoch(), absl::OkStatus()};
  EXPECT_EQ(WaitingFor({}, facts), "");
  EXPECT_EQ(WaitingFor({waits[3]}, facts), "") << "it was not tried";
  EXPECT_EQ(ReasonOfWords(WaitingFor(waits, facts)), "QUEUE_FULL") << "that of most";
  facts.store_refuses = true;
  EXPECT_EQ(ReasonOfWords(WaitingFor(waits, facts)), "STORE_UNAVAILABLE");
  facts.alarm = Error(Reason::kLogForked, "forked");
  EXPECT_EQ(ReasonOfWords(WaitingFor(waits, facts)), "LOG_FORKED");
  EXPECT_EQ(WaitingFor({}, facts), "") << "nothing waits for it";
  const WaitingSummary summary = SummaryOf(waits);
  EXPECT_EQ(summary.by_reason, (std::map<std::string, size_t>{{"QUEUE_FULL", 2}, {"PREVIEW_QUOTA", 1}, {"NOT_TRIED", 1}}));
  EXPECT_EQ(summary.oldest_ms, 1);
  const WaitingPage first = PageOf({waits[3], waits[1], waits[2], waits[0]}, "", 3);
  ASSERT_EQ(first.waits.size(), 3u);
  EXPECT_EQ(first.waits[0].about, "request-1") << "the oldest first";
  EXPECT_EQ(first.waits[2].about, "request-3");
  const WaitingPage second = PageOf(waits, first.next, 3);
  ASSERT_EQ(second.waits.size(), 1u);
  EXPECT_EQ(second.waits[0].about, "request-4") << "what has no age comes last";
  EXPECT_EQ(second.next, "");
  EXPECT_EQ(PageOf(waits, "", 4).next, "") << "as many as there are";
}

// A new version of the service maps the same request to a draft that says more.
TEST_F(WaitingTest, TheSameRequestIsTheSamePushWhateverTheMappingMakesOfItByNow) {
  Draft first = SomeDraft();
  first.request_digest = std::string(32, 'r');
  ASSERT_TRUE(police.outbox->Push(first).ok());
  police.Settle();
  Draft upgraded = first;
  upgraded.core.set_purpose(type::v1::PURPOSE_SAFEGUARDING_ADULT);
  upgraded.sections[1].content.mutable_text()->set_text("what happened, and more of it");
  upgraded.recipients.clear();  // It could not even be sent any more.
  police.Restart();
  const auto again = police.outbox->Push(upgraded);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->state(), SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(again->draft().sections(1).content().text().text(), "what happened");
  Draft other = first;
  other.request_digest = std::string(32, 'o');
  EXPECT_TRUE(HasReason(police.outbox->Push(other).status(), Reason::kRequestIdReused)) << "another request, though it maps to the same";

  // Of what came before requests were kept, and of a push without one, drafts are compared.
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-old")).ok());
  Draft known = SomeDraft("request-old");
  known.request_digest = std::string(32, 'r');
  EXPECT_TRUE(police.outbox->Push(known).ok());
  known.sections[1].content.mutable_text()->set_text("other");
  EXPECT_TRUE(HasReason(police.outbox->Push(known).status(), Reason::kRequestIdReused));
  EXPECT_TRUE(police.outbox->Push(SomeDraft()).ok()) << "and of one kept with its request, pushed without";
}

TEST(RequestDigestTest, IsOfWhatIsPushedAndNotOfTheCall) {
  agency::v1::RecordNotSharedRequest request;
  request.mutable_options()->set_request_id("request-1");
  request.set_reason(type::v1::NOT_SHARED_REASON_CRITERIA_NOT_MET);
  const std::string digest = DigestOfRequest(request);
  EXPECT_EQ(digest.size(), 32u);
  auto waits = request;
  waits.mutable_options()->set_wait_ms(5000);
  waits.mutable_options()->set_preview_only(true);
  EXPECT_EQ(DigestOfRequest(waits), digest);
  auto other = request;
  other.mutable_options()->mutable_worker()->set_pseudonym("w-2");
  EXPECT_NE(DigestOfRequest(other), digest);
  agency::v1::RecordSentOutsideRequest of_another_call;
  ASSERT_TRUE(of_another_call.ParseFromString([] {
    agency::v1::RecordNotSharedRequest only_options;
    only_options.mutable_options()->set_request_id("request-1");
    return only_options.SerializeAsString();
  }()));
  agency::v1::RecordNotSharedRequest only_options;
  only_options.mutable_options()->set_request_id("request-1");
  EXPECT_NE(DigestOfRequest(of_another_call), DigestOfRequest(only_options));
}

}  // namespace
}  // namespace accord::agent::outbox_waiting_test
