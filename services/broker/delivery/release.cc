#include "services/broker/delivery/release.h"

#include <map>
#include <utility>

#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/referral/states.h"
#include "services/broker/directory/families.h"
#include "services/broker/holds/hold_notices.h"

namespace accord::broker {
namespace {

using storage::v1::StoredDelivery;
using storage::v1::StoredReferral;

absl::Status Erased() { return Error(Reason::kReferralNotFound, "the referral was erased"); }

absl::StatusOr<ReleasePlan> PlanStatement(SealedReader read, const StoredDelivery& delivery, ReleasePlan plan) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes,
                          read(kFamilyStatement, StatementKey(delivery.header_digest(), delivery.statement_digest())));
  if (!bytes.has_value()) return Erased();
  storage::v1::StoredStatement stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored statement does not parse");
  plan.statement = std::move(*stored.mutable_statement());
  return plan;
}

}  // namespace

absl::StatusOr<ReleasePlan> PlanRelease(SealedReader read, const Policy& policy, const DirectorySnapshot& directory,
                                        const StoredDelivery& delivery, absl::Time now) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read, delivery.header_digest()));
  if (!stored.has_value()) return Erased();
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
  ReleasePlan plan;
  plan.epochs = policy.epochs;
  plan.sender = header.core.part.sender();
  plan.request_id = header.core.part.request_id();
  if (!delivery.statement_digest().empty()) return PlanStatement(read, delivery, std::move(plan));

  const referral::Decisions decisions = referral::Decide(policy.snapshot, header.Parts(), now);
  plan.agreement_version = decisions.agreement_version;
  plan.decision_digest = referral::DecisionDigest(policy.snapshot, decisions);
  for (const auto& decision : decisions.decisions) {
    if (decision.recipient() == delivery.agency()) plan.decisions.push_back(decision);
  }
  const AgencyRow* agency = directory.FindActiveAgency(delivery.agency());
  const auto* sealing = agency == nullptr ? nullptr : &SealingOf(*agency, delivery.desk());
  if (sealing == nullptr || !sealing->has_value()) return plan;  // Nobody to hand it to: nothing may go.

  std::map<std::string, std::string> digests;
  for (const auto& section : header.sections) digests[section.part.section_id()] = section.part.digest();
  std::set<std::string> released;
  for (const std::string& section_id : referral::PermittedSections(decisions, delivery.agency())) {
    ACCORD_ASSIGN_OR_RETURN(const auto sealed, read(kFamilySection, SectionKey(delivery.header_digest(), section_id)));
    if (!sealed.has_value()) return Erased();
    auto cut = crypto::cms::ForRecipient(*sealed, (*sealing)->subject_key_id());
    if (HasReason(cut.status(), Reason::kSealingKeyUnknown)) continue;
    ACCORD_RETURN_IF_ERROR(cut);
    auto& section = plan.sections.emplace_back();
    section.set_section_id(section_id);
    section.set_cms(*std::move(cut));
    plan.section_digests.push_back(digests[section_id]);
    released.insert(section_id);
  }
  plan.openings = referral::OpeningsForRecipient(header, delivery.agency(), released);
  plan.header = stored->header();
  plan.sender_certificate = stored->sender_certificate();
  return plan;
}

EntryDraft DeliveryEntry(const StoredReferral& stored, const StoredDelivery& delivery, std::string_view delivery_id,
                         std::string_view sender, std::string_view request_id, const Caller& caller) {
  EntryDraft entry;
  entry.chains = ChainsOf(stored);
  entry.event.set_attempt(delivery.attempt());
  auto& actor = entry.actor.emplace();
  actor.set_principal(caller.principal);
  actor.set_certificate(caller.certificate);
  auto& about = entry.referral.emplace();
  about.set_header_digest(delivery.header_digest());
  about.set_sender(std::string(sender));
  about.set_request_id(std::string(request_id));
  about.set_recipient(delivery.agency());
  about.set_desk(delivery.desk());
  about.set_delivery_id(std::string(delivery_id));
  about.set_statement_digest(delivery.statement_digest());
  return entry;
}

void Bury(CommitContext& context, std::string_view delivery_id, StoredDelivery& delivery, StoredReferral& stored,
          uint64_t index) {
  delivery.set_state(storage::v1::DELIVERY_STATE_DEAD);
  delivery.set_settled_index(index);
  context.Put(kFamilyDelivery, delivery_id, delivery.SerializeAsString());
  context.Delete(kFamilyMailbox,
                 MailboxKey(delivery.agency(), delivery.desk(), delivery.lane(), delivery.mailbox_sequence()));
  auto* const recipient = delivery.statement_digest().empty() ? FindRecipient(stored, delivery.agency()) : nullptr;
  if (recipient == nullptr) return;
  if (const auto next = referral::Next(recipient->state(), referral::Event::kDie); next.has_value()) {
    recipient->set_state(*next);
    recipient->set_since_ms(absl::ToUnixMillis(context.now()));
  }
}

absl::Status ReleaseCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto delivery, LoadDelivery(context, delivery_id_));
  if (!delivery.has_value() || delivery->state() != storage::v1::DELIVERY_STATE_QUEUED ||
      delivery->agency() != mailbox_.agency || delivery->desk() != mailbox_.desk) {
    return Error(Reason::kDeliveryNotFound, "no such delivery waits in this mailbox");
  }
  ReleasePlan& plan = result_.plan;
  if (!(plan.epochs == context.epochs())) {
    const auto read = [&](std::string_view family, std::string_view key) { return context.GetSealed(family, key); };
    ACCORD_ASSIGN_OR_RETURN(plan, PlanRelease(read, *policy_.Get(), *directory_.Get(), *delivery, context.now()));
  }
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, delivery->header_digest()));
  if (!stored.has_value()) return Erased();

  const int64_t now_ms = absl::ToUnixMillis(context.now());
  delivery->set_attempt(delivery->attempt() + 1);
  delivery->clear_released_sections();
  for (const auto& section : plan.sections) delivery->add_released_sections(section.section_id());

  EntryDraft entry = DeliveryEntry(*stored, *delivery, delivery_id_, plan.sender, plan.request_id, caller_);
  entry.event.set_agreement_version(plan.agreement_version);
  for (const std::string& digest : plan.section_digests) entry.referral->add_section_digests(digest);
  const bool statement = !delivery->statement_digest().empty();
  if (!statement) {
    auto& decisions = entry.decisions.emplace();
    for (const auto& decision : plan.decisions) *decisions.add_decisions() = decision;
    decisions.set_decision_digest(plan.decision_digest);
  }
  result_.withheld = !statement && plan.sections.empty();
  const bool first = !result_.withheld && delivery->first_released_ms() == 0;
  if (first) delivery->set_first_released_ms(now_ms);
  entry.event.set_type(result_.withheld ? type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE : type::v1::EVENT_TYPE_RELEASED);
  ACCORD_ASSIGN_OR_RETURN(result_.index, context.AddEntry(entry));
  // From now on this desk holds something of it.
  if (first && !statement) {
    ACCORD_RETURN_IF_ERROR(NoteReleased(context, delivery->header_digest(), *stored, delivery->agency(), delivery->desk(), queued_));
  }

  if (result_.withheld) {
    Bury(context, delivery_id_, *delivery, *stored, result_.index);
  } else {
    context.Put(kFamilyDelivery, delivery_id_, delivery->SerializeAsString());
    auto* const recipient = statement ? nullptr : FindRecipient(*stored, delivery->agency());
    const auto next = recipient == nullptr ? std::nullopt : referral::Next(recipient->state(), referral::Event::kRelease);
    if (next.has_value() && *next != recipient->state()) {
      recipient->set_state(*next);
      recipient->set_since_ms(now_ms);
    } else {
      result_.delivery = *std::move(delivery);
      return absl::OkStatus();  // A statement, or another attempt: the referral stays as it is.
    }
  }
  ACCORD_RETURN_IF_ERROR(SaveReferral(context, delivery->header_digest(), *stored));
  result_.delivery = *std::move(delivery);
  return absl::OkStatus();
}

void ReleaseCommand::Published() {
  for (auto& [mailbox, waiting] : queued_) mailboxes_.Add(mailbox, std::move(waiting));
}

void ReleaseCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  if (result_.withheld) mailboxes_.Remove(delivery_id_);
  std::move(done_)(std::move(result_));
}

}  // namespace accord::broker
