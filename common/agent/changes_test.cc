// What senders say of what an agency holds, and what its workers answer: over restarts, out of order, said by the wrong agency,
// with the broker away, and with a legal hold on it.
#include <gtest/gtest.h>

#include <functional>

#include "common/agent/testing_service.h"

namespace accord::agent::changes_test {
namespace {

using type::v1::CHANGE_ANSWER_CONFIRMED;
using type::v1::CHANGE_ANSWER_DESTROYED;
using type::v1::CHANGE_ANSWER_KEPT_ON_BASIS;
using type::v1::CHANGE_ANSWER_NOT_OPENED;
using type::v1::CHANGE_ANSWER_STOPPED;
using type::v1::STATEMENT_KIND_CONSENT_CHANGE;
using type::v1::STATEMENT_KIND_RECALL;

const absl::Status kAway = Error(Reason::kBrokerUnreachable, "no answer");

class ChangesTest : public AgentTest {
 protected:
  ChangesTest() : digest(DeliverOne()) {}

  agency::v1::SharingBasis Withdrawn() {
    agency::v1::SharingBasis basis;
    basis.set_victim_awareness(type::v1::VICTIM_AWARENESS_INFORMED);
    basis.set_consent(type::v1::CONFIDENTIALITY_CONSENT_WITHDRAWN);
    basis.set_article6(type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
    return basis;
  }
  // What the broker delivers of a change of consent that police make.
  broker::v1::Delivery ConsentChange(const std::string& id = "consent-1", int64_t due_ms = 1000) {
    const auto basis = Withdrawn();
    EXPECT_TRUE(PoliceAct(id, STATEMENT_KIND_CONSENT_CHANGE, &basis).ok());
    auto delivery = DeliveryOf(broker.acts.back(), due_ms);
    for (const auto& opening : broker.act_openings) {
      if (opening.label() == "tag") *delivery.add_statement_openings() = opening;  // Padding is the broker's alone.
    }
    return delivery;
  }
  broker::v1::Delivery Withdrawal() {
    EXPECT_TRUE(PoliceAct("withdraw-1", type::v1::STATEMENT_KIND_WITHDRAWN).ok());
    return DeliveryOf(broker.acts.back(), 0);
  }
  absl::Status Say(const std::string& id, type::v1::StatementKind kind) {
    return idva.inbox->Act(id, digest, SomeWorker(), kind, [](type::v1::Statement&) {}).status();
  }
  broker::v1::Delivery Recall(const std::string& id = "recall-01") {
    EXPECT_TRUE(PoliceAct(id, STATEMENT_KIND_RECALL).ok());
    return DeliveryOf(broker.acts.back(), 2000);
  }
  // Police correct what they sent: the statement first, then the newer version.
  std::pair<broker::v1::Delivery, broker::v1::Delivery> Correct(bool safe_contact, const std::string& words = "what really happened") {
    Draft draft = SomeDraft("request-2");
    draft.options.set_corrects("request-1");
    draft.options.set_safe_contact_change(safe_contact);
    draft.sections[1].content.mutable_text()->set_text(words);
    EXPECT_TRUE(police.outbox->Push(draft).ok());
    police.Settle();
    EXPECT_EQ(police.State("request-2"), agency::v1::SUBMISSION_STATE_SETTLED);
    return {DeliveryOf(broker.acts.back(), 3000), DeliveryFor(idva)};
  }
  storage::v1::StoredReceived Held() { return idva.inbox->Get(digest)->stored; }
  absl::Status Answer(const std::string& id, type::v1::ChangeAnswer answer,
                      type::v1::Article6Basis article6 = type::v1::ARTICLE6_BASIS_UNSPECIFIED) {
    return idva.holds->AnswerChange(id, digest, SomeWorker(), {answer, article6}).status();
  }
  absl::Status Read(const std::string& id = "read-0001") { return idva.inbox->Read(id, digest, SomeWorker()).status(); }
  // A legal hold that names what idva holds.
  void Hold(bool lifted = false) {
    broker::v1::Delivery delivery;
    delivery.set_delivery_id(random.Bytes(16));
    delivery.mutable_hold()->set_hold("hold-1");
    if (!lifted) delivery.mutable_hold()->add_header_digests(digest);
    if (lifted) delivery.mutable_hold()->set_lifted_at_ms(1);
    type::v1::EntryEvent event;
    event.set_type(type::v1::EVENT_TYPE_RELEASED);
    event.set_hold("hold-1");
    *delivery.mutable_released() = broker.log.Receipt(broker.log.Append(event, ""));
    ASSERT_EQ(idva.holds->Receive(delivery), absl::OkStatus());
  }

  const std::string digest;  // Of what police sent as request-1 and idva holds.
};

TEST_F(ChangesTest, AChangeOfConsentIsMarkedAndAnswered) {
  ASSERT_TRUE(Read().ok());
  const auto delivery = ConsentChange();
  ASSERT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
  idva.Restart();
  EXPECT_TRUE(Held().consent_changed());
  EXPECT_EQ(Held().answer_due_ms(), 1000);
  ASSERT_EQ(Held().changed_tags_size(), 1);
  type::v1::TagPart tag;
  ASSERT_TRUE(tag.ParseFromString(Held().changed_tags(0).content()));
  EXPECT_EQ(tag.consent(), type::v1::CONFIDENTIALITY_CONSENT_WITHDRAWN);
  EXPECT_EQ(idva.inbox->unanswered(), 1u);
  EXPECT_TRUE(Read("read-0002").ok()) << "bases other than consent go on";

  ASSERT_EQ(Answer("answer-01", CHANGE_ANSWER_KEPT_ON_BASIS, type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION), absl::OkStatus());
  const auto& said = broker.statements.back();
  EXPECT_EQ(said.kind(), type::v1::STATEMENT_KIND_CHANGE_ANSWERED);
  EXPECT_EQ(said.answers(), referral::DigestOf(delivery.statement()));
  EXPECT_EQ(said.kept_article6(), type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION);
  EXPECT_FALSE(said.previous_statement().empty()) << "chained to OPENED";
  EXPECT_EQ(Held().state(), type::v1::REFERRAL_STATE_OPENED) << "an answer moves no state";
  EXPECT_EQ(Held().answer_due_ms(), 0);
  EXPECT_TRUE(Held().consent_changed());
  EXPECT_EQ(idva.inbox->unanswered(), 0u);
  EXPECT_EQ(Answer("answer-01", CHANGE_ANSWER_KEPT_ON_BASIS, type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION), absl::OkStatus()) << "the same again";
  EXPECT_TRUE(HasReason(Answer("answer-01", CHANGE_ANSWER_STOPPED), Reason::kRequestIdReused));
  EXPECT_EQ(broker.statements.size(), 2u);
  EXPECT_EQ(Answer("answer-02", CHANGE_ANSWER_STOPPED), absl::OkStatus()) << "it may be answered again";
  EXPECT_EQ(broker.statements.back().answers(), referral::DigestOf(delivery.statement()));
}

// ---------------------------------------------------------------- what workers say

TEST_F(ChangesTest, WhatWorkersSayMovesItByTheTableAndNoOtherWay) {
  const auto act = [&](const std::string& id, type::v1::StatementKind kind, const std::function<void(type::v1::Statement&)>& fill) {
    return idva.inbox->Act(id, digest, SomeWorker(), kind, fill).status();
  };
  const auto unclear = [](type::v1::Statement& s) { s.add_return_reasons(type::v1::RETURN_REASON_BASIS_UNCLEAR); };
  const auto nothing = [](type::v1::Statement&) {};
  const auto code = [](type::v1::Statement& s) { s.set_outcome_code("safety-plan-made"); };
  const auto completed = [](type::v1::Statement& s) { s.set_close_reason(type::v1::CLOSE_REASON_COMPLETED); };
  EXPECT_TRUE(HasReason(act("return-01", type::v1::STATEMENT_KIND_RETURNED, unclear), Reason::kTransitionIllegal)) << "nobody has read it";
  ASSERT_TRUE(Read().ok());
  EXPECT_TRUE(HasReason(act("close-001", type::v1::STATEMENT_KIND_CLOSED, completed), Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(act("return-01", type::v1::STATEMENT_KIND_RETURNED, nothing), Reason::kFieldMissing));
  ASSERT_EQ(act("return-01", type::v1::STATEMENT_KIND_RETURNED, unclear), absl::OkStatus());
  EXPECT_EQ(Held().state(), type::v1::REFERRAL_STATE_RETURNED);
  EXPECT_EQ(broker.statements.back().return_reasons(0), type::v1::RETURN_REASON_BASIS_UNCLEAR);
  ASSERT_EQ(act("accept-01", type::v1::STATEMENT_KIND_ACCEPTED, nothing), absl::OkStatus());
  ASSERT_EQ(act("action-01", type::v1::STATEMENT_KIND_ACTION, code), absl::OkStatus());
  EXPECT_EQ(Held().state(), type::v1::REFERRAL_STATE_ACTION_RECORDED);
  idva.Restart();
  ASSERT_EQ(act("outcome-1", type::v1::STATEMENT_KIND_OUTCOME, code), absl::OkStatus());
  ASSERT_EQ(act("close-001", type::v1::STATEMENT_KIND_CLOSED, completed), absl::OkStatus());
  EXPECT_EQ(act("close-001", type::v1::STATEMENT_KIND_CLOSED, completed), absl::OkStatus()) << "asked for again";
  EXPECT_EQ(Held().state(), type::v1::REFERRAL_STATE_CLOSED);
  EXPECT_TRUE(HasReason(act("accept-02", type::v1::STATEMENT_KIND_ACCEPTED, nothing), Reason::kTransitionIllegal));
  EXPECT_EQ(broker.statements.size(), 6u);
}

// ---------------------------------------------------------------- withdrawn

TEST_F(ChangesTest, OfWhatIsWithdrawnNothingMoreIsSaid) {
  ASSERT_TRUE(Read().ok());
  ASSERT_EQ(idva.inbox->Receive(Withdrawal()), absl::OkStatus());
  idva.Restart();
  EXPECT_TRUE(Held().withdrawn());
  EXPECT_EQ(Held().answer_due_ms(), 0);
  EXPECT_EQ(idva.inbox->unanswered(), 0u) << "nothing is asked";
  EXPECT_TRUE(HasReason(Say("accept-01", type::v1::STATEMENT_KIND_ACCEPTED), Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(Answer("answer-01", CHANGE_ANSWER_STOPPED), Reason::kTransitionIllegal)) << "there is nothing to answer";
  EXPECT_EQ(broker.statements.size(), 1u) << "OPENED alone";
  EXPECT_TRUE(Read("read-0002").ok()) << "it was opened before, and is this agency's";
  EXPECT_EQ(Held().state(), type::v1::REFERRAL_STATE_OPENED) << "where it had come to is still known";
}

TEST_F(ChangesTest, WhatWasWithdrawnUnopenedIsNotOpened) {
  ASSERT_EQ(idva.inbox->Receive(Withdrawal()), absl::OkStatus());
  EXPECT_TRUE(HasReason(Read(), Reason::kTransitionIllegal)) << "nobody would hear that it was opened";
  EXPECT_TRUE(broker.statements.empty());
}

// The withdrawal overtakes the referral.
TEST_F(ChangesTest, WhatIsWithdrawnBeforeItArrivesIsMarkedWhenItDoes) {
  EXPECT_TRUE(police.outbox->Push(SomeDraft("request-2")).ok());
  police.Settle();
  const auto late = DeliveryFor(idva);
  const std::string other = referral::DigestOf(late.referral().header());
  EXPECT_TRUE(PoliceAct("withdraw-2", type::v1::STATEMENT_KIND_WITHDRAWN, nullptr, "request-2").ok());
  ASSERT_EQ(idva.inbox->Receive(DeliveryOf(broker.acts.back(), 0)), absl::OkStatus());
  idva.inbox->ResendPending();
  EXPECT_TRUE(broker.statements.empty()) << "nothing is answered";
  ASSERT_EQ(idva.inbox->Receive(late), absl::OkStatus());
  EXPECT_TRUE(idva.inbox->Get(other)->stored.withdrawn());
  EXPECT_FALSE(idva.inbox->Read("read-0002", other, SomeWorker()).ok());
}

// Somebody opened it, and the word of that comes to the broker after the withdrawal.
TEST_F(ChangesTest, AnOpeningThatComesTooLateIsKnownHereAllTheSame) {
  broker.away = kAway;
  ASSERT_TRUE(Read().ok());
  broker.away = absl::OkStatus();
  ASSERT_EQ(idva.inbox->Receive(Withdrawal()), absl::OkStatus());
  broker.refuse_respond = Error(Reason::kTransitionIllegal, "it was withdrawn");
  idva.inbox->ResendPending();
  EXPECT_FALSE(Held().has_pending_statement());
  EXPECT_EQ(Held().state(), type::v1::REFERRAL_STATE_OPENED);
  EXPECT_TRUE(Read("read-0002").ok());
}

// ---------------------------------------------------------------- answers

TEST_F(ChangesTest, WhatWasNotChangedIsNotAnswered) {
  EXPECT_TRUE(HasReason(Answer("answer-01", CHANGE_ANSWER_STOPPED), Reason::kTransitionIllegal));
  ASSERT_TRUE(idva.inbox->Receive(ConsentChange()).ok());
  EXPECT_TRUE(HasReason(Answer("answer-01", CHANGE_ANSWER_CONFIRMED), Reason::kTransitionIllegal));
  EXPECT_TRUE(broker.statements.empty());
}

TEST_F(ChangesTest, ARepeatedDeliveryIsNotAskedAgain) {
  auto delivery = ConsentChange();
  ASSERT_TRUE(idva.inbox->Receive(delivery).ok());
  ASSERT_TRUE(Answer("answer-01", CHANGE_ANSWER_STOPPED).ok());
  ASSERT_TRUE(idva.inbox->Receive(delivery).ok());
  delivery.set_delivery_id(random.Bytes(16));  // Requeued.
  ASSERT_TRUE(idva.inbox->Receive(delivery).ok());
  EXPECT_EQ(idva.inbox->unanswered(), 0u);
}

TEST_F(ChangesTest, TheNewestChangeIsTheOneToBeAnswered) {
  const auto first = ConsentChange(), second = ConsentChange("consent-2", 5000);
  ASSERT_TRUE(idva.inbox->Receive(second).ok());
  ASSERT_TRUE(idva.inbox->Receive(first).ok()) << "late, and older: it names none before it";
  EXPECT_EQ(Held().answer_due_ms(), 5000);
  ASSERT_TRUE(Answer("answer-01", CHANGE_ANSWER_STOPPED).ok());
  EXPECT_EQ(broker.statements.back().answers(), referral::DigestOf(second.statement()));
  const auto third = ConsentChange("consent-3", 6000);
  ASSERT_TRUE(idva.inbox->Receive(third).ok());
  EXPECT_EQ(Held().answer_due_ms(), 6000);
  EXPECT_EQ(Held().changed_tags_size(), 1) << "of each tag the newest";
}

TEST_F(ChangesTest, OnlyTheSenderMayChangeIt) {
  // Housing is a genuine agency, with a key of the authority, and it did not send this.
  const auto housing = authority.IssueSigning("housing");
  auto statement = *referral::ParseStatement(Recall().statement());
  statement.set_agency("housing");
  auto delivery = DeliveryOf(*referral::SignStatement(statement, housing.signing_key()));
  auto& row = broker.directory.emplace_back();
  row.set_id("housing");
  row.add_signing_certificates(housing.certificate.der());
  EXPECT_TRUE(HasReason(idva.inbox->Receive(delivery), Reason::kSenderMismatch));
  EXPECT_FALSE(Held().recalled());
}

TEST_F(ChangesTest, WhatWasAlteredIsNotTaken) {
  const auto good = ConsentChange();
  const auto refused = [&](void (*alter)(broker::v1::Delivery&)) {
    auto delivery = good;
    alter(delivery);
    const absl::Status status = idva.inbox->Receive(delivery);
    EXPECT_FALSE(Held().consent_changed());
    return DetailOf(status).reason;
  };
  EXPECT_EQ(refused([](auto& d) { d.mutable_statement()->mutable_signature()->back() ^= 1; }), Reason::kSignatureInvalid);
  EXPECT_EQ(refused([](auto& d) { d.mutable_statement_openings(0)->mutable_salt()->back() ^= 1; }), Reason::kOpeningMismatch);
  EXPECT_EQ(refused([](auto& d) { d.mutable_statement_openings(0)->set_label("core"); }), Reason::kOpeningMismatch);
  EXPECT_EQ(refused([](auto& d) { d.clear_delivery_id(); }), Reason::kFieldInvalid);
  EXPECT_EQ(refused([](auto& d) { d.clear_statement(); }), Reason::kFieldInvalid);
  EXPECT_TRUE(idva.alarm->Check().ok());
  EXPECT_TRUE(idva.inbox->Receive(good).ok());
}

// A copy whose RELEASED entry is older than the recall is out, and the recall may reach its holder before it.
TEST_F(ChangesTest, ARecallThatOvertakesTheReferralIsAnsweredAndKeepsItUnshown) {
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-3")).ok());
  police.Settle();
  const auto referral = DeliveryFor(idva);
  const std::string late = referral::DigestOf(referral.referral().header());
  ASSERT_TRUE(PoliceAct("recall-03", STATEMENT_KIND_RECALL, nullptr, "request-3").ok());
  const auto recall = DeliveryOf(broker.acts.back());
  ASSERT_EQ(idva.inbox->Receive(recall), absl::OkStatus());
  idva.Restart();
  idva.inbox->ResendPending();
  idva.inbox->ResendPending();
  ASSERT_EQ(broker.statements.size(), 1u);
  EXPECT_EQ(broker.statements[0].change_answer(), CHANGE_ANSWER_NOT_OPENED);
  EXPECT_EQ(broker.statements[0].answers(), referral::DigestOf(recall.statement()));
  ASSERT_EQ(idva.inbox->Receive(referral), absl::OkStatus());
  EXPECT_FALSE(idva.inbox->Read("read-0001", late, SomeWorker()).ok());
  EXPECT_EQ(idva.inbox->unanswered(), 0u);
  ASSERT_EQ(idva.holds->Step(), absl::OkStatus());
  EXPECT_TRUE(HasReason(idva.inbox->Get(late).status(), Reason::kErased));
}

TEST_F(ChangesTest, AChangeOfConsentThatOvertakesTheReferralIsMarkedWhenThatArrives) {
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-3")).ok());
  police.Settle();
  const auto referral = DeliveryFor(idva);
  const std::string late = referral::DigestOf(referral.referral().header());
  const auto basis = Withdrawn();
  ASSERT_TRUE(PoliceAct("consent-3", STATEMENT_KIND_CONSENT_CHANGE, &basis, "request-3").ok());
  auto statement = DeliveryOf(broker.acts.back());
  for (const auto& opening : broker.act_openings) {
    if (opening.label() == "tag") *statement.add_statement_openings() = opening;
  }
  ASSERT_EQ(idva.inbox->Receive(statement), absl::OkStatus());
  ASSERT_EQ(idva.inbox->Receive(referral), absl::OkStatus());
  idva.Restart();
  const auto held = *idva.inbox->Get(late);
  EXPECT_TRUE(held.stored.consent_changed());
  EXPECT_EQ(held.stored.changed_tags_size(), 1);
  EXPECT_TRUE(held.stored.has_pending_statement());
  ASSERT_TRUE(idva.inbox->Read("read-0001", late, SomeWorker()).ok());
  idva.inbox->ResendPending();
  ASSERT_EQ(broker.statements.size(), 1u) << "the answer first; OPENED is said at the next reading";
  EXPECT_EQ(broker.statements[0].change_answer(), CHANGE_ANSWER_STOPPED);
  ASSERT_TRUE(idva.inbox->Read("read-0002", late, SomeWorker()).ok());
  ASSERT_EQ(broker.statements.size(), 2u);
  EXPECT_FALSE(broker.statements[1].previous_statement().empty()) << "chained to the service's answer";
}

TEST_F(ChangesTest, WhatAnotherAgencySaidEarlyOfAReferralIsNotTaken) {
  ASSERT_TRUE(police.outbox->Push(SomeDraft("request-3")).ok());
  police.Settle();
  const auto referral = DeliveryFor(idva);
  const std::string late = referral::DigestOf(referral.referral().header());
  const auto housing = authority.IssueSigning("housing");
  auto said = *referral::ParseStatement(Recall().statement());
  said.set_agency("housing");
  said.set_header_digest(late);
  auto delivery = DeliveryOf(*referral::SignStatement(said, housing.signing_key()));
  auto& row = broker.directory.emplace_back();
  row.set_id("housing");
  row.add_signing_certificates(housing.certificate.der());
  ASSERT_TRUE(idva.inbox->Receive(delivery).ok());
  ASSERT_TRUE(idva.inbox->Receive(referral).ok());
  EXPECT_FALSE(idva.inbox->Get(late)->stored.recalled());
  EXPECT_TRUE(idva.inbox->Read("read-0001", late, SomeWorker()).ok());
}

TEST_F(ChangesTest, WhatIsRecalledIsNotShownAndNothingElseIsSaidOfIt) {
  ASSERT_TRUE(Read().ok());
  ASSERT_TRUE(idva.inbox->Receive(Recall()).ok());
  EXPECT_TRUE(HasReason(Read("read-0002"), Reason::kTransitionIllegal));
  idva.Restart();
  EXPECT_TRUE(HasReason(Read("read-0003"), Reason::kTransitionIllegal));
  EXPECT_TRUE(Held().recalled());
  EXPECT_TRUE(HasReason(idva.inbox->Act("accept-01", digest, SomeWorker(), type::v1::STATEMENT_KIND_ACCEPTED, [](auto&) {}).status(),
                        Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(Answer("answer-01", CHANGE_ANSWER_STOPPED), Reason::kTransitionIllegal)) << "no answer to a recall";
  EXPECT_TRUE(HasReason(Answer("answer-02", CHANGE_ANSWER_NOT_OPENED), Reason::kTransitionIllegal)) << "it was opened";
  EXPECT_TRUE(HasReason(Answer("answer-03", CHANGE_ANSWER_KEPT_ON_BASIS), Reason::kFieldMissing)) << "on which?";
  EXPECT_TRUE(HasReason(idva.holds->Erase(digest, SomeWorker()).status(), Reason::kTransitionIllegal)) << "answer it first";
  EXPECT_EQ(broker.statements.size(), 1u);
}

TEST_F(ChangesTest, AnsweredAsDestroyedItIsErased) {
  ASSERT_TRUE(Read().ok());
  ASSERT_TRUE(idva.inbox->Receive(Recall()).ok());
  ASSERT_EQ(Answer("answer-01", CHANGE_ANSWER_DESTROYED), absl::OkStatus());
  EXPECT_EQ(broker.statements.back().change_answer(), CHANGE_ANSWER_DESTROYED);
  EXPECT_TRUE(HasReason(Read("read-0002"), Reason::kErased));
  EXPECT_TRUE(HasReason(idva.inbox->Get(digest).status(), Reason::kErased));
  EXPECT_TRUE(idva.inbox->AnsweredAsGone().empty());
}

TEST_F(ChangesTest, AnsweredAsNotOpenedItIsErasedToo) {
  ASSERT_TRUE(idva.inbox->Receive(Recall()).ok());
  ASSERT_EQ(Answer("answer-01", CHANGE_ANSWER_NOT_OPENED), absl::OkStatus());
  EXPECT_TRUE(HasReason(idva.inbox->Get(digest).status(), Reason::kErased));
  EXPECT_EQ(broker.statements.size(), 1u) << "and nobody said OPENED";
}

TEST_F(ChangesTest, AnAnswerThatTheBrokerDoesNotTakeErasesNothingUntilItDoes) {
  ASSERT_TRUE(idva.inbox->Receive(Recall()).ok());
  broker.away = kAway;
  EXPECT_TRUE(HasReason(Answer("answer-01", CHANGE_ANSWER_DESTROYED), Reason::kBrokerUnreachable));
  idva.Restart();
  broker.away = absl::OkStatus();
  EXPECT_TRUE(idva.inbox->Get(digest).ok());
  idva.inbox->ResendPending();
  idva.Restart();  // Answered, and killed before it was erased.
  EXPECT_EQ(idva.inbox->AnsweredAsGone().size(), 1u);
  EXPECT_FALSE(Read().ok());
  ASSERT_EQ(idva.holds->Step(), absl::OkStatus());
  EXPECT_TRUE(HasReason(idva.inbox->Get(digest).status(), Reason::kErased));
}

TEST_F(ChangesTest, AHoldForbidsThatItIsDestroyed) {
  ASSERT_TRUE(idva.inbox->Receive(Recall()).ok());
  Hold();
  EXPECT_TRUE(HasReason(Answer("answer-01", CHANGE_ANSWER_DESTROYED), Reason::kOnHold));
  EXPECT_TRUE(broker.statements.empty()) << "and nothing was said";
  EXPECT_EQ(Answer("answer-02", CHANGE_ANSWER_KEPT_ON_BASIS, type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION), absl::OkStatus());
  EXPECT_TRUE(idva.inbox->Get(digest).ok());
  EXPECT_FALSE(Read().ok()) << "it is still recalled";
}

TEST_F(ChangesTest, AHoldThatCameAfterTheAnswerKeepsItUnshownUntilItIsLifted) {
  ASSERT_TRUE(idva.inbox->Receive(Recall()).ok());
  broker.refuse_respond = kAway;
  EXPECT_FALSE(Answer("answer-01", CHANGE_ANSWER_DESTROYED).ok());
  Hold();
  broker.refuse_respond = absl::OkStatus();
  idva.inbox->ResendPending();
  ASSERT_EQ(idva.holds->Step(), absl::OkStatus());
  EXPECT_TRUE(idva.inbox->Get(digest).ok());
  EXPECT_FALSE(Read().ok());
  Hold(/*lifted=*/true);
  ASSERT_EQ(idva.holds->Step(), absl::OkStatus());
  EXPECT_TRUE(HasReason(idva.inbox->Get(digest).status(), Reason::kErased));
}

TEST_F(ChangesTest, ARecallThatOvertookTheWordThatItWasOpenedCannotBeAnsweredAsNotOpened) {
  broker.away = kAway;
  ASSERT_TRUE(Read().ok());
  broker.away = absl::OkStatus();
  ASSERT_TRUE(idva.inbox->Receive(Recall()).ok());
  broker.refuse_respond = Error(Reason::kTransitionIllegal, "it was recalled");
  idva.inbox->ResendPending();
  broker.refuse_respond = absl::OkStatus();
  EXPECT_TRUE(HasReason(Answer("answer-01", CHANGE_ANSWER_NOT_OPENED), Reason::kTransitionIllegal));
  EXPECT_TRUE(Answer("answer-02", CHANGE_ANSWER_DESTROYED).ok());
}

TEST_F(ChangesTest, AnOldValueIsMarkedBeforeTheNewOneIsShown) {
  const auto [statement, newer] = Correct(true);
  ASSERT_EQ(idva.inbox->Receive(statement), absl::OkStatus());
  EXPECT_TRUE(Held().do_not_use());
  EXPECT_TRUE(idva.inbox->Get(digest)->corrected_by.empty()) << "it has not arrived";
  ASSERT_EQ(idva.inbox->Receive(newer), absl::OkStatus());
  idva.Restart();
  const std::string newer_digest = referral::DigestOf(newer.referral().header());
  EXPECT_EQ(idva.inbox->Get(digest)->corrected_by, newer_digest);
  const auto correction = *idva.inbox->Get(newer_digest);
  EXPECT_EQ(correction.header.core.part.caused_by(), digest);
  EXPECT_EQ(*idva.inbox->ChangedSince(correction), std::vector<type::v1::Category>{type::v1::CATEGORY_NARRATIVE});
  EXPECT_TRUE(idva.inbox->ChangedSince(*idva.inbox->Get(digest))->empty()) << "a first version";
  EXPECT_EQ(Answer("answer-01", CHANGE_ANSWER_CONFIRMED), absl::OkStatus());
  EXPECT_TRUE(Held().do_not_use());
}

TEST_F(ChangesTest, ACorrectionThatComesBeforeItsStatementMarksTheOlderVersionItself) {
  const auto [statement, newer] = Correct(true);
  ASSERT_EQ(idva.inbox->Receive(newer), absl::OkStatus());
  EXPECT_TRUE(Held().do_not_use());
  EXPECT_EQ(idva.inbox->Get(digest)->corrected_by, referral::DigestOf(newer.referral().header()));
  ASSERT_EQ(idva.inbox->Receive(statement), absl::OkStatus());
  EXPECT_EQ(Held().answer_due_ms(), 3000);
}

TEST_F(ChangesTest, AnOrdinaryCorrectionLeavesTheOldValueUsable) {
  const auto [statement, newer] = Correct(false, "what happened");
  ASSERT_TRUE(idva.inbox->Receive(statement).ok());
  ASSERT_TRUE(idva.inbox->Receive(newer).ok());
  EXPECT_FALSE(Held().do_not_use());
  EXPECT_TRUE(idva.inbox->ChangedSince(*idva.inbox->Get(referral::DigestOf(newer.referral().header())))->empty()) << "nothing differs";
}

TEST_F(ChangesTest, OfAnErasedCopyTheServiceItselfAnswers) {
  ASSERT_TRUE(Read().ok());
  ASSERT_TRUE(idva.holds->Erase(digest, SomeWorker()).ok());
  const auto recall = Recall();
  ASSERT_EQ(idva.inbox->Receive(recall), absl::OkStatus());
  broker.away = kAway;
  idva.inbox->ResendPending();
  idva.Restart();
  broker.away = absl::OkStatus();
  idva.inbox->ResendPending();
  idva.inbox->ResendPending();
  ASSERT_EQ(broker.statements.size(), 2u) << "OPENED, and one answer";
  const auto& said = broker.statements.back();
  EXPECT_EQ(said.change_answer(), CHANGE_ANSWER_DESTROYED);
  EXPECT_EQ(said.answers(), referral::DigestOf(recall.statement()));
  EXPECT_EQ(said.worker().role(), type::v1::WORKER_ROLE_SYSTEM);
  EXPECT_FALSE(said.previous_statement().empty());
  ASSERT_TRUE(idva.inbox->Receive(ConsentChange()).ok());
  idva.inbox->ResendPending();
  EXPECT_EQ(broker.statements.back().change_answer(), CHANGE_ANSWER_STOPPED);
}

TEST_F(ChangesTest, AnActSignedWithARetiredKeyIsSignedAnew) {
  broker.away = kAway;
  ASSERT_TRUE(Read().ok());
  const std::string retired = Held().pending_statement().key_id();
  idva.keys.signing_key = authority.IssueSigning("idva").signing_key();
  broker.away = absl::OkStatus();
  broker.refuse_respond = Error(Reason::kSigningKeyUnknown, "removed from the directory");
  idva.inbox->ResendPending();
  EXPECT_NE(Held().pending_statement().key_id(), retired);
  broker.refuse_respond = absl::OkStatus();
  idva.inbox->ResendPending();
  EXPECT_FALSE(Held().has_pending_statement());
}

TEST_F(ChangesTest, TheSenderSeesTheAnswer) {
  ASSERT_TRUE(idva.inbox->Receive(ConsentChange()).ok());
  ASSERT_TRUE(Answer("answer-01", CHANGE_ANSWER_KEPT_ON_BASIS, type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION).ok());
  ASSERT_TRUE(police.outbox->AddStatement(digest, broker.statements.back()).ok());
  const agency::v1::ReceivedStatement row = police.outbox->Get("request-1")->statements(0);
  EXPECT_EQ(row.change_answer(), CHANGE_ANSWER_KEPT_ON_BASIS);
  EXPECT_EQ(row.kept_article6(), type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION);
}

class NoticesTest : public AgentTest {
 protected:
  broker::v1::Delivery Notice(uint32_t reminder) {
    broker::v1::Delivery delivery;
    delivery.set_delivery_id(random.Bytes(16));
    auto& notice = *delivery.mutable_notice();
    notice.set_kind(type::v1::NOTICE_KIND_CHANGE_OVERDUE);
    notice.set_header_digest(std::string(32, 'h'));
    notice.set_agency("idva");
    notice.set_due_at_ms(5);
    notice.set_reminder(reminder);
    type::v1::EntryEvent released;
    released.set_type(type::v1::EVENT_TYPE_RELEASED);
    *delivery.mutable_released() = broker.log.Receipt(broker.log.Append(released, notice.header_digest()));
    return delivery;
  }
};

TEST_F(NoticesTest, AreKeptOnceAndListedTheNewestFirst) {
  const auto first = Notice(1);
  ASSERT_EQ(police.notices->Receive(first), absl::OkStatus());
  ASSERT_TRUE(police.notices->Receive(first).ok());
  ASSERT_TRUE(police.notices->Receive(Notice(2)).ok());
  police.Restart();
  ASSERT_TRUE(police.notices->Receive(Notice(3)).ok());
  EXPECT_EQ(police.notices->count(), 3u);
  const auto page = *police.notices->List(0, 2);
  ASSERT_EQ(page.size(), 2u);
  EXPECT_EQ(page[0].second.notice().reminder(), 3u);
  const auto rest = *police.notices->List(page[1].first, 2);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].second.notice().reminder(), 1u);
}

TEST_F(NoticesTest, OneThatIsNotWholeIsRefused) {
  const auto refused = [&](void (*alter)(broker::v1::Delivery&)) {
    auto delivery = Notice(1);
    alter(delivery);
    return HasReason(police.notices->Receive(delivery), Reason::kFieldInvalid);
  };
  EXPECT_TRUE(refused([](auto& d) { d.clear_delivery_id(); }));
  EXPECT_TRUE(refused([](auto& d) { d.mutable_notice()->clear_kind(); }));
  EXPECT_TRUE(refused([](auto& d) { d.mutable_notice()->set_header_digest("h"); }));
  EXPECT_TRUE(refused([](auto& d) { d.mutable_notice()->set_agency("No Agency"); }));
  EXPECT_EQ(police.notices->count(), 0u);
}

}  // namespace
}  // namespace accord::agent::changes_test
