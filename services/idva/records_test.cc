// Goal: no field of a request of an Idva service is lost on the way to its recipients. Method: requests by chance, mapped and made again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <tuple>

#include "common/agent/testing_records.h"
#include "services/idva/mapping.h"
#include "services/idva/testing_answers.h"

namespace accord::idva::records_test {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::Find;
using testing::Ric;

// What these mappings ask of a record beyond what any does.
class Records : public agent::testing::RecordMaker {
 public:
  explicit Records(uint64_t seed);
};
Records::Records(uint64_t seed) : RecordMaker(seed) {
  RecordMaker& maker = *this;
  maker.Text("works_at_agency", [](auto& m) { return fmt::format("victim:agency-{}", m.Below(9)); });
  maker.Text("latest_incident_at", [](auto& m) { return m.Day(2001, 2025); });
  maker.Text("last_marac_referral_on", [](auto& m) { return m.Day(2001, 2025); });
  maker.Text("instrument_code", [](auto& m) { return fmt::format("own-{}", m.Below(9)); });
  maker.Text("ContactAttempt.at", [](auto&) { return std::string("2026-03"); });
  maker.After("ContactAttempt", [](google::protobuf::Message& message) {
    auto& attempt = static_cast<ContactAttempt&>(message);
    attempt.set_at("2026-03");
    if (attempt.route().empty()) attempt.set_route("telephone");
    if (attempt.outcome() == CONTACT_OUTCOME_UNSPECIFIED) attempt.set_outcome(CONTACT_OUTCOME_NOT_SAFE);
  });
  maker.After("Assessment", [](google::protobuf::Message& message) {
    auto& assessment = static_cast<v1::Assessment&>(message);
    if (assessment.instrument() != INSTRUMENT_OTHER) assessment.clear_instrument_code();
    if (assessment.instrument() == INSTRUMENT_OTHER && assessment.instrument_code().empty()) assessment.set_instrument_code("own");
    if (assessment.assessor().empty()) assessment.set_assessor("w-2");
  });
}
v1::Assessment AssessmentIn(const RiskAssessment& risk) {
  v1::Assessment assessment;
  assessment.set_instrument(risk.risk().instrument());
  assessment.set_instrument_code(risk.risk().instrument_code());
  assessment.set_instrument_version(risk.risk().instrument_version());
  *assessment.mutable_answers() = risk.answers();
  assessment.set_assessor(risk.assessor());
  assessment.set_assessed_at_ms(risk.assessed_at_ms());
  assessment.set_rationale(risk.rationale());
  return assessment;
}
template <typename Request>
void FurtherIn(const RiskAssessment& risk, Request& request) {
  for (const RiskAssessment& further : risk.further()) *request.add_further_assessments() = AssessmentIn(further);
}
// What all requests with a client's circumstances share.
template <typename Request>
void CircumstancesIn(const agent::Draft& draft, Request& request) {
  std::tie(*request.mutable_client(), *request.mutable_case_reference()) = agent::testing::VictimAndReferenceIn(draft);
  if (const auto* section = Find(draft, CATEGORY_ALLEGED_PERPETRATOR)) *request.mutable_alleged_perpetrators() = section->alleged_perpetrators().alleged_perpetrators();
  if (const auto* section = Find(draft, CATEGORY_CHILDREN)) *request.mutable_children() = section->children().children();
  if (const auto* section = Find(draft, CATEGORY_SAFE_CONTACT)) *request.mutable_safe_contact() = section->safe_contact();
  if (const auto* section = Find(draft, CATEGORY_HOUSING)) *request.mutable_housing() = section->housing();
  if (const auto* section = Find(draft, CATEGORY_ORDERS_AND_BAIL)) *request.mutable_orders() = section->orders_and_bail().orders();
  if (const auto* section = Find(draft, CATEGORY_RISK)) request.set_risk_grade(section->risk().risk().grade());
  request.set_client_voice(agent::testing::TextIn(draft, CATEGORY_VOICE));
  request.set_safety_plan(agent::testing::TextIn(draft, CATEGORY_SAFETY_PLAN));
  request.set_immigration_status(agent::testing::TextIn(draft, CATEGORY_IMMIGRATION_STATUS));
  request.set_relationship(agent::testing::RelationshipIn(draft));
  agent::testing::NotToIn(draft, *request.mutable_do_not_disclose_to());
}
template <typename Request>
void WithoutRelationshipOfNobody(Request& request) {
  if (request.alleged_perpetrators().empty()) request.clear_relationship();
}

TEST(IdvaRecordsTest, NothingOfAMaracReferralIsLost) {
  Records maker(60);
  agent::testing::ExpectNothingIsLost<v1::ReferToMaracRequest>(
      maker, 60, MapMarac,
      [&](v1::ReferToMaracRequest& request) {
        request.set_ric_version("2015");
        const std::string said = request.ric_answers(0).source();
        *request.mutable_ric_answers() = Ric(maker.Below(25));
        request.mutable_ric_answers(5)->set_source(said);
        request.set_risk_grade(RISK_GRADE_HIGH);
        request.set_assessor("w-3");
        request.set_professional_judgement(maker.AnyText());
        request.mutable_criteria()->Clear();
        request.add_criteria(MARAC_CRITERION_PROFESSIONAL_JUDGEMENT);
        request.add_criteria(MARAC_CRITERION_MARAC_REPEAT);
        request.mutable_client()->mutable_dates_of_birth()->Clear();
        request.mutable_client()->add_dates_of_birth("1980-02-29");
      },
      [](const agent::Draft& draft, v1::ReferToMaracRequest& request) {
        CircumstancesIn(draft, request);
        const RiskAssessment& risk = Find(draft, CATEGORY_RISK)->risk();
        request.set_forum(draft.core.forum());
        request.set_ric_version(risk.risk().instrument_version());
        *request.mutable_ric_answers() = risk.answers();
        *request.mutable_criteria() = risk.marac_criteria();
        request.set_professional_judgement(risk.rationale());
        request.set_assessor(risk.assessor());
        request.set_assessed_at_ms(risk.assessed_at_ms());
        FurtherIn(risk, request);
        request.set_latest_incident(Find(draft, CATEGORY_INCIDENT)->incident().summary());
        request.set_latest_incident_at(Find(draft, CATEGORY_INCIDENT)->incident().happened_text());
        request.set_works_at_agency(agent::testing::WorksAtIn(draft));
      });
}

TEST(IdvaRecordsTest, NothingOfAClientsReferralIsLost) {
  Records maker(61);
  agent::testing::ExpectNothingIsLost<v1::ReferClientRequest>(
      maker, 60, MapClient,
      [](v1::ReferClientRequest& request) {
        WithoutRelationshipOfNobody(request);
        if (request.has_assessment() && request.risk_grade() == RISK_GRADE_UNSPECIFIED) request.set_risk_grade(RISK_GRADE_MEDIUM);
        if (request.assessment().instrument() == INSTRUMENT_PROFESSIONAL_JUDGEMENT) request.mutable_assessment()->set_instrument(INSTRUMENT_DARA);
      },
      [](const agent::Draft& draft, v1::ReferClientRequest& request) {
        CircumstancesIn(draft, request);
        request.set_summary(agent::testing::TextIn(draft, CATEGORY_NARRATIVE));
        const auto* risk = Find(draft, CATEGORY_RISK);
        const bool assessed = risk != nullptr && risk->risk().risk().instrument() != INSTRUMENT_PROFESSIONAL_JUDGEMENT;
        if (assessed) *request.mutable_assessment() = AssessmentIn(risk->risk());
      });
}

TEST(IdvaRecordsTest, NothingOfAHandoverIsLost) {
  Records maker(62);
  agent::testing::ExpectNothingIsLost<v1::HandOverClientRequest>(
      maker, 60, MapHandover,
      [](v1::HandOverClientRequest& request) {
        WithoutRelationshipOfNobody(request);
        if (request.from_forum().empty()) request.clear_marac_actions();
        if (request.assessment().instrument() == INSTRUMENT_PROFESSIONAL_JUDGEMENT) request.mutable_assessment()->set_instrument(INSTRUMENT_DARA);
      },
      [](const agent::Draft& draft, v1::HandOverClientRequest& request) {
        CircumstancesIn(draft, request);
        const RiskAssessment& risk = Find(draft, CATEGORY_RISK)->risk();
        if (risk.risk().instrument() != INSTRUMENT_PROFESSIONAL_JUDGEMENT) *request.mutable_assessment() = AssessmentIn(risk);
        *request.mutable_criteria() = risk.marac_criteria();
        FurtherIn(risk, request);
        request.set_summary(agent::testing::TextIn(draft, CATEGORY_NARRATIVE));
        request.set_from_forum(testing::HistoryBehind(draft, "Transferred by the Marac of: "));
        request.set_marac_actions(testing::HistoryBehind(draft, "Marac actions: "));
        request.set_last_marac_referral_on(testing::HistoryBehind(draft, "Last referred to a Marac on: "));
        request.set_works_at_agency(agent::testing::WorksAtIn(draft));
      });
}

TEST(IdvaRecordsTest, NothingOfAttemptsIsLost) {
  Records maker(63);
  agent::testing::ExpectNothingIsLost<v1::RecordContactAttemptsRequest>(
      maker, 60, MapContactAttempts, [](v1::RecordContactAttemptsRequest&) {},
      [](const agent::Draft& draft, v1::RecordContactAttemptsRequest& request) {
        std::tie(*request.mutable_client(), *request.mutable_case_reference()) = agent::testing::VictimAndReferenceIn(draft);
        *request.mutable_attempts() = Find(draft, CATEGORY_SAFE_CONTACT)->safe_contact().attempts();
        request.set_summary(agent::testing::TextIn(draft, CATEGORY_OUTCOME));
        agent::testing::NotToIn(draft, *request.mutable_do_not_disclose_to());
      });
}

}  // namespace
}  // namespace accord::idva::records_test
