#include <gtest/gtest.h>

#include "common/agent/screening.h"
#include "common/agent/testing_records.h"
#include "common/referral/referral_name.h"
#include "services/housing/mapping.h"

namespace accord::housing::mapping_test {
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
      {[](R& r) { r.set_risk_grade(static_cast<RiskGrade>(9)); }, "ENUM_UNKNOWN risk_grade"},
      {[](R& r) { r.set_wishes("\xff"); }, "TEXT_NOT_UTF8 wishes"},
      {[](R& r) { r.mutable_housing()->set_sanctuary_scheme(static_cast<SanctuaryScheme>(99)); }, "ENUM_UNKNOWN housing.sanctuary_scheme"},
      {[](R& r) { r.mutable_housing()->set_priority_need(true); }, "FIELD_MISSING housing.homelessness"},
      {[](R& r) { r.mutable_housing()->set_out_of_area(true); }, "FIELD_MISSING housing.temporary_accommodation"},
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

TEST(HousingMappingTest, FactsThatGoTogetherAreTaken) {
  v1::ReferOnRequest request = Household();
  request.mutable_housing()->set_priority_need(true);
  request.mutable_housing()->set_homelessness("since Friday, through abuse");
  request.mutable_housing()->set_out_of_area(true);
  request.mutable_housing()->set_temporary_accommodation("self-contained flat in another county");
  request.set_wishes("She wants to keep the school.");
  request.set_risk_grade(RISK_GRADE_MEDIUM);
  auto draft = MapOnward(request, Context("housing"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_TRUE(draft->warnings.empty());
  EXPECT_TRUE(Find(*draft, CATEGORY_HOUSING)->housing().out_of_area());
  EXPECT_EQ(Find(*draft, CATEGORY_VOICE)->text().text(), "She wants to keep the school.");
  EXPECT_EQ(draft->core.risk().grade(), RISK_GRADE_MEDIUM);
  EXPECT_EQ(draft->core.risk().instrument(), INSTRUMENT_PROFESSIONAL_JUDGEMENT);

  request.mutable_options()->mutable_basis()->set_jurisdiction(JURISDICTION_ENGLAND);
  EXPECT_TRUE(MapOnward(request, Context("housing"))->warnings.empty());
  request.mutable_options()->mutable_basis()->set_jurisdiction(JURISDICTION_WALES);
  EXPECT_TRUE(Warns(*MapOnward(request, Context("housing")), "law in England")) << "it goes: the need is there, by another Act";
}

TEST(HousingMappingTest, AnotherCouncilAloneIsAskedForHousingSupport) {
  v1::ReferOnRequest request = Household();
  *request.mutable_options() = Options({"other-council"});
  auto context = Context("housing");
  const auto usual = context.routing;
  context.routing = [usual](AgencyKind kind) { return kind == AGENCY_KIND_HOUSING ? Names{"housing", "other-council"} : usual(kind); };
  EXPECT_EQ(MapOnward(request, context)->core.purpose(), PURPOSE_HOUSING_SUPPORT);
  request.mutable_options()->add_recipients("idva");
  EXPECT_EQ(MapOnward(request, context)->core.purpose(), PURPOSE_SAFEGUARDING_ADULT);
  *request.mutable_options() = Options({"other-council"});
  request.mutable_options()->mutable_basis()->set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  EXPECT_EQ(MapOnward(request, context)->core.purpose(), PURPOSE_SAFEGUARDING_ADULT);
}

TEST(HousingMappingTest, AnAreaOfRiskAmongTheRecipientsIsWarnedOf) {
  v1::ReferOnRequest request = Household();
  *request.mutable_options() = Options({"idva", "northfield-council"});
  request.mutable_housing()->add_areas_of_risk("Northfield");
  auto draft = MapOnward(request, Context("housing"));
  ASSERT_EQ(Told(draft), "OK");
  agent::Screen(*draft);
  EXPECT_TRUE(Warns(*draft, "A recipient is of an area of risk"));
  *request.mutable_options() = Options({"idva"});
  draft = MapOnward(request, Context("housing"));
  agent::Screen(*draft);
  EXPECT_TRUE(draft->warnings.empty());
}

// A request made again from what recipients and the header have of it.
void Back(const agent::Draft& draft, v1::ReferOnRequest& request) {
  const auto [victim, reference] = agent::testing::VictimAndReferenceIn(draft);
  *request.mutable_victim() = victim;
  request.set_case_reference(reference);
  if (!draft.core.caused_by().empty()) request.set_caused_by(referral::ReferralName(draft.core.caused_by()));
  if (const auto* section = Find(draft, CATEGORY_ALLEGED_PERPETRATOR)) {
    *request.mutable_alleged_perpetrators() = section->alleged_perpetrators().alleged_perpetrators();
  }
  if (const auto* section = Find(draft, CATEGORY_HOUSING)) *request.mutable_housing() = section->housing();
  if (const auto* section = Find(draft, CATEGORY_CHILDREN)) *request.mutable_children() = section->children().children();
  if (const auto* section = Find(draft, CATEGORY_SAFE_CONTACT)) *request.mutable_safe_contact() = section->safe_contact();
  if (const auto* section = Find(draft, CATEGORY_RISK)) request.set_risk_grade(section->risk().risk().grade());
  request.set_summary(agent::testing::TextIn(draft, CATEGORY_NARRATIVE));
  request.set_wishes(agent::testing::TextIn(draft, CATEGORY_VOICE));
  request.set_relationship(agent::testing::RelationshipIn(draft));
  agent::testing::NotToIn(draft, *request.mutable_do_not_disclose_to());
}

TEST(HousingMappingTest, NothingOfARecordIsLost) {
  agent::testing::RecordMaker maker(4007);
  const auto prepare = [](v1::ReferOnRequest& request) {
    auto& housing = *request.mutable_housing();
    if (housing.homelessness().empty()) housing.clear_priority_need();
    if (housing.temporary_accommodation().empty()) housing.clear_out_of_area();
    if (request.alleged_perpetrators().empty()) request.clear_relationship();
  };
  agent::testing::ExpectNothingIsLost<v1::ReferOnRequest>(maker, 300, MapOnward, prepare, Back);
}

TEST(HousingMappingTest, EverySampleOfThisServiceMaps) {
  const auto drafts = agent::testing::MapSamples<v1::ReferOnRequest>("housing", "ReferOn", MapOnward);
  ASSERT_GE(drafts.size(), 6u);
  EXPECT_EQ(drafts.at("12-housing-refer-on.json").options.basis().not_to(0), AGENCY_KIND_POLICE);
}

TEST(HousingMappingTest, AnIdvaServiceIsChosenByWhereTheVictimLives) {
  agent::testing::ExpectRoutedByArea(Household(), "housing", MapOnward);
}

}  // namespace
}  // namespace accord::housing::mapping_test
