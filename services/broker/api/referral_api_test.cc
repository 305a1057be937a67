// Referrals and mailboxes over the wire: a whole broker with TLS, a real store and a real log.
//
// Goal: what the contract of referral_service.proto and mailbox_service.proto promises, above all what must not happen.
// Method: raw stubs of single agencies, so that every byte an agency is sent can be looked at.
#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/ledger/note.h"
#include "common/ledger/tlog_proof.h"
#include "common/referral/referral_name.h"
#include "common/referral/statement.h"
#include "common/referral/validate.h"
#include "services/broker/admission/submit_command.h"
#include "services/broker/api/mailbox_service.h"
#include "services/broker/api/referral_service.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_collector.h"
#include "services/broker/delivery/release.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker::referral_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::HasSubstr;
using ::testing::Not;

class ReferralApiTest : public ::testing::Test {
 protected:
  ReferralApiTest() : police_(v1::ReferralService::NewStub(world_.Channel("agency/police"))) {}

  absl::StatusOr<v1::SubmitReferralResponse> Submit(const v1::SubmitReferralRequest& request) {
    return rpc::CallUnary(*police_, &v1::ReferralService::Stub::SubmitReferral, request, kTestTimeout);
  }
  v1::SubmitReferralResponse Stored(const TestingReferral& spec) {
    const auto response = Submit(MakeSubmission(world_, spec));
    EXPECT_EQ(response.status(), absl::OkStatus());
    return response.ok() ? *response : v1::SubmitReferralResponse();
  }
  Reason Refusal(const v1::SubmitReferralRequest& request) {
    const auto response = Submit(request);
    EXPECT_FALSE(response.ok());
    EXPECT_EQ(response.status().code(), RowOf(DetailOf(response.status()).reason).code);
    return DetailOf(response.status()).reason;
  }
  absl::StatusOr<v1::Referral> Get(v1::ReferralService::Stub& stub, std::string_view header_digest) {
    v1::GetReferralRequest request;
    request.set_name(referral::ReferralName(header_digest));
    ACCORD_ASSIGN_OR_RETURN(auto response, rpc::CallUnary(stub, &v1::ReferralService::Stub::GetReferral, request, kTestTimeout));
    return response.referral();
  }
  ReferralState StateAt(const std::string& agency, std::string_view header_digest) {
    const auto referral = Get(*police_, header_digest);
    EXPECT_EQ(referral.status(), absl::OkStatus());
    for (const auto& row : referral->recipients()) {
      if (row.agency() == agency) return row.state();
    }
    return REFERRAL_STATE_UNSPECIFIED;
  }
  // The verified leaf's event, as the receipt's openings tell it.
  EntryEvent EventOf(const Receipt& receipt) {
    const auto vkey = ledger::Vkey::Parse(world_.broker().vkey());
    EXPECT_EQ(ledger::VerifyReceipt(receipt.tlog_proof(), *vkey).status(), absl::OkStatus());
    EntryEvent event;
    for (const Opening& opening : receipt.openings()) {
      if (opening.label() != "event") continue;
      EXPECT_TRUE(event.ParseFromString(opening.content()));
    }
    return event;
  }
  absl::StatusOr<v1::RespondToReferralResponse> Say(v1::ReferralService::Stub& stub, const std::string& agency, const std::string& request_id,
                                                    std::string_view header_digest, StatementKind kind, std::string_view previous = "",
                                                    std::function<void(Statement&)> fill = nullptr) {
    Statement statement;
    statement.set_request_id(request_id);
    statement.set_agency(agency);
    statement.mutable_worker()->set_pseudonym("worker-1");
    statement.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
    statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    statement.set_header_digest(std::string(header_digest));
    statement.set_previous_statement(std::string(previous));
    statement.set_kind(kind);
    statement.set_acted_at_ms(absl::ToUnixMillis(world_.clock().Now()));
    if (fill) fill(statement);
    ACCORD_ASSIGN_OR_RETURN(const auto document, referral::SignStatement(statement, world_.signing(agency).signing_key()));
    v1::RespondToReferralRequest request;
    request.set_request_id(request_id);
    *request.mutable_statement() = document;
    return rpc::CallUnary(stub, &v1::ReferralService::Stub::RespondToReferral, request, kTestTimeout);
  }

  TestingBroker world_;
  std::unique_ptr<v1::ReferralService::Stub> police_;
};

TEST_F(ReferralApiTest, StoresOnceAndRepeatsTheFirstAnswer) {
  const auto request = MakeSubmission(world_, {.request_id = "incident-1"});
  const auto first = Submit(request);
  ASSERT_EQ(first.status(), absl::OkStatus());
  EXPECT_FALSE(first->repeated_request());
  EXPECT_EQ(EventOf(first->receipt()).type(), EVENT_TYPE_REFERRAL_STORED);
  EXPECT_EQ(first->decisions_size(), 6);

  // Even when the policy would now refuse it.
  ASSERT_EQ(world_.PutAgreement("2", R"("safety_plan")"), absl::OkStatus());
  const auto again = Submit(request);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_TRUE(again->repeated_request());
  EXPECT_EQ(again->stored_index(), first->stored_index());
  EXPECT_EQ(again->decision_digest(), first->decision_digest());
  EXPECT_EQ(EventOf(again->receipt()).type(), EVENT_TYPE_REFERRAL_STORED);

  const auto other = Submit(MakeSubmission(world_, {.request_id = "incident-1"}));  // Other ids and salts.
  EXPECT_TRUE(HasReason(other.status(), Reason::kRequestIdReused));
  EXPECT_EQ(DetailOf(other.status()).metadata.at("first_digest"), ToHex(first->header_digest()));
}

TEST_F(ReferralApiTest, RefusesWhatWasAlteredOrIsNotTheCallers) {
  const auto good = MakeSubmission(world_, {.request_id = "incident-1"});
  auto request = good;
  request.mutable_submission()->mutable_header()->mutable_signature()->back() ^= 1;
  EXPECT_EQ(Refusal(request), Reason::kSignatureInvalid);

  request = good;
  for (auto& opening : *request.mutable_submission()->mutable_openings()) {
    if (opening.label() != "tag") continue;
    TagPart tag;
    ASSERT_TRUE(tag.ParseFromString(opening.content()));
    tag.set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
    opening.set_content(tag.SerializeAsString());
  }
  EXPECT_EQ(Refusal(request), Reason::kOpeningMismatch);

  request = good;
  std::swap(*request.mutable_submission()->mutable_sections(0)->mutable_cms(), *request.mutable_submission()->mutable_sections(1)->mutable_cms());
  EXPECT_EQ(Refusal(request), Reason::kSectionDigestMismatch);

  request = good;
  request.mutable_submission()->mutable_sections()->RemoveLast();
  EXPECT_EQ(Refusal(request), Reason::kFieldMissing);

  request = good;
  request.set_request_id("incident-2");
  EXPECT_EQ(Refusal(request), Reason::kFieldInvalid);

  request = good;
  request.clear_submission();
  EXPECT_EQ(Refusal(request), Reason::kFieldMissing);

  const auto childrens = v1::ReferralService::NewStub(world_.Channel("agency/childrens"));
  EXPECT_TRUE(HasReason(rpc::CallUnary(*childrens, &v1::ReferralService::Stub::SubmitReferral, good, kTestTimeout).status(),
                        Reason::kSigningKeyUnknown));
  const auto posing = MakeSubmission(world_, {.request_id = "incident-3", .alter = [](auto& parts) { parts.core.set_sender("childrens"); }});
  EXPECT_EQ(Refusal(posing), Reason::kSenderMismatch);

  ASSERT_EQ(Submit(good).status(), absl::OkStatus());  // None of these refusals took the id.
}

TEST_F(ReferralApiTest, RefusesAMessageOverItsLimit) {
  auto request = MakeSubmission(world_, {.request_id = "incident-1"});
  std::string& cms = *request.mutable_submission()->mutable_sections(0)->mutable_cms();
  cms.resize(referral::kMessageBytesMax - 64u * 1024, '\0');
  while (request.ByteSizeLong() < referral::kMessageBytesMax) cms.resize(cms.size() + referral::kMessageBytesMax - request.ByteSizeLong());
  ASSERT_EQ(request.ByteSizeLong(), referral::kMessageBytesMax);
  EXPECT_EQ(Refusal(request), Reason::kSectionMalformed);
  cms.push_back('\0');
  EXPECT_EQ(Refusal(request), Reason::kMessageTooLarge);
}

TEST_F(ReferralApiTest, RefusesSealsThatGoFurtherThanTheDecision) {
  EXPECT_EQ(Refusal(MakeSubmission(world_, {.request_id = "incident-1", .sealed_for = {{CATEGORY_NARRATIVE, {"idva", "housing"}}}})),
            Reason::kSealedTooWidely);
  EXPECT_EQ(Refusal(MakeSubmission(world_, {.request_id = "incident-1", .sealed_for = {{CATEGORY_NARRATIVE, {"childrens"}}}})),
            Reason::kSealedTooWidely);
  admin::v1::Change change;
  *change.mutable_put_agency()->mutable_agency() = world_.broker().directory().Get()->FindAgency("idva")->agency;
  change.mutable_put_agency()->mutable_agency()->set_sealing_certificate(world_.authority().IssueSealing("idva").certificate.der());
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  EXPECT_EQ(Refusal(MakeSubmission(world_, {.request_id = "incident-1"})), Reason::kSealingKeyUnknown);
}

TEST_F(ReferralApiTest, ADeputyIsDecidedForItself) {
  const auto set_deputy = [&](const std::string& deputy) {
    admin::v1::Change change;
    *change.mutable_put_agency()->mutable_agency() = world_.broker().directory().Get()->FindAgency("idva")->agency;
    change.mutable_put_agency()->mutable_agency()->set_deputy(deputy);
    ASSERT_EQ(world_.Change(change), absl::OkStatus());
  };
  const auto resolved = [&] {
    std::vector<std::string> agencies;
    MakeSubmission(world_, {.request_id = "incident-0", .recipients = {"idva"}, .alter = [&](auto& parts) {
                              v1::PreviewReferralRequest request;
                              *request.mutable_core() = parts.core;
                              *request.add_recipients() = parts.recipients[0];
                              *request.add_tags() = parts.tags[0];
                              for (const auto& section : parts.sections) *request.add_sections() = section;
                              for (const auto& subject : parts.subjects) *request.add_subjects() = subject;
                              const auto preview = rpc::CallUnary(*police_, &v1::ReferralService::Stub::PreviewReferral, request, kTestTimeout);
                              ASSERT_EQ(preview.status(), absl::OkStatus());
                              for (const auto& recipient : preview->recipients()) agencies.push_back(recipient.agency());
                            }});
    return agencies;
  };
  set_deputy("housing");  // May have the identity only.
  EXPECT_THAT(resolved(), ::testing::ElementsAre("idva"));
  EXPECT_EQ(Refusal(MakeSubmission(world_, {.request_id = "incident-1", .recipients = {"idva"}, .sealed_for = {{CATEGORY_RISK, {"idva", "housing"}}}})),
            Reason::kSealedTooWidely);
  Stored({.request_id = "incident-1", .recipients = {"idva"}, .sealed_for = {{CATEGORY_IDENTITY, {"idva", "housing"}}}});
  set_deputy("childrens");  // May have as much.
  EXPECT_THAT(resolved(), ::testing::ElementsAre("idva", "childrens"));
  Stored({.request_id = "incident-2", .recipients = {"idva"}, .sealed_for = {{CATEGORY_RISK, {"idva", "childrens"}}}});
  // Sealed for it, and not delivered to it.
  EXPECT_EQ(world_.broker().mailboxes().depth({"childrens"}), 0u);
}

TEST_F(ReferralApiTest, HoldsTheSenderToItsPreview) {
  auto request = MakeSubmission(world_, {.request_id = "incident-1"});
  const auto stored = Stored({.request_id = "incident-2"});
  request.set_decision_digest(stored.decision_digest());
  EXPECT_EQ(Refusal(request), Reason::kDecisionChanged);  // Section ids differ.
  EXPECT_EQ(Refusal(MakeSubmission(world_, {.request_id = "incident-3",
                                            .consent = CONFIDENTIALITY_CONSENT_REFUSED})),
            Reason::kSealedTooWidely);
  EXPECT_EQ(Refusal(MakeSubmission(world_, {.request_id = "incident-3",
                                            .consent = CONFIDENTIALITY_CONSENT_REFUSED,
                                            .sealed_for = {{CATEGORY_IDENTITY, {}}, {CATEGORY_RISK, {}}, {CATEGORY_NARRATIVE, {}}}})),
            Reason::kNothingPermitted);
}

TEST_F(ReferralApiTest, ARecipientFindsNoTraceOfWhatItMayNotHave) {
  const auto request = MakeSubmission(world_, {.request_id = "incident-1"});
  ASSERT_EQ(Submit(request).status(), absl::OkStatus());
  Collector housing(world_, "agency/housing", 8);
  const v1::Delivery delivery = housing.NextDelivery();
  ASSERT_EQ(delivery.referral().sections_size(), 1);
  const std::string wire = delivery.SerializeAsString();
  EXPECT_THAT(wire, Not(HasSubstr("idva")));
  EXPECT_EQ(delivery.referral().openings_size(), 4);  // Core, itself, one section, its tag.
  ASSERT_EQ(delivery.referral().terms_size(), 1);
  EXPECT_EQ(delivery.referral().terms(0).section_id(), delivery.referral().sections(0).section_id());
  EXPECT_EQ(delivery.referral().terms(0).obligations().onward(), ONWARD_SHARING_ASK_ORIGINATOR);
  EXPECT_TRUE(delivery.referral().terms(0).obligations().not_to_alleged_perpetrator());
  EXPECT_EQ(delivery.referral().terms(0).regime(), REGIME_UK_GDPR);
  for (int i = 1; i < 3; ++i) {
    EXPECT_THAT(wire, Not(HasSubstr(request.submission().sections(i).section_id())));
    EXPECT_THAT(wire, Not(HasSubstr(crypto::cms::Parse(request.submission().sections(i).cms())->digest)));
  }
  // One recipient info, its own: the sender's and the other recipient's are cut away.
  const auto parsed = crypto::cms::Parse(delivery.referral().sections(0).cms());
  ASSERT_EQ(parsed->recipients.size(), 1u);
  EXPECT_EQ(parsed->recipients[0].subject_key_id, world_.sealing("housing").certificate.subject_key_id());
  EXPECT_EQ(delivery.referral().sender_certificate(), world_.signing("police").certificate.der());
  EXPECT_EQ(EventOf(delivery.released()).type(), EVENT_TYPE_RELEASED);
  EXPECT_EQ(EventOf(delivery.released()).attempt(), 1u);
  // The receipt names one section and one recipient.
  for (const Opening& opening : delivery.released().openings()) {
    EXPECT_NE(opening.label(), "decisions");
    if (opening.label() != "referral") continue;
    EntryReferral about;
    ASSERT_TRUE(about.ParseFromString(opening.content()));
    EXPECT_EQ(about.section_digests_size(), 1);
  }
}

TEST_F(ReferralApiTest, GivesNoMoreThanTheCreditAndReturnsItWithTheAck) {
  // Of three cases, so that none waits for another.
  for (const char* n : {"1", "2", "3"}) Stored({.request_id = std::string("incident-") + n, .recipients = {"idva"}, .victim = n});
  Collector idva(world_, "agency/idva", 1);
  const auto first = idva.NextDelivery();
  const auto settled = idva.Ack(first);
  EXPECT_EQ(settled.delivery_id(), first.delivery_id());
  EXPECT_EQ(EventOf(settled.receipt()).type(), EVENT_TYPE_DELIVERED);
  const auto second = idva.NextDelivery();
  EXPECT_NE(second.delivery_id(), first.delivery_id());
  // With one credit the third comes only after this: were it sent before, it would be read here.
  idva.Ack(second);
  EXPECT_NE(idva.NextDelivery().delivery_id(), second.delivery_id());
}

TEST_F(ReferralApiTest, KeepsTheOrderOfACaseInItsLaneAndLetsAHigherLaneOvertake) {
  const auto first = Stored({.request_id = "incident-1", .recipients = {"idva"}, .grade = RISK_GRADE_STANDARD});
  const auto second = Stored({.request_id = "incident-2", .recipients = {"idva"}, .grade = RISK_GRADE_STANDARD});
  const auto urgent = Stored({.request_id = "incident-3", .recipients = {"idva"}, .urgency = URGENCY_IMMEDIATE});
  {
    Collector one(world_, "agency/idva", 1);  // The first that is leased is the first that leaves.
    const auto delivery = one.NextDelivery();
    EXPECT_EQ(referral::DigestOf(delivery.referral().header()), urgent.header_digest());
    EXPECT_EQ(delivery.key_sequence(), urgent.stored_index() + 1) << "of its own entry: what lacks between two numbers tells nothing";
  }
  Collector idva(world_, "agency/idva", 8);
  std::map<std::string, v1::Delivery> together;  // Released side by side, in either order; the second must not be there.
  for (int i = 0; i < 2; ++i) {
    const auto delivery = idva.NextDelivery();
    together[referral::DigestOf(delivery.referral().header())] = delivery;
  }
  ASSERT_TRUE(together.contains(urgent.header_digest()) && together.contains(first.header_digest()));
  idva.Ack(together[first.header_digest()]);
  EXPECT_EQ(referral::DigestOf(idva.NextDelivery().referral().header()), second.header_digest());
}

// Commands of one batch are answered on many threads at once: what they queued must be in their mailboxes in the order of the
// log all the same, or a stream that is waiting is given the second of a case before the first.
TEST_F(ReferralApiTest, KeepsTheOrderOfACaseUnderABurst) {
  constexpr int kCount = 200;
  Collector idva(world_, "agency/idva", 8);
  std::vector<v1::SubmitReferralRequest> requests;
  for (int i = 1; i <= kCount; ++i) requests.push_back(MakeSubmission(world_, {.request_id = fmt::format("incident-{}", i), .recipients = {"idva"}}));
  auto pushing = std::make_unique<Thread>([&] {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kTestTimeout);
    const auto stream = police_->SubmitReferrals(&context);
    v1::SubmitReferralsResponse answer;
    int answered = 0;
    for (int sent = 0; sent < kCount; ++sent) {
      v1::SubmitReferralsRequest request;
      *request.mutable_referral() = std::move(requests[sent]);
      stream->Write(request);
      if (sent >= kSubmitReadAheadMax / 2) answered += stream->Read(&answer);
    }
    stream->WritesDone();
    while (stream->Read(&answer)) ++answered;
    EXPECT_EQ(rpc::FromGrpc(stream->Finish()), absl::OkStatus());
    EXPECT_EQ(answered, kCount);
  });
  uint64_t last = 0;
  for (int i = 0; i < kCount; ++i) {
    const auto delivery = idva.NextDelivery();
    EXPECT_GT(delivery.key_sequence(), last);
    last = delivery.key_sequence();
    idva.Ack(delivery);
  }
}

TEST_F(ReferralApiTest, WhatIsNotAcknowledgedIsGivenAgainOverARestartToo) {
  const auto stored = Stored({.request_id = "incident-1", .recipients = {"idva"}});
  {
    Collector idva(world_, "agency/idva", 8);
    EXPECT_EQ(idva.NextDelivery().attempt(), 1u);
  }
  {
    Collector idva(world_, "agency/idva", 8);
    EXPECT_EQ(idva.NextDelivery().attempt(), 2u);
  }
  world_.Stop();
  world_.Start();
  police_ = v1::ReferralService::NewStub(world_.Channel("agency/police"));
  Collector idva(world_, "agency/idva", 8);
  const auto delivery = idva.NextDelivery();
  EXPECT_EQ(delivery.attempt(), 3u);
  EXPECT_FALSE(idva.Ack(delivery).already());
  EXPECT_TRUE(idva.Ack(delivery).already());
  EXPECT_EQ(StateAt("idva", stored.header_digest()), REFERRAL_STATE_DELIVERED);
}

TEST_F(ReferralApiTest, AReturnedDeliveryComesAgainAndARefusedOneIsADeadLetter) {
  const auto stored = Stored({.request_id = "incident-1", .recipients = {"idva"}});
  Collector idva(world_, "agency/idva", 8);
  const auto first = idva.NextDelivery();
  v1::OpenMailboxRequest nack;
  nack.mutable_nack()->set_delivery_id(first.delivery_id());
  idva.Say(nack);
  EXPECT_EQ(EventOf(idva.Settled().receipt()).type(), EVENT_TYPE_DELIVERY_NACKED);
  const auto again = idva.NextDelivery();
  EXPECT_EQ(again.delivery_id(), first.delivery_id());
  EXPECT_EQ(again.attempt(), 2u);
  v1::OpenMailboxRequest reject;
  reject.mutable_reject()->set_delivery_id(first.delivery_id());
  reject.mutable_reject()->set_reason("OPENING_MISMATCH");
  idva.Say(reject);
  EXPECT_EQ(EventOf(idva.Settled().receipt()).reason(), "OPENING_MISMATCH");
  EXPECT_EQ(StateAt("idva", stored.header_digest()), REFERRAL_STATE_DEAD_LETTER);
  EXPECT_EQ(world_.broker().mailboxes().depth({"idva"}), 1u);  // The notice of it.

  EXPECT_EQ(idva.NextDelivery().notice().kind(), NOTICE_KIND_DEAD_LETTER);
  reject.mutable_reject()->set_reason("I DO NOT LIKE IT");
  idva.Say(reject);
  EXPECT_EQ(idva.Next(), std::nullopt);
  EXPECT_TRUE(HasReason(idva.Finish(), Reason::kFieldInvalid));
}

TEST_F(ReferralApiTest, DecidesAgainAtRelease) {
  const auto some = Stored({.request_id = "incident-1", .recipients = {"idva"}, .victim = "a"});
  ASSERT_EQ(world_.PutAgreement("2", R"("identity")"), absl::OkStatus());
  {
    Collector idva(world_, "agency/idva", 8);
    const auto delivery = idva.NextDelivery();
    EXPECT_EQ(delivery.referral().sections_size(), 1);
    EXPECT_EQ(EventOf(delivery.released()).agreement_version(), "2");
    idva.Ack(delivery);
  }
  const auto none = Stored({.request_id = "incident-2", .recipients = {"idva"}, .sealed_for = {{CATEGORY_RISK, {}}, {CATEGORY_NARRATIVE, {}}}, .victim = "b"});
  ASSERT_EQ(world_.PutAgreement("3", R"("safety_plan")"), absl::OkStatus());
  const auto after = [&] {
    ASSERT_EQ(world_.PutAgreement("4", R"("identity", "risk", "narrative")"), absl::OkStatus());
    Stored({.request_id = "incident-3", .recipients = {"idva"}, .victim = "c"});
  };
  Collector idva(world_, "agency/idva", 1);
  // The withheld one is gone before the next is given, although it was first in the mailbox.
  while (StateAt("idva", none.header_digest()) != REFERRAL_STATE_DEAD_LETTER) {
  }
  after();
  EXPECT_NE(referral::DigestOf(idva.NextDelivery().referral().header()), none.header_digest());
  EXPECT_EQ(StateAt("idva", some.header_digest()), REFERRAL_STATE_DELIVERED);
}

// The interleaving that a slow worker makes: decided, then the policy moves, then the sequencer's turn.
TEST_F(ReferralApiTest, DecidesAgainWhenThePolicyMovedBeforeItsTurn) {
  Broker& broker = world_.broker();
  const Caller police = {options::v1::CALLER_AGENCY, "police", "agency/police", std::string(32, 'c')};
  const auto released = Stored({.request_id = "incident-1", .recipients = {"idva"}});
  const auto request = MakeSubmission(world_, {.request_id = "incident-2", .recipients = {"idva"}});
  auto admitted = broker.admission().Admit(police, request.request_id(), request.submission(), "");
  ASSERT_EQ(admitted.status(), absl::OkStatus());
  ASSERT_EQ(admitted->plan.status(), absl::OkStatus());
  std::string delivery_id;
  absl::StatusOr<ReleasePlan> plan;
  {
    const auto view = *broker.sequencer().View();
    const auto read = SealedReaderOf(*view);
    delivery_id = (*LoadReferral(read, released.header_digest()))->recipients(0).delivery_id();
    storage::v1::StoredDelivery delivery;
    ASSERT_TRUE(delivery.ParseFromString(**view->Get(kFamilyDelivery, delivery_id)));
    const auto read_plain = PlainReaderOf(*view);
    plan = PlanRelease(read, read_plain, *broker.policy().Get(), *broker.directory().Get(), delivery, world_.clock().Now());
    ASSERT_EQ(plan->sections.size(), 3u);
  }
  ASSERT_EQ(world_.PutAgreement("2", R"("safety_plan")"), absl::OkStatus());

  absl::Status stored;
  absl::Notification first, second;
  broker.sequencer().Submit(std::make_unique<SubmitCommand>(*std::move(admitted), broker.admission(), broker.linker(), broker.mailboxes(),
                                                            [&](absl::StatusOr<broker::Stored> outcome) {
                                                              stored = outcome.status();
                                                              first.Notify();
                                                            }));
  first.WaitForNotification();
  EXPECT_TRUE(HasReason(stored, Reason::kSealedTooWidely)) << stored;

  const Caller idva = {options::v1::CALLER_AGENCY, "idva", "agency/idva", std::string(32, 'c')};
  absl::StatusOr<Released> outcome;
  broker.sequencer().Submit(std::make_unique<ReleaseCommand>(delivery_id, MailboxId{"idva"}, idva, *std::move(plan), broker.policy(),
                                                             broker.directory(), broker.mailboxes(), [&](absl::StatusOr<Released> let_go) {
                                                               outcome = std::move(let_go);
                                                               second.Notify();
                                                             }));
  second.WaitForNotification();
  ASSERT_EQ(outcome.status(), absl::OkStatus());
  EXPECT_TRUE(outcome->withheld);
  EXPECT_EQ(StateAt("idva", released.header_digest()), REFERRAL_STATE_DEAD_LETTER);
}

TEST_F(ReferralApiTest, StatementsMoveTheReferralAndReachItsSender) {
  const auto stored = Stored({.request_id = "incident-1", .recipients = {"idva", "childrens"}});
  const auto idva_stub = v1::ReferralService::NewStub(world_.Channel("agency/idva"));
  const auto childrens_stub = v1::ReferralService::NewStub(world_.Channel("agency/childrens"));
  const std::string& digest = stored.header_digest();
  // Before anything left nobody has anything to say of it, nor is told that it is there.
  EXPECT_TRUE(HasReason(Say(*idva_stub, "idva", "opened-1", digest, STATEMENT_KIND_OPENED).status(), Reason::kNotPermitted));
  EXPECT_TRUE(HasReason(Say(*idva_stub, "idva", "opened-1", std::string(32, 'x'), STATEMENT_KIND_OPENED).status(), Reason::kNotPermitted));
  Collector idva(world_, "agency/idva", 8);
  idva.Ack(idva.NextDelivery());
  Collector childrens(world_, "agency/childrens", 8);
  childrens.Ack(childrens.NextDelivery());

  const auto opened = Say(*idva_stub, "idva", "opened-1", digest, STATEMENT_KIND_OPENED);
  ASSERT_EQ(opened.status(), absl::OkStatus());
  EXPECT_EQ(opened->state(), REFERRAL_STATE_OPENED);
  EXPECT_EQ(EventOf(opened->receipt()).statement(), STATEMENT_KIND_OPENED);
  // It must follow the agency's own last one, be of its kind of agency, and of the method.
  EXPECT_TRUE(HasReason(Say(*idva_stub, "idva", "accepted-1", digest, STATEMENT_KIND_ACCEPTED).status(), Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(Say(*idva_stub, "idva", "decided-1", digest, STATEMENT_KIND_DECIDED, opened->statement_digest(),
                            [](Statement& s) { s.set_decision(CONTACT_DECISION_SECTION_17); })
                            .status(),
                        Reason::kTransitionIllegal));
  EXPECT_TRUE(HasReason(Say(*idva_stub, "idva", "outcome-1", digest, STATEMENT_KIND_OUTCOME, opened->statement_digest(),
                            [](Statement& s) { s.set_outcome_code("safe"); })
                            .status(),
                        Reason::kFieldInvalid));
  const auto accepted = Say(*idva_stub, "idva", "accepted-1", digest, STATEMENT_KIND_ACCEPTED, opened->statement_digest());
  ASSERT_EQ(accepted.status(), absl::OkStatus());
  EXPECT_EQ(StateAt("idva", digest), REFERRAL_STATE_ACCEPTED);
  EXPECT_EQ(StateAt("childrens", digest), REFERRAL_STATE_DELIVERED);
  // Again: the first answer.
  Collector police(world_, "agency/police", 8);
  std::vector<std::string> told;
  for (int i = 0; i < 2; ++i) {
    const auto notice = police.NextDelivery();
    told.push_back(referral::DigestOf(notice.statement()));
    EXPECT_EQ(EventOf(notice.released()).type(), EVENT_TYPE_RELEASED);
    police.Ack(notice);
  }
  EXPECT_THAT(told, ::testing::ElementsAre(opened->statement_digest(), accepted->statement_digest()));
  EXPECT_TRUE(HasReason(Say(*childrens_stub, "childrens", "declined-1", digest, STATEMENT_KIND_DECLINED, "",
                            [](Statement& s) { s.set_decline_reason(DECLINE_REASON_OUT_OF_AREA); })
                            .status(),
                        Reason::kTransitionIllegal));
}

TEST_F(ReferralApiTest, AWorkerWithAConflictMakesNoStatement) {
  const auto stored = Stored({.request_id = "incident-1"});
  Collector idva(world_, "agency/idva", 8);
  idva.Ack(idva.NextDelivery());
  const auto stub = v1::ReferralService::NewStub(world_.Channel("agency/idva"));
  const auto open = [&](const std::string& worker) {
    return Say(*stub, "idva", "opened-1", stored.header_digest(), STATEMENT_KIND_OPENED, "",
               [&](Statement& s) { s.mutable_worker()->set_pseudonym(worker); });
  };
  admin::v1::Change bar;
  bar.mutable_put_conflict_list()->set_agency("idva");
  bar.mutable_put_conflict_list()->add_workers("cousin");
  ASSERT_EQ(world_.Change(bar), absl::OkStatus());
  EXPECT_TRUE(HasReason(open("cousin").status(), Reason::kNotPermitted));
  EXPECT_EQ(StateAt("idva", stored.header_digest()), REFERRAL_STATE_DELIVERED);
  EXPECT_EQ(open("colleague").status(), absl::OkStatus()) << "the refusal did not take the request id";
}

TEST_F(ReferralApiTest, TheMainDeskLearnsNothingOfTheConfidentialDesks) {
  const auto key = world_.authority().IssueSealing("idva");
  admin::v1::Change change;
  *change.mutable_put_agency()->mutable_agency() = world_.broker().directory().Get()->FindAgency("idva")->agency;
  change.mutable_put_agency()->mutable_agency()->set_confidential_sealing_certificate(key.certificate.der());
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  const auto stored = Stored({.request_id = "incident-1",
                              .recipients = {"idva"},
                              .certificates = {{"idva", key.certificate}},
                              .alter = [](auto& parts) {
                                parts.recipients[0].set_desk(DESK_CONFIDENTIAL);
                                parts.subjects[1].set_works_at("idva");
                              }});
  Collector main(world_, "agency/idva", 8);
  Collector desk(world_, "agency/idva/confidential", 8, DESK_CONFIDENTIAL);
  const auto delivery = desk.NextDelivery();
  EXPECT_FALSE(delivery.released().openings().empty());
  desk.Ack(delivery);
  const auto main_stub = v1::ReferralService::NewStub(world_.Channel("agency/idva"));
  const auto desk_stub = v1::ReferralService::NewStub(world_.Channel("agency/idva/confidential"));
  EXPECT_TRUE(HasReason(Get(*main_stub, stored.header_digest()).status(), Reason::kNotPermitted));
  EXPECT_TRUE(HasReason(Say(*main_stub, "idva", "opened-1", stored.header_digest(), STATEMENT_KIND_OPENED).status(), Reason::kNotPermitted));
  EXPECT_EQ(Get(*desk_stub, stored.header_digest()).status(), absl::OkStatus());
  EXPECT_EQ(Say(*desk_stub, "idva", "opened-1", stored.header_digest(), STATEMENT_KIND_OPENED).status(), absl::OkStatus());
  EXPECT_EQ(world_.broker().mailboxes().depth({"idva"}), 0u);
}

TEST_F(ReferralApiTest, ShowsAReferralToItsPartiesOnly) {
  const auto stored = Stored({.request_id = "incident-1"});
  const auto housing_stub = v1::ReferralService::NewStub(world_.Channel("agency/housing"));
  const auto childrens_stub = v1::ReferralService::NewStub(world_.Channel("agency/childrens"));
  // Before its release a recipient is not told that it is there.
  EXPECT_TRUE(HasReason(Get(*housing_stub, stored.header_digest()).status(), Reason::kNotPermitted));
  v1::ListReferralsRequest list;
  const auto before = rpc::CallUnary(*housing_stub, &v1::ReferralService::Stub::ListReferrals, list, kTestTimeout);
  ASSERT_EQ(before.status(), absl::OkStatus());
  EXPECT_EQ(before->referrals_size(), 0);

  Collector housing(world_, "agency/housing", 8);
  housing.Ack(housing.NextDelivery());
  const auto seen = Get(*housing_stub, stored.header_digest());
  ASSERT_EQ(seen.status(), absl::OkStatus());
  EXPECT_EQ(seen->recipients_size(), 1);
  EXPECT_EQ(seen->openings_size(), 4);
  EXPECT_THAT(seen->SerializeAsString(), Not(HasSubstr("idva")));
  EXPECT_TRUE(HasReason(Get(*childrens_stub, stored.header_digest()).status(), Reason::kNotPermitted));
  EXPECT_EQ(Get(*police_, stored.header_digest())->recipients_size(), 2);

  for (int i = 2; i <= 5; ++i) Stored({.request_id = fmt::format("incident-{}", i)});
  std::vector<std::string> names;
  list.set_page_size(2);
  do {
    const auto page = rpc::CallUnary(*police_, &v1::ReferralService::Stub::ListReferrals, list, kTestTimeout);
    ASSERT_EQ(page.status(), absl::OkStatus());
    EXPECT_LE(page->referrals_size(), 2);
    for (const auto& referral : page->referrals()) names.push_back(referral.name());
    list.set_page_token(page->next_page_token());
  } while (!list.page_token().empty());
  EXPECT_EQ(names.size(), 5u);
  EXPECT_EQ(names.back(), referral::ReferralName(stored.header_digest()));
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 5u);
}

TEST_F(ReferralApiTest, ABulkStreamAnswersEachAndEndsForNoRefusal) {
  constexpr uint64_t kCount = 150;  // More than are read ahead.
  grpc::ClientContext context;
  rpc::SetTimeout(context, kTestTimeout);
  const auto stream = police_->SubmitReferrals(&context);
  std::map<uint64_t, v1::SubmitReferralsResponse> answers;
  auto reading = std::make_unique<Thread>([&] {
    v1::SubmitReferralsResponse answer;
    while (stream->Read(&answer)) answers[answer.tag()] = answer;
  });
  for (uint64_t tag = 1; tag <= kCount; ++tag) {
    v1::SubmitReferralsRequest request;
    request.set_tag(tag);
    *request.mutable_referral() = MakeSubmission(world_, {.request_id = fmt::format("incident-{}", tag), .victim = fmt::format("v{}", tag)});
    if (tag % 50 == 0) request.mutable_referral()->mutable_submission()->mutable_header()->mutable_signature()->back() ^= 1;
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  reading.reset();  // Joins: the server ends the stream when all is answered.
  EXPECT_EQ(rpc::FromGrpc(stream->Finish()), absl::OkStatus());
  EXPECT_EQ(answers.size(), kCount);
  for (const auto& [tag, answer] : answers) EXPECT_EQ(answer.has_refused(), tag % 50 == 0) << tag;
}

TEST_F(ReferralApiTest, ADeniedCertificateLosesItsStreamAtOnce) {
  std::string fingerprint;
  Collector idva(world_, "agency/idva", 8, DESK_MAIN, &fingerprint);
  Stored({.request_id = "incident-1", .recipients = {"idva"}});
  idva.NextDelivery();
  admin::v1::Change change;
  change.mutable_deny_key()->set_digest(fingerprint);
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  EXPECT_EQ(idva.Next(), std::nullopt);
  EXPECT_TRUE(HasReason(idva.Finish(), Reason::kCertificateDenied));
}

TEST_F(ReferralApiTest, AMailboxKeepsItsLimits) {
  Collector over(world_, "agency/idva", kMailboxCreditMax + 1);
  EXPECT_EQ(over.Next(), std::nullopt);
  EXPECT_TRUE(HasReason(over.Finish(), Reason::kFieldInvalid));
  Collector desk(world_, "agency/idva", 1, DESK_CONFIDENTIAL);
  EXPECT_EQ(desk.Next(), std::nullopt);
  EXPECT_TRUE(HasReason(desk.Finish(), Reason::kNotPermitted));
  Collector main(world_, "agency/idva/confidential", 1);
  EXPECT_EQ(main.Next(), std::nullopt);
  EXPECT_TRUE(HasReason(main.Finish(), Reason::kNotPermitted));
  Collector full(world_, "agency/idva", kMailboxCreditMax);
  v1::OpenMailboxRequest credit;
  credit.mutable_credit()->set_credit(1);
  full.Say(credit);
  EXPECT_EQ(full.Next(), std::nullopt);
  EXPECT_TRUE(HasReason(full.Finish(), Reason::kFieldInvalid));
  Collector stranger(world_, "agency/idva", 1);
  v1::OpenMailboxRequest ack;
  ack.mutable_ack()->set_delivery_id(std::string(16, 'x'));
  stranger.Say(ack);
  EXPECT_EQ(stranger.Next(), std::nullopt);
  EXPECT_TRUE(HasReason(stranger.Finish(), Reason::kDeliveryNotFound));
}

}  // namespace
}  // namespace accord::broker::referral_api_test
