#include "common/referral/decision.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::referral {
namespace {

using namespace type::v1;  // NOLINT: the rules read best in the field's own words.

// One thing that would change a decision: the code for programs, the words for people.
struct Change {
  ChangeCode code;
  std::string words;
};

// What a rule says. Absent: the rule has nothing to say and the next one is asked.
struct Ruling {
  Verdict verdict = VERDICT_WITHHOLD;
  std::string rule_id;
  std::string reason;
  std::vector<Change> changes;
};

// All a rule of a recipient may look at.
struct Question {
  const PolicySnapshot& policy;
  const HeaderParts& parts;
  const Agreement* agreement;   // Null when none is live.
  const PolicyAgency* sender;   // Null when unknown or inactive, as of all agencies here.
  const RecipientPart& recipient;
  const PolicyAgency* agency;   // Of the recipient.
};

// The same of one section. REQUIRES: sender and agency are known.
struct SectionQuestion : Question {
  const SectionPart& section;
  const TagPart& tag;
};

template <typename T>
bool Has(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}
template <typename List, typename T>
bool HasEnum(const List& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// One reason for all protective rules: it must not tell which list somebody is on.
Ruling Protected() {
  return {VERDICT_WITHHOLD, "always/protective-list", "A protective rule applies to this recipient. Nothing more can be said here.", {}};
}

bool Names(const Exclusion& exclusion, const Question& q) {
  if (exclusion.agency() == q.recipient.agency()) return true;
  return q.agency != nullptr && exclusion.kind() != AGENCY_KIND_UNSPECIFIED && exclusion.kind() == q.agency->kind;
}

std::optional<Ruling> ProtectiveLists(const Question& q) {
  const auto barred = q.policy.conflicts.find(q.parts.core.sender());
  if (barred != q.policy.conflicts.end() && barred->second.contains(q.parts.core.worker().pseudonym())) return Protected();
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
      if (HasEnum(exclusion.categories(), q.section.category()) && Names(exclusion, q)) return Protected();
    }
  }
  return std::nullopt;
}

std::optional<Ruling> WorksAtAgency(const Question& q) {
  if (q.recipient.desk() == DESK_CONFIDENTIAL) return std::nullopt;
  for (const SubjectPart& subject : q.parts.subjects) {
    if (subject.works_at().empty() || subject.works_at() != q.recipient.agency()) continue;
    Ruling ruling{VERDICT_WITHHOLD, "always/works-at-agency", "Somebody concerned works at this agency: only its confidential desk may have it.", {}};
    if (q.agency != nullptr && q.agency->has_confidential_desk) ruling.changes = {{CHANGE_CODE_ADDRESS_CONFIDENTIAL_DESK, "Address the agency's confidential desk."}};
    return ruling;
  }
  return std::nullopt;
}

std::optional<Ruling> ImmigrationEnforcement(const Question& q) {
  if (q.parts.core.purpose() != PURPOSE_IMMIGRATION_ENFORCEMENT) return std::nullopt;
  return Ruling{VERDICT_REFUSE, "always/immigration-enforcement", "Accord carries nothing for immigration enforcement.", {}};
}

std::optional<Ruling> SenderUnknown(const Question& q) {
  if (q.sender != nullptr) return std::nullopt;
  return Ruling{VERDICT_WITHHOLD, "always/sender-unknown", "The sender is no active agency.", {{CHANGE_CODE_ENROL_AGENCY, "An administrator must enrol the sender."}}};
}

std::optional<Ruling> RecipientUnknown(const Question& q) {
  if (q.agency != nullptr) return std::nullopt;
  return Ruling{VERDICT_WITHHOLD, "always/recipient-unknown", "No active agency has this id.", {{CHANGE_CODE_OTHER_RECIPIENT, "Choose an agency of the directory."}}};
}

std::optional<Ruling> NoSuchDesk(const Question& q) {
  if (q.recipient.desk() != DESK_CONFIDENTIAL || q.agency->has_confidential_desk) return std::nullopt;
  return Ruling{VERDICT_WITHHOLD, "always/no-such-desk", "This agency has no confidential desk.",
                {{CHANGE_CODE_ADDRESS_MAIN_DESK, "Address its main desk, if nobody concerned works there, or choose another agency."}}};
}

std::optional<Ruling> ImmigrationStatus(const SectionQuestion& q) {
  if (q.section.category() != CATEGORY_IMMIGRATION_STATUS || q.agency->kind != AGENCY_KIND_POLICE) return std::nullopt;
  return Ruling{VERDICT_WITHHOLD, "always/immigration-status", "Immigration status does not go to police.", {}};
}

// Is the consent that was given good for this recipient and category? Nobody consents for those they are said to abuse.
bool ConsentCovers(const SectionQuestion& q) {
  const TagPart& tag = q.tag;
  if (tag.consent_by() == SUBJECT_ROLE_ALLEGED_PERPETRATOR) return false;
  if (tag.consent() == CONFIDENTIALITY_CONSENT_GIVEN) return true;
  if (tag.consent() != CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS) return false;
  if (HasEnum(tag.consent_excludes_kinds(), q.agency->kind) || HasEnum(tag.consent_excludes_agencies(), q.recipient.agency()) ||
      HasEnum(tag.consent_excludes_categories(), q.section.category())) {
    return false;
  }
  // Recipients are named by kind or by id: who is in either list is meant.
  const bool any_recipient = tag.consent_kinds().empty() && tag.consent_agencies().empty();
  return (any_recipient || HasEnum(tag.consent_kinds(), q.agency->kind) || HasEnum(tag.consent_agencies(), q.recipient.agency())) &&
         (tag.consent_categories().empty() || HasEnum(tag.consent_categories(), q.section.category())) &&
         (tag.consent_purposes().empty() || HasEnum(tag.consent_purposes(), q.parts.core.purpose()));
}

std::optional<Ruling> DutyToRefer(const SectionQuestion& q) {
  if (q.parts.core.purpose() != PURPOSE_HOUSING_DUTY_TO_REFER) return std::nullopt;
  if (q.sender->kind == AGENCY_KIND_POLICE || q.sender->kind == AGENCY_KIND_IDVA) {
    return Ruling{VERDICT_WITHHOLD, "always/duty-to-refer-sender", "The duty to refer does not lie on this agency; it refers voluntarily.",
                  {{CHANGE_CODE_SEND_AS_VOLUNTARY, "Send it as a voluntary housing referral."}}};
  }
  if (q.agency->kind != AGENCY_KIND_HOUSING) {
    return Ruling{VERDICT_WITHHOLD, "always/duty-to-refer-recipient", "A duty-to-refer notice goes to a housing authority only.", {{CHANGE_CODE_OTHER_RECIPIENT, "Name the housing authority the person chose."}}};
  }
  if (!ConsentCovers(q)) {
    return Ruling{VERDICT_NEEDS_BASIS, "always/duty-to-refer-consent", "The duty to refer needs the person's consent and their choice of council (Housing Act 1996 s213B).",
                  {{CHANGE_CODE_RECORD_CONSENT, "Ask the person, and record that they consent."}}};
  }
  return std::nullopt;
}

// A victim information request is a police request of its own kind, with what the law asks of it (PCSC Act 2022 ss44A-44D).
std::optional<Ruling> VictimInformation(const SectionQuestion& q) {
  const HeaderCore& core = q.parts.core;
  const bool police = q.sender->kind == AGENCY_KIND_POLICE;
  if (core.purpose() != PURPOSE_VICTIM_INFORMATION_REQUEST) {
    if (!police || core.type() != REFERRAL_TYPE_REQUEST_FOR_INFORMATION || core.purpose() != PURPOSE_CRIME_PREVENTION) return std::nullopt;
    return Ruling{VERDICT_REFUSE, "always/victim-information-request", "A police request for an investigation is a victim information request.",
                  {{CHANGE_CODE_SEND_AS_VICTIM_INFORMATION_REQUEST, "Send it as a victim information request."}}};
  }
  const bool answer = core.type() == REFERRAL_TYPE_RESPONSE;
  if (!answer && (!police || core.type() != REFERRAL_TYPE_REQUEST_FOR_INFORMATION)) {
    return Ruling{VERDICT_REFUSE, "always/victim-information-sender", "Only a police force makes a victim information request, and it is a request for information.",
                  {{CHANGE_CODE_OTHER_PURPOSE, "State the purpose it is really for."}}};
  }
  if (answer) return std::nullopt;
  const VictimInformationRequest& request = core.victim_information_request();
  const bool stated = std::any_of(q.parts.sections.begin(), q.parts.sections.end(), [&](const SectionPart& section) {
    return section.category() == CATEGORY_NARRATIVE && section.section_id() == request.statement_section();
  });
  const bool counselling = HasEnum(request.sought(), static_cast<int>(VICTIM_MATERIAL_COUNSELLING));
  // What is sought and the notice are required fields: ValidateParts has seen them.
  if (stated && request.reasonable_line_of_enquiry() && request.necessary_and_proportionate() && (!counselling || request.presumption_rebutted())) {
    return std::nullopt;
  }
  return Ruling{VERDICT_NEEDS_BASIS, "always/victim-information-incomplete",
                "A victim information request states what is sought, the line of enquiry, why it is necessary and proportionate, the notice to the victim and, for counselling records, why the presumption against is rebutted.",
                {{CHANGE_CODE_COMPLETE_VICTIM_INFORMATION_REQUEST, "Complete the request, with the narrative section that states it."}}};
}

bool Covers(const Route& route, const SectionQuestion& q) {
  return (Has(route.from_kinds, q.sender->kind) || Has(route.from_agencies, q.parts.core.sender())) &&
         (Has(route.to_kinds, q.agency->kind) || Has(route.to_agencies, q.recipient.agency())) &&
         Has(route.purposes, q.parts.core.purpose()) && Has(route.categories, q.section.category()) &&
         q.parts.core.risk().grade() >= route.min_grade && (route.forum.empty() || route.forum == q.parts.core.forum());
}

std::string RuleId(const SectionQuestion& q, const Route& route) {
  return fmt::format("agreement/{}/{}", q.agreement->version, route.id);
}

// Does the gateway's Act reach where the sender acts: where the referral says, else any part where the sender has an area.
bool GatewayExtends(const SectionQuestion& q) {
  const Jurisdiction stated = q.parts.core.jurisdiction();
  if (stated != JURISDICTION_UNSPECIFIED || q.sender->jurisdictions.empty()) return InForceIn(q.tag.gateway(), stated);
  return std::any_of(q.sender->jurisdictions.begin(), q.sender->jurisdictions.end(),
                     [&](Jurisdiction jurisdiction) { return InForceIn(q.tag.gateway(), jurisdiction); });
}

// Is there a rationale under the section's own tag? The flag alone is a claim; the sealed section is what the broker can see.
bool HasRationale(const SectionQuestion& q) {
  return q.tag.rationale_present() && std::any_of(q.parts.sections.begin(), q.parts.sections.end(), [&](const SectionPart& section) {
    return section.category() == CATEGORY_RATIONALE && section.tag_id() == q.tag.tag_id();
  });
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
                {{CHANGE_CODE_ASK_ORIGINATOR, "Ask the agency it came from, and record that it agrees."}}};
}

// What lacks in the recorded basis; none when it is enough.
std::optional<Ruling> BasisGap(const SectionQuestion& q, const Route& route) {
  if (q.tag.article6() == ARTICLE6_BASIS_UNSPECIFIED) {
    return Ruling{VERDICT_NEEDS_BASIS, "always/lawful-basis", "No lawful basis (UK GDPR Article 6) is recorded.", {{CHANGE_CODE_RECORD_ARTICLE6, "Record the Article 6 basis; consent alone is rarely one."}}};
  }
  if (ConsentCovers(q)) return std::nullopt;
  if (route.needs_consent) {
    return Ruling{VERDICT_NEEDS_BASIS, RuleId(q, route), "Under the agreement this goes only with the person's consent.", {{CHANGE_CODE_RECORD_CONSENT, "Ask the person, if it is safe, and record their consent."}}};
  }
  std::vector<Change> changes;
  if (!GatewayServes(route, q.tag.gateway()) || !GatewayExtends(q)) {
    changes.push_back({CHANGE_CODE_RECORD_GATEWAY, q.tag.gateway() == GATEWAY_UNSPECIFIED
                                                       ? "Record the power or duty to share (the gateway)."
                                                       : "Record another power or duty to share: this gateway does not replace consent here."});
  }
  if (!HasRationale(q)) changes.push_back({CHANGE_CODE_ADD_RATIONALE, "Say why in the rationale."});
  if (q.tag.approver().empty()) changes.push_back({CHANGE_CODE_RECORD_APPROVER, "Have an approver agree, and record them."});
  if (changes.empty()) return std::nullopt;
  return Ruling{VERDICT_NEEDS_BASIS, "always/consent-or-basis", "The person has not consented to this, and what is needed to share without consent is not recorded.", std::move(changes)};
}

Ruling ConfidentialAddress() {
  return {VERDICT_WITHHOLD, "always/confidential-address", "A refuge or confidential address is withheld unless the agreement names the route for it.", {{CHANGE_CODE_LEAVE_OUT_ADDRESS, "Send the section without the address."}}};
}

// What a route says of a question that it covers.
Ruling ByRoute(const SectionQuestion& q, const Route& route) {
  if (q.section.confidential_address() && !route.confidential_address) return ConfidentialAddress();
  if (auto gap = BasisGap(q, route); gap.has_value()) return *std::move(gap);
  return {VERDICT_PERMIT, RuleId(q, route),
          ConsentCovers(q) ? "Permitted by the agreement; the person consents." : "Permitted by the agreement; shared without consent under the recorded basis, rationale and approver.", {}};
}

// What the route that permits most says: the order of routes means nothing, and a further one takes nothing away.
std::optional<Ruling> ByAgreement(const SectionQuestion& q) {
  if (q.agreement == nullptr || !Has(q.agreement->parties, q.parts.core.sender()) || !Has(q.agreement->parties, q.recipient.agency())) return std::nullopt;
  const auto rank = [](const Ruling& ruling, const Route& route) {
    const int verdict = ruling.verdict == VERDICT_PERMIT ? 0 : ruling.verdict == VERDICT_NEEDS_BASIS ? 1 : 2;
    return std::tuple(verdict, route.needs_consent, std::string_view(route.id));
  };
  std::optional<Ruling> best;
  const Route* best_route = nullptr;
  for (const Route& route : q.agreement->routes) {
    if (!Covers(route, q)) continue;
    Ruling ruling = ByRoute(q, route);
    if (best.has_value() && rank(*best, *best_route) < rank(ruling, route)) continue;
    best = std::move(ruling);
    best_route = &route;
  }
  return best;
}

// The agreement, consent and basis: the only rules that IMMEDIATE waives, and only where there is a gap.
Ruling AgreementAndBasis(const SectionQuestion& q, bool& waived) {
  std::optional<Ruling> ruling = ByAgreement(q);
  const bool gap = !ruling.has_value() || ruling->verdict == VERDICT_NEEDS_BASIS;
  if (gap && q.parts.core.urgency() == URGENCY_IMMEDIATE && Has(q.policy.emergency.to_kinds, q.agency->kind) &&
      Has(q.policy.emergency.categories, q.section.category())) {
    if (!ruling.has_value() && q.section.confidential_address()) return ConfidentialAddress();
    waived = true;
    return {VERDICT_PERMIT, fmt::format("emergency/{}", q.policy.emergency.version), "Danger now: shared under the emergency schedule; the gap is queued for review.", {}};
  }
  if (ruling.has_value()) return *std::move(ruling);
  if (q.agreement == nullptr) return {VERDICT_WITHHOLD, "default/no-agreement", "No data-sharing agreement is in force.", {{CHANGE_CODE_CHANGE_AGREEMENT, "An administrator must approve an agreement."}}};
  return {VERDICT_WITHHOLD, "default/no-route", "The agreement has no route for this category to this agency for this purpose.",
          {{CHANGE_CODE_CHANGE_AGREEMENT, "Choose another recipient or purpose, or have the agreement changed."}}};
}

// What holds for a recipient whatever the section. Who is protected is asked before who exists, so that no other answer
// can tell them apart.
std::optional<Ruling> RuleOnRecipient(const Question& q) {
  for (const auto& rule : {ProtectiveLists, WorksAtAgency, ImmigrationEnforcement, SenderUnknown, RecipientUnknown, NoSuchDesk}) {
    if (auto ruling = rule(q); ruling.has_value()) return ruling;
  }
  return std::nullopt;
}

Ruling RuleOnSection(const SectionQuestion& q, bool& waived) {
  for (const auto& rule : {ProtectedCategories, ImmigrationStatus, VictimInformation, DutyToRefer, ThirdPartyMaterial}) {
    if (auto ruling = rule(q); ruling.has_value()) return *std::move(ruling);
  }
  return AgreementAndBasis(q, waived);
}

// Do children's services know of it: do they send it, or may they have some of it?
bool ChildrensServicesKnow(const PolicySnapshot& policy, const HeaderParts& parts, const Decisions& decisions) {
  const auto childrens = [&](const std::string& id) {
    const auto agency = policy.agencies.find(id);
    return agency != policy.agencies.end() && agency->second.kind == AGENCY_KIND_CHILDRENS_SERVICES;
  };
  return childrens(parts.core.sender()) ||
         std::any_of(decisions.decisions.begin(), decisions.decisions.end(),
                     [&](const SectionDecision& d) { return d.verdict() == VERDICT_PERMIT && childrens(d.recipient()); });
}

std::vector<std::string> Warnings(const HeaderParts& parts, bool childrens_know, size_t waived, absl::Time now) {
  std::vector<std::string> warnings;
  bool child = false;
  for (const SubjectPart& subject : parts.subjects) {
    child |= subject.role() == SUBJECT_ROLE_CHILD || subject.role() == SUBJECT_ROLE_UNBORN_CHILD;
    if (subject.role() != SUBJECT_ROLE_VICTIM) continue;
    if (subject.age_band() == AGE_BAND_UNDER_16) {
      warnings.push_back(childrens_know ? "The victim is under 16: this is child protection; children's services lead."
                                        : "The victim is under 16: this is child protection. Send it to children's services too, now.");
    } else if (subject.age_band() == AGE_BAND_16_17 && !childrens_know) {
      warnings.push_back("The victim is 16 or 17: send it to children's services as well as to Marac.");
    }
  }
  if (child && !childrens_know) warnings.push_back("A child is concerned, and this does not reach children's services.");
  if (std::any_of(parts.tags.begin(), parts.tags.end(), [&](const TagPart& tag) {
        return tag.consent_review_ms() != 0 && absl::FromUnixMillis(tag.consent_review_ms()) <= now;
      })) {
    warnings.push_back("The consent was to be reviewed by now: ask again, if it is safe.");
  }
  if (waived > 0) warnings.push_back("Shared under the emergency schedule: complete consent and basis within one working day. 999 is for danger now.");
  return warnings;
}

}  // namespace

Decisions Decide(const PolicySnapshot& policy, const HeaderParts& parts, absl::Time now) {
  Decisions result;
  const Agreement* agreement = policy.agreement.has_value() && policy.agreement->effective_from <= now && now < policy.agreement->expires
                                   ? &*policy.agreement
                                   : nullptr;
  if (agreement != nullptr) result.agreement_version = agreement->version;
  const auto find = [&](const std::string& id) -> const PolicyAgency* {
    const auto agency = policy.agencies.find(id);
    return agency == policy.agencies.end() || !agency->second.active ? nullptr : &agency->second;
  };
  std::vector<std::pair<Question, std::optional<Ruling>>> recipients;
  for (const RecipientPart& recipient : parts.recipients) {
    const Question question{policy, parts, agreement, find(parts.core.sender()), recipient, find(recipient.agency())};
    recipients.emplace_back(question, RuleOnRecipient(question));
  }
  for (const SectionPart& section : parts.sections) {
    const auto tag = std::find_if(parts.tags.begin(), parts.tags.end(), [&](const TagPart& t) { return t.tag_id() == section.tag_id(); });
    ACCORD_CHECK(tag != parts.tags.end());
    for (const auto& [question, ruled] : recipients) {
      bool waived = false;
      Ruling ruling = ruled.has_value() ? *ruled : RuleOnSection({question, section, *tag}, waived);
      if (waived) ++result.gaps_waived;
      SectionDecision& decision = result.decisions.emplace_back();
      decision.set_section_id(section.section_id());
      decision.set_category(section.category());
      decision.set_recipient(question.recipient.agency());
      decision.set_verdict(ruling.verdict);
      if (ruling.verdict == VERDICT_PERMIT) {
        // The copy's regime is the recipient's own: Part 3 does not follow material out of law enforcement (domain.md §3).
        const AgencyKind kind = question.agency->kind;
        decision.set_recipient_regime(kind == AGENCY_KIND_POLICE || kind == AGENCY_KIND_PROBATION ? REGIME_DPA_PART3 : REGIME_UK_GDPR);
        decision.set_emergency_gap(waived);
        decision.mutable_obligations()->set_onward(ONWARD_SHARING_ASK_ORIGINATOR);
        decision.mutable_obligations()->set_not_to_alleged_perpetrator(true);
      }
      decision.set_rule_id(std::move(ruling.rule_id));
      decision.set_reason(std::move(ruling.reason));
      for (Change& change : ruling.changes) {
        if (decision.changes().empty()) decision.add_changes();
        decision.mutable_changes(0)->add_changes(change.code);
        decision.add_what_would_change_it(std::move(change.words));
      }
    }
  }
  result.warnings = Warnings(parts, ChildrensServicesKnow(policy, parts, result), result.gaps_waived, now);
  return result;
}

std::string DecisionDigest(const PolicySnapshot& policy, const Decisions& decisions) {
  std::vector<std::string> rows;
  for (const SectionDecision& decision : decisions.decisions) {
    rows.push_back(ByteWriter()
                       .Lp16(decision.section_id())
                       .Lp16(decision.recipient())
                       .U8(static_cast<uint8_t>(decision.verdict()))
                       .Lp16(decision.rule_id())
                       .bytes());
  }
  std::sort(rows.begin(), rows.end());
  ByteWriter writer;
  writer.Raw("accord/decision/v1").U8(0).Lp16(decisions.agreement_version).Lp16(policy.emergency.version);
  writer.U32(static_cast<uint32_t>(rows.size()));
  for (const std::string& row : rows) writer.Raw(row);
  return crypto::Sha256(writer.bytes());
}

std::set<std::string> PermittedSections(const Decisions& decisions, std::string_view agency) {
  std::set<std::string> ids;
  for (const SectionDecision& decision : decisions.decisions) {
    if (decision.recipient() == agency && decision.verdict() == VERDICT_PERMIT) ids.insert(decision.section_id());
  }
  return ids;
}

}  // namespace accord::referral
