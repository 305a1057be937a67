#include <gtest/gtest.h>

#include "common/agent/screening.h"
#include "common/agent/testing_mapping.h"
#include "services/health/mapping.h"

namespace accord::health {
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
  });
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

TEST(HealthMappingTest, EverySampleOfThisServiceMaps) {
  auto patients = agent::testing::MapSamples<v1::ReferPatientRequest>("health", "ReferPatient", MapPatient);
  EXPECT_GE(patients.size(), 2u);
  auto& mistyped = patients.at("08-health-bad-nhs-number.json");
  agent::Screen(mistyped);
  EXPECT_TRUE(Warns(mistyped, "wrong check character"));
  const auto notices = agent::testing::MapSamples<v1::NotifyDutyToReferRequest>("health", "NotifyDutyToRefer", MapDutyToRefer);
  EXPECT_GE(notices.size(), 2u);
  EXPECT_EQ(Find(notices.at("07-health-duty-to-refer-without-consent.json"), CATEGORY_SAFE_CONTACT), nullptr);
}

}  // namespace
}  // namespace accord::health
