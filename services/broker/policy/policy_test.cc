#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/testing_pki.h"
#include "services/broker/directory/families.h"
#include "services/broker/policy/agreement_text.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/memory_context.h"

namespace accord::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kAgreement = R"(
version = "2026.11"
parties = ["police", "idva"]
effective_from = "2026-11-01"
expires = "2027-11-01"
[[route]]
id = "support"
from_kinds = ["police", "childrens_services"]
to_agencies = ["idva"]
purposes = ["support", "marac"]
categories = ["identity", "orders_and_bail"]
needs_consent = true
min_grade = "high"
forum = "marac-area"
)";

std::string With(std::string_view from, std::string_view to) {
  std::string text(kAgreement);
  const size_t at = text.find(from);
  ACCORD_CHECK(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST(AgreementTextTest, ReadsEveryKey) {
  const auto agreement = ParseAgreement(kAgreement);
  ASSERT_EQ(agreement.status(), absl::OkStatus());
  EXPECT_EQ(agreement->version, "2026.11");
  EXPECT_THAT(agreement->parties, ElementsAre("police", "idva"));
  EXPECT_EQ(agreement->effective_from, absl::FromCivil(absl::CivilDay(2026, 11, 1), absl::UTCTimeZone()));
  EXPECT_EQ(agreement->expires, absl::FromCivil(absl::CivilDay(2027, 11, 1), absl::UTCTimeZone()));
  ASSERT_EQ(agreement->routes.size(), 1u);
  const referral::Route& route = agreement->routes[0];
  EXPECT_EQ(route.id, "support");
  EXPECT_THAT(route.from_kinds, ElementsAre(type::v1::AGENCY_KIND_POLICE, type::v1::AGENCY_KIND_CHILDRENS_SERVICES));
  EXPECT_THAT(route.to_agencies, ElementsAre("idva"));
  EXPECT_THAT(route.purposes, ElementsAre(type::v1::PURPOSE_SUPPORT, type::v1::PURPOSE_MARAC));
  EXPECT_THAT(route.categories, ElementsAre(type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_ORDERS_AND_BAIL));
  EXPECT_TRUE(route.needs_consent);
  EXPECT_FALSE(route.confidential_address);
  EXPECT_EQ(route.min_grade, type::v1::RISK_GRADE_HIGH);
  EXPECT_EQ(route.forum, "marac-area");
}

TEST(AgreementTextTest, SaysWhatIsWrongAndWhere) {
  const std::pair<std::string, std::string> cases[] = {
      {"version = ", "agreement:1"},                                           // Not TOML.
      {With("version = \"2026.11\"\n", ""), "version"},                        // Missing.
      {With("2027-11-01", "next year"), "a date such as"},
      {With("2027-11-01", "2027-13-01"), "a date such as"},
      {With("2027-11-01", "2027-11-1"), "a date such as"},
      {With("\"support\", \"marac\"", "\"suport\""), "`suport` is not a word"},
      {With("\"police\", \"childrens", "\"Police\", \"childrens"), "`Police`"},
      {With("\"identity\"", "\"unspecified\""), "`unspecified`"},
      {With("needs_consent", "need_consent"), "need_consent"},                 // Unknown key.
      {With("\"high\"", "\"very high\""), "standard, medium or high"},
      {With("\"marac\"", "\"immigration_enforcement\""), "immigration"},
      {With("parties = [\"police\", \"idva\"]", "parties = [\"police\", \"health\"]"), "idva"},
  };
  for (const auto& [text, needle] : cases) {
    const auto agreement = ParseAgreement(text);
    ASSERT_TRUE(HasReason(agreement.status(), Reason::kAgreementMalformed)) << text;
    EXPECT_THAT(std::string(agreement.status().message().data(), agreement.status().message().size()), HasSubstr(needle));
  }
  const auto many = ParseAgreement(With("\"high\"", "7") + "more = 1\n");
  EXPECT_THAT(std::string(many.status().message().data(), many.status().message().size()), HasSubstr("13"));  // The line.
}

TEST(AgreementTextTest, KindsAreWordsOfTheList) {
  EXPECT_EQ(ParseAgencyKind("childrens_services"), type::v1::AGENCY_KIND_CHILDRENS_SERVICES);
  EXPECT_EQ(ParseAgencyKind("CHILDRENS_SERVICES"), std::nullopt);
  EXPECT_EQ(ParseAgencyKind("unspecified"), std::nullopt);
  EXPECT_EQ(ParseAgencyKind(""), std::nullopt);
}

TEST(AgreementTextTest, TheExampleIsAnAgreement) {
  const auto text = ReadFile("deploy/agreement.toml");  // Tests run in the root of the project.
  ASSERT_EQ(text.status(), absl::OkStatus());
  EXPECT_EQ(ParseAgreement(*text).status(), absl::OkStatus());
}

TEST(PolicyTest, IsReadFromWhatIsStored) {
  MemoryContext state;
  const crypto::testing::TestAuthority authority;
  admin::v1::Agency agency;
  agency.set_id("idva");
  agency.set_kind(type::v1::AGENCY_KIND_IDVA);
  agency.set_active(true);
  for (const char* area : {"W06000015", "W06000016", "E07000123", "area-9"}) agency.add_areas(area);
  agency.add_signing_certificates(authority.IssueSigning("idva").certificate.der());
  agency.set_sealing_certificate(authority.IssueSealing("idva").certificate.der());
  state.Put(kFamilyAgency, "idva", agency.SerializeAsString());
  storage::v1::StoredConflictList conflicts;
  conflicts.add_workers("officer-1");
  state.Put(kFamilyPolicy, ConflictListKey("police"), conflicts.SerializeAsString());

  auto directory = *DirectorySnapshot::Load(state, 1);
  auto policy = LoadPolicy(state, *directory, {1, 2, 3});
  ASSERT_EQ(policy.status(), absl::OkStatus());
  EXPECT_EQ((*policy)->epochs, (Epochs{1, 2, 3}));
  EXPECT_FALSE((*policy)->snapshot.agreement.has_value());
  EXPECT_TRUE((*policy)->snapshot.agencies.at("idva").active);
  EXPECT_FALSE((*policy)->snapshot.agencies.at("idva").has_confidential_desk);
  EXPECT_THAT((*policy)->snapshot.agencies.at("idva").jurisdictions, ElementsAre(type::v1::JURISDICTION_ENGLAND, type::v1::JURISDICTION_WALES));
  EXPECT_THAT((*policy)->snapshot.conflicts.at("police"), ElementsAre("officer-1"));

  storage::v1::StoredAgreement agreement;
  agreement.set_text(std::string(kAgreement));
  state.Put(kFamilyPolicy, kAgreementCurrentKey, agreement.SerializeAsString());
  // Nothing can be sealed to an agency whose only sealing certificate is denied.
  state.Put(kFamilyDeny, (*crypto::Certificate::FromDer(agency.sealing_certificate())).fingerprint(), "");
  directory = *DirectorySnapshot::Load(state, 2);
  policy = LoadPolicy(state, *directory, {2, 2, 3});
  ASSERT_EQ(policy.status(), absl::OkStatus());
  EXPECT_EQ((*policy)->snapshot.agreement->version, "2026.11");
  EXPECT_FALSE((*policy)->snapshot.agencies.at("idva").active);

  agreement.set_text("nonsense");
  state.Put(kFamilyPolicy, kAgreementCurrentKey, agreement.SerializeAsString());
  EXPECT_TRUE(HasReason(LoadPolicy(state, *directory, {}).status(), Reason::kStoreCorrupt));
}

}  // namespace
}  // namespace accord::broker
