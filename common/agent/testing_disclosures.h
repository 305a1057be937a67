// An agency that inspectors ask, for tests: what it sent and received, what the broker tells that is asked, and what the inspector opens of an answer.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/agent/disclosures.h"
#include "common/agent/testing_service.h"
#include "common/base/status.h"
#include "common/referral/disclosure.h"

namespace accord::agent {

class DisclosuresFixture : public AgentTest {
 protected:
  static constexpr uint64_t kNumber = 41;

  static type::v1::Person Named(const std::string& family, const std::string& given, const std::string& born) {
    type::v1::Person person;
    person.set_family_name(family);
    person.set_given_names(given);
    person.add_dates_of_birth(born);
    return person;
  }
  static type::v1::Person Miriam() { return Named("Ashdown", "Miriam", "1990-05-17"); }
  static type::v1::Worker Officer(const std::string& pseudonym = "dpo-1") {
    type::v1::Worker worker = SomeWorker();
    worker.set_pseudonym(pseudonym);
    worker.set_role(type::v1::WORKER_ROLE_AUTHORISING_OFFICER);
    return worker;
  }
  static Draft AboutMiriam(const std::string& request_id) {
    Draft draft = SomeDraft(request_id);
    type::v1::Person& victim = *draft.sections[0].content.mutable_identity()->mutable_victim();
    victim = Miriam();
    victim.set_record_number("P-4711");
    auto& identifier = *victim.add_identifiers();
    identifier.set_scheme("crn");
    identifier.set_value("X77");
    DraftSubject& subject = draft.subjects.emplace_back();
    subject.person = victim;
    subject.part.set_role(type::v1::SUBJECT_ROLE_VICTIM);
    return draft;
  }

  static std::unique_ptr<Disclosures> Of(Service& service, BrokerLink& broker, FakeClock& clock) {
    auto disclosures = std::make_unique<Disclosures>(*service.store, service.keys, broker, *service.log, *service.alarm, *service.journal,
                                                     *service.workers, *service.inbox, *service.outbox, *service.sections, clock);
    EXPECT_TRUE(disclosures->Load().ok());
    return disclosures;
  }
  std::string Push(const Draft& draft) {
    SignWithKnownCertificate();
    const auto pushed = police.outbox->Push(draft);
    EXPECT_TRUE(pushed.ok()) << pushed.status();
    police.Settle();
    clock.Advance(absl::Seconds(1));
    return police.outbox->Get(draft.options.request_id())->header_digest();
  }
  // The same, received by idva.
  std::string Arrived(const Draft& draft) {
    const std::string digest = Push(draft);
    EXPECT_EQ(idva.inbox->Receive(DeliveryFor(idva)), absl::OkStatus());
    return digest;
  }
  inspection::v1::Disclosure& Ask(const Service& of, type::v1::DisclosureKind kind, uint64_t number = kNumber) {
    auto& told = broker.disclosures[number];
    told.set_asked_request_id("ask-000001");
    auto& disclosure = *told.mutable_disclosure();
    disclosure.set_number(number);
    disclosure.set_kind(kind);
    disclosure.set_agency(of.keys.agency);
    disclosure.set_warrant("jtai-north");
    disclosure.set_inspectorate("ofsted");
    disclosure.set_inspector("ines");
    disclosure.set_sealing_certificate(inspector.certificate.der());
    disclosure.set_asked_at_ms(absl::ToUnixMillis(clock.Now()));
    disclosure.set_due_at_ms(absl::ToUnixMillis(clock.Now() + absl::Hours(120)));
    return disclosure;
  }
  void AskSections(const Service& of, const std::string& digest) { Ask(of, type::v1::DISCLOSURE_KIND_SECTIONS).set_referral(digest); }
  void AskPersons(const Service& of, const type::v1::PersonsQuestion& question) {
    Ask(of, type::v1::DISCLOSURE_KIND_PERSONS);
    const std::string plaintext = *referral::MakeDisclosurePlaintext({"ines", of.keys.agency, "ask-000001", type::v1::DISCLOSURE_KIND_PERSONS}, question.SerializeAsString());
    broker.disclosures[kNumber].set_persons(*crypto::cms::Seal(plaintext, std::span(&of.keys.sealing_certificate, 1)));
  }
  static agency::v1::ReadDisclosureRequest Reading(const type::v1::Worker& worker = Officer()) {
    agency::v1::ReadDisclosureRequest request;
    request.set_request_id("read-00001");
    request.set_number(kNumber);
    *request.mutable_worker() = worker;
    return request;
  }
  static agency::v1::AnswerDisclosureRequest Answering(type::v1::DisclosureAnswer answer, const std::string& request_id = "answer-001") {
    agency::v1::AnswerDisclosureRequest request;
    request.set_request_id(request_id);
    request.set_number(kNumber);
    *request.mutable_worker() = Officer();
    request.set_answer(answer);
    if (answer == type::v1::DISCLOSURE_ANSWER_REFUSED) request.set_ground(type::v1::DISCLOSURE_GROUND_LEGAL_PRIVILEGE);
    return request;
  }
  // What the inspector has of a part that was sent last; it is for nobody else.
  std::string OpenPart(int at) {
    const auto& answer = broker.disclosure_answers.back();
    const auto statement = referral::ParseDisclosureStatement(answer.statement());
    EXPECT_TRUE(statement.ok()) << statement.status();
    const auto& part = answer.parts(at);
    const std::string cms = part.uploaded().empty() ? part.cms() : broker.uploads.at(part.uploaded()).second;
    EXPECT_EQ(crypto::Sha256(cms), statement->parts(at));
    EXPECT_EQ(crypto::cms::Parse(cms)->recipients.size(), 1u);
    const auto plaintext = crypto::cms::Open(cms, inspector.sealing_key(), inspector.certificate);
    EXPECT_TRUE(plaintext.ok()) << plaintext.status();
    return plaintext.value_or("");
  }
  template <typename Answer>
  Answer OpenAnswer(const Service& of, type::v1::DisclosureKind kind) {
    Answer answer;
    const auto content = referral::ReadDisclosurePlaintext({of.keys.agency, "ines", "ask-000001", kind}, OpenPart(0));
    EXPECT_TRUE(content.ok()) << content.status();
    EXPECT_TRUE(answer.ParseFromString(content.value_or("")));
    return answer;
  }
  std::vector<agency::v1::JournalEntry> JournalOf(Service& service) { return service.journal->List(0, 100, "", "")->entries; }

  crypto::testing::Issued inspector =
      authority.Issue({.common_name = "ines", .uris = {crypto::testing::SpiffeId("inspector/ines/sealing")}, .key_usage = crypto::kKeyAgreement});
};

}  // namespace accord::agent
