#include "services/broker/admission/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/referral/risk.h"

namespace accord::broker {
namespace {

type::v1::Desk DeskOf(const type::v1::RecipientPart& recipient) {
  return recipient.desk() == type::v1::DESK_CONFIDENTIAL ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN;
}

// The deputy and the duty recipient of an agency, where it has them.
std::vector<std::pair<std::string, type::v1::RecipientCapacity>> StandInsOf(const AgencyRow& row) {
  std::vector<std::pair<std::string, type::v1::RecipientCapacity>> stand_ins;
  if (!row.agency.deputy().empty()) stand_ins.emplace_back(row.agency.deputy(), type::v1::RECIPIENT_CAPACITY_DEPUTY);
  if (!row.agency.duty_recipient().empty()) stand_ins.emplace_back(row.agency.duty_recipient(), type::v1::RECIPIENT_CAPACITY_DUTY);
  return stand_ins;
}

absl::Status CheckSender(const Caller& caller, const type::v1::HeaderCore& core) {
  if (core.sender() == caller.id) return absl::OkStatus();
  return Error(Reason::kSenderMismatch, "the signed sender is not the agency of the connection");
}

// What `stand_in` may have of what is addressed to `named`: it is decided as a recipient of its own, for what its principal may
// have says nothing of it (decision.h).
std::set<std::string> PermittedToStandIn(const Policy& policy, referral::HeaderParts parts, const std::string& named,
                                         const std::string& stand_in, type::v1::RecipientCapacity capacity, const referral::Facts& facts,
                                         absl::Time now) {
  parts.recipients.assign(1, {});
  parts.recipients[0].set_agency(stand_in);
  parts.recipients[0].set_desk(type::v1::DESK_MAIN);
  parts.recipients[0].set_capacity(capacity);
  parts.recipients[0].set_on_behalf_of(named);
  return referral::PermittedSections(referral::Decide(policy.compiled, parts, facts, now), stand_in);
}

// Whether a section sealed for `owner` is sealed for a recipient that is permitted it, at the desk that it is addressed to, or
// for the deputy or duty recipient of one, if it is permitted to both.
bool MaySeal(const Policy& policy, const DirectorySnapshot& directory, const referral::HeaderParts& parts,
             const referral::Decisions& decisions, const std::string& section_id, const DirectorySnapshot::SealingKeyOwner& owner,
             const referral::Facts& facts, absl::Time now) {
  const auto permitted = [&](const std::string& agency) { return referral::PermittedSections(decisions, agency).contains(section_id); };
  for (const auto& recipient : parts.recipients) {
    const std::string& named = recipient.on_behalf_of();
    if (!permitted(recipient.agency()) || (!named.empty() && !permitted(named))) continue;
    if (recipient.agency() == owner.agency && DeskOf(recipient) == owner.desk) return true;
    if (!named.empty()) continue;  // Nobody stands in for who stands in.
    const AgencyRow* agency = directory.FindActiveAgency(recipient.agency());
    if (agency == nullptr || owner.desk != type::v1::DESK_MAIN) continue;
    for (const auto& [stand_in, capacity] : StandInsOf(*agency)) {
      if (stand_in == owner.agency &&
          PermittedToStandIn(policy, parts, recipient.agency(), stand_in, capacity, facts, now).contains(section_id)) {
        return true;
      }
    }
  }
  return false;
}

absl::Status CheckSeals(const Admitted& admitted, const Policy& policy, const DirectorySnapshot& directory,
                        const referral::HeaderParts& parts, const referral::Decisions& decisions, const referral::Facts& facts, absl::Time now) {
  for (const auto& [section_id, keys] : admitted.sealed_for) {
    for (const std::string& key : keys) {
      const auto* owner = directory.FindSealingKeyOwner(key);
      if (owner == nullptr) {
        return Error(Reason::kSealingKeyUnknown, "a section is sealed to a key that no registered agency holds; preview again",
                     {{"section_id", ToHex(section_id)}});
      }
      if (owner->agency == admitted.caller.id || MaySeal(policy, directory, parts, decisions, section_id, *owner, facts, now)) continue;
      return Error(Reason::kSealedTooWidely, "a section is sealed for an agency that may not have it; preview again and seal only for whom it permits",
                   {{"section_id", ToHex(section_id)}, {"agency", owner->agency}});
    }
  }
  return absl::OkStatus();
}

// Adds to `parts` the deputy and the duty recipient of each named recipient: those that may have something of what that may have, once each.
// An agency that stands in for two stands there for the first of them.
void AddStandIns(const Policy& policy, const DirectorySnapshot& directory, const referral::Decisions& decisions, const referral::Facts& facts,
                 absl::Time now, referral::HeaderParts& parts) {
  std::set<std::string> there = {parts.core.sender()};
  for (const auto& recipient : parts.recipients) there.insert(recipient.agency());
  std::vector<type::v1::RecipientPart> added;
  for (const auto& named : parts.recipients) {
    const AgencyRow* agency = directory.FindActiveAgency(named.agency());
    if (agency == nullptr || !named.on_behalf_of().empty()) continue;
    const auto permitted = referral::PermittedSections(decisions, named.agency());
    for (const auto& [stand_in, capacity] : StandInsOf(*agency)) {
      const AgencyRow* row = directory.FindActiveAgency(stand_in);
      if (row == nullptr || !row->sealing.has_value() || parts.recipients.size() + added.size() >= referral::kRecipientsMax) continue;
      const auto its_own = PermittedToStandIn(policy, parts, named.agency(), stand_in, capacity, facts, now);
      const bool any = std::any_of(its_own.begin(), its_own.end(), [&](const std::string& id) { return permitted.contains(id); });
      if (!any || !there.insert(stand_in).second) continue;
      auto& part = added.emplace_back();
      part.set_agency(stand_in);
      part.set_desk(type::v1::DESK_MAIN);
      part.set_capacity(capacity);
      part.set_on_behalf_of(named.agency());
    }
  }
  parts.recipients.insert(parts.recipients.end(), added.begin(), added.end());
}

// Adds to `gap` what of `delivery` is permitted under the emergency schedule alone.
void CountGap(const referral::Decisions& decisions, const PlannedDelivery& delivery, GapFound& gap) {
  uint32_t sections = 0;
  for (const auto& decision : decisions.decisions) {
    if (decision.emergency_gap() && decision.recipient() == delivery.agency && delivery.section_ids.contains(decision.section_id())) ++sections;
  }
  if (sections == 0) return;
  gap.recipients.push_back(delivery.agency);
  gap.sections += sections;
}

}  // namespace

absl::Status SigningKeyUnknown(const std::string& agency) {
  return Error(Reason::kSigningKeyUnknown, "the signature's key is not a registered signing key of the agency", {{"agency", agency}});
}

absl::Status CheckSignerStands(const DirectorySnapshot& directory, const std::string& agency, std::string_view key_id, const type::v1::Worker& worker,
                               absl::Time now) {
  if (directory.FindActiveAgency(agency) == nullptr || directory.FindSigningKey(agency, key_id, now) == nullptr) return SigningKeyUnknown(agency);
  return CheckNotBarred(directory, agency, worker.pseudonym());
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

  ACCORD_RETURN_IF_ERROR(CheckSections(request_id, submission, admitted));
  admitted.submission = std::move(submission);
  Plan(admitted);
  return admitted;
}

absl::Status Admission::CheckSections(std::string_view request_id, const type::v1::Submission& submission, Admitted& admitted) const {
  std::map<std::string, const type::v1::SectionPart*> parts;
  for (const auto& section : admitted.header.sections) parts[section.part.section_id()] = &section.part;
  size_t uploaded_bytes = 0;
  for (const auto& sealed : submission.sections()) {
    const auto part = parts.find(sealed.section_id());
    if (part == parts.end() || admitted.sealed_for.contains(sealed.section_id())) {
      return Error(Reason::kSectionMalformed, "a sealed section has no part in the header, or is sent twice", {{"section_id", ToHex(sealed.section_id())}});
    }
    ACCORD_RETURN_IF_ERROR(CheckOneForm(sealed));
    std::string uploaded;
    if (!sealed.uploaded().empty()) {
      auto read = uploads_(admitted.caller.id, request_id, sealed.uploaded());
      if (HasReason(read.status(), Reason::kUploadNotFound)) {
        // What was stored before is answered all the same: its bytes are the referral's by now.
        admitted.uploads.Update(read.status());
        admitted.sealed_for[sealed.section_id()];
        continue;
      }
      ACCORD_RETURN_IF_ERROR(read);
      uploaded = *std::move(read);
      uploaded_bytes += uploaded.size();
      if (uploaded_bytes > kUploadedBytesOfReferralMax) {
        return Error(Reason::kMessageTooLarge, "the sections of one referral are too large together",
                     {{"limit_bytes", std::to_string(kUploadedBytesOfReferralMax)}});
      }
    }
    ACCORD_ASSIGN_OR_RETURN(const crypto::cms::Parsed parsed, crypto::cms::Parse(uploaded.empty() ? sealed.cms() : uploaded));
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
  return absl::OkStatus();
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
  ACCORD_RETURN_IF_ERROR(admitted.uploads);
  broker::Plan plan;
  const absl::Time now = clock_.Now();
  const referral::HeaderParts parts = admitted.header.Parts();
  ACCORD_RETURN_IF_ERROR(referral::CheckScore(parts.core.risk(), policy.compiled.CaseRules(now).ric));
  if (referral::IsRecordOnly(parts.core.type())) {
    const bool told = parts.core.type() == type::v1::REFERRAL_TYPE_SENT_OUTSIDE;
    if (told && parts.core.happened().latest_ms() > absl::ToUnixMillis(now + kToldAheadMax)) {
      return Error(Reason::kFieldInvalid, "what was told outside Accord was told in the future", {{"field", "core.happened"}});
    }
    for (const auto& recipient : parts.recipients) {
      plan.sharing.push_back({recipient.agency(), told ? type::v1::SHARING_CLASS_SENT_OUTSIDE : type::v1::SHARING_CLASS_NOT_SHARED});
    }
    return plan;
  }
  ACCORD_ASSIGN_OR_RETURN(const Cause cause, caused_by_(parts.core));
  const referral::Facts facts = cause.facts();
  plan.decisions = referral::Decide(policy.compiled, parts, facts, now);
  plan.decision_digest = referral::DecisionDigest(plan.decisions);
  if (!admitted.previewed_digest.empty() && admitted.previewed_digest != plan.decision_digest) {
    return Error(Reason::kDecisionChanged, "the decision would now differ from the previewed one; preview again");
  }
  ACCORD_RETURN_IF_ERROR(CheckSeals(admitted, policy, *directory, parts, plan.decisions, facts, now));
  for (const auto& row : admitted.header.recipients) {
    const auto& recipient = row.part;
    // Who stands in for another is delivered to on a missed clock alone (clocks/escalate.h).
    if (!recipient.on_behalf_of().empty()) continue;
    const AgencyRow* agency = directory->FindActiveAgency(recipient.agency());
    if (agency == nullptr || !SealingOf(*agency, DeskOf(recipient)).has_value()) continue;
    PlannedDelivery delivery{recipient.agency(), DeskOf(recipient), {}};
    for (const std::string& section_id : referral::PermittedSections(plan.decisions, recipient.agency())) {
      const auto keys = admitted.sealed_for.find(section_id);
      if (keys != admitted.sealed_for.end() && keys->second.contains(SealingOf(*agency, delivery.desk)->subject_key_id())) {
        delivery.section_ids.insert(section_id);
      }
    }
    if (delivery.section_ids.empty()) continue;
    plan.sharing.push_back({delivery.agency, ClassOf(parts, plan.decisions.decisions, delivery.agency, agency->agency.kind(), delivery.section_ids)});
    CountGap(plan.decisions, delivery, plan.gap);
    plan.deliveries.push_back(std::move(delivery));
  }
  if (plan.deliveries.empty()) {
    return Error(Reason::kNothingPermitted, "no section may go to any recipient, or none is sealed for one that may have it; a preview gives the reasons");
  }
  return plan;
}

absl::StatusOr<Previewed> Admission::Preview(const Caller& caller, const referral::HeaderParts& parts, bool with_stand_ins) const {
  ACCORD_RETURN_IF_ERROR(referral::ValidateParts(parts, /*digests_required=*/false));
  ACCORD_RETURN_IF_ERROR(CheckSender(caller, parts.core));
  const auto policy = policy_.Get();
  const auto directory = directory_.Get();
  Previewed previewed;
  const absl::Time now = clock_.Now();
  ACCORD_ASSIGN_OR_RETURN(const Cause cause, caused_by_(parts.core));
  const referral::Facts facts = cause.facts();
  auto& decisions = previewed.plan.decisions = referral::Decide(policy->compiled, parts, facts, now);
  const auto add = [&](const std::string& id, type::v1::Desk desk, type::v1::RecipientCapacity capacity, const std::string& on_behalf_of) {
    const AgencyRow* row = directory->FindActiveAgency(id);
    if (row == nullptr || id == caller.id || !SealingOf(*row, desk).has_value()) return;
    previewed.recipients.push_back({id, row->agency.kind(), desk, capacity, on_behalf_of, SealingOf(*row, desk)->der()});
  };
  const auto named = [&](const type::v1::RecipientPart& recipient) {
    // Who may have nothing is resolved to nothing: a certificate would invite sealing.
    if (referral::PermittedSections(decisions, recipient.agency()).empty()) return;
    add(recipient.agency(), DeskOf(recipient), recipient.capacity(), recipient.on_behalf_of());
  };
  if (with_stand_ins) {
    referral::HeaderParts all = parts;
    AddStandIns(*policy, *directory, decisions, facts, now, all);
    decisions = referral::Decide(policy->compiled, all, facts, now);
    for (const auto& recipient : all.recipients) named(recipient);
  } else {
    for (const auto& recipient : parts.recipients) {
      named(recipient);
      const auto permitted = referral::PermittedSections(decisions, recipient.agency());
      const AgencyRow* agency = directory->FindActiveAgency(recipient.agency());
      if (agency == nullptr || permitted.empty() || !recipient.on_behalf_of().empty()) continue;
      for (const auto& [stand_in, capacity] : StandInsOf(*agency)) {
        // Only one that may have all that its principal may: sections are sealed for both alike.
        const auto its_own = PermittedToStandIn(*policy, parts, recipient.agency(), stand_in, capacity, facts, now);
        if (std::includes(its_own.begin(), its_own.end(), permitted.begin(), permitted.end())) {
          add(stand_in, type::v1::DESK_MAIN, capacity, recipient.agency());
        }
      }
    }
  }
  previewed.plan.decision_digest = referral::DecisionDigest(decisions);
  return previewed;
}

}  // namespace accord::broker
