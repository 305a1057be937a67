#include "services/agency/mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/status.h"
#include "common/referral/header.h"
#include "common/referral/instruments.h"

namespace accord::agency {
namespace {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.
using agent::DraftBuilder;
using agent::PushProfile;
using refer::v1::ReferPersonRequest;

// Categories whose content is words alone. A rationale is the basis's, and an attachment comes by its own call.
constexpr std::array kTextCategories = {CATEGORY_SAFETY_PLAN, CATEGORY_VOICE,   CATEGORY_NARRATIVE,   CATEGORY_IMMIGRATION_STATUS,
                                        CATEGORY_RESPONSE,    CATEGORY_OUTCOME, CATEGORY_CASE_HISTORY};

template <typename List, typename Value>
bool Contains(const List& list, Value value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

absl::StatusOr<const PushProfile*> Find(const std::vector<PushProfile>& profiles, const std::string& name) {
  const auto found = std::find_if(profiles.begin(), profiles.end(), [&](const PushProfile& profile) { return name.empty() || profile.name == name; });
  if (found != profiles.end()) return &*found;
  return Error(Reason::kFieldInvalid,
               profiles.empty() ? "profile: this agency pushes nothing in its own words: its configuration has no [[push]]"
                                : "profile is the name of no [[push]] of this agency's configuration",
               {{"field", "profile"}});
}

// Only what the profile has; who it is about always goes.
void CheckCategories(const ReferPersonRequest& request, const PushProfile& profile, DraftBuilder& draft) {
  const auto allow = [&](bool there, Category category, const std::string& field) {
    draft.RequireValid(!there || Contains(profile.categories, category), field, fmt::format("is not in what `{}` may push", profile.name));
  };
  allow(!request.alleged_perpetrators().empty(), CATEGORY_ALLEGED_PERPETRATOR, "alleged_perpetrators");
  allow(!request.children().empty(), CATEGORY_CHILDREN, "children");
  allow(request.risk_grade() != RISK_GRADE_UNSPECIFIED, CATEGORY_RISK, "risk_grade");
  allow(request.has_assessment(), CATEGORY_RISK, "assessment");
  allow(request.has_safe_contact(), CATEGORY_SAFE_CONTACT, "safe_contact");
  allow(request.has_incident(), CATEGORY_INCIDENT, "incident");
  allow(request.has_health(), CATEGORY_HEALTH, "health");
  allow(request.has_housing(), CATEGORY_HOUSING, "housing");
  allow(!request.orders().empty(), CATEGORY_ORDERS_AND_BAIL, "orders");
  draft.RequireValid(request.texts_size() <= kTextsMax, "texts", fmt::format("has more than {}", kTextsMax));
  for (int i = 0; i < request.texts_size(); ++i) {
    const std::string field = fmt::format("texts[{}].category", i);
    draft.RequireValid(Contains(kTextCategories, request.texts(i).category()), field, "is of no section of words");
    allow(true, request.texts(i).category(), field);
  }
}

// An assessment's own words, as the header takes them.
void CheckAssessment(const RiskAssessment& assessment, const std::string& field, int64_t now_ms, DraftBuilder& draft) {
  const Risk& risk = assessment.risk();
  const bool other = risk.instrument() == INSTRUMENT_OTHER;
  const std::string code = field + ".risk.instrument_code";
  draft.RequirePresent(risk.instrument() != INSTRUMENT_UNSPECIFIED, field + ".risk.instrument", "says nothing")
      .RequirePresent(!other || !risk.instrument_code().empty(), code, "says which, for OTHER")
      .RequireValid(other || risk.instrument_code().empty(), code, "is for OTHER alone")
      .RequireValid(!other || referral::IsInstrumentCode(risk.instrument_code()), code, "is not 1 to 32 of [a-z0-9-]")
      .RequireValid(risk.instrument_version().size() <= referral::kInstrumentVersionCharsMax, field + ".risk.instrument_version",
                    fmt::format("is longer than {} characters", referral::kInstrumentVersionCharsMax))
      .RequireValid(assessment.assessed_at_ms() >= 0 && assessment.assessed_at_ms() <= now_ms, field + ".assessed_at_ms", "is not from 1970 to now")
      .RequireValid(risk.assessed_at_ms() >= 0 && risk.assessed_at_ms() <= now_ms, field + ".risk.assessed_at_ms", "is not from 1970 to now");
  for (const auto& [name, pseudonym] : {std::pair(".assessor", &assessment.assessor()), std::pair(".supervisor", &assessment.supervisor())}) {
    draft.RequireValid(pseudonym->size() <= referral::kPseudonymBytesMax, field + name, fmt::format("is longer than {} characters", referral::kPseudonymBytesMax));
  }
}

void AddRisk(const ReferPersonRequest& request, const agent::MappingContext& context, DraftBuilder& draft) {
  draft.RequireValid(!request.has_assessment() || request.risk_grade() == RISK_GRADE_UNSPECIFIED, "risk_grade", "stands beside an assessment, which has one");
  if (!request.has_assessment()) {
    draft.Grade(request.risk_grade());
    return;
  }
  const RiskAssessment& assessment = request.assessment();
  const int64_t now_ms = absl::ToUnixMillis(context.now);
  draft.RequirePresent(assessment.risk().grade() != RISK_GRADE_UNSPECIFIED, "assessment.risk.grade", "is missing, and there is an assessment")
      .RequireValid(assessment.further_size() <= kFurtherAssessmentsMax, "assessment.further", fmt::format("has more than {}", kFurtherAssessmentsMax));
  CheckAssessment(assessment, "assessment", now_ms, draft);
  for (int i = 0; i < assessment.further_size(); ++i) {
    const std::string field = fmt::format("assessment.further[{}]", i);
    CheckAssessment(assessment.further(i), field, now_ms, draft);
    draft.RequireValid(assessment.further(i).further().empty(), field + ".further", "stands in one that is further itself");
  }
  draft.Risk(assessment, "assessment.risk.instrument_version", "assessment.answers");
}

void CheckForum(const ReferPersonRequest& request, Purpose purpose, DraftBuilder& draft) {
  const bool marac = purpose == PURPOSE_MARAC;
  draft.RequirePresent(!marac || !request.forum().empty(), "forum", "is required for a Marac")
      .RequireValid(marac || request.forum().empty(), "forum", "is for the purpose MARAC alone")
      .RequirePresent(!marac || !request.marac_criteria().empty(), "marac_criteria", "is required for a Marac")
      .RequireValid(marac || request.marac_criteria().empty(), "marac_criteria", "is for the purpose MARAC alone");
  if (!marac) return;
  draft.core().set_forum(request.forum());
  *draft.core().mutable_marac_criteria() = request.marac_criteria();
}

ReferralType TypeOf(const ReferPersonRequest& request, const PushProfile& profile, DraftBuilder& draft) {
  const ReferralType type = request.type() == REFERRAL_TYPE_UNSPECIFIED ? profile.types.front() : request.type();
  draft.RequireValid(Contains(profile.types, type), "type", fmt::format("is not one of `{}`", profile.name));
  if (type == REFERRAL_TYPE_RESPONSE) draft.RequirePresent(!request.options().caused_by().empty(), "options.caused_by", "must name what is answered");
  return type;
}

bool RestsOnConsent(Purpose purpose) { return purpose == PURPOSE_SUPPORT || purpose == PURPOSE_HOUSING_SUPPORT || purpose == PURPOSE_HEALTH_CARE; }

Purpose PurposeOf(const ReferPersonRequest& request, const PushProfile& profile, DraftBuilder& draft) {
  if (request.purpose() != PURPOSE_UNSPECIFIED) {
    draft.RequireValid(Contains(profile.purposes, request.purpose()), "purpose", fmt::format("is not one of `{}`", profile.name));
    return request.purpose();
  }
  // Safety first, whatever the profile's first is: a child is safeguarded, and nothing rests on a consent that was not given.
  const Purpose safeguarding = draft.SafeguardingPurpose(), first = profile.purposes.front();
  if (safeguarding == PURPOSE_SAFEGUARDING_CHILD) return safeguarding;
  return RestsOnConsent(first) && !agent::IsConsented(request.options().basis().consent()) ? safeguarding : first;
}

}  // namespace

absl::StatusOr<agent::Draft> MapPerson(const ReferPersonRequest& request, const std::vector<PushProfile>& profiles, const agent::MappingContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const PushProfile* const profile, Find(profiles, request.profile()));
  DraftBuilder draft("ReferPerson", request, request.options(), context);
  CheckCategories(request, *profile, draft);
  draft.Happened(request.incident().happened_text(), "incident.happened_text")
      .Victim(request.person(), "person", request.record_reference())
      .SafeContact(request.safe_contact());
  AddRisk(request, context, draft);
  draft.Incident(request.incident())
      .Health(request.health())
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Housing(request.housing())
      .Orders(request.orders());
  for (const auto& section : request.texts()) draft.Text(section.category(), section.text());
  draft.WorksAtAgency(request.works_at_agency()).DoNotDiscloseTo(request.do_not_disclose_to());
  for (const AgencyKind kind : profile->recipients) draft.ByDefaultTo(kind);
  if (profile->childrens_services_if_concerned) draft.ByDefaultToChildrensServicesIfConcerned();
  draft.core().set_type(TypeOf(request, *profile, draft));
  const Purpose purpose = PurposeOf(request, *profile, draft);
  CheckForum(request, purpose, draft);
  return std::move(draft).Build(purpose);
}

}  // namespace accord::agency
