#include "services/broker/admission/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"

namespace accord::broker {
namespace {

type::v1::Desk DeskOf(const type::v1::RecipientPart& recipient) {
  return recipient.desk() == type::v1::DESK_CONFIDENTIAL ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN;
}

absl::Status CheckSender(const Caller& caller, const type::v1::HeaderCore& core) {
  if (core.sender() == caller.id) return absl::OkStatus();
  return Error(Reason::kSenderMismatch, "the signed sender is not the agency of the connection");
}

// Whether a section sealed for `owner` is sealed for somebody who stands for a recipient that is permitted it:
// the recipient's own desk, or its registered deputy or duty recipient.
bool MaySeal(const DirectorySnapshot& directory, const referral::OpenedHeader& header, const referral::Decisions& decisions,
             const std::string& section_id, const DirectorySnapshot::SealingKeyOwner& owner) {
  for (const auto& row : header.recipients) {
    const auto& recipient = row.part;
    if (!referral::PermittedSections(decisions, recipient.agency()).contains(section_id)) continue;
    if (recipient.agency() == owner.agency && DeskOf(recipient) == owner.desk) return true;
    const AgencyRow* agency = directory.FindActiveAgency(recipient.agency());
    if (agency != nullptr && owner.desk == type::v1::DESK_MAIN &&
        (agency->agency.deputy() == owner.agency || agency->agency.duty_recipient() == owner.agency)) {
      return true;
    }
  }
  return false;
}

absl::Status CheckSeals(const Admitted& admitted, const DirectorySnapshot& directory, const referral::Decisions& decisions) {
  for (const auto& [section_id, keys] : admitted.sealed_for) {
    for (const std::string& key : keys) {
      const auto* owner = directory.FindSealingKeyOwner(key);
      if (owner == nullptr) {
        return Error(Reason::kSealingKeyUnknown, "a section is sealed to a key that no registered agency holds; preview again",
                     {{"section_id", ToHex(section_id)}});
      }
      if (owner->agency == admitted.caller.id || MaySeal(directory, admitted.header, decisions, section_id, *owner)) continue;
      return Error(Reason::kSealedTooWidely, "a section is sealed for an agency that may not have it; preview again and seal only for whom it permits",
                   {{"section_id", ToHex(section_id)}, {"agency", owner->agency}});
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SigningKeyUnknown(const std::string& agency) {
  return Error(Reason::kSigningKeyUnknown, "the signature's key is not a registered signing key of the agency", {{"agency", agency}});
}

absl::StatusOr<Admitted> Admission::Admit(const Caller& caller, std::string_view request_id,
                                          type::v1::Submission submission, std::string_view previewed_digest) const {
  if (submission.openings_size() > static_cast<int>(kOpeningsMax) ||
      submission.sections_size() > static_cast<int>(referral::kSectionsMax)) {
    return Error(Reason::kMessageTooLarge, fmt::format("more than {} openings or {} sections", kOpeningsMax, referral::kSectionsMax),
                 {{"limit", std::to_string(referral::kSectionsMax)}});
  }
  Admitted admitted;
  admitted.caller = caller;
  admitted.previewed_digest = previewed_digest;
  ACCORD_ASSIGN_OR_RETURN(const referral::HeaderView view, referral::ParseHeader(submission.header()));
  const auto directory = directory_.Get();
  const auto* key = directory->FindSigningKey(caller.id, view.key_id, clock_.Now());
  if (key == nullptr) {
    return SigningKeyUnknown(caller.id);
  }
  ACCORD_RETURN_IF_ERROR(referral::VerifySignature(submission.header(), key->key));
  admitted.sender_certificate = key->certificate.der();
  admitted.header_digest = referral::DigestOf(submission.header());
  const std::vector<type::v1::Opening> openings(submission.openings().begin(), submission.openings().end());
  ACCORD_ASSIGN_OR_RETURN(admitted.header, referral::OpenHeader(view, openings));
  const auto& core = admitted.header.core.part;
  ACCORD_RETURN_IF_ERROR(CheckSender(caller, core));
  if (core.request_id() != request_id) {
    return Error(Reason::kFieldInvalid, "request_id is not the one that was signed", {{"field", "request_id"}});
  }

  std::map<std::string, const type::v1::SectionPart*> parts;
  for (const auto& section : admitted.header.sections) parts[section.part.section_id()] = &section.part;
  for (const auto& sealed : submission.sections()) {
    const auto part = parts.find(sealed.section_id());
    if (part == parts.end() || admitted.sealed_for.contains(sealed.section_id())) {
      return Error(Reason::kSectionMalformed, "a sealed section has no part in the header, or is sent twice", {{"section_id", ToHex(sealed.section_id())}});
    }
    ACCORD_ASSIGN_OR_RETURN(const crypto::cms::Parsed parsed, crypto::cms::Parse(sealed.cms()));
    if (parsed.digest != part->second->digest()) {
      return Error(Reason::kSectionDigestMismatch, "a sealed section is not the one that was signed", {{"section_id", ToHex(sealed.section_id())}});
    }
    for (const auto& recipient : parsed.recipients) admitted.sealed_for[sealed.section_id()].insert(recipient.subject_key_id);
  }
  if (admitted.sealed_for.size() != parts.size()) {
    return Error(Reason::kFieldMissing, "a section of the header was not sent", {{"field", "submission.sections"}});
  }
  const bool rationale = std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.second->category() == type::v1::CATEGORY_RATIONALE; });
  for (const auto& tag : admitted.header.tags) {
    if (tag.part.rationale_present() && !rationale) {
      return Error(Reason::kFieldMissing, "the tag says that a rationale is there; send its sealed section", {{"field", "submission.sections"}});
    }
  }
  admitted.submission = std::move(submission);
  Plan(admitted);
  return admitted;
}

void Admission::Plan(Admitted& admitted) const {
  const auto policy = policy_.Get();
  admitted.plan = MakePlan(admitted, *policy);
  admitted.epochs = policy->epochs;
}

absl::StatusOr<Plan> Admission::MakePlan(const Admitted& admitted, const Policy& policy) const {
  const auto directory = directory_.Get();
  if (directory->FindSigningKey(admitted.caller.id, admitted.submission.header().key_id(), clock_.Now()) == nullptr) {
    return SigningKeyUnknown(admitted.caller.id);
  }
  broker::Plan plan;
  plan.decisions = referral::Decide(policy.snapshot, admitted.header.Parts(), clock_.Now());
  plan.decision_digest = referral::DecisionDigest(policy.snapshot, plan.decisions);
  if (!admitted.previewed_digest.empty() && admitted.previewed_digest != plan.decision_digest) {
    return Error(Reason::kDecisionChanged, "the decision would now differ from the previewed one; preview again");
  }
  ACCORD_RETURN_IF_ERROR(CheckSeals(admitted, *directory, plan.decisions));
  for (const auto& row : admitted.header.recipients) {
    const auto& recipient = row.part;
    const AgencyRow* agency = directory->FindActiveAgency(recipient.agency());
    if (agency == nullptr || !SealingOf(*agency, DeskOf(recipient)).has_value()) continue;
    PlannedDelivery delivery{recipient.agency(), DeskOf(recipient), {}};
    for (const std::string& section_id : referral::PermittedSections(plan.decisions, recipient.agency())) {
      const auto keys = admitted.sealed_for.find(section_id);
      if (keys != admitted.sealed_for.end() && keys->second.contains(SealingOf(*agency, delivery.desk)->subject_key_id())) {
        delivery.section_ids.insert(section_id);
      }
    }
    if (!delivery.section_ids.empty()) plan.deliveries.push_back(std::move(delivery));
  }
  if (plan.deliveries.empty()) {
    return Error(Reason::kNothingPermitted, "no section may go to any recipient, or none is sealed for one that may have it; a preview gives the reasons");
  }
  return plan;
}

absl::StatusOr<Previewed> Admission::Preview(const Caller& caller, const referral::HeaderParts& parts) const {
  ACCORD_RETURN_IF_ERROR(referral::ValidateParts(parts, /*digests_required=*/false));
  ACCORD_RETURN_IF_ERROR(CheckSender(caller, parts.core));
  const auto policy = policy_.Get();
  const auto directory = directory_.Get();
  Previewed previewed;
  previewed.plan.decisions = referral::Decide(policy->snapshot, parts, clock_.Now());
  previewed.plan.decision_digest = referral::DecisionDigest(policy->snapshot, previewed.plan.decisions);
  for (const auto& recipient : parts.recipients) {
    const AgencyRow* agency = directory->FindActiveAgency(recipient.agency());
    // Who may have nothing is resolved to nothing: a certificate would invite sealing.
    if (agency == nullptr || referral::PermittedSections(previewed.plan.decisions, recipient.agency()).empty()) continue;
    const auto add = [&](const std::string& id, type::v1::Desk desk, type::v1::RecipientCapacity capacity) {
      const AgencyRow* row = directory->FindActiveAgency(id);
      if (row == nullptr || id == caller.id || !SealingOf(*row, desk).has_value()) return;
      const bool stands_in = capacity != type::v1::RECIPIENT_CAPACITY_NAMED;
      previewed.recipients.push_back({id, row->agency.kind(), desk, capacity, stands_in ? recipient.agency() : "", SealingOf(*row, desk)->der()});
    };
    add(recipient.agency(), DeskOf(recipient), type::v1::RECIPIENT_CAPACITY_NAMED);
    add(agency->agency.deputy(), type::v1::DESK_MAIN, type::v1::RECIPIENT_CAPACITY_DEPUTY);
    add(agency->agency.duty_recipient(), type::v1::DESK_MAIN, type::v1::RECIPIENT_CAPACITY_DUTY);
  }
  return previewed;
}

}  // namespace accord::broker
