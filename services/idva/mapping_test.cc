#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "common/referral/risk.h"
#include "services/idva/mapping.h"

namespace accord::idva {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::Context;
using agent::testing::ExpectRefusals;
using agent::testing::Find;
using agent::testing::Options;
using agent::testing::Somebody;
using agent::testing::Told;
using agent::testing::Warns;
using Names = std::vector<std::string>;

// A RIC with `yes` YES, `dont_know` DONT_KNOW, and NO for the rest.
google::protobuf::RepeatedPtrField<RiskAnswer> Ric(size_t yes, size_t dont_know = 0) {
  google::protobuf::RepeatedPtrField<RiskAnswer> answers;
  for (const referral::Question& question : referral::RicQuestions()) {
    const size_t at = answers.size();
    RiskAnswer& answer = *answers.Add();
    answer.set_question(std::string(question.code));
    answer.set_answer(at < yes ? "YES" : at < yes + dont_know ? "DONT_KNOW" : "NO");
  }
  return answers;
}
v1::ReferToMaracRequest Marac(size_t yes = 14, RiskGrade grade = RISK_GRADE_HIGH,
                              std::vector<MaracCriterion> criteria = {MARAC_CRITERION_VISIBLE_HIGH_RISK}) {
  v1::ReferToMaracRequest request;
  *request.mutable_options() = Options({"police", "childrens", "housing", "health"});
  request.set_case_reference("OAS-20311");
  request.set_forum("marac-northshire");
  *request.mutable_client() = Somebody();
  *request.add_alleged_perpetrators()->mutable_person() = Somebody("1988-11-02");
  request.set_ric_version("2015");
  *request.mutable_ric_answers() = Ric(yes);
  for (const auto criterion : criteria) request.add_criteria(criterion);
  request.set_risk_grade(grade);
  request.mutable_safe_contact()->set_phone("07700 900101");
  request.set_latest_incident("Strangled in the kitchen.");
  return request;
}
v1::ReferClientRequest Client() {
  v1::ReferClientRequest request;
  *request.mutable_options() = Options();
  request.set_case_reference("OAS-20388");
  *request.mutable_client() = Somebody();
  request.set_summary("Needs accommodation.");
  request.mutable_housing()->set_homelessness("leaving this week");
  return request;
}
constexpr auto kRepeat = MARAC_CRITERION_MARAC_REPEAT;
std::string ToldOf(const v1::ReferToMaracRequest& request) { return Told(MapMarac(request, Context("idva"))); }

TEST(IdvaMappingTest, WhatIsWrongWithAMaracReferralIsNamedByItsField) {
  using R = v1::ReferToMaracRequest;
  ExpectRefusals<R>(Marac(), MapMarac, {
      {[](R& r) { r.clear_options(); }, "FIELD_MISSING options"},
      {[](R& r) { *r.mutable_options() = Options(); }, "FIELD_MISSING options.recipients"},
      {[](R& r) { r.clear_case_reference(); }, "FIELD_MISSING case_reference"},
      {[](R& r) { r.clear_forum(); }, "FIELD_MISSING forum"},
      {[](R& r) { r.clear_client(); }, "FIELD_MISSING client"},
      {[](R& r) { r.clear_alleged_perpetrators(); }, "FIELD_MISSING alleged_perpetrators"},
      {[](R& r) { r.clear_ric_version(); }, "FIELD_MISSING ric_version"},
      {[](R& r) { r.set_ric_version(std::string(33, '1')); }, "FIELD_INVALID ric_version"},
      {[](R& r) { r.clear_ric_answers(); }, "FIELD_MISSING ric_answers"},
      {[](R& r) { r.mutable_ric_answers()->RemoveLast(); }, "FIELD_INVALID ric_answers"},
      {[](R& r) { r.mutable_ric_answers(1)->set_question("ric.01.injury"); }, "FIELD_INVALID ric_answers"},
      {[](R& r) { r.mutable_ric_answers(1)->set_question("15"); }, "FIELD_INVALID ric_answers"},
      {[](R& r) { r.mutable_ric_answers(1)->set_answer("yes"); }, "FIELD_INVALID ric_answers"},
      {[](R& r) { r.clear_criteria(); }, "FIELD_MISSING criteria"},
      {[](R& r) { r.add_criteria(MARAC_CRITERION_UNSPECIFIED); }, "ENUM_UNKNOWN criteria[1]"},
      {[](R& r) { r.clear_risk_grade(); }, "FIELD_MISSING risk_grade"},
      {[](R& r) { r.set_risk_grade(static_cast<RiskGrade>(9)); }, "ENUM_UNKNOWN risk_grade"},
      {[](R& r) { r.clear_safe_contact(); }, "FIELD_MISSING safe_contact"},
      {[](R& r) { r.clear_latest_incident(); }, "FIELD_MISSING latest_incident"},
      {[](R& r) { r.set_client_voice("\xff"); }, "TEXT_NOT_UTF8 client_voice"},
      {[](R& r) { r.set_works_at_agency("police"); }, "FIELD_INVALID works_at_agency"},
  });
}

TEST(IdvaMappingTest, JudgementRaisesAGradeAndNeverLowersIt) {
  EXPECT_EQ(ToldOf(Marac(14)), "OK") << "at the threshold";
  EXPECT_EQ(ToldOf(Marac(13)), "FIELD_INVALID criteria") << "one below it";
  EXPECT_EQ(ToldOf(Marac(14, RISK_GRADE_MEDIUM, {kRepeat})), "FIELD_INVALID risk_grade");
  EXPECT_EQ(ToldOf(Marac(13, RISK_GRADE_MEDIUM, {kRepeat})), "OK");
  EXPECT_EQ(ToldOf(Marac(13, RISK_GRADE_STANDARD, {kRepeat})), "FIELD_INVALID risk_grade");
  EXPECT_EQ(ToldOf(Marac(10, RISK_GRADE_STANDARD, {kRepeat})), "FIELD_INVALID risk_grade");
  EXPECT_EQ(ToldOf(Marac(9, RISK_GRADE_STANDARD, {kRepeat})), "OK");
  EXPECT_EQ(ToldOf(Marac(24)), "OK");

  v1::ReferToMaracRequest raised = Marac(3, RISK_GRADE_HIGH, {MARAC_CRITERION_PROFESSIONAL_JUDGEMENT});
  EXPECT_EQ(ToldOf(raised), "FIELD_MISSING professional_judgement");
  raised.set_professional_judgement("Strangulation, and he is looking for her.");
  const auto draft = MapMarac(raised, Context("idva"));
  ASSERT_EQ(Told(draft), "OK") << "a low score alone refuses nobody";
  EXPECT_EQ(draft->core.risk().grade(), RISK_GRADE_HIGH);
  EXPECT_EQ(Find(*draft, CATEGORY_RISK)->risk().score(), 3u) << "the count is kept as it is";
  EXPECT_FALSE(Warns(*draft, "above what the score gives"));
  EXPECT_TRUE(Warns(*MapMarac(Marac(3, RISK_GRADE_HIGH, {kRepeat}), Context("idva")), "above what the score gives"));
}

TEST(IdvaMappingTest, WhatIsNotKnownCountsForNothingAndIsKept) {
  v1::ReferToMaracRequest request = Marac(9, RISK_GRADE_STANDARD, {kRepeat});
  *request.mutable_ric_answers() = Ric(9, 15);
  const auto draft = MapMarac(request, Context("idva"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(Find(*draft, CATEGORY_RISK)->risk().score(), 9u);
  EXPECT_EQ(Find(*draft, CATEGORY_RISK)->risk().dont_know(), 15u);
  EXPECT_EQ(Find(*draft, CATEGORY_RISK)->risk().answers_size(), 24);
}

TEST(IdvaMappingTest, AMaracReferralGoesToTheNamedMembersForItsForum) {
  const auto draft = MapMarac(Marac(), Context("idva"));
  EXPECT_EQ(draft->recipients, (Names{"police", "childrens", "housing", "health"}));
  EXPECT_EQ(draft->core.purpose(), PURPOSE_MARAC);
  EXPECT_EQ(draft->core.forum(), "marac-northshire");
  EXPECT_EQ(draft->core.marac_criteria(0), MARAC_CRITERION_VISIBLE_HIGH_RISK);
  EXPECT_EQ(draft->core.risk().instrument(), INSTRUMENT_SAFELIVES_DASH_RIC);
}

TEST(IdvaMappingTest, AClientUnderSixteenIsNoMaracCaseAndNeverDropped) {
  v1::ReferToMaracRequest request = Marac();
  *request.mutable_client() = Somebody("2010-04-02");  // Sixteen tomorrow.
  *request.mutable_options() = Options({"police"});
  const auto draft = MapMarac(request, Context("idva"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
  EXPECT_EQ(draft->core.forum(), "");
  EXPECT_EQ(draft->core.marac_criteria_size(), 0);
  EXPECT_EQ(draft->recipients, (Names{"police", "childrens"}));
  EXPECT_TRUE(Warns(*draft, "not a Marac"));
  EXPECT_NE(Find(*draft, CATEGORY_RISK), nullptr);

  *request.mutable_client() = Somebody("2010-04-01");
  const auto sixteen = MapMarac(request, Context("idva"));
  EXPECT_EQ(sixteen->core.purpose(), PURPOSE_MARAC);
  EXPECT_TRUE(Warns(*sixteen, "children's services are not among the recipients")) << "16 and 17: both";
}

TEST(IdvaMappingTest, AClientGoesToHousingByDefaultAndToNobodyElse) {
  v1::ReferClientRequest request = Client();
  request.set_immigration_status("Spouse visa; concession applied for.");
  const auto draft = MapClient(request, Context("idva"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->recipients, (Names{"housing"})) << "never police by default, the less with an immigration status";
  EXPECT_EQ(draft->core.purpose(), PURPOSE_HOUSING_SUPPORT) << "an Idva refers voluntarily: the duty to refer is not theirs";
  for (const auto& section : draft->sections) {
    EXPECT_EQ(section.content.DebugString().find("visa") != std::string::npos, section.category == CATEGORY_IMMIGRATION_STATUS);
  }
  request.clear_housing();
  EXPECT_EQ(Told(MapClient(request, Context("idva"))), "FIELD_MISSING options.recipients");
  *request.mutable_options() = Options({"health"});
  EXPECT_EQ(MapClient(request, Context("idva"))->core.purpose(), PURPOSE_SAFEGUARDING_ADULT);
  request = Client();
  request.add_do_not_disclose_to("housing");
  EXPECT_EQ(Told(MapClient(request, Context("idva"))), "FIELD_MISSING options.recipients");
}

TEST(IdvaMappingTest, AClientUnderSixteenIsReroutedAlsoWhenNobodyIsNamed) {
  v1::ReferClientRequest request = Client();
  *request.mutable_client() = Somebody("2011-02-18");
  const auto draft = MapClient(request, Context("idva"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->recipients, (Names{"childrens"}));
  EXPECT_EQ(draft->core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
}

TEST(IdvaMappingTest, WhatIsWrongWithAClientsReferralIsNamedByItsField) {
  using R = v1::ReferClientRequest;
  ExpectRefusals<R>(Client(), MapClient, {
      {[](R& r) { r.clear_case_reference(); }, "FIELD_MISSING case_reference"},
      {[](R& r) { r.clear_client(); }, "FIELD_MISSING client"},
      {[](R& r) { r.clear_summary(); }, "FIELD_MISSING summary"},
      {[](R& r) { r.set_summary("\xff"); }, "TEXT_NOT_UTF8 summary"},
      {[](R& r) { r.set_risk_grade(static_cast<RiskGrade>(9)); }, "ENUM_UNKNOWN risk_grade"},
      {[](R& r) { r.mutable_options()->mutable_worker()->clear_role(); }, "FIELD_MISSING options.worker.role"},
  });
}

TEST(IdvaMappingTest, EverySampleOfThisServiceMaps) {
  const auto maracs = agent::testing::MapSamples<v1::ReferToMaracRequest>("idva", "ReferToMarac", MapMarac);
  ASSERT_GE(maracs.size(), 1u);
  EXPECT_EQ(Find(maracs.begin()->second, CATEGORY_CHILDREN)->children().children_size(), 3);
  EXPECT_GE(agent::testing::MapSamples<v1::ReferClientRequest>("idva", "ReferClient", MapClient).size(), 1u);
}

}  // namespace
}  // namespace accord::idva
