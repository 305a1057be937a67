#include "services/police/mapping.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/base/working_days.h"
#include "common/referral/header.h"
#include "common/referral/partial_date.h"

namespace accord::police {
namespace {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.
using agent::Draft;
using agent::DraftBuilder;
using agent::MappingContext;

constexpr size_t kDayChars = 10;                // YYYY-MM-DD.

bool IsForceCode(std::string_view code) {
  return code.size() == 2 && absl::ascii_isdigit(code[0]) && absl::ascii_isdigit(code[1]);
}

void CheckForce(std::string_view force, DraftBuilder& draft) { draft.RequireValid(IsForceCode(force), "force", "is not two digits").Owner(force, "force"); }

std::string_view TypeOf(bool is_crime) { return is_crime ? "crime" : "incident"; }

google::protobuf::RepeatedPtrField<Child> ChildrenOf(const google::protobuf::RepeatedPtrField<v1::IncidentChild>& rows) {
  google::protobuf::RepeatedPtrField<Child> children;
  for (const v1::IncidentChild& row : rows) {
    Child& child = *children.Add();
    child = row.child();
    if (row.usually_resident()) child.set_usually_resident(true);
  }
  return children;
}

void CheckReferences(const google::protobuf::RepeatedPtrField<EventReference>& references, DraftBuilder& draft) {
  draft.RequireValid(references.size() <= kFurtherReferencesMax, "further_references", fmt::format("are more than {}", kFurtherReferencesMax));
  for (int i = 0; i < references.size(); ++i) {
    const std::string field = fmt::format("further_references[{}]", i);
    draft.Owner(references[i].owner(), field + ".owner")
        .RequirePresent(!references[i].owner().empty(), field + ".owner", "does not say whose it is")
        .RequirePresent(!references[i].reference().empty(), field + ".reference", "says nothing")
        .RequirePresent(!references[i].type().empty(), field + ".type", "does not say of what it is");
  }
}

// What an incident and a child notice say of an event in the same words. A reference is unique only in its force and type (domain.md §5).
template <typename Request>
Incident EventOf(const Request& request) {
  Incident incident;
  incident.set_reference(fmt::format("{} {} ({})", request.force(), request.reference(), TypeOf(request.is_crime())));
  EventReference& first = *incident.add_references();
  first.set_owner(request.force());
  first.set_reference(request.reference());
  first.set_type(std::string(TypeOf(request.is_crime())));
  incident.mutable_references()->MergeFrom(request.further_references());
  incident.set_place(request.place());
  incident.set_happened_text(request.happened());
  incident.set_reported(request.reported());
  return incident;
}

// An incident and its child notice, and another agency's report that quotes the reference, are of one event and are counted once.
template <typename Request>
absl::StatusOr<Draft> WithEvent(const Request& request, absl::StatusOr<Draft> draft) {
  if (!draft.ok() || !draft->options.event_reference().empty()) return draft;
  std::string event = fmt::format("{}/{}/{}", request.force(), TypeOf(request.is_crime()), request.reference());
  if (event.size() > agent::kEventReferenceBytesMax) {
    draft->warnings.emplace_back("The reference is too long to know the event by: several reports of it may be counted as several events.");
  } else {
    draft->options.set_event_reference(std::move(event));
  }
  return draft;
}

Incident IncidentOf(const v1::ReportIncidentRequest& request) {
  Incident incident = EventOf(request);
  incident.set_summary(request.summary());
  incident.set_arrest(request.arrest());
  incident.set_warnings(request.warnings());
  incident.set_arrest_made(request.arrest_made());
  incident.set_no_arrest_reason(request.no_arrest_reason());
  incident.set_positive_action(request.positive_action());
  *incident.mutable_evidence() = request.evidence();
  incident.set_repeat_victim(request.repeat_victim());
  *incident.mutable_weapons() = request.weapons();
  incident.set_risk_to_professionals(request.risk_to_professionals());
  *incident.mutable_behaviours() = request.behaviours();
  return incident;
}

RiskAssessment RiskOf(const v1::ReportIncidentRequest& request) {
  RiskAssessment assessment;
  type::v1::Risk& risk = *assessment.mutable_risk();
  risk.set_grade(request.risk_grade());
  risk.set_instrument(request.instrument());
  risk.set_instrument_version(request.instrument_version());
  risk.set_assessed_at_ms(request.assessed_at_ms());
  assessment.set_assessed_at_ms(request.assessed_at_ms());
  *assessment.mutable_answers() = request.answers();
  assessment.set_rationale(request.risk_rationale());
  assessment.set_supervisor(request.supervisor());
  assessment.set_supervised_at_ms(request.supervised_at_ms());
  assessment.set_grade_before_supervision(request.grade_before_supervision());
  return assessment;
}

void CheckSupervision(const v1::ReportIncidentRequest& request, DraftBuilder& draft) {
  const std::string& supervisor = request.supervisor();
  const auto& worker = request.options().worker();
  const RiskGrade before = request.grade_before_supervision();
  draft.RequireValid(request.assessed_at_ms() >= 0, "assessed_at_ms", "is before 1970")
      .RequireValid(request.supervised_at_ms() >= 0, "supervised_at_ms", "is before 1970")
      .RequireValid(supervisor.size() <= referral::kPseudonymBytesMax, "supervisor", fmt::format("is longer than {} characters", referral::kPseudonymBytesMax))
      .RequirePresent(!supervisor.empty() || (request.supervised_at_ms() == 0 && before == RISK_GRADE_UNSPECIFIED), "supervisor",
                      "is not named, and what they did is said")
      .RequireValid(supervisor.empty() || supervisor != worker.pseudonym() || worker.role() == WORKER_ROLE_SUPERVISOR, "supervisor",
                    "is the officer who graded")
      .RequireValid(before == RISK_GRADE_UNSPECIFIED || before != request.risk_grade(), "grade_before_supervision", "is the grade as it stands");
  if (before > request.risk_grade()) draft.Warn("The supervisor lowered the officer's grade: the rationale is to say what that rests on.");
  if (request.repeat_victim() && request.risk_grade() == RISK_GRADE_STANDARD && supervisor.empty()) {
    draft.Warn("A repeat victim is graded STANDARD, and no supervisor has looked at it yet.");
  }
  if (request.risk_rationale().empty()) draft.Warn("The grade has no rationale: say what it rests on.");
}

// That a lower grade was agreed is said once: by the supervisor of the assessment, where the options name nobody else.
void NameSupervisor(const v1::ReportIncidentRequest& request, DraftBuilder& draft) {
  const bool changed = request.options().risk_change_reason() != RISK_CHANGE_REASON_UNSPECIFIED;
  if (changed && request.options().risk_supervisor().empty()) draft.core().mutable_risk()->set_supervisor(request.supervisor());
}

void CheckAction(const v1::ReportIncidentRequest& request, DraftBuilder& draft) {
  const bool none = request.arrest_made() == ARREST_NOT_ARRESTED;
  draft.RequirePresent(!none || !request.no_arrest_reason().empty(), "no_arrest_reason", "is not said, and nobody was arrested")
      .RequireValid(request.no_arrest_reason().empty() || request.arrest_made() != ARREST_ARRESTED, "no_arrest_reason", "is said, and somebody was arrested");
  if (request.is_crime() && request.arrest_made() == ARREST_UNSPECIFIED && request.arrest().empty() && request.no_arrest_reason().empty()) {
    draft.Warn("Neither an arrest nor the reason for none is recorded.");
  }
  for (int i = 0; i < request.evidence_size(); ++i) {
    const Evidence& evidence = request.evidence(i);
    const std::string field = fmt::format("evidence[{}]", i);
    draft.RequirePresent(evidence.kind() != EVIDENCE_KIND_UNSPECIFIED, field + ".kind", "does not say what it is")
        .RequirePresent(evidence.kind() != EVIDENCE_KIND_OTHER || !evidence.note().empty(), field + ".note", "does not say what it is");
  }
}

// Are all that are configured of `kind` among those who are named?
bool AreNamed(AgencyKind kind, const agency::v1::PushOptions& options, const MappingContext& context) {
  const auto agencies = context.routing(kind);
  return std::all_of(agencies.begin(), agencies.end(), [&](const std::string& agency) {
    return std::find(options.recipients().begin(), options.recipients().end(), agency) != options.recipients().end();
  });
}

void AdviseChildNotice(const v1::ReportIncidentRequest& request, const MappingContext& context, DraftBuilder& draft) {
  const bool there = std::any_of(request.children().begin(), request.children().end(), [](const v1::IncidentChild& row) {
    return row.usually_resident() || row.child().usually_resident() || row.child().present();
  });
  const bool told = AreNamed(AGENCY_KIND_HEALTH, request.options(), context) && AreNamed(AGENCY_KIND_EDUCATION, request.options(), context);
  if (there && !told) draft.Warn("Children were present or live there: push SendChildNotice too, which goes to health and school.");
}

// The broker keeps recipients to the next school day by the area's term dates (docs/clocks.md), which services do not have: what is said
// here, to recipients in words and to whoever pushes, is by the force's.
void CheckSchoolDay(const v1::SendChildNoticeRequest& request, const MappingContext& context, DraftBuilder& draft) {
  const bool born = std::any_of(request.children().begin(), request.children().end(),
                                [](const v1::IncidentChild& row) { return row.child().expected_on().empty(); });
  const size_t schools = context.routing(AGENCY_KIND_EDUCATION).size();
  if (schools == 0 && born) {
    draft.Warn("No school is configured here: tell each child's school by your own route before the next school day.");
  } else if (schools > 1 && request.options().recipients().empty()) {
    draft.Warn(fmt::format("It goes to all {} education agencies that are configured here: name whom to tell where that is not each child's.", schools));
  }
  const std::string& text = request.before_school_day();
  if (text.empty()) {
    if (born) draft.Warn("The next school day is not said: recipients cannot tell by when a school is to know.");
    return;
  }
  const auto day = referral::ParsePartialDate(text, "before_school_day");
  if (!day.ok()) {
    draft.Require(day.status());
    return;
  }
  draft.RequireValid(text.size() == kDayChars, "before_school_day", "must be a day, YYYY-MM-DD");
  if (LondonDay(absl::FromUnixMillis(day->earliest_ms())) <= LondonDay(context.now)) {
    draft.Warn("The school day has come: telephone each child's school now, and record that (RecordSentOutside).");
  }
}

// The gateway is that of the call: nobody need say it, and no other will do.
void CheckGateway(Gateway said, Gateway own, DraftBuilder& draft) {
  draft.RequireValid(said == GATEWAY_UNSPECIFIED || said == own, "options.basis.gateway", fmt::format("is not {}, on which this call rests", Gateway_Name(own)));
}
absl::StatusOr<Draft> WithGateway(Gateway own, absl::StatusOr<Draft> draft) {
  if (draft.ok()) draft->options.mutable_basis()->set_gateway(own);
  return draft;
}

std::string_view Words(v1::DisclosureRoute route) {
  return route == v1::DISCLOSURE_ROUTE_RIGHT_TO_ASK ? "right to ask" : "right to know";
}
std::string_view Words(v1::DisclosureOutcome outcome) {
  switch (outcome) {
    case v1::DISCLOSURE_OUTCOME_DISCLOSED: return "a disclosure was made";
    case v1::DISCLOSURE_OUTCOME_NOTHING_TO_DISCLOSE: return "there was nothing to disclose";
    case v1::DISCLOSURE_OUTCOME_NOT_NECESSARY: return "disclosing was not lawful, necessary and proportionate";
    default: return "it was decided to disclose, and the person was not told";
  }
}

// The first lines of what is said under the scheme.
template <typename Request>
std::string SchemeLines(const Request& request) {
  return fmt::format("Domestic Violence Disclosure Scheme: {}\nReference: {} {}", Words(request.route()), request.force(), request.reference());
}
void CheckScheme(std::string_view force, std::string_view reference, Gateway gateway, DraftBuilder& draft) {
  CheckForce(force, draft);
  draft.RequireValid(reference.find('\n') == std::string_view::npos, "reference", "is more than one line");
  CheckGateway(gateway, GATEWAY_DVDS, draft);
}

std::string DisclosureText(const v1::RecordDisclosureRequest& request) {
  std::string text = fmt::format("{}\nOutcome: {}", SchemeLines(request), Words(request.outcome()));
  if (request.outcome() == v1::DISCLOSURE_OUTCOME_DISCLOSED) text += fmt::format("\nWhen: {}\nTold: {}", request.disclosed(), request.told());
  return text;
}

void CheckDisclosed(const v1::RecordDisclosureRequest& request, const MappingContext& context, DraftBuilder& draft) {
  const bool disclosed = request.outcome() == v1::DISCLOSURE_OUTCOME_DISCLOSED;
  for (const auto& [field, text] : {std::pair("disclosed", &request.disclosed()), std::pair("told", &request.told())}) {
    draft.RequirePresent(!disclosed || !text->empty(), field, "is not said, and a disclosure was made")
        .RequireValid(disclosed || text->empty(), field, "is said, and no disclosure was made");
  }
  if (request.disclosed().empty()) return;
  const auto when = referral::ParsePartialDate(request.disclosed(), "disclosed");
  draft.Require(when.status());
  if (when.ok()) draft.RequireValid(absl::FromUnixMillis(when->earliest_ms()) <= context.now, "disclosed", "is still to come");
}

void AdviseOnLaw(const v1::RequestVictimInformationRequest& request, DraftBuilder& draft) {
  if (request.statement().empty()) {
    draft.Warn("It has no statement of what is sought and of the line of enquiry: nothing goes without one.");
  }
  if (!request.reasonable_line_of_enquiry() || !request.necessary_and_proportionate()) {
    draft.Warn("A victim information request needs a reasonable line of enquiry, and to be necessary and proportionate: nothing goes before both are stated.");
  }
  const bool counselling = std::find(request.sought().begin(), request.sought().end(), VICTIM_MATERIAL_COUNSELLING) != request.sought().end();
  if (counselling && !request.presumption_rebutted()) {
    draft.Warn("Counselling records are presumed not to be needed: nothing goes before the statement rebuts that.");
  }
  if (request.notice() != VICTIM_NOTICE_GIVEN) draft.Warn("The victim has no written notice of the request: the statement is to say why.");
}

}  // namespace

absl::StatusOr<Draft> MapIncident(const v1::ReportIncidentRequest& request, const MappingContext& context) {
  DraftBuilder draft("ReportIncident", request, request.options(), context);
  CheckForce(request.force(), draft);
  CheckReferences(request.further_references(), draft);
  draft.RequireValid(request.instrument() == INSTRUMENT_POLICE_DASH_2009 || request.instrument() == INSTRUMENT_DARA, "instrument",
                     "is not POLICE_DASH_2009 or DARA")
      .Happened(request.happened(), "happened")
      .Known(request.reported(), "reported")
      .Victim(request.victim(), "victim")
      .SafeContact(request.safe_contact())
      .Risk(RiskOf(request), "instrument_version")
      .Incident(IncidentOf(request))
      .Children(ChildrenOf(request.children()), ".child")
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Orders(request.orders())
      .Text(CATEGORY_VOICE, request.victim_voice())
      .Text(CATEGORY_IMMIGRATION_STATUS, request.immigration_status())
      .WorksAtAgency(request.works_at_agency())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ClientArea(request.area(), "area")
      .ByDefaultTo(AGENCY_KIND_IDVA)
      .ByDefaultToChildrensServicesIfConcerned();
  CheckSupervision(request, draft);
  NameSupervisor(request, draft);
  CheckAction(request, draft);
  AdviseChildNotice(request, context, draft);
  const Purpose purpose = draft.SafeguardingPurpose();
  return WithEvent(request, std::move(draft).Build(purpose));
}

absl::StatusOr<Draft> MapChildNotice(const v1::SendChildNoticeRequest& request, const MappingContext& context) {
  DraftBuilder draft("SendChildNotice", request, request.options(), context);
  CheckForce(request.force(), draft);
  CheckReferences(request.further_references(), draft);
  const Instrument instrument = request.instrument();
  const bool graded = request.risk_grade() != RISK_GRADE_UNSPECIFIED;
  Incident incident = EventOf(request);
  incident.set_summary(request.circumstances());
  draft.RequireValid(instrument == INSTRUMENT_UNSPECIFIED || instrument == INSTRUMENT_POLICE_DASH_2009 || instrument == INSTRUMENT_DARA, "instrument",
                     "is not POLICE_DASH_2009 or DARA")
      .RequirePresent(graded || instrument == INSTRUMENT_UNSPECIFIED, "risk_grade", "is not said, and an instrument is")
      .Happened(request.happened(), "happened")
      .Known(request.reported(), "reported")
      .Victim(request.victim(), "victim")
      .SafeContact(request.safe_contact());
  if (graded) {
    RiskAssessment assessment;
    assessment.mutable_risk()->set_grade(request.risk_grade());
    assessment.mutable_risk()->set_instrument(instrument == INSTRUMENT_UNSPECIFIED ? INSTRUMENT_PROFESSIONAL_JUDGEMENT : instrument);
    draft.Risk(std::move(assessment), "");
  }
  draft.Incident(std::move(incident))
      .Children(ChildrenOf(request.children()), ".child")
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Text(CATEGORY_NARRATIVE,
            request.before_school_day().empty() ? "" : fmt::format("To be with each child's school before it begins on {}.", request.before_school_day()))
      .WorksAtAgency(request.works_at_agency())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ByDefaultTo(AGENCY_KIND_CHILDRENS_SERVICES)
      .ByDefaultTo(AGENCY_KIND_HEALTH)
      .ByDefaultTo(AGENCY_KIND_EDUCATION);
  CheckSchoolDay(request, context, draft);
  draft.core().set_type(REFERRAL_TYPE_NOTIFICATION);
  return WithEvent(request, std::move(draft).Build(PURPOSE_SAFEGUARDING_CHILD));
}

absl::StatusOr<Draft> MapDisclosureChecks(const v1::RequestDisclosureChecksRequest& request, const MappingContext& context) {
  const auto& options = request.options();
  DraftBuilder draft("RequestDisclosureChecks", request, options, context);
  CheckScheme(request.force(), request.reference(), options.basis().gateway(), draft);
  const bool asked = request.route() == v1::DISCLOSURE_ROUTE_RIGHT_TO_ASK;
  draft.RequirePresent(!options.recipients().empty(), "options.recipients", "names nobody who is asked")
      .Checks()
      .RequirePresent(!asked || !request.applicant().empty(), "applicant", "is not said, and somebody used the right to ask")
      .RequireValid(asked || request.applicant().empty(), "applicant", "is said, and nobody used the right to ask")
      .Victim(request.person_at_risk(), "person_at_risk")
      .Grade(request.risk_grade())
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Text(CATEGORY_NARRATIVE, request.applicant().empty() ? SchemeLines(request) : fmt::format("{}\nApplicant: {}", SchemeLines(request), request.applicant()))
      .Text(CATEGORY_NARRATIVE, request.question())
      .DoNotDiscloseTo(request.do_not_disclose_to());
  if (request.risk_grade() == RISK_GRADE_UNSPECIFIED) draft.Warn("It has no grade: those who are asked have the time of STANDARD.");
  const Purpose purpose = draft.SafeguardingPurpose();
  return WithGateway(GATEWAY_DVDS, std::move(draft).Build(purpose));
}

absl::StatusOr<Draft> MapDisclosure(const v1::RecordDisclosureRequest& request, const MappingContext& context) {
  DraftBuilder draft("RecordDisclosure", request, request.options(), context);
  CheckScheme(request.force(), request.reference(), request.options().basis().gateway(), draft);
  CheckDisclosed(request, context, draft);
  draft.Victim(request.person_at_risk(), "person_at_risk")
      .SafeContact(request.safe_contact())
      .Grade(request.risk_grade())
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Text(CATEGORY_SAFETY_PLAN, request.safety_plan())
      .Text(CATEGORY_VOICE, request.voice())
      .Text(CATEGORY_NARRATIVE, DisclosureText(request))
      .Text(CATEGORY_NARRATIVE, request.note())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ClientArea(request.area(), "area")
      .ByDefaultTo(AGENCY_KIND_IDVA)
      .ByDefaultToChildrensServicesIfConcerned();
  if (request.outcome() == v1::DISCLOSURE_OUTCOME_DISCLOSED && request.safety_plan().empty()) {
    draft.Warn("A disclosure was made, and no safety plan is recorded with it.");
  }
  draft.core().set_type(REFERRAL_TYPE_NOTIFICATION);
  const Purpose purpose = draft.SafeguardingPurpose();
  return WithGateway(GATEWAY_DVDS, std::move(draft).Build(purpose));
}

absl::StatusOr<Draft> MapVictimInformation(const v1::RequestVictimInformationRequest& request, const MappingContext& context) {
  DraftBuilder draft("RequestVictimInformation", request, request.options(), context);
  CheckForce(request.force(), draft);
  CheckGateway(request.options().basis().gateway(), GATEWAY_PCSCA2022_S44A, draft);
  Incident crime;
  crime.set_reference(fmt::format("{} {} (crime)", request.force(), request.reference()));
  EventReference& reference = *crime.add_references();
  reference.set_owner(request.force());
  reference.set_reference(request.reference());
  reference.set_type("crime");
  draft.RequirePresent(!request.options().recipients().empty(), "options.recipients", "names nobody who holds the material")
      .Victim(request.victim(), "victim")
      .Incident(std::move(crime))
      .Text(CATEGORY_NARRATIVE, request.statement());
  AdviseOnLaw(request, draft);
  draft.core().set_type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
  VictimInformationRequest& law = *draft.core().mutable_victim_information_request();
  for (int i = 0; i < request.sought_size(); ++i) law.add_sought(request.sought(i));
  law.set_reasonable_line_of_enquiry(request.reasonable_line_of_enquiry());
  law.set_necessary_and_proportionate(request.necessary_and_proportionate());
  law.set_notice(request.notice());
  law.set_presumption_rebutted(request.presumption_rebutted());
  return WithGateway(GATEWAY_PCSCA2022_S44A, std::move(draft).Build(PURPOSE_VICTIM_INFORMATION_REQUEST));
}

absl::StatusOr<Draft> MapHousing(const v1::ReferForHousingRequest& request, const MappingContext& context) {
  DraftBuilder draft("ReferForHousing", request, request.options(), context);
  CheckForce(request.force(), draft);
  draft.RequirePresent(request.housing().ByteSizeLong() > 0, "housing", "says nothing of it")
      .Victim(request.victim(), "victim", fmt::format("{} {}", request.force(), request.reference()))
      .SafeContact(request.safe_contact())
      .Grade(request.risk_grade())
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Housing(request.housing())
      .Text(CATEGORY_VOICE, request.victim_voice())
      .WorksAtAgency(request.works_at_agency())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ByDefaultTo(AGENCY_KIND_HOUSING);
  if (!agent::IsConsented(request.options().basis().consent())) {
    draft.Warn("A housing referral by police is voluntary: it goes with the person's consent alone.");
  }
  const bool child = draft.victim_age_band() == AGE_BAND_UNDER_16;
  return std::move(draft).Build(child ? PURPOSE_SAFEGUARDING_CHILD : PURPOSE_HOUSING_SUPPORT);
}

}  // namespace accord::police
