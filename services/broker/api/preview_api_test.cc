// Preview equals submission equals release, at the API.
//
// Goal: what a worker is shown is what is decided when it is stored and what leaves, to the digest, for whatever is sent.
// Method: a hundred referrals that chance makes of every code a decision reads, each previewed, sealed for just those whom the preview
// permits, and submitted under the preview's digest; then every mailbox is emptied and compared with the previews.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "accord/broker/v1/referral_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/crypto/cms.h"
#include "common/referral/section.h"
#include "services/broker/api/testing_broker.h"
#include "services/broker/api/testing_collector.h"

namespace accord::broker::preview_api_test {
namespace {

using namespace type::v1;  // NOLINT

constexpr int kReferrals = 100;
constexpr uint64_t kSeed = 20261128;
constexpr const char* kRecipients[] = {"childrens", "idva", "housing"};

const std::string kAgreement = R"(
version = "2"
parties = ["police", "childrens", "idva", "housing"]
effective_from = "2020-01-01"
expires = "2040-01-01"
[[route]]
id = "safeguarding"
from_kinds = ["police"]
to_kinds = ["childrens_services"]
purposes = ["safeguarding_child", "safeguarding_adult"]
categories = ["identity", "risk", "incident", "children", "narrative", "rationale", "immigration_status"]
[[route]]
id = "support"
from_kinds = ["police"]
to_kinds = ["idva"]
purposes = ["safeguarding_adult", "support"]
categories = ["identity", "safe_contact", "risk", "incident", "narrative", "rationale"]
confidential_address = true
[[route]]
id = "support-high"
from_kinds = ["police"]
to_kinds = ["idva", "housing"]
purposes = ["safeguarding_adult", "support", "housing_support"]
categories = ["identity", "orders_and_bail", "safety_plan"]
min_grade = "high"
[[route]]
id = "housing"
from_kinds = ["police"]
to_kinds = ["housing"]
purposes = ["housing_support", "support"]
categories = ["identity", "housing", "safe_contact"]
needs_consent = true
)";

constexpr Category kCategories[] = {
    CATEGORY_IDENTITY,  CATEGORY_SAFE_CONTACT, CATEGORY_RISK,      CATEGORY_INCIDENT,        CATEGORY_CHILDREN,          CATEGORY_HOUSING,
    CATEGORY_NARRATIVE, CATEGORY_SAFETY_PLAN,  CATEGORY_RATIONALE, CATEGORY_ORDERS_AND_BAIL, CATEGORY_IMMIGRATION_STATUS};

class PreviewApiTest : public ::testing::Test {
 protected:
  PreviewApiTest() : police_(v1::ReferralService::NewStub(world_.Channel("agency/police"))) {
    admin::v1::Change change;
    change.mutable_put_agreement()->set_text(kAgreement);
    EXPECT_EQ(world_.Change(change), absl::OkStatus());
  }

  bool Chance(uint64_t in_a_hundred) { return random_.Below(100) < in_a_hundred; }
  // A value of the enum that is known and not unspecified.
  template <typename Enum>
  Enum Any() {
    const auto& descriptor = *google::protobuf::GetEnumDescriptor<Enum>();
    return static_cast<Enum>(descriptor.value(1 + static_cast<int>(random_.Below(descriptor.value_count() - 1)))->number());
  }

  TagPart MakeTag(bool rationale) {
    TagPart tag;
    tag.set_tag_id(NewId(random_));
    tag.set_victim_awareness(Any<VictimAwareness>());
    tag.set_consent(Chance(50) ? CONFIDENTIALITY_CONSENT_GIVEN : Any<ConfidentialityConsent>());
    if (tag.consent() == CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS) {
      if (Chance(50)) tag.add_consent_agencies(kRecipients[random_.Below(3)]);
      if (Chance(50)) tag.add_consent_excludes_kinds(AGENCY_KIND_HOUSING);
    }
    if (Chance(90)) tag.set_article6(ARTICLE6_BASIS_PUBLIC_TASK);
    if (Chance(90)) tag.set_article9(ARTICLE9_CONDITION_SAFEGUARDING);
    tag.set_regime(REGIME_DPA_PART3);
    if (Chance(70)) tag.set_gateway(Any<Gateway>());
    if (Chance(70)) tag.set_approver("sgt-1");
    tag.set_rationale_present(rationale);
    return tag;
  }
  void AddSubjects(referral::HeaderParts& parts) {
    SubjectPart& victim = parts.subjects.emplace_back();
    victim.set_subject_id(NewId(random_));
    victim.set_role(SUBJECT_ROLE_VICTIM);
    victim.set_age_band(Chance(80) ? AGE_BAND_ADULT : Any<AgeBand>());
    victim.set_confidential_address(Chance(20));
    if (Chance(15)) victim.set_works_at(kRecipients[random_.Below(3)]);
    if (Chance(15)) victim.add_exclusions()->set_agency(kRecipients[random_.Below(3)]);
    if (Chance(15)) {
      auto& exclusion = *victim.add_exclusions();
      exclusion.set_kind(AGENCY_KIND_HOUSING);
      exclusion.add_categories(CATEGORY_IDENTITY);
    }
  }
  referral::HeaderParts MakeParts(int number) {
    referral::HeaderParts parts;
    parts.core.set_request_id(fmt::format("generated-{}", number));
    parts.core.set_sender("police");
    parts.core.mutable_worker()->set_pseudonym(fmt::format("pc-{}", number));
    parts.core.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
    parts.core.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
    parts.core.set_type(REFERRAL_TYPE_REFERRAL);
    constexpr Purpose kPurposes[] = {PURPOSE_SAFEGUARDING_ADULT, PURPOSE_SAFEGUARDING_CHILD, PURPOSE_SUPPORT, PURPOSE_HOUSING_SUPPORT,
                                     PURPOSE_IMMIGRATION_ENFORCEMENT};
    parts.core.set_purpose(kPurposes[random_.Below(Chance(95) ? 4 : 5)]);
    parts.core.set_urgency(Chance(20) ? URGENCY_IMMEDIATE : URGENCY_ROUTINE);
    parts.core.mutable_risk()->set_grade(Any<RiskGrade>());
    parts.core.mutable_risk()->set_instrument(INSTRUMENT_DARA);
    parts.core.mutable_risk()->set_subject(SUBJECT_ROLE_VICTIM);
    parts.core.set_signed_at_ms(absl::ToUnixMillis(world_.clock().Now()));
    if (Chance(50)) parts.core.set_jurisdiction(Any<Jurisdiction>());
    for (const char* agency : kRecipients) {
      if (!parts.recipients.empty() && Chance(40)) continue;
      RecipientPart& recipient = parts.recipients.emplace_back();
      recipient.set_agency(agency);
      recipient.set_capacity(RECIPIENT_CAPACITY_NAMED);
    }
    const bool rationale = Chance(60);
    parts.tags.push_back(MakeTag(rationale));
    if (Chance(40)) parts.tags.push_back(MakeTag(/*rationale=*/false));
    for (const Category category : kCategories) {
      const bool wanted = category == CATEGORY_RATIONALE ? rationale : Chance(30);
      if (!wanted && !(category == CATEGORY_IMMIGRATION_STATUS && parts.sections.empty())) continue;
      SectionPart& section = parts.sections.emplace_back();
      section.set_section_id(NewId(random_));
      section.set_category(category);
      section.set_tag_id(category == CATEGORY_RATIONALE ? parts.tags[0].tag_id() : parts.tags[random_.Below(parts.tags.size())].tag_id());
      section.set_confidential_address(Chance(15));
      if (Chance(15)) {
        section.set_third_party_material(true);
        section.set_originator(kRecipients[random_.Below(3)]);
        if (Chance(70)) section.set_originator_agreement(Any<OriginatorAgreement>());
      }
    }
    AddSubjects(parts);
    return parts;
  }

  absl::StatusOr<v1::PreviewReferralResponse> Preview(const referral::HeaderParts& parts) {
    v1::PreviewReferralRequest request;
    *request.mutable_core() = parts.core;
    for (const auto& recipient : parts.recipients) *request.add_recipients() = recipient;
    for (const auto& section : parts.sections) *request.add_sections() = section;
    for (const auto& tag : parts.tags) *request.add_tags() = tag;
    for (const auto& subject : parts.subjects) *request.add_subjects() = subject;
    return rpc::CallUnary(*police_, &v1::ReferralService::Stub::PreviewReferral, request, kTestTimeout);
  }
  // Sealed for the sender and for those whom the preview permits each section.
  v1::SubmitReferralRequest Seal(referral::HeaderParts parts, const v1::PreviewReferralResponse& preview) {
    v1::SubmitReferralRequest request;
    request.set_request_id(parts.core.request_id());
    request.set_decision_digest(preview.decision_digest());
    for (SectionPart& part : parts.sections) {
      std::vector<crypto::Certificate> certificates = {world_.sealing("police").certificate};
      for (const auto& decision : preview.decisions()) {
        if (decision.section_id() == part.section_id() && decision.verdict() == VERDICT_PERMIT)
          certificates.push_back(world_.sealing(decision.recipient()).certificate);
      }
      const auto tag = std::find_if(parts.tags.begin(), parts.tags.end(), [&](const auto& row) { return row.tag_id() == part.tag_id(); });
      SealedSection& sealed = *request.mutable_submission()->add_sections();
      sealed.set_section_id(part.section_id());
      sealed.set_cms(
          *crypto::cms::Seal(*referral::MakePlaintext(
                                 {"police", request.request_id(), part.section_id(), part.category(), tag->SerializeAsString()}, "words"),
                             certificates));
      part.set_digest(crypto::cms::Parse(sealed.cms())->digest);
    }
    const auto made = referral::SignHeader(parts, world_.signing("police").signing_key(), random_);
    EXPECT_EQ(made.status(), absl::OkStatus());
    *request.mutable_submission()->mutable_header() = made->header;
    for (const Opening& opening : made->openings) *request.mutable_submission()->add_openings() = opening;
    return request;
  }

  TestingBroker world_;
  FakeRandom random_{kSeed};
  std::unique_ptr<v1::ReferralService::Stub> police_;
};

TEST_F(PreviewApiTest, PreviewEqualsSubmissionEqualsRelease) {
  using Sections = std::set<std::string>;
  std::map<std::string, std::map<std::string, Sections>> expected;  // By agency and header digest, the sections that it is to be handed.
  std::map<Verdict, int> verdicts;
  int stored = 0, refused = 0;
  for (int number = 0; number < kReferrals; ++number) {
    SCOPED_TRACE(fmt::format("seed {}, referral {}", kSeed, number));
    const referral::HeaderParts parts = MakeParts(number);
    const auto preview = Preview(parts);
    ASSERT_EQ(preview.status(), absl::OkStatus());
    ASSERT_EQ(preview->decisions_size(), static_cast<int>(parts.sections.size() * parts.recipients.size()));
    const auto request = Seal(parts, *preview);
    const auto response = rpc::CallUnary(*police_, &v1::ReferralService::Stub::SubmitReferral, request, kTestTimeout);
    std::map<std::string, Sections> permitted;
    for (const auto& decision : preview->decisions()) {
      ++verdicts[decision.verdict()];
      if (decision.verdict() == VERDICT_PERMIT) permitted[decision.recipient()].insert(decision.section_id());
    }
    if (permitted.empty()) {
      EXPECT_TRUE(HasReason(response.status(), Reason::kNothingPermitted)) << response.status();
      ++refused;
      continue;
    }
    ASSERT_EQ(response.status(), absl::OkStatus());
    ++stored;
    EXPECT_EQ(ToHex(response->decision_digest()), ToHex(preview->decision_digest()));
    ASSERT_EQ(response->decisions_size(), preview->decisions_size());
    for (int i = 0; i < preview->decisions_size(); ++i)
      EXPECT_EQ(response->decisions(i).SerializeAsString(), preview->decisions(i).SerializeAsString());
    EXPECT_EQ((std::vector<std::string>(response->warnings().begin(), response->warnings().end())),
              (std::vector<std::string>(preview->warnings().begin(), preview->warnings().end())));
    for (const auto& [agency, sections] : permitted) expected[agency][response->header_digest()] = sections;
  }
  // Chance made some of everything, or this shows nothing.
  EXPECT_GE(stored, 30);
  EXPECT_GE(refused, 5);
  for (const Verdict verdict : {VERDICT_PERMIT, VERDICT_WITHHOLD, VERDICT_NEEDS_BASIS, VERDICT_REFUSE})
    EXPECT_GE(verdicts[verdict], 5) << verdict;

  for (const std::string agency : kRecipients) {
    std::map<std::string, Sections> handed;
    Collector collector(world_, "agency/" + agency, 8);
    while (handed.size() < expected[agency].size()) {
      const auto delivery = collector.NextDelivery();
      ASSERT_TRUE(delivery.has_referral());
      Sections& sections = handed[referral::DigestOf(delivery.referral().header())];
      for (const auto& section : delivery.referral().sections()) sections.insert(section.section_id());
      collector.Ack(delivery);
    }
    EXPECT_EQ(handed, expected[agency]) << agency;
    EXPECT_EQ(world_.broker().mailboxes().depth({agency}), 0u) << agency;
  }
}

}  // namespace
}  // namespace accord::broker::preview_api_test
