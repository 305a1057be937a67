#include "common/agent/draft_builder.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/agent/request_digest.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/header.h"
#include "common/referral/identifiers.h"
#include "common/referral/partial_date.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"

namespace accord::agent {
namespace {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.

constexpr size_t kFullDateChars = 10;
constexpr size_t kInstrumentVersionCharsMax = 32;  // As Risk.instrument_version says.

bool SaysAnything(const google::protobuf::Message& message) { return message.ByteSizeLong() > 0; }

bool Contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

bool IsConsented(ConfidentialityConsent consent) {
  return consent == CONFIDENTIALITY_CONSENT_GIVEN || consent == CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS;
}

DraftBuilder::DraftBuilder(std::string_view method, const google::protobuf::Message& request,
                           const agency::v1::PushOptions& options, const MappingContext& context)
    : context_(context), status_(referral::ValidateMessage(request)) {
  draft_.method = std::string(method);
  draft_.request_digest = DigestOfRequest(request);
  draft_.options = options;
  draft_.core.set_type(REFERRAL_TYPE_REFERRAL);
  when_.set_earliest_ms(absl::ToUnixMillis(context.now));
  when_.set_latest_ms(when_.earliest_ms());
  for (int i = 0; i < options.recipients_size(); ++i) CheckAgency(options.recipients(i), fmt::format("options.recipients[{}]", i));
}

DraftBuilder& DraftBuilder::RequireValid(bool valid, std::string_view field, std::string_view why) {
  if (!valid) Fail(Error(Reason::kFieldInvalid, fmt::format("{} {}", field, why), {{"field", std::string(field)}}));
  return *this;
}

DraftBuilder& DraftBuilder::RequirePresent(bool present, std::string_view field, std::string_view why) {
  if (!present) Fail(Error(Reason::kFieldMissing, fmt::format("{} {}", field, why), {{"field", std::string(field)}}));
  return *this;
}

DraftBuilder& DraftBuilder::Require(const absl::Status& status) {
  Fail(status);
  return *this;
}

DraftBuilder& DraftBuilder::Happened(std::string_view text, std::string_view field) {
  if (text.empty()) return *this;
  const auto range = referral::ParsePartialDate(text, field);
  if (!range.ok()) return Require(range.status());
  *draft_.core.mutable_happened() = when_ = *range;
  return *this;
}

DraftBuilder& DraftBuilder::Known(std::string_view text, std::string_view field) {
  if (text.empty()) return *this;
  const auto range = referral::ParsePartialDate(text, field);
  if (!range.ok()) return Require(range.status());
  *draft_.core.mutable_known() = *range;
  return RequireValid(!draft_.core.has_happened() || range->latest_ms() >= draft_.core.happened().earliest_ms(), field,
                      "is before it happened");
}

void DraftBuilder::CheckPerson(Person& person, std::string_view field) {
  for (int i = 0; i < person.dates_of_birth_size(); ++i) {
    const std::string& date = person.dates_of_birth(i);
    const std::string at = fmt::format("{}.dates_of_birth[{}]", field, i);
    if (auto range = referral::ParsePartialDate(date, at); !range.ok()) Fail(range.status());
    RequireValid(date.size() <= kFullDateChars, at, "has a time of day");
  }
  for (int i = 0; i < person.identifiers_size(); ++i) {
    Identifier& identifier = *person.mutable_identifiers(i);
    const std::string fault = referral::IdentifierFault(identifier.scheme(), identifier.value());
    if (fault.empty()) continue;
    identifier.set_quarantined(true);
    Warn(fmt::format("{}.identifiers[{}] {}: it is kept apart and not matched on; the referral goes. Correct it in your record.", field, i, fault));
  }
}

void DraftBuilder::CheckCode(std::string_view scheme, std::string_view value, std::string_view field) {
  const std::string fault = value.empty() ? "" : referral::IdentifierFault(scheme, value);
  if (!fault.empty()) Warn(fmt::format("{} {}; it goes as it is. Correct it in your record.", field, fault));
}

DraftBuilder& DraftBuilder::Owner(std::string_view owner, std::string_view field) {
  if (owner.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(owner.front()))) return *this;
  CheckCode("force", owner, field);
  const std::vector<std::string>& known = context_.force_codes;
  if (!known.empty() && referral::IsForceCode(owner) && !Contains(known, owner)) {
    Warn(fmt::format("{} is the code of no force that is configured here; it goes as it is. Reports of one event meet by it.", field));
  }
  return *this;
}

void DraftBuilder::CheckAgency(std::string_view id, std::string_view field) {
  RequireValid(IsAgencyId(id), field, "is no agency id: lower-case letters, digits and inner hyphens");
}

SectionContent& DraftBuilder::Section(Category category) {
  DraftSection& section = draft_.sections.emplace_back();
  section.category = category;
  return section.content;
}

DraftSubject& DraftBuilder::Subject(SubjectRole role, const Person& person) {
  DraftSubject& subject = draft_.subjects.emplace_back();
  subject.person = person;
  subject.part.set_role(role);
  subject.part.set_confidential_address(person.confidential_address());
  subject.part.set_age_band(referral::AgeBandAt(when_, person.dates_of_birth()));
  return subject;
}

DraftSubject* DraftBuilder::FindSubject(SubjectRole role) {
  for (DraftSubject& subject : draft_.subjects) {
    if (subject.part.role() == role) return &subject;
  }
  return nullptr;
}

DraftBuilder& DraftBuilder::Victim(const Person& person, std::string_view field, std::string_view reference) {
  RequirePresent(SaysAnything(person), field, "says nothing of the person");
  Person victim = person;
  CheckPerson(victim, field);
  if (victim.record_number().empty()) {
    victim.set_record_number(std::string(reference));
  } else if (!reference.empty()) {
    Identifier& own = *victim.add_identifiers();
    own.set_scheme(std::string(kCaseReferenceScheme));
    own.set_value(std::string(reference));
  }
  victim_age_band_ = Subject(SUBJECT_ROLE_VICTIM, victim).part.age_band();
  *Section(CATEGORY_IDENTITY).mutable_identity()->mutable_victim() = std::move(victim);
  if (person.dates_of_birth().empty()) {
    Warn("The victim's date of birth is not recorded: whether they are a child is not known, and repeats may be missed.");
  }
  return *this;
}

DraftBuilder& DraftBuilder::WithoutContactDetails(bool had_more) {
  bool left_out = had_more;
  for (DraftSection& section : draft_.sections) {
    if (!section.content.has_identity()) continue;
    Person& victim = *section.content.mutable_identity()->mutable_victim();
    left_out = left_out || !victim.address().empty();
    victim.clear_address();
  }
  if (left_out) Warn("Contact details were left out: the person did not agree that they are passed on.");
  return *this;
}

DraftBuilder& DraftBuilder::AllegedPerpetrators(const google::protobuf::RepeatedPtrField<AllegedPerpetrator>& people,
                                                RelationshipClass relationship) {
  if (people.empty() && relationship != RELATIONSHIP_CLASS_UNSPECIFIED) Warn("A relationship is said and no alleged perpetrator: it was left out.");
  if (people.empty()) return *this;
  auto checked = people;
  for (int i = 0; i < people.size(); ++i) {
    const std::string field = fmt::format("alleged_perpetrators[{}]", i);
    RequirePresent(SaysAnything(people[i]), field, "says nothing of the person");
    if (checked[i].has_person()) CheckPerson(*checked[i].mutable_person(), field + ".person");
    DraftSubject& subject = Subject(SUBJECT_ROLE_ALLEGED_PERPETRATOR, checked[i].person());
    if (i == 0) subject.part.set_relationship(relationship);
  }
  *Section(CATEGORY_ALLEGED_PERPETRATOR).mutable_alleged_perpetrators()->mutable_alleged_perpetrators() = std::move(checked);
  return *this;
}

DraftBuilder& DraftBuilder::Children(const google::protobuf::RepeatedPtrField<Child>& children, std::string_view inner) {
  if (children.empty()) return *this;
  auto checked = children;
  for (int i = 0; i < children.size(); ++i) {
    const Child& child = checked[i];
    const std::string field = fmt::format("children[{}]{}", i, inner);
    RequirePresent(SaysAnything(child), field, "says nothing of the child");
    if (child.has_person()) CheckPerson(*checked[i].mutable_person(), field + ".person");
    CheckCode("school_urn", child.school_urn(), field + ".school_urn");
    CheckCode("ods", child.practice_ods_code(), field + ".practice_ods_code");
    const bool unborn = !child.expected_on().empty();
    if (unborn) {
      const std::string expected = field + ".expected_on";
      if (auto day = referral::ParsePartialDate(child.expected_on(), expected); !day.ok()) Fail(day.status());
      RequireValid(child.expected_on().size() == kFullDateChars, expected, "must be a day, YYYY-MM-DD");
      RequireValid(child.person().dates_of_birth().empty(), expected, "is of an unborn child, but a date of birth is given");
    }
    SubjectPart& part = Subject(unborn ? SUBJECT_ROLE_UNBORN_CHILD : SUBJECT_ROLE_CHILD, child.person()).part;
    part.set_present(child.present());
    if (unborn) {
      part.set_age_band(AGE_BAND_UNBORN);
    } else if (part.age_band() == AGE_BAND_UNSPECIFIED) {
      part.set_age_band(AGE_BAND_UNDER_16);  // Called a child, of unknown age: the younger band protects.
    }
  }
  *Section(CATEGORY_CHILDREN).mutable_children()->mutable_children() = std::move(checked);
  return *this;
}

DraftBuilder& DraftBuilder::WorksAtAgency(std::string_view text) {
  constexpr std::string_view kField = "works_at_agency", kVictim = "victim:", kPerpetrator = "perpetrator:";
  if (text.empty()) return *this;
  const bool victim = text.starts_with(kVictim);
  if (!victim && !text.starts_with(kPerpetrator)) {
    return RequireValid(false, kField, "must be `victim:` or `perpetrator:` and an agency id");
  }
  const std::string_view agency = text.substr(victim ? kVictim.size() : kPerpetrator.size());
  CheckAgency(agency, kField);
  DraftSubject* subject = FindSubject(victim ? SUBJECT_ROLE_VICTIM : SUBJECT_ROLE_ALLEGED_PERPETRATOR);
  RequireValid(subject != nullptr, kField, "names an alleged perpetrator, and there is none");
  if (subject != nullptr) subject->part.set_works_at(std::string(agency));
  return *this;
}

DraftBuilder& DraftBuilder::DoNotDiscloseTo(const google::protobuf::RepeatedPtrField<std::string>& agencies) {
  for (int i = 0; i < agencies.size(); ++i) {
    CheckAgency(agencies[i], fmt::format("do_not_disclose_to[{}]", i));
    if (DraftSubject* victim = FindSubject(SUBJECT_ROLE_VICTIM)) victim->part.add_exclusions()->set_agency(agencies[i]);
  }
  return *this;
}

DraftBuilder& DraftBuilder::Risk(RiskAssessment assessment, std::string_view version_field, std::string_view answers_field) {
  RequireValid(assessment.risk().instrument_version().size() <= kInstrumentVersionCharsMax, version_field,
               fmt::format("is longer than {} characters", kInstrumentVersionCharsMax));
  assessment.mutable_risk()->set_subject(SUBJECT_ROLE_VICTIM);
  RequireValid(draft_.options.risk_supervisor().size() <= referral::kPseudonymBytesMax, "options.risk_supervisor",
               fmt::format("is longer than {} characters", referral::kPseudonymBytesMax));
  assessment.mutable_risk()->set_change_reason(draft_.options.risk_change_reason());
  assessment.mutable_risk()->set_supervisor(draft_.options.risk_supervisor());
  if (assessment.assessor().empty()) assessment.set_assessor(draft_.options.worker().pseudonym());
  for (const referral::AnswerFinding& found : referral::CheckAnswers(*context_.instruments, assessment, victim_age_band_)) {
    const std::string_view field = found.about == referral::AnswerFinding::About::kVersion ? version_field : answers_field;
    Warn(fmt::format("{}{}{}.", field, found.words.starts_with('[') ? "" : " ", found.words));
  }
  *draft_.core.mutable_risk() = assessment.risk();
  *Section(CATEGORY_RISK).mutable_risk() = std::move(assessment);
  return *this;
}

DraftBuilder& DraftBuilder::Grade(RiskGrade grade) {
  if (grade == RISK_GRADE_UNSPECIFIED) return *this;
  RiskAssessment assessment;
  assessment.mutable_risk()->set_grade(grade);
  assessment.mutable_risk()->set_instrument(INSTRUMENT_PROFESSIONAL_JUDGEMENT);
  return Risk(std::move(assessment), "");
}

DraftBuilder& DraftBuilder::SafeContact(const type::v1::SafeContact& contact) {
  if (SaysAnything(contact)) *Section(CATEGORY_SAFE_CONTACT).mutable_safe_contact() = contact;
  return *this;
}

DraftBuilder& DraftBuilder::Incident(type::v1::Incident incident) {
  if (draft_.core.has_happened()) *incident.mutable_happened() = draft_.core.happened();
  if (SaysAnything(incident)) *Section(CATEGORY_INCIDENT).mutable_incident() = std::move(incident);
  return *this;
}

DraftBuilder& DraftBuilder::Health(const type::v1::Health& health) {
  CheckCode("ods", health.ods_code(), "health.ods_code");
  if (SaysAnything(health)) *Section(CATEGORY_HEALTH).mutable_health() = health;
  return *this;
}

DraftBuilder& DraftBuilder::Housing(const type::v1::Housing& housing) {
  if (SaysAnything(housing)) *Section(CATEGORY_HOUSING).mutable_housing() = housing;
  return *this;
}

DraftBuilder& DraftBuilder::Orders(const google::protobuf::RepeatedPtrField<Order>& orders) {
  if (orders.empty()) return *this;
  for (int i = 0; i < orders.size(); ++i) {
    int64_t from_ms = 0;
    for (const auto& [name, date] : {std::pair("from", &orders[i].from()), std::pair("until", &orders[i].until())}) {
      if (date->empty()) continue;
      const std::string field = fmt::format("orders[{}].{}", i, name);
      const auto day = referral::ParsePartialDate(*date, field);
      if (!day.ok()) return Require(day.status());
      RequireValid(date->size() == kFullDateChars, field, "must be a day, YYYY-MM-DD");
      RequireValid(from_ms <= day->earliest_ms() || from_ms == 0, field, "is before it begins");
      from_ms = day->earliest_ms();
    }
  }
  *Section(CATEGORY_ORDERS_AND_BAIL).mutable_orders_and_bail()->mutable_orders() = orders;
  return *this;
}

DraftBuilder& DraftBuilder::Text(Category category, std::string_view text) {
  if (!text.empty()) Section(category).mutable_text()->set_text(std::string(text));
  return *this;
}

DraftBuilder& DraftBuilder::Checks() {
  draft_.core.set_type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
  draft_.core.set_checks(true);
  return RequireValid(draft_.options.recipients_size() <= kChecksAskedMax, "options.recipients", fmt::format("are more than {}", kChecksAskedMax));
}

DraftBuilder& DraftBuilder::FollowsOn(std::string_view referral, std::string_view field) {
  if (referral.empty()) return *this;
  auto digest = referral::ParseReferralName(referral, field);
  if (!digest.ok()) return Require(digest.status());
  draft_.core.set_caused_by(*std::move(digest));
  return *this;
}

DraftBuilder& DraftBuilder::ByDefaultTo(std::string_view agency) {
  default_recipients_.emplace_back(agency);
  return *this;
}

DraftBuilder& DraftBuilder::ClientArea(std::string_view area, std::string_view field) {
  RequireValid(area.empty() || referral::IsGssCode(area), field, "is no GSS code: a letter of E, W, S and N, and eight digits");
  client_area_ = std::string(area);
  return *this;
}

DraftBuilder& DraftBuilder::ByDefaultTo(AgencyKind kind) {
  if (!draft_.options.recipients().empty()) return *this;  // Who is named was chosen by a person.
  const ClientFacts facts = Facts();
  std::string why_none;
  std::vector<std::string> not_eligible, no_room;
  bool any = false;
  for (const std::string& agency : context_.routing(kind)) {
    if (agency == context_.agency) continue;
    const WhyNot why_not = kind == AGENCY_KIND_IDVA ? WhyNotEligible(context_.support_services, agency, facts, context_.published) : WhyNot();
    if (why_not.words.empty()) {
      ByDefaultTo(agency);
      any = true;
      continue;
    }
    why_none += fmt::format("{}{} ({})", why_none.empty() ? "" : ", ", agency, why_not.words);
    not_eligible.push_back(agency);
    if (why_not.no_room_only) no_room.push_back(agency);
  }
  if (any || not_eligible.empty()) return *this;
  Warn(NobodyTakesWarning(!no_room.empty(), why_none));
  draft_.not_eligible = std::move(not_eligible);
  draft_.no_room = std::move(no_room);
  return *this;
}

ClientFacts DraftBuilder::Facts() {
  ClientFacts facts;
  facts.age = victim_age_band_;
  facts.grade = draft_.core.risk().grade();
  facts.area = client_area_;
  if (const DraftSubject* victim = FindSubject(SUBJECT_ROLE_VICTIM)) {
    facts.gender = victim->person.gender();
    facts.language = victim->person.language();
  }
  return facts;
}

DraftBuilder& DraftBuilder::ByDefaultToChildrensServicesIfConcerned() {
  return children_concerned() ? ByDefaultTo(AGENCY_KIND_CHILDRENS_SERVICES) : *this;
}

DraftBuilder& DraftBuilder::Warn(std::string_view advice) {
  draft_.warnings.emplace_back(advice);
  return *this;
}

bool DraftBuilder::children_concerned() const {
  return victim_age_band_ == AGE_BAND_UNDER_16 || victim_age_band_ == AGE_BAND_16_17 ||
         std::any_of(draft_.subjects.begin(), draft_.subjects.end(), [](const DraftSubject& subject) {
           return subject.part.role() == SUBJECT_ROLE_CHILD || subject.part.role() == SUBJECT_ROLE_UNBORN_CHILD;
         });
}

bool DraftBuilder::IsExcluded(std::string_view agency) const {
  return std::any_of(draft_.subjects.begin(), draft_.subjects.end(), [&](const DraftSubject& subject) {
    return std::any_of(subject.part.exclusions().begin(), subject.part.exclusions().end(),
                       [&](const Exclusion& exclusion) { return exclusion.agency() == agency; });
  });
}

std::vector<std::string> DraftBuilder::Recipients() const {
  // A named one who is excluded stays: the broker withholds from it, and that is on the record.
  const auto& named = draft_.options.recipients();
  if (!named.empty()) return {named.begin(), named.end()};
  std::vector<std::string> recipients;
  for (const std::string& agency : default_recipients_) {
    if (!Contains(recipients, agency) && !IsExcluded(agency)) recipients.push_back(agency);
  }
  return recipients;
}

Purpose DraftBuilder::SafeguardingPurpose() const {
  return victim_age_band_ == AGE_BAND_UNDER_16 ? PURPOSE_SAFEGUARDING_CHILD : PURPOSE_SAFEGUARDING_ADULT;
}

Purpose DraftBuilder::SupportPurpose() const {
  const Purpose safeguarding = SafeguardingPurpose();
  if (safeguarding == PURPOSE_SAFEGUARDING_CHILD || !IsConsented(draft_.options.basis().consent())) return safeguarding;
  const auto idvas = context_.routing(AGENCY_KIND_IDVA);
  const auto recipients = Recipients();
  return std::all_of(recipients.begin(), recipients.end(), [&](const std::string& agency) { return Contains(idvas, agency); })
             ? PURPOSE_SUPPORT
             : safeguarding;
}

void DraftBuilder::TellChildrensServices(Purpose purpose) {
  const auto childrens = context_.routing(AGENCY_KIND_CHILDRENS_SERVICES);
  const bool told = childrens.empty() || std::any_of(childrens.begin(), childrens.end(), [&](const std::string& agency) {
                      return agency == context_.agency || Contains(draft_.recipients, agency);
                    });
  if (told || !children_concerned()) return;
  if (purpose != PURPOSE_SAFEGUARDING_CHILD || victim_age_band_ != AGE_BAND_UNDER_16) {
    Warn("Children are concerned, and children's services are not among the recipients.");
    return;
  }
  bool added = false;
  for (const std::string& agency : childrens) {
    if (IsExcluded(agency)) continue;
    draft_.recipients.push_back(agency);
    added = true;
  }
  Warn(added ? "The victim is under 16: this is child protection. It goes to children's services too."
             : "The victim is under 16: this is child protection, and children's services must not be told of them. Speak to your "
               "safeguarding lead now.");
}

// The whole push is of who is named: it is not known here which of its sections repeat what was received. A rationale is our own, and is
// added later.
void DraftBuilder::NameOriginator() {
  const std::string& originator = draft_.options.originator();
  if (originator.empty()) {
    RequireValid(draft_.options.originator_agreement() == ORIGINATOR_AGREEMENT_UNSPECIFIED, "options.originator_agreement", "is said of nobody: name options.originator");
    return;
  }
  CheckAgency(originator, "options.originator");
  RequireValid(originator != context_.agency, "options.originator", "is this agency itself, which need not be asked");
  for (DraftSection& section : draft_.sections) section.third_party_material = true;
}

absl::StatusOr<Draft> DraftBuilder::Build(Purpose purpose) && {
  if (const std::string& follows = draft_.options.caused_by(); !follows.empty()) {
    const std::string said = draft_.core.caused_by();
    FollowsOn(follows, "options.caused_by");
    RequireValid(said.empty() || said == draft_.core.caused_by(), "options.caused_by", "is another than the push itself follows");
  }
  const std::string& event = draft_.options.event_reference();
  RequireValid(event.size() <= kEventReferenceBytesMax, "options.event_reference", "is over 64 bytes");
  RequireValid(event.empty() || std::any_of(event.begin(), event.end(), [](unsigned char c) { return absl::ascii_isalnum(c) || c >= 0x80; }), "options.event_reference", "has no letter or digit");
  NameOriginator();
  draft_.recipients = Recipients();
  draft_.core.set_purpose(purpose);
  TellChildrensServices(purpose);
  RequirePresent(!draft_.recipients.empty() || !draft_.not_eligible.empty(), "options.recipients", "names nobody, and nobody is configured for this");
  if (!status_.ok()) return status_;
  return std::move(draft_);
}

DraftBuilder& DraftBuilder::Concerns(std::vector<DraftSubject> subjects) {
  draft_.subjects = std::move(subjects);
  return *this;
}

absl::StatusOr<Draft> DraftBuilder::BuildRecord(ReferralType type, Purpose purpose) {
  draft_.recipients.assign(draft_.options.recipients().begin(), draft_.options.recipients().end());
  draft_.core.set_type(type);
  draft_.core.set_purpose(purpose);
  draft_.sections.clear();
  if (!status_.ok()) return status_;
  return std::move(draft_);
}

absl::StatusOr<Draft> DraftBuilder::BuildNotShared(Purpose purpose, NotSharedReason reason) && {
  RequirePresent(!draft_.options.recipients().empty(), "options.recipients", "names nobody with whom it is not shared");
  draft_.core.set_not_shared_reason(reason);
  return BuildRecord(REFERRAL_TYPE_NOT_SHARED, purpose);
}

absl::StatusOr<Draft> DraftBuilder::BuildSentOutside(Purpose purpose, OutsideChannel channel, int64_t told_at_ms) && {
  RequirePresent(!draft_.options.recipients().empty(), "options.recipients", "names nobody who was told");
  RequirePresent(!draft_.subjects.empty(), "victim", "is missing, and no submission of ours says whom it was about");
  RequireValid(told_at_ms > 0 && told_at_ms <= absl::ToUnixMillis(context_.now), "told_at_ms", "is not from 1970 to now");
  draft_.core.set_outside_channel(channel);
  draft_.core.mutable_happened()->set_earliest_ms(told_at_ms);
  draft_.core.mutable_happened()->set_latest_ms(told_at_ms);
  return BuildRecord(REFERRAL_TYPE_SENT_OUTSIDE, purpose);
}

}  // namespace accord::agent
