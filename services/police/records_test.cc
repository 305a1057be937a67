// That a mapping loses nothing: what a force recorded is in the draft's sections and header, and makes the same record again.
#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "common/agent/testing_records.h"
#include "services/police/mapping.h"

namespace accord::police::records_test {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::ExpectNothingIsLost;
using agent::testing::Find;
using agent::testing::NotToIn;
using agent::testing::RecordMaker;
using agent::testing::RelationshipIn;
using agent::testing::TextIn;
using agent::testing::VictimAndReferenceIn;
using agent::testing::WorksAtIn;

// Back from a draft: what recipients and the header have of each field.
template <typename Request>
void EventBack(const agent::Draft& draft, Request& request) {
  const type::v1::Incident& incident = Find(draft, CATEGORY_INCIDENT)->incident();
  request.set_force(incident.references(0).owner());
  request.set_reference(incident.references(0).reference());
  request.set_is_crime(incident.references(0).type() == "crime");
  for (int i = 1; i < incident.references_size(); ++i) *request.add_further_references() = incident.references(i);
  request.set_happened(incident.happened_text());
  request.set_reported(incident.reported());
  request.set_place(incident.place());
}
template <typename Request>
void ChildrenBack(const agent::Draft& draft, Request& request) {
  const SectionContent* section = Find(draft, CATEGORY_CHILDREN);
  for (int i = 0; section != nullptr && i < section->children().children_size(); ++i) {
    auto& row = *request.add_children();
    if constexpr (requires { row.child(); }) {
      *row.mutable_child() = section->children().children(i);
      row.set_usually_resident(row.child().usually_resident());
      row.mutable_child()->clear_usually_resident();
    } else {
      row = section->children().children(i);
    }
  }
}
template <typename Request>
void PeopleBack(const agent::Draft& draft, Request& request) {
  if (const auto* section = Find(draft, CATEGORY_ALLEGED_PERPETRATOR)) {
    *request.mutable_alleged_perpetrators() = section->alleged_perpetrators().alleged_perpetrators();
  }
  request.set_relationship(RelationshipIn(draft));
  ChildrenBack(draft, request);
  if constexpr (requires { request.safe_contact(); }) {
    if (const auto* section = Find(draft, CATEGORY_SAFE_CONTACT)) *request.mutable_safe_contact() = section->safe_contact();
  }
  if constexpr (requires { request.works_at_agency(); }) request.set_works_at_agency(WorksAtIn(draft));
  NotToIn(draft, *request.mutable_do_not_disclose_to());
}
Person PersonIn(const agent::Draft& draft) { return Find(draft, CATEGORY_IDENTITY)->identity().victim(); }

// What the mappings ask of these records.
class Maker : public RecordMaker {
 public:
  explicit Maker(uint64_t seed) : RecordMaker(seed) {
    const auto one_line = [](RecordMaker& m) { return "DV " + std::to_string(m.Below(1000)) + "/Zoë"; };
    Text("force", [](RecordMaker& m) { return fmt::format("{:02}", m.Below(100)); });
    for (const char* name : {"happened", "disclosed"}) Text(name, [](RecordMaker& m) { return m.Day(2010, 2019) + (m.Below(2) == 0 ? "" : "T23:30:00Z"); });
    Text("reported", [](RecordMaker& m) { return m.Day(2021, 2025).substr(0, 7); });
    Text("supervisor", [](RecordMaker& m) { return fmt::format("sgt-{}", m.Below(100)); });  // Nobody supervises themselves.
    Text("before_school_day", [](RecordMaker& m) { return m.Day(2026, 2027); });
    Text("RequestDisclosureChecksRequest.reference", one_line).Text("RecordDisclosureRequest.reference", one_line);
    After("IncidentChild", [](google::protobuf::Message& message) {  // It is said in one place.
      static_cast<v1::IncidentChild&>(message).mutable_child()->clear_usually_resident();
      if (static_cast<v1::IncidentChild&>(message).child().ByteSizeLong() == 0) static_cast<v1::IncidentChild&>(message).mutable_child()->set_voice("…");
    });
    After("Evidence", [](google::protobuf::Message& message) {
      auto& evidence = static_cast<Evidence&>(message);
      if (evidence.kind() == EVIDENCE_KIND_UNSPECIFIED) evidence.set_kind(EVIDENCE_KIND_BODY_WORN_VIDEO);
      if (evidence.kind() == EVIDENCE_KIND_OTHER && evidence.note().empty()) evidence.set_note("…");
    });
    After("EventReference", [](google::protobuf::Message& message) {
      auto& reference = static_cast<EventReference&>(message);
      if (reference.owner().empty()) reference.set_owner("98");
      if (reference.reference().empty()) reference.set_reference("C/1");
      if (reference.type().empty()) reference.set_type("crime");
    });
  }
};

template <typename Request>
void TidyPeople(Request& request) {
  if (request.alleged_perpetrators().empty()) request.clear_relationship();
  if constexpr (requires { request.works_at_agency(); }) {
    if (!request.works_at_agency().empty()) request.set_works_at_agency(request.alleged_perpetrators().empty() ? "victim:health" : "perpetrator:housing");
  }
}

TEST(PoliceRecordsTest, NothingOfAnIncidentIsLost) {
  Maker maker(1);
  ExpectNothingIsLost<v1::ReportIncidentRequest>(
      maker, 300, MapIncident,
      [](v1::ReportIncidentRequest& request) {
        TidyPeople(request);
        request.set_instrument(request.is_crime() ? INSTRUMENT_DARA : INSTRUMENT_POLICE_DASH_2009);
        if (request.supervisor().empty()) request.clear_supervised_at_ms(), request.clear_grade_before_supervision();
        if (request.grade_before_supervision() == request.risk_grade()) request.clear_grade_before_supervision();
        if (request.arrest_made() == ARREST_ARRESTED) request.clear_no_arrest_reason();
        if (request.arrest_made() == ARREST_NOT_ARRESTED) request.set_no_arrest_reason("Not found.");
      },
      [](const agent::Draft& draft, v1::ReportIncidentRequest& request) {
        EventBack(draft, request);
        PeopleBack(draft, request);
        *request.mutable_victim() = PersonIn(draft);
        const type::v1::Incident& incident = Find(draft, CATEGORY_INCIDENT)->incident();
        request.set_summary(incident.summary());
        request.set_arrest(incident.arrest());
        request.set_warnings(incident.warnings());
        request.set_arrest_made(incident.arrest_made());
        request.set_no_arrest_reason(incident.no_arrest_reason());
        request.set_positive_action(incident.positive_action());
        *request.mutable_evidence() = incident.evidence();
        request.set_repeat_victim(incident.repeat_victim());
        *request.mutable_weapons() = incident.weapons();
        request.set_risk_to_professionals(incident.risk_to_professionals());
        *request.mutable_behaviours() = incident.behaviours();
        const RiskAssessment& risk = Find(draft, CATEGORY_RISK)->risk();
        request.set_risk_grade(risk.risk().grade());
        request.set_instrument(risk.risk().instrument());
        request.set_instrument_version(risk.risk().instrument_version());
        request.set_risk_rationale(risk.rationale());
        *request.mutable_answers() = risk.answers();
        request.set_assessed_at_ms(risk.assessed_at_ms());
        request.set_supervisor(risk.supervisor());
        request.set_supervised_at_ms(risk.supervised_at_ms());
        request.set_grade_before_supervision(risk.grade_before_supervision());
        if (const auto* orders = Find(draft, CATEGORY_ORDERS_AND_BAIL)) *request.mutable_orders() = orders->orders_and_bail().orders();
        request.set_victim_voice(TextIn(draft, CATEGORY_VOICE));
        request.set_immigration_status(TextIn(draft, CATEGORY_IMMIGRATION_STATUS));
      });
}

TEST(PoliceRecordsTest, NothingOfAChildNoticeIsLost) {
  Maker maker(2);
  ExpectNothingIsLost<v1::SendChildNoticeRequest>(
      maker, 300, MapChildNotice,
      [](v1::SendChildNoticeRequest& request) {
        TidyPeople(request);
        request.set_instrument(request.risk_grade() == RISK_GRADE_UNSPECIFIED ? INSTRUMENT_UNSPECIFIED : request.is_crime() ? INSTRUMENT_DARA : INSTRUMENT_UNSPECIFIED);
      },
      [](const agent::Draft& draft, v1::SendChildNoticeRequest& request) {
        EventBack(draft, request);
        PeopleBack(draft, request);
        *request.mutable_victim() = PersonIn(draft);
        request.set_circumstances(Find(draft, CATEGORY_INCIDENT)->incident().summary());
        if (const auto* risk = Find(draft, CATEGORY_RISK)) {
          request.set_risk_grade(risk->risk().risk().grade());
          const Instrument instrument = risk->risk().risk().instrument();
          request.set_instrument(instrument == INSTRUMENT_PROFESSIONAL_JUDGEMENT ? INSTRUMENT_UNSPECIFIED : instrument);
        }
        const std::string text = TextIn(draft, CATEGORY_NARRATIVE);
        if (!text.empty()) request.set_before_school_day(text.substr(text.size() - 11, 10));
      });
}

// The lines of what is said under the disclosure scheme: of `label`, to the end of its line, or of the text for the last.
std::string Line(const std::string& text, const std::string& label, bool last = false) {
  const size_t at = text.find(label);
  if (at == std::string::npos) return "";
  const size_t from = at + label.size();
  return text.substr(from, last ? std::string::npos : text.find('\n', from) - from);
}
template <typename Request>
void SchemeBack(const agent::Draft& draft, Request& request) {
  const std::string text = TextIn(draft, CATEGORY_NARRATIVE);
  request.set_route(Line(text, "Scheme: ") == "right to ask" ? v1::DISCLOSURE_ROUTE_RIGHT_TO_ASK : v1::DISCLOSURE_ROUTE_RIGHT_TO_KNOW);
  const std::string reference = Line(text, "\nReference: ");
  request.set_force(reference.substr(0, 2));
  request.set_reference(reference.substr(3));
  *request.mutable_person_at_risk() = PersonIn(draft);
  if (const auto* risk = Find(draft, CATEGORY_RISK)) request.set_risk_grade(risk->risk().risk().grade());
  PeopleBack(draft, request);
}

TEST(PoliceRecordsTest, NothingUnderTheDisclosureSchemeIsLost) {
  Maker maker(3);
  ExpectNothingIsLost<v1::RequestDisclosureChecksRequest>(
      maker, 200, MapDisclosureChecks,
      [](v1::RequestDisclosureChecksRequest& request) {
        const bool asked = request.route() == v1::DISCLOSURE_ROUTE_RIGHT_TO_ASK;
        request.set_applicant(!asked ? "" : request.applicant().empty() ? "Her sister\nZoë" : request.applicant());
      },
      [](const agent::Draft& draft, v1::RequestDisclosureChecksRequest& request) {
        SchemeBack(draft, request);
        request.set_applicant(Line(TextIn(draft, CATEGORY_NARRATIVE), "\nApplicant: ", true));
        request.set_question(TextIn(draft, CATEGORY_NARRATIVE, 1));
      });
  ExpectNothingIsLost<v1::RecordDisclosureRequest>(
      maker, 200, MapDisclosure,
      [](v1::RecordDisclosureRequest& request) {
        const bool disclosed = request.outcome() == v1::DISCLOSURE_OUTCOME_DISCLOSED;
        request.set_disclosed(disclosed ? "2026-03" : "");
        request.set_told(!disclosed ? "" : request.told().empty() ? "The person\nat risk" : request.told());
      },
      [](const agent::Draft& draft, v1::RecordDisclosureRequest& request) {
        SchemeBack(draft, request);
        const std::string text = TextIn(draft, CATEGORY_NARRATIVE);
        const std::string outcome = Line(text, "\nOutcome: ");
        request.set_outcome(outcome == "a disclosure was made"             ? v1::DISCLOSURE_OUTCOME_DISCLOSED
                            : outcome == "there was nothing to disclose"   ? v1::DISCLOSURE_OUTCOME_NOTHING_TO_DISCLOSE
                            : outcome.starts_with("disclosing was not") ? v1::DISCLOSURE_OUTCOME_NOT_NECESSARY
                                                                        : v1::DISCLOSURE_OUTCOME_NOT_TOLD);
        request.set_disclosed(Line(text, "\nWhen: "));
        request.set_told(Line(text, "\nTold: ", true));
        request.set_note(TextIn(draft, CATEGORY_NARRATIVE, 1));
        request.set_safety_plan(TextIn(draft, CATEGORY_SAFETY_PLAN));
        request.set_voice(TextIn(draft, CATEGORY_VOICE));
      });
}

TEST(PoliceRecordsTest, NothingOfAVictimInformationRequestIsLost) {
  Maker maker(4);
  ExpectNothingIsLost<v1::RequestVictimInformationRequest>(
      maker, 200, MapVictimInformation, [](v1::RequestVictimInformationRequest&) {},
      [](const agent::Draft& draft, v1::RequestVictimInformationRequest& request) {
        const EventReference& crime = Find(draft, CATEGORY_INCIDENT)->incident().references(0);
        const VictimInformationRequest& law = draft.core.victim_information_request();
        request.set_force(crime.owner());
        request.set_reference(crime.reference());
        *request.mutable_victim() = PersonIn(draft);
        *request.mutable_sought() = law.sought();
        request.set_statement(TextIn(draft, CATEGORY_NARRATIVE));
        request.set_reasonable_line_of_enquiry(law.reasonable_line_of_enquiry());
        request.set_necessary_and_proportionate(law.necessary_and_proportionate());
        request.set_notice(law.notice());
        request.set_presumption_rebutted(law.presumption_rebutted());
      });
}

TEST(PoliceRecordsTest, NothingOfAHousingReferralIsLost) {
  Maker maker(5);
  ExpectNothingIsLost<v1::ReferForHousingRequest>(
      maker, 300, MapHousing,
      [](v1::ReferForHousingRequest& request) {
        TidyPeople(request);
        request.mutable_housing()->set_priority_need(true);
      },
      [](const agent::Draft& draft, v1::ReferForHousingRequest& request) {
        PeopleBack(draft, request);
        const auto [victim, reference] = VictimAndReferenceIn(draft);
        *request.mutable_victim() = victim;
        request.set_force(reference.substr(0, 2));
        request.set_reference(reference.substr(3));
        *request.mutable_housing() = Find(draft, CATEGORY_HOUSING)->housing();
        if (const auto* risk = Find(draft, CATEGORY_RISK)) request.set_risk_grade(risk->risk().risk().grade());
        request.set_victim_voice(TextIn(draft, CATEGORY_VOICE));
      });
}

}  // namespace
}  // namespace accord::police::records_test
