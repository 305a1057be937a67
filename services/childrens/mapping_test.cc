#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "services/childrens/mapping.h"

namespace accord::childrens::mapping_test {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::Categories;
using agent::testing::Context;
using agent::testing::ExpectRefusals;
using agent::testing::Find;
using agent::testing::LabelledIn;
using agent::testing::NoRouting;
using agent::testing::Options;
using agent::testing::Somebody;
using agent::testing::TextIn;
using agent::testing::Told;
using agent::testing::Warns;
using Names = std::vector<std::string>;

Child Idris() {
  Child child;
  *child.mutable_person() = Somebody("2019-05-12");
  child.set_parental_responsibility("mother only");
  return child;
}
v1::ReferFamilyRequest Family() {
  v1::ReferFamilyRequest request;
  *request.mutable_options() = Options();
  request.set_case_reference("LL-55120");
  *request.add_children() = Idris();
  *request.mutable_victim() = Somebody();
  request.set_concerns("Section 17 assessment open.");
  return request;
}
v1::RequestPartnerChecksRequest Checks() {
  v1::RequestPartnerChecksRequest request;
  *request.mutable_options() = Options();
  request.set_case_reference("LL-55120");
  *request.add_children() = Idris();
  *request.mutable_victim() = Somebody();
  request.set_status(v1::FAMILY_STATUS_CONTACT);
  request.set_question("What is known?");
  return request;
}
v1::CallStrategyDiscussionRequest Discussion() {
  v1::CallStrategyDiscussionRequest request;
  *request.mutable_options() = Options();
  request.set_case_reference("LL-55120");
  *request.add_children() = Idris();
  *request.mutable_victim() = Somebody();
  request.set_meets_at("2026-04-02T13:00:00Z");
  request.set_grounds("Strangled in front of the child.");
  request.set_risk_grade(RISK_GRADE_HIGH);
  return request;
}
// Consent by `holder`, who holds parental responsibility and is an alleged perpetrator, or not.
template <typename Request>
Request WithConsentOf(Request request, const std::string& holder, bool alleged, SubjectRole role = SUBJECT_ROLE_OTHER) {
  auto& row = *request.mutable_children(0)->add_held_by();
  row.set_holder(holder);
  row.set_is_alleged_perpetrator(alleged);
  request.mutable_options()->mutable_basis()->set_consent_by(role);
  request.mutable_options()->mutable_basis()->set_consent_how(CONSENT_METHOD_BY_REPRESENTATIVE);
  if constexpr (requires { request.set_consent_given_by(holder); }) request.set_consent_given_by(holder);
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
      {[](R& r) { r.set_status(static_cast<v1::FamilyStatus>(99)); }, "ENUM_UNKNOWN status"},
      {[](R& r) { r.add_orders()->set_from("2026"); }, "FIELD_INVALID orders[0].from"},
      {[](R& r) { r.set_works_at_agency("health"); }, "FIELD_INVALID works_at_agency"},
      {[](R& r) { r.set_consent_given_by("the mother"); }, "FIELD_MISSING options.basis.consent_by"},
  });
}

TEST(ChildrensMappingTest, WhatIsWrongWithAChecksRequestIsNamedByItsField) {
  using R = v1::RequestPartnerChecksRequest;
  ExpectRefusals<R>(Checks(), MapPartnerChecks, {
      {[](R& r) { r.clear_options(); }, "FIELD_MISSING options"},
      {[](R& r) { for (int i = 0; i <= agent::kChecksAskedMax; ++i) r.mutable_options()->add_recipients("idva"); }, "FIELD_INVALID options.recipients"},
      {[](R& r) { r.clear_case_reference(); }, "FIELD_MISSING case_reference"},
      {[](R& r) { r.clear_children(); }, "FIELD_MISSING children"},
      {[](R& r) { r.mutable_children(0)->set_expected_on("2026-08-01"); }, "FIELD_INVALID children[0].expected_on"},
      {[](R& r) { r.clear_victim(); }, "FIELD_MISSING victim"},
      {[](R& r) { r.clear_status(); }, "FIELD_MISSING status"},
      {[](R& r) { r.clear_question(); }, "FIELD_MISSING question"},
      {[](R& r) { r.set_consent_given_by("the mother"); }, "FIELD_MISSING options.basis.consent_by"},
  });
}

TEST(ChildrensMappingTest, WhatIsWrongWithAStrategyDiscussionIsNamedByItsField) {
  using R = v1::CallStrategyDiscussionRequest;
  ExpectRefusals<R>(Discussion(), MapStrategyDiscussion, {
      {[](R& r) { r.clear_options(); }, "FIELD_MISSING options"},
      {[](R& r) { r.clear_case_reference(); }, "FIELD_MISSING case_reference"},
      {[](R& r) { r.clear_children(); }, "FIELD_MISSING children"},
      {[](R& r) { r.clear_victim(); }, "FIELD_MISSING victim"},
      {[](R& r) { r.clear_grounds(); }, "FIELD_MISSING grounds"},
      {[](R& r) { r.clear_meets_at(); }, "FIELD_MISSING meets_at"},
      {[](R& r) { r.set_meets_at("tomorrow"); }, "FIELD_INVALID meets_at"},
      {[](R& r) { r.set_meets_at("2026-04-02"); }, "FIELD_INVALID meets_at"},
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
  EXPECT_EQ(TextIn(*draft, CATEGORY_NARRATIVE), "Section 17 assessment open.");
  EXPECT_EQ(LabelledIn(*draft, CATEGORY_NARRATIVE, "Asked: "), "Health visitor's view.");
  EXPECT_EQ(draft->core.risk().instrument(), INSTRUMENT_PROFESSIONAL_JUDGEMENT);
  EXPECT_EQ(draft->core.risk().subject(), SUBJECT_ROLE_VICTIM);
}

TEST(ChildrensMappingTest, WhatTheFamilyIsOpenAsStandsByItself) {
  v1::ReferFamilyRequest request = Family();
  request.set_status(v1::FAMILY_STATUS_SECTION_47);
  request.set_safety_plan("Changed locks.");
  request.add_orders()->set_kind("child arrangements order");
  const auto draft = MapFamily(request, Context("childrens"));
  EXPECT_EQ(LabelledIn(*draft, CATEGORY_NARRATIVE, "Open as: "), "section 47 enquiry");
  EXPECT_EQ(TextIn(*draft, CATEGORY_SAFETY_PLAN), "Changed locks.");
  EXPECT_EQ(Find(*draft, CATEGORY_ORDERS_AND_BAIL)->orders_and_bail().orders_size(), 1);
}

TEST(ChildrensMappingTest, NobodysResponsibilityOrConsentIsAssumed) {
  v1::ReferFamilyRequest request = Family();
  request.mutable_children(0)->clear_parental_responsibility();
  const auto unknown = MapFamily(request, Context("childrens"));
  EXPECT_TRUE(Warns(*unknown, "parental responsibility for a child is not recorded"));
  const Child& child = Find(*unknown, CATEGORY_CHILDREN)->children().children(0);
  EXPECT_TRUE(child.held_by().empty());
  EXPECT_EQ(child.parental_responsibility(), "");
  EXPECT_EQ(unknown->options.basis().consent_by(), SUBJECT_ROLE_UNSPECIFIED);
  EXPECT_EQ(TextIn(*unknown, CATEGORY_NARRATIVE, 1), "") << "nothing is said of who consented";

  request.mutable_children(0)->set_expected_on("2026-08-01");
  request.mutable_children(0)->clear_person();
  EXPECT_FALSE(Warns(*MapFamily(request, Context("childrens")), "parental responsibility")) << "nobody holds it before birth";

  v1::ReferFamilyRequest somebody = Family();
  somebody.mutable_options()->mutable_basis()->set_consent_how(CONSENT_METHOD_BY_REPRESENTATIVE);
  EXPECT_TRUE(Warns(*MapFamily(somebody, Context("childrens")), "not taken to be a parent"));
}

TEST(ChildrensMappingTest, ConsentOfAnAllegedPerpetratorIsTheirsAndIsWarnedOf) {
  const auto expect = [](const auto& draft, bool warned, SubjectRole role, std::string_view why) {
    ASSERT_EQ(Told(draft), "OK") << why;
    EXPECT_EQ(Warns(*draft, "Consent was given by an alleged perpetrator"), warned) << why;
    EXPECT_EQ(draft->options.basis().consent_by(), role) << why;
  };
  const auto context = Context("childrens");
  expect(MapFamily(WithConsentOf(Family(), "the mother", false), context), false, SUBJECT_ROLE_OTHER, "another holder");
  expect(MapFamily(WithConsentOf(Family(), "the father", true), context), true, SUBJECT_ROLE_ALLEGED_PERPETRATOR, "a holder who is one");
  expect(MapFamily(WithConsentOf(Family(), "the father", true, SUBJECT_ROLE_VICTIM), context), true, SUBJECT_ROLE_ALLEGED_PERPETRATOR, "whatever role was said");
  expect(MapPartnerChecks(WithConsentOf(Checks(), "the father", true), context), true, SUBJECT_ROLE_ALLEGED_PERPETRATOR, "checks too");
  expect(MapStrategyDiscussion(WithConsentOf(Discussion(), "the father", true, SUBJECT_ROLE_ALLEGED_PERPETRATOR), context), true,
         SUBJECT_ROLE_ALLEGED_PERPETRATOR, "by role alone");

  v1::ReferFamilyRequest other = WithConsentOf(Family(), "the father", true);
  other.set_consent_given_by("the mother");
  expect(MapFamily(other, context), false, SUBJECT_ROLE_OTHER, "that he holds it makes the mother's consent no less hers");
  v1::ReferFamilyRequest by_name = WithConsentOf(Family(), "Peter Nash", false);
  by_name.add_alleged_perpetrators()->mutable_person()->set_family_name("Nash");
  by_name.mutable_alleged_perpetrators(0)->mutable_person()->set_given_names("Peter");
  expect(MapFamily(by_name, context), true, SUBJECT_ROLE_ALLEGED_PERPETRATOR, "by the name of one");
  v1::ReferFamilyRequest refused = WithConsentOf(Family(), "the father", true);
  refused.mutable_options()->mutable_basis()->set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  expect(MapFamily(refused, context), false, SUBJECT_ROLE_ALLEGED_PERPETRATOR, "a refusal shares nothing");
}

TEST(ChildrensMappingTest, PartnersAreAskedBeforeTheFrontDoorDecides) {
  const auto draft = MapPartnerChecks(Checks(), Context("childrens"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->recipients, (Names{"police", "health"}));
  EXPECT_EQ(draft->core.type(), REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
  EXPECT_TRUE(draft->core.checks()) << "GetChecks is its table";
  EXPECT_EQ(draft->core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
  EXPECT_EQ(LabelledIn(*draft, CATEGORY_NARRATIVE, "Open as: "), "a contact that is not decided yet");
  EXPECT_TRUE(Warns(*draft, "no grade"));
  EXPECT_FALSE(Warns(*draft, "with agreement"));
  EXPECT_EQ(Told(MapPartnerChecks(Checks(), NoRouting())), "FIELD_MISSING options.recipients");

  v1::RequestPartnerChecksRequest refused = Checks();
  refused.mutable_options()->mutable_basis()->set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  EXPECT_TRUE(Warns(*MapPartnerChecks(refused, Context()), "asked with agreement"));
  refused.set_status(v1::FAMILY_STATUS_SECTION_47);
  EXPECT_FALSE(Warns(*MapPartnerChecks(refused, Context()), "asked with agreement")) << "significant harm needs none";
  refused.set_status(v1::FAMILY_STATUS_SECTION_17);
  refused.mutable_options()->mutable_basis()->set_rationale("Asking would raise the risk.");
  EXPECT_FALSE(Warns(*MapPartnerChecks(refused, Context()), "asked with agreement")) << "it is said why";
}

TEST(ChildrensMappingTest, AStrategyDiscussionSaysWhenAndWhy) {
  v1::CallStrategyDiscussionRequest request = Discussion();
  request.set_place("By telephone.");
  const auto draft = MapStrategyDiscussion(request, Context("childrens"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->recipients, (Names{"police", "health"}));
  EXPECT_EQ(draft->core.type(), REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
  EXPECT_FALSE(draft->core.checks()) << "who comes accepts";
  EXPECT_FALSE(draft->core.has_happened());
  EXPECT_EQ(TextIn(*draft, CATEGORY_NARRATIVE), "Strategy discussion: 2026-04-02T13:00:00Z");
  EXPECT_EQ(LabelledIn(*draft, CATEGORY_NARRATIVE, "Grounds: "), "Strangled in front of the child.");
  EXPECT_TRUE(draft->warnings.empty());
  request.set_meets_at("2026-03-31T23:00:00Z");
  request.clear_risk_grade();
  EXPECT_TRUE(Warns(*MapStrategyDiscussion(request, Context()), "has begun already"));
  EXPECT_TRUE(Warns(*MapStrategyDiscussion(request, Context()), "no grade"));
}

TEST(ChildrensMappingTest, AManagerDecides) {
  v1::DecideContactRequest request;
  request.set_decision_maker("tm-7");
  request.set_decision(CONTACT_DECISION_SECTION_47);
  const Worker manager = RecorderOf(request);
  EXPECT_EQ(manager.pseudonym(), "tm-7");
  EXPECT_EQ(manager.role(), WORKER_ROLE_SUPERVISOR);
  EXPECT_EQ(manager.authentication(), AUTHENTICATION_SINGLE_FACTOR) << "nobody vouched for more";
  Statement alone;
  FillDecision(request, alone);
  Statement always;
  always.set_decision(CONTACT_DECISION_SECTION_47);
  EXPECT_EQ(alone.SerializeAsString(), always.SerializeAsString()) << "the same act as ever";
}

TEST(ChildrensMappingTest, ADecisionSaysAtWhatLevelWhyAndWhoRecordedIt) {
  v1::DecideContactRequest request;
  request.set_decision_maker("tm-7");
  request.set_decision(CONTACT_DECISION_SECTION_17);
  request.set_threshold(CONTACT_THRESHOLD_CHILD_IN_NEED);
  request.set_decision_reason("need/2");
  *request.mutable_worker() = Options().worker();
  EXPECT_EQ(RecorderOf(request).pseudonym(), "w-1");
  EXPECT_EQ(RecorderOf(request).authentication(), AUTHENTICATION_MULTI_FACTOR);
  Statement statement;
  FillDecision(request, statement);
  EXPECT_EQ(statement.decision(), CONTACT_DECISION_SECTION_17);
  EXPECT_EQ(statement.threshold(), CONTACT_THRESHOLD_CHILD_IN_NEED);
  EXPECT_EQ(statement.decision_reason(), "need/2");
  EXPECT_EQ(statement.decision_maker(), "tm-7");
  EXPECT_EQ(statement.decision_maker_role(), WORKER_ROLE_SUPERVISOR);
  request.set_decision_maker_role(WORKER_ROLE_PRACTITIONER);
  request.set_decision_maker("w-1");
  Statement own;
  FillDecision(request, own);
  EXPECT_EQ(own.decision_maker(), "") << "who records it decided";
  EXPECT_EQ(own.decision_maker_role(), WORKER_ROLE_PRACTITIONER);
}

TEST(ChildrensMappingTest, EverySampleOfThisServiceMaps) {
  EXPECT_GE(agent::testing::MapSamples<v1::ReferFamilyRequest>("childrens", "ReferFamily", MapFamily).size(), 4u);
  EXPECT_GE(agent::testing::MapSamples<v1::RequestPartnerChecksRequest>("childrens", "RequestPartnerChecks", MapPartnerChecks).size(), 1u);
  EXPECT_GE(agent::testing::MapSamples<v1::CallStrategyDiscussionRequest>("childrens", "CallStrategyDiscussion", MapStrategyDiscussion).size(), 1u);
}

TEST(ChildrensMappingTest, AnIdvaServiceIsChosenByWhereTheVictimLives) {
  agent::testing::ExpectRoutedByArea(Family(), "childrens", MapFamily);
}

}  // namespace
}  // namespace accord::childrens::mapping_test
