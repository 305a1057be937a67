// A file from a push to a worker of another agency: what is sent, what is sent again, what is fetched, and what an erasure leaves.
#include <gtest/gtest.h>

#include <string>

#include "common/agent/attachments.h"
#include "common/agent/testing_service.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"

namespace accord::agent::attachments_flow_test {
namespace {

class AttachmentsFlowTest : public AgentTest {
 protected:
  static std::string Pdf(size_t bytes) { return "%PDF-1.7\n" + std::string(bytes - 9, 'x'); }

  std::string Keep(const std::string& name, const std::string& bytes) {
    type::v1::Attachment file;
    file.set_file_name(name);
    file.set_media_type("application/pdf");
    file.set_data(bytes);
    const auto id = police.files->Keep(file);
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or("");
  }
  // A push of police with a large file and a small one.
  Draft WithFiles(const std::string& request_id = "request-1") {
    Draft draft = SomeDraft(request_id);
    draft.options.add_attachments(Keep("statement.pdf", large_));
    draft.options.add_attachments(Keep("cover.pdf", small_));
    return draft;
  }
  static size_t Rows(const Service& service, std::string_view family) {
    size_t rows = 0;
    EXPECT_EQ(service.store->raw().Scan(family, {}, [&](std::string_view, std::string_view) { return ++rows > 0; }), absl::OkStatus());
    return rows;
  }
  // Pushed, settled, and received by idva; its header digest.
  std::string Arrived() {
    SignWithKnownCertificate();
    EXPECT_TRUE(police.outbox->Push(WithFiles()).ok());
    police.Settle();
    const auto delivery = DeliveryFor(idva);
    EXPECT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
    return referral::DigestOf(delivery.referral().header());
  }
  // Section ids of the files, by name, as a worker of idva sees them.
  std::map<std::string, std::string> FilesOf(const std::string& digest) {
    std::map<std::string, std::string> files;
    const auto sections = idva.inbox->Read("read-00001", digest, SomeWorker());
    EXPECT_TRUE(sections.ok()) << sections.status();
    for (const auto& section : *sections) {
      if (!section.content().has_attachment()) continue;
      EXPECT_TRUE(section.content().attachment().data().empty());
      EXPECT_EQ(section.obligations().retention_days(), 365);
      files[section.content().attachment().file_name()] = section.section();
    }
    return files;
  }

  // The directory has police, and idva with `key`.
  void Enrol(const crypto::testing::Issued& key) {
    broker.directory.clear();
    auto& sender = broker.directory.emplace_back();
    sender.set_id("police");
    sender.add_signing_certificates(police_certificate.der());
    auto& row = broker.directory.emplace_back();
    row.set_id("idva");
    row.set_kind(type::v1::AGENCY_KIND_IDVA);
    row.set_sealing_certificate(key.certificate.der());
  }
  // A person at police approves that it is sealed again for idva.
  absl::Status Approve(const std::string& request_id = "reseal-0001") {
    type::v1::Statement asked;
    asked.set_request_id(request_id);
    *asked.mutable_worker() = SomeWorker();
    return police.outbox->Reseal("request-1", asked, "idva").status();
  }
  // A version in place of `older` whose large file is `large`.
  Draft Correction(const std::string& request_id, const std::string& older, const std::string& large) {
    Draft draft = SomeDraft(request_id);
    draft.options.set_corrects(older);
    draft.options.add_attachments(Keep("statement.pdf", large));
    draft.options.add_attachments(Keep("cover.pdf", small_));
    return draft;
  }

  std::string large_ = Pdf(kAttachmentBytesMax);
  const std::string small_ = Pdf(100);
};

TEST_F(AttachmentsFlowTest, ReachesAWorkerOfAnotherAgencyAsItWas) {
  const std::string digest = Arrived();
  EXPECT_EQ(police.State(), agency::v1::SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(broker.uploads_seen, 1);  // The large one: the others fit the message.
  EXPECT_EQ(broker.fetches_seen, 1);
  EXPECT_LT(broker.submitted.back().size(), 100'000u);
  const auto files = FilesOf(digest);
  ASSERT_EQ(files.size(), 2u);
  const auto read = idva.inbox->ReadFile("read-00002", digest, files.at("statement.pdf"), SomeWorker());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->data(), large_);
  EXPECT_EQ(read->media_type(), "application/pdf");
  EXPECT_EQ(idva.inbox->ReadFile("read-00003", digest, files.at("cover.pdf"), SomeWorker())->data(), small_);
  const auto journal = idva.journal->List(0, 10, referral::ReferralName(digest), "");
  ASSERT_TRUE(journal.ok() && !journal->entries.empty());
  EXPECT_EQ(journal->entries[0].act(), agency::v1::JOURNAL_ACT_ATTACHMENT_READ);
  // What is no file of it, or nothing of it at all.
  const auto sections = *idva.inbox->Read("read-00004", digest, SomeWorker());
  for (const std::string& section : {sections[0].section(), std::string(32, '0'), std::string("x")}) {
    EXPECT_TRUE(HasReason(idva.inbox->ReadFile("read-00005", digest, section, SomeWorker()).status(), Reason::kAttachmentNotFound));
  }
}

TEST_F(AttachmentsFlowTest, ReadingTheFileFirstSaysOpened) {
  const std::string digest = Arrived();
  const auto entry = *idva.inbox->Get(digest);
  std::string file;
  for (const auto& section : entry.header.sections) {
    if (section.part.category() == type::v1::CATEGORY_ATTACHMENT) file = ToHex(section.part.section_id());
  }
  ASSERT_TRUE(idva.inbox->ReadFile("read-00001", digest, file, SomeWorker()).ok());
  ASSERT_EQ(broker.statements.size(), 1u);
  EXPECT_EQ(broker.statements[0].kind(), type::v1::STATEMENT_KIND_OPENED);
  ASSERT_TRUE(idva.inbox->ReadFile("read-00002", digest, file, SomeWorker()).ok());
  EXPECT_EQ(broker.statements.size(), 1u);
}

TEST_F(AttachmentsFlowTest, APushStaysSmallAndIsRefusedOfWhatIsNotHere) {
  Draft draft = SomeDraft("request-2");
  draft.options.add_attachments(std::string(64, 'a'));
  EXPECT_TRUE(HasReason(police.outbox->Push(draft).status(), Reason::kAttachmentNotFound));
  EXPECT_TRUE(HasReason(police.outbox->Get("request-2").status(), Reason::kReferralNotFound));
  broker.away = Error(Reason::kBrokerUnreachable, "away");
  ASSERT_TRUE(police.outbox->Push(WithFiles()).ok());
  EXPECT_LT(police.store->raw().Get(kFamilyOutbox, "request-1")->value().size(), 10'000u);
  // A week later it waits still, and its files with it; the same push again is the same.
  clock.Advance(kAttachmentKept * 2);
  ASSERT_EQ(police.files->Sweep([](const std::string&) { return false; }), absl::OkStatus());
  Draft again = SomeDraft();
  const auto waiting = *police.outbox->Get("request-1");
  *again.options.mutable_attachments() = waiting.draft().options().attachments();
  EXPECT_TRUE(police.outbox->Push(again).ok());
  broker.away = absl::OkStatus();
  clock.Advance(absl::Minutes(1));
  police.Settle();
  EXPECT_EQ(police.State(), agency::v1::SUBMISSION_STATE_SETTLED);
}

TEST_F(AttachmentsFlowTest, WhatWasUploadedIsSentAgainOnlyWhenItIsAskedFor) {
  SignWithKnownCertificate();
  ASSERT_TRUE(police.outbox->Push(WithFiles()).ok());
  broker.lose_answer = true;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(police.outbox->Step());  // Prepared, uploaded, and sent: it is stored, and nobody knows.
  EXPECT_EQ(police.State(), agency::v1::SUBMISSION_STATE_SENT);
  EXPECT_EQ(broker.uploads_seen, 1);
  broker.lose_answer = false;
  police.Restart();
  clock.Advance(absl::Minutes(1));
  police.Settle();
  EXPECT_EQ(police.State(), agency::v1::SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(broker.uploads_seen, 1);
  ASSERT_EQ(broker.submitted.size(), 2u);
  EXPECT_EQ(broker.submitted[0], broker.submitted[1]);
}

TEST_F(AttachmentsFlowTest, WhatTheBrokerHasNotAnyMoreIsUploadedAgain) {
  SignWithKnownCertificate();
  ASSERT_TRUE(police.outbox->Push(WithFiles()).ok());
  broker.refuse_submit = Error(Reason::kStoreUnavailable, "its disk is away");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(police.outbox->Step());
  EXPECT_EQ(broker.uploads_seen, 1);
  broker.uploads.clear();  // A day has passed there.
  broker.refuse_submit = absl::OkStatus();
  clock.Advance(absl::Minutes(1));
  ASSERT_TRUE(police.outbox->Step());  // Asked for again,
  EXPECT_EQ(police.outbox->Get("request-1")->waiting_for().substr(0, 16), "UPLOAD_NOT_FOUND");
  clock.Advance(absl::Minutes(1));     // and sent.
  police.Settle();
  EXPECT_EQ(police.State(), agency::v1::SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(broker.uploads_seen, 2);
}

TEST_F(AttachmentsFlowTest, WhatIsMoreUrgentWaitsForOneFileAndNotForAll) {
  SignWithKnownCertificate();
  Draft draft = SomeDraft();
  for (const char* name : {"one.pdf", "two.pdf", "three.pdf"}) draft.options.add_attachments(Keep(name, large_));
  ASSERT_TRUE(police.outbox->Push(draft).ok());
  ASSERT_TRUE(police.outbox->Step() && police.outbox->Step());
  EXPECT_EQ(broker.uploads_seen, 1);
  Draft danger = SomeDraft("request-2");
  danger.options.set_immediate(true);
  ASSERT_TRUE(police.outbox->Push(danger).ok());
  ASSERT_TRUE(police.outbox->Step() && police.outbox->Step());
  EXPECT_EQ(police.State("request-2"), agency::v1::SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(broker.uploads_seen, 1);
  police.Settle();
  EXPECT_EQ(police.State(), agency::v1::SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(broker.uploads_seen, 3);
}

TEST_F(AttachmentsFlowTest, PreparedAgainItLeavesNothingOfBefore) {
  SignWithKnownCertificate();
  ASSERT_TRUE(police.outbox->Push(WithFiles()).ok());
  ASSERT_TRUE(police.outbox->Step() && police.outbox->Step());
  EXPECT_EQ(Rows(police, kFamilySealed), 1u);
  broker.refuse_submit = Error(Reason::kSealedTooWidely, "preview again");
  ASSERT_TRUE(police.outbox->Step());
  broker.refuse_submit = absl::OkStatus();
  police.Settle();
  EXPECT_EQ(police.State(), agency::v1::SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(Rows(police, kFamilySealed), 1u);
}

TEST_F(AttachmentsFlowTest, ADeliveryWaitsForItsSectionsAndIsHeldAgainstTheirDigests) {
  SignWithKnownCertificate();
  ASSERT_TRUE(police.outbox->Push(WithFiles()).ok());
  police.Settle();
  const auto delivery = DeliveryFor(idva);
  ASSERT_EQ(broker.sections.size(), 1u);
  std::string& bytes = broker.sections.begin()->second;
  const std::string whole = bytes;
  broker.sections.clear();
  EXPECT_TRUE(HasReason(idva.inbox->Receive(delivery), Reason::kReferralNotFound));
  for (const auto& section : delivery.referral().sections()) {
    if (!section.uploaded().empty()) broker.sections[section.section_id()] = whole.substr(1);
  }
  EXPECT_TRUE(HasReason(idva.inbox->Receive(delivery), Reason::kEpochMoved));  // It is given back, and not rejected for good.
  EXPECT_EQ(Rows(idva, kFamilySealed) + Rows(idva, kFamilyInbox), 0u);
  broker.sections.begin()->second = whole;
  EXPECT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
  EXPECT_EQ(broker.fetches_seen, 3);
  idva.Restart();
  EXPECT_EQ(FilesOf(referral::DigestOf(delivery.referral().header())).size(), 2u);
  // Both forms, or neither.
  auto both = delivery;
  both.set_delivery_id(random.Bytes(16));
  for (auto& section : *both.mutable_referral()->mutable_sections()) {
    if (!section.uploaded().empty()) section.set_cms(whole);
  }
  EXPECT_TRUE(HasReason(idva.inbox->Receive(both), Reason::kSectionMalformed));
}

TEST_F(AttachmentsFlowTest, ErasureLeavesNothingAtEitherEnd) {
  const std::string digest = Arrived();
  EXPECT_EQ(Rows(idva, kFamilySealed), 1u);
  const auto again = DeliveryFor(idva);
  ASSERT_TRUE(idva.holds->Erase(digest, SomeWorker()).ok());
  EXPECT_EQ(Rows(idva, kFamilySealed), 0u);
  EXPECT_EQ(idva.inbox->Receive(again), absl::OkStatus());  // Acknowledged, and not fetched.
  EXPECT_EQ(broker.fetches_seen, 1);
  EXPECT_EQ(Rows(idva, kFamilySealed), 0u);
  EXPECT_EQ(Rows(police, kFamilySealed), 1u);
  EXPECT_EQ(Rows(police, kFamilyAttachment), 2u);
  ASSERT_TRUE(police.holds->Erase(digest, SomeWorker()).ok());
  for (const std::string_view family : {kFamilySealed, kFamilyAttachment, kFamilyAttachmentData}) EXPECT_EQ(Rows(police, family), 0u) << family;
}

TEST_F(AttachmentsFlowTest, SealedAgainForAnotherKeyItIsTheSameFile) {
  SignWithKnownCertificate();
  ASSERT_TRUE(police.outbox->Push(WithFiles()).ok());
  police.Settle();
  ASSERT_EQ(broker.uploads_seen, 1);
  const auto first = police.outbox->Get("request-1")->prepared().sections();
  const auto key = authority.IssueSealing("idva");
  Enrol(key);
  // It is carried out, and nobody knows: what was sealed stays until the broker has answered.
  broker.lose_answer = true;
  EXPECT_FALSE(Approve().ok());
  EXPECT_EQ(Rows(police, kFamilySealed), 2u);
  EXPECT_EQ(broker.uploads_seen, 2);
  ASSERT_EQ(broker.resealed.sections_size(), 4);
  for (const auto& section : broker.resealed.sections()) EXPECT_NE(section.cms().empty(), section.uploaded().empty());
  broker.lose_answer = false;
  police.Restart();
  clock.Advance(absl::Minutes(1));
  police.Settle();
  const auto stored = *police.outbox->Get("request-1");
  EXPECT_FALSE(stored.has_pending_act());
  EXPECT_EQ(broker.acted.size(), 1u) << "the same act again";
  EXPECT_EQ(Rows(police, kFamilySealed), 1u) << "the earlier bytes went";
  for (const auto& section : stored.prepared().sections()) {
    for (const auto& before : first) EXPECT_FALSE(!section.uploaded().empty() && section.uploaded() == before.uploaded());
  }
  EXPECT_TRUE(HasReason(Approve("reseal-0002"), Reason::kTransitionIllegal)) << "it is sealed for that key";
  EXPECT_EQ(Rows(police, kFamilySealed), 1u);

  idva.keys.sealing_key = key.sealing_key();
  idva.keys.sealing_certificate = key.certificate;
  broker.submitted.push_back(stored.prepared().SerializeAsString());
  auto delivery = DeliveryFor(idva);
  *delivery.mutable_referral()->mutable_supplement() = broker.acts.back();
  ASSERT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
  const std::string digest = referral::DigestOf(delivery.referral().header());
  const auto read = idva.inbox->ReadFile("read-00002", digest, FilesOf(digest).at("statement.pdf"), SomeWorker());
  ASSERT_EQ(read.status(), absl::OkStatus());
  EXPECT_EQ(read->data(), large_);
}

TEST_F(AttachmentsFlowTest, WhatIsNotSealedAgainAfterAllLeavesNothing) {
  SignWithKnownCertificate();
  ASSERT_TRUE(police.outbox->Push(WithFiles()).ok());
  police.Settle();
  Enrol(authority.IssueSealing("idva"));
  ASSERT_TRUE(police.outbox->Push(Correction("request-2", "request-1", large_)).ok());
  ASSERT_TRUE(police.outbox->Step());  // Prepared, and signed.
  EXPECT_EQ(Rows(police, kFamilySealed), 2u);
  EXPECT_TRUE(HasReason(Approve(), Reason::kTransitionIllegal)) << "a correction is on its way";
  EXPECT_EQ(Rows(police, kFamilySealed), 2u);
}

TEST_F(AttachmentsFlowTest, ACorrectionBringsItsOwnFilesAndItsReaderIsToldWhenTheyDiffer) {
  const std::string older = Arrived();
  Enrol({idva.keys.sealing_certificate, std::string(idva.keys.sealing_key.ToPem().view())});
  std::string other = large_;
  other.back() = 'y';  // Of the same name and size.
  ASSERT_TRUE(police.outbox->Push(Correction("request-2", "request-1", other)).ok());
  broker.lose_answer = true;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(police.outbox->Step());  // Prepared, uploaded, and sent: nobody knows.
  EXPECT_EQ(police.State("request-2"), agency::v1::SUBMISSION_STATE_SENT);
  broker.lose_answer = false;
  police.Restart();
  clock.Advance(absl::Minutes(1));
  police.Settle();
  ASSERT_EQ(police.State("request-2"), agency::v1::SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(broker.uploads_seen, 2) << "one of each version";
  EXPECT_EQ(Rows(police, kFamilySealed), 2u);

  const auto delivery = DeliveryFor(idva);
  ASSERT_EQ(idva.inbox->Receive(delivery), absl::OkStatus());
  const std::string newer = referral::DigestOf(delivery.referral().header());
  EXPECT_EQ(idva.inbox->ChangedSince(*idva.inbox->Get(newer)).value(), std::vector<type::v1::Category>{type::v1::CATEGORY_ATTACHMENT});
  EXPECT_EQ(idva.inbox->ReadFile("read-00002", newer, FilesOf(newer).at("statement.pdf"), SomeWorker())->data(), other);
  EXPECT_EQ(Rows(idva, kFamilySealed), 2u);

  // The same files in a further version: nothing differs.
  ASSERT_TRUE(police.outbox->Push(Correction("request-3", "request-2", other)).ok());
  police.Settle();
  ASSERT_EQ(police.State("request-3"), agency::v1::SUBMISSION_STATE_SETTLED);
  const auto last = DeliveryFor(idva);
  ASSERT_EQ(idva.inbox->Receive(last), absl::OkStatus());
  EXPECT_TRUE(idva.inbox->ChangedSince(*idva.inbox->Get(referral::DigestOf(last.referral().header())))->empty());
  // Each version's files go with it, and no other's.
  ASSERT_TRUE(police.holds->Erase(older, SomeWorker()).ok());
  EXPECT_EQ(Rows(police, kFamilySealed), 2u);
}

TEST_F(AttachmentsFlowTest, ADecisionAloneTakesNone) {
  Draft draft = WithFiles();
  draft.core.set_type(type::v1::REFERRAL_TYPE_NOT_SHARED);
  draft.core.set_not_shared_reason(type::v1::NOT_SHARED_REASON_RAISES_RISK);
  draft.sections.clear();
  EXPECT_TRUE(HasReason(police.outbox->Push(draft).status(), Reason::kFieldInvalid));
}

}  // namespace
}  // namespace accord::agent::attachments_flow_test
