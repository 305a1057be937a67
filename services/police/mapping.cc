#include "services/police/mapping.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

namespace accord::police {
namespace {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.

bool IsForceCode(std::string_view code) {
  return code.size() == 2 && absl::ascii_isdigit(code[0]) && absl::ascii_isdigit(code[1]);
}

google::protobuf::RepeatedPtrField<Child> ChildrenOf(const v1::ReportIncidentRequest& request) {
  google::protobuf::RepeatedPtrField<Child> children;
  for (const v1::IncidentChild& row : request.children()) {
    Child& child = *children.Add();
    child = row.child();
    // The common vocabulary has no field for it, and a reader needs it beside the child.
    if (row.usually_resident()) {
      child.set_relationship_to_victim(child.relationship_to_victim().empty()
                                           ? "usually lives in the household"
                                           : child.relationship_to_victim() + "; usually lives in the household");
    }
  }
  return children;
}

Incident IncidentOf(const v1::ReportIncidentRequest& request) {
  Incident incident;
  // A reference is unique only in its force and type (domain.md §5).
  incident.set_reference(fmt::format("{} {} ({})", request.force(), request.reference(), request.is_crime() ? "crime" : "incident"));
  incident.set_summary(request.summary());
  incident.set_place(request.place());
  incident.set_arrest(request.arrest());
  incident.set_warnings(request.warnings());
  return incident;
}

RiskAssessment RiskOf(const v1::ReportIncidentRequest& request) {
  RiskAssessment assessment;
  Risk& risk = *assessment.mutable_risk();
  risk.set_grade(request.risk_grade());
  risk.set_instrument(request.instrument());
  risk.set_instrument_version(request.instrument_version());
  *assessment.mutable_answers() = request.answers();
  assessment.set_rationale(request.risk_rationale());
  return assessment;
}

}  // namespace

absl::StatusOr<agent::Draft> MapIncident(const v1::ReportIncidentRequest& request, const agent::MappingContext& context) {
  agent::DraftBuilder draft("ReportIncident", request, request.options(), context);
  draft.RequireValid(IsForceCode(request.force()), "force", "is not two digits")
      .RequireValid(request.instrument() == INSTRUMENT_POLICE_DASH_2009 || request.instrument() == INSTRUMENT_DARA, "instrument",
                    "is not POLICE_DASH_2009 or DARA")
      .Happened(request.happened(), "happened")
      .Known(request.reported(), "reported")
      .Victim(request.victim(), "victim")
      .SafeContact(request.safe_contact())
      .Risk(RiskOf(request), "instrument_version")
      .Incident(IncidentOf(request))
      .Children(ChildrenOf(request), ".child")
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Orders(request.orders())
      .Text(CATEGORY_VOICE, request.victim_voice())
      .Text(CATEGORY_IMMIGRATION_STATUS, request.immigration_status())
      .WorksAtAgency(request.works_at_agency())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ByDefaultTo(AGENCY_KIND_IDVA)
      .ByDefaultToChildrensServicesIfConcerned();
  if (request.risk_rationale().empty()) draft.Warn("The grade has no rationale: say what it rests on.");
  const Purpose purpose = draft.SafeguardingPurpose();
  return std::move(draft).Build(purpose);
}

}  // namespace accord::police
