#include "common/agent/redaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "accord/options/v1/options.pb.h"

namespace accord::agent {
namespace {

using namespace agency::v1;  // NOLINT: the words of the table.
using namespace type::v1;    // NOLINT

template <size_t N>
bool IsNamed(const FieldFacts& facts, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), std::string_view(facts.field->name())) != names.end();
}

bool InSection(const FieldFacts& facts) { return facts.category != CATEGORY_UNSPECIFIED; }

// Sections that are about the victim, whoever else is in them.
bool IsAboutVictim(Category category) {
  return category != CATEGORY_UNSPECIFIED && category != CATEGORY_ALLEGED_PERPETRATOR && category != CATEGORY_CHILDREN &&
         category != CATEGORY_RATIONALE;
}

// Words that somebody wrote as they liked.
bool IsFreeText(const FieldFacts& facts) {
  constexpr std::array<std::string_view, 30> kNames = {
      "text", "summary", "note", "place", "arrest", "no_arrest_reason", "positive_action", "warnings", "weapons", "risk_to_professionals", "rationale",
      "voice", "injuries", "pregnancy", "homelessness", "request", "household", "lives_with", "parental_responsibility", "holder", "basis", "relationship",
      "relationship_to_victim", "relationship_to_perpetrator", "not_safe_to_talk_to", "source", "conditions", "perpetrator_tenure", "temporary_accommodation",
      "portals_read_by_perpetrator"};
  return facts.field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING && (InSection(facts) || facts.basis) && IsNamed(facts, kNames);
}

// Where somebody is, or by what they are reached.
bool IsWhere(const FieldFacts& facts) {
  constexpr std::array<std::string_view, 15> kNames = {"address", "place", "phone", "email", "school", "school_urn", "practice_ods_code", "ods_code",
                                                       "lives_with", "landlord", "chosen_council", "areas_of_risk", "temporary_accommodation", "works_at",
                                                       "works_at_agency"};
  return IsNamed(facts, kNames);
}

bool IsWorker(const FieldFacts& facts) {
  constexpr std::array<std::string_view, 6> kNames = {"assessor", "supervisor", "caldicott_guardian", "practitioner", "seen_by", "approver"};
  return facts.field->options().GetExtension(options::v1::sensitivity) == options::v1::SENSITIVITY_PSEUDONYM || IsNamed(facts, kNames);
}

bool IsSchool(const FieldFacts& facts) {
  constexpr std::array<std::string_view, 2> kNames = {"school", "school_urn"};
  return IsNamed(facts, kNames);
}

bool ConcernsSharing(const FieldFacts& facts) { return facts.basis || facts.category == CATEGORY_RATIONALE; }

constexpr std::string_view kThirdParty = "schedule 2 paragraph 16";

constexpr RedactionRule kRules[] = {
    {"another-person", REDACTION_MARK_THIRD_PARTY, kThirdParty, "what is said of any other person: name, dates, identifiers, and the row they stand in",
     "About another person.", [](const FieldFacts& facts) { return facts.whose == Whose::kOthers; }},
    {"perhaps-another", REDACTION_MARK_THIRD_PARTY, kThirdParty, "a person who was recognised by a weak match alone",
     "May be another person of a like name or date of birth: make sure first.", [](const FieldFacts& facts) { return facts.whose == Whose::kPerhaps; }},
    {"about-the-victim", REDACTION_MARK_THIRD_PARTY, kThirdParty, "sections about the victim, where the person is not the victim or their role is not known",
     "About the victim, who is another person.",
     [](const FieldFacts& facts) { return facts.role != SUBJECT_ROLE_VICTIM && IsAboutVictim(facts.category) && facts.whose == Whose::kNobodys; }},
    {"follows", REDACTION_MARK_THIRD_PARTY, kThirdParty, "sections of a record in which the person was not recognised, and which follows one about them",
     "The person was not recognised in this record: it follows one about them.", [](const FieldFacts& facts) { return facts.follows && InSection(facts); }},
    {"third-party-material", REDACTION_MARK_THIRD_PARTY, kThirdParty, "sections that their sender marked as a third party's material",
     "Material of a third party: ask who it came from before it is given.", [](const FieldFacts& facts) { return facts.third_party_material; }},
    {"another-agency", REDACTION_MARK_THIRD_PARTY, kThirdParty, "sections that another agency sent",
     "Came from another agency: consult it before it is given.", [](const FieldFacts& facts) { return facts.received && InSection(facts); }},
    {"worker", REDACTION_MARK_THIRD_PARTY, "schedule 2 paragraphs 16 and 17", "pseudonyms of workers, here and elsewhere",
     "Leads to a worker; of health, social and education workers giving it is taken to be reasonable.", IsWorker},
    {"free-text", REDACTION_MARK_THIRD_PARTY, kThirdParty, "text that somebody wrote in their own words",
     "Free text can name anybody: read it whole.", IsFreeText},
    {"file", REDACTION_MARK_THIRD_PARTY, kThirdParty, "attached files", "A file can hold anything: open it.",
     [](const FieldFacts& facts) { return facts.category == CATEGORY_ATTACHMENT; }},
    {"health", REDACTION_MARK_SERIOUS_HARM, "schedule 3 paragraphs 5 and 6", "the section health",
     "Health data: not given where that is likely to cause serious harm; ask the health professional first.",
     [](const FieldFacts& facts) { return facts.category == CATEGORY_HEALTH; }},
    {"social-work", REDACTION_MARK_SERIOUS_HARM, "schedule 3 paragraph 11", "the sections children, safety plan and voice",
     "Social work data: not given where that is likely to cause serious harm.",
     [](const FieldFacts& facts) {
       return facts.category == CATEGORY_CHILDREN || facts.category == CATEGORY_SAFETY_PLAN || facts.category == CATEGORY_VOICE;
     }},
    {"education", REDACTION_MARK_SERIOUS_HARM, "schedule 3 paragraph 19", "schools of children", "Education data: not given where that is likely to cause serious harm.",
     IsSchool},
    {"risk", REDACTION_MARK_SERIOUS_HARM, "schedule 3 paragraphs 5 and 11", "the sections risk and case history",
     "What was assessed of danger: ask whether somebody is harmed when it is read, and by whom it may be found.",
     [](const FieldFacts& facts) { return facts.category == CATEGORY_RISK || facts.category == CATEGORY_CASE_HISTORY; }},
    {"child-abuse", REDACTION_MARK_SERIOUS_HARM, "schedule 3 paragraph 21", "everything where the person is a child, and the section children",
     "Child abuse data: to who asks for a child only where that is in the child's best interests; test their authority.",
     [](const FieldFacts& facts) {
       return facts.role == SUBJECT_ROLE_CHILD || facts.role == SUBJECT_ROLE_UNBORN_CHILD || facts.category == CATEGORY_CHILDREN;
     }},
    {"police", REDACTION_MARK_CRIME_PREJUDICE, "schedule 2 paragraph 2; section 45(4)", "the sections incident, and orders and bail",
     "May prejudice an investigation, a prosecution or an order: ask the police.",
     [](const FieldFacts& facts) { return facts.category == CATEGORY_INCIDENT || facts.category == CATEGORY_ORDERS_AND_BAIL; }},
    {"police-request", REDACTION_MARK_CRIME_PREJUDICE, "schedule 2 paragraph 2; section 45(4)",
     "everything of a police request for information about a victim, or for preventing crime", "Shows what the police ask for: ask them.",
     [](const FieldFacts& facts) { return facts.purpose == PURPOSE_VICTIM_INFORMATION_REQUEST || facts.purpose == PURPOSE_CRIME_PREVENTION; }},
    {"disclosure-scheme", REDACTION_MARK_CRIME_PREJUDICE, "schedule 2 paragraph 2; section 45(4)", "everything of a disclosure under Clare's Law",
     "Whether, and to whom, something was disclosed under Clare's Law is confidential.", [](const FieldFacts& facts) { return facts.disclosure_scheme; }},
    {"marac", REDACTION_MARK_CRIME_PREJUDICE, "schedule 2 paragraph 2", "everything of a referral to a Marac, and a delivered case history",
     "That it went to a Marac may itself have to be neither confirmed nor denied.",
     [](const FieldFacts& facts) { return facts.purpose == PURPOSE_MARAC || facts.forum; }},
    {"not-told", REDACTION_MARK_CRIME_PREJUDICE, "schedule 2 paragraph 2", "the basis and its reasons, where the victim was not told",
     "The person was not told that it was shared: why may still hold.", [](const FieldFacts& facts) { return facts.not_told && ConcernsSharing(facts); }},
    {"alleged-perpetrator", REDACTION_MARK_CRIME_PREJUDICE, "schedule 2 paragraph 2", "everything, where the person is the alleged perpetrator",
     "The person is the alleged perpetrator here: that this was made at all may have to be neither confirmed nor denied.",
     [](const FieldFacts& facts) { return facts.role == SUBJECT_ROLE_ALLEGED_PERPETRATOR; }},
    {"role-not-known", REDACTION_MARK_CRIME_PREJUDICE, "schedule 2 paragraph 2", "everything, where it is not known as whom the person is in the record",
     "As whom the person is in this record is not known: see first whether they are the alleged perpetrator.",
     [](const FieldFacts& facts) { return facts.role == SUBJECT_ROLE_UNSPECIFIED; }},
    {"alleged-perpetrator-harm", REDACTION_MARK_SERIOUS_HARM, "schedule 3 paragraphs 5 and 11", "sections, where the person is the alleged perpetrator",
     "The person is the alleged perpetrator here: what the victim, a child or an agency said of them can put the victim in danger.",
     [](const FieldFacts& facts) { return facts.role == SUBJECT_ROLE_ALLEGED_PERPETRATOR && InSection(facts); }},
    {"safe-contact", REDACTION_MARK_SAFE_CONTACT, kThirdParty, "the section safe contact", "How the victim is safely reached: never to anybody else, nor where another may read it.",
     [](const FieldFacts& facts) { return facts.category == CATEGORY_SAFE_CONTACT; }},
    {"confidential-address", REDACTION_MARK_SAFE_CONTACT, kThirdParty, "what is said of a person, or in a section, with a confidential address",
     "Somebody here lives at a confidential address, or in a refuge.", [](const FieldFacts& facts) { return facts.confidential_address; }},
    {"where-somebody-is", REDACTION_MARK_SAFE_CONTACT, kThirdParty, "addresses, places, schools, practices, landlords and councils, where the person is not the victim",
     "Shows where somebody at risk may be found.", [](const FieldFacts& facts) { return facts.role != SUBJECT_ROLE_VICTIM && IsWhere(facts); }},
    {"housing", REDACTION_MARK_SAFE_CONTACT, kThirdParty, "the section housing", "Shows where the victim lives, or will live.",
     [](const FieldFacts& facts) { return facts.category == CATEGORY_HOUSING; }},
    {"legal-advice", REDACTION_MARK_LEGAL_PRIVILEGE, "schedule 2 paragraph 19", "the basis and its reasons, where legal advice was taken",
     "May repeat legal advice.", [](const FieldFacts& facts) { return facts.legal_advice && ConcernsSharing(facts); }},
};

}  // namespace

std::span<const RedactionRule> RedactionRules() { return kRules; }

void MarkField(const FieldFacts& facts, PackField& field) {
  for (const RedactionRule& rule : kRules) {
    if (!rule.applies(facts)) continue;
    field.add_marks(rule.mark);
    field.add_reasons(fmt::format("{} (DPA 2018 {})", rule.reason, rule.law));
  }
}

}  // namespace accord::agent
