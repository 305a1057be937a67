#include "services/housing/mapping.h"

#include <algorithm>

#include "common/agent/housing_facts.h"

namespace accord::housing {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.

namespace {

// Do other housing authorities alone have it, whose help the person wants?
bool IsForHousing(const agency::v1::PushOptions& options, const agent::MappingContext& context) {
  const auto authorities = context.routing(AGENCY_KIND_HOUSING);
  return !options.recipients().empty() &&
         std::all_of(options.recipients().begin(), options.recipients().end(), [&](const std::string& agency) {
           return std::find(authorities.begin(), authorities.end(), agency) != authorities.end();
         });
}

}  // namespace

absl::StatusOr<agent::Draft> MapOnward(const v1::ReferOnRequest& request, const agent::MappingContext& context) {
  agent::DraftBuilder draft("ReferOn", request, request.options(), context);
  draft.FollowsOn(request.caused_by(), "caused_by")
      .Victim(request.victim(), "victim", request.case_reference())
      .SafeContact(request.safe_contact())
      .Grade(request.risk_grade());
  agent::AddHousing(draft, request.housing(), "housing");
  draft.Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Text(CATEGORY_VOICE, request.wishes())
      .Text(CATEGORY_NARRATIVE, request.summary())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ClientArea(request.area(), "area")
      .ByDefaultTo(AGENCY_KIND_IDVA)
      .ByDefaultToChildrensServicesIfConcerned();
  if (request.housing().priority_need() && request.options().basis().jurisdiction() != JURISDICTION_UNSPECIFIED &&
      request.options().basis().jurisdiction() != JURISDICTION_ENGLAND) {
    draft.Warn("Priority need is recorded as the Housing Act 1996 has it, which is law in England: say in words how it is where you act.");
  }
  Purpose purpose = draft.SupportPurpose();
  const bool consented = agent::IsConsented(request.options().basis().consent());
  if (purpose == PURPOSE_SAFEGUARDING_ADULT && consented && IsForHousing(request.options(), context)) purpose = PURPOSE_HOUSING_SUPPORT;
  return std::move(draft).Build(purpose);
}

}  // namespace accord::housing
