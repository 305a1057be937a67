#include "services/broker/disclosures/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/disclosure.h"
#include "services/broker/admission/admission.h"
#include "services/broker/admission/uploads.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/requests.h"
#include "services/broker/disclosures/disclosure_clock.h"
#include "services/broker/disclosures/held.h"
#include "services/broker/disclosures/sealed_for.h"
#include "services/broker/warrants/warrant_states.h"

namespace accord::broker {
namespace {

using inspection::v1::Disclosure;
using type::v1::DisclosureStatement;

absl::Status InvalidAnswer(std::string_view field, std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("{}: {}", field, why), {{"field", std::string(field)}});
}

absl::Status NotWhatWasSigned(std::string_view section_id) {
  return Error(Reason::kSectionDigestMismatch, "a sealed part is not the one that was signed", {{"section_id", ToHex(section_id)}});
}

absl::Status AnsweredAlready(const Disclosure& disclosure) {
  return Error(Reason::kTransitionIllegal, "it is answered", {{"state", type::v1::DisclosureAnswer_Name(disclosure.answer())}});
}

// The section ids that parts of this kind may have.
absl::Status CheckPartIds(type::v1::DisclosureKind kind, const std::vector<DisclosedPart>& parts) {
  std::set<std::string> ids;
  for (const DisclosedPart& part : parts) {
    if (part.section_id.size() != kIdBytes) return InvalidAnswer("parts.section_id", "16 bytes are needed");
    if (!ids.insert(part.section_id).second) return InvalidAnswer("parts.section_id", "a section is released once");
  }
  if (kind == type::v1::DISCLOSURE_KIND_SECTIONS || parts.empty()) return absl::OkStatus();
  const bool one = parts.size() == 1 && parts.front().section_id == std::string(kIdBytes, '\0');
  return one ? absl::OkStatus() : InvalidAnswer("parts", "one is needed, with a section id of zeros");
}

}  // namespace

absl::StatusOr<std::vector<DisclosedPart>> ReadDisclosedParts(const DisclosureStatement& statement,
                                                              const google::protobuf::RepeatedPtrField<type::v1::SealedSection>& parts) {
  if (parts.size() != statement.parts_size()) return InvalidAnswer("parts", "they are not as many as were signed");
  std::vector<DisclosedPart> read;
  for (int i = 0; i < parts.size(); ++i) {
    ACCORD_RETURN_IF_ERROR(CheckOneForm(parts[i]));
    DisclosedPart& part = read.emplace_back(DisclosedPart{parts[i].section_id(), parts[i].cms(), parts[i].uploaded(), {}});
    const std::string digest = part.uploaded.empty() ? crypto::Sha256(part.cms) : part.uploaded;
    if (digest != statement.parts(i)) return NotWhatWasSigned(part.section_id);
    if (!part.uploaded.empty()) continue;
    ACCORD_ASSIGN_OR_RETURN(part.shown, crypto::cms::Parse(part.cms));
  }
  ACCORD_RETURN_IF_ERROR(CheckPartIds(statement.kind(), read));
  return read;
}

absl::StatusOr<bool> AnswerDisclosureCommand::Repeated(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const auto first, FirstRequest(context, caller_.principal, answer_.statement.request_id(), answer_.digest));
  if (!first.has_value()) return false;
  ACCORD_RETURN_IF_ERROR(Load(context));
  outcome_ = {stored_.disclosure(), first->index(), true};
  return true;
}

absl::Status AnswerDisclosureCommand::Load(CommitContext& context) {
  const uint64_t number = answer_.statement.disclosure();
  const DisclosureViewer viewer{DisclosureViewerKind::kAgency, caller_.id, caller_.desk};
  ACCORD_ASSIGN_OR_RETURN(const auto listed, context.Get(kFamilyDisclosure, DisclosureListKey(DisclosureList::kAll, viewer, number)));
  if (!listed.has_value()) return NoSuchDisclosure();
  const auto sealed = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadDisclosure(sealed, number));
  if (!stored.has_value()) {
    const auto read = PlainReaderOf(context);
    return DisclosureGone(read, number);
  }
  stored_ = *std::move(stored);
  return absl::OkStatus();
}

absl::Status AnswerDisclosureCommand::CheckStatement(absl::Time now) const {
  const DisclosureStatement& statement = answer_.statement;
  const Disclosure& disclosure = stored_.disclosure();
  if (statement.agency() != caller_.id) return Error(Reason::kSenderMismatch, "the answer was signed as another agency's");
  ACCORD_RETURN_IF_ERROR(CheckSignerStands(*work_.directory.Get(), caller_.id, answer_.document.key_id(), statement.worker(), now));
  if (statement.worker().role() != type::v1::WORKER_ROLE_AUTHORISING_OFFICER) {
    return Error(Reason::kRoleNotAllowed, "an authorising officer answers for the agency",
                 {{"role", type::v1::WorkerRole_Name(statement.worker().role())}});
  }
  if (statement.warrant() != disclosure.warrant()) return InvalidAnswer("statement.warrant", "it was asked under another");
  if (statement.inspector() != disclosure.inspector()) return InvalidAnswer("statement.inspector", "another asked");
  if (statement.kind() != disclosure.kind()) return InvalidAnswer("statement.kind", "something else was asked for");
  return absl::OkStatus();
}

absl::Status AnswerDisclosureCommand::CheckState(CommitContext& context) const {
  if (stored_.disclosure().answer() != type::v1::DISCLOSURE_ANSWER_UNSPECIFIED) return AnsweredAlready(stored_.disclosure());
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const auto warrant, WarrantOfDisclosure(read, stored_.disclosure()));
  if (IsWarrantOver(warrant, context.now())) {
    return Error(Reason::kTransitionIllegal, "the warrant that it was asked under is over",
                 {{"state", inspection::v1::WarrantState_Name(WarrantStateAt(warrant, context.now()))}});
  }
  return CheckInForce(warrant, context.now());
}

absl::Status AnswerDisclosureCommand::TakeUploads(CommitContext& context) {
  for (DisclosedPart& part : parts_) {
    if (part.uploaded.empty()) continue;
    ACCORD_ASSIGN_OR_RETURN(part.cms, TakeUpload(context, caller_.id, answer_.statement.request_id(), part.uploaded));
    ACCORD_ASSIGN_OR_RETURN(part.shown, crypto::cms::Parse(part.cms));
  }
  return absl::OkStatus();
}

absl::Status AnswerDisclosureCommand::CheckSealing() const {
  if (parts_.empty()) return absl::OkStatus();
  const auto certificate = crypto::Certificate::FromDer(stored_.disclosure().sealing_certificate());
  if (!certificate.ok()) return Error(Reason::kStoreCorrupt, "a stored sealing certificate does not parse");
  if (IsCertificateDenied(*work_.directory.Get(), *certificate)) {
    return Error(Reason::kSealingKeyUnknown, "the inspector's sealing certificate was denied meanwhile: the inspector asks anew");
  }
  for (const DisclosedPart& part : parts_) {
    ACCORD_RETURN_IF_ERROR(CheckSealedForAlone(part.shown, certificate->subject_key_id(), "a part is not sealed for the inspector's certificate"));
  }
  return absl::OkStatus();
}

absl::Status AnswerDisclosureCommand::CheckSections(CommitContext& context) const {
  const Disclosure& disclosure = stored_.disclosure();
  if (disclosure.kind() != type::v1::DISCLOSURE_KIND_SECTIONS || parts_.empty()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto referral, LoadReferral(context, disclosure.referral()));
  if (!referral.has_value()) return Error(Reason::kStoreCorrupt, "the referral of a disclosure is not there");
  ACCORD_ASSIGN_OR_RETURN(const StoredParts stored, ReadStoredParts(*referral));
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const auto held, HeldBy(read, *referral, stored, caller_.id));
  for (const DisclosedPart& part : parts_) {
    const auto section = stored.sections.find(part.section_id);
    if (section == stored.sections.end() || section->second.digest() != part.shown.digest) return NotWhatWasSigned(part.section_id);
    if (!held.has_value() || !held->sections.contains(part.section_id)) return NotAHolder(caller_.id);
    if (!AsksFor(disclosure, section->second.category())) return InvalidAnswer("parts", "a section is of a category that was not asked for");
  }
  return absl::OkStatus();
}

absl::Status AnswerDisclosureCommand::PutParts(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOfDisclosure(context, stored_.disclosure()));
  uint32_t number = 0;
  for (const DisclosedPart& part : parts_) {
    ACCORD_RETURN_IF_ERROR(context.PutSealed(kFamilyDisclosed, DisclosedKey(stored_.disclosure().number(), number++), slot, part.cms));
    stored_.add_section_ids(part.section_id);
  }
  return absl::OkStatus();
}

absl::Status AnswerDisclosureCommand::Record(CommitContext& context) {
  const DisclosureStatement& statement = answer_.statement;
  Disclosure& disclosure = *stored_.mutable_disclosure();
  ACCORD_ASSIGN_OR_RETURN(QueryEntry entry, DisclosureEntry(context, disclosure, type::v1::EVENT_TYPE_DISCLOSURE_ANSWERED));
  entry.draft.event.set_method(method_);
  entry.draft.event.set_disclosure_answer(statement.answer());
  entry.draft.event.set_disclosure_ground(statement.ground());
  entry.draft.event.set_count(parts_.size());
  entry.draft.referral->set_statement_digest(answer_.digest);
  for (const DisclosedPart& part : parts_) entry.draft.referral->add_section_digests(part.shown.digest);
  entry.draft.actor = ActorOf(caller_);
  *entry.draft.actor->mutable_worker() = statement.worker();
  ACCORD_ASSIGN_OR_RETURN(const uint64_t index, RecordUnderWarrant(context, entry));
  const int64_t now_ms = absl::ToUnixMillis(context.now());
  if (now_ms > disclosure.due_at_ms()) disclosure.set_overdue(true);
  disclosure.set_answer(statement.answer());
  disclosure.set_ground(statement.ground());
  disclosure.set_answered_at_ms(now_ms);
  disclosure.set_answered_index(index);
  disclosure.set_parts(static_cast<uint32_t>(parts_.size()));
  *stored_.mutable_statement() = answer_.document;
  stored_.set_signing_certificate(answer_.signing_certificate);
  outcome_ = {disclosure, index, false};
  return absl::OkStatus();
}

absl::Status AnswerDisclosureCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const bool repeated, Repeated(context));
  if (!repeated) {
    ACCORD_RETURN_IF_ERROR(Load(context));
    ACCORD_RETURN_IF_ERROR(CheckStatement(context.now()));
    ACCORD_RETURN_IF_ERROR(CheckState(context));
    ACCORD_RETURN_IF_ERROR(TakeUploads(context));
    ACCORD_RETURN_IF_ERROR(CheckSealing());
    ACCORD_RETURN_IF_ERROR(CheckSections(context));
    ACCORD_RETURN_IF_ERROR(Record(context));
    ACCORD_RETURN_IF_ERROR(PutParts(context));
    ACCORD_RETURN_IF_ERROR(SaveDisclosure(context, stored_));
    CloseDisclosure(context, stored_.disclosure());
    const auto read = PlainReaderOf(context);
    ACCORD_ASSIGN_OR_RETURN(const auto warrant, WarrantOfDisclosure(read, stored_.disclosure()));
    ACCORD_RETURN_IF_ERROR(PutDisclosureDue(context, stored_, warrant));
    KeepRequest(context, caller_.principal, answer_.statement.request_id(), answer_.digest, outcome_.index);
  }
  // The agency is not told which of the referrals are of one case.
  outcome_.disclosure.clear_cases();
  return absl::OkStatus();
}

void AnswerDisclosureCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(outcome_));
}

}  // namespace accord::broker
