// Legal holds and erasure at an agency: over a real store, with the service killed in between and a broker that is away.
#include "common/agent/holds.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/agent/testing_service.h"
#include "common/base/file.h"

namespace accord::agent::holds_test {
namespace {

using type::v1::HOLD_ANSWER_ALREADY_ERASED;
using type::v1::HOLD_ANSWER_HELD;
using type::v1::HOLD_ANSWER_NOTHING_HELD;

class HoldsTest : public AgentTest {
 protected:
  broker::v1::Delivery Notice(const std::string& hold, const std::vector<std::string>& digests, int64_t lifted_at_ms = 0) {
    broker::v1::Delivery delivery;
    delivery.set_delivery_id(random.Bytes(16));
    auto& notice = *delivery.mutable_hold();
    notice.set_hold(hold);
    notice.set_ground(type::v1::HOLD_GROUND_INQUEST);
    notice.set_authority("coroner-durham/42");
    notice.set_review_at_ms(2'000'000'000'000);
    notice.set_set_at_ms(1'800'000'000'000);
    notice.set_lifted_at_ms(lifted_at_ms);
    for (const std::string& digest : digests) notice.add_header_digests(digest);
    type::v1::EntryEvent released;
    released.set_type(type::v1::EVENT_TYPE_RELEASED);
    released.set_hold(hold);
    *delivery.mutable_released() = broker.log.Receipt(broker.log.Append(released, ""));
    return delivery;
  }
  storage::v1::StoredAgencyHold Stored(Service& service, const std::string& id) {
    const auto holds = service.holds->List("", 500);
    EXPECT_TRUE(holds.ok()) << holds.status();
    for (const auto& hold : *holds) {
      if (hold.id == id) return hold.stored;
    }
    ADD_FAILURE() << "no hold " << id;
    return {};
  }
  // True when a file of the service's store has `bytes`.
  static bool OnDisk(Service& service, const std::string& bytes) {
    for (const auto& file : std::filesystem::directory_iterator(service.path())) {
      if (!file.is_regular_file()) continue;
      const auto content = ReadFile(file.path().string(), 64u << 20);
      EXPECT_TRUE(content.ok()) << content.status();
      if (content.ok() && content->find(bytes) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_F(HoldsTest, AnswersHeldByItselfAndSendsUntilTheBrokerAnswered) {
  const std::string digest = DeliverOne();
  ASSERT_TRUE(idva.holds->Receive(Notice("inquest-1", {digest})).ok());
  broker.away = Error(Reason::kBrokerUnreachable, "away");
  EXPECT_FALSE(idva.holds->Step().ok());
  EXPECT_EQ(Stored(idva, "inquest-1").answered_at_ms(), 0);
  idva.Restart();  // Killed before the answer was known.
  broker.away = absl::OkStatus();
  ASSERT_TRUE(idva.holds->Step().ok());
  ASSERT_EQ(broker.hold_answers.size(), 1u);
  EXPECT_EQ(broker.hold_answers[0].answer(), HOLD_ANSWER_HELD);
  EXPECT_EQ(broker.hold_answers[0].worker().role(), type::v1::WORKER_ROLE_SYSTEM);
  const auto stored = Stored(idva, "inquest-1");
  EXPECT_EQ(stored.answer(), HOLD_ANSWER_HELD);
  EXPECT_GT(stored.answered_at_ms(), 0);
  EXPECT_FALSE(stored.receipt().tlog_proof().empty());
  EXPECT_EQ(stored.referrals(), 1u);
  ASSERT_TRUE(idva.holds->Step().ok());
  EXPECT_EQ(broker.hold_answers.size(), 1u);  // Said once.

  // The sender holds it too: what it sent.
  ASSERT_TRUE(police.holds->Receive(Notice("inquest-1", {digest})).ok());
  ASSERT_TRUE(police.holds->Step().ok());
  EXPECT_EQ(broker.hold_answers.back().answer(), HOLD_ANSWER_HELD);
}

TEST_F(HoldsTest, AnswersNothingHeldOfWhatItNeverHad) {
  const auto delivery = Notice("inquest-1", {std::string(32, 'x')});
  ASSERT_TRUE(idva.holds->Receive(delivery).ok());
  ASSERT_TRUE(idva.holds->Receive(delivery).ok());  // Delivered again.
  ASSERT_TRUE(idva.holds->Step().ok());
  ASSERT_EQ(broker.hold_answers.size(), 1u);
  EXPECT_EQ(broker.hold_answers[0].answer(), HOLD_ANSWER_NOTHING_HELD);
}

// As after a replay, when the hold rides in front of what it names.
TEST_F(HoldsTest, AnswersAnewWhenWhatAHoldNamesArrivesAfterIt) {
  SignWithKnownCertificate();
  ASSERT_TRUE(police.outbox->Push(SomeDraft()).ok());
  police.Settle();
  const auto delivery = DeliveryFor(idva);
  const std::string digest = referral::DigestOf(delivery.referral().header());
  ASSERT_TRUE(idva.holds->Receive(Notice("inquest-1", {digest})).ok());
  ASSERT_TRUE(idva.holds->Step().ok());
  EXPECT_EQ(broker.hold_answers.back().answer(), HOLD_ANSWER_NOTHING_HELD);
  ASSERT_TRUE(idva.inbox->Receive(delivery).ok());
  ASSERT_TRUE(idva.holds->Arrived(digest).ok());
  idva.Restart();
  ASSERT_TRUE(idva.holds->Step().ok());
  ASSERT_EQ(broker.hold_answers.size(), 2u);
  EXPECT_EQ(broker.hold_answers[1].answer(), HOLD_ANSWER_HELD);
  // What no hold names, or a lifted one, asks for nothing.
  ASSERT_TRUE(idva.holds->Arrived(std::string(32, 'x')).ok());
  ASSERT_TRUE(idva.holds->Receive(Notice("inquest-1", {}, 1'900'000'000'000)).ok());
  ASSERT_TRUE(idva.holds->Arrived(digest).ok());
  ASSERT_TRUE(idva.holds->Step().ok());
  EXPECT_EQ(broker.hold_answers.size(), 2u);
}

TEST_F(HoldsTest, ErasesAReceivedCopySoThatNoFileHasItsBytes) {
  const std::string digest = DeliverOne();
  const auto entry = idva.inbox->Get(digest);
  ASSERT_TRUE(entry.ok());
  // Values are encrypted: what can be searched for are the stored bytes themselves.
  const auto stored_bytes = idva.store->raw().Get(kFamilyInbox, digest);
  ASSERT_TRUE(stored_bytes.ok() && stored_bytes->has_value());
  const std::string piece = (*stored_bytes)->substr(40, 64);
  ASSERT_TRUE(OnDisk(idva, piece));

  idva.purge_fails = Error(Reason::kStoreUnavailable, "the disk is busy");
  EXPECT_FALSE(idva.holds->Erase(digest, SomeWorker()).ok());
  EXPECT_TRUE(HasReason(idva.inbox->Get(digest).status(), Reason::kErased));  // Erased, and not yet purged.
  idva.Restart();
  idva.purge_fails = absl::OkStatus();
  ASSERT_TRUE(idva.holds->Step().ok());  // Purged by itself.
  EXPECT_FALSE(OnDisk(idva, piece));
  EXPECT_TRUE(HasReason(idva.inbox->Get(digest).status(), Reason::kErased));
  EXPECT_TRUE(HasReason(idva.inbox->Read("read-0001", digest, SomeWorker()).status(), Reason::kErased));
  EXPECT_TRUE(idva.inbox->List(0, 10)->empty());
  const auto erased = idva.holds->Erase(digest, SomeWorker());
  ASSERT_TRUE(erased.ok());

  // Given again, under another delivery id: acknowledged, and not kept.
  ASSERT_TRUE(idva.inbox->Receive(DeliveryFor(idva)).ok());
  EXPECT_TRUE(idva.inbox->List(0, 10)->empty());

  // A hold that comes afterwards is told so, with the date.
  ASSERT_TRUE(idva.holds->Receive(Notice("inquest-1", {digest, std::string(32, 'x')})).ok());
  ASSERT_TRUE(idva.holds->Step().ok());
  EXPECT_EQ(broker.hold_answers.back().answer(), HOLD_ANSWER_ALREADY_ERASED);
  EXPECT_EQ(broker.hold_answers.back().erased_at_ms(), *erased);
}

TEST_F(HoldsTest, ErasesWhatItSentOnceItIsSettled) {
  const std::string digest = DeliverOne();
  const auto submission = police.outbox->Get("request-1");
  ASSERT_EQ(submission->state(), agency::v1::SUBMISSION_STATE_SETTLED);
  ASSERT_TRUE(police.holds->Erase(digest, SomeWorker()).ok());
  const auto left = police.outbox->Get("request-1");
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(left->state(), agency::v1::SUBMISSION_STATE_ERASED);
  EXPECT_FALSE(left->has_draft());
  EXPECT_FALSE(left->has_prepared());
  EXPECT_TRUE(left->draft_digest().empty());
  EXPECT_TRUE(HasReason(police.outbox->Push(SomeDraft()).status(), Reason::kErased));
  police.Restart();
  EXPECT_EQ(police.State(), agency::v1::SUBMISSION_STATE_ERASED);
  EXPECT_FALSE(police.outbox->Step());  // Nothing of it is due.
  EXPECT_TRUE(HasReason(police.holds->Erase(std::string(32, 'x'), SomeWorker()).status(), Reason::kReferralNotFound));
}

TEST_F(HoldsTest, NothingIsErasedWhileAHoldNamesIt) {
  const std::string digest = DeliverOne();
  ASSERT_TRUE(idva.holds->Receive(Notice("inquest-1", {digest})).ok());
  ASSERT_TRUE(idva.holds->Receive(Notice("trial-2", {digest})).ok());
  const auto refused = idva.holds->Erase(digest, SomeWorker()).status();
  EXPECT_TRUE(HasReason(refused, Reason::kOnHold));
  ASSERT_TRUE(idva.holds->Receive(Notice("inquest-1", {}, 1'800'000'100'000)).ok());
  idva.Restart();
  EXPECT_EQ(DetailOf(idva.holds->Erase(digest, SomeWorker()).status()).metadata.at("hold"), "trial-2");
  EXPECT_TRUE(idva.inbox->Get(digest).ok());
  ASSERT_TRUE(idva.holds->Receive(Notice("trial-2", {}, 1'800'000'100'000)).ok());
  EXPECT_TRUE(idva.holds->Erase(digest, SomeWorker()).ok());
  // Told again: nothing changes.
  ASSERT_TRUE(idva.holds->Receive(Notice("trial-2", {}, 1'800'000'100'000)).ok());
}

TEST_F(HoldsTest, APersonSpeaksForTheOtherSystems) {
  ASSERT_TRUE(idva.holds->Receive(Notice("inquest-1", {std::string(32, 'x')})).ok());
  ASSERT_TRUE(idva.holds->Step().ok());
  const auto held = idva.holds->Answer("answer-0001", "inquest-1", HOLD_ANSWER_HELD, 0, SomeWorker());
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_TRUE(held->stored.by_person());
  EXPECT_EQ(broker.hold_answers.back().worker().pseudonym(), "w-1");
  // The same again is the same; another under its id is refused.
  const size_t said = broker.hold_answers.size();
  EXPECT_TRUE(idva.holds->Answer("answer-0001", "inquest-1", HOLD_ANSWER_HELD, 0, SomeWorker()).ok());
  EXPECT_EQ(broker.hold_answers.size(), said);
  EXPECT_TRUE(HasReason(idva.holds->Answer("answer-0001", "inquest-1", HOLD_ANSWER_NOTHING_HELD, 0, SomeWorker()).status(),
                        Reason::kRequestIdReused));
  // A further notice does not undo it, unless this store has some of what it names.
  ASSERT_TRUE(idva.holds->Receive(Notice("inquest-1", {std::string(32, 'y')})).ok());
  ASSERT_TRUE(idva.holds->Step().ok());
  EXPECT_EQ(broker.hold_answers.size(), said);
  ASSERT_TRUE(idva.holds->Answer("answer-0002", "inquest-1", HOLD_ANSWER_NOTHING_HELD, 0, SomeWorker()).ok());
  const std::string digest = DeliverOne();
  ASSERT_TRUE(idva.holds->Receive(Notice("inquest-1", {digest})).ok());
  ASSERT_TRUE(idva.holds->Step().ok());
  EXPECT_EQ(broker.hold_answers.back().answer(), HOLD_ANSWER_HELD);
  EXPECT_TRUE(HasReason(idva.holds->Answer("answer-0003", "inquest-1", HOLD_ANSWER_NOTHING_HELD, 0, SomeWorker()).status(),
                        Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(idva.holds->Answer("answer-0003", "no-such-hold", HOLD_ANSWER_HELD, 0, SomeWorker()).status(),
                        Reason::kHoldNotFound));
  EXPECT_TRUE(HasReason(idva.holds->Answer("answer-0003", "inquest-1", HOLD_ANSWER_ALREADY_ERASED, 0, SomeWorker()).status(),
                        Reason::kFieldInvalid));
}

TEST_F(HoldsTest, ARefusedAnswerIsNotSentForEver) {
  ASSERT_TRUE(idva.holds->Receive(Notice("inquest-1", {std::string(32, 'x')})).ok());
  broker.refuse_answer = Error(Reason::kHoldNotFound, "no such legal hold");
  EXPECT_TRUE(HasReason(idva.holds->Step(), Reason::kHoldNotFound));
  EXPECT_TRUE(idva.holds->Step().ok());
  EXPECT_EQ(Stored(idva, "inquest-1").answer(), type::v1::HOLD_ANSWER_UNSPECIFIED);
  // A store from before an answer: the broker knows the number, and the next one is taken.
  ASSERT_TRUE(idva.holds->Receive(Notice("trial-2", {std::string(32, 'x')})).ok());
  broker.refuse_answer = Error(Reason::kRequestIdReused, "other content");
  EXPECT_FALSE(idva.holds->Step().ok());
  broker.refuse_answer = absl::OkStatus();
  ASSERT_TRUE(idva.holds->Step().ok());
  EXPECT_EQ(broker.hold_answers.back().request_id(), "accord-hold/trial-2/2");
}

TEST_F(HoldsTest, ANoticeMustBeWhatItsReceiptSays) {
  auto delivery = Notice("inquest-1", {std::string(32, 'x')});
  delivery.mutable_hold()->set_hold("inquest-2");
  EXPECT_TRUE(HasReason(idva.holds->Receive(delivery), Reason::kReceiptInvalid));
  EXPECT_FALSE(idva.alarm->Check().ok());
  EXPECT_TRUE(idva.holds->List("", 10)->empty());
  auto malformed = Notice("inquest-1", {"short"});
  EXPECT_TRUE(HasReason(police.holds->Receive(malformed), Reason::kFieldInvalid));
}

}  // namespace
}  // namespace accord::agent::holds_test
