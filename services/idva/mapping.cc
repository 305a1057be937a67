#include "services/idva/mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/referral/header.h"
#include "common/referral/partial_date.h"
#include "common/referral/risk.h"

namespace accord::idva {
namespace {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.
using Assessments = google::protobuf::RepeatedPtrField<v1::Assessment>;
using Attempts = google::protobuf::RepeatedPtrField<ContactAttempt>;

constexpr size_t kDayChars = 10;

bool Meets(const v1::ReferToMaracRequest& request, MaracCriterion criterion) {
  return std::find(request.criteria().begin(), request.criteria().end(), criterion) != request.criteria().end();
}

void CheckAssessor(std::string_view assessor, int64_t assessed_at_ms, const std::string& prefix, const agent::MappingContext& context,
                   agent::DraftBuilder& draft) {
  draft.RequireValid(assessor.size() <= referral::kPseudonymBytesMax, prefix + "assessor", fmt::format("is longer than {} characters", referral::kPseudonymBytesMax))
      .RequireValid(assessed_at_ms >= 0 && assessed_at_ms <= absl::ToUnixMillis(context.now), prefix + "assessed_at_ms", "is not from 1970 to now");
}

RiskAssessment AssessmentOf(const v1::Assessment& from) {
  RiskAssessment assessment;
  assessment.mutable_risk()->set_instrument(from.instrument());
  assessment.mutable_risk()->set_instrument_code(from.instrument_code());
  assessment.mutable_risk()->set_instrument_version(from.instrument_version());
  assessment.mutable_risk()->set_assessed_at_ms(from.assessed_at_ms());
  *assessment.mutable_answers() = from.answers();
  assessment.set_rationale(from.rationale());
  assessment.set_assessor(from.assessor());
  assessment.set_assessed_at_ms(from.assessed_at_ms());
  return assessment;
}

void CheckAssessment(const v1::Assessment& assessment, const std::string& field, const agent::MappingContext& context, agent::DraftBuilder& draft) {
  const std::string code = field + ".instrument_code";
  const bool other = assessment.instrument() == INSTRUMENT_OTHER;
  draft.RequirePresent(!other || !assessment.instrument_code().empty(), code, "says which, for OTHER")
      .RequireValid(other || assessment.instrument_code().empty(), code, "is for OTHER alone")
      .RequireValid(!other || referral::IsInstrumentCode(assessment.instrument_code()), code, "is not 1 to 32 of [a-z0-9-]")
      .RequireValid(assessment.instrument_version().size() <= referral::kInstrumentVersionCharsMax, field + ".instrument_version",
                    fmt::format("is longer than {} characters", referral::kInstrumentVersionCharsMax));
  CheckAssessor(assessment.assessor(), assessment.assessed_at_ms(), field + ".", context, draft);
}

void AddFurther(const Assessments& further, const agent::MappingContext& context, RiskAssessment& assessment, agent::DraftBuilder& draft) {
  draft.RequireValid(further.size() <= kFurtherAssessmentsMax, "further_assessments", fmt::format("has more than {}", kFurtherAssessmentsMax));
  for (int i = 0; i < further.size(); ++i) {
    CheckAssessment(further[i], fmt::format("further_assessments[{}]", i), context, draft);
    *assessment.add_further() = AssessmentOf(further[i]);
  }
}

void SetScore(const referral::InstrumentScore& score, RiskAssessment& assessment) {
  assessment.mutable_risk()->set_score(score.counted);
  assessment.set_score(score.counted);
  assessment.set_dont_know(score.not_known);
}

// The RIC of `request`, with its score, in the draft.
void AddRic(const v1::ReferToMaracRequest& request, const agent::MappingContext& context, agent::DraftBuilder& draft) {
  RiskAssessment assessment;
  assessment.mutable_risk()->set_grade(request.risk_grade());
  assessment.mutable_risk()->set_instrument(INSTRUMENT_SAFELIVES_DASH_RIC);
  assessment.mutable_risk()->set_instrument_version(request.ric_version());
  assessment.mutable_risk()->set_assessed_at_ms(request.assessed_at_ms());
  *assessment.mutable_answers() = request.ric_answers();
  assessment.set_rationale(request.professional_judgement());
  assessment.set_assessor(request.assessor());
  assessment.set_assessed_at_ms(request.assessed_at_ms());
  *assessment.mutable_marac_criteria() = request.criteria();
  CheckAssessor(request.assessor(), request.assessed_at_ms(), "", context, draft);
  AddFurther(request.further_assessments(), context, assessment, draft);

  const referral::InstrumentDocument* const ric = context.instruments->Find(assessment.risk());
  if (ric == nullptr) {
    draft.RequireValid(false, "ric_version", fmt::format("is of no RIC that this agency has a document of; it has: {}", context.instruments->VersionsOf(assessment.risk())));
    return;
  }
  const auto score = referral::ScoreAnswers(*ric, request.ric_answers(), "ric_answers");
  draft.Require(score.status());
  if (!score.ok()) return;
  SetScore(*score, assessment);
  draft.Require(referral::CheckJudgement(request.risk_grade(), *score))
      .RequireValid(!Meets(request, MARAC_CRITERION_VISIBLE_HIGH_RISK) || score->grade == RISK_GRADE_HIGH, "criteria",
                    "says VISIBLE_HIGH_RISK, and the score does not give HIGH")
      .RequirePresent(!Meets(request, MARAC_CRITERION_PROFESSIONAL_JUDGEMENT) || !request.professional_judgement().empty(),
                      "professional_judgement", "is required by the criterion PROFESSIONAL_JUDGEMENT");
  if (request.risk_grade() > score->grade && request.professional_judgement().empty()) {
    draft.Warn("The grade is above what the score gives: say in the professional judgement what it rests on.");
  }
  draft.Risk(std::move(assessment), "ric_version", "ric_answers");
}

// A grade and what it rests on. A score that the answers give is counted; answers that are not whole give none.
void AddAssessment(RiskGrade grade, const v1::Assessment* from, RiskAssessment assessment, const agent::MappingContext& context,
                   agent::DraftBuilder& draft) {
  if (from != nullptr) {
    draft.RequirePresent(grade != RISK_GRADE_UNSPECIFIED, "risk_grade", "is missing, and there is an assessment");
    CheckAssessment(*from, "assessment", context, draft);
    assessment.MergeFrom(AssessmentOf(*from));
    const referral::InstrumentDocument* const document = context.instruments->Find(assessment.risk());
    if (document != nullptr && document->graded_by == referral::InstrumentDocument::GradedBy::kScore) {
      const auto score = referral::ScoreAnswers(*document, from->answers(), "assessment.answers");
      if (score.ok()) {
        SetScore(*score, assessment);
        draft.Require(referral::CheckJudgement(grade, *score));
      }
    }
  } else {
    assessment.mutable_risk()->set_instrument(INSTRUMENT_PROFESSIONAL_JUDGEMENT);
  }
  assessment.mutable_risk()->set_grade(grade);
  draft.Risk(std::move(assessment), "assessment.instrument_version", "assessment.answers");
}

void CheckAttempts(const Attempts& attempts, const std::string& prefix, const agent::MappingContext& context, agent::DraftBuilder& draft) {
  draft.RequireValid(attempts.size() <= kContactAttemptsMax, prefix + "attempts", fmt::format("has more than {}", kContactAttemptsMax));
  int64_t last_ms = 0;
  for (int i = 0; i < attempts.size(); ++i) {
    const std::string field = fmt::format("{}attempts[{}]", prefix, i);
    draft.RequirePresent(!attempts[i].at().empty(), field + ".at", "says nothing")
        .RequirePresent(!attempts[i].route().empty(), field + ".route", "says nothing")
        .RequirePresent(attempts[i].outcome() != CONTACT_OUTCOME_UNSPECIFIED, field + ".outcome", "says nothing");
    const auto at = referral::ParsePartialDate(attempts[i].at(), field + ".at");
    draft.Require(at.status());
    if (!at.ok()) continue;
    draft.RequireValid(at->earliest_ms() <= absl::ToUnixMillis(context.now), field + ".at", "is still to come")
        .RequireValid(at->latest_ms() >= last_ms, field + ".at", "is before the one above it: the oldest comes first");
    last_ms = std::max(last_ms, at->earliest_ms());
  }
}

// How to reach the client, with what was tried. A message where none may be left is what a person should hear of at once.
void AddSafeContact(const SafeContact& contact, const agent::MappingContext& context, agent::DraftBuilder& draft) {
  CheckAttempts(contact.attempts(), "safe_contact.", context, draft);
  const bool left = std::any_of(contact.attempts().begin(), contact.attempts().end(),
                                [](const ContactAttempt& one) { return one.outcome() == CONTACT_OUTCOME_MESSAGE_LEFT; });
  if (left && !contact.voicemail_ok() && !contact.text_ok()) {
    draft.Warn("A message was left, and safe contact says that neither voicemail nor text is safe. Check on the client now.");
  }
  if (contact.safe_to_call() && contact.safe_times().empty()) draft.Warn("safe_contact does not say at which times it is safe to call.");
  draft.SafeContact(contact);
}

// A voice that is missing is seen by who pushes now, and by an inspector later (domain.md §4).
void AddVoice(std::string_view voice, agent::DraftBuilder& draft) {
  if (voice.empty()) draft.Warn("client_voice is empty: what the client fears and wishes is not told.");
  draft.Text(CATEGORY_VOICE, voice);
}

void AddLabelled(std::string_view label, std::string_view text, agent::DraftBuilder& draft) {
  if (!text.empty()) draft.Text(CATEGORY_CASE_HISTORY, fmt::format("{}{}", label, text));
}

}  // namespace

absl::StatusOr<agent::Draft> MapMarac(const v1::ReferToMaracRequest& request, const agent::MappingContext& context) {
  agent::DraftBuilder draft("ReferToMarac", request, request.options(), context);
  Incident latest;
  latest.set_summary(request.latest_incident());
  latest.set_happened_text(request.latest_incident_at());
  draft.RequirePresent(!request.options().recipients().empty(), "options.recipients", "must name the member agencies of the forum")
      .Happened(request.latest_incident_at(), "latest_incident_at")
      .Victim(request.client(), "client", request.case_reference());
  AddSafeContact(request.safe_contact(), context, draft);
  AddRic(request, context, draft);
  draft.Incident(std::move(latest))
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Housing(request.housing())
      .Orders(request.orders())
      .Text(CATEGORY_SAFETY_PLAN, request.safety_plan())
      .Text(CATEGORY_IMMIGRATION_STATUS, request.immigration_status())
      .WorksAtAgency(request.works_at_agency())
      .DoNotDiscloseTo(request.do_not_disclose_to());
  AddVoice(request.client_voice(), draft);
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
  draft.Victim(request.client(), "client", request.case_reference());
  AddSafeContact(request.safe_contact(), context, draft);
  if (request.has_assessment() || request.risk_grade() != RISK_GRADE_UNSPECIFIED) {
    AddAssessment(request.risk_grade(), request.has_assessment() ? &request.assessment() : nullptr, RiskAssessment(), context, draft);
  }
  draft.Children(request.children())
      .Housing(request.housing())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Orders(request.orders())
      .Text(CATEGORY_SAFETY_PLAN, request.safety_plan())
      .Text(CATEGORY_NARRATIVE, request.summary())
      .Text(CATEGORY_IMMIGRATION_STATUS, request.immigration_status())
      .DoNotDiscloseTo(request.do_not_disclose_to());
  AddVoice(request.client_voice(), draft);
  Purpose purpose = draft.SafeguardingPurpose();
  if (request.has_housing() && purpose != PURPOSE_SAFEGUARDING_CHILD) {
    draft.ByDefaultTo(AGENCY_KIND_HOUSING);
    purpose = PURPOSE_HOUSING_SUPPORT;
  }
  return std::move(draft).Build(purpose);
}

absl::StatusOr<agent::Draft> MapHandover(const v1::HandOverClientRequest& request, const agent::MappingContext& context) {
  agent::DraftBuilder draft("HandOverClient", request, request.options(), context);
  draft.Victim(request.client(), "client", request.case_reference());
  AddSafeContact(request.safe_contact(), context, draft);
  const std::string& last = request.last_marac_referral_on();
  if (!last.empty()) draft.Require(referral::ParsePartialDate(last, "last_marac_referral_on").status());
  draft.RequireValid(last.empty() || last.size() == kDayChars, "last_marac_referral_on", "must be a day, YYYY-MM-DD")
      .RequirePresent(request.marac_actions().empty() || !request.from_forum().empty(), "from_forum", "is missing, and there are actions of a Marac");
  RiskAssessment assessment;
  *assessment.mutable_marac_criteria() = request.criteria();
  AddFurther(request.further_assessments(), context, assessment, draft);
  AddAssessment(request.risk_grade(), request.has_assessment() ? &request.assessment() : nullptr, std::move(assessment), context, draft);
  AddLabelled("Transferred by the Marac of: ", request.from_forum(), draft);
  AddLabelled("Marac actions: ", request.marac_actions(), draft);
  AddLabelled("Last referred to a Marac on: ", last, draft);
  draft.Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Housing(request.housing())
      .Orders(request.orders())
      .Text(CATEGORY_SAFETY_PLAN, request.safety_plan())
      .Text(CATEGORY_NARRATIVE, request.summary())
      .Text(CATEGORY_IMMIGRATION_STATUS, request.immigration_status())
      .WorksAtAgency(request.works_at_agency())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ClientArea(request.area(), "area")
      .ByDefaultTo(AGENCY_KIND_IDVA);
  AddVoice(request.client_voice(), draft);
  if (request.safety_plan().empty()) draft.Warn("safety_plan is empty: the receiving service begins without one.");
  const bool consented = agent::IsConsented(request.options().basis().consent());
  const Purpose purpose = draft.SafeguardingPurpose();
  return std::move(draft).Build(consented && purpose != PURPOSE_SAFEGUARDING_CHILD ? PURPOSE_SUPPORT : purpose);
}

absl::StatusOr<agent::Draft> MapContactAttempts(const v1::RecordContactAttemptsRequest& request, const agent::MappingContext& context) {
  agent::DraftBuilder draft("RecordContactAttempts", request, request.options(), context);
  draft.RequirePresent(!request.options().recipients().empty(), "options.recipients", "must name who referred the client")
      .Victim(request.client(), "client", request.case_reference());
  CheckAttempts(request.attempts(), "", context, draft);
  SafeContact tried;
  *tried.mutable_attempts() = request.attempts();
  draft.SafeContact(tried)
      .Text(CATEGORY_OUTCOME, request.summary())
      .DoNotDiscloseTo(request.do_not_disclose_to());
  draft.core().set_type(REFERRAL_TYPE_NOTIFICATION);
  const Purpose purpose = draft.SafeguardingPurpose();
  return std::move(draft).Build(purpose);
}

}  // namespace accord::idva
