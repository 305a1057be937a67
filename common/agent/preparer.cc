#include "common/agent/preparer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/agent/screening.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/header.h"
#include "common/referral/section.h"
#include "common/referral/statement.h"
#include "common/referral/subject_token.h"

namespace accord::agent {
namespace {

using broker::v1::PreviewReferralRequest;
using broker::v1::PreviewReferralResponse;

constexpr std::string_view kTagLabel = "tag";  // Of openings, docs/formats.md §3.

type::v1::TagPart MakeTag(const agency::v1::SharingBasis& basis, const AgencyKeys& keys, const type::v1::Worker& worker,
                          int64_t now_ms, Random& random) {
  type::v1::TagPart tag;
  tag.set_tag_id(NewId(random));
  tag.set_victim_awareness(basis.victim_awareness());
  // "Not to the police" is a limit of the consent, whatever the form's tick box says.
  const bool limited = basis.not_to_size() + basis.only_to_size() + basis.only_to_agencies_size() + basis.not_to_agencies_size() +
                           basis.only_categories_size() + basis.not_categories_size() + basis.only_for_size() > 0;
  tag.set_consent(basis.consent() == type::v1::CONFIDENTIALITY_CONSENT_GIVEN && limited
                      ? type::v1::CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS
                      : basis.consent());
  *tag.mutable_consent_excludes_kinds() = basis.not_to();
  *tag.mutable_consent_kinds() = basis.only_to();
  *tag.mutable_consent_agencies() = basis.only_to_agencies();
  *tag.mutable_consent_excludes_agencies() = basis.not_to_agencies();
  *tag.mutable_consent_categories() = basis.only_categories();
  *tag.mutable_consent_excludes_categories() = basis.not_categories();
  *tag.mutable_consent_purposes() = basis.only_for();
  tag.set_consent_by(basis.consent_by() == type::v1::SUBJECT_ROLE_UNSPECIFIED ? type::v1::SUBJECT_ROLE_VICTIM : basis.consent_by());
  tag.set_consent_at_ms(basis.consent_at_ms() == 0 ? now_ms : basis.consent_at_ms());
  tag.set_consent_how(basis.consent_how());
  tag.set_consent_review_ms(basis.consent_review_ms());
  tag.set_criminal_offence(basis.criminal_offence());
  tag.set_schedule8(basis.schedule8());
  *tag.mutable_advice() = basis.advice();
  tag.set_not_told_reason(basis.not_told_reason());
  tag.set_decided_at_ms(basis.decided_at_ms() == 0 ? now_ms : basis.decided_at_ms());
  tag.set_article6(basis.article6());
  tag.set_article9(basis.article9());
  tag.set_regime(keys.kind == type::v1::AGENCY_KIND_POLICE || keys.kind == type::v1::AGENCY_KIND_PROBATION
                     ? type::v1::REGIME_DPA_PART3
                     : type::v1::REGIME_UK_GDPR);
  tag.set_gateway(basis.gateway());
  tag.set_decision_maker(basis.decision_maker().empty() ? worker.pseudonym() : basis.decision_maker());
  tag.set_approver(basis.approver());
  tag.set_rationale_present(!basis.rationale().empty());
  return tag;
}

referral::HeaderParts ToParts(const PreviewReferralRequest& request) {
  referral::HeaderParts parts;
  parts.core = request.core();
  parts.recipients.assign(request.recipients().begin(), request.recipients().end());
  parts.sections.assign(request.sections().begin(), request.sections().end());
  parts.tags.assign(request.tags().begin(), request.tags().end());
  parts.subjects.assign(request.subjects().begin(), request.subjects().end());
  return parts;
}

// A certificate that was good until it ran out is an agency's oversight and no swapped key: nothing is sealed to it, and
// nobody else is kept from what is theirs.
bool HasMerelyExpired(const AgencyKeys& keys, const broker::v1::ResolvedRecipient& recipient, absl::Time now) {
  const auto certificate = crypto::Certificate::FromDer(recipient.sealing_certificate());
  return certificate.ok() && certificate->not_after() < now &&
         CheckAgencyCertificate(keys, recipient.sealing_certificate(), recipient.agency(), "sealing",
                                certificate->not_after() - absl::Seconds(1)).ok();
}

// May sections be sealed for `recipient`, beside what the broker decides? Whom it resolves to stand in may be whom a person is to be kept
// from, or where they work, and its word for who stands in is no reason to name anybody whose principal was not named here.
bool MayBeSealedFor(const broker::v1::ResolvedRecipient& recipient, const Draft& draft) {
  const bool stands_in = !recipient.on_behalf_of().empty();
  const std::string& named = stands_in ? recipient.on_behalf_of() : recipient.agency();
  if (std::find(draft.recipients.begin(), draft.recipients.end(), named) == draft.recipients.end()) return false;
  if (!stands_in) return true;  // Decided by the broker for itself.
  return std::none_of(draft.subjects.begin(), draft.subjects.end(), [&](const DraftSubject& subject) {
    return subject.part.works_at() == recipient.agency() ||
           std::any_of(subject.part.exclusions().begin(), subject.part.exclusions().end(), [&](const type::v1::Exclusion& exclusion) {
             return exclusion.agency() == recipient.agency() ||
                    (exclusion.kind() != type::v1::AGENCY_KIND_UNSPECIFIED && exclusion.kind() == recipient.kind());
           });
  });
}

// What is said of those who stand in is said once, below the decisions, which are those about the recipients that were named.
void HideStandIns(const Draft& draft, PreviewReferralResponse& preview) {
  const auto named = [&](const std::string& agency) {
    return std::find(draft.recipients.begin(), draft.recipients.end(), agency) != draft.recipients.end();
  };
  auto& decisions = *preview.mutable_decisions();
  decisions.erase(std::remove_if(decisions.begin(), decisions.end(), [&](const auto& decision) { return !named(decision.recipient()); }),
                  decisions.end());
  for (const auto& recipient : preview.recipients()) {
    if (recipient.on_behalf_of().empty() || !MayBeSealedFor(recipient, draft)) continue;
    const bool deputy = recipient.capacity() == type::v1::RECIPIENT_CAPACITY_DEPUTY;
    preview.add_warnings(fmt::format("Sealed also for {}, {} of {}: handed over only when they redirect it there, or miss a clock.",
                                     recipient.agency(), deputy ? "the deputy" : "the duty recipient", recipient.on_behalf_of()));
  }
}

// The draft as it would go: with its files and the rationale of each basis as sections, and screened. The rationale of a record alone stays
// here. Files are as much third-party material as the sections that they go with.
Draft Screened(Draft draft) {
  const bool third_party = std::any_of(draft.sections.begin(), draft.sections.end(), [](const DraftSection& s) { return s.third_party_material; });
  for (const std::string& id : draft.options.attachments()) {
    DraftSection& file = draft.sections.emplace_back();
    file.category = type::v1::CATEGORY_ATTACHMENT;
    file.third_party_material = third_party;
    file.attachment = id;
  }
  const auto add_rationale = [&](const agency::v1::SharingBasis& basis, type::v1::Category basis_of) {
    if (basis.rationale().empty()) return;
    DraftSection& rationale = draft.sections.emplace_back();
    rationale.category = type::v1::CATEGORY_RATIONALE;
    rationale.content.mutable_text()->set_text(basis.rationale());
    rationale.basis_of = basis_of;
  };
  if (!referral::IsRecordOnly(draft.core.type())) {
    add_rationale(draft.options.basis(), type::v1::CATEGORY_UNSPECIFIED);
    for (const auto& row : draft.options.section_bases()) add_rationale(row.basis(), row.category());
  }
  Screen(draft);
  return draft;
}

// A victim information request names the section that states it: its first narrative. Without one it names none, and the broker says that
// it lacks.
void NameStatement(PreviewReferralRequest& request, Random& random) {
  if (!request.core().has_victim_information_request()) return;
  const auto& sections = request.sections();
  const auto stated = std::find_if(sections.begin(), sections.end(), [](const auto& part) { return part.category() == type::v1::CATEGORY_NARRATIVE; });
  request.mutable_core()->mutable_victim_information_request()->set_statement_section(stated == sections.end() ? NewId(random) : stated->section_id());
}

// A basis of some sections is of sections that are there, once each; where the sender acts is said of the whole alone.
absl::Status CheckSectionBases(const Draft& draft) {
  std::set<int> seen;
  const auto invalid = [](int row, std::string_view why) {
    const std::string field = fmt::format("options.section_bases[{}]", row);
    return Error(Reason::kFieldInvalid, fmt::format("{} {}", field, why), {{"field", field}});
  };
  for (int i = 0; i < draft.options.section_bases_size(); ++i) {
    const auto& row = draft.options.section_bases(i);
    if (row.category() == type::v1::CATEGORY_RATIONALE) {
      return invalid(i, "is of the rationale, which stands under the basis that it gives the reasons of");
    }
    if (!seen.insert(row.category()).second) return invalid(i, "is of a category that an earlier one is of");
    const bool of_files = row.category() == type::v1::CATEGORY_ATTACHMENT && !draft.options.attachments().empty();
    if (!of_files && std::none_of(draft.sections.begin(), draft.sections.end(), [&](const DraftSection& s) { return s.category == row.category(); })) {
      return invalid(i, "is of a category of which there is no section");
    }
    if (row.basis().jurisdiction() != type::v1::JURISDICTION_UNSPECIFIED &&
        row.basis().jurisdiction() != draft.options.basis().jurisdiction()) {
      return invalid(i, "names another jurisdiction than the basis of the whole");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PreviewReferralRequest> Preparer::Parts(const Draft& draft) const {
  PreviewReferralRequest request;
  const auto& options = draft.options;
  *request.mutable_core() = draft.core;
  request.mutable_core()->set_request_id(options.request_id());
  request.mutable_core()->set_sender(keys_.agency);
  *request.mutable_core()->mutable_worker() = options.worker();
  request.mutable_core()->set_urgency(options.immediate() ? type::v1::URGENCY_IMMEDIATE : type::v1::URGENCY_ROUTINE);
  request.mutable_core()->set_signed_at_ms(absl::ToUnixMillis(clock_.Now()));
  if (options.basis().jurisdiction() != type::v1::JURISDICTION_UNSPECIFIED) {
    request.mutable_core()->set_jurisdiction(options.basis().jurisdiction());
  }
  request.mutable_core()->set_screening_version(std::string(kScreeningVersion));
  if (!options.event_reference().empty()) {
    *request.mutable_core()->mutable_report()->mutable_event() =
        referral::MakeEventToken(options.event_reference(), OwnLinkage(keys_, clock_.Now()));
  }
  if (options.report_source() != 0) request.mutable_core()->mutable_report()->set_source(options.report_source());
  if (options.credibility() != 0) request.mutable_core()->mutable_report()->set_credibility(options.credibility());

  std::set<std::string> seen;
  for (const std::string& agency : draft.recipients) {
    if (!seen.insert(agency).second) continue;
    auto& recipient = *request.add_recipients();
    recipient.set_agency(agency);
    recipient.set_capacity(type::v1::RECIPIENT_CAPACITY_NAMED);
    // What concerns an agency's own staff goes to its confidential desk.
    const bool own_staff = std::any_of(draft.subjects.begin(), draft.subjects.end(), [&](const DraftSubject& subject) {
      return subject.part.works_at() == agency;
    });
    recipient.set_desk(own_staff ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN);
  }
  ACCORD_RETURN_IF_ERROR(CheckSectionBases(draft));
  const int64_t now_ms = absl::ToUnixMillis(clock_.Now());
  std::map<type::v1::Category, std::string> own_tags;  // Category with a basis of its own → tag id.
  *request.add_tags() = MakeTag(options.basis(), keys_, options.worker(), now_ms, random_);
  for (const auto& row : options.section_bases()) {
    auto& tag = *request.add_tags() = MakeTag(row.basis(), keys_, options.worker(), now_ms, random_);
    own_tags[row.category()] = tag.tag_id();
  }
  if (referral::IsRecordOnly(draft.core.type())) request.mutable_tags(0)->set_rationale_present(false);  // It stays here.
  for (const DraftSection& section : draft.sections) {
    auto& part = *request.add_sections();
    part.set_section_id(NewId(random_));
    part.set_category(section.category);
    const auto own = own_tags.find(section.category == type::v1::CATEGORY_RATIONALE ? section.basis_of : section.category);
    part.set_tag_id(own == own_tags.end() ? request.tags(0).tag_id() : own->second);
    part.set_third_party_material(section.third_party_material);
    if (section.third_party_material) {
      part.set_originator(options.originator());
      part.set_originator_agreement(options.originator_agreement());
    }
    part.set_confidential_address(section.confidential_address);
  }
  NameStatement(request, random_);
  const auto domains = LinkageFor(keys_, draft.recipients, clock_.Now());
  for (const DraftSubject& subject : draft.subjects) {
    auto& part = *request.add_subjects();
    part = subject.part;
    part.set_subject_id(NewId(random_));
    for (auto& token : referral::MakeTokens(subject.person, domains)) *part.add_tokens() = std::move(token);
  }
  request.set_with_stand_ins(true);
  ACCORD_RETURN_IF_ERROR(referral::ValidateParts(ToParts(request), /*digests_required=*/false));
  return request;
}

absl::StatusOr<std::vector<crypto::Certificate>> Preparer::TrustedCertificates(
    const PreviewReferralResponse& preview) const {
  std::vector<crypto::Certificate> certificates;
  for (const auto& recipient : preview.recipients()) {
    if (recipient.sealing_certificate().empty()) {
      certificates.push_back(keys_.sealing_certificate);  // No such desk: nothing is permitted to it.
      continue;
    }
    auto checked = CheckAgencyCertificate(keys_, recipient.sealing_certificate(), recipient.agency(), "sealing", clock_.Now());
    if (!checked.ok() && HasMerelyExpired(keys_, recipient, clock_.Now())) {
      return Error(Reason::kSealingKeyUntrusted, fmt::format("the sealing certificate of {} has expired; it must renew it", recipient.agency()),
                   {{"agency", recipient.agency()}});
    }
    if (!checked.ok()) return alarm_.Raise(checked.status(), {recipient.sealing_certificate()});
    certificates.push_back(*std::move(checked));
  }
  return certificates;
}

absl::StatusOr<PreviewReferralResponse> Preparer::AskBroker(const Draft& screened,
                                                            const PreviewReferralRequest& parts) const {
  ACCORD_ASSIGN_OR_RETURN(PreviewReferralResponse preview, broker_.Preview(parts));
  for (const std::string& warning : screened.warnings) preview.add_warnings(warning);
  return preview;
}

absl::StatusOr<PreviewReferralResponse> Preparer::Preview(const Draft& pushed) const {
  const Draft draft = Screened(pushed);
  ACCORD_ASSIGN_OR_RETURN(const PreviewReferralRequest request, Parts(draft));
  ACCORD_ASSIGN_OR_RETURN(PreviewReferralResponse preview, AskBroker(draft, request));
  HideStandIns(draft, preview);
  return preview;
}

absl::StatusOr<Prepared> Preparer::Prepare(const Draft& pushed, PreviewReferralResponse& preview_out) const {
  const Draft draft = Screened(pushed);
  ACCORD_ASSIGN_OR_RETURN(const PreviewReferralRequest request, Parts(draft));
  if (referral::IsRecordOnly(draft.core.type())) {
    for (const std::string& warning : draft.warnings) preview_out.add_warnings(warning);
    return SignParts(ToParts(request), {});
  }
  ACCORD_ASSIGN_OR_RETURN(preview_out, AskBroker(draft, request));
  ACCORD_ASSIGN_OR_RETURN(const auto certificates, TrustedCertificates(preview_out));

  // Whom each section is sealed for: those it is permitted to, their deputies and duty recipients if it is permitted to both, and ourselves.
  std::map<std::string, std::set<std::string>> permitted;  // Section id → agencies.
  for (const auto& decision : preview_out.decisions()) {
    if (decision.verdict() == type::v1::VERDICT_PERMIT) permitted[decision.section_id()].insert(decision.recipient());
  }
  HideStandIns(draft, preview_out);
  if (permitted.empty()) {
    return Error(Reason::kNothingPermitted, "no section may go to any recipient; the decisions say why and what would change it");
  }
  referral::HeaderParts parts = ToParts(request);
  for (const auto& recipient : preview_out.recipients()) {
    if (recipient.on_behalf_of().empty() || !MayBeSealedFor(recipient, draft)) continue;
    auto& part = parts.recipients.emplace_back();
    part.set_agency(recipient.agency());
    part.set_desk(type::v1::DESK_MAIN);
    part.set_capacity(recipient.capacity());
    part.set_on_behalf_of(recipient.on_behalf_of());
  }
  std::map<std::string, std::string> tag_contents;  // By tag id, as the header commits to them.
  for (const auto& tag : parts.tags) tag_contents[tag.tag_id()] = tag.SerializeAsString();
  std::vector<type::v1::SealedSection> sealed_sections;
  size_t inline_bytes = 0;
  for (size_t i = 0; i < parts.sections.size(); ++i) {
    type::v1::SectionPart& part = parts.sections[i];
    std::vector<crypto::Certificate> recipients = {keys_.sealing_certificate};
    for (int r = 0; r < preview_out.recipients_size(); ++r) {
      const auto& recipient = preview_out.recipients(r);
      if (!MayBeSealedFor(recipient, draft)) continue;
      const auto& to = permitted[part.section_id()];
      const bool may = to.contains(recipient.agency()) && (recipient.on_behalf_of().empty() || to.contains(recipient.on_behalf_of()));
      const auto known = std::find_if(recipients.begin(), recipients.end(), [&](const crypto::Certificate& c) {
        return c.subject_key_id() == certificates[r].subject_key_id();
      });
      if (may && known == recipients.end()) recipients.push_back(certificates[r]);
    }
    const referral::SectionBinding binding{keys_.agency, parts.core.request_id(), part.section_id(), part.category(),
                                          tag_contents.at(part.tag_id())};
    ACCORD_ASSIGN_OR_RETURN(const std::string content, ContentOf(draft.sections[i]));
    ACCORD_ASSIGN_OR_RETURN(const std::string plaintext, referral::MakePlaintext(binding, content));
    auto& sealed = sealed_sections.emplace_back();
    sealed.set_section_id(part.section_id());
    ACCORD_ASSIGN_OR_RETURN(*sealed.mutable_cms(), crypto::cms::Seal(plaintext, recipients));
    ACCORD_ASSIGN_OR_RETURN(const crypto::cms::Parsed shown, crypto::cms::Parse(sealed.cms()));
    part.set_digest(shown.digest);
    ACCORD_RETURN_IF_ERROR(Place(parts.core.request_id(), sealed, inline_bytes));
  }
  return SignParts(parts, std::move(sealed_sections));
}

absl::StatusOr<std::string> Preparer::ContentOf(const DraftSection& section) const {
  if (section.attachment.empty()) return section.content.SerializeAsString();
  if (files_ == nullptr) return Error(Reason::kAttachmentNotFound, "this service keeps no files");
  type::v1::SectionContent content;
  ACCORD_ASSIGN_OR_RETURN(*content.mutable_attachment(), files_->Get(section.attachment));
  return content.SerializeAsString();
}

absl::StatusOr<std::string> Preparer::BytesOf(const std::string& request_id, const type::v1::SealedSection& section) const {
  if (sections_ == nullptr) return section.cms();
  return sections_->BytesOf(SectionOwner::Sent(request_id), section);
}

absl::Status Preparer::Place(const std::string& request_id, type::v1::SealedSection& section, size_t& inline_bytes) const {
  return sections_ == nullptr ? absl::OkStatus() : sections_->Place(SectionOwner::Sent(request_id), section, inline_bytes);
}

absl::StatusOr<Prepared> Preparer::SignParts(const referral::HeaderParts& parts, std::vector<type::v1::SealedSection> sealed_sections) const {
  Prepared prepared;
  ACCORD_ASSIGN_OR_RETURN(referral::SignedHeader signed_header, referral::SignHeader(parts, keys_.signing_key, random_));
  prepared.header_digest = referral::DigestOf(signed_header.header);
  *prepared.submission.mutable_header() = std::move(signed_header.header);
  for (auto& opening : signed_header.openings) *prepared.submission.add_openings() = std::move(opening);
  for (auto& sealed : sealed_sections) *prepared.submission.add_sections() = std::move(sealed);
  return prepared;
}

absl::StatusOr<std::vector<type::v1::Opening>> Preparer::RemakeTags(const type::v1::Submission& submission,
                                                                    const agency::v1::SharingBasis& basis,
                                                                    type::v1::Statement& statement) const {
  std::vector<type::v1::TagPart> tags;
  const int64_t now_ms = absl::ToUnixMillis(clock_.Now());
  for (const auto& opening : submission.openings()) {
    if (opening.label() != kTagLabel) continue;
    type::v1::TagPart old_tag;
    if (!old_tag.ParseFromString(opening.content())) return Error(Reason::kOpeningMismatch, "a tag of the stored submission does not parse");
    type::v1::TagPart& tag = tags.emplace_back(MakeTag(basis, keys_, statement.worker(), now_ms, random_));
    tag.set_tag_id(old_tag.tag_id());
    tag.set_rationale_present(old_tag.rationale_present());
  }
  return referral::CommitToTags(tags, random_, statement);
}

absl::StatusOr<type::v1::SignedPayload> Preparer::Sign(type::v1::Statement statement) const {
  statement.set_agency(keys_.agency);
  return referral::SignStatement(std::move(statement), keys_.signing_key);
}

}  // namespace accord::agent
