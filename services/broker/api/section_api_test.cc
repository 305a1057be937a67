// Sections too large for a message, over the wire: uploaded ahead of their referral, fetched beside its delivery.
//
// Goal: what docs/attachments.md says of the broker. Method: police upload what idva fetches, and everybody else tries to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "common/base/bytes.h"
#include "common/crypto/cms.h"
#include "common/crypto/digest.h"
#include "common/referral/section.h"
#include "services/broker/admission/uploads.h"
#include "services/broker/api/testing_change.h"
#include "services/broker/api/testing_mailbox.h"

namespace accord::broker::section_api_test {
namespace {

using namespace type::v1;  // NOLINT

constexpr size_t kLarge = 1'200'000;  // Of content in each section: sealed it is beyond what goes in a message.

class SectionApiTest : public MailboxTest {
 protected:
  absl::Status Upload(const std::string& agency, const std::string& request_id, const std::string& digest, const std::string& bytes,
                      size_t piece = referral::kSectionChunkBytesMax) {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kTestTimeout);
    v1::UploadSectionResponse response;
    const auto stream = referrals_[agency]->UploadSection(&context, &response);
    v1::UploadSectionRequest request;
    request.set_request_id(request_id);
    request.set_digest(digest);
    for (size_t at = 0; at < std::max<size_t>(bytes.size(), 1); at += piece) {
      request.set_chunk(bytes.substr(at, piece));
      if (!stream->Write(request)) break;
      request.Clear();
    }
    stream->WritesDone();
    const absl::Status status = rpc::FromGrpc(stream->Finish());
    EXPECT_TRUE(!status.ok() || (response.digest() == digest && response.bytes() == bytes.size()));
    return status;
  }
  absl::StatusOr<std::string> Fetch(const std::string& agency, const std::string& header_digest, const std::string& section_id) {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kTestTimeout);
    v1::FetchSectionRequest request;
    request.set_name(referral::ReferralName(header_digest));
    request.set_section_id(section_id);
    const auto stream = mailboxes_[agency]->FetchSection(&context, request);
    std::string bytes;
    v1::FetchSectionResponse response;
    while (stream->Read(&response)) {
      EXPECT_LE(response.chunk().size(), referral::kSectionChunkBytesMax);
      bytes += response.chunk();
    }
    if (const absl::Status ended = rpc::FromGrpc(stream->Finish()); !ended.ok()) return ended;
    return bytes;
  }
  // A submission of large sections, each uploaded and named in its place.
  v1::SubmitReferralRequest Large(const std::string& request_id, const std::vector<std::string>& recipients,
                                  std::function<void(referral::HeaderParts&)> alter = nullptr) {
    auto request = MakeSubmission(world_, {.request_id = request_id, .recipients = recipients, .padding = kLarge, .victim = request_id, .alter = alter});
    sealed_.clear();
    for (auto& section : *request.mutable_submission()->mutable_sections()) {
      sealed_[section.section_id()] = section.cms();
      section.set_uploaded(crypto::Sha256(section.cms()));
      section.clear_cms();
    }
    return request;
  }
  void UploadAll(const std::string& request_id) {
    for (const auto& [id, cms] : sealed_) EXPECT_EQ(Upload("police", request_id, crypto::Sha256(cms), cms), absl::OkStatus());
  }
  absl::StatusOr<v1::SubmitReferralResponse> Submit(const v1::SubmitReferralRequest& request) {
    return rpc::CallUnary(*referrals_["police"], &v1::ReferralService::Stub::SubmitReferral, request, kTestTimeout);
  }
  static bool IsHidden(const absl::StatusOr<std::string>& fetched) { return HasReason(fetched.status(), Reason::kReferralNotFound); }

  std::map<std::string, std::string> sealed_;  // Section id → the bytes, of the last Large.
};

TEST_F(SectionApiTest, GoesFromOneAgencyToWhomItWasReleasedAndToNobodyElse) {
  const auto request = Large("incident-large", {"idva", "housing"});
  EXPECT_TRUE(HasReason(Submit(request).status(), Reason::kUploadNotFound));
  UploadAll("incident-large");
  EXPECT_EQ(RowsOf(kFamilyUpload), 3u);
  const auto stored = Submit(request);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  EXPECT_EQ(RowsOf(kFamilyUpload) + RowsOf(kFamilyUploadIndex), 0u);
  const auto again = Submit(request);  // Its uploads are gone, and it is what was stored.
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_TRUE(again->repeated_request());
  const std::string digest = stored->header_digest();

  // Nothing before it is released.
  for (const auto& [id, cms] : sealed_) EXPECT_TRUE(IsHidden(Fetch("idva", digest, id)));
  const auto delivery = CollectOne("idva");
  ASSERT_EQ(delivery.referral().sections_size(), 3);
  for (const auto& section : delivery.referral().sections()) {
    EXPECT_TRUE(section.cms().empty());
    const auto fetched = Fetch("idva", digest, section.section_id());
    ASSERT_EQ(fetched.status(), absl::OkStatus());
    EXPECT_EQ(crypto::Sha256(*fetched), section.uploaded());
    // Cut for the one who asks: that it is sealed for others too does not show.
    EXPECT_EQ(crypto::cms::Parse(*fetched)->recipients.size(), 1u);
    EXPECT_EQ(crypto::cms::Parse(*fetched)->digest, crypto::cms::Parse(sealed_[section.section_id()])->digest);
  }
  // Of housing, the narrative is kept from it: by the policy, and by whom it is sealed for.
  const auto theirs = CollectOne("housing");
  ASSERT_EQ(theirs.referral().sections_size(), 1);
  for (const auto& [id, cms] : sealed_) {
    const bool given = id == theirs.referral().sections(0).section_id();
    EXPECT_EQ(Fetch("housing", digest, id).ok(), given);
    EXPECT_TRUE(IsHidden(Fetch("childrens", digest, id)));
    EXPECT_TRUE(IsHidden(Fetch("police", digest, id)));
  }
  const auto absent = Fetch("idva", digest, std::string(kIdBytes, 'n')), unknown = Fetch("idva", std::string(32, 'd'), std::string(kIdBytes, 'n'));
  EXPECT_TRUE(IsHidden(absent));
  EXPECT_EQ(absent.status(), unknown.status());

  // Until it is acknowledged and after, and never once it is recalled.
  Ack("idva", delivery.delivery_id());
  const std::string id = delivery.referral().sections(0).section_id();
  EXPECT_TRUE(Fetch("idva", digest, id).ok());
  ASSERT_EQ(Recall("recall-0001", digest), absl::OkStatus());
  EXPECT_TRUE(IsHidden(Fetch("idva", digest, id)));
}

TEST_F(SectionApiTest, WhatThePolicyClosesIsClosedHereToo) {
  const auto request = Large("incident-large", {"idva"});
  UploadAll("incident-large");
  const auto stored = Submit(request);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  const auto delivery = CollectOne("idva");
  ASSERT_EQ(delivery.referral().sections_size(), 3);
  const std::string id = delivery.referral().sections(0).section_id();
  EXPECT_TRUE(Fetch("idva", stored->header_digest(), id).ok());
  ASSERT_EQ(world_.PutAgreement("2", R"("case_history")"), absl::OkStatus());
  EXPECT_TRUE(IsHidden(Fetch("idva", stored->header_digest(), id)));
}

TEST_F(SectionApiTest, ACorrectionBringsItsOwn) {
  const auto older = Large("incident-large", {"idva"});
  UploadAll("incident-large");
  const auto first = Submit(older);
  ASSERT_EQ(first.status(), absl::OkStatus());
  const std::string digest = first->header_digest();
  v1::CorrectReferralRequest request;
  request.set_request_id("incident-newer");
  *request.mutable_submission() = Large("incident-newer", {"idva"}, [&](referral::HeaderParts& parts) {
                                    parts.core.set_type(REFERRAL_TYPE_CORRECTION);
                                    parts.core.set_caused_by(digest);
                                  }).submission();
  const std::string newer = referral::DigestOf(request.submission().header());
  *request.mutable_statement() = Sign("police", "incident-newer.statement", digest, STATEMENT_KIND_CORRECTION,
                                      [&](Statement& statement) { statement.set_replaced_by(newer); });
  const auto correct = [&] { return rpc::CallUnary(*referrals_["police"], &v1::ReferralService::Stub::CorrectReferral, request, kTestTimeout); };
  EXPECT_TRUE(HasReason(correct().status(), Reason::kUploadNotFound));
  UploadAll("incident-newer");
  const auto corrected = correct();
  ASSERT_EQ(corrected.status(), absl::OkStatus());
  EXPECT_EQ(correct()->index(), corrected->index()) << "its uploads are gone, and it is what was stored";
  std::map<std::string, v1::Delivery> given;
  for (const auto& delivery : Drain("idva")) {
    if (delivery.has_referral()) given[referral::DigestOf(delivery.referral().header())] = delivery;
  }
  ASSERT_TRUE(given.contains(newer));
  ASSERT_EQ(given[newer].referral().sections_size(), 3);
  for (const auto& section : given[newer].referral().sections()) {
    const auto fetched = Fetch("idva", newer, section.section_id());
    ASSERT_EQ(fetched.status(), absl::OkStatus());
    EXPECT_EQ(crypto::Sha256(*fetched), section.uploaded());
    EXPECT_EQ(crypto::cms::Parse(*fetched)->digest, crypto::cms::Parse(sealed_[section.section_id()])->digest);
    EXPECT_TRUE(IsHidden(Fetch("idva", digest, section.section_id()))) << "of the version before it is no section";
  }
}

TEST_F(SectionApiTest, SealedAgainItIsFetchedForTheKeyThatIsNew) {
  const auto sent = Large("incident-large", {"idva"});
  UploadAll("incident-large");
  const auto stored = Submit(sent);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  const std::string digest = stored->header_digest();
  const auto key = world_.authority().IssueSealing("idva");
  admin::v1::Change change;
  auto& row = *change.mutable_put_agency()->mutable_agency();
  row = world_.broker().directory().Get()->FindAgency("idva")->agency;
  row.set_sealing_certificate(key.certificate.der());
  ASSERT_EQ(world_.Change(change), absl::OkStatus());

  v1::ResealReferralRequest request;
  request.set_request_id("reseal-large");
  Reseal reseal;
  for (const Opening& opening : sent.submission().openings()) {
    if (opening.label() != "recipient") continue;
    ASSERT_TRUE(reseal.mutable_recipient()->ParseFromString(opening.content()));
  }
  reseal.set_sealing_certificate_digest(key.certificate.fingerprint());
  reseal.set_approver("dpo-1");
  std::map<std::string, std::string> again;
  for (const auto& [id, cms] : sealed_) {
    const auto& own = world_.sealing("police");
    again[id] = *crypto::cms::AddRecipient(cms, own.sealing_key(), own.certificate, key.certificate);
    reseal.add_section_ids(id);
    auto& section = *request.add_sections();
    section.set_section_id(id);
    section.set_uploaded(crypto::Sha256(again[id]));
  }
  *request.mutable_statement() =
      Sign("police", "reseal-large", digest, STATEMENT_KIND_RESEALED, [&](Statement& statement) { *statement.mutable_reseal() = reseal; });
  const auto seal = [&] { return rpc::CallUnary(*referrals_["police"], &v1::ReferralService::Stub::ResealReferral, request, kTestTimeout); };
  EXPECT_TRUE(HasReason(seal().status(), Reason::kUploadNotFound));
  for (const auto& [id, cms] : again) ASSERT_EQ(Upload("police", "incident-large", crypto::Sha256(cms), cms), absl::OkStatus());
  const auto sealed = seal();
  ASSERT_EQ(sealed.status(), absl::OkStatus());
  EXPECT_EQ(RowsOf(kFamilyUpload), 0u);
  EXPECT_EQ(seal()->index(), sealed->index()) << "the same again, its uploads gone";
  const auto delivery = CollectOne("idva");
  ASSERT_EQ(delivery.referral().sections_size(), 3);
  for (const auto& section : delivery.referral().sections()) {
    const auto fetched = Fetch("idva", digest, section.section_id());
    ASSERT_EQ(fetched.status(), absl::OkStatus());
    EXPECT_EQ(crypto::Sha256(*fetched), section.uploaded());
    EXPECT_EQ(crypto::cms::Open(*fetched, key.sealing_key(), key.certificate).status(), absl::OkStatus());
  }
}

TEST_F(SectionApiTest, ErasureReachesItAsAnySection) {
  const auto request = Large("incident-large", {"idva"});
  UploadAll("incident-large");
  const auto stored = Submit(request);
  ASSERT_EQ(stored.status(), absl::OkStatus());
  const auto delivery = CollectOne("idva");
  const std::string id = delivery.referral().sections(0).section_id();
  std::string raw;
  {
    const auto view = *world_.broker().sequencer().View();
    raw = **view->Get(kFamilySection, SectionKey(stored->header_digest(), id));
  }
  admin::v1::Change change;
  change.mutable_erase()->set_header_digest(stored->header_digest());
  change.mutable_erase()->set_ground(ERASURE_GROUND_SUBJECT_REQUEST);
  change.mutable_erase()->set_authority("dpo:2026/17");
  ASSERT_EQ(world_.Change(change), absl::OkStatus());
  EXPECT_TRUE(IsHidden(Fetch("idva", stored->header_digest(), id)));
  // Neither what is in the store now, nor what somebody had copied before, opens any more.
  const auto view = *world_.broker().sequencer().View();
  const auto opened = view->Unseal(kFamilySection, SectionKey(stored->header_digest(), id), raw);
  ASSERT_EQ(opened.status(), absl::OkStatus());
  EXPECT_FALSE(opened->has_value());
  EXPECT_TRUE(HasReason(Upload("police", "incident-large", crypto::Sha256("more"), "more"), Reason::kErased));
}

TEST_F(SectionApiTest, TakesWhatIsWithinTheLimitsAndRefusesTheFirstByteBeyond) {
  const std::string most(referral::kSealedSectionBytesMax, 'x');
  EXPECT_EQ(Upload("police", "incident-most", crypto::Sha256(most), most), absl::OkStatus());
  EXPECT_EQ(Upload("police", "incident-most", crypto::Sha256(most), most), absl::OkStatus());  // Again: nothing changes.
  EXPECT_EQ(RowsOf(kFamilyUpload), 1u);
  EXPECT_TRUE(HasReason(Upload("police", "incident-more", crypto::Sha256(most + "x"), most + "x"), Reason::kMessageTooLarge));
  EXPECT_TRUE(HasReason(Upload("police", "incident-more", crypto::Sha256(most), most, referral::kSectionChunkBytesMax + 1), Reason::kMessageTooLarge));
  EXPECT_TRUE(HasReason(Upload("police", "incident-more", crypto::Sha256("other"), "bytes"), Reason::kSectionDigestMismatch));
  EXPECT_TRUE(HasReason(Upload("police", "incident-more", "short", "bytes"), Reason::kFieldInvalid));
  EXPECT_TRUE(HasReason(Upload("police", "incident-more", crypto::Sha256(""), ""), Reason::kFieldMissing));
  EXPECT_TRUE(HasReason(Upload("police", "?", crypto::Sha256("bytes"), "bytes"), Reason::kFieldInvalid));
  EXPECT_EQ(RowsOf(kFamilyUpload), 1u);
  // Nobody came for it.
  clock_.Advance(kUploadKept + absl::Seconds(1));
  while (RowsOf(kFamilyUpload) > 0) {
  }
  EXPECT_EQ(RowsOf(kFamilyUploadIndex), 0u);
}

}  // namespace
}  // namespace accord::broker::section_api_test
