#include "services/accordctl/basis_options.h"

#include <algorithm>

#include "services/accordctl/choices.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {
namespace {

constexpr char kGroup[] = "Consent and basis, as they stand now";

template <typename Enum>
void AddValues(const std::vector<std::string>& words, google::protobuf::RepeatedField<int>& values) {
  for (const std::string& word : words) values.Add(Value<Enum>(word));
}

}  // namespace

bool BasisOptions::Any() const {
  const auto given = [](const auto*... values) { return (... || !values->empty()); };
  return given(&awareness, &consent, &how, &by, &article6, &article9, &criminal_offence, &schedule8, &gateway, &approver, &decision_maker,
               &not_told, &not_to, &only_to, &not_to_agencies, &only_to_agencies, &not_categories, &only_categories, &only_for, &advice);
}

absl::StatusOr<agency::v1::SharingBasis> BasisOptions::Basis() const {
  if (awareness.empty() || consent.empty()) return UsageError("--awareness and --consent are needed: what the person knows, and what they said");
  agency::v1::SharingBasis basis;
  basis.set_victim_awareness(Value<type::v1::VictimAwareness>(awareness));
  basis.set_consent(Value<type::v1::ConfidentialityConsent>(consent));
  basis.set_consent_how(Value<type::v1::ConsentMethod>(how));
  basis.set_consent_by(Value<type::v1::SubjectRole>(by));
  basis.set_article6(Value<type::v1::Article6Basis>(article6));
  basis.set_article9(Value<type::v1::Article9Condition>(article9));
  basis.set_criminal_offence(Value<type::v1::Article9Condition>(criminal_offence));
  basis.set_schedule8(Value<type::v1::Schedule8Condition>(schedule8));
  basis.set_gateway(Value<type::v1::Gateway>(gateway));
  basis.set_approver(approver);
  basis.set_decision_maker(decision_maker);
  basis.set_not_told_reason(Value<type::v1::NotToldReason>(not_told));
  AddValues<type::v1::AgencyKind>(not_to, *basis.mutable_not_to());
  AddValues<type::v1::AgencyKind>(only_to, *basis.mutable_only_to());
  AddValues<type::v1::Category>(not_categories, *basis.mutable_not_categories());
  AddValues<type::v1::Category>(only_categories, *basis.mutable_only_categories());
  AddValues<type::v1::Purpose>(only_for, *basis.mutable_only_for());
  AddValues<type::v1::AdviceTaken>(advice, *basis.mutable_advice());
  basis.mutable_not_to_agencies()->Assign(not_to_agencies.begin(), not_to_agencies.end());
  basis.mutable_only_to_agencies()->Assign(only_to_agencies.begin(), only_to_agencies.end());
  return basis;
}

std::shared_ptr<BasisOptions> AddBasisOptions(Command& verb) {
  auto options = std::make_shared<BasisOptions>();
  BasisOptions& o = *options;
  const auto add = [&](const char* name, auto& target, const char* what) -> Option& {
    return verb.AddOption(name, target, what).Heading(kGroup);
  };
  add("--awareness", o.awareness, "Does the person know?").Check(OneOf<type::v1::VictimAwareness>());
  add("--consent", o.consent, "Consent in confidentiality").Check(OneOf<type::v1::ConfidentialityConsent>());
  add("--consent-how", o.how, "How it was given or refused").Check(OneOf<type::v1::ConsentMethod>());
  add("--consent-by", o.by, "By whom; the victim when not given").Check(OneOf<type::v1::SubjectRole>());
  add("--article6", o.article6, "Article 6 basis").Check(OneOf<type::v1::Article6Basis>());
  add("--article9", o.article9, "Article 9 condition").Check(OneOf<type::v1::Article9Condition>());
  add("--criminal-offence", o.criminal_offence, "Condition for criminal-offence data").Check(OneOf<type::v1::Article9Condition>());
  add("--schedule8", o.schedule8, "Condition of Schedule 8, under Part 3").Check(OneOf<type::v1::Schedule8Condition>());
  add("--gateway", o.gateway, "Power or duty").Check(OneOf<type::v1::Gateway>());
  add("--not-to", o.not_to, "A kind of agency not to be told; may be repeated").Check(OneOf<type::v1::AgencyKind>());
  add("--only-to", o.only_to, "The consent reaches only this kind; may be repeated").Check(OneOf<type::v1::AgencyKind>());
  add("--not-to-agency", o.not_to_agencies, "An agency not to be told; may be repeated");
  add("--only-to-agency", o.only_to_agencies, "The consent reaches only this agency; may be repeated");
  add("--not-category", o.not_categories, "A category not to be shared; may be repeated").Check(OneOf<type::v1::Category>());
  add("--only-category", o.only_categories, "The consent reaches only this category; may be repeated").Check(OneOf<type::v1::Category>());
  add("--only-for", o.only_for, "The consent reaches only this purpose; may be repeated").Check(OneOf<type::v1::Purpose>());
  add("--approver", o.approver, "Pseudonym of the approver, when the person does not consent");
  add("--decision-maker", o.decision_maker, "Pseudonym of the decision-maker; who acts when not given");
  add("--advice", o.advice, "Advice taken; may be repeated").Check(OneOf<type::v1::AdviceTaken>());
  add("--not-told-reason", o.not_told, "Why the person was not told").Check(OneOf<type::v1::NotToldReason>());
  return options;
}

}  // namespace accord::accordctl
