#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "services/police/mapping.h"

namespace accord::police {
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

TEST(PoliceMappingTest, EverySampleOfThisServiceMaps) {
  const auto drafts = agent::testing::MapSamples<v1::ReportIncidentRequest>("police", "ReportIncident", MapIncident);
  EXPECT_GE(drafts.size(), 8u);
  ASSERT_TRUE(drafts.contains("16-police-victim-of-fifteen.json"));
  EXPECT_EQ(drafts.at("16-police-victim-of-fifteen.json").core.purpose(), PURPOSE_SAFEGUARDING_CHILD);
  EXPECT_TRUE(drafts.at("15-police-immediate-danger.json").options.immediate());
  EXPECT_EQ(drafts.at("13-police-works-at-agency.json").subjects[1].part.works_at(), "housing");
}

}  // namespace
}  // namespace accord::police
