// Goal: no field of a request in general words is lost on the way to its recipients. Method: requests by chance, mapped and made again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <tuple>

#include "common/agent/testing_records.h"
#include "services/agency/mapping.h"
#include "services/agency/testing_profiles.h"

namespace accord::agency::records_test {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::Find;
using refer::v1::ReferPersonRequest;

constexpr Category kWords[] = {CATEGORY_SAFETY_PLAN, CATEGORY_VOICE,   CATEGORY_NARRATIVE,   CATEGORY_IMMIGRATION_STATUS,
                               CATEGORY_RESPONSE,    CATEGORY_OUTCOME, CATEGORY_CASE_HISTORY};

// What the mapping asks of a record beyond what any does.
class Records : public agent::testing::RecordMaker {
 public:
  Records() : RecordMaker(80) {
    Text("works_at_agency", [](RecordMaker& m) { return fmt::format("victim:agency-{}", m.Below(9)); });
    Text("happened_text", [](RecordMaker& m) { return m.Day(2001, 2025); });
    Text("instrument_code", [](RecordMaker& m) { return fmt::format("own-{}", m.Below(9)); });
    Text("profile", [](RecordMaker&) { return std::string("referral"); });
    Text("forum", [](RecordMaker&) { return std::string("marac-northshire"); });
    Without("TimeRange.earliest_ms").Without("TimeRange.latest_ms");
    After("TextSection", [this](google::protobuf::Message& message) {
      static_cast<refer::v1::TextSection&>(message).set_category(kWords[Below(std::size(kWords))]);
    });
    After("RiskAssessment", [](google::protobuf::Message& message) {
      auto& assessment = static_cast<RiskAssessment&>(message);
      auto& risk = *assessment.mutable_risk();
      if (risk.grade() == RISK_GRADE_UNSPECIFIED) risk.set_grade(RISK_GRADE_MEDIUM);
      if (risk.instrument() == INSTRUMENT_UNSPECIFIED) risk.set_instrument(INSTRUMENT_DARA);
      if (risk.instrument() != INSTRUMENT_OTHER) risk.clear_instrument_code();
      if (risk.instrument() == INSTRUMENT_OTHER && risk.instrument_code().empty()) risk.set_instrument_code("own");
      if (assessment.assessor().empty()) assessment.set_assessor("w-2");
      // Of the push, not of the assessment.
      risk.set_subject(SUBJECT_ROLE_VICTIM);
      risk.clear_change_reason();
      risk.clear_supervisor();
      for (RiskAssessment& further : *assessment.mutable_further()) further.clear_further();
    });
  }
};

void MakeWhole(ReferPersonRequest& request) {
  request.set_type(REFERRAL_TYPE_NOTIFICATION);
  request.set_purpose(request.marac_criteria().empty() ? PURPOSE_SAFEGUARDING_ADULT : PURPOSE_MARAC);
  if (request.purpose() == PURPOSE_MARAC) {
    request.set_forum("marac-northshire");
  } else {
    request.clear_forum();
  }
  if (request.has_assessment()) request.clear_risk_grade();
  if (request.alleged_perpetrators().empty()) request.clear_relationship();
  if (request.has_incident()) request.mutable_incident()->clear_happened();  // Made of the text.
  if (request.incident().ByteSizeLong() == 0) request.clear_incident();
  request.mutable_person()->clear_dates_of_birth();
}

ReferPersonRequest Again(const agent::Draft& draft, ReferPersonRequest request) {
  request.set_profile("referral");
  request.set_type(draft.core.type());
  request.set_purpose(draft.core.purpose());
  request.set_forum(draft.core.forum());
  *request.mutable_marac_criteria() = draft.core.marac_criteria();
  std::tie(*request.mutable_person(), *request.mutable_record_reference()) = agent::testing::VictimAndReferenceIn(draft);
  if (const auto* s = Find(draft, CATEGORY_ALLEGED_PERPETRATOR)) *request.mutable_alleged_perpetrators() = s->alleged_perpetrators().alleged_perpetrators();
  if (const auto* s = Find(draft, CATEGORY_CHILDREN)) *request.mutable_children() = s->children().children();
  if (const auto* s = Find(draft, CATEGORY_SAFE_CONTACT)) *request.mutable_safe_contact() = s->safe_contact();
  if (const auto* s = Find(draft, CATEGORY_HEALTH)) *request.mutable_health() = s->health();
  if (const auto* s = Find(draft, CATEGORY_HOUSING)) *request.mutable_housing() = s->housing();
  if (const auto* s = Find(draft, CATEGORY_ORDERS_AND_BAIL)) *request.mutable_orders() = s->orders_and_bail().orders();
  if (const auto* s = Find(draft, CATEGORY_INCIDENT)) {
    *request.mutable_incident() = s->incident();
    request.mutable_incident()->clear_happened();
  }
  if (const auto* s = Find(draft, CATEGORY_RISK)) {
    if (s->risk().risk().instrument() == INSTRUMENT_PROFESSIONAL_JUDGEMENT && s->risk().rationale().empty() && s->risk().assessor() == "w-1") {
      request.set_risk_grade(s->risk().risk().grade());
    } else {
      *request.mutable_assessment() = s->risk();
    }
  }
  for (const agent::DraftSection& section : draft.sections) {
    if (!section.content.has_text()) continue;
    auto& text = *request.add_texts();
    text.set_category(section.category);
    text.set_text(section.content.text().text());
  }
  request.set_relationship(agent::testing::RelationshipIn(draft));
  request.set_works_at_agency(agent::testing::WorksAtIn(draft));
  agent::testing::NotToIn(draft, *request.mutable_do_not_disclose_to());
  return request;
}

TEST(AgencyRecordsTest, NothingOfAPersonIsLost) {
  Records maker;
  agent::testing::ExpectNothingIsLost<ReferPersonRequest>(
      maker, 120, [](const ReferPersonRequest& request, const agent::MappingContext& context) { return MapPerson(request, testing::Profiles(), context); },
      [](ReferPersonRequest& request) {
        MakeWhole(request);
        request.set_profile("referral");
      },
      [](const agent::Draft& draft, ReferPersonRequest& request) { request = Again(draft, request); });
}

}  // namespace
}  // namespace accord::agency::records_test
