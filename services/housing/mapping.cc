#include "services/housing/mapping.h"

namespace accord::housing {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.

absl::StatusOr<agent::Draft> MapOnward(const v1::ReferOnRequest& request, const agent::MappingContext& context) {
  agent::DraftBuilder draft("ReferOn", request, request.options(), context);
  draft.FollowsOn(request.caused_by(), "caused_by")
      .Victim(request.victim(), "victim", request.case_reference())
      .SafeContact(request.safe_contact())
      .Housing(request.housing())
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Text(CATEGORY_NARRATIVE, request.summary())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ByDefaultTo(AGENCY_KIND_IDVA)
      .ByDefaultToChildrensServicesIfConcerned();
  const Purpose purpose = draft.SupportPurpose();
  return std::move(draft).Build(purpose);
}

}  // namespace accord::housing
