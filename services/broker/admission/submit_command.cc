#include "services/broker/admission/submit_command.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/states.h"
#include "services/broker/admission/uploads.h"
#include "services/broker/cases/flags.h"
#include "services/broker/cases/proposals.h"
#include "services/broker/clocks/checks.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/maintenance.h"
#include "services/broker/directory/requests.h"
#include "services/broker/holds/hold_notices.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/reseal_wanted.h"

namespace accord::broker {

using storage::v1::StoredDelivery;
using storage::v1::StoredReferral;
using storage::v1::StoredRequest;

namespace {

constexpr std::string_view kPairsLeftWarning =
    "It names more pairs of a victim and an alleged perpetrator than are linked to cases: send the others separately.";

// Entries for the cases that the referral's own entry has no room for, so that the chain of each leads to it.
absl::Status AddFurtherCases(CommitContext& context, const StoredReferral& stored, const EntryDraft& of_referral) {
  for (int next = static_cast<int>(kCasesOfEntryMax); next < stored.cases_size(); next += static_cast<int>(kCasesOfEntryMax)) {
    EntryDraft entry;
    entry.chains = {stored.chain()};
    const int end = std::min(stored.cases_size(), next + static_cast<int>(kCasesOfEntryMax));
    entry.chains.insert(entry.chains.end(), stored.cases().begin() + next, stored.cases().begin() + end);
    entry.event.set_type(type::v1::EVENT_TYPE_CASE_JOINED);
    entry.actor = of_referral.actor;
    entry.referral = of_referral.referral;
    ACCORD_RETURN_IF_ERROR(context.AddEntry(entry).status());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SubmitCommand::Apply(CommitContext& context) {
  const auto& core = admitted_.header.core.part;
  const std::string request_key = RequestKey(admitted_.caller.principal, core.request_id());
  // An erased referral's request id never stores anything again, not even the same.
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const auto erased, FindErased(read, linker_.Blind(kErasedRequestDomain, request_key)));
  if (erased.has_value()) return ErasedAt(*erased);
  ACCORD_ASSIGN_OR_RETURN(const auto known, FirstRequest(context, admitted_.caller.principal, core.request_id(), admitted_.header_digest));
  if (known.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(auto first, LoadReferral(context, admitted_.header_digest));
    if (!first.has_value()) return Error(Reason::kReferralNotFound, "the referral was erased");
    result_ = {admitted_.header_digest, first->stored_index(), std::move(*first->mutable_decisions()), first->decision_digest(),
               {first->warnings().begin(), first->warnings().end()}, true,
               {first->recipients().begin(), first->recipients().end()}, core.urgency() == type::v1::URGENCY_IMMEDIATE};
    return absl::OkStatus();
  }
  // A correction is of what is shared already.
  if (core.urgency() != type::v1::URGENCY_IMMEDIATE && core.type() != type::v1::REFERRAL_TYPE_CORRECTION) {
    ACCORD_RETURN_IF_ERROR(CheckNoMaintenance(context));
  }
  if (!(admitted_.epochs == context.epochs())) admission_.Plan(admitted_);
  ACCORD_RETURN_IF_ERROR(admitted_.plan);
  return Store(context);
}

absl::Status SubmitCommand::Store(CommitContext& context) {
  const auto& core = admitted_.header.core.part;
  Plan& plan = *admitted_.plan;
  std::vector<type::v1::SubjectPart> subjects;
  for (const auto& subject : admitted_.header.subjects) subjects.push_back(subject.part);
  ACCORD_ASSIGN_OR_RETURN(const Linked linked, linker_.Link(subjects, context));
  const std::vector<std::string>& cases = linked.cases;
  if (linked.pairs_left) plan.decisions.warnings.emplace_back(kPairsLeftWarning);
  ACCORD_ASSIGN_OR_RETURN(const CommitContext::NewChain chain, OpenChain(context));

  StoredReferral stored;
  // What the submission and the plan hold moves from here on: this is the one time that the command is carried out.
  *stored.mutable_header() = std::move(*admitted_.submission.mutable_header());
  *stored.mutable_openings() = std::move(*admitted_.submission.mutable_openings());
  for (auto& decision : plan.decisions.decisions) *stored.add_decisions() = std::move(decision);
  stored.set_decision_digest(plan.decision_digest);
  for (const std::string& warning : plan.decisions.warnings) stored.add_warnings(warning);
  stored.set_stored_at_ms(absl::ToUnixMillis(context.now()));
  stored.set_chain(chain.pseudonym);
  for (const std::string& pseudonym : cases) stored.add_cases(pseudonym);
  stored.set_agreement_version(plan.decisions.agreement_version);
  stored.set_sender_certificate(admitted_.sender_certificate);

  EntryDraft entry;
  entry.chains = ChainsOf(stored);
  const bool record_only = referral::IsRecordOnly(core.type());
  entry.event.set_type(referral::StoredEventOf(core.type()));
  NameVersions(plan.decisions, entry.event);
  entry.actor = ActorOf(admitted_.caller, core.worker());
  auto& about = entry.referral.emplace();
  about.set_header_digest(admitted_.header_digest);
  about.set_sender(core.sender());
  about.set_request_id(core.request_id());
  for (const auto& section : admitted_.header.sections) about.add_section_digests(section.part.digest());
  if (!record_only) {
    auto& decisions = entry.decisions.emplace();
    decisions.mutable_decisions()->Swap(stored.mutable_decisions());
    decisions.set_decision_digest(plan.decision_digest);
  }
  ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(entry));
  if (!record_only) entry.decisions->mutable_decisions()->Swap(stored.mutable_decisions());
  stored.set_stored_index(index);
  ACCORD_RETURN_IF_ERROR(AddFurtherCases(context, stored, entry));
  for (const std::string& pseudonym : cases) {
    ACCORD_ASSIGN_OR_RETURN(const uint64_t number, NumberInCase(context, pseudonym));
    stored.add_case_numbers(number);
    context.Put(kFamilyCaseReferral, CaseReferralKey(pseudonym, number), admitted_.header_digest);
  }
  context.Put(kFamilyRetention, RetentionKey(core.type(), index), admitted_.header_digest);

  for (const auto& sealed : admitted_.submission.sections()) {
    stored.add_section_ids(sealed.section_id());
    std::string uploaded;
    if (!sealed.uploaded().empty()) {
      ACCORD_ASSIGN_OR_RETURN(uploaded, TakeUpload(context, admitted_.caller.id, core.request_id(), sealed.uploaded()));
    }
    ACCORD_RETURN_IF_ERROR(context.PutSealed(kFamilySection, SectionKey(admitted_.header_digest, sealed.section_id()),
                                             chain.slot, uploaded.empty() ? sealed.cms() : uploaded));
  }
  ACCORD_RETURN_IF_ERROR(AddDeliveries(context, stored));
  ACCORD_RETURN_IF_ERROR(context.PutSealed(kFamilyReferral, admitted_.header_digest, chain.slot, stored.SerializeAsString()));
  ACCORD_RETURN_IF_ERROR(NoteStored(context, admitted_.header_digest, stored, admitted_.header,
                                    [this](const type::v1::SubjectToken& token) { return linker_.Index(token); }, queued_));
  ACCORD_RETURN_IF_ERROR(NoteInCases(context, subjects, stored));
  ACCORD_RETURN_IF_ERROR(NoteStoredInCases(context, admitted_.header_digest, stored, core, linked.matches, queued_));

  ACCORD_RETURN_IF_ERROR(EnterSharing(context, admitted_.header_digest, stored, core, plan.sharing));
  if (plan.gap.sections > 0) ACCORD_RETURN_IF_ERROR(RecordGap(context, *admission_.policy().Get(), admitted_.header_digest, stored, core, plan.gap));

  StoredRequest request;
  request.set_digest(admitted_.header_digest);
  request.set_index(index);
  request.set_header_digest(admitted_.header_digest);
  KeepRequest(context, admitted_.caller.principal, core.request_id(), request);
  context.Put(kFamilyParty, PartyKey(core.sender(), index), admitted_.header_digest);
  result_ = {admitted_.header_digest, index, std::move(*stored.mutable_decisions()), plan.decision_digest,
             std::move(plan.decisions.warnings), false, {stored.recipients().begin(), stored.recipients().end()},
             core.urgency() == type::v1::URGENCY_IMMEDIATE};
  return absl::OkStatus();
}

absl::StatusOr<CommitContext::NewChain> SubmitCommand::OpenChain(CommitContext& context) const {
  const auto& sections = admitted_.submission.sections();
  const bool uploaded = std::any_of(sections.begin(), sections.end(), [](const auto& sealed) { return !sealed.uploaded().empty(); });
  if (!uploaded) return context.OpenChain();
  // The key under which they waited: it goes with the referral, and with it what they left in files and backups.
  ACCORD_ASSIGN_OR_RETURN(const auto slot, SlotOfUploads(context, admitted_.caller.id, admitted_.header.core.part.request_id()));
  if (slot.has_value()) return context.OpenChainUnder(*slot);
  return Error(Reason::kUploadNotFound, "a section waited too long for its referral; upload it, then submit again");
}

absl::Status SubmitCommand::NoteInCases(CommitContext& context, const std::vector<type::v1::SubjectPart>& subjects, const StoredReferral& stored) {
  const auto& core = admitted_.header.core.part;
  type::v1::ReferralType type = core.type();
  if (type == type::v1::REFERRAL_TYPE_CORRECTION) {
    const auto read = SealedReaderOf(context);
    ACCORD_ASSIGN_OR_RETURN(const referral::Clocked clocked, ClockedOf(read, core, context.now()));
    type = clocked.type;
  }
  const auto policy = admission_.policy().Get();
  return RecordCase(context, linker_, policy->compiled.CaseRules(context.now()), {admitted_.header_digest, core, type, subjects, stored});
}

absl::StatusOr<uint64_t> SubmitCommand::NumberInCase(CommitContext& context, const std::string& pseudonym) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyCase, pseudonym));
  storage::v1::StoredCase stored;
  if (!bytes.has_value() || !stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a linked case is not there");
  const uint64_t number = stored.referrals();
  stored.set_referrals(number + 1);
  context.Put(kFamilyCase, pseudonym, stored.SerializeAsString());
  return number;
}

absl::Status SubmitCommand::AddDeliveries(CommitContext& context, StoredReferral& stored) {
  const auto& core = admitted_.header.core.part;
  if (admitted_.plan->deliveries.empty()) return absl::OkStatus();
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const referral::Clocked clocked, ClockedOf(read, core, absl::FromUnixMillis(stored.stored_at_ms())));
  const auto policy = admission_.policy().Get();
  const referral::ClockRules& rules = policy->compiled.Clocks(context.now());
  const auto directory = admission_.directory().Get();
  for (const PlannedDelivery& planned : admitted_.plan->deliveries) {
    const std::string delivery_id = context.RandomBytes(kIdBytes);
    auto& recipient = *stored.add_recipients();
    recipient.set_agency(planned.agency);
    recipient.set_desk(planned.desk);
    recipient.set_state(type::v1::REFERRAL_STATE_STORED);
    recipient.set_since_ms(stored.stored_at_ms());
    recipient.set_delivery_id(delivery_id);
    StoredDelivery delivery;
    delivery.set_agency(planned.agency);
    delivery.set_desk(planned.desk);
    delivery.set_header_digest(admitted_.header_digest);
    delivery.set_sender(core.sender());
    delivery.set_lane(immediate_ ? type::v1::LANE_IMMEDIATE : referral::LaneOf(core.type(), core.urgency(), core.risk().grade()));
    delivery.set_ordering_key(ordering_key_.empty() ? OrderingKeyOf(stored) : ordering_key_);
    ACCORD_RETURN_IF_ERROR(PutDelivery(context, delivery_id, std::move(delivery), stored.stored_index(), queued_));
    context.Put(kFamilyParty, PartyKey(planned.agency, stored.stored_index()), admitted_.header_digest);
    ACCORD_RETURN_IF_ERROR(StartClocks(context, rules, *directory, clocked, admitted_.header_digest, recipient));
    ACCORD_RETURN_IF_ERROR(EndResealByNew(context, core, planned.agency));
  }
  return StartCheck(context, admitted_.header_digest, core, stored);
}

void SubmitCommand::Published() {
  for (auto& [mailbox, waiting] : queued_) mailboxes_.Add(mailbox, std::move(waiting));
}

void SubmitCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(result_));
}

}  // namespace accord::broker
