#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "services/idva/mapping.h"
#include "services/idva/testing_answers.h"

namespace accord::idva::mapping_test {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::Context;
using agent::testing::ExpectRefusals;
using agent::testing::Find;
using agent::testing::Options;
using agent::testing::Somebody;
using agent::testing::Told;
using agent::testing::Warns;
using testing::Answers;
using testing::Ric;
using Names = std::vector<std::string>;

v1::Assessment SDash(size_t yes = 4) {
  v1::Assessment further;
  further.set_instrument(INSTRUMENT_S_DASH);
  further.set_instrument_version("2009");
  *further.mutable_answers() = Answers(INSTRUMENT_S_DASH, yes);
  return further;
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
      {[](R& r) { r.set_ric_version("2014"); }, "FIELD_INVALID ric_version"},
      {[](R& r) { r.set_assessor(std::string(65, 'w')); }, "FIELD_INVALID assessor"},
      {[](R& r) { r.set_assessed_at_ms(-1); }, "FIELD_INVALID assessed_at_ms"},
      {[](R& r) { r.set_assessed_at_ms(absl::ToUnixMillis(Context().now) + 1); }, "FIELD_INVALID assessed_at_ms"},
      {[](R& r) { r.set_latest_incident_at("last night"); }, "FIELD_INVALID latest_incident_at"},
      {[](R& r) { for (int i = 0; i < 9; ++i) *r.add_further_assessments() = SDash(); }, "FIELD_INVALID further_assessments"},
      {[](R& r) { r.add_further_assessments()->set_instrument(INSTRUMENT_S_DASH); }, "FIELD_MISSING further_assessments[0].instrument_version"},
      {[](R& r) { (*r.add_further_assessments() = SDash()).set_instrument(INSTRUMENT_OTHER); }, "FIELD_MISSING further_assessments[0].instrument_code"},
      {[](R& r) { (*r.add_further_assessments() = SDash()).set_instrument_code("x"); }, "FIELD_INVALID further_assessments[0].instrument_code"},
      {[](R& r) { (*r.add_further_assessments() = SDash()).set_assessed_at_ms(-1); }, "FIELD_INVALID further_assessments[0].assessed_at_ms"},
      {[](R& r) { r.add_orders()->set_from("soon"); }, "FIELD_INVALID orders[0].from"},
      {[](R& r) { r.mutable_safe_contact()->add_attempts()->set_at("2026-03-01"); }, "FIELD_MISSING safe_contact.attempts[0].route"},
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

TEST(IdvaMappingTest, ARicSaysWhoMadeItWhenAndWhoToldEachAnswer) {
  v1::ReferToMaracRequest request = Marac();
  request.mutable_ric_answers(3)->set_source("her mother");
  const auto own = MapMarac(request, Context("idva"));
  EXPECT_EQ(Find(*own, CATEGORY_RISK)->risk().assessor(), "w-1") << "who pushes";
  EXPECT_EQ(Find(*own, CATEGORY_RISK)->risk().answers(3).source(), "her mother");
  request.set_assessor("idva-07");
  request.set_assessed_at_ms(absl::ToUnixMillis(Context().now));
  const auto draft = MapMarac(request, Context("idva"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(Find(*draft, CATEGORY_RISK)->risk().assessor(), "idva-07");
  EXPECT_EQ(Find(*draft, CATEGORY_RISK)->risk().assessed_at_ms(), request.assessed_at_ms());
  EXPECT_EQ(draft->core.risk().assessed_at_ms(), request.assessed_at_ms());
  EXPECT_EQ(draft->core.risk().score(), 14u) << "the broker holds the grade against it";
  EXPECT_EQ(draft->core.risk().instrument_version(), "2015");
}

TEST(IdvaMappingTest, AStalkingYesCallsForTheSDashAndNeverRefuses) {
  v1::ReferToMaracRequest request = Marac();
  const std::string_view lacks = "ric_answers has an answer to ric.08.stalking that calls for s-dash";
  ASSERT_EQ(ToldOf(request), "OK");
  EXPECT_TRUE(Warns(*MapMarac(request, Context("idva")), lacks));
  *request.add_further_assessments() = SDash();
  const auto draft = MapMarac(request, Context("idva"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_FALSE(Warns(*draft, lacks));
  ASSERT_EQ(Find(*draft, CATEGORY_RISK)->risk().further_size(), 1);
  EXPECT_EQ(Find(*draft, CATEGORY_RISK)->risk().further(0).answers_size(), 11);
  EXPECT_EQ(draft->core.risk().instrument(), INSTRUMENT_SAFELIVES_DASH_RIC);
  request.mutable_further_assessments(0)->mutable_answers()->RemoveLast();
  const auto half = MapMarac(request, Context("idva"));
  ASSERT_EQ(Told(half), "OK") << "what goes with a RIC is no reason to keep it back";
  EXPECT_TRUE(Warns(*half, "lacks an answer to s-dash.11"));
}

TEST(IdvaMappingTest, AnEmptyVoiceAndAMessageWhereNoneIsSafeAreTold) {
  v1::ReferToMaracRequest request = Marac();
  EXPECT_TRUE(Warns(*MapMarac(request, Context("idva")), "client_voice is empty"));
  request.set_client_voice("I want to go home.");
  EXPECT_FALSE(Warns(*MapMarac(request, Context("idva")), "client_voice is empty"));
  ContactAttempt& attempt = *request.mutable_safe_contact()->add_attempts();
  attempt.set_at("2026-03-28");
  attempt.set_route("telephone");
  attempt.set_outcome(CONTACT_OUTCOME_MESSAGE_LEFT);
  EXPECT_TRUE(Warns(*MapMarac(request, Context("idva")), "A message was left"));
  request.mutable_safe_contact()->set_voicemail_ok(true);
  EXPECT_FALSE(Warns(*MapMarac(request, Context("idva")), "A message was left"));
  request.mutable_safe_contact()->set_safe_to_call(true);
  EXPECT_TRUE(Warns(*MapMarac(request, Context("idva")), "at which times"));
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

TEST(IdvaMappingTest, AnAssessmentOfAClientByAnyInstrumentIsCheckedByItsDocument) {
  v1::ReferClientRequest request = Client();
  v1::Assessment& assessment = *request.mutable_assessment();
  assessment.set_instrument(INSTRUMENT_SAFELIVES_DASH_RIC);
  assessment.set_instrument_version("2015");
  *assessment.mutable_answers() = Ric(11);
  EXPECT_EQ(Told(MapClient(request, Context("idva"))), "FIELD_MISSING risk_grade");
  request.set_risk_grade(RISK_GRADE_STANDARD);
  EXPECT_EQ(Told(MapClient(request, Context("idva"))), "FIELD_INVALID risk_grade") << "never below the score";
  request.set_risk_grade(RISK_GRADE_MEDIUM);
  const auto draft = MapClient(request, Context("idva"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(Find(*draft, CATEGORY_RISK)->risk().score(), 11u);

  assessment.mutable_answers()->RemoveLast();
  request.set_risk_grade(RISK_GRADE_STANDARD);
  const auto partial = MapClient(request, Context("idva"));
  ASSERT_EQ(Told(partial), "OK") << "answers that are not whole give no score, and refuse nothing here";
  EXPECT_FALSE(partial->core.risk().has_score());
  EXPECT_TRUE(Warns(*partial, "assessment.answers lacks an answer to ric.24.record"));

  assessment.set_instrument_version("2031");
  const auto unknown = MapClient(request, Context("idva"));
  ASSERT_EQ(Told(unknown), "OK");
  EXPECT_TRUE(Warns(*unknown, "assessment.instrument_version is of no document"));
  EXPECT_EQ(Find(*unknown, CATEGORY_RISK)->risk().answers_size(), 23) << "as they were given";

  assessment.set_instrument(INSTRUMENT_DASH_YP);
  assessment.set_instrument_version("1");
  *assessment.mutable_answers() = Answers(INSTRUMENT_DASH_YP, 2);
  EXPECT_TRUE(Warns(*MapClient(request, Context("idva")), "is by dash-yp 1, which is for ages 13 to 17"));
}

TEST(IdvaMappingTest, AnInstrumentOfAnAreaNeedsADocumentAndNoCode) {
  referral::InstrumentDocument screen;
  screen.code = "northshire-screen";
  screen.version = "2026";
  screen.title = "A local screen";
  screen.publisher = "Northshire";
  screen.value = INSTRUMENT_OTHER;
  screen.questions.emplace_back();
  screen.questions[0].code = "n.1";
  screen.questions[0].topic = "afraid to go home";
  screen.questions[0].answers = {"YES", "NO"};
  const auto instruments = referral::Instruments::Make({screen});
  ASSERT_EQ(instruments.status(), absl::OkStatus());
  auto context = Context("idva");
  context.instruments = &*instruments;
  v1::ReferClientRequest request = Client();
  request.set_risk_grade(RISK_GRADE_MEDIUM);
  v1::Assessment& assessment = *request.mutable_assessment();
  assessment.set_instrument(INSTRUMENT_OTHER);
  assessment.set_instrument_code("northshire-screen");
  assessment.set_instrument_version("2026");
  RiskAnswer& answer = *assessment.add_answers();
  answer.set_question("n.1");
  answer.set_answer("OFTEN");
  EXPECT_TRUE(Warns(*MapClient(request, context), "has an answer to n.1 that is not one of YES, NO"));
  answer.set_answer("YES");
  const auto draft = MapClient(request, context);
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_FALSE(Warns(*draft, "assessment."));
  EXPECT_EQ(draft->core.risk().instrument_code(), "northshire-screen");
  EXPECT_EQ(Told(MapMarac(Marac(), context)), "FIELD_INVALID ric_version") << "an agency without a document of the RIC cannot count one";
}

v1::HandOverClientRequest Handover(Names recipients = {"idva-south"}) {
  v1::HandOverClientRequest request;
  *request.mutable_options() = Options(std::move(recipients));
  request.set_case_reference("OAS-20311");
  *request.mutable_client() = Somebody();
  request.set_summary("Moved on Friday; the plan goes on.");
  request.set_risk_grade(RISK_GRADE_HIGH);
  request.mutable_safe_contact()->set_phone("07700 900101");
  request.set_from_forum("marac-northshire");
  request.set_marac_actions("Police: marker on the new address.");
  request.set_last_marac_referral_on("2026-03-12");
  request.set_client_voice("I want somebody who knows.");
  request.set_safety_plan("A new door.");
  return request;
}

TEST(IdvaMappingTest, AHandoverTellsAllThatTheNextServiceNeeds) {
  v1::HandOverClientRequest request = Handover();
  *request.add_further_assessments() = SDash();
  const auto draft = MapHandover(request, Context("idva"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->recipients, (Names{"idva-south"}));
  EXPECT_EQ(draft->core.purpose(), PURPOSE_SUPPORT) << "with consent";
  EXPECT_EQ(draft->core.forum(), "") << "the receiving service is no member of the forum that it comes from";
  EXPECT_EQ(testing::HistoryBehind(*draft, "Last referred to a Marac on: "), "2026-03-12");
  EXPECT_EQ(testing::HistoryBehind(*draft, "Marac actions: "), "Police: marker on the new address.");
  EXPECT_EQ(Find(*draft, CATEGORY_RISK)->risk().further_size(), 1);
  request.mutable_options()->mutable_basis()->set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  EXPECT_EQ(MapHandover(request, Context("idva"))->core.purpose(), PURPOSE_SAFEGUARDING_ADULT);
  request.clear_safety_plan();
  EXPECT_TRUE(Warns(*MapHandover(request, Context("idva")), "safety_plan is empty"));
}

TEST(IdvaMappingTest, WhatIsWrongWithAHandoverIsNamedByItsField) {
  using R = v1::HandOverClientRequest;
  ExpectRefusals<R>(Handover(), MapHandover, {
      {[](R& r) { r.clear_case_reference(); }, "FIELD_MISSING case_reference"},
      {[](R& r) { r.clear_summary(); }, "FIELD_MISSING summary"},
      {[](R& r) { r.clear_risk_grade(); }, "FIELD_MISSING risk_grade"},
      {[](R& r) { r.clear_safe_contact(); }, "FIELD_MISSING safe_contact"},
      {[](R& r) { r.clear_from_forum(); }, "FIELD_MISSING from_forum"},
      {[](R& r) { r.set_last_marac_referral_on("2026-03"); }, "FIELD_INVALID last_marac_referral_on"},
      {[](R& r) { r.set_area("Northshire"); }, "FIELD_INVALID area"},
      {[](R& r) { r.set_area("E0800001"); }, "FIELD_INVALID area"},
      {[](R& r) { r.mutable_options()->clear_recipients(); r.set_area("E08000001"); }, "OK"},
  });
}

// A routing with two other Idva services.
agent::MappingContext TwoServices(const std::vector<agent::SupportService>& services) {
  auto context = Context("idva");
  context.routing = [](AgencyKind kind) { return kind == AGENCY_KIND_IDVA ? Names{"idva", "idva-south", "idva-men"} : Names{}; };
  context.support_services = &services;
  return context;
}

TEST(IdvaMappingTest, AHandoverToNobodyNamedGoesToWhomTakesTheClient) {
  std::vector<agent::SupportService> services(2);
  services[0].agency = "idva-south";
  services[0].areas = {"E08000002"};
  services[1].agency = "idva-men";
  services[1].genders = {"male"};
  v1::HandOverClientRequest request = Handover({});
  EXPECT_EQ(MapHandover(request, TwoServices(services))->recipients, (Names{"idva-south", "idva-men"})) << "what is not known excludes nobody";
  request.set_area("E08000002");
  request.mutable_client()->set_gender("Female");
  const auto one = MapHandover(request, TwoServices(services));
  EXPECT_EQ(one->recipients, (Names{"idva-south"}));
  EXPECT_TRUE(one->not_eligible.empty()) << "somebody takes her";
  services[0].takes_new = false;
  const auto none = MapHandover(request, TwoServices(services));
  ASSERT_EQ(Told(none), "OK") << "the runtime records it and refuses";
  EXPECT_TRUE(none->recipients.empty());
  EXPECT_EQ(none->not_eligible, (Names{"idva-south", "idva-men"}));
  EXPECT_EQ(none->no_room, Names{"idva-south"});
  EXPECT_TRUE(Warns(*none, "idva-south (takes nobody new), idva-men (gender)"));
  *request.mutable_options() = Options({"idva-men"});
  EXPECT_EQ(MapHandover(request, TwoServices(services))->recipients, (Names{"idva-men"})) << "a person chose";
}

v1::RecordContactAttemptsRequest Tried() {
  v1::RecordContactAttemptsRequest request;
  *request.mutable_options() = Options({"police"});
  request.set_case_reference("OAS-20311");
  *request.mutable_client() = Somebody();
  for (const char* at : {"2026-03-28", "2026-03-30T10:15:00Z"}) {
    ContactAttempt& attempt = *request.add_attempts();
    attempt.set_at(at);
    attempt.set_route("telephone");
    attempt.set_outcome(CONTACT_OUTCOME_NO_ANSWER);
  }
  return request;
}

TEST(IdvaMappingTest, AttemptsGoToWhoReferredAsANotificationWithoutHowToReachTheClient) {
  v1::RecordContactAttemptsRequest request = Tried();
  request.set_summary("Please ask the officer for another number.");
  const auto draft = MapContactAttempts(request, Context("idva"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->core.type(), REFERRAL_TYPE_NOTIFICATION);
  EXPECT_EQ(draft->recipients, (Names{"police"}));
  EXPECT_EQ(Find(*draft, CATEGORY_SAFE_CONTACT)->safe_contact().attempts_size(), 2);
  EXPECT_EQ(Find(*draft, CATEGORY_SAFE_CONTACT)->safe_contact().phone(), "");
  EXPECT_EQ(Find(*draft, CATEGORY_OUTCOME)->text().text(), request.summary());
}

TEST(IdvaMappingTest, WhatIsWrongWithAttemptsIsNamedByItsField) {
  using R = v1::RecordContactAttemptsRequest;
  ExpectRefusals<R>(Tried(), MapContactAttempts, {
      {[](R& r) { *r.mutable_options() = Options(); }, "FIELD_MISSING options.recipients"},
      {[](R& r) { r.clear_attempts(); }, "FIELD_MISSING attempts"},
      {[](R& r) { r.mutable_attempts(0)->clear_at(); }, "FIELD_MISSING attempts[0].at"},
      {[](R& r) { r.mutable_attempts(1)->clear_route(); }, "FIELD_MISSING attempts[1].route"},
      {[](R& r) { r.mutable_attempts(1)->clear_outcome(); }, "FIELD_MISSING attempts[1].outcome"},
      {[](R& r) { r.mutable_attempts(1)->set_at("yesterday"); }, "FIELD_INVALID attempts[1].at"},
      {[](R& r) { r.mutable_attempts(1)->set_at("2026-04-02"); }, "FIELD_INVALID attempts[1].at"},
      {[](R& r) { r.mutable_attempts(1)->set_at("2026-03-27"); }, "FIELD_INVALID attempts[1].at"},
      {[](R& r) { r.mutable_attempts(1)->set_at("2026-03"); }, "OK"},
      {[](R& r) { while (r.attempts_size() < 50) *r.add_attempts() = r.attempts(1); }, "OK"},
      {[](R& r) { while (r.attempts_size() < 51) *r.add_attempts() = r.attempts(1); }, "FIELD_INVALID attempts"},
  });
}

TEST(IdvaMappingTest, TheExampleForIntegratorsMaps) {
  std::ifstream file("docs/agencies/idva.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const std::string_view fence = "```json\n";
  const size_t begin = page.find(fence) + fence.size(), end = page.find("```", begin);
  ASSERT_LT(begin, end);
  const auto example = nlohmann::json::parse(page.substr(begin, end - begin));
  ASSERT_EQ(example.at("call"), "ReferToMarac");
  v1::ReferToMaracRequest request;
  const auto parsed = google::protobuf::util::JsonStringToMessage(example.at("request").dump(), &request);
  ASSERT_TRUE(parsed.ok()) << parsed.ToString();
  const auto draft = MapMarac(request, Context("idva"));
  ASSERT_EQ(draft.status(), absl::OkStatus());
  EXPECT_TRUE(draft->warnings.empty()) << draft->warnings[0];
}

TEST(IdvaMappingTest, EverySampleOfThisServiceMaps) {
  const auto maracs = agent::testing::MapSamples<v1::ReferToMaracRequest>("idva", "ReferToMarac", MapMarac);
  ASSERT_GE(maracs.size(), 1u);
  EXPECT_EQ(Find(maracs.begin()->second, CATEGORY_CHILDREN)->children().children_size(), 3);
  EXPECT_GE(agent::testing::MapSamples<v1::ReferClientRequest>("idva", "ReferClient", MapClient).size(), 1u);
  EXPECT_GE(agent::testing::MapSamples<v1::HandOverClientRequest>("idva", "HandOverClient", MapHandover).size(), 1u);
  EXPECT_GE(agent::testing::MapSamples<v1::RecordContactAttemptsRequest>("idva", "RecordContactAttempts", MapContactAttempts).size(), 1u);
}

}  // namespace
}  // namespace accord::idva::mapping_test
