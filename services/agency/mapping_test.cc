#include "services/agency/mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "services/agency/testing_profiles.h"

namespace accord::agency::mapping_test {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::Context;
using agent::testing::ExpectRefusals;
using agent::testing::Options;
using agent::testing::Told;
using agent::testing::Warns;
using refer::v1::ReferPersonRequest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

absl::StatusOr<agent::Draft> Map(const ReferPersonRequest& request, const agent::MappingContext& context) {
  return MapPerson(request, testing::Profiles(), context);
}

ReferPersonRequest Good() {
  ReferPersonRequest request;
  *request.mutable_options() = Options();
  request.set_record_reference("SM-1");
  *request.mutable_person() = agent::testing::Somebody();
  auto& text = *request.add_texts();
  text.set_category(CATEGORY_NARRATIVE);
  text.set_text("He stops her from coming.");
  return request;
}

TEST(AgencyMappingTest, GoesAsTheFirstProfileSays) {
  const auto draft = Map(Good(), Context("recovery"));
  ASSERT_EQ(Told(draft), "OK") << draft.status();
  EXPECT_EQ(draft->core.type(), REFERRAL_TYPE_REFERRAL);
  EXPECT_EQ(draft->core.purpose(), PURPOSE_SUPPORT);
  EXPECT_THAT(draft->recipients, ElementsAre("idva"));
  EXPECT_THAT(agent::testing::Categories(*draft), ElementsAre(CATEGORY_IDENTITY, CATEGORY_NARRATIVE));
}

TEST(AgencyMappingTest, RestsOnNoConsentThatWasNotGiven) {
  ReferPersonRequest request = Good();
  request.mutable_options()->mutable_basis()->set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  EXPECT_EQ(Map(request, Context())->core.purpose(), PURPOSE_SAFEGUARDING_ADULT);
  request.set_purpose(PURPOSE_SUPPORT);
  EXPECT_EQ(Map(request, Context())->core.purpose(), PURPOSE_SUPPORT) << "what a person says is left to the broker's rules";
}

TEST(AgencyMappingTest, AChildIsSafeguardedWhateverTheProfileSays) {
  ReferPersonRequest request = Good();
  *request.mutable_person() = agent::testing::Somebody("2014-01-01");
  const auto draft = Map(request, Context("recovery"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
  EXPECT_THAT(draft->recipients, ElementsAre("idva", "childrens"));
  request.mutable_options()->add_recipients("idva");
  const auto named = Map(request, Context("recovery"));
  ASSERT_EQ(Told(named), "OK");
  EXPECT_THAT(named->recipients, ElementsAre("idva", "childrens")) << "whoever was named";
  EXPECT_TRUE(Warns(*named, "under 16"));
}

TEST(AgencyMappingTest, WhatAProfileDoesNotHaveIsRefused) {
  ReferPersonRequest good = Good();
  good.set_profile("answer");
  good.mutable_options()->add_recipients("idva");
  good.mutable_options()->set_caused_by("referrals/" + std::string(64, 'a'));
  good.mutable_texts(0)->set_category(CATEGORY_RESPONSE);
  ExpectRefusals<ReferPersonRequest>(good, Map,
                                     {{[](auto& r) { r.set_profile("none"); }, "FIELD_INVALID profile"},
                                      {[](auto& r) { r.set_type(REFERRAL_TYPE_REFERRAL); }, "FIELD_INVALID type"},
                                      {[](auto& r) { r.set_purpose(PURPOSE_SUPPORT); }, "FIELD_INVALID purpose"},
                                      {[](auto& r) { r.mutable_options()->clear_caused_by(); }, "FIELD_MISSING options.caused_by"},
                                      {[](auto& r) { r.mutable_texts(0)->set_category(CATEGORY_NARRATIVE); }, "FIELD_INVALID texts[0].category"},
                                      {[](auto& r) { r.mutable_health()->set_summary("x"); }, "FIELD_INVALID health"},
                                      {[](auto& r) { r.mutable_housing()->set_tenure("x"); }, "FIELD_INVALID housing"},
                                      {[](auto& r) { r.mutable_incident()->set_summary("x"); }, "FIELD_INVALID incident"},
                                      {[](auto& r) { r.add_orders()->set_kind("x"); }, "FIELD_INVALID orders"},
                                      {[](auto& r) { r.add_children()->mutable_person()->set_given_names("x"); }, "FIELD_INVALID children"},
                                      {[](auto& r) { r.add_alleged_perpetrators()->set_relationship("x"); }, "FIELD_INVALID alleged_perpetrators"},
                                      {[](auto& r) { r.mutable_safe_contact()->set_phone("1"); }, "FIELD_INVALID safe_contact"},
                                      {[](auto& r) { r.set_risk_grade(RISK_GRADE_HIGH); }, "FIELD_INVALID risk_grade"},
                                      {[](auto& r) { r.mutable_assessment()->set_rationale("x"); }, "FIELD_INVALID assessment"}});
}

TEST(AgencyMappingTest, RefusesWhatIsWrong) {
  ReferPersonRequest good = Good();
  auto& risk = *good.mutable_assessment()->mutable_risk();
  risk.set_grade(RISK_GRADE_HIGH);
  risk.set_instrument(INSTRUMENT_OTHER);
  risk.set_instrument_code("own");
  ExpectRefusals<ReferPersonRequest>(
      good, Map,
      {{[](auto& r) { r.clear_person(); }, "FIELD_MISSING person"},
       {[](auto& r) { r.clear_record_reference(); }, "FIELD_MISSING record_reference"},
       {[](auto& r) { r.mutable_texts(0)->set_category(CATEGORY_IDENTITY); }, "FIELD_INVALID texts[0].category"},
       {[](auto& r) { r.mutable_texts(0)->set_category(CATEGORY_RATIONALE); }, "FIELD_INVALID texts[0].category"},
       {[](auto& r) { for (int i = 0; i < kTextsMax; ++i) *r.add_texts() = r.texts(0); }, "FIELD_INVALID texts"},
       {[](auto& r) { r.set_risk_grade(RISK_GRADE_HIGH); }, "FIELD_INVALID risk_grade"},
       {[](auto& r) { r.mutable_assessment()->mutable_risk()->clear_grade(); }, "FIELD_MISSING assessment.risk.grade"},
       {[](auto& r) { r.mutable_assessment()->mutable_risk()->clear_instrument_code(); }, "FIELD_MISSING assessment.risk.instrument_code"},
       {[](auto& r) { r.mutable_assessment()->mutable_risk()->set_instrument(INSTRUMENT_DARA); }, "FIELD_INVALID assessment.risk.instrument_code"},
       {[](auto& r) { r.mutable_assessment()->set_assessed_at_ms(-1); }, "FIELD_INVALID assessment.assessed_at_ms"},
       {[](auto& r) { r.set_purpose(PURPOSE_MARAC); }, "FIELD_MISSING forum"},
       {[](auto& r) { r.set_forum("marac-northshire"); }, "FIELD_INVALID forum"},
       {[](auto& r) { r.set_works_at_agency("nobody"); }, "FIELD_INVALID works_at_agency"},
       {[](auto& r) { r.mutable_incident()->set_happened_text("yesterday"); }, "FIELD_INVALID incident.happened_text"}});
}

TEST(AgencyMappingTest, NothingIsPushedWhereNothingIsConfigured) {
  const auto draft = MapPerson(Good(), {}, Context());
  EXPECT_EQ(Told(draft), "FIELD_INVALID profile");
}

TEST(AgencyMappingTest, TheSamplesMap) {
  for (const char* agency : {"recovery", "wellmind"}) {
    std::map<std::string, agent::Draft> drafts;
    for (const auto& entry : std::filesystem::directory_iterator("deploy/samples/other")) {
      std::ifstream file(entry.path());
      const auto sample = nlohmann::json::parse(file);
      if (sample.at("agency") != agency || sample.at("call") != "ReferPerson") continue;
      ReferPersonRequest request;
      ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(sample.at("request").dump(), &request).ok()) << entry.path();
      const auto draft = Map(request, Context(agency));
      EXPECT_EQ(Told(draft), "OK") << entry.path() << draft.status();
      if (draft.ok()) drafts.emplace(entry.path().filename().string(), *draft);
    }
    EXPECT_GE(drafts.size(), 2u) << agency;
  }
}

}  // namespace
}  // namespace accord::agency::mapping_test
