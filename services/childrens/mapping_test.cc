#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "services/childrens/mapping.h"

namespace accord::childrens {
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
using Names = std::vector<std::string>;

v1::ReferFamilyRequest Family() {
  v1::ReferFamilyRequest request;
  *request.mutable_options() = Options();
  request.set_case_reference("LL-55120");
  *request.add_children()->mutable_person() = Somebody("2019-05-12");
  *request.mutable_victim() = Somebody();
  request.set_concerns("Section 17 assessment open.");
  return request;
}

TEST(ChildrensMappingTest, WhatIsWrongIsNamedByItsField) {
  using R = v1::ReferFamilyRequest;
  ExpectRefusals<R>(Family(), MapFamily, {
      {[](R& r) { r.clear_options(); }, "FIELD_MISSING options"},
      {[](R& r) { r.clear_case_reference(); }, "FIELD_MISSING case_reference"},
      {[](R& r) { r.clear_children(); }, "FIELD_MISSING children"},
      {[](R& r) { r.add_children(); }, "FIELD_MISSING children[1]"},
      {[](R& r) { r.mutable_children(0)->mutable_person()->set_dates_of_birth(0, "x"); }, "FIELD_INVALID children[0].person.dates_of_birth[0]"},
      {[](R& r) { r.clear_victim(); }, "FIELD_MISSING victim"},
      {[](R& r) { r.clear_concerns(); }, "FIELD_MISSING concerns"},
      {[](R& r) { r.set_concerns("\xff"); }, "TEXT_NOT_UTF8 concerns"},
      {[](R& r) { r.set_risk_grade(static_cast<RiskGrade>(9)); }, "ENUM_UNKNOWN risk_grade"},
      {[](R& r) { r.set_relationship(static_cast<RelationshipClass>(99)); }, "ENUM_UNKNOWN relationship"},
      {[](R& r) { r.add_do_not_disclose_to(""); }, "FIELD_INVALID do_not_disclose_to[0]"},
  });
}

TEST(ChildrensMappingTest, AFamilyGoesToTheIdvaAndToHealthToProtectAChild) {
  const auto draft = MapFamily(Family(), Context("childrens"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->recipients, (Names{"idva", "health"}));
  EXPECT_EQ(draft->core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
  EXPECT_EQ(draft->core.type(), REFERRAL_TYPE_REFERRAL);
  EXPECT_TRUE(draft->warnings.empty()) << "who sends it needs no advice to tell itself";
  EXPECT_EQ(Categories(*draft), (std::vector<Category>{CATEGORY_IDENTITY, CATEGORY_CHILDREN, CATEGORY_NARRATIVE}));
  EXPECT_EQ(Find(*draft, CATEGORY_IDENTITY)->identity().victim().record_number(), "LL-55120");
  EXPECT_EQ(draft->subjects[1].part.role(), SUBJECT_ROLE_CHILD);
  EXPECT_FALSE(draft->core.has_risk()) << "no grade was given, and none is made up";

  v1::ReferFamilyRequest excluded = Family();
  excluded.add_do_not_disclose_to("health");
  EXPECT_EQ(MapFamily(excluded, Context("childrens"))->recipients, (Names{"idva"}));
  EXPECT_EQ(Told(MapFamily(Family(), NoRouting())), "FIELD_MISSING options.recipients");
}

TEST(ChildrensMappingTest, AMotherUnderSixteenIsNotSentBackToTheSender) {
  v1::ReferFamilyRequest request = Family();
  *request.mutable_victim() = Somebody("2011-02-18");
  EXPECT_EQ(MapFamily(request, Context("childrens"))->recipients, (Names{"idva", "health"}));
  EXPECT_EQ(MapFamily(request, Context("other-childrens"))->recipients, (Names{"idva", "health", "childrens"}));
}

TEST(ChildrensMappingTest, SiblingsAndTheUnbornGoTogetherAndTheirVoiceStandsApart) {
  v1::ReferFamilyRequest request = Family();
  request.add_children()->set_expected_on("2026-07-18");
  request.set_child_voice("I don't like weekends.");
  request.set_request("Health visitor's view.");
  request.set_risk_grade(RISK_GRADE_MEDIUM);
  const auto draft = MapFamily(request, Context("childrens"));
  EXPECT_EQ(Find(*draft, CATEGORY_CHILDREN)->children().children_size(), 2);
  EXPECT_EQ(draft->subjects[2].part.role(), SUBJECT_ROLE_UNBORN_CHILD);
  EXPECT_EQ(Find(*draft, CATEGORY_VOICE)->text().text(), "I don't like weekends.");
  EXPECT_NE(Find(*draft, CATEGORY_NARRATIVE)->text().text().find("Asked: Health visitor's view."), std::string::npos);
  EXPECT_EQ(draft->core.risk().instrument(), INSTRUMENT_PROFESSIONAL_JUDGEMENT);
  EXPECT_EQ(draft->core.risk().subject(), SUBJECT_ROLE_VICTIM);
}

TEST(ChildrensMappingTest, AManagerDecides) {
  v1::DecideContactRequest request;
  request.set_decision_maker("tm-7");
  const Worker worker = DecisionMaker(request);
  EXPECT_EQ(worker.pseudonym(), "tm-7");
  EXPECT_EQ(worker.role(), WORKER_ROLE_SUPERVISOR);
  EXPECT_EQ(worker.authentication(), AUTHENTICATION_SINGLE_FACTOR) << "nobody vouched for more";
}

TEST(ChildrensMappingTest, EverySampleOfThisServiceMaps) {
  EXPECT_GE(agent::testing::MapSamples<v1::ReferFamilyRequest>("childrens", "ReferFamily", MapFamily).size(), 1u);
}

}  // namespace
}  // namespace accord::childrens
