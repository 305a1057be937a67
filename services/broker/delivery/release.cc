#include "services/broker/delivery/release.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/crypto/digest.h"
#include "common/referral/section.h"
#include "common/referral/states.h"
#include "common/referral/statement.h"
#include "services/broker/delivery/attempts.h"
#include "services/broker/delivery/telling.h"
#include "services/broker/directory/families.h"
#include "services/broker/cases/proposals.h"
#include "services/broker/holds/hold_notices.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/due.h"
#include "services/broker/sharing/gap.h"
#include "services/broker/sharing/reseal_wanted.h"

namespace accord::broker {
namespace {

using storage::v1::StoredDelivery;
using storage::v1::StoredReferral;

// The same for every rule: a protective one says no more.
Death Withheld(uint64_t index) { return {index, std::string(RowOf(Reason::kNothingPermitted).name), /*withheld=*/true}; }

absl::Status Erased() { return Error(Reason::kReferralNotFound, "the referral was erased"); }

// Of the openings of a statement's tags, those under which the desk holds a section.
std::vector<type::v1::Opening> OpeningsForHolder(const storage::v1::StoredStatement& statement, const referral::OpenedHeader& header,
                                                 const Holding& holding) {
  std::set<std::string> tags;
  for (const auto& section : header.sections) {
    const bool held = std::any_of(holding.sections.begin(), holding.sections.end(),
                                  [&](const Holding::Section& row) { return row.id == section.part.section_id(); });
    if (held) tags.insert(section.part.tag_id());
  }
  std::vector<type::v1::Opening> openings;
  for (const type::v1::Opening& opening : statement.openings()) {
    type::v1::TagPart tag;
    if (tag.ParseFromString(opening.content()) && tags.contains(tag.tag_id())) openings.push_back(opening);
  }
  return openings;
}

// Of a statement, or of a notice that something is overdue.
absl::StatusOr<ReleasePlan> PlanWord(SealedReader read, PlainReader read_plain, const Policy& policy, const StoredReferral& stored,
                                     const referral::OpenedHeader& header, const StoredDelivery& delivery, absl::Time now,
                                     ReleasePlan plan) {
  storage::v1::StoredStatement statement;
  if (!delivery.statement_digest().empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto bytes,
                            read(kFamilyStatement, StatementKey(delivery.header_digest(), delivery.statement_digest())));
    if (!bytes.has_value()) return Erased();
    if (!statement.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored statement does not parse");
    plan.statement = std::move(*statement.mutable_statement());
  }
  const auto* const holder = delivery.agency() == plan.sender ? nullptr : FindRecipient(stored, delivery.agency());
  if (holder == nullptr) return plan;
  ACCORD_ASSIGN_OR_RETURN(const Holding holding, HoldingOf(read_plain, *holder));
  ACCORD_ASSIGN_OR_RETURN(referral::HeaderParts parts, PartsForTelling(read, stored, header));
  plan.may_not_tell = !MayTell(policy, std::move(parts), delivery.agency(), delivery.desk(), holding, now);
  plan.statement_openings = OpeningsForHolder(statement, header, holding);
  if (holder->change() == delivery.statement_digest()) plan.answer_due_ms = holder->change_due_ms();
  return plan;
}

// Gives `decided` the statement by which sections were sealed again, and the recipient that it names, if the header does not have it.
absl::Status TakeSupplement(SealedReader read, std::string_view header_digest, std::string_view statement_digest, DecidedNow& decided) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyStatement, StatementKey(header_digest, statement_digest)));
  if (!bytes.has_value()) return Erased();
  storage::v1::StoredStatement kept;
  if (!kept.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored statement does not parse");
  const auto statement = referral::ParseStatement(kept.statement());
  if (!statement.ok()) return Error(Reason::kStoreCorrupt, "a stored statement does not parse");
  const type::v1::RecipientPart& named = statement->reseal().recipient();
  auto& recipients = decided.parts.recipients;
  const bool there = std::any_of(recipients.begin(), recipients.end(), [&](const auto& row) { return row.agency() == named.agency(); });
  if (!there) recipients.push_back(named);
  decided.supplement = std::move(*kept.mutable_statement());
  return absl::OkStatus();
}

// What leaves under the emergency schedule alone is a gap, even if it was not one when the referral was stored.
absl::Status NoteGap(CommitContext& context, const Policy& policy, const ReleasePlan& plan, const StoredDelivery& delivery, const StoredReferral& stored) {
  uint32_t sections = 0;
  for (const auto& section : plan.sections) {
    sections += std::any_of(plan.decisions.begin(), plan.decisions.end(),
                            [&](const auto& row) { return row.section_id() == section.section_id() && row.emergency_gap(); });
  }
  if (sections == 0) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(stored));
  return ExtendGap(context, policy, delivery.header_digest(), stored, header.core.part, delivery.agency(), sections);
}

// Whether case history goes with it. What an emergency alone would open is reviewed for what it carries, and history is not of that.
void NoteHistory(const Policy& policy, const referral::HeaderParts& parts, const StoredDelivery& delivery, const Cause& cause, absl::Time now,
                 ReleasePlan& plan) {
  auto decision = referral::DecideCaseHistory(policy.compiled, parts, delivery.agency(), delivery.desk(), cause.facts(), now);
  plan.tells_history = decision.verdict() == type::v1::VERDICT_PERMIT && !decision.emergency_gap();
  if (plan.tells_history) plan.decisions.push_back(std::move(decision));
}

// Adds what this attempt hands over to what the desk holds. True when that is more, or under another rule, than before.
bool NoteHeld(storage::v1::StoredRecipient& recipient, const ReleasePlan& plan, int64_t since_ms) {
  bool moved = false;
  if (recipient.first_released_ms() == 0) {
    recipient.set_first_released_ms(since_ms);
    moved = true;
  }
  while (recipient.released_rules_size() < recipient.released_sections_size()) recipient.add_released_rules("");
  for (const auto& section : plan.sections) {
    const auto decision = std::find_if(plan.decisions.begin(), plan.decisions.end(),
                                       [&](const auto& row) { return row.section_id() == section.section_id(); });
    const std::string rule = decision == plan.decisions.end() ? "" : decision->rule_id();
    const auto& held = recipient.released_sections();
    const auto found = std::find(held.begin(), held.end(), section.section_id());
    if (found == held.end()) {
      recipient.add_released_sections(section.section_id());
      recipient.add_released_rules(rule);
      moved = true;
    } else if (auto& known = *recipient.mutable_released_rules(static_cast<int>(found - held.begin())); known != rule) {
      known = rule;
      moved = true;
    }
  }
  return moved;
}

}  // namespace

absl::StatusOr<DecidedNow> DecideNow(SealedReader read, const Policy& policy, const StoredReferral& stored, const referral::OpenedHeader& header,
                                     const StoredDelivery& delivery, absl::Time now) {
  DecidedNow decided;
  ACCORD_ASSIGN_OR_RETURN(decided.parts, PartsNow(stored, header));
  const auto* const recipient = FindRecipient(stored, delivery.agency());
  if (recipient != nullptr && !recipient->resealed_by().empty()) {
    ACCORD_RETURN_IF_ERROR(TakeSupplement(read, delivery.header_digest(), recipient->resealed_by(), decided));
  }
  ACCORD_ASSIGN_OR_RETURN(decided.cause, CauseOf(read, header.core.part));
  decided.decisions = referral::Decide(policy.compiled, decided.parts, decided.cause.facts(), now);
  return decided;
}

absl::StatusOr<ReleasePlan> PlanRelease(SealedReader read, PlainReader read_plain, const Policy& policy,
                                        const DirectorySnapshot& directory, const StoredDelivery& delivery, absl::Time now) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read, delivery.header_digest()));
  if (!stored.has_value()) return Erased();
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
  ReleasePlan plan;
  plan.epochs = policy.epochs;
  plan.sender_statement = stored->sender_statement();
  plan.sender = header.core.part.sender();
  plan.request_id = header.core.part.request_id();
  if (!CarriesReferral(delivery)) return PlanWord(read, read_plain, policy, *stored, header, delivery, now, std::move(plan));
  if (stored->recalled()) return plan;

  ACCORD_ASSIGN_OR_RETURN(DecidedNow decided, DecideNow(read, policy, *stored, header, delivery, now));
  const referral::Decisions& decisions = decided.decisions;
  plan.supplement = std::move(decided.supplement);
  const auto* const recipient = FindRecipient(*stored, delivery.agency());
  plan.agreement_version = decisions.agreement_version;
  plan.emergency_version = decisions.emergency_version;
  plan.law_version = decisions.law_version;
  plan.decision_digest = referral::DecisionDigest(decisions);
  for (const auto& decision : decisions.decisions) {
    if (decision.recipient() == delivery.agency()) plan.decisions.push_back(decision);
  }
  const AgencyRow* agency = directory.FindActiveAgency(delivery.agency());
  const auto* sealing = agency == nullptr ? nullptr : &SealingOf(*agency, delivery.desk());
  if (sealing == nullptr || !sealing->has_value()) return plan;  // Nobody to hand it to: nothing may go.

  std::map<std::string, std::string> digests;
  for (const auto& section : header.sections) digests[section.part.section_id()] = section.part.digest();
  std::set<std::string> released;
  size_t inline_bytes = 0;
  for (const std::string& section_id : referral::PermittedSections(decisions, delivery.agency())) {
    ACCORD_ASSIGN_OR_RETURN(auto sealed, read(kFamilySection, SectionKey(delivery.header_digest(), section_id)));
    if (!sealed.has_value()) return Erased();
    auto cut = crypto::cms::ForRecipient(*sealed, (*sealing)->subject_key_id());
    sealed.reset();  // Of what is large one section at a time is held.
    if (HasReason(cut.status(), Reason::kSealingKeyUnknown)) {
      plan.sealed_for_other_key = true;
      continue;
    }
    ACCORD_RETURN_IF_ERROR(cut);
    auto& section = plan.sections.emplace_back();
    section.set_section_id(section_id);
    if (cut->size() > referral::kInlineSectionBytesMax || inline_bytes + cut->size() > referral::kInlineSectionsBytesMax) {
      section.set_uploaded(crypto::Sha256(*cut));
    } else {
      inline_bytes += cut->size();
      section.set_cms(*std::move(cut));
    }
    plan.section_digests.push_back(digests[section_id]);
    released.insert(section_id);
  }
  plan.openings = recipient == nullptr ? referral::OpeningsForRecipient(header, delivery.agency(), released) : OpeningsFor(header, *recipient, released);
  if (!plan.sections.empty()) NoteHistory(policy, decided.parts, delivery, decided.cause, now, plan);
  plan.sealed_for_other_key = plan.sealed_for_other_key && plan.sections.empty();
  if (recipient != nullptr) {
    plan.pick_up_due_ms = recipient->pick_up_due_ms();
    plan.response_due_ms = recipient->response_due_ms();
  }
  plan.header = stored->header();
  plan.sender_certificate = stored->sender_certificate();
  return plan;
}

EntryDraft DeliveryEntry(const StoredReferral& stored, const StoredDelivery& delivery, std::string_view delivery_id,
                         std::string_view sender, std::string_view request_id, const Caller& caller) {
  EntryDraft entry;
  entry.chains = ChainsOf(stored);
  entry.event.set_attempt(delivery.attempt());
  entry.actor = ActorOf(caller);
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

void BuryDelivery(CommitContext& context, std::string_view delivery_id, StoredDelivery& delivery, uint64_t index) {
  delivery.set_state(storage::v1::DELIVERY_STATE_DEAD);
  delivery.set_settled_index(index);
  context.Put(kFamilyDelivery, delivery_id, delivery.SerializeAsString());
  context.Delete(kFamilyMailbox,
                 MailboxKey(delivery.agency(), delivery.desk(), delivery.lane(), delivery.mailbox_sequence()));
}

absl::Status Bury(CommitContext& context, std::string_view delivery_id, StoredDelivery& delivery, StoredReferral& stored,
                  const Death& death, NewDeliveries& queued) {
  std::string sender = delivery.sender();
  if (sender.empty()) {  // Queued before it was kept.
    ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(stored));
    sender = header.core.part.sender();
  }
  ACCORD_RETURN_IF_ERROR(AddDeadLetter(context, delivery_id, delivery, sender, death, queued));
  BuryDelivery(context, delivery_id, delivery, death.index);
  auto* const recipient = CarriesReferral(delivery) ? FindRecipient(stored, delivery.agency()) : nullptr;
  if (recipient == nullptr) return absl::OkStatus();
  if (const auto next = referral::Next(recipient->state(), referral::Event::kDie); next.has_value()) {
    recipient->set_state(*next);
    recipient->set_since_ms(absl::ToUnixMillis(context.now()));
  }
  return absl::OkStatus();
}

absl::Status ReleaseCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto delivery, LoadDelivery(context, delivery_id_));
  if (!delivery.has_value() || delivery->state() != storage::v1::DELIVERY_STATE_QUEUED ||
      delivery->agency() != mailbox_.agency || delivery->desk() != mailbox_.desk) {
    return Error(Reason::kDeliveryNotFound, "no such delivery waits in this mailbox");
  }
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, delivery->header_digest()));
  if (!stored.has_value()) return Erased();
  if (AttemptsExhausted(*delivery, context.now())) return GiveUp(context, *delivery, *stored);
  ReleasePlan& plan = result_.plan;
  if (!(plan.epochs == context.epochs()) || plan.sender_statement != stored->sender_statement()) {
    const auto read = SealedReaderOf(context);
    const auto read_plain = PlainReaderOf(context);
    ACCORD_ASSIGN_OR_RETURN(plan, PlanRelease(read, read_plain, *policy_.Get(), *directory_.Get(), *delivery, context.now()));
  }

  if (CarriesReferral(*delivery) && plan.sealed_for_other_key) return WaitForSeal(context, *delivery, *stored);

  const int64_t now_ms = absl::ToUnixMillis(context.now());
  BeginAttempt(*delivery, context.now());
  delivery->clear_released_sections();
  for (const auto& section : plan.sections) delivery->add_released_sections(section.section_id());

  EntryDraft entry = DeliveryEntry(*stored, *delivery, delivery_id_, plan.sender, plan.request_id, caller_);
  NameVersions(plan, entry.event);
  for (const std::string& digest : plan.section_digests) entry.referral->add_section_digests(digest);
  const bool carries = CarriesReferral(*delivery);
  if (carries) {
    auto& decisions = entry.decisions.emplace();
    for (const auto& decision : plan.decisions) *decisions.add_decisions() = decision;
    decisions.set_decision_digest(plan.decision_digest);
  }
  result_.withheld = carries ? plan.sections.empty() : plan.may_not_tell;
  const bool first = !result_.withheld && delivery->first_released_ms() == 0;
  if (first) delivery->set_first_released_ms(now_ms);
  entry.event.set_type(result_.withheld ? type::v1::EVENT_TYPE_WITHHELD_AT_RELEASE : type::v1::EVENT_TYPE_RELEASED);
  ACCORD_ASSIGN_OR_RETURN(result_.index, context.AddEntry(entry));
  // From now on this desk holds something of it.
  if (first && carries) {
    ACCORD_RETURN_IF_ERROR(NoteReleased(context, delivery->header_digest(), *stored, delivery->agency(), delivery->desk(), queued_));
    ACCORD_RETURN_IF_ERROR(NoteReleasedInCases(context, delivery->header_digest(), *stored, delivery->agency(), delivery->desk(), queued_));
    if (!stored->changed_tags().empty()) ACCORD_RETURN_IF_ERROR(TellOfEarlierChanges(context, *delivery, *stored));
  }

  if (carries && !result_.withheld) ACCORD_RETURN_IF_ERROR(NoteGap(context, *policy_.Get(), plan, *delivery, *stored));
  ACCORD_ASSIGN_OR_RETURN(const bool moved, carries ? MoveReferral(context, *delivery, *stored) : MoveWord(context, *delivery, *stored));
  if (!result_.withheld) context.Put(kFamilyDelivery, delivery_id_, delivery->SerializeAsString());
  if (moved) ACCORD_RETURN_IF_ERROR(SaveReferral(context, delivery->header_digest(), *stored));
  result_.delivery = *std::move(delivery);
  return absl::OkStatus();
}

absl::Status ReleaseCommand::WaitForSeal(CommitContext& context, const StoredDelivery& delivery, StoredReferral& stored) {
  result_.withheld = result_.waits_for_seal = true;
  result_.delivery = delivery;
  auto* const recipient = FindRecipient(stored, delivery.agency());
  if (recipient == nullptr || recipient->reseal_wanted_ms() > 0) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(stored));
  ACCORD_RETURN_IF_ERROR(AskForReseal(context, delivery.header_digest(), header.core.part, stored, *recipient, queued_));
  return SaveReferral(context, delivery.header_digest(), stored);
}

absl::Status ReleaseCommand::GiveUp(CommitContext& context, StoredDelivery& delivery, StoredReferral& stored) {
  EntryDraft entry = DeliveryEntry(stored, delivery, delivery_id_, result_.plan.sender, result_.plan.request_id, caller_);
  entry.event.set_type(type::v1::EVENT_TYPE_DEAD_LETTER);
  entry.event.set_reason(std::string(RowOf(Reason::kAttemptsExhausted).name));
  ACCORD_ASSIGN_OR_RETURN(result_.index, context.AddEntry(entry));
  result_.withheld = true;
  ACCORD_RETURN_IF_ERROR(Bury(context, delivery_id_, delivery, stored, {result_.index, entry.event.reason()}, queued_));
  result_.delivery = delivery;
  return SaveReferral(context, delivery.header_digest(), stored);
}

absl::Status ReleaseCommand::TellOfEarlierChanges(CommitContext& context, const StoredDelivery& delivery, const StoredReferral& stored) {
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(stored));
  Holding holding;
  for (const auto& section : result_.plan.sections) holding.sections.push_back({section.section_id(), ""});
  std::vector<std::pair<std::string, type::v1::Statement>> changes;  // Digest, statement; the newest first.
  std::string digest = stored.sender_statement();
  for (size_t seen = 0; !digest.empty() && seen < kEarlierStatementsMax; ++seen) {
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.GetSealed(kFamilyStatement, StatementKey(delivery.header_digest(), digest)));
    storage::v1::StoredStatement kept;
    if (!bytes.has_value() || !kept.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a sender's statement is not stored");
    auto statement = referral::ParseStatement(kept.statement());
    if (!statement.ok()) return Error(Reason::kStoreCorrupt, "a stored statement does not parse");
    const std::string previous = statement->previous_statement();
    if (!OpeningsForHolder(kept, header, holding).empty()) changes.emplace_back(digest, *std::move(statement));
    digest = previous;
  }
  std::reverse(changes.begin(), changes.end());
  for (const auto& [change, statement] : changes) {
    // As in the act itself: an entry of this desk's own, by whom the statement is.
    EntryDraft entry;
    entry.chains = ChainsOf(stored);
    entry.event.set_type(type::v1::EVENT_TYPE_STATEMENT);
    entry.event.set_statement(statement.kind());
    auto& actor = entry.actor.emplace();
    actor.set_principal(PrincipalName(options::v1::CALLER_AGENCY, statement.agency()));
    *actor.mutable_worker() = statement.worker();
    auto& about = entry.referral.emplace();
    about.set_header_digest(delivery.header_digest());
    about.set_sender(result_.plan.sender);
    about.set_request_id(result_.plan.request_id);
    about.set_recipient(delivery.agency());
    about.set_desk(delivery.desk());
    about.set_statement_digest(change);
    ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(entry));
    StoredDelivery told;
    told.set_agency(delivery.agency());
    told.set_desk(delivery.desk());
    told.set_header_digest(delivery.header_digest());
    told.set_sender(result_.plan.sender);
    told.set_statement_digest(change);
    told.set_lane(type::v1::LANE_IMMEDIATE);
    told.set_ordering_key(delivery.ordering_key());
    ACCORD_RETURN_IF_ERROR(PutDelivery(context, context.RandomBytes(kIdBytes), std::move(told), index, queued_));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ReleaseCommand::MoveReferral(CommitContext& context, StoredDelivery& delivery, StoredReferral& stored) {
  if (result_.withheld) {
    ACCORD_RETURN_IF_ERROR(Bury(context, delivery_id_, delivery, stored, Withheld(result_.index), queued_));
    return true;
  }
  auto* const recipient = FindRecipient(stored, delivery.agency());
  if (recipient == nullptr) return false;
  const int64_t now_ms = absl::ToUnixMillis(context.now());
  bool moved = NoteHeld(*recipient, result_.plan, delivery.first_released_ms());
  if (recipient->reseal_wanted_ms() > 0) {  // It has taken up its old key again.
    ACCORD_RETURN_IF_ERROR(EndReseal(context, delivery.header_digest(), *recipient));
    moved = true;
  }
  const auto next = referral::Next(recipient->state(), referral::Event::kRelease);
  if (next.has_value() && *next != recipient->state()) {
    recipient->set_state(*next);
    recipient->set_since_ms(now_ms);
    moved = true;
  }
  return moved;
}

absl::StatusOr<bool> ReleaseCommand::MoveWord(CommitContext& context, StoredDelivery& delivery, StoredReferral& stored) {
  if (!result_.withheld) return false;
  ACCORD_RETURN_IF_ERROR(Bury(context, delivery_id_, delivery, stored, Withheld(result_.index), queued_));
  auto* const holder = FindRecipient(stored, delivery.agency());
  if (holder == nullptr || delivery.statement_digest().empty() || holder->change() != delivery.statement_digest()) return false;
  // It never hears of the change, so nothing is asked of it: a person at the sender sees to it (GetHolders).
  holder->set_not_told(true);
  holder->set_change_due_ms(0);
  ACCORD_RETURN_IF_ERROR(ClearDue(context, DueKind::kChange, delivery.header_digest(), delivery.agency(), delivery.desk()));
  return true;
}

void ReleaseCommand::Published() {
  for (auto& [mailbox, waiting] : queued_) mailboxes_.Add(mailbox, std::move(waiting));
  // Here, not in Done: it may be requeued by a later command, which Done might come after.
  if (result_.withheld) mailboxes_.Remove(delivery_id_, result_.waits_for_seal ? Mailboxes::Gone::kSettled : Mailboxes::Gone::kDead);
}

void ReleaseCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  if (!result_.withheld) mailboxes_.NoteAttempt(delivery_id_, result_.delivery.attempt());
  std::move(done_)(std::move(result_));
}

}  // namespace accord::broker
