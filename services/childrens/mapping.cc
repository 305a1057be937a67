#include "services/childrens/mapping.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/referral/partial_date.h"

namespace accord::childrens {
namespace {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.
using agent::Draft;
using agent::DraftBuilder;
using agent::MappingContext;
using Children = google::protobuf::RepeatedPtrField<Child>;

std::string_view Words(v1::FamilyStatus status) {
  switch (status) {
    case v1::FAMILY_STATUS_CONTACT: return "a contact that is not decided yet";
    case v1::FAMILY_STATUS_EARLY_HELP: return "early help";
    case v1::FAMILY_STATUS_SECTION_17: return "section 17 assessment";
    case v1::FAMILY_STATUS_SECTION_47: return "section 47 enquiry";
    case v1::FAMILY_STATUS_CHILD_PROTECTION_PLAN: return "child protection plan";
    default: return "looked after";
  }
}

// A text of its own under `label`, so that what is said in two fields is read apart.
std::string Labelled(std::string_view label, std::string_view text) { return text.empty() ? "" : fmt::format("{}{}", label, text); }
std::string StatusText(v1::FamilyStatus status) {
  return status == v1::FAMILY_STATUS_UNSPECIFIED ? "" : Labelled("Open as: ", Words(status));
}

bool IsUnborn(const Child& child) { return !child.expected_on().empty(); }

// What is said of consent, and of the people it could be of.
struct Consent {
  const agency::v1::SharingBasis& basis;
  const Children& children;
  const google::protobuf::RepeatedPtrField<AllegedPerpetrator>& alleged_perpetrators;
  std::string given_by;  // By name.
};

template <typename Request>
Consent ConsentOf(const Request& request) {
  Consent consent{request.options().basis(), request.children(), request.alleged_perpetrators(), ""};
  if constexpr (requires { request.consent_given_by(); }) consent.given_by = request.consent_given_by();
  return consent;
}

// Is it said to be an alleged perpetrator's, by role, by the name of who holds parental responsibility, or by their own?
bool IsByAllegedPerpetrator(const Consent& consent) {
  if (consent.basis.consent_by() == SUBJECT_ROLE_ALLEGED_PERPETRATOR) return true;
  if (consent.given_by.empty()) return false;
  const auto holds = [&](const Child& child) {
    return std::any_of(child.held_by().begin(), child.held_by().end(),
                       [&](const ParentalResponsibility& row) { return row.is_alleged_perpetrator() && row.holder() == consent.given_by; });
  };
  const auto is = [&](const AllegedPerpetrator& row) {
    return consent.given_by == fmt::format("{} {}", row.person().given_names(), row.person().family_name());
  };
  return std::any_of(consent.children.begin(), consent.children.end(), holds) ||
         std::any_of(consent.alleged_perpetrators.begin(), consent.alleged_perpetrators.end(), is);
}

void AdviseOnResponsibility(const Children& children, DraftBuilder& draft) {
  const bool unknown = std::any_of(children.begin(), children.end(), [](const Child& child) {
    return !IsUnborn(child) && child.held_by().empty() && child.parental_responsibility().empty();
  });
  if (unknown) draft.Warn("Who holds parental responsibility for a child is not recorded: nobody is assumed to.");
}

void CheckConsent(const Consent& consent, DraftBuilder& draft) {
  draft.RequirePresent(consent.given_by.empty() || consent.basis.consent_by() != SUBJECT_ROLE_UNSPECIFIED, "options.basis.consent_by",
                       "is not said, and who gave consent is named");
  if (!agent::IsConsented(consent.basis.consent())) return;
  if (IsByAllegedPerpetrator(consent)) {
    draft.Warn("Consent was given by an alleged perpetrator: nothing is shared on it. Record a power or duty, the reasons and an approver.");
  } else if (consent.basis.consent_how() == CONSENT_METHOD_BY_REPRESENTATIVE && consent.given_by.empty()) {
    draft.Warn("Who consented on somebody's behalf is not recorded: it is not taken to be a parent.");
  }
}

// Consent of an alleged perpetrator counts as theirs, whatever else was said of whose it is.
absl::StatusOr<Draft> WithConsent(const Consent& consent, absl::StatusOr<Draft> draft) {
  if (draft.ok() && IsByAllegedPerpetrator(consent)) draft->options.mutable_basis()->set_consent_by(SUBJECT_ROLE_ALLEGED_PERPETRATOR);
  return draft;
}

// When it begins is an instant: a day alone brings nobody to a meeting.
void CheckMeeting(const std::string& meets_at, const MappingContext& context, DraftBuilder& draft) {
  const auto when = referral::ParsePartialDate(meets_at, "meets_at");
  draft.Require(when.status());
  if (!when.ok()) return;
  draft.RequireValid(when->earliest_ms() == when->latest_ms(), "meets_at", "must be a time, YYYY-MM-DDThh:mm:ssZ");
  if (absl::FromUnixMillis(when->latest_ms()) <= context.now) draft.Warn("The strategy discussion has begun already by this: telephone whoever is to come.");
}

}  // namespace

absl::StatusOr<Draft> MapFamily(const v1::ReferFamilyRequest& request, const MappingContext& context) {
  DraftBuilder draft("ReferFamily", request, request.options(), context);
  draft.Victim(request.victim(), "victim", request.case_reference())
      .SafeContact(request.safe_contact())
      .Grade(request.risk_grade())
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Orders(request.orders())
      .Text(CATEGORY_SAFETY_PLAN, request.safety_plan())
      .Text(CATEGORY_VOICE, request.child_voice())
      .Text(CATEGORY_NARRATIVE, request.concerns())
      .Text(CATEGORY_NARRATIVE, Labelled("Asked: ", request.request()))
      .Text(CATEGORY_NARRATIVE, StatusText(request.status()))
      .Text(CATEGORY_NARRATIVE, Labelled("Consent given by: ", request.consent_given_by()))
      .WorksAtAgency(request.works_at_agency())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ClientArea(request.area(), "area")
      .ByDefaultTo(AGENCY_KIND_IDVA)
      .ByDefaultTo(AGENCY_KIND_HEALTH);
  AdviseOnResponsibility(request.children(), draft);
  CheckConsent(ConsentOf(request), draft);
  return WithConsent(ConsentOf(request), std::move(draft).Build(PURPOSE_SAFEGUARDING_CHILD));
}

absl::StatusOr<Draft> MapPartnerChecks(const v1::RequestPartnerChecksRequest& request, const MappingContext& context) {
  const auto& options = request.options();
  DraftBuilder draft("RequestPartnerChecks", request, options, context);
  draft.Checks()
      .Victim(request.victim(), "victim", request.case_reference())
      .Grade(request.risk_grade())
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Text(CATEGORY_NARRATIVE, request.question())
      .Text(CATEGORY_NARRATIVE, StatusText(request.status()))
      .Text(CATEGORY_NARRATIVE, Labelled("Consent given by: ", request.consent_given_by()))
      .WorksAtAgency(request.works_at_agency())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ByDefaultTo(AGENCY_KIND_POLICE)
      .ByDefaultTo(AGENCY_KIND_HEALTH);
  if (request.risk_grade() == RISK_GRADE_UNSPECIFIED) draft.Warn("It has no grade: those who are asked have the time of STANDARD.");
  AdviseOnResponsibility(request.children(), draft);
  CheckConsent(ConsentOf(request), draft);
  const bool harm = request.status() == v1::FAMILY_STATUS_SECTION_47 || request.status() == v1::FAMILY_STATUS_CHILD_PROTECTION_PLAN;
  if (!harm && !agent::IsConsented(options.basis().consent()) && options.basis().rationale().empty()) {
    draft.Warn("Below significant harm partners are asked with agreement, unless asking raises the risk: say in the rationale why not here.");
  }
  return WithConsent(ConsentOf(request), std::move(draft).Build(PURPOSE_SAFEGUARDING_CHILD));
}

absl::StatusOr<Draft> MapStrategyDiscussion(const v1::CallStrategyDiscussionRequest& request, const MappingContext& context) {
  DraftBuilder draft("CallStrategyDiscussion", request, request.options(), context);
  CheckMeeting(request.meets_at(), context, draft);
  draft.Victim(request.victim(), "victim", request.case_reference())
      .Grade(request.risk_grade())
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Text(CATEGORY_VOICE, request.child_voice())
      .Text(CATEGORY_NARRATIVE, fmt::format("Strategy discussion: {}", request.meets_at()))
      .Text(CATEGORY_NARRATIVE, Labelled("Place: ", request.place()))
      .Text(CATEGORY_NARRATIVE, Labelled("Grounds: ", request.grounds()))
      .Text(CATEGORY_NARRATIVE, Labelled("Asked: ", request.request()))
      .WorksAtAgency(request.works_at_agency())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ByDefaultTo(AGENCY_KIND_POLICE)
      .ByDefaultTo(AGENCY_KIND_HEALTH);
  if (request.risk_grade() == RISK_GRADE_UNSPECIFIED) draft.Warn("It has no grade: an answer is awaited in the time of STANDARD.");
  AdviseOnResponsibility(request.children(), draft);
  CheckConsent(ConsentOf(request), draft);
  draft.core().set_type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
  return WithConsent(ConsentOf(request), std::move(draft).Build(PURPOSE_SAFEGUARDING_CHILD));
}

Worker RecorderOf(const v1::DecideContactRequest& request) {
  if (request.has_worker()) return request.worker();
  Worker worker;
  worker.set_pseudonym(request.decision_maker());
  worker.set_role(WORKER_ROLE_SUPERVISOR);
  worker.set_authentication(AUTHENTICATION_SINGLE_FACTOR);
  return worker;
}

void FillDecision(const v1::DecideContactRequest& request, Statement& statement) {
  statement.set_decision(request.decision());
  statement.set_threshold(request.threshold());
  statement.set_decision_reason(request.decision_reason());
  statement.set_decision_maker_role(request.decision_maker_role());
  if (!request.has_worker()) return;
  if (request.worker().pseudonym() != request.decision_maker()) statement.set_decision_maker(request.decision_maker());
  if (request.decision_maker_role() == WORKER_ROLE_UNSPECIFIED) statement.set_decision_maker_role(WORKER_ROLE_SUPERVISOR);
}

}  // namespace accord::childrens
