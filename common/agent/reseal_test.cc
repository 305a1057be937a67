// Sealing again what was sent, at the sender, and taking what was sealed again, at the recipient; stand-ins in the header; keys that were
// replaced. Above all: nothing is sealed for a key that neither the old one nor a person vouches for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/agent/testing_service.h"
#include "common/agent/today.h"
#include "common/crypto/succession.h"
#include "common/referral/referral_name.h"

namespace accord::agent::reseal_test {
namespace {

using crypto::testing::Issued;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ResealTest : public AgentTest {
 protected:
  ResealTest() { SignWithKnownCertificate(); }

  std::string Settled(const Draft& draft = SomeDraft()) {
    EXPECT_TRUE(police.outbox->Push(draft).ok());
    police.Settle();
    EXPECT_EQ(police.State(draft.options.request_id()), agency::v1::SUBMISSION_STATE_SETTLED);
    return Stored().header_digest();
  }
  storage::v1::StoredSubmission Stored() { return *police.outbox->Get("request-1"); }
  std::set<std::string> KeysOfSections(const google::protobuf::RepeatedPtrField<type::v1::SealedSection>& sections) {
    std::set<std::string> keys;
    for (const auto& section : sections) {
      const auto shown = crypto::cms::Parse(section.cms());
      for (const auto& recipient : shown->recipients) keys.insert(recipient.subject_key_id);
    }
    return keys;
  }
  // Puts `agency` into the directory with `key`; with the word of `previous` for it, if given.
  void Enrol(const std::string& agency, const Issued& key, const Issued* previous = nullptr) {
    std::erase_if(broker.directory, [&](const auto& row) { return row.id() == agency; });
    auto& row = broker.directory.emplace_back();
    row.set_id(agency);
    row.set_kind(type::v1::AGENCY_KIND_HOUSING);
    row.set_sealing_certificate(key.certificate.der());
    if (previous != nullptr) {
      row.set_previous_sealing_certificate(previous->certificate.der());
      row.set_sealing_endorsement(*crypto::EndorseSuccessor(previous->sealing_key(), previous->certificate, key.certificate));
    }
    if (agency == "police") row.add_signing_certificates(police_certificate.der());
  }
  void Wanted(const std::string& header_digest, const std::string& agency) {
    broker::v1::SharingNotice notice;
    notice.set_kind(type::v1::NOTICE_KIND_RESEAL_WANTED);
    notice.set_header_digest(header_digest);
    notice.set_agency(agency);
    ASSERT_EQ(police.outbox->AddNotice(notice), absl::OkStatus());
  }
  absl::StatusOr<storage::v1::StoredSubmission> Approve(const std::string& agency, const std::string& request_id = "reseal-0001") {
    type::v1::Statement asked;
    asked.set_request_id(request_id);
    *asked.mutable_worker() = SomeWorker();
    return police.outbox->Reseal("request-1", asked, agency);
  }
  void Redirected(const std::string& header_digest, const std::string& to) {
    type::v1::Statement statement;
    statement.set_agency("idva");
    *statement.mutable_worker() = SomeWorker();
    statement.set_kind(type::v1::STATEMENT_KIND_REDIRECTED);
    statement.set_redirect_to(to);
    ASSERT_EQ(police.outbox->AddStatement(header_digest, statement), absl::OkStatus());
  }
  type::v1::Statement Said() {
    const auto statement = referral::ParseStatement(broker.acts.back());
    EXPECT_EQ(statement.status(), absl::OkStatus());
    return statement.value_or(type::v1::Statement());
  }
  std::vector<agency::v1::TodayItem> Today() { return MakeToday({}, *police.outbox->Concerns(clock.Now()), clock.Now()); }

  // Idva's key as of the start of the test; its certificate is what sections are sealed for.
  const Issued old_ = Issued{idva.keys.sealing_certificate, std::string(idva.keys.sealing_key.ToPem().view())};
  const Issued new_ = authority.IssueSealing("idva");
};

TEST_F(ResealTest, WhoStandsInIsNamedAndSealedForWhereBothMayHaveIt) {
  const Issued deputy = authority.IssueSealing("deputy"), kept_out = authority.IssueSealing("duty");
  for (const auto& [agency, key] : {std::pair("deputy", &deputy), std::pair("duty", &kept_out)}) {
    auto& row = broker.further.emplace_back();
    row.set_agency(agency);
    row.set_capacity(agency == std::string("deputy") ? type::v1::RECIPIENT_CAPACITY_DEPUTY : type::v1::RECIPIENT_CAPACITY_DUTY);
    row.set_on_behalf_of("idva");
    row.set_sealing_certificate(key->certificate.der());
  }
  broker.denied = {"duty"};
  Settled();
  const auto keys = KeysOfSections(Stored().prepared().sections());
  EXPECT_THAT(keys, Contains(deputy.certificate.subject_key_id()));
  EXPECT_THAT(keys, Not(Contains(kept_out.certificate.subject_key_id()))) << "permitted to its principal alone";
  const type::v1::Submission sent = Stored().prepared();
  const std::vector<type::v1::Opening> openings(sent.openings().begin(), sent.openings().end());
  const auto header = referral::OpenHeader(*referral::ParseHeader(sent.header()), openings);
  ASSERT_EQ(header.status(), absl::OkStatus());
  ASSERT_EQ(header->recipients.size(), 3u);
  EXPECT_EQ(header->recipients[1].part.agency(), "deputy");
  EXPECT_EQ(header->recipients[1].part.on_behalf_of(), "idva");
  EXPECT_EQ(header->recipients[2].part.capacity(), type::v1::RECIPIENT_CAPACITY_DUTY);
  const auto stored = Stored();
  for (const auto& decision : stored.decisions()) EXPECT_EQ(decision.recipient(), "idva");
  EXPECT_THAT(stored.warnings(), Contains(HasSubstr("Sealed also for deputy, the deputy of idva")));
}

TEST_F(ResealTest, AKeyThatTheOldOneVouchesForIsSealedForByTheServiceItself) {
  const std::string digest = Settled();
  const auto before = KeysOfSections(Stored().prepared().sections());
  Enrol("idva", new_, &old_);
  Wanted(digest, "idva");
  EXPECT_THAT(Stored().reseal_for(), ElementsAre("idva"));
  broker.away = Error(Reason::kBrokerUnreachable, "no answer");
  EXPECT_FALSE(police.outbox->SealEndorsed().ok());
  broker.away = absl::OkStatus();
  police.Restart();  // What is to be tried is durable.
  ASSERT_EQ(police.outbox->SealEndorsed(), absl::OkStatus());
  const type::v1::Statement said = Said();
  EXPECT_EQ(said.kind(), type::v1::STATEMENT_KIND_RESEALED);
  EXPECT_EQ(said.reseal().approver(), "");
  EXPECT_EQ(said.worker().role(), type::v1::WORKER_ROLE_SYSTEM);
  EXPECT_EQ(said.reseal().sealing_certificate_digest(), new_.certificate.fingerprint());
  ASSERT_EQ(broker.resealed.sections_size(), 2);
  for (const auto& section : broker.resealed.sections()) {
    EXPECT_EQ(crypto::cms::Open(section.cms(), new_.sealing_key(), new_.certificate).status(), absl::OkStatus());
  }
  EXPECT_EQ(KeysOfSections(broker.resealed.sections()).size(), before.size() + 1);
  EXPECT_THAT(Stored().reseal_for(), IsEmpty());
  EXPECT_THAT(KeysOfSections(Stored().prepared().sections()), Contains(new_.certificate.subject_key_id())) << "the next is added to these";
  EXPECT_THAT(Today(), IsEmpty());
  const size_t acts = broker.acts.size();
  EXPECT_EQ(police.outbox->SealEndorsed(), absl::OkStatus());
  EXPECT_EQ(broker.acts.size(), acts);
}

TEST_F(ResealTest, AnyOtherKeyWaitsForAPerson) {
  const std::string digest = Settled();
  const Issued stranger = authority.IssueSealing("idva");
  Enrol("idva", new_);  // A lost key: nobody vouches.
  Wanted(digest, "idva");
  EXPECT_EQ(police.outbox->SealEndorsed(), absl::OkStatus());
  EXPECT_THAT(broker.acts, IsEmpty());
  Enrol("idva", new_, &stranger);  // Nor does a key that nothing was sealed for.
  Wanted(digest, "idva");
  EXPECT_EQ(police.outbox->SealEndorsed(), absl::OkStatus());
  EXPECT_THAT(broker.acts, IsEmpty());
  ASSERT_EQ(Today().size(), 1u);
  EXPECT_EQ(Today()[0].kind(), agency::v1::TODAY_KIND_RESEAL_WANTED);
  EXPECT_THAT(Today()[0].words(), HasSubstr("idva cannot open what was sealed"));

  type::v1::Statement by_software;
  by_software.set_request_id("reseal-0000");
  *by_software.mutable_worker() = ServiceWorker();
  EXPECT_TRUE(HasReason(police.outbox->Reseal("request-1", by_software, "idva").status(), Reason::kFieldInvalid)) << "no person";
  const auto approved = Approve("idva");
  ASSERT_EQ(approved.status(), absl::OkStatus());
  EXPECT_EQ(Said().reseal().approver(), "w-1");
  EXPECT_THAT(approved->reseal_for(), IsEmpty());
  const size_t acts = broker.acts.size();
  EXPECT_EQ(Approve("idva").status(), absl::OkStatus()) << "the same again";
  EXPECT_EQ(broker.acts.size(), acts);
  EXPECT_TRUE(HasReason(Approve("idva", "reseal-0002").status(), Reason::kTransitionIllegal)) << "it is sealed for that key";
  EXPECT_TRUE(HasReason(Approve("housing", "reseal-0003").status(), Reason::kFieldInvalid)) << "neither a recipient nor named by one";
}

TEST_F(ResealTest, AKeyThatOurAuthorityDoesNotKnowIsAnAlarm) {
  Settled();
  const crypto::testing::TestAuthority other;
  Enrol("idva", other.IssueSealing("idva"), nullptr);
  EXPECT_TRUE(HasReason(Approve("idva").status(), Reason::kSealingKeyUntrusted));
  EXPECT_FALSE(police.alarm->Check().ok());
  EXPECT_THAT(broker.acts, IsEmpty());
}

TEST_F(ResealTest, WhomARecipientNamedIsSealedForAsItMayHaveIt) {
  const std::string digest = Settled();
  const Issued housing = authority.IssueSealing("housing");
  Enrol("housing", housing);
  Redirected(digest, "housing");
  Wanted(digest, "housing");
  EXPECT_EQ(police.outbox->SealEndorsed(), absl::OkStatus());
  EXPECT_THAT(broker.acts, IsEmpty()) << "a person approves";
  broker.denied = {"housing"};
  EXPECT_TRUE(HasReason(Approve("housing").status(), Reason::kNothingPermitted));
  broker.denied = {};
  broker.withheld = {type::v1::CATEGORY_NARRATIVE};
  ASSERT_EQ(Approve("housing").status(), absl::OkStatus());
  EXPECT_EQ(Said().reseal().recipient().on_behalf_of(), "idva");
  EXPECT_EQ(broker.resealed.sections_size(), 1);
  ASSERT_EQ(Stored().recipients_size(), 1);
  EXPECT_FALSE(Stored().recipients(0).reseal_wanted());
}

TEST_F(ResealTest, NothingIsSealedForWhomAPersonIsKeptFrom) {
  Draft draft = SomeDraft();
  draft.subjects.emplace_back().part.set_role(type::v1::SUBJECT_ROLE_VICTIM);
  draft.subjects[0].part.add_exclusions()->set_kind(type::v1::AGENCY_KIND_HOUSING);
  const std::string digest = Settled(draft);
  Enrol("housing", authority.IssueSealing("housing"));
  Redirected(digest, "housing");
  EXPECT_TRUE(HasReason(Approve("housing").status(), Reason::kNothingPermitted)) << "whatever the broker decides";
}

TEST_F(ResealTest, ANewPushThatFollowsItEndsTheAsking) {
  const std::string digest = Settled();
  Redirected(digest, "housing");
  Wanted(digest, "housing");
  Draft anew = SomeDraft("request-2");
  anew.core.set_caused_by(digest);
  anew.recipients = {"housing"};
  broker.certificates["housing"] = authority.IssueSealing("housing").certificate.der();
  ASSERT_TRUE(police.outbox->Push(anew).ok());
  police.Settle();
  EXPECT_THAT(Stored().reseal_for(), IsEmpty());
}

// The recipient's end.
class SupplementTest : public ResealTest {
 protected:
  SupplementTest() : housing_(authority, "housing", type::v1::AGENCY_KIND_HOUSING, broker, clock) { Enrol("police", police_key_); }

  // What the broker delivers to housing, which the Idva service named, once police have sealed again.
  broker::v1::Delivery Resealed() {
    const std::string digest = Settled();
    const Issued key{housing_.keys.sealing_certificate, std::string(housing_.keys.sealing_key.ToPem().view())};
    Enrol("housing", key);
    Redirected(digest, "housing");
    EXPECT_EQ(Approve("housing").status(), absl::OkStatus());
    type::v1::Submission submission = Stored().prepared();
    broker.submitted.push_back(submission.SerializeAsString());
    broker::v1::Delivery delivery = DeliveryFor(housing_);
    for (const auto& opening : submission.openings()) {  // Of who named it.
      if (opening.label() == "recipient") *delivery.mutable_referral()->add_openings() = opening;
    }
    *delivery.mutable_referral()->mutable_supplement() = broker.acts.back();
    return delivery;
  }
  // With the supplement as police would sign it after `alter`.
  broker::v1::Delivery Altered(broker::v1::Delivery delivery, std::function<void(type::v1::Statement&)> alter) {
    auto statement = *referral::ParseStatement(delivery.referral().supplement());
    alter(statement);
    const auto document = referral::SignStatement(statement, police.keys.signing_key);
    EXPECT_EQ(document.status(), absl::OkStatus());
    *delivery.mutable_referral()->mutable_supplement() = *document;
    return delivery;
  }

  const Issued police_key_ = authority.IssueSealing("police");
  Service housing_;
};

TEST_F(SupplementTest, WhomTheHeaderDoesNotNameTakesItByItsSendersWord) {
  const auto delivery = Resealed();
  ASSERT_EQ(housing_.inbox->Receive(delivery), absl::OkStatus());
  const auto entry = housing_.inbox->Get(referral::DigestOf(delivery.referral().header()));
  ASSERT_EQ(entry.status(), absl::OkStatus());
  EXPECT_TRUE(entry->stored.has_supplement());
  EXPECT_EQ(housing_.inbox->Read("read-0001", entry->header_digest, SomeWorker())->size(), 2u);
}

TEST_F(SupplementTest, WithoutThatWordItTakesNothing) {
  const auto good = Resealed();
  const auto refused = [&](const broker::v1::Delivery& delivery) { return housing_.inbox->Receive(delivery); };
  auto without = good;
  without.mutable_referral()->clear_supplement();
  EXPECT_TRUE(HasReason(refused(without), Reason::kOpeningMismatch));
  EXPECT_TRUE(HasReason(refused(Altered(good, [](auto& s) { s.mutable_reseal()->mutable_recipient()->set_agency("childrens"); })), Reason::kOpeningMismatch));
  EXPECT_TRUE(HasReason(refused(Altered(good, [](auto& s) { s.mutable_reseal()->set_sealing_certificate_digest(std::string(32, 'x')); })),
                        Reason::kOpeningMismatch));
  EXPECT_TRUE(HasReason(refused(Altered(good, [](auto& s) { s.set_header_digest(std::string(32, 'x')); })), Reason::kOpeningMismatch));
  EXPECT_TRUE(HasReason(refused(Altered(good, [](auto& s) { s.mutable_reseal()->mutable_section_ids()->RemoveLast(); })), Reason::kOpeningMismatch))
      << "a section came that it does not name";
  auto forged = good;
  (*forged.mutable_referral()->mutable_supplement()->mutable_signature())[10] ^= 1;
  EXPECT_TRUE(HasReason(refused(forged), Reason::kSignatureInvalid));
  EXPECT_EQ(refused(good), absl::OkStatus());
}

TEST_F(SupplementTest, WhatWasSealedForAnEarlierKeyOfOursStillOpens) {
  Settled();
  const auto delivery = DeliveryFor(idva);  // For the old key.
  idva.keys.sealing_key = new_.sealing_key();
  idva.keys.sealing_certificate = new_.certificate;
  EXPECT_TRUE(HasReason(idva.inbox->Receive(delivery), Reason::kSealingKeyUnknown)) << "the old key is not configured";
  idva.keys.earlier_sealing = {{old_.sealing_key(), old_.certificate}};
  ASSERT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
  const std::string digest = referral::DigestOf(delivery.referral().header());
  EXPECT_EQ(idva.inbox->Read("read-0001", digest, SomeWorker())->size(), 2u);
  EXPECT_TRUE(IsOurSealing(idva.keys, old_.certificate.der()));

  // The old key is lost after all: what comes again, sealed for the new one, stands in place of what cannot be opened.
  idva.keys.earlier_sealing = {};
  EXPECT_TRUE(HasReason(idva.inbox->Read("read-0002", digest, SomeWorker()).status(), Reason::kSealingKeyUnknown));
  Enrol("idva", new_);
  ASSERT_EQ(Approve("idva").status(), absl::OkStatus());
  broker.submitted.push_back(Stored().prepared().SerializeAsString());
  auto again = DeliveryFor(idva);
  *again.mutable_referral()->mutable_supplement() = broker.acts.back();
  ASSERT_EQ(idva.inbox->Receive(again), absl::OkStatus());
  EXPECT_EQ(idva.inbox->Read("read-0003", digest, SomeWorker())->size(), 2u);
}

}  // namespace
}  // namespace accord::agent::reseal_test
