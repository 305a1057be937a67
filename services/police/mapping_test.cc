#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "services/police/mapping.h"

namespace accord::police::mapping_test {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::Categories;
using agent::testing::Context;
using agent::testing::ExpectRefusals;
using agent::testing::Find;
using agent::testing::NoRouting;
using agent::testing::Options;
using agent::testing::Somebody;
using agent::testing::TextIn;
using agent::testing::Told;
using agent::testing::Warns;
using Names = std::vector<std::string>;

v1::ReportIncidentRequest Incident() {
  v1::ReportIncidentRequest request;
  *request.mutable_options() = Options();
  request.set_force("98");
  request.set_reference("118822/26");
  request.set_happened("2026-03-12T21:40:00Z");
  request.set_summary("Shouting; marks to the neck.");
  *request.mutable_victim() = Somebody();
  request.set_risk_grade(RISK_GRADE_HIGH);
  request.set_instrument(INSTRUMENT_DARA);
  request.set_risk_rationale("Strangulation.");
  return request;
}
v1::SendChildNoticeRequest Notice() {
  v1::SendChildNoticeRequest request;
  *request.mutable_options() = Options();
  request.set_force("98");
  request.set_reference("118822/26");
  request.set_happened("2026-03-31");
  request.set_circumstances("Shouting; she heard it from her room.");
  *request.mutable_victim() = Somebody();
  *request.add_children()->mutable_child()->mutable_person() = Somebody("2014-06-30");
  request.set_before_school_day("2026-04-02");
  return request;
}
v1::RequestDisclosureChecksRequest DisclosureChecks() {
  v1::RequestDisclosureChecksRequest request;
  *request.mutable_options() = Options({"idva"});
  request.set_force("98");
  request.set_reference("DV-40/26");
  request.set_route(v1::DISCLOSURE_ROUTE_RIGHT_TO_ASK);
  request.set_applicant("her sister");
  *request.mutable_person_at_risk() = Somebody();
  *request.add_alleged_perpetrators()->mutable_person() = Somebody("1988-11-02");
  request.set_question("What is known of violence in earlier relationships?");
  return request;
}
v1::RecordDisclosureRequest Disclosure() {
  v1::RecordDisclosureRequest request;
  *request.mutable_options() = Options();
  request.set_force("98");
  request.set_reference("DV-40/26");
  request.set_route(v1::DISCLOSURE_ROUTE_RIGHT_TO_ASK);
  request.set_outcome(v1::DISCLOSURE_OUTCOME_DISCLOSED);
  request.set_disclosed("2026-04-01");
  request.set_told("the person at risk");
  *request.mutable_person_at_risk() = Somebody();
  *request.add_alleged_perpetrators()->mutable_person() = Somebody("1988-11-02");
  return request;
}
v1::RequestVictimInformationRequest VictimInformation() {
  v1::RequestVictimInformationRequest request;
  *request.mutable_options() = Options({"health"});
  request.set_force("98");
  request.set_reference("118822/26");
  *request.mutable_victim() = Somebody();
  request.add_sought(VICTIM_MATERIAL_MEDICAL);
  request.set_statement("Records of 12 March 2026: whether the marks to the neck were seen.");
  request.set_reasonable_line_of_enquiry(true);
  request.set_necessary_and_proportionate(true);
  request.set_notice(VICTIM_NOTICE_GIVEN);
  return request;
}
v1::ReferForHousingRequest Housing() {
  v1::ReferForHousingRequest request;
  *request.mutable_options() = Options();
  request.set_force("98");
  request.set_reference("118822/26");
  *request.mutable_victim() = Somebody();
  request.mutable_housing()->set_homelessness("Cannot go home.");
  return request;
}
v1::ReportIncidentRequest Born(std::string_view date, Names recipients = {}) {
  v1::ReportIncidentRequest request = Incident();
  *request.mutable_victim() = Somebody(date);
  *request.mutable_options() = Options(std::move(recipients));
  return request;
}
Child& AddChild(v1::ReportIncidentRequest& request, std::string_view born) {
  Child& child = *request.add_children()->mutable_child();
  *child.mutable_person() = Somebody(born);
  return child;
}

void AddReference(v1::ReportIncidentRequest& request, std::string_view owner, std::string_view reference, std::string_view type) {
  EventReference& row = *request.add_further_references();
  row.set_owner(std::string(owner));
  row.set_reference(std::string(reference));
  row.set_type(std::string(type));
}

TEST(PoliceMappingTest, WhatIsWrongIsNamedByItsField) {
  using R = v1::ReportIncidentRequest;
  ExpectRefusals<R>(Incident(), MapIncident, {
      {[](R& r) { r.clear_options(); }, "FIELD_MISSING options"},
      {[](R& r) { r.mutable_options()->clear_request_id(); }, "FIELD_MISSING options.request_id"},
      {[](R& r) { r.mutable_options()->clear_worker(); }, "FIELD_MISSING options.worker"},
      {[](R& r) { r.mutable_options()->mutable_basis()->clear_consent(); }, "FIELD_MISSING options.basis.consent"},
      {[](R& r) { r.mutable_options()->mutable_basis()->set_gateway(static_cast<Gateway>(99)); }, "ENUM_UNKNOWN options.basis.gateway"},
      {[](R& r) { r.mutable_options()->add_recipients("The Idva"); }, "FIELD_INVALID options.recipients[0]"},
      {[](R& r) { r.clear_force(); }, "FIELD_MISSING force"},
      {[](R& r) { r.set_force("9"); }, "FIELD_INVALID force"},
      {[](R& r) { r.set_force("9x"); }, "FIELD_INVALID force"},
      {[](R& r) { r.clear_reference(); }, "FIELD_MISSING reference"},
      {[](R& r) { r.clear_happened(); }, "FIELD_MISSING happened"},
      {[](R& r) { r.set_happened("last night"); }, "FIELD_INVALID happened"},
      {[](R& r) { r.set_happened("2026-02-30"); }, "FIELD_INVALID happened"},
      {[](R& r) { r.set_reported("2026-03-11"); }, "FIELD_INVALID reported"},
      {[](R& r) { r.clear_summary(); }, "FIELD_MISSING summary"},
      {[](R& r) { r.set_summary("\xff"); }, "TEXT_NOT_UTF8 summary"},
      {[](R& r) { r.set_summary(std::string((64u << 10) + 1, 'x')); }, "FIELD_INVALID summary"},
      {[](R& r) { r.clear_victim(); }, "FIELD_MISSING victim"},
      {[](R& r) { *r.mutable_victim() = Person(); }, "FIELD_MISSING victim"},
      {[](R& r) { r.mutable_victim()->set_dates_of_birth(0, "1990-13"); }, "FIELD_INVALID victim.dates_of_birth[0]"},
      {[](R& r) { r.mutable_victim()->set_dates_of_birth(0, "1990-01-01T00:00:00Z"); }, "FIELD_INVALID victim.dates_of_birth[0]"},
      {[](R& r) { r.mutable_victim()->add_aliases("\xc3"); }, "TEXT_NOT_UTF8 victim.aliases[0]"},
      {[](R& r) { r.clear_risk_grade(); }, "FIELD_MISSING risk_grade"},
      {[](R& r) { r.set_risk_grade(static_cast<RiskGrade>(9)); }, "ENUM_UNKNOWN risk_grade"},
      {[](R& r) { r.clear_instrument(); }, "FIELD_MISSING instrument"},
      {[](R& r) { r.set_instrument(INSTRUMENT_SAFELIVES_DASH_RIC); }, "FIELD_INVALID instrument"},
      {[](R& r) { r.set_instrument_version(std::string(33, '1')); }, "FIELD_INVALID instrument_version"},
      {[](R& r) { r.add_children(); }, "FIELD_MISSING children[0].child"},
      {[](R& r) { AddChild(r, "2014-99"); }, "FIELD_INVALID children[0].child.person.dates_of_birth[0]"},
      {[](R& r) { AddChild(r, "").set_expected_on("2026-07"); }, "FIELD_INVALID children[0].child.expected_on"},
      {[](R& r) { AddChild(r, "2014-06-30").set_expected_on("2026-07-18"); }, "FIELD_INVALID children[0].child.expected_on"},
      {[](R& r) { r.add_alleged_perpetrators(); }, "FIELD_MISSING alleged_perpetrators[0]"},
      {[](R& r) { r.add_orders()->set_from("2026-03"); }, "FIELD_INVALID orders[0].from"},
      {[](R& r) { auto& o = *r.add_orders(); o.set_from("2026-03-13"), o.set_until("2026-03-12"); }, "FIELD_INVALID orders[0].until"},
      {[](R& r) { r.set_works_at_agency("housing"); }, "FIELD_INVALID works_at_agency"},
      {[](R& r) { r.set_works_at_agency("victim:The Council"); }, "FIELD_INVALID works_at_agency"},
      {[](R& r) { r.set_works_at_agency("perpetrator:housing"); }, "FIELD_INVALID works_at_agency"},
      {[](R& r) { r.add_do_not_disclose_to("The Idva"); }, "FIELD_INVALID do_not_disclose_to[0]"},
      {[](R& r) { r.add_further_references()->set_reference("C/1"); }, "FIELD_MISSING further_references[0].owner"},
      {[](R& r) { AddReference(r, "98", "", "crime"); }, "FIELD_MISSING further_references[0].reference"},
      {[](R& r) { AddReference(r, "98", "C/1", ""); }, "FIELD_MISSING further_references[0].type"},
      {[](R& r) { for (int i = 0; i <= kFurtherReferencesMax; ++i) AddReference(r, "98", "C/1", "crime"); }, "FIELD_INVALID further_references"},
      {[](R& r) { r.set_assessed_at_ms(-1); }, "FIELD_INVALID assessed_at_ms"},
      {[](R& r) { r.set_supervisor("sgt-1"), r.set_supervised_at_ms(-1); }, "FIELD_INVALID supervised_at_ms"},
      {[](R& r) { r.set_supervised_at_ms(1); }, "FIELD_MISSING supervisor"},
      {[](R& r) { r.set_grade_before_supervision(RISK_GRADE_MEDIUM); }, "FIELD_MISSING supervisor"},
      {[](R& r) { r.set_supervisor(std::string(65, 's')); }, "FIELD_INVALID supervisor"},
      {[](R& r) { r.set_supervisor("w-1"); }, "FIELD_INVALID supervisor"},
      {[](R& r) { r.set_supervisor("sgt-1"), r.set_grade_before_supervision(RISK_GRADE_HIGH); }, "FIELD_INVALID grade_before_supervision"},
      {[](R& r) { r.set_arrest_made(ARREST_NOT_ARRESTED); }, "FIELD_MISSING no_arrest_reason"},
      {[](R& r) { r.set_arrest_made(ARREST_ARRESTED), r.set_no_arrest_reason("Left."); }, "FIELD_INVALID no_arrest_reason"},
      {[](R& r) { r.add_evidence()->set_note("Video."); }, "FIELD_MISSING evidence[0].kind"},
      {[](R& r) { r.add_evidence()->set_kind(EVIDENCE_KIND_OTHER); }, "FIELD_MISSING evidence[0].note"},
      {[](R& r) { r.mutable_options()->set_event_reference(std::string(65, 'x')); }, "FIELD_INVALID options.event_reference"},
  });
}

TEST(PoliceMappingTest, GoesToTheIdvaAndWithChildrenToChildrensServices) {
  EXPECT_EQ(MapIncident(Incident(), Context())->recipients, (Names{"idva"}));
  v1::ReportIncidentRequest with_child = Incident();
  AddChild(with_child, "2014-06-30");
  EXPECT_EQ(MapIncident(with_child, Context())->recipients, (Names{"idva", "childrens"}));
  *with_child.mutable_options() = Options({"health"});
  const auto named = MapIncident(with_child, Context());
  EXPECT_EQ(named->recipients, (Names{"health"})) << "whom the officer names, and a warning";
  EXPECT_TRUE(Warns(*named, "children's services are not among the recipients"));
  EXPECT_EQ(Told(MapIncident(Incident(), NoRouting())), "FIELD_MISSING options.recipients");
}

TEST(PoliceMappingTest, AVictimUnderSixteenIsReroutedAndNeverDropped) {
  const auto under = MapIncident(Born("2010-03-13", {"idva"}), Context());  // Sixteen the day after.
  ASSERT_EQ(Told(under), "OK");
  EXPECT_EQ(under->recipients, (Names{"idva", "childrens"}));
  EXPECT_EQ(under->core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
  EXPECT_TRUE(Warns(*under, "under 16"));
  EXPECT_EQ(under->subjects[0].part.age_band(), AGE_BAND_UNDER_16);

  const auto sixteen = MapIncident(Born("2010-03-12"), Context());
  EXPECT_EQ(sixteen->core.purpose(), PURPOSE_SAFEGUARDING_ADULT);
  EXPECT_EQ(sixteen->recipients, (Names{"idva", "childrens"})) << "16 and 17: both";
  EXPECT_FALSE(Warns(*sixteen, "under 16"));
  EXPECT_EQ(MapIncident(Born("2008-03-13"), Context())->recipients, (Names{"idva", "childrens"}));
  EXPECT_EQ(MapIncident(Born("2008-03-12"), Context())->recipients, (Names{"idva"})) << "eighteen on the day";
  EXPECT_EQ(MapIncident(Born("2010"), Context())->core.purpose(), PURPOSE_SAFEGUARDING_CHILD) << "what is uncertain protects";

  v1::ReportIncidentRequest excluded = Born("2012", {"idva"});
  excluded.add_do_not_disclose_to("childrens");
  const auto kept = MapIncident(excluded, Context());
  EXPECT_EQ(kept->recipients, (Names{"idva"}));
  EXPECT_TRUE(Warns(*kept, "must not be told")) << "and nobody is told that they were";
}

TEST(PoliceMappingTest, WhoMustNotBeToldIsNoDefaultRecipient) {
  v1::ReportIncidentRequest request = Incident();
  AddChild(request, "2014-06-30");
  request.add_do_not_disclose_to("idva");
  const auto draft = MapIncident(request, Context());
  EXPECT_EQ(draft->recipients, (Names{"childrens"}));
  ASSERT_EQ(draft->subjects[0].part.exclusions_size(), 1);
  EXPECT_EQ(draft->subjects[0].part.exclusions(0).agency(), "idva");
  request.clear_children();
  EXPECT_EQ(Told(MapIncident(request, Context())), "FIELD_MISSING options.recipients") << "nobody is left";
}

TEST(PoliceMappingTest, UnknownAgesProtectAndAreTold) {
  const auto victim = MapIncident(Born(""), Context());
  EXPECT_TRUE(Warns(*victim, "date of birth is not recorded"));
  EXPECT_EQ(victim->subjects[0].part.age_band(), AGE_BAND_UNSPECIFIED);
  v1::ReportIncidentRequest request = Incident();
  AddChild(request, "");
  AddChild(request, "").set_expected_on("2026-07-18");
  const auto children = MapIncident(request, Context());
  EXPECT_EQ(children->subjects[1].part.age_band(), AGE_BAND_UNDER_16);
  EXPECT_EQ(children->subjects[2].part.age_band(), AGE_BAND_UNBORN);
  EXPECT_EQ(children->subjects[2].part.role(), SUBJECT_ROLE_UNBORN_CHILD);
}

TEST(PoliceMappingTest, TheHeaderCarriesCodesAndTheSectionsTheWords) {
  v1::ReportIncidentRequest request = Incident();
  request.set_is_crime(true);
  request.set_immigration_status("Spouse visa");
  request.set_victim_voice("away from the children");
  request.mutable_safe_contact()->set_phone("07700 900101");
  auto& perpetrator = *request.add_alleged_perpetrators();
  *perpetrator.mutable_person() = Somebody("1988-11-02");
  request.set_relationship(RELATIONSHIP_CLASS_PARTNER);
  request.set_works_at_agency("perpetrator:housing");
  request.add_orders()->set_kind("bail");
  const auto draft = MapIncident(request, Context());
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(Categories(*draft), (std::vector<Category>{CATEGORY_IDENTITY, CATEGORY_SAFE_CONTACT, CATEGORY_RISK, CATEGORY_INCIDENT,
                                                       CATEGORY_ALLEGED_PERPETRATOR, CATEGORY_ORDERS_AND_BAIL, CATEGORY_VOICE,
                                                       CATEGORY_IMMIGRATION_STATUS}));
  EXPECT_EQ(Find(*draft, CATEGORY_INCIDENT)->incident().reference(), "98 118822/26 (crime)");
  EXPECT_EQ(draft->core.risk().grade(), RISK_GRADE_HIGH);
  EXPECT_EQ(Find(*draft, CATEGORY_RISK)->risk().assessor(), "w-1");
  EXPECT_EQ(draft->subjects[1].part.relationship(), RELATIONSHIP_CLASS_PARTNER);
  EXPECT_EQ(draft->subjects[1].part.works_at(), "housing");
  std::string header = draft->core.DebugString();
  for (const auto& subject : draft->subjects) header += subject.part.DebugString();
  for (const char* word : {"Ashdown", "1990", "118822", "neck", "visa", "children", "07700", "Strangulation"}) {
    EXPECT_EQ(header.find(word), std::string::npos) << word;
  }
  // The status stands in its own section alone, which the broker withholds from police.
  for (const auto& section : draft->sections) {
    EXPECT_EQ(section.content.DebugString().find("visa") != std::string::npos, section.category == CATEGORY_IMMIGRATION_STATUS);
  }
}

TEST(PoliceMappingTest, ASupervisorLooksAtTheGradeAndMayChangeIt) {
  v1::ReportIncidentRequest request = Incident();
  request.set_supervisor(std::string(64, 's'));
  request.set_supervised_at_ms(1'773'360'000'000);
  request.set_grade_before_supervision(RISK_GRADE_MEDIUM);
  const auto raised = MapIncident(request, Context());
  ASSERT_EQ(Told(raised), "OK");
  const RiskAssessment& risk = Find(*raised, CATEGORY_RISK)->risk();
  EXPECT_EQ(risk.supervisor(), std::string(64, 's'));
  EXPECT_EQ(risk.grade_before_supervision(), RISK_GRADE_MEDIUM);
  EXPECT_EQ(raised->core.risk().grade(), RISK_GRADE_HIGH) << "the lane follows what the supervisor found";
  EXPECT_EQ(raised->core.risk().supervisor(), "") << "nobody agreed to a lower grade";
  EXPECT_FALSE(Warns(*raised, "lowered"));

  request.set_risk_grade(RISK_GRADE_STANDARD);
  EXPECT_TRUE(Warns(*MapIncident(request, Context()), "lowered the officer's grade"));
  request.mutable_options()->set_risk_change_reason(RISK_CHANGE_REASON_NEW_ASSESSMENT);
  EXPECT_EQ(MapIncident(request, Context())->core.risk().supervisor(), std::string(64, 's')) << "said once";
  request.mutable_options()->set_risk_supervisor("insp-2");
  EXPECT_EQ(MapIncident(request, Context())->core.risk().supervisor(), "insp-2") << "the options go before";

  v1::ReportIncidentRequest own = Incident();  // A supervisor pushes what they found themselves.
  own.set_supervisor("w-1");
  own.mutable_options()->mutable_worker()->set_role(WORKER_ROLE_SUPERVISOR);
  EXPECT_EQ(Told(MapIncident(own, Context())), "OK");
}

TEST(PoliceMappingTest, ARepeatVictimGradedStandardIsLookedAt) {
  v1::ReportIncidentRequest request = Incident();
  request.set_repeat_victim(true);
  EXPECT_FALSE(Warns(*MapIncident(request, Context()), "repeat victim"));
  request.set_risk_grade(RISK_GRADE_STANDARD);
  const auto draft = MapIncident(request, Context());
  EXPECT_TRUE(Warns(*draft, "no supervisor has looked at it"));
  EXPECT_TRUE(Find(*draft, CATEGORY_INCIDENT)->incident().repeat_victim());
  EXPECT_EQ(draft->core.marac_criteria_size(), 0) << "the force's term is no Marac repeat";
  request.set_supervisor("sgt-1");
  EXPECT_FALSE(Warns(*MapIncident(request, Context()), "no supervisor"));
}

TEST(PoliceMappingTest, ACrimeSaysWhoWasArrestedOrWhyNobody) {
  v1::ReportIncidentRequest request = Incident();
  EXPECT_FALSE(Warns(*MapIncident(request, Context()), "Neither an arrest"));
  request.set_is_crime(true);
  EXPECT_TRUE(Warns(*MapIncident(request, Context()), "Neither an arrest"));
  request.set_arrest_made(ARREST_NOT_ARRESTED);
  request.set_no_arrest_reason("Not found.");
  EXPECT_FALSE(Warns(*MapIncident(request, Context()), "Neither an arrest"));
  request.set_arrest_made(ARREST_OUTSTANDING);
  EXPECT_EQ(Told(MapIncident(request, Context())), "OK") << "not found yet, for a reason";
}

TEST(PoliceMappingTest, OneEventIsKnownByItsFirstReferenceInEveryCall) {
  v1::ReportIncidentRequest incident = Incident();
  incident.set_is_crime(true);
  AddReference(incident, "98", "I-7731", "incident");
  const auto reported = MapIncident(incident, Context());
  EXPECT_EQ(reported->options.event_reference(), "98/crime/118822/26");
  EXPECT_EQ(Find(*reported, CATEGORY_INCIDENT)->incident().references_size(), 2);
  v1::SendChildNoticeRequest notice = Notice();
  notice.set_is_crime(true);
  EXPECT_EQ(MapChildNotice(notice, Context())->options.event_reference(), "98/crime/118822/26");
  incident.mutable_options()->set_event_reference("another");
  EXPECT_EQ(MapIncident(incident, Context())->options.event_reference(), "another") << "who says it knows better";
  incident = Incident();
  incident.set_reference(std::string(64 - std::string_view("98/incident/").size(), '7'));
  EXPECT_EQ(MapIncident(incident, Context())->options.event_reference().size(), 64u);
  incident.set_reference(incident.reference() + "7");
  const auto longer = MapIncident(incident, Context());
  EXPECT_EQ(longer->options.event_reference(), "");
  EXPECT_TRUE(Warns(*longer, "too long to know the event by"));
}

TEST(PoliceMappingTest, ChildrenWhoWereThereAreToBeNotifiedOfToo) {
  v1::ReportIncidentRequest request = Incident();
  AddChild(request, "2014-06-30");
  EXPECT_FALSE(Warns(*MapIncident(request, Context()), "SendChildNotice")) << "neither present nor resident";
  request.mutable_children(0)->set_usually_resident(true);
  EXPECT_TRUE(Warns(*MapIncident(request, Context()), "SendChildNotice"));
  EXPECT_TRUE(Find(*MapIncident(request, Context()), CATEGORY_CHILDREN)->children().children(0).usually_resident());
  request.mutable_options()->add_recipients("health");
  EXPECT_FALSE(Warns(*MapIncident(request, Context()), "SendChildNotice")) << "no school is configured, and health is told";
}

TEST(PoliceMappingTest, ARelationshipOfNobodyIsWarnedOf) {
  v1::ReportIncidentRequest request = Incident();
  request.set_relationship(RELATIONSHIP_CLASS_PARTNER);
  EXPECT_TRUE(Warns(*MapIncident(request, Context()), "no alleged perpetrator"));
  request.add_alleged_perpetrators()->set_relationship("unknown man");
  EXPECT_FALSE(Warns(*MapIncident(request, Context()), "no alleged perpetrator"));
}

TEST(PoliceMappingTest, WhatIsWrongWithAChildNoticeIsNamedByItsField) {
  using R = v1::SendChildNoticeRequest;
  ExpectRefusals<R>(Notice(), MapChildNotice, {
      {[](R& r) { r.clear_options(); }, "FIELD_MISSING options"},
      {[](R& r) { r.set_force("x8"); }, "FIELD_INVALID force"},
      {[](R& r) { r.clear_reference(); }, "FIELD_MISSING reference"},
      {[](R& r) { r.clear_circumstances(); }, "FIELD_MISSING circumstances"},
      {[](R& r) { r.clear_victim(); }, "FIELD_MISSING victim"},
      {[](R& r) { r.clear_children(); }, "FIELD_MISSING children"},
      {[](R& r) { r.mutable_children(0)->clear_child(); }, "FIELD_MISSING children[0].child"},
      {[](R& r) { r.set_happened("yesterday"); }, "FIELD_INVALID happened"},
      {[](R& r) { r.set_instrument(INSTRUMENT_DARA); }, "FIELD_MISSING risk_grade"},
      {[](R& r) { r.set_risk_grade(RISK_GRADE_HIGH), r.set_instrument(INSTRUMENT_S_DASH); }, "FIELD_INVALID instrument"},
      {[](R& r) { r.set_before_school_day("2026-05"); }, "FIELD_INVALID before_school_day"},
      {[](R& r) { r.set_before_school_day("Monday"); }, "FIELD_INVALID before_school_day"},
      {[](R& r) { r.set_works_at_agency("school"); }, "FIELD_INVALID works_at_agency"},
      {[](R& r) { r.add_further_references(); }, "FIELD_MISSING further_references[0].owner"},
  });
}

TEST(PoliceMappingTest, AChildNoticeTellsWhoLooksAfterChildrenAndAsksNothing) {
  const auto draft = MapChildNotice(Notice(), Context());
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->recipients, (Names{"childrens", "health"}));
  EXPECT_EQ(draft->core.type(), REFERRAL_TYPE_NOTIFICATION);
  EXPECT_EQ(draft->core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
  EXPECT_FALSE(draft->core.has_risk());
  EXPECT_TRUE(Warns(*draft, "No school is configured"));
  EXPECT_FALSE(Warns(*draft, "has come"));
  EXPECT_NE(TextIn(*draft, CATEGORY_NARRATIVE).find("2026-04-02"), std::string::npos);

  agent::MappingContext schools = Context();
  schools.routing = [](AgencyKind kind) {
    return kind == AGENCY_KIND_EDUCATION ? Names{"school"} : Context().routing(kind);
  };
  const auto with_school = MapChildNotice(Notice(), schools);
  EXPECT_EQ(with_school->recipients, (Names{"childrens", "health", "school"}));
  EXPECT_FALSE(Warns(*with_school, "school"));

  agent::MappingContext several = schools;
  several.routing = [](AgencyKind kind) {
    return kind == AGENCY_KIND_EDUCATION ? Names{"school", "other-school"} : Context().routing(kind);
  };
  v1::SendChildNoticeRequest named = Notice();
  EXPECT_TRUE(Warns(*MapChildNotice(named, several), "all 2 education agencies"));
  for (const char* one : {"childrens", "health", "school"}) named.mutable_options()->add_recipients(one);
  EXPECT_FALSE(Warns(*MapChildNotice(named, several), "education agencies"));

  v1::SendChildNoticeRequest late = Notice();
  late.set_before_school_day("2026-04-01");  // It is that day.
  EXPECT_TRUE(Warns(*MapChildNotice(late, schools), "has come"));
  late.clear_before_school_day();
  EXPECT_TRUE(Warns(*MapChildNotice(late, schools), "next school day is not said"));
  v1::SendChildNoticeRequest unborn = late;
  unborn.mutable_children(0)->mutable_child()->mutable_person()->clear_dates_of_birth();
  unborn.mutable_children(0)->mutable_child()->set_expected_on("2026-08-01");
  EXPECT_FALSE(Warns(*MapChildNotice(unborn, Context()), "school")) << "an unborn child goes to none";

  v1::SendChildNoticeRequest unknown = Notice();
  unknown.clear_happened();
  const auto told = MapChildNotice(unknown, Context());
  ASSERT_EQ(Told(told), "OK");
  EXPECT_FALSE(told->core.has_happened()) << "no time is made up";
  v1::SendChildNoticeRequest graded = Notice();
  graded.set_risk_grade(RISK_GRADE_HIGH);
  EXPECT_EQ(MapChildNotice(graded, Context())->core.risk().instrument(), INSTRUMENT_PROFESSIONAL_JUDGEMENT);
}

TEST(PoliceMappingTest, WhatIsWrongUnderTheDisclosureSchemeIsNamedByItsField) {
  using R = v1::RequestDisclosureChecksRequest;
  ExpectRefusals<R>(DisclosureChecks(), MapDisclosureChecks, {
      {[](R& r) { r.mutable_options()->clear_recipients(); }, "FIELD_MISSING options.recipients"},
      {[](R& r) { for (int i = 0; i < agent::kChecksAskedMax; ++i) r.mutable_options()->add_recipients("idva"); }, "FIELD_INVALID options.recipients"},
      {[](R& r) { r.mutable_options()->mutable_basis()->set_gateway(GATEWAY_CDA1998_S115); }, "FIELD_INVALID options.basis.gateway"},
      {[](R& r) { r.set_force("1"); }, "FIELD_INVALID force"},
      {[](R& r) { r.set_reference("a\nb"); }, "FIELD_INVALID reference"},
      {[](R& r) { r.clear_route(); }, "FIELD_MISSING route"},
      {[](R& r) { r.clear_applicant(); }, "FIELD_MISSING applicant"},
      {[](R& r) { r.set_route(v1::DISCLOSURE_ROUTE_RIGHT_TO_KNOW); }, "FIELD_INVALID applicant"},
      {[](R& r) { r.clear_person_at_risk(); }, "FIELD_MISSING person_at_risk"},
      {[](R& r) { r.clear_alleged_perpetrators(); }, "FIELD_MISSING alleged_perpetrators"},
      {[](R& r) { r.clear_question(); }, "FIELD_MISSING question"},
  });
  using D = v1::RecordDisclosureRequest;
  ExpectRefusals<D>(Disclosure(), MapDisclosure, {
      {[](D& r) { r.clear_outcome(); }, "FIELD_MISSING outcome"},
      {[](D& r) { r.clear_disclosed(); }, "FIELD_MISSING disclosed"},
      {[](D& r) { r.clear_told(); }, "FIELD_MISSING told"},
      {[](D& r) { r.set_disclosed("soon"); }, "FIELD_INVALID disclosed"},
      {[](D& r) { r.set_disclosed("2026-04-02"); }, "FIELD_INVALID disclosed"},
      {[](D& r) { r.set_outcome(v1::DISCLOSURE_OUTCOME_NOT_TOLD); }, "FIELD_INVALID disclosed"},
      {[](D& r) { r.set_outcome(v1::DISCLOSURE_OUTCOME_NOT_NECESSARY), r.clear_disclosed(); }, "FIELD_INVALID told"},
      {[](D& r) { r.clear_alleged_perpetrators(); }, "FIELD_MISSING alleged_perpetrators"},
      {[](D& r) { r.mutable_options()->mutable_basis()->set_gateway(GATEWAY_COURT_ORDER); }, "FIELD_INVALID options.basis.gateway"},
  });
}

TEST(PoliceMappingTest, PartnersAreAskedUnderTheDisclosureSchemeForSafeguarding) {
  const auto draft = MapDisclosureChecks(DisclosureChecks(), Context());
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->core.type(), REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
  EXPECT_TRUE(draft->core.checks()) << "GetChecks is its table";
  EXPECT_EQ(draft->core.purpose(), PURPOSE_SAFEGUARDING_ADULT) << "for preventing crime it would be refused";
  EXPECT_EQ(draft->options.basis().gateway(), GATEWAY_DVDS);
  EXPECT_EQ(TextIn(*draft, CATEGORY_NARRATIVE), "Domestic Violence Disclosure Scheme: right to ask\nReference: 98 DV-40/26\nApplicant: her sister");
  EXPECT_TRUE(Warns(*draft, "no grade"));
}

TEST(PoliceMappingTest, ADisclosureIsToldOfAndIsNoEvent) {
  const auto draft = MapDisclosure(Disclosure(), Context());
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->recipients, (Names{"idva"}));
  EXPECT_EQ(draft->core.type(), REFERRAL_TYPE_NOTIFICATION);
  EXPECT_FALSE(draft->core.has_happened()) << "or it would be counted as abuse";
  EXPECT_EQ(draft->options.event_reference(), "");
  EXPECT_EQ(draft->options.basis().gateway(), GATEWAY_DVDS);
  EXPECT_TRUE(Warns(*draft, "no safety plan"));
  v1::RecordDisclosureRequest nothing = Disclosure();
  nothing.set_outcome(v1::DISCLOSURE_OUTCOME_NOTHING_TO_DISCLOSE);
  nothing.clear_disclosed();
  nothing.clear_told();
  EXPECT_FALSE(Warns(*MapDisclosure(nothing, Context()), "safety plan"));
  nothing.add_children()->set_expected_on("2026-08-01");
  EXPECT_EQ(MapDisclosure(nothing, Context())->recipients, (Names{"idva", "childrens"}));
}

TEST(PoliceMappingTest, WhatIsWrongWithAVictimInformationRequestIsNamedByItsField) {
  using R = v1::RequestVictimInformationRequest;
  ExpectRefusals<R>(VictimInformation(), MapVictimInformation, {
      {[](R& r) { r.mutable_options()->clear_recipients(); }, "FIELD_MISSING options.recipients"},
      {[](R& r) { r.mutable_options()->mutable_basis()->set_gateway(GATEWAY_DVDS); }, "FIELD_INVALID options.basis.gateway"},
      {[](R& r) { r.set_force("123"); }, "FIELD_INVALID force"},
      {[](R& r) { r.clear_reference(); }, "FIELD_MISSING reference"},
      {[](R& r) { r.clear_victim(); }, "FIELD_MISSING victim"},
      {[](R& r) { r.clear_sought(); }, "FIELD_MISSING sought"},
      {[](R& r) { r.add_sought(VICTIM_MATERIAL_UNSPECIFIED); }, "ENUM_UNKNOWN sought[1]"},
      {[](R& r) { r.clear_notice(); }, "FIELD_MISSING notice"},
  });
}

TEST(PoliceMappingTest, WhatTheLawAsksOfAVictimInformationRequestIsAdvice) {
  const auto complete = MapVictimInformation(VictimInformation(), Context());
  ASSERT_EQ(Told(complete), "OK");
  EXPECT_TRUE(complete->warnings.empty());
  EXPECT_EQ(complete->core.purpose(), PURPOSE_VICTIM_INFORMATION_REQUEST);
  EXPECT_EQ(complete->core.type(), REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
  EXPECT_FALSE(complete->core.checks());
  EXPECT_EQ(complete->options.basis().gateway(), GATEWAY_PCSCA2022_S44A);
  EXPECT_EQ(Categories(*complete), (std::vector<Category>{CATEGORY_IDENTITY, CATEGORY_INCIDENT, CATEGORY_NARRATIVE}));

  v1::RequestVictimInformationRequest request = VictimInformation();
  request.add_sought(VICTIM_MATERIAL_COUNSELLING);
  request.clear_statement();
  request.clear_necessary_and_proportionate();
  request.set_notice(VICTIM_NOTICE_WOULD_PREJUDICE);
  const auto draft = MapVictimInformation(request, Context());
  ASSERT_EQ(Told(draft), "OK") << "what lacks is a decision of the broker";
  for (const char* words : {"has no statement", "necessary and proportionate", "Counselling records", "no written notice"}) EXPECT_TRUE(Warns(*draft, words)) << words;
  request.set_presumption_rebutted(true);
  EXPECT_FALSE(Warns(*MapVictimInformation(request, Context()), "Counselling records"));
}

TEST(PoliceMappingTest, HousingIsAskedVoluntarily) {
  using R = v1::ReferForHousingRequest;
  ExpectRefusals<R>(Housing(), MapHousing, {
      {[](R& r) { r.set_force(""); }, "FIELD_MISSING force"},
      {[](R& r) { r.set_force("ab"); }, "FIELD_INVALID force"},
      {[](R& r) { r.clear_reference(); }, "FIELD_MISSING reference"},
      {[](R& r) { r.clear_victim(); }, "FIELD_MISSING victim"},
      {[](R& r) { r.clear_housing(); }, "FIELD_MISSING housing"},
      {[](R& r) { *r.mutable_housing() = type::v1::Housing(); }, "FIELD_MISSING housing"},
      {[](R& r) { r.set_works_at_agency("x"); }, "FIELD_INVALID works_at_agency"},
  });
  const auto draft = MapHousing(Housing(), Context());
  EXPECT_EQ(draft->recipients, (Names{"housing"}));
  EXPECT_EQ(draft->core.purpose(), PURPOSE_HOUSING_SUPPORT);
  EXPECT_EQ(draft->core.type(), REFERRAL_TYPE_REFERRAL);
  EXPECT_FALSE(Warns(*draft, "voluntary"));
  v1::ReferForHousingRequest refused = Housing();
  refused.mutable_options()->mutable_basis()->set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  EXPECT_TRUE(Warns(*MapHousing(refused, Context()), "consent alone"));
  v1::ReferForHousingRequest child = Housing();
  *child.mutable_victim() = Somebody("2012");
  EXPECT_EQ(MapHousing(child, Context())->core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
  EXPECT_EQ(MapHousing(child, Context())->recipients, (Names{"housing", "childrens"}));
}

TEST(PoliceMappingTest, EverySampleOfThisServiceMaps) {
  const auto drafts = agent::testing::MapSamples<v1::ReportIncidentRequest>("police", "ReportIncident", MapIncident);
  EXPECT_GE(drafts.size(), 12u);
  ASSERT_TRUE(drafts.contains("16-police-victim-of-fifteen.json"));
  EXPECT_EQ(drafts.at("16-police-victim-of-fifteen.json").core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
  EXPECT_TRUE(drafts.at("15-police-immediate-danger.json").options.immediate());
  EXPECT_EQ(drafts.at("13-police-works-at-agency.json").subjects[1].part.works_at(), "housing");
  EXPECT_GE(agent::testing::MapSamples<v1::SendChildNoticeRequest>("police", "SendChildNotice", MapChildNotice).size(), 1u);
  EXPECT_GE(agent::testing::MapSamples<v1::RequestDisclosureChecksRequest>("police", "RequestDisclosureChecks", MapDisclosureChecks).size(), 1u);
  EXPECT_GE(agent::testing::MapSamples<v1::RecordDisclosureRequest>("police", "RecordDisclosure", MapDisclosure).size(), 1u);
  EXPECT_GE(agent::testing::MapSamples<v1::RequestVictimInformationRequest>("police", "RequestVictimInformation", MapVictimInformation).size(), 1u);
  EXPECT_GE(agent::testing::MapSamples<v1::ReferForHousingRequest>("police", "ReferForHousing", MapHousing).size(), 1u);
}

TEST(PoliceMappingTest, AnIdvaServiceIsChosenByWhereTheVictimLives) {
  agent::testing::ExpectRoutedByArea(Incident(), "police", MapIncident);
  agent::testing::ExpectRoutedByArea(Disclosure(), "police", MapDisclosure);
}

}  // namespace
}  // namespace accord::police::mapping_test
