#include "services/broker/admission/reseal.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/states.h"
#include "services/broker/admission/uploads.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/clocks/stand_ins.h"
#include "services/broker/delivery/dead_letters.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/reseal_wanted.h"

namespace accord::broker {
namespace {

using storage::v1::StoredDelivery;
using storage::v1::StoredRecipient;
using type::v1::RecipientPart;

absl::Status InvalidReseal(const std::string& field, std::string_view why) {
  return Error(Reason::kFieldInvalid, field + " " + std::string(why), {{"field", field}});
}
absl::Status Illegal(std::string_view why, type::v1::ReferralState state) {
  return Error(Reason::kTransitionIllegal, why, {{"state", type::v1::ReferralState_Name(state)}});
}

std::set<std::string> KeysOf(const crypto::cms::Parsed& shown) {
  std::set<std::string> keys;
  for (const auto& recipient : shown.recipients) keys.insert(recipient.subject_key_id);
  return keys;
}

// Do all recipient infos of `before` stand in `after` as they were, and the one of `key` beside them?
bool IsOneMore(const crypto::cms::Parsed& before, const crypto::cms::Parsed& after, const std::string& key) {
  if (after.recipients.size() != before.recipients.size() + 1 || !KeysOf(after).contains(key)) return false;
  return std::all_of(before.recipients.begin(), before.recipients.end(), [&](const auto& known) {
    return std::any_of(after.recipients.begin(), after.recipients.end(), [&](const auto& row) { return row.info == known.info; });
  });
}

const RecipientPart* FindPart(const referral::OpenedHeader& header, const std::string& agency) {
  for (const auto& recipient : header.recipients) {
    if (recipient.part.agency() == agency) return &recipient.part;
  }
  return nullptr;
}

type::v1::Desk DeskOfRecipient(const RecipientPart& part) {
  return part.desk() == type::v1::DESK_CONFIDENTIAL ? type::v1::DESK_CONFIDENTIAL : type::v1::DESK_MAIN;
}

}  // namespace

absl::StatusOr<std::vector<ResealedSection>> ReadResealed(const type::v1::Reseal& reseal,
                                                          const google::protobuf::RepeatedPtrField<type::v1::SealedSection>& sections) {
  std::set<std::string> named(reseal.section_ids().begin(), reseal.section_ids().end());
  std::vector<ResealedSection> read;
  for (const auto& section : sections) {
    if (named.erase(section.section_id()) == 0) return InvalidReseal("sections", "has one that the statement does not name, or one twice");
    ACCORD_RETURN_IF_ERROR(CheckOneForm(section));
    ResealedSection& one = read.emplace_back(ResealedSection{section.section_id(), section.cms(), section.uploaded(), {}});
    if (!one.uploaded.empty()) continue;
    ACCORD_ASSIGN_OR_RETURN(one.shown, crypto::cms::Parse(one.cms));
  }
  if (!named.empty()) return InvalidReseal("sections", "lacks one that the statement names");
  return read;
}

absl::Status ResealCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto first, FirstAnswer(context, verified_));
  if (first.has_value()) return Repeat(context, *std::move(first));
  ACCORD_ASSIGN_OR_RETURN(act_, BeginAct(context, verified_, work_));
  ACCORD_RETURN_IF_ERROR(CheckState());
  ACCORD_RETURN_IF_ERROR(CheckRecipient());
  ACCORD_RETURN_IF_ERROR(TakeUploads(context));
  ACCORD_RETURN_IF_ERROR(CheckSections(context));
  const std::string& agency = reseal().recipient().agency();
  ACCORD_ASSIGN_OR_RETURN(const PermittedNow permitted, PermittedTo(context, *act_.policy, act_.stored, act_.header, reseal().recipient()));
  ACCORD_RETURN_IF_ERROR(CheckPermitted(permitted.decisions, permitted.sections));
  ACCORD_RETURN_IF_ERROR(RecordAct(context, verified_, &permitted.decisions, {}, {}, act_));
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOfChain(context, act_.stored.chain()));
  for (const ResealedSection& section : sections_) {
    ACCORD_RETURN_IF_ERROR(context.PutSealed(kFamilySection, SectionKey(verified_.statement.header_digest(), section.id), slot, section.cms));
  }
  ACCORD_RETURN_IF_ERROR(Give(context, permitted));
  for (const auto& decision : permitted.decisions.decisions) {
    if (decision.recipient() == agency) result_.decisions.push_back(decision);
  }
  result_.recipient = *FindRecipient(act_.stored, agency);
  result_.immediate = act_.header.core.part.urgency() == type::v1::URGENCY_IMMEDIATE;
  result_.said = act_.said;
  return FinishAct(context, verified_, {}, act_);
}

absl::Status ResealCommand::Repeat(CommitContext& context, Said first) {
  result_.said = std::move(first);
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(context, verified_.statement.header_digest()));
  if (!stored.has_value()) return Error(Reason::kReferralNotFound, "the referral was erased");
  ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
  result_.immediate = header.core.part.urgency() == type::v1::URGENCY_IMMEDIATE;
  if (const auto* recipient = FindRecipient(*stored, reseal().recipient().agency()); recipient != nullptr) result_.recipient = *recipient;
  return absl::OkStatus();
}

absl::Status ResealCommand::CheckState() const {
  if (!act_.stored.replaced_by().empty()) {
    return Error(Reason::kTransitionIllegal, "the referral was corrected; seal the version that replaced it",
                 {{"replaced_by", ToHex(act_.stored.replaced_by())}});
  }
  if (IsWithdrawn(act_.stored)) return Illegal("the referral was withdrawn", type::v1::REFERRAL_STATE_WITHDRAWN);
  return absl::OkStatus();
}

absl::Status ResealCommand::CheckRecipient() const {
  const RecipientPart& asked = reseal().recipient();
  const RecipientPart* const part = FindPart(act_.header, asked.agency());
  const StoredRecipient* const row = FindRecipient(act_.stored, asked.agency());
  if (part != nullptr) {
    if (part->SerializeAsString() != asked.SerializeAsString()) return InvalidReseal("statement.reseal.recipient", "is not as in the header");
    if (row == nullptr && !part->on_behalf_of().empty()) {
      return Illegal("it stands in for another recipient, and nothing has been handed over to it", type::v1::REFERRAL_STATE_STORED);
    }
  } else if (row == nullptr || row->on_behalf_of().empty() || row->on_behalf_of() != asked.on_behalf_of() || row->desk() != DeskOfRecipient(asked) ||
             asked.capacity() != type::v1::RECIPIENT_CAPACITY_NAMED) {
    return InvalidReseal("statement.reseal.recipient", "is neither in the header nor one that a recipient named");
  }
  const auto directory = work_.directory.Get();
  const AgencyRow* const agency = directory->FindActiveAgency(asked.agency());
  const bool known = agency != nullptr && SealingOf(*agency, DeskOfRecipient(asked)).has_value() &&
                     SealingOf(*agency, DeskOfRecipient(asked))->fingerprint() == reseal().sealing_certificate_digest();
  if (known) return absl::OkStatus();
  return Error(Reason::kSealingKeyUnknown, "the certificate is not the one that the recipient has in the directory now; look again",
               {{"agency", asked.agency()}});
}

absl::Status ResealCommand::TakeUploads(CommitContext& context) {
  for (ResealedSection& section : sections_) {
    if (section.uploaded.empty()) continue;
    const auto& core = act_.header.core.part;
    ACCORD_ASSIGN_OR_RETURN(section.cms, TakeUpload(context, core.sender(), core.request_id(), section.uploaded));
    ACCORD_ASSIGN_OR_RETURN(section.shown, crypto::cms::Parse(section.cms));
  }
  return absl::OkStatus();
}

absl::Status ResealCommand::CheckSections(CommitContext& context) const {
  const RecipientPart& asked = reseal().recipient();
  const auto directory = work_.directory.Get();
  const AgencyRow& agency = *directory->FindActiveAgency(asked.agency());
  std::string previous;  // Key that vouches for the present one, which was found good when it was put there.
  if (DeskOfRecipient(asked) == type::v1::DESK_MAIN && !agency.agency.sealing_endorsement().empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto certificate, crypto::Certificate::FromDer(agency.agency.previous_sealing_certificate()));
    // A key that was denied, since it is lost or stolen, vouches for none.
    const bool denied = directory->IsDenied(certificate.fingerprint()) || directory->IsDenied(certificate.public_key_id());
    if (!denied) previous = certificate.subject_key_id();
  }
  for (const ResealedSection& section : sections_) {
    ACCORD_RETURN_IF_ERROR(CheckSection(context, section, SealingOf(agency, DeskOfRecipient(asked))->subject_key_id(), previous));
  }
  return absl::OkStatus();
}

absl::Status ResealCommand::CheckSection(CommitContext& context, const ResealedSection& section, const std::string& key,
                                         const std::string& previous) const {
  const std::string id = ToHex(section.id);
  const auto part = std::find_if(act_.header.sections.begin(), act_.header.sections.end(),
                                 [&](const auto& row) { return row.part.section_id() == section.id; });
  if (part == act_.header.sections.end() || part->part.digest() != section.shown.digest) {
    return Error(Reason::kSectionDigestMismatch, "a sealed section is not the one that was signed", {{"section_id", id}});
  }
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.GetSealed(kFamilySection, SectionKey(verified_.statement.header_digest(), section.id)));
  if (!bytes.has_value()) return Error(Reason::kStoreCorrupt, "a section of a stored referral is not there");
  ACCORD_ASSIGN_OR_RETURN(const crypto::cms::Parsed before, crypto::cms::Parse(*bytes));
  const std::set<std::string> keys = KeysOf(before);
  if (keys.contains(key)) return Illegal("a section is sealed for that key already", type::v1::REFERRAL_STATE_STORED);
  if (!KeysOf(section.shown).contains(key)) {
    return Error(Reason::kSealingKeyUnknown, "a section is not sealed for the certificate that the statement names", {{"section_id", id}});
  }
  if (!IsOneMore(before, section.shown, key)) {
    return Error(Reason::kSealedTooWidely, "a section is not sealed as it was and for one key more",
                 {{"section_id", id}, {"agency", reseal().recipient().agency()}});
  }
  if (!reseal().approver().empty() || (!previous.empty() && keys.contains(previous))) return absl::OkStatus();
  return Error(Reason::kFieldMissing, "the new key is not endorsed by one that was sealed for: a person approves it",
               {{"field", "statement.reseal.approver"}});
}

absl::Status ResealCommand::CheckPermitted(const referral::Decisions& decided, const std::set<std::string>& permitted) const {
  const RecipientPart& asked = reseal().recipient();
  // Of one that stands in: only what its principal may have too. Who named another is no principal of it.
  const bool stands_in = asked.capacity() != type::v1::RECIPIENT_CAPACITY_NAMED;
  const auto principals = stands_in ? referral::PermittedSections(decided, asked.on_behalf_of()) : permitted;
  for (const ResealedSection& section : sections_) {
    if (permitted.contains(section.id) && principals.contains(section.id)) continue;
    return Error(Reason::kSealedTooWidely, "a section is sealed for an agency that may not have it now",
                 {{"section_id", ToHex(section.id)}, {"agency", asked.agency()}});
  }
  return absl::OkStatus();
}

absl::Status ResealCommand::Give(CommitContext& context, const PermittedNow& permitted) {
  const std::string& digest = verified_.statement.header_digest();
  const type::v1::HeaderCore& core = act_.header.core.part;
  const RecipientPart& asked = reseal().recipient();
  StoredRecipient* recipient = FindRecipient(act_.stored, asked.agency());
  std::optional<StoredDelivery> delivery;
  if (recipient != nullptr && !recipient->delivery_id().empty()) {
    ACCORD_ASSIGN_OR_RETURN(delivery, LoadDelivery(context, recipient->delivery_id()));
    if (!delivery.has_value()) return Error(Reason::kStoreCorrupt, "a referral's delivery is not stored");
  }
  if (!delivery.has_value()) {
    const auto any = std::find_if(act_.stored.recipients().begin(), act_.stored.recipients().end(),
                                  [](const StoredRecipient& row) { return !row.delivery_id().empty(); });
    if (any == act_.stored.recipients().end()) return Illegal("nothing of it goes to anybody", type::v1::REFERRAL_STATE_STORED);
    const std::string like = any->delivery_id();
    ACCORD_ASSIGN_OR_RETURN(recipient, AddRecipient(context, *act_.policy, digest, core, asked, permitted, like, act_.said.index, act_.stored,
                                                    act_.queued));
    const auto read = SealedReaderOf(context);
    ACCORD_ASSIGN_OR_RETURN(referral::Clocked clocked, ClockedOf(read, core, context.now()));
    ACCORD_RETURN_IF_ERROR(StartClocks(context, act_.policy->compiled.Clocks(context.now()), *work_.directory.Get(), std::move(clocked), digest,
                                       *recipient));
  } else if (delivery->state() == storage::v1::DELIVERY_STATE_QUEUED) {
    act_.queued.push_back({{delivery->agency(), delivery->desk()}, WaitingOf(recipient->delivery_id(), *delivery)});
  } else {
    ACCORD_RETURN_IF_ERROR(GiveAgain(context, act_.stored, *recipient, *std::move(delivery), act_.said.index, act_.queued));
  }
  recipient->set_resealed_by(verified_.digest);
  return EndReseal(context, digest, *recipient);
}

void ResealCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(result_));
}

}  // namespace accord::broker
