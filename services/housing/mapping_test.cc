#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "services/housing/mapping.h"

namespace accord::housing {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::Categories;
using agent::testing::Context;
using agent::testing::ExpectRefusals;
using agent::testing::Find;
using agent::testing::NoRouting;
using agent::testing::Options;
using agent::testing::Somebody;
using agent::testing::Told;
using agent::testing::Warns;
using Names = std::vector<std::string>;

v1::ReferOnRequest Household() {
  v1::ReferOnRequest request;
  *request.mutable_options() = Options();
  request.set_case_reference("HSG-90077");
  *request.mutable_victim() = Somebody();
  request.mutable_housing()->set_tenure("sole secure tenancy");
  request.set_summary("Door kicked in twice.");
  return request;
}

TEST(HousingMappingTest, WhatIsWrongIsNamedByItsField) {
  using R = v1::ReferOnRequest;
  ExpectRefusals<R>(Household(), MapOnward, {
      {[](R& r) { r.clear_options(); }, "FIELD_MISSING options"},
      {[](R& r) { r.clear_case_reference(); }, "FIELD_MISSING case_reference"},
      {[](R& r) { r.clear_victim(); }, "FIELD_MISSING victim"},
      {[](R& r) { r.clear_housing(); }, "FIELD_MISSING housing"},
      {[](R& r) { r.clear_summary(); }, "FIELD_MISSING summary"},
      {[](R& r) { r.set_summary("\xff"); }, "TEXT_NOT_UTF8 summary"},
      {[](R& r) { r.mutable_housing()->add_areas_of_risk("\xff"); }, "TEXT_NOT_UTF8 housing.areas_of_risk[0]"},
      {[](R& r) { r.set_caused_by("HSG-1"); }, "FIELD_INVALID caused_by"},
      {[](R& r) { r.set_caused_by("referrals/" + std::string(62, 'a')); }, "FIELD_INVALID caused_by"},
      {[](R& r) { r.set_relationship(static_cast<RelationshipClass>(99)); }, "ENUM_UNKNOWN relationship"},
      {[](R& r) { r.mutable_options()->mutable_basis()->add_not_to(static_cast<AgencyKind>(99)); }, "ENUM_UNKNOWN options.basis.not_to[0]"},
  });
}

TEST(HousingMappingTest, GoesToTheIdvaAloneUnlessChildrenAreConcerned) {
  EXPECT_EQ(MapOnward(Household(), Context("housing"))->recipients, (Names{"idva"}));
  v1::ReferOnRequest request = Household();
  *request.add_children()->mutable_person() = Somebody("2019");
  EXPECT_EQ(MapOnward(request, Context("housing"))->recipients, (Names{"idva", "childrens"}));
  request.add_do_not_disclose_to("childrens");
  EXPECT_EQ(MapOnward(request, Context("housing"))->recipients, (Names{"idva"}));
  EXPECT_EQ(Told(MapOnward(Household(), NoRouting())), "FIELD_MISSING options.recipients");
}

TEST(HousingMappingTest, IsSupportOnlyWithConsentAndForIdvaServicesAlone) {
  v1::ReferOnRequest request = Household();
  EXPECT_EQ(MapOnward(request, Context("housing"))->core.purpose(), PURPOSE_SUPPORT);
  request.mutable_options()->mutable_basis()->set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS);
  EXPECT_EQ(MapOnward(request, Context("housing"))->core.purpose(), PURPOSE_SUPPORT);
  for (const auto consent : {CONFIDENTIALITY_CONSENT_REFUSED, CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE, CONFIDENTIALITY_CONSENT_WITHDRAWN,
                             CONFIDENTIALITY_CONSENT_LACKS_CAPACITY}) {
    request.mutable_options()->mutable_basis()->set_consent(consent);
    EXPECT_EQ(MapOnward(request, Context("housing"))->core.purpose(), PURPOSE_SAFEGUARDING_ADULT) << consent;
  }
  *request.mutable_options() = Options({"idva", "police"});
  EXPECT_EQ(MapOnward(request, Context("housing"))->core.purpose(), PURPOSE_SAFEGUARDING_ADULT);
}

TEST(HousingMappingTest, AnApplicantUnderSixteenIsReroutedToo) {
  v1::ReferOnRequest request = Household();
  *request.mutable_victim() = Somebody("2011-02-18");
  *request.mutable_options() = Options({"idva"});
  const auto draft = MapOnward(request, Context("housing"));
  EXPECT_EQ(draft->recipients, (Names{"idva", "childrens"}));
  EXPECT_EQ(draft->core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
  EXPECT_TRUE(Warns(*draft, "under 16"));
}

TEST(HousingMappingTest, FollowsOnFromWhatWasReceived) {
  v1::ReferOnRequest request = Household();
  request.set_caused_by("referrals/" + std::string(64, 'a'));
  const auto draft = MapOnward(request, Context("housing"));
  EXPECT_EQ(draft->core.caused_by(), std::string(32, '\xaa'));
  EXPECT_EQ(MapOnward(Household(), Context("housing"))->core.caused_by(), "");
  EXPECT_EQ(Find(*draft, CATEGORY_IDENTITY)->identity().victim().record_number(), "HSG-90077");
  EXPECT_EQ(Categories(*draft), (std::vector<Category>{CATEGORY_IDENTITY, CATEGORY_HOUSING, CATEGORY_NARRATIVE}));
}

TEST(HousingMappingTest, EverySampleOfThisServiceMaps) {
  const auto drafts = agent::testing::MapSamples<v1::ReferOnRequest>("housing", "ReferOn", MapOnward);
  ASSERT_GE(drafts.size(), 1u);
  EXPECT_EQ(drafts.at("12-housing-refer-on.json").options.basis().not_to(0), AGENCY_KIND_POLICE);
}

}  // namespace
}  // namespace accord::housing
