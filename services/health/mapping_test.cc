#include <gtest/gtest.h>

#include "common/agent/screening.h"
#include "common/agent/testing_records.h"
#include "common/referral/referral_name.h"
#include "common/referral/subject_token.h"
#include "services/health/mapping.h"

namespace accord::health::mapping_test {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::Categories;
using agent::testing::Context;
using agent::testing::ExpectRefusals;
using agent::testing::Find;
using agent::testing::Options;
using agent::testing::Somebody;
using agent::testing::Told;
using agent::testing::Warns;
using Names = std::vector<std::string>;

v1::ReferPatientRequest Patient() {
  v1::ReferPatientRequest request;
  *request.mutable_options() = Options();
  request.set_ods_code("A81001");
  request.set_record_reference("EPR-772001");
  *request.mutable_patient() = Somebody();
  request.mutable_health()->set_summary("Fractured wrist in January.");
  request.set_disclosure("He has hit her twice.");
  return request;
}
// An NHS number with its status indicator.
Identifier& Nhs(v1::ReferPatientRequest& request, std::string_view status, std::string_view value = "9434765919") {
  Identifier& identifier = *request.mutable_patient()->add_identifiers();
  identifier.set_scheme("nhs_number");
  identifier.set_value(std::string(value));
  identifier.set_status(std::string(status));
  return identifier;
}
v1::NotifyDutyToReferRequest Notice() {
  v1::NotifyDutyToReferRequest request;
  *request.mutable_options() = Options({"housing"});
  request.set_ods_code("RX9AB");
  request.set_record_reference("EPR-771203");
  *request.mutable_person() = Somebody();
  request.mutable_person()->set_address("14 Tenter Row");
  request.mutable_housing()->set_chosen_council("Westmarch Borough Council");
  request.mutable_safe_contact()->set_phone("07700 900177");
  request.set_contact_details_agreed(true);
  return request;
}
Answered Asked() {
  Answered answered;
  answered.header_digest = std::string(32, 'h');
  answered.core.set_sender("police");
  answered.core.set_purpose(PURPOSE_MARAC);
  answered.core.mutable_risk()->set_grade(RISK_GRADE_HIGH);
  answered.core.set_forum("marac-northshire");
  return answered;
}
v1::AnswerReferralRequest Answer() {
  v1::AnswerReferralRequest request;
  *request.mutable_options() = Options();
  request.set_referral("referrals/" + std::string(64, 'a'));
  request.set_known(true);
  request.set_information("Last seen in February.");
  return request;
}

TEST(HealthMappingTest, WhatIsWrongWithAReferralIsNamedByItsField) {
  using R = v1::ReferPatientRequest;
  ExpectRefusals<R>(Patient(), MapPatient, {
      {[](R& r) { r.clear_options(); }, "FIELD_MISSING options"},
      {[](R& r) { r.clear_ods_code(); }, "FIELD_MISSING ods_code"},
      {[](R& r) { r.set_ods_code("a81001"); }, "FIELD_INVALID ods_code"},
      {[](R& r) { r.set_ods_code("A8"); }, "FIELD_INVALID ods_code"},
      {[](R& r) { r.set_ods_code("A8100100000"); }, "FIELD_INVALID ods_code"},
      {[](R& r) { r.mutable_health()->set_ods_code("ward 4"); }, "FIELD_INVALID health.ods_code"},
      {[](R& r) { r.clear_record_reference(); }, "FIELD_MISSING record_reference"},
      {[](R& r) { r.clear_patient(); }, "FIELD_MISSING patient"},
      {[](R& r) { r.clear_health(); }, "FIELD_MISSING health"},
      {[](R& r) { r.clear_disclosure(); }, "FIELD_MISSING disclosure"},
      {[](R& r) { r.set_disclosure("\xff"); }, "TEXT_NOT_UTF8 disclosure"},
      {[](R& r) { r.mutable_patient()->add_identifiers(); }, "FIELD_MISSING patient.identifiers[0].scheme"},
      {[](R& r) { r.set_risk_grade(static_cast<RiskGrade>(9)); }, "ENUM_UNKNOWN risk_grade"},
      {[](R& r) { r.mutable_health()->set_pathway(static_cast<HealthPathway>(99)); }, "ENUM_UNKNOWN health.pathway"},
      {[](R& r) { r.mutable_health()->set_expected_on("2027-02"); }, "FIELD_INVALID health.expected_on"},
      {[](R& r) { r.mutable_health()->set_expected_on("2027-02-30"); }, "FIELD_INVALID health.expected_on"},
      {[](R& r) { r.mutable_health()->set_caldicott_guardian(std::string(65, 'g')); }, "FIELD_INVALID health.caldicott_guardian"},
      {[](R& r) { r.mutable_health()->add_keep_out_of("\xff"); }, "TEXT_NOT_UTF8 health.keep_out_of[0]"},
      {[](R& r) { r.add_children()->set_practice_ods_code("a8"); }, "FIELD_INVALID children[0].practice_ods_code"},
      {[](R& r) { Nhs(r, "09"); }, "FIELD_INVALID patient.identifiers[0].status"},
      {[](R& r) { Nhs(r, "1"); }, "FIELD_INVALID patient.identifiers[0].status"},
      {[](R& r) { Nhs(r, "07"); }, "FIELD_INVALID patient.identifiers[0].status"},
      {[](R& r) { Nhs(r, "03").set_verified(true); }, "FIELD_INVALID patient.identifiers[0].status"},
  });
}

TEST(HealthMappingTest, AWrongNhsNumberIsQuarantinedAndTheReferralStillGoes) {
  v1::ReferPatientRequest request = Patient();
  auto& identifier = *request.mutable_patient()->add_identifiers();
  identifier.set_scheme("nhs_number");
  identifier.set_value("9434765918");
  identifier.set_verified(true);
  auto draft = MapPatient(request, Context("health"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->recipients, (Names{"idva"}));
  agent::Screen(*draft);
  EXPECT_TRUE(Find(*draft, CATEGORY_IDENTITY)->identity().victim().identifiers(0).quarantined());
  EXPECT_TRUE(draft->subjects[0].person.identifiers(0).quarantined()) << "nothing is matched on it";
  EXPECT_TRUE(Warns(*draft, "wrong check character"));
  for (const std::string& warning : draft->warnings) EXPECT_EQ(warning.find("9434765918"), std::string::npos) << warning;

  request.mutable_patient()->mutable_identifiers(0)->set_value("943 476 5919");
  draft = MapPatient(request, Context("health"));
  agent::Screen(*draft);
  EXPECT_FALSE(Find(*draft, CATEGORY_IDENTITY)->identity().victim().identifiers(0).quarantined());
  EXPECT_TRUE(draft->warnings.empty());
}

TEST(HealthMappingTest, AReferralIsSupportWithConsentAndProtectsChildren) {
  EXPECT_EQ(MapPatient(Patient(), Context("health"))->core.purpose(), PURPOSE_SUPPORT);
  v1::ReferPatientRequest request = Patient();
  request.add_children()->set_expected_on("2026-07-18");
  const auto unborn = MapPatient(request, Context("health"));
  EXPECT_EQ(unborn->recipients, (Names{"idva", "childrens"}));
  EXPECT_EQ(unborn->core.purpose(), PURPOSE_SAFEGUARDING_ADULT);
  request = Patient();
  *request.mutable_patient() = Somebody("2011-02-18");
  *request.mutable_options() = Options({"idva"});
  const auto young = MapPatient(request, Context("health"));
  EXPECT_EQ(young->recipients, (Names{"idva", "childrens"}));
  EXPECT_EQ(young->core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
  request = Patient();
  request.add_do_not_disclose_to("idva");
  EXPECT_EQ(Told(MapPatient(request, Context("health"))), "FIELD_MISSING options.recipients");
  EXPECT_EQ(Find(*unborn, CATEGORY_HEALTH)->health().ods_code(), "A81001") << "the unit's own, where the facts name none";
}

TEST(HealthMappingTest, TheDutyToReferGoesToTheOneChosenAuthority) {
  using R = v1::NotifyDutyToReferRequest;
  ExpectRefusals<R>(Notice(), MapDutyToRefer, {
      {[](R& r) { *r.mutable_options() = Options(); }, "FIELD_MISSING options.recipients"},
      {[](R& r) { r.mutable_options()->add_recipients("other-council"); }, "FIELD_INVALID options.recipients"},
      {[](R& r) { r.clear_housing(); }, "FIELD_MISSING housing"},
      {[](R& r) { r.mutable_housing()->clear_chosen_council(); }, "FIELD_MISSING housing.chosen_council"},
      {[](R& r) { r.clear_person(); }, "FIELD_MISSING person"},
      {[](R& r) { r.set_ods_code("rx9ab"); }, "FIELD_INVALID ods_code"},
      {[](R& r) { r.clear_record_reference(); }, "FIELD_MISSING record_reference"},
      {[](R& r) { r.mutable_options()->mutable_basis()->set_jurisdiction(JURISDICTION_WALES); }, "FIELD_INVALID options.basis.jurisdiction"},
      {[](R& r) { r.mutable_options()->mutable_basis()->set_jurisdiction(JURISDICTION_SCOTLAND); }, "FIELD_INVALID options.basis.jurisdiction"},
      {[](R& r) { r.set_contact_details_agreed(false), r.mutable_housing()->set_contact_details_agreed(true); },
       "FIELD_INVALID housing.contact_details_agreed"},
      {[](R& r) { r.mutable_housing()->set_priority_need(true); }, "FIELD_MISSING housing.homelessness"},
  });
  R england = Notice();
  england.mutable_options()->mutable_basis()->set_jurisdiction(JURISDICTION_ENGLAND);
  EXPECT_EQ(Told(MapDutyToRefer(england, Context("health"))), "OK");
  const auto draft = MapDutyToRefer(Notice(), Context("health"));
  EXPECT_EQ(draft->recipients, (Names{"housing"}));
  EXPECT_EQ(draft->core.purpose(), PURPOSE_HOUSING_DUTY_TO_REFER);
  EXPECT_EQ(Find(*draft, CATEGORY_IDENTITY)->identity().victim().record_number(), "EPR-771203 (RX9AB)");
  R refused = Notice();
  refused.mutable_options()->mutable_basis()->set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  EXPECT_EQ(Told(MapDutyToRefer(refused, Context("health"))), "OK") << "the broker judges it, so that it is on the record";
}

TEST(HealthMappingTest, ContactDetailsGoOnlyWhenThePersonAgreed) {
  const auto agreed = MapDutyToRefer(Notice(), Context("health"));
  EXPECT_NE(Find(*agreed, CATEGORY_SAFE_CONTACT), nullptr);
  EXPECT_TRUE(Find(*agreed, CATEGORY_HOUSING)->housing().contact_details_agreed()) << "who receives it is told that they agreed";
  EXPECT_EQ(Find(*agreed, CATEGORY_IDENTITY)->identity().victim().address(), "14 Tenter Row");
  EXPECT_TRUE(agreed->warnings.empty());
  v1::NotifyDutyToReferRequest request = Notice();
  request.set_contact_details_agreed(false);
  const auto draft = MapDutyToRefer(request, Context("health"));
  ASSERT_EQ(Told(draft), "OK");
  for (const auto& section : draft->sections) {
    for (const char* detail : {"07700", "Tenter"}) EXPECT_EQ(section.content.DebugString().find(detail), std::string::npos) << detail;
  }
  EXPECT_EQ(Categories(*draft), (std::vector<Category>{CATEGORY_IDENTITY, CATEGORY_HOUSING}));
  EXPECT_TRUE(Warns(*draft, "left out"));
  EXPECT_FALSE(Find(*draft, CATEGORY_HOUSING)->housing().contact_details_agreed());
  request.clear_safe_contact();
  request.mutable_person()->clear_address();
  EXPECT_TRUE(MapDutyToRefer(request, Context("health"))->warnings.empty()) << "there was nothing to leave out";
}

TEST(HealthMappingTest, AnAnswerGoesOnlyToWhoAsked) {
  const auto draft = MapAnswer(Answer(), Asked(), Context("health"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->recipients, (Names{"police"}));
  EXPECT_EQ(draft->core.type(), REFERRAL_TYPE_RESPONSE);
  EXPECT_EQ(draft->core.caused_by(), std::string(32, 'h'));
  EXPECT_EQ(draft->core.purpose(), PURPOSE_MARAC);
  EXPECT_EQ(draft->core.risk().grade(), RISK_GRADE_HIGH) << "it rides in the lane of what it answers";
  EXPECT_TRUE(draft->subjects.empty());
  EXPECT_EQ(Categories(*draft), (std::vector<Category>{CATEGORY_RESPONSE}));
  EXPECT_EQ(Find(*draft, CATEGORY_RESPONSE)->text().text(), "Known to the service.\n\nLast seen in February.");

  v1::AnswerReferralRequest request = Answer();
  *request.mutable_options() = Options({"police"});
  EXPECT_EQ(MapAnswer(request, Asked(), Context("health"))->recipients, (Names{"police"}));
  *request.mutable_options() = Options({"police", "housing"});
  EXPECT_EQ(Told(MapAnswer(request, Asked(), Context("health"))), "FIELD_INVALID options.recipients[1]");
  request = Answer();
  request.set_known(false);
  request.clear_information();
  EXPECT_EQ(Find(*MapAnswer(request, Asked(), Context("health")), CATEGORY_RESPONSE)->text().text(), "Not known to the service.");
  request.set_information("\xff");
  EXPECT_EQ(Told(MapAnswer(request, Asked(), Context("health"))), "TEXT_NOT_UTF8 information");
  request.clear_referral();
  EXPECT_EQ(Told(MapAnswer(request, Asked(), Context("health"))), "FIELD_MISSING referral");
}

TEST(HealthMappingTest, AnNhsNumberIsAsVerifiedAsItsStatusIndicatorSays) {
  const auto tokens_of = [](std::string_view status) {
    v1::ReferPatientRequest request = Patient();
    request.mutable_patient()->clear_dates_of_birth();
    Nhs(request, status);
    const auto draft = MapPatient(request, Context("health"));
    EXPECT_EQ(Told(draft), "OK") << status;
    EXPECT_EQ(Find(*draft, CATEGORY_IDENTITY)->identity().victim().identifiers(0).status(), status) << "it goes with the number";
    const auto tokens = referral::MakeTokens(draft->subjects[0].person, "area", "k1", "key");
    return std::count_if(tokens.begin(), tokens.end(), [](const SubjectToken& token) { return token.strong(); });
  };
  EXPECT_EQ(tokens_of("01"), 1);
  for (const char* unsure : {"02", "03", "04", "05", "06", "08"}) EXPECT_EQ(tokens_of(unsure), 0) << unsure;
}

TEST(HealthMappingTest, AnExpectedDateIsAnUnbornChild) {
  v1::ReferPatientRequest request = Patient();
  request.mutable_health()->set_pathway(HEALTH_PATHWAY_MATERNITY);
  request.mutable_health()->set_expected_on("2026-07-18");
  auto draft = MapPatient(request, Context("health"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(draft->recipients, (Names{"idva", "childrens"}));
  ASSERT_EQ(Find(*draft, CATEGORY_CHILDREN)->children().children_size(), 1);
  EXPECT_EQ(Find(*draft, CATEGORY_CHILDREN)->children().children(0).expected_on(), "2026-07-18");
  ASSERT_EQ(draft->subjects.size(), 2u);
  EXPECT_EQ(draft->subjects[1].part.role(), SUBJECT_ROLE_UNBORN_CHILD);
  EXPECT_EQ(draft->subjects[1].part.age_band(), AGE_BAND_UNBORN);
  EXPECT_TRUE(draft->warnings.empty());

  request.add_children()->set_expected_on("2026-07-18");  // Listed already: one child is not told of twice.
  draft = MapPatient(request, Context("health"));
  EXPECT_EQ(Find(*draft, CATEGORY_CHILDREN)->children().children_size(), 1);
  EXPECT_TRUE(draft->warnings.empty());
  request.mutable_children(0)->set_expected_on("2026-08-01");
  EXPECT_TRUE(Warns(*MapPatient(request, Context("health")), "another than that of the unborn child"));

  request = Patient();
  request.mutable_health()->set_pathway(HEALTH_PATHWAY_MATERNITY);
  EXPECT_TRUE(Warns(*MapPatient(request, Context("health")), "comes from maternity"));
  request.mutable_health()->set_pregnancy("24 weeks");
  EXPECT_TRUE(Warns(*MapPatient(request, Context("health")), "no unborn child is told of"));
  *request.add_children()->mutable_person() = Somebody("2019");
  request.mutable_health()->clear_pregnancy();
  EXPECT_TRUE(MapPatient(request, Context("health"))->warnings.empty()) << "born, and named";
}

TEST(HealthMappingTest, TheCaldicottGuardianWhoWasAskedIsInTheBasis) {
  v1::ReferPatientRequest request = Patient();
  request.mutable_health()->set_caldicott_guardian("cg-3");
  const auto advice_of = [&] { return MapPatient(request, Context("health"))->options.basis().advice(); };
  ASSERT_EQ(advice_of().size(), 1);
  EXPECT_EQ(advice_of()[0], ADVICE_TAKEN_CALDICOTT_GUARDIAN);
  request.mutable_options()->mutable_basis()->add_advice(ADVICE_TAKEN_CALDICOTT_GUARDIAN);
  EXPECT_EQ(advice_of().size(), 1) << "said once";
  EXPECT_EQ(Find(*MapPatient(request, Context("health")), CATEGORY_HEALTH)->health().caldicott_guardian(), "cg-3");
  request.mutable_health()->clear_caldicott_guardian();
  EXPECT_TRUE(Warns(*MapPatient(request, Context("health")), "nothing says who that was"));
}

TEST(HealthMappingTest, WhoeverReadsItIsToldWhatToKeepItOutOf) {
  v1::ReferPatientRequest request = Patient();
  request.mutable_health()->add_keep_out_of("record of the husband, same practice");
  request.mutable_health()->add_keep_out_of("NHS app of the son");
  auto draft = MapPatient(request, Context("health"));
  ASSERT_EQ(Told(draft), "OK");
  EXPECT_EQ(Find(*draft, CATEGORY_HEALTH)->health().keep_out_of_size(), 2);
  EXPECT_EQ(Find(*draft, CATEGORY_NARRATIVE)->text().text(),
            "He has hit her twice.\n\nKeep this out of: record of the husband, same practice; NHS app of the son")
      << "for those who have no health facts";
  agent::Screen(*draft);
  EXPECT_TRUE(Warns(*draft, "Records are named that nothing of this may show in"));
  for (const std::string& warning : draft->warnings) EXPECT_EQ(warning.find("husband"), std::string::npos) << warning;
  draft = MapPatient(Patient(), Context("health"));
  agent::Screen(*draft);
  EXPECT_TRUE(draft->warnings.empty());
}

TEST(HealthMappingTest, AnAnswerIsNeverFromTheRecordOfAnAllegedPerpetrator) {
  Answered asked = Asked();
  Person& perpetrator = asked.alleged_perpetrators.emplace_back();
  perpetrator.set_family_name("Ashdown");
  perpetrator.set_given_names("Tobias");
  perpetrator.add_dates_of_birth("1988-02-01");
  v1::AnswerReferralRequest request = Answer();
  EXPECT_TRUE(Warns(*MapAnswer(request, asked, Context("health")), "whose record"));
  *request.mutable_record() = Somebody();
  ASSERT_EQ(Told(MapAnswer(request, asked, Context("health"))), "OK");
  EXPECT_TRUE(MapAnswer(request, asked, Context("health"))->warnings.empty());
  EXPECT_EQ(MapAnswer(request, asked, Context("health"))->sections.size(), 1u) << "the record's holder is not sent";

  request.mutable_record()->set_given_names("Tobías");  // Written otherwise.
  request.mutable_record()->set_dates_of_birth(0, "1988-02-01");
  EXPECT_EQ(Told(MapAnswer(request, asked, Context("health"))), "FIELD_INVALID record");
  request.mutable_record()->set_dates_of_birth(0, "1988-02-02");
  EXPECT_EQ(Told(MapAnswer(request, asked, Context("health"))), "OK") << "another person of the name";
  for (Person* person : {&perpetrator, request.mutable_record()}) {
    auto& number = *person->add_identifiers();
    number.set_scheme("nhs_number");
    number.set_value("9434765919");
    number.set_verified(true);
  }
  EXPECT_EQ(Told(MapAnswer(request, asked, Context("health"))), "FIELD_INVALID record");
  request.mutable_record()->mutable_identifiers(0)->set_verified(false);
  EXPECT_EQ(Told(MapAnswer(request, asked, Context("health"))), "OK") << "an unverified number tells nobody apart";

  request = Answer();
  request.set_record_role(SUBJECT_ROLE_ALLEGED_PERPETRATOR);
  EXPECT_EQ(Told(MapAnswer(request, Asked(), Context("health"))), "FIELD_INVALID record_role");
  for (const auto role : {SUBJECT_ROLE_VICTIM, SUBJECT_ROLE_CHILD}) {
    request.set_record_role(role);
    EXPECT_EQ(Told(MapAnswer(request, Asked(), Context("health"))), "OK");
  }
}

// Requests made again from what recipients and the header have of them.
void BackOfUnit(std::string_view of_unit, std::string& record, std::string& ods_code) {
  const size_t open = of_unit.rfind(" (");
  record = std::string(of_unit.substr(0, open));
  ods_code = std::string(of_unit.substr(open + 2, of_unit.size() - open - 3));
}

void BackToPatient(const agent::Draft& draft, v1::ReferPatientRequest& request) {
  const auto [patient, reference] = agent::testing::VictimAndReferenceIn(draft);
  *request.mutable_patient() = patient;
  *request.mutable_health() = Find(draft, CATEGORY_HEALTH)->health();
  request.set_record_reference(reference);
  request.set_ods_code(request.health().ods_code());
  if (reference.ends_with(')')) BackOfUnit(reference, *request.mutable_record_reference(), *request.mutable_ods_code());
  const std::string narrative = agent::testing::TextIn(draft, CATEGORY_NARRATIVE);
  request.set_disclosure(narrative.substr(0, narrative.size() - KeepOutOfText(request.health()).size()));
  request.set_wishes(agent::testing::TextIn(draft, CATEGORY_VOICE));
  if (const auto* section = Find(draft, CATEGORY_CHILDREN)) *request.mutable_children() = section->children().children();
  Child unborn;
  unborn.set_expected_on(request.health().expected_on());
  unborn.set_relationship_to_victim("unborn child");
  auto& children = *request.mutable_children();
  if (!children.empty() && children.rbegin()->SerializeAsString() == unborn.SerializeAsString()) children.RemoveLast();
  if (const auto* section = Find(draft, CATEGORY_ALLEGED_PERPETRATOR)) {
    *request.mutable_alleged_perpetrators() = section->alleged_perpetrators().alleged_perpetrators();
  }
  if (const auto* section = Find(draft, CATEGORY_SAFE_CONTACT)) *request.mutable_safe_contact() = section->safe_contact();
  if (const auto* section = Find(draft, CATEGORY_RISK)) request.set_risk_grade(section->risk().risk().grade());
  request.set_relationship(agent::testing::RelationshipIn(draft));
  agent::testing::NotToIn(draft, *request.mutable_do_not_disclose_to());
}

TEST(HealthMappingTest, NothingOfAPatientIsLost) {
  agent::testing::RecordMaker maker(4100);
  const auto prepare = [&](v1::ReferPatientRequest& request) {
    // A practice is not always named by the facts: then they are of the unit.
    if (request.health().ods_code().empty() || maker.Below(2) == 0) request.mutable_health()->set_ods_code(request.ods_code());
    if (request.alleged_perpetrators().empty()) request.clear_relationship();
    const std::string status = std::vector<std::string>{"01", "02", "08"}[maker.Below(3)];
    Nhs(request, status).set_verified(status == "01");
  };
  agent::testing::ExpectNothingIsLost<v1::ReferPatientRequest>(maker, 300, MapPatient, prepare, BackToPatient);
}

TEST(HealthMappingTest, NothingOfANoticeIsLost) {
  agent::testing::RecordMaker maker(4200);
  const auto prepare = [](v1::NotifyDutyToReferRequest& request) {
    auto& housing = *request.mutable_housing();
    if (housing.homelessness().empty()) housing.clear_priority_need();
    if (housing.temporary_accommodation().empty()) housing.clear_out_of_area();
    if (housing.chosen_council().empty()) housing.set_chosen_council("Westmarch");
    housing.clear_contact_details_agreed();  // Said beside it.
    if (request.contact_details_agreed()) return;
    request.clear_safe_contact();  // Left out, as ContactDetailsGoOnlyWhenThePersonAgreed has it.
    request.mutable_person()->clear_address();
    request.mutable_person()->set_given_names("Corinne");
  };
  const auto back = [](const agent::Draft& draft, v1::NotifyDutyToReferRequest& request) {
    const auto [person, reference] = agent::testing::VictimAndReferenceIn(draft);
    *request.mutable_person() = person;
    BackOfUnit(reference, *request.mutable_record_reference(), *request.mutable_ods_code());
    *request.mutable_housing() = Find(draft, CATEGORY_HOUSING)->housing();
    request.set_contact_details_agreed(request.housing().contact_details_agreed());
    request.mutable_housing()->clear_contact_details_agreed();
    if (const auto* section = Find(draft, CATEGORY_SAFE_CONTACT)) *request.mutable_safe_contact() = section->safe_contact();
  };
  agent::testing::ExpectNothingIsLost<v1::NotifyDutyToReferRequest>(maker, 300, MapDutyToRefer, prepare, back);
}

TEST(HealthMappingTest, NothingOfAnAnswerIsLost) {
  agent::testing::RecordMaker maker(4300);
  maker.Text("referral", [](agent::testing::RecordMaker& m) { return referral::ReferralName(std::string(32, static_cast<char>('a' + m.Below(26)))); });
  maker.Without("record").Without("record_role");  // They stay here.
  const auto map = [](const v1::AnswerReferralRequest& request, const agent::MappingContext& context) {
    Answered asked = Asked();
    asked.header_digest = *referral::ParseReferralName(request.referral());
    asked.core.set_sender("idva");
    return MapAnswer(request, asked, context);
  };
  const auto back = [](const agent::Draft& draft, v1::AnswerReferralRequest& request) {
    constexpr std::string_view kKnown = "Known to the service.", kNotKnown = "Not known to the service.";
    const std::string text = agent::testing::TextIn(draft, CATEGORY_RESPONSE);
    request.set_referral(referral::ReferralName(draft.core.caused_by()));
    request.set_known(text.starts_with(kKnown));
    const size_t said = request.known() ? kKnown.size() : kNotKnown.size();
    if (text.size() > said) request.set_information(text.substr(said + 2));
  };
  agent::testing::ExpectNothingIsLost<v1::AnswerReferralRequest>(maker, 100, map, [](auto&) {}, back);
}

TEST(HealthMappingTest, EverySampleOfThisServiceMaps) {
  auto patients = agent::testing::MapSamples<v1::ReferPatientRequest>("health", "ReferPatient", MapPatient);
  EXPECT_GE(patients.size(), 6u);
  auto& mistyped = patients.at("08-health-bad-nhs-number.json");
  agent::Screen(mistyped);
  EXPECT_TRUE(Warns(mistyped, "wrong check character"));
  const auto notices = agent::testing::MapSamples<v1::NotifyDutyToReferRequest>("health", "NotifyDutyToRefer", MapDutyToRefer);
  EXPECT_GE(notices.size(), 3u);
  EXPECT_EQ(Find(notices.at("07-health-duty-to-refer-without-consent.json"), CATEGORY_SAFE_CONTACT), nullptr);
}

TEST(HealthMappingTest, AnIdvaServiceIsChosenByWhereThePatientLives) {
  agent::testing::ExpectRoutedByArea(Patient(), "health", MapPatient);
}

}  // namespace
}  // namespace accord::health::mapping_test
