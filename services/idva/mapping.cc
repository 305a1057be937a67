#include "services/idva/mapping.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/referral/risk.h"

namespace accord::idva {
namespace {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.

bool Meets(const v1::ReferToMaracRequest& request, MaracCriterion criterion) {
  return std::find(request.criteria().begin(), request.criteria().end(), criterion) != request.criteria().end();
}

// The RIC of `request`, with its score, in the draft.
void AddRic(const v1::ReferToMaracRequest& request, const referral::RicScore& score, agent::DraftBuilder& draft) {
  draft.Require(referral::CheckJudgement(request.risk_grade(), score))
      .RequireValid(!Meets(request, MARAC_CRITERION_VISIBLE_HIGH_RISK) || score.yes >= referral::kRicHighThreshold, "criteria",
                    fmt::format("says VISIBLE_HIGH_RISK, and the score is under {}", referral::kRicHighThreshold))
      .RequirePresent(!Meets(request, MARAC_CRITERION_PROFESSIONAL_JUDGEMENT) || !request.professional_judgement().empty(),
                      "professional_judgement", "is required by the criterion PROFESSIONAL_JUDGEMENT");
  if (request.risk_grade() > score.grade && request.professional_judgement().empty()) {
    draft.Warn("The grade is above what the score gives: say in the professional judgement what it rests on.");
  }
  RiskAssessment assessment;
  assessment.mutable_risk()->set_grade(request.risk_grade());
  assessment.mutable_risk()->set_instrument(INSTRUMENT_SAFELIVES_DASH_RIC);
  assessment.mutable_risk()->set_instrument_version(request.ric_version());
  *assessment.mutable_answers() = request.ric_answers();
  assessment.set_score(score.yes);
  assessment.set_dont_know(score.dont_know);
  assessment.set_rationale(request.professional_judgement());
  *assessment.mutable_marac_criteria() = request.criteria();
  draft.Risk(std::move(assessment), "ric_version");
}

}  // namespace

absl::StatusOr<agent::Draft> MapMarac(const v1::ReferToMaracRequest& request, const agent::MappingContext& context) {
  agent::DraftBuilder draft("ReferToMarac", request, request.options(), context);
  const auto score = referral::ScoreRic(request.ric_answers());
  Incident latest;
  latest.set_summary(request.latest_incident());
  draft.RequirePresent(!request.options().recipients().empty(), "options.recipients", "must name the member agencies of the forum")
      .Require(score.status())
      .Victim(request.client(), "client", request.case_reference())
      .SafeContact(request.safe_contact());
  if (score.ok()) AddRic(request, *score, draft);
  draft.Incident(std::move(latest))
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Housing(request.housing())
      .Text(CATEGORY_SAFETY_PLAN, request.safety_plan())
      .Text(CATEGORY_VOICE, request.client_voice())
      .Text(CATEGORY_IMMIGRATION_STATUS, request.immigration_status())
      .WorksAtAgency(request.works_at_agency())
      .DoNotDiscloseTo(request.do_not_disclose_to());
  if (draft.victim_age_band() == AGE_BAND_UNDER_16) {
    draft.Warn("The client is under 16: this is child protection, not a Marac. Children's services lead.");
    return std::move(draft).Build(PURPOSE_SAFEGUARDING_CHILD);
  }
  draft.core().set_forum(request.forum());
  *draft.core().mutable_marac_criteria() = request.criteria();
  return std::move(draft).Build(PURPOSE_MARAC);
}

absl::StatusOr<agent::Draft> MapClient(const v1::ReferClientRequest& request, const agent::MappingContext& context) {
  agent::DraftBuilder draft("ReferClient", request, request.options(), context);
  draft.Victim(request.client(), "client", request.case_reference())
      .SafeContact(request.safe_contact())
      .Grade(request.risk_grade())
      .Children(request.children())
      .Housing(request.housing())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Text(CATEGORY_VOICE, request.client_voice())
      .Text(CATEGORY_NARRATIVE, request.summary())
      .Text(CATEGORY_IMMIGRATION_STATUS, request.immigration_status())
      .DoNotDiscloseTo(request.do_not_disclose_to());
  Purpose purpose = draft.SafeguardingPurpose();
  if (request.has_housing() && purpose != PURPOSE_SAFEGUARDING_CHILD) {
    draft.ByDefaultTo(AGENCY_KIND_HOUSING);
    purpose = PURPOSE_HOUSING_SUPPORT;
  }
  return std::move(draft).Build(purpose);
}

}  // namespace accord::idva
