#include "services/health/mapping.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/agent/housing_facts.h"
#include "common/referral/header.h"
#include "common/referral/identifiers.h"
#include "common/referral/partial_date.h"
#include "common/referral/subject_token.h"

namespace accord::health {
namespace {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.

// An organisation code of the NHS, as it is written.
bool IsOdsCode(std::string_view code) { return referral::IsOdsCode(code) && std::none_of(code.begin(), code.end(), absl::ascii_islower); }

constexpr std::string_view kOdsCode = "is not 3 to 10 capital letters and digits";
constexpr std::string_view kNhsNumber = "nhs_number";
constexpr size_t kDayChars = 10;

// NHS number status indicators of the NHS Data Dictionary: 01 present and verified, 02 to 06 and 08 present and in some way unsure.
constexpr std::string_view kVerifiedStatus = "01", kNoNumberStatus = "07";
bool IsStatusIndicator(std::string_view status) { return status.size() == 2 && status[0] == '0' && status[1] >= '1' && status[1] <= '8'; }

// The person with `verified` as the status indicators of their NHS numbers say, which are checked.
Person WithNhsNumberStatus(const Person& given, std::string_view field, agent::DraftBuilder& draft) {
  Person person = given;
  for (int i = 0; i < person.identifiers_size(); ++i) {
    Identifier& identifier = *person.mutable_identifiers(i);
    if (identifier.scheme() != kNhsNumber || identifier.status().empty()) continue;
    const std::string at = fmt::format("{}.identifiers[{}].status", field, i);
    draft.RequireValid(IsStatusIndicator(identifier.status()), at, "is no NHS number status indicator, 01 to 08")
        .RequireValid(identifier.status() != kNoNumberStatus, at, "says that there is no number, but one is given")
        .RequireValid(!identifier.verified() || identifier.status() == kVerifiedStatus, at, "does not say that the number is verified, but `verified` does");
    identifier.set_verified(identifier.status() == kVerifiedStatus);
  }
  return person;
}

bool IsDay(std::string_view text) { return text.size() == kDayChars && referral::ParsePartialDate(text, "").ok(); }

std::string OfUnit(std::string_view record, std::string_view ods_code) { return fmt::format("{} ({})", record, ods_code); }

// The reference of the record, with the unit where the health facts are of another one, or where it could be taken to name one itself.
std::string Reference(std::string_view record, std::string_view ods_code, std::string_view of_facts) {
  return ods_code == of_facts && !record.ends_with(')') ? std::string(record) : OfUnit(record, ods_code);
}

// The children, of whom the unborn is one.
google::protobuf::RepeatedPtrField<Child> WithUnborn(const v1::ReferPatientRequest& request) {
  auto children = request.children();
  const bool listed = std::any_of(children.begin(), children.end(), [](const Child& child) { return !child.expected_on().empty(); });
  if (request.health().expected_on().empty() || listed) return children;
  Child& unborn = *children.Add();
  unborn.set_expected_on(request.health().expected_on());
  unborn.set_relationship_to_victim("unborn child");
  return children;
}

void CheckHealth(const v1::ReferPatientRequest& request, const Health& health, agent::DraftBuilder& draft) {
  draft.RequireValid(IsOdsCode(request.ods_code()), "ods_code", kOdsCode)
      .RequireValid(IsOdsCode(health.ods_code()), "health.ods_code", kOdsCode)
      .RequireValid(health.expected_on().empty() || IsDay(health.expected_on()), "health.expected_on", "must be a day, YYYY-MM-DD")
      .RequireValid(health.caldicott_guardian().size() <= referral::kPseudonymBytesMax, "health.caldicott_guardian",
                    fmt::format("is longer than {} characters", referral::kPseudonymBytesMax));
  for (int i = 0; i < request.children_size(); ++i) {
    const std::string& practice = request.children(i).practice_ods_code();
    draft.RequireValid(practice.empty() || IsOdsCode(practice), fmt::format("children[{}].practice_ods_code", i), kOdsCode);
  }
}

void WarnOfHealth(const v1::ReferPatientRequest& request, agent::DraftBuilder& draft) {
  const Health& health = request.health();
  const auto& children = request.children();
  const bool unborn = std::any_of(children.begin(), children.end(), [](const Child& child) { return !child.expected_on().empty(); });
  const bool dated = !health.expected_on().empty();
  if (!health.pregnancy().empty() && !dated && !unborn) {
    draft.Warn("A pregnancy is named without an expected date of delivery: no unborn child is told of. Give health.expected_on.");
  } else if (health.pathway() == HEALTH_PATHWAY_MATERNITY && !dated && children.empty()) {
    draft.Warn("It comes from maternity, and neither an expected date of delivery nor a child is named.");
  }
  if (dated && unborn && std::none_of(children.begin(), children.end(), [&](const Child& child) { return child.expected_on() == health.expected_on(); })) {
    draft.Warn("The expected date of delivery is another than that of the unborn child.");
  }
  const auto& advice = request.options().basis().advice();
  if (health.caldicott_guardian().empty() && std::find(advice.begin(), advice.end(), ADVICE_TAKEN_CALDICOTT_GUARDIAN) != advice.end()) {
    draft.Warn("The Caldicott guardian was asked, and nothing says who that was. Give health.caldicott_guardian.");
  }
}

// The same person, by full name and date of birth or a verified number. The key is of no account: the tokens go nowhere.
bool AreOne(const Person& one, const Person& other) {
  const auto strong = [](const Person& person) {
    auto tokens = referral::MakeTokens(person, "here", "here", "here");
    std::erase_if(tokens, [](const SubjectToken& token) { return !token.strong(); });
    return tokens;
  };
  const auto left = strong(one), right = strong(other);
  return std::any_of(left.begin(), left.end(), [&](const SubjectToken& token) {
    return std::any_of(right.begin(), right.end(), [&](const SubjectToken& same) { return same.token() == token.token(); });
  });
}

}  // namespace

std::string KeepOutOfText(const Health& health) {
  if (health.keep_out_of().empty()) return "";
  return fmt::format("\n\nKeep this out of: {}", absl::StrJoin(health.keep_out_of(), "; "));
}

std::vector<Person> AllegedPerpetratorsOf(const std::vector<agency::v1::OpenedSection>& sections) {
  std::vector<Person> people;
  for (const auto& section : sections) {
    for (const auto& row : section.content().alleged_perpetrators().alleged_perpetrators()) people.push_back(row.person());
  }
  return people;
}

absl::StatusOr<agent::Draft> MapPatient(const v1::ReferPatientRequest& request, const agent::MappingContext& context) {
  Health health = request.health();
  if (health.ods_code().empty()) health.set_ods_code(request.ods_code());
  agent::DraftBuilder draft("ReferPatient", request, request.options(), context);
  CheckHealth(request, health, draft);
  draft.Victim(WithNhsNumberStatus(request.patient(), "patient", draft), "patient",
               Reference(request.record_reference(), request.ods_code(), health.ods_code()))
      .SafeContact(request.safe_contact())
      .Grade(request.risk_grade())
      .Health(health)
      .Children(WithUnborn(request))
      .AllegedPerpetrators(request.alleged_perpetrators(), request.relationship())
      .Text(CATEGORY_VOICE, request.wishes())
      .Text(CATEGORY_NARRATIVE, request.disclosure() + KeepOutOfText(health))
      .DoNotDiscloseTo(request.do_not_disclose_to())
      .ClientArea(request.area(), "area")
      .ByDefaultTo(AGENCY_KIND_IDVA)
      .ByDefaultToChildrensServicesIfConcerned();
  WarnOfHealth(request, draft);
  const Purpose purpose = draft.SupportPurpose();
  auto built = std::move(draft).Build(purpose);
  if (!built.ok() || health.caldicott_guardian().empty()) return built;
  auto& advice = *built->options.mutable_basis()->mutable_advice();
  if (std::find(advice.begin(), advice.end(), ADVICE_TAKEN_CALDICOTT_GUARDIAN) == advice.end()) advice.Add(ADVICE_TAKEN_CALDICOTT_GUARDIAN);
  return built;
}

absl::StatusOr<agent::Draft> MapDutyToRefer(const v1::NotifyDutyToReferRequest& request, const agent::MappingContext& context) {
  agent::DraftBuilder draft("NotifyDutyToRefer", request, request.options(), context);
  Housing housing = request.housing();
  housing.set_contact_details_agreed(request.contact_details_agreed());
  agent::RequireDutyToRefer(draft, request.options());
  draft.RequireValid(IsOdsCode(request.ods_code()), "ods_code", kOdsCode)
      .RequirePresent(!request.housing().chosen_council().empty(), "housing.chosen_council",
                      "is required: the person chooses the council")
      .RequireValid(request.contact_details_agreed() || !request.housing().contact_details_agreed(), "housing.contact_details_agreed",
                    "says that contact details may be passed on, and contact_details_agreed does not")
      .RequirePresent(!request.options().recipients().empty(), "options.recipients",
                      "must name the housing authority that the person chose")
      .RequireValid(request.options().recipients_size() <= 1, "options.recipients",
                    "names more than one: the duty is to refer to the one housing authority that the person chose")
      .Victim(WithNhsNumberStatus(request.person(), "person", draft), "person",
              OfUnit(request.record_reference(), request.ods_code()));
  agent::AddHousing(draft, housing, "housing");
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
  const auto& perpetrators = answered.alleged_perpetrators;
  draft
      .RequireValid(request.record_role() != SUBJECT_ROLE_ALLEGED_PERPETRATOR, "record_role",
                    "is of an alleged perpetrator: what is told of a patient is from that patient's record alone")
      .RequireValid(std::none_of(perpetrators.begin(), perpetrators.end(), [&](const Person& person) { return AreOne(person, request.record()); }),
                    "record", "is that of an alleged perpetrator of what is answered: open the patient's own, and write nothing of this into theirs");
  draft.core().set_type(REFERRAL_TYPE_RESPONSE);
  draft.core().set_caused_by(answered.header_digest);
  if (answered.core.has_risk()) *draft.core().mutable_risk() = answered.core.risk();
  draft.ByDefaultTo(answered.core.sender())
      .Text(CATEGORY_RESPONSE, fmt::format("{}{}{}", request.known() ? "Known to the service." : "Not known to the service.",
                                           request.information().empty() ? "" : "\n\n", request.information()));
  if (request.known() && !request.has_record()) {
    draft.Warn("Nothing says whose record this is from. Give `record`, so that it is held against the alleged perpetrators.");
  }
  return std::move(draft).Build(answered.core.purpose());
}

}  // namespace accord::health
