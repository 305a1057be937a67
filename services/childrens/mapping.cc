#include "services/childrens/mapping.h"

#include <fmt/format.h>

namespace accord::childrens {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.

absl::StatusOr<agent::Draft> MapFamily(const v1::ReferFamilyRequest& request, const agent::MappingContext& context) {
  agent::DraftBuilder draft("ReferFamily", request, request.options(), context);
  draft.Victim(request.victim(), "victim", request.case_reference())
      .SafeContact(request.safe_contact())
      .Grade(request.risk_grade())
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Text(CATEGORY_VOICE, request.child_voice())
      .Text(CATEGORY_NARRATIVE, request.request().empty()
                                    ? request.concerns()
                                    : fmt::format("{}\n\nAsked: {}", request.concerns(), request.request()))
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ByDefaultTo(AGENCY_KIND_IDVA)
      .ByDefaultTo(AGENCY_KIND_HEALTH);
  return std::move(draft).Build(PURPOSE_SAFEGUARDING_CHILD);
}

Worker DecisionMaker(const v1::DecideContactRequest& request) {
  Worker worker;
  worker.set_pseudonym(request.decision_maker());
  worker.set_role(WORKER_ROLE_SUPERVISOR);
  worker.set_authentication(AUTHENTICATION_SINGLE_FACTOR);
  return worker;
}

}  // namespace accord::childrens
