#include "services/health/mapping.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>

namespace accord::health {
namespace {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.

// An organisation code of the NHS: practices, trusts and their sites (domain.md §5).
bool IsOdsCode(std::string_view code) {
  return code.size() >= 3 && code.size() <= 10 &&
         std::all_of(code.begin(), code.end(), [](unsigned char c) { return absl::ascii_isdigit(c) || absl::ascii_isupper(c); });
}

constexpr std::string_view kOdsCode = "is not 3 to 10 capital letters and digits";

}  // namespace

absl::StatusOr<agent::Draft> MapPatient(const v1::ReferPatientRequest& request, const agent::MappingContext& context) {
  Health health = request.health();
  if (health.ods_code().empty()) health.set_ods_code(request.ods_code());
  agent::DraftBuilder draft("ReferPatient", request, request.options(), context);
  draft.RequireValid(IsOdsCode(request.ods_code()), "ods_code", kOdsCode)
      .RequireValid(IsOdsCode(health.ods_code()), "health.ods_code", kOdsCode)
      .Victim(request.patient(), "patient", request.record_reference())
      .SafeContact(request.safe_contact())
      .Grade(request.risk_grade())
      .Health(health)
      .Children(request.children())
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Text(CATEGORY_NARRATIVE, request.disclosure())
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ByDefaultTo(AGENCY_KIND_IDVA)
      .ByDefaultToChildrensServicesIfConcerned();
  const Purpose purpose = draft.SupportPurpose();
  return std::move(draft).Build(purpose);
}

absl::StatusOr<agent::Draft> MapDutyToRefer(const v1::NotifyDutyToReferRequest& request, const agent::MappingContext& context) {
  agent::DraftBuilder draft("NotifyDutyToRefer", request, request.options(), context);
  draft.RequireValid(IsOdsCode(request.ods_code()), "ods_code", kOdsCode)
      .RequirePresent(!request.housing().chosen_council().empty(), "housing.chosen_council",
                      "is required: the person chooses the council")
      .RequirePresent(!request.options().recipients().empty(), "options.recipients",
                      "must name the housing authority that the person chose")
      .RequireValid(request.options().recipients_size() <= 1, "options.recipients",
                    "names more than one: the duty is to refer to the one housing authority that the person chose")
      .Victim(request.person(), "person", fmt::format("{} ({})", request.record_reference(), request.ods_code()))
      .Housing(request.housing());
  if (request.contact_details_agreed()) {
    draft.SafeContact(request.safe_contact());
  } else {
    draft.WithoutContactDetails(request.has_safe_contact());
  }
  return std::move(draft).Build(PURPOSE_HOUSING_DUTY_TO_REFER);
}

absl::StatusOr<agent::Draft> MapAnswer(const v1::AnswerReferralRequest& request, const Answered& answered,
                                       const agent::MappingContext& context) {
  agent::DraftBuilder draft("AnswerReferral", request, request.options(), context);
  for (int i = 0; i < request.options().recipients_size(); ++i) {
    draft.RequireValid(request.options().recipients(i) == answered.core.sender(), fmt::format("options.recipients[{}]", i),
                       "is not the sender of the referral: an answer goes back to who asked");
  }
  draft.core().set_type(REFERRAL_TYPE_RESPONSE);
  draft.core().set_caused_by(answered.header_digest);
  if (answered.core.has_risk()) *draft.core().mutable_risk() = answered.core.risk();
  draft.ByDefaultTo(answered.core.sender())
      .Text(CATEGORY_RESPONSE, fmt::format("{}{}{}", request.known() ? "Known to the service." : "Not known to the service.",
                                           request.information().empty() ? "" : "\n\n", request.information()));
  return std::move(draft).Build(answered.core.purpose());
}

}  // namespace accord::health
