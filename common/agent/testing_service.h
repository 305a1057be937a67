// Agencies over real stores and a fake broker, for tests of the runtime.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/agent/alarm.h"
#include "common/agent/fake_broker.h"
#include "common/agent/holds.h"
#include "common/agent/inbox.h"
#include "common/agent/journal.h"
#include "common/agent/log_watch.h"
#include "common/agent/notices.h"
#include "common/agent/outbox.h"
#include "common/agent/preparer.h"
#include "common/agent/testing_store.h"
#include "common/agent/workers.h"
#include "common/base/clock.h"
#include "common/crypto/cms.h"
#include "common/crypto/testing_pki.h"
#include "common/storage/rocks_store.h"

namespace accord::agent {

inline AgencyKeys KeysOf(const crypto::testing::TestAuthority& authority, const std::string& agency, type::v1::AgencyKind kind) {
  const auto signing = authority.IssueSigning(agency);
  const auto sealing = authority.IssueSealing(agency);
  return AgencyKeys{agency, kind, std::string(crypto::testing::kTrustDomain), signing.signing_key(), sealing.sealing_key(),
                    sealing.certificate, authority.anchors(), "area", "k1", crypto::SecretBytes(std::string(32, 'k'))};
}

inline type::v1::Worker SomeWorker() {
  type::v1::Worker worker;
  worker.set_pseudonym("w-1");
  worker.set_role(type::v1::WORKER_ROLE_PRACTITIONER);
  worker.set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
  return worker;
}

inline Draft SomeDraft(const std::string& request_id = "request-1") {
  Draft draft;
  draft.method = "Test";
  draft.options.set_request_id(request_id);
  *draft.options.mutable_worker() = SomeWorker();
  draft.options.mutable_basis()->set_victim_awareness(type::v1::VICTIM_AWARENESS_INFORMED);
  draft.options.mutable_basis()->set_consent(type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
  draft.options.mutable_basis()->set_article6(type::v1::ARTICLE6_BASIS_PUBLIC_TASK);
  draft.core.set_type(type::v1::REFERRAL_TYPE_REFERRAL);
  draft.core.set_purpose(type::v1::PURPOSE_SUPPORT);
  draft.recipients = {"idva"};
  DraftSection identity;
  identity.category = type::v1::CATEGORY_IDENTITY;
  auto& victim = *identity.content.mutable_identity()->mutable_victim();
  victim.set_family_name("Ashdown");
  victim.set_given_names("Miriam");
  draft.sections.push_back(identity);
  DraftSection narrative;
  narrative.category = type::v1::CATEGORY_NARRATIVE;
  narrative.content.mutable_text()->set_text("what happened");
  draft.sections.push_back(narrative);
  return draft;
}

// One agency over a store that outlives its runtime, so that Restart() is what a crash leaves.
class Service {
 public:
  Service(const crypto::testing::TestAuthority& authority, const std::string& agency, type::v1::AgencyKind kind,
          FakeBroker& broker, FakeClock& clock)
      : keys(KeysOf(authority, agency, kind)), broker_(broker), clock_(clock) {
    path_ = ::testing::TempDir() + "/accord_agent_" + agency + ToHex(SystemRandom().Bytes(6));
    Restart();
  }
  ~Service() {
    Close();
    std::filesystem::remove_all(path_);
  }
  void Close() {
    notices.reset(), holds.reset(), inbox.reset(), outbox.reset(), preparer.reset(), sections.reset(), files.reset(), log.reset(), alarm.reset(), workers.reset(), journal.reset(), store.reset(), full_store_.reset(), rocks_.reset();
  }
  void Restart() {
    Close();
    std::vector<storage::FamilySpec> families;
    for (const std::string& name : AgencyFamilies()) families.push_back({name});
    storage::RocksStoreOptions options;
    options.create = !std::filesystem::exists(path_);
    auto rocks = storage::RocksStore::Open(path_, families, options);
    ASSERT_TRUE(rocks.ok()) << rocks.status();
    rocks_ = *std::move(rocks);
    full_store_ = std::make_unique<FullStore>(*rocks_, disk);
    store = std::make_unique<AgencyStore>(*full_store_, crypto::SecretBytes(std::string(32, 's')), random_);
    journal = std::make_unique<Journal>(*store, clock_);
    ASSERT_TRUE(journal->Load().ok());
    workers = std::make_unique<Workers>(*store, keys, *journal, clock_);
    ASSERT_TRUE(workers->Load().ok());
    alarm = std::make_unique<Alarm>(*store, clock_);
    ASSERT_TRUE(alarm->Load().ok());
    auto opened = LogWatch::Open(*store, broker_, *alarm, FakeLog::LogVkey());
    ASSERT_TRUE(opened.ok()) << opened.status();
    log = *std::move(opened);
    preparer = std::make_unique<Preparer>(keys, broker_, *alarm, clock_, random_);
    outbox = std::make_unique<Outbox>(*store, broker_, *preparer, *log, *alarm, clock_);
    outbox->KeepJournal(*journal);
    files = std::make_unique<Attachments>(*store, clock_);
    ASSERT_TRUE(files->Load().ok());
    sections = std::make_unique<SealedSections>(*store);
    preparer->KeepSections(*files, *sections);
    outbox->KeepSections(*files, *sections);
    ASSERT_TRUE(outbox->Load().ok());
    inbox = std::make_unique<Inbox>(*store, keys, broker_, *log, *alarm, *outbox, clock_);
    inbox->KeepJournal(*journal, *workers);
    inbox->KeepSections(*sections);
    ASSERT_TRUE(inbox->Load().ok());
    holds = std::make_unique<Holds>(*store, broker_, *log, *alarm, *inbox, *outbox, clock_, [this] { return Purge(); });
    ASSERT_TRUE(holds->Load().ok());
    notices = std::make_unique<Notices>(*store, *log, clock_);
    ASSERT_TRUE(notices->Load().ok());
  }
  absl::Status Purge() {
    ACCORD_RETURN_IF_ERROR(purge_fails);
    for (const std::string& family : AgencyFamilies()) ACCORD_RETURN_IF_ERROR(rocks_->Purge(family));
    return rocks_->DropUnneededFiles();
  }
  const std::string& path() const { return path_; }
  agency::v1::SubmissionState State(const std::string& id = "request-1") { return outbox->Get(id)->state(); }
  // Steps until nothing is due now.
  void Settle() {
    while (outbox->Step()) {
    }
  }

  AgencyKeys keys;
  std::unique_ptr<AgencyStore> store;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Workers> workers;
  std::unique_ptr<Attachments> files;
  std::unique_ptr<SealedSections> sections;
  std::unique_ptr<Alarm> alarm;
  std::unique_ptr<LogWatch> log;
  std::unique_ptr<Preparer> preparer;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<Inbox> inbox;
  std::unique_ptr<Holds> holds;
  std::unique_ptr<Notices> notices;
  FakeDisk disk;
  absl::Status purge_fails;  // Purging fails with it, unless OK.

 private:
  FakeBroker& broker_;
  FakeClock& clock_;
  SystemRandom random_;
  std::string path_;
  std::unique_ptr<storage::RocksStore> rocks_;
  std::unique_ptr<FullStore> full_store_;
};

class AgentTest : public ::testing::Test {
 protected:
  AgentTest()
      : broker(random),
        police(authority, "police", type::v1::AGENCY_KIND_POLICE, broker, clock),
        idva(authority, "idva", type::v1::AGENCY_KIND_IDVA, broker, clock) {
    broker.certificates["idva"] = idva.keys.sealing_certificate.der();
  }

  // The delivery that the broker makes for `to` of what police submitted.
  broker::v1::Delivery DeliveryFor(const Service& to) {
    type::v1::Submission submission;
    EXPECT_TRUE(submission.ParseFromString(broker.submitted.back()));
    const auto view = *referral::ParseHeader(submission.header());
    const std::vector<type::v1::Opening> openings(submission.openings().begin(), submission.openings().end());
    const auto opened = *referral::OpenHeader(view, openings);
    std::set<std::string> ids;
    for (const auto& section : opened.sections) ids.insert(section.part.section_id());
    broker::v1::Delivery delivery;
    delivery.set_delivery_id(random.Bytes(16));
    delivery.set_lane(type::v1::LANE_HIGH);
    auto& content = *delivery.mutable_referral();
    *content.mutable_header() = submission.header();
    for (auto& opening : referral::OpeningsForRecipient(opened, to.keys.agency, ids)) *content.add_openings() = opening;
    for (const auto& section : submission.sections()) {
      auto& sealed = *content.add_sections();
      sealed.set_section_id(section.section_id());
      const std::string cms = *police.sections->BytesOf(SectionOwner::Sent(opened.core.part.request_id()), section);
      sealed.set_cms(*crypto::cms::ForRecipient(cms, to.keys.sealing_certificate.subject_key_id()));
      if (section.uploaded().empty()) continue;
      sealed.set_uploaded(crypto::Sha256(sealed.cms()));
      broker.sections[section.section_id()] = sealed.cms();
      sealed.clear_cms();
    }
    // The signing certificate that the directory has: a fresh one for the key police signs with.
    content.set_sender_certificate(police_certificate.der());
    for (const auto& section : content.sections()) {
      broker::v1::SectionTerms& terms = *content.add_terms();
      terms.set_section_id(section.section_id());
      terms.mutable_obligations()->set_retention_days(365);
      terms.mutable_obligations()->set_onward(type::v1::ONWARD_SHARING_NEVER);
      terms.set_regime(type::v1::REGIME_UK_GDPR);
    }
    type::v1::EntryEvent released;
    released.set_type(type::v1::EVENT_TYPE_RELEASED);
    *delivery.mutable_released() = broker.log.Receipt(broker.log.Append(released, referral::DigestOf(submission.header())));
    return delivery;
  }
  // Police with a signing certificate the test knows.
  void SignWithKnownCertificate() {
    const auto issued = authority.IssueSigning("police");
    police.keys.signing_key = issued.signing_key();
    police_certificate = issued.certificate;
  }
  std::string DeliverOne() {
    SignWithKnownCertificate();
    EXPECT_TRUE(police.outbox->Push(SomeDraft()).ok());
    police.Settle();
    const auto delivery = DeliveryFor(idva);
    EXPECT_TRUE(idva.inbox->Receive(delivery).ok()) << idva.inbox->Receive(delivery);
    return referral::DigestOf(delivery.referral().header());
  }

  // The delivery to a holder of what police said of a referral.
  broker::v1::Delivery DeliveryOf(const type::v1::SignedPayload& statement, int64_t answer_due_ms = 1) {
    broker.directory.clear();
    auto& row = broker.directory.emplace_back();
    row.set_id("police");
    row.add_signing_certificates(police_certificate.der());
    broker::v1::Delivery delivery;
    delivery.set_delivery_id(random.Bytes(16));
    delivery.set_lane(type::v1::LANE_IMMEDIATE);
    delivery.set_answer_due_ms(answer_due_ms);
    *delivery.mutable_statement() = statement;
    type::v1::EntryEvent released;
    released.set_type(type::v1::EVENT_TYPE_RELEASED);
    *delivery.mutable_released() = broker.log.Receipt(broker.log.Append(released, referral::ParseStatement(statement)->header_digest()));
    return delivery;
  }
  // An act of police on what it sent as `submission`.
  absl::StatusOr<storage::v1::StoredSubmission> PoliceAct(const std::string& request_id, type::v1::StatementKind kind,
                                                          const agency::v1::SharingBasis* basis = nullptr,
                                                          const std::string& submission = "request-1") {
    type::v1::Statement asked;
    asked.set_request_id(request_id);
    *asked.mutable_worker() = SomeWorker();
    asked.set_kind(kind);
    if (kind == type::v1::STATEMENT_KIND_RECALL) asked.set_recall_reason(type::v1::RECALL_REASON_WRONG_PERSON);
    if (kind == type::v1::STATEMENT_KIND_WITHDRAWN) asked.set_withdraw_reason(type::v1::WITHDRAW_REASON_NOT_WANTED);
    if (kind == type::v1::STATEMENT_KIND_BREACH_ASSESSED) asked.set_breach_assessment(type::v1::BREACH_ASSESSMENT_NO_RISK);
    if (kind == type::v1::STATEMENT_KIND_GAP_REVIEWED) {
      asked.set_gap_review(basis == nullptr ? type::v1::GAP_REVIEW_JUSTIFIED_AS_IT_STANDS : type::v1::GAP_REVIEW_COMPLETED);
    }
    return police.outbox->Act(submission, asked, basis);
  }

  FakeRandom random{7};
  FakeClock clock;
  crypto::testing::TestAuthority authority;
  crypto::Certificate police_certificate = authority.certificate();
  FakeBroker broker;
  Service police;
  Service idva;
};

}  // namespace accord::agent
