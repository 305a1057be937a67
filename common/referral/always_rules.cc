#include "common/referral/rules.h"

namespace accord::referral::rules {

using namespace type::v1;  // NOLINT: the rules read best in the field's own words.

bool IsMember(const Question& q, const std::string& forum) {
  const auto found = q.law.policy.sources.forums.find(forum);
  return found != q.law.policy.sources.forums.end() && found->second.members.contains(q.recipient.agency());
}
bool WorksWithPerpetrators(const CompiledAgency& agency) {
  return agency.facts->works_with_perpetrators || agency.facts->kind == AGENCY_KIND_PROBATION;
}

namespace {

// One reason for all protective rules: it must not tell which list somebody is on.
Ruling Protected() {
  return {VERDICT_WITHHOLD, "always/protective-list", "A protective rule applies to this recipient. Nothing more can be said here.", {}};
}

bool Names(const Exclusion& exclusion, const Question& q) {
  if (exclusion.agency() == q.recipient.agency()) return true;
  return q.agency != nullptr && exclusion.kind() != AGENCY_KIND_UNSPECIFIED && exclusion.kind() == q.kind();
}

std::optional<Ruling> ProtectiveLists(const Question& q) {
  const auto barred = q.law.policy.sources.conflicts.find(q.parts.core.sender());
  if (barred != q.law.policy.sources.conflicts.end() && barred->second.contains(q.parts.core.worker().pseudonym())) return Protected();
  for (const SubjectPart& subject : q.parts.subjects) {
    for (const Exclusion& exclusion : subject.exclusions()) {
      if (exclusion.categories().empty() && Names(exclusion, q)) return Protected();
    }
  }
  return std::nullopt;
}

// An exclusion of some categories only. The reason is that of the whole exclusion, so that neither tells of the other.
std::optional<Ruling> ProtectedCategories(const SectionQuestion& q) {
  for (const SubjectPart& subject : q.parts.subjects) {
    for (const Exclusion& exclusion : subject.exclusions()) {
      if (Has(exclusion.categories(), q.section.category()) && Names(exclusion, q)) return Protected();
    }
  }
  return std::nullopt;
}

std::optional<Ruling> WorksAtAgency(const Question& q) {
  if (q.recipient.desk() == DESK_CONFIDENTIAL) return std::nullopt;
  for (const SubjectPart& subject : q.parts.subjects) {
    if (subject.works_at().empty() || subject.works_at() != q.recipient.agency()) continue;
    Ruling ruling{VERDICT_WITHHOLD, "always/works-at-agency", "Somebody concerned works at this agency: only its confidential desk may have it.", {}};
    if (q.agency != nullptr && q.agency->facts->has_confidential_desk) ruling.alternatives = One(CHANGE_CODE_ADDRESS_CONFIDENTIAL_DESK, "Address the agency's confidential desk.");
    return ruling;
  }
  return std::nullopt;
}

std::optional<Ruling> ImmigrationEnforcement(const Question& q) {
  if (q.parts.core.purpose() != PURPOSE_IMMIGRATION_ENFORCEMENT) return std::nullopt;
  return Ruling{VERDICT_REFUSE, "always/immigration-enforcement", "Accord carries nothing for immigration enforcement.", {}};
}

// What was said for an investigation is not used for safeguarding under its cover, nor the other way about.
std::optional<Ruling> VictimInformationTurned(const Question& q) {
  if (q.facts.caused_by == nullptr) return std::nullopt;
  const bool was = q.facts.caused_by->purpose() == PURPOSE_VICTIM_INFORMATION_REQUEST;
  if (was == (q.parts.core.purpose() == PURPOSE_VICTIM_INFORMATION_REQUEST)) return std::nullopt;
  return Ruling{VERDICT_REFUSE, "always/victim-information-turned", "A victim information request never turns into anything else, nor anything else into one.",
                One(CHANGE_CODE_OTHER_PURPOSE, "Send it for itself, not as what follows from the other.")};
}

std::optional<Ruling> SenderUnknown(const Question& q) {
  if (q.sender != nullptr) return std::nullopt;
  return Ruling{VERDICT_WITHHOLD, "always/sender-unknown", "The sender is no active agency.", One(CHANGE_CODE_ENROL_AGENCY, "An administrator must enrol the sender.")};
}

std::optional<Ruling> RecipientUnknown(const Question& q) {
  if (q.agency != nullptr) return std::nullopt;
  return Ruling{VERDICT_WITHHOLD, "always/recipient-unknown", "No active agency has this id.", One(CHANGE_CODE_OTHER_RECIPIENT, "Choose an agency of the directory.")};
}

std::optional<Ruling> NoSuchDesk(const Question& q) {
  if (q.recipient.desk() != DESK_CONFIDENTIAL || q.agency->facts->has_confidential_desk) return std::nullopt;
  return Ruling{VERDICT_WITHHOLD, "always/no-such-desk", "This agency has no confidential desk.",
                One(CHANGE_CODE_ADDRESS_MAIN_DESK, "Address its main desk, if nobody concerned works there, or choose another agency.")};
}

// An agency that also works with people who abuse has what concerns a forum only as a named member of it.
std::optional<Ruling> ForumMembers(const Question& q) {
  const HeaderCore& core = q.parts.core;
  if (core.purpose() != PURPOSE_MARAC && core.forum().empty()) return std::nullopt;
  if (!WorksWithPerpetrators(*q.agency)) return std::nullopt;
  if (IsMember(q, core.forum())) return std::nullopt;
  Ruling ruling{VERDICT_WITHHOLD, "always/forum-members", "This agency also works with people who abuse: it has what concerns a Marac only as a named member of the forum.", {}};
  if (core.forum().empty()) ruling.alternatives = One(CHANGE_CODE_NAME_FORUM, "Name the forum that this is for, if the agency is a member of it.");
  return ruling;
}

std::optional<Ruling> ImmigrationStatus(const SectionQuestion& q) {
  if (q.section.category() != CATEGORY_IMMIGRATION_STATUS || q.kind() != AGENCY_KIND_POLICE) return std::nullopt;
  return Ruling{VERDICT_WITHHOLD, "always/immigration-status", "Immigration status does not go to police.", {}};
}

// As stated, else where the sender's areas are; who has none is taken to be in England, as by the legal register.
bool ActsInEngland(const Question& q) {
  const Jurisdiction stated = q.parts.core.jurisdiction();
  if (stated != JURISDICTION_UNSPECIFIED) return stated == JURISDICTION_ENGLAND;
  return q.sender->jurisdictions.empty() || Has(q.sender->jurisdictions, JURISDICTION_ENGLAND);
}

std::optional<Ruling> DutyToRefer(const SectionQuestion& q) {
  if (q.parts.core.purpose() != PURPOSE_HOUSING_DUTY_TO_REFER) return std::nullopt;
  if (q.sender_kind() == AGENCY_KIND_POLICE || q.sender_kind() == AGENCY_KIND_IDVA) {
    return Ruling{VERDICT_WITHHOLD, "always/duty-to-refer-sender", "The duty to refer does not lie on this agency; it refers voluntarily.",
                  One(CHANGE_CODE_SEND_AS_VOLUNTARY, "Send it as a voluntary housing referral.")};
  }
  if (!ActsInEngland(q)) {
    return Ruling{VERDICT_WITHHOLD, "always/duty-to-refer-england", "The duty to refer is law in England alone (Housing Act 1996 s213B).",
                  One(CHANGE_CODE_SEND_AS_VOLUNTARY, "Send it as a voluntary housing referral.")};
  }
  if (q.kind() != AGENCY_KIND_HOUSING) {
    return Ruling{VERDICT_WITHHOLD, "always/duty-to-refer-recipient", "A duty-to-refer notice goes to a housing authority only.", One(CHANGE_CODE_OTHER_RECIPIENT, "Name the housing authority the person chose.")};
  }
  if (!q.consent_covers) {
    return Ruling{VERDICT_NEEDS_BASIS, "always/duty-to-refer-consent", "The duty to refer needs the person's consent and their choice of council (Housing Act 1996 s213B).",
                  One(CHANGE_CODE_RECORD_CONSENT, "Ask the person, and record that they consent.")};
  }
  // The person chooses one council; whom the notice is addressed to says which, unless it is several.
  const auto authorities = std::count_if(q.parts.recipients.begin(), q.parts.recipients.end(), [&](const RecipientPart& recipient) {
    const auto agency = q.law.policy.agencies.find(recipient.agency());
    return recipient.capacity() == RECIPIENT_CAPACITY_NAMED && agency != q.law.policy.agencies.end() && agency->second.facts->kind == AGENCY_KIND_HOUSING;
  });
  if (authorities > 1 && !Has(q.tag.consent_agencies(), q.recipient.agency())) {
    return Ruling{VERDICT_NEEDS_BASIS, "always/duty-to-refer-choice", "The person chooses which council is notified (Housing Act 1996 s213B): more than one is addressed.",
                  One(CHANGE_CODE_RECORD_CONSENT, "Record which council the person chose, or address that one alone.")};
  }
  return std::nullopt;
}

// A victim information request is a police request of its own kind, with what the law asks of it (PCSC Act 2022 ss44A-44D).
std::optional<Ruling> VictimInformation(const SectionQuestion& q) {
  const HeaderCore& core = q.parts.core;
  const bool police = q.sender_kind() == AGENCY_KIND_POLICE;
  if (core.purpose() != PURPOSE_VICTIM_INFORMATION_REQUEST) {
    if (!police || core.type() != REFERRAL_TYPE_REQUEST_FOR_INFORMATION || core.purpose() != PURPOSE_CRIME_PREVENTION) return std::nullopt;
    return Ruling{VERDICT_REFUSE, "always/victim-information-request", "A police request for an investigation is a victim information request.",
                  One(CHANGE_CODE_SEND_AS_VICTIM_INFORMATION_REQUEST, "Send it as a victim information request.")};
  }
  const bool answer = core.type() == REFERRAL_TYPE_RESPONSE;
  if (!answer && (!police || core.type() != REFERRAL_TYPE_REQUEST_FOR_INFORMATION)) {
    return Ruling{VERDICT_REFUSE, "always/victim-information-sender", "Only a police force makes a victim information request, and it is a request for information.",
                  One(CHANGE_CODE_OTHER_PURPOSE, "State the purpose it is really for.")};
  }
  if (answer) return std::nullopt;
  const VictimInformationRequest& request = core.victim_information_request();
  const bool stated = std::any_of(q.parts.sections.begin(), q.parts.sections.end(), [&](const SectionPart& section) {
    return section.category() == CATEGORY_NARRATIVE && section.section_id() == request.statement_section();
  });
  const bool counselling = Has(request.sought(), static_cast<int>(VICTIM_MATERIAL_COUNSELLING));
  // What is sought and the notice are required fields: ValidateParts has seen them.
  if (stated && request.reasonable_line_of_enquiry() && request.necessary_and_proportionate() && (!counselling || request.presumption_rebutted())) {
    return std::nullopt;
  }
  return Ruling{VERDICT_NEEDS_BASIS, "always/victim-information-incomplete",
                "A victim information request states what is sought, the line of enquiry, why it is necessary and proportionate, the notice to the victim and, for counselling records, why the presumption against is rebutted.",
                One(CHANGE_CODE_COMPLETE_VICTIM_INFORMATION_REQUEST, "Complete the request, with the narrative section that states it.")};
}

// Third-party material goes no further than its originator agrees; danger now may wait for no answer, but never for a refusal.
std::optional<Ruling> ThirdPartyMaterial(const SectionQuestion& q) {
  if (!q.section.third_party_material() || q.section.originator().empty() || q.section.originator() == q.recipient.agency() ||
      q.section.originator() == q.parts.core.sender() || q.section.originator_agreement() == ORIGINATOR_AGREEMENT_GIVEN) {
    return std::nullopt;
  }
  if (q.section.originator_agreement() == ORIGINATOR_AGREEMENT_REFUSED) {
    return Ruling{VERDICT_WITHHOLD, "always/originator-refused", "The agency this came from does not agree that it goes further.", {}};
  }
  if (q.parts.core.urgency() == URGENCY_IMMEDIATE) return std::nullopt;
  return Ruling{VERDICT_NEEDS_BASIS, "always/ask-originator", "This came from another agency, which is asked before it goes further.",
                One(CHANGE_CODE_ASK_ORIGINATOR, "Ask the agency it came from, and record that it agrees.")};
}

// What was received goes further only as its sender's obligations let it, and back to that sender as anything does. Reasons for sharing are
// always those of who shares. Danger now may wait for no answer here either.
std::optional<Ruling> Onward(const SectionQuestion& q) {
  const ReceivedBefore* const received = q.facts.received;
  if (received == nullptr || received->originator == q.recipient.agency() || q.section.category() == CATEGORY_RATIONALE) return std::nullopt;
  const Category category = q.section.category();
  const OnwardSharing rule = received->rules.contains(category) ? received->rules.at(category) : ONWARD_SHARING_FREE;
  if (rule == ONWARD_SHARING_FREE) return std::nullopt;
  if (rule == ONWARD_SHARING_NEVER) {
    return Ruling{VERDICT_WITHHOLD, "onward/never", "What was received under this agreement goes no further.", {}};
  }
  const bool agreed = q.section.third_party_material() && q.section.originator() == received->originator &&
                      q.section.originator_agreement() == ORIGINATOR_AGREEMENT_GIVEN;
  if (agreed) return std::nullopt;
  if (q.parts.core.urgency() == URGENCY_IMMEDIATE) return std::nullopt;
  return Ruling{VERDICT_NEEDS_BASIS, "onward/ask-originator", "This was received from another agency, which is asked before it goes further.",
                One(CHANGE_CODE_ASK_ORIGINATOR, "Ask the agency it came from, and record that it agrees.")};
}

}  // namespace

// Who is protected is asked before who exists, so that no other answer can tell them apart.
std::optional<Ruling> OnRecipient(const Question& q) {
  for (const auto& rule : {ProtectiveLists, WorksAtAgency, ImmigrationEnforcement, VictimInformationTurned, SenderUnknown, RecipientUnknown, NoSuchDesk, ForumMembers}) {
    if (auto ruling = rule(q); ruling.has_value()) return ruling;
  }
  return std::nullopt;
}

std::optional<Ruling> OnSection(const SectionQuestion& q) {
  for (const auto& rule : {ProtectedCategories, ImmigrationStatus, VictimInformation, DutyToRefer, ThirdPartyMaterial, Onward}) {
    if (auto ruling = rule(q); ruling.has_value()) return ruling;
  }
  return std::nullopt;
}

}  // namespace accord::referral::rules
