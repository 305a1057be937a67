#include "services/broker/admission/sender_act.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/states.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/delivery/release.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/requests.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/change_clock.h"

namespace accord::broker {
namespace {

using storage::v1::StoredDelivery;
using storage::v1::StoredRecipient;
using storage::v1::StoredReferral;

// Absent, not the caller's, and barred to its worker are one answer: it must not tell which.
absl::Status NotPermitted() { return Error(Reason::kNotPermitted, "no such referral, or this agency did not send it"); }

absl::Status NoReferral(CommitContext& context, const VerifiedStatement& verified) {
  const auto read = PlainReaderOf(context);
  ACCORD_RETURN_IF_ERROR(RefuseIfErased(read, verified.statement.header_digest(), verified.caller.id, verified.caller.desk));
  return NotPermitted();
}

EntryDraft ActEntry(type::v1::EventType type, const VerifiedStatement& verified, const SenderAct& act) {
  const auto& core = act.header.core.part;
  EntryDraft entry;
  entry.chains = ChainsOf(act.stored);
  entry.event.set_type(type);
  entry.event.set_statement(verified.statement.kind());
  entry.actor = ActorOf(verified.caller, verified.statement.worker());
  auto& about = entry.referral.emplace();
  about.set_header_digest(verified.statement.header_digest());
  about.set_sender(core.sender());
  about.set_request_id(core.request_id());
  about.set_statement_digest(verified.digest);
  return entry;
}

// What endangers, or must not be used any more, comes before all else. A change of the grade is a word about a referral of the new one.
type::v1::Lane LaneOfAct(const VerifiedStatement& verified, const SenderAct& act) {
  if (verified.statement.kind() != type::v1::STATEMENT_KIND_REGRADED) return type::v1::LANE_IMMEDIATE;
  return referral::LaneOf(type::v1::REFERRAL_TYPE_NOTIFICATION, act.header.core.part.urgency(), verified.statement.regraded().grade());
}

absl::Status TellOne(CommitContext& context, const VerifiedStatement& verified, const std::string& ordering_key, StoredRecipient& holder,
                     SenderAct& act) {
  const std::string& digest = verified.statement.header_digest();
  // An entry of the holder's own, which opens to it: that of the act says nothing of who else is told.
  EntryDraft entry = ActEntry(type::v1::EVENT_TYPE_STATEMENT, verified, act);
  entry.referral->set_recipient(holder.agency());
  entry.referral->set_desk(holder.desk());
  ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(entry));
  const bool asks = referral::AsksForAnswer(verified.statement.kind());
  if (asks) ACCORD_RETURN_IF_ERROR(AskForAnswer(context, *act.policy, digest, verified.statement, verified.digest, holder));
  StoredDelivery delivery;
  delivery.set_agency(holder.agency());
  delivery.set_desk(holder.desk());
  delivery.set_header_digest(digest);
  delivery.set_sender(act.header.core.part.sender());
  delivery.set_statement_digest(verified.digest);
  delivery.set_lane(LaneOfAct(verified, act));
  delivery.set_ordering_key(ordering_key);
  ACCORD_RETURN_IF_ERROR(PutDelivery(context, context.RandomBytes(kIdBytes), std::move(delivery), index, act.queued));
  auto& told = act.said.told.emplace_back();
  told.set_agency(holder.agency());
  told.set_desk(holder.desk());
  if (asks) told.set_due_at_ms(holder.change_due_ms());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<Said>> FirstAnswer(CommitContext& context, const VerifiedStatement& verified) {
  ACCORD_ASSIGN_OR_RETURN(const auto first, FirstRequest(context, verified.caller.principal, verified.statement.request_id(), verified.digest));
  if (!first.has_value()) return std::optional<Said>();
  ACCORD_ASSIGN_OR_RETURN(const auto bytes,
                          context.GetSealed(kFamilyStatement, StatementKey(verified.statement.header_digest(), verified.digest)));
  if (!bytes.has_value()) return NoReferral(context, verified);
  storage::v1::StoredStatement kept;
  if (!kept.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored statement does not parse");
  return std::optional<Said>(Said{verified.digest,
                                  kept.index(),
                                  {kept.told().begin(), kept.told().end()},
                                  {kept.not_told().begin(), kept.not_told().end()},
                                  {kept.stopped().begin(), kept.stopped().end()},
                                  /*repeated=*/true});
}

absl::StatusOr<SenderAct> BeginAct(CommitContext& context, const VerifiedStatement& verified, const ActWork& work) {
  const auto& statement = verified.statement;
  SenderAct act;
  act.policy = work.policy.Get();
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, statement.header_digest()));
  if (!stored.has_value()) return NoReferral(context, verified);
  act.stored = *std::move(stored);
  ACCORD_ASSIGN_OR_RETURN(act.header, OpenStored(act.stored));
  const auto directory = work.directory.Get();
  const bool sender = act.header.core.part.sender() == verified.caller.id;
  if (!sender || directory->IsBarred(verified.caller.id, statement.worker().pseudonym())) return NotPermitted();
  // Judged again, for the directory may have moved since VerifyStatement.
  if (directory->FindSigningKey(verified.caller.id, verified.document.key_id(), context.now()) == nullptr) {
    return SigningKeyUnknown(verified.caller.id);
  }
  if (act.stored.recalled() && !referral::MaySayOfRecalled(statement.kind())) {
    return Error(Reason::kTransitionIllegal, "the referral was recalled",
                 {{"state", type::v1::ReferralState_Name(type::v1::REFERRAL_STATE_RECALLED)}});
  }
  if (act.stored.sender_statement() != statement.previous_statement()) {
    return Error(Reason::kTransitionIllegal, "the statement does not follow the sender's last one on this referral",
                 {{"last_statement", ToHex(act.stored.sender_statement())}});
  }
  const auto read = PlainReaderOf(context);
  for (const auto& recipient : act.stored.recipients()) {
    ACCORD_ASSIGN_OR_RETURN(act.holdings.emplace_back(), HoldingOf(read, recipient));
  }
  act.said.digest = verified.digest;
  return act;
}

absl::Status CheckOpenSomewhere(const SenderAct& act) {
  const auto& recipients = act.stored.recipients();
  if (!act.stored.replaced_by().empty()) {
    return Error(Reason::kTransitionIllegal, "the referral was corrected; act on the version that replaced it",
                 {{"replaced_by", ToHex(act.stored.replaced_by())}});
  }
  if (IsWithdrawn(act.stored)) {
    return Error(Reason::kTransitionIllegal, "the referral was withdrawn before",
                 {{"state", type::v1::ReferralState_Name(type::v1::REFERRAL_STATE_WITHDRAWN)}});
  }
  const bool open = std::any_of(recipients.begin(), recipients.end(), [](const auto& recipient) { return !referral::IsFinal(recipient.state()); });
  if (open) return absl::OkStatus();
  return Error(Reason::kTransitionIllegal, "nothing is expected of anybody any more: it has come to an end everywhere, or went to nobody");
}

std::set<int> HoldersOf(const SenderAct& act) {
  std::set<int> holders;
  for (int i = 0; i < act.stored.recipients_size(); ++i) {
    if (act.holdings[i].since_ms > 0) holders.insert(i);
  }
  return holders;
}

std::set<int> WhoMayBeTold(const SenderAct& act, const std::set<int>& holders, const referral::HeaderParts& judged_by, absl::Time now) {
  std::set<int> may;
  for (const int i : holders) {
    const auto& recipient = act.stored.recipients(i);
    if (MayTell(*act.policy, judged_by, recipient.agency(), recipient.desk(), act.holdings[i], now)) may.insert(i);
  }
  return may;
}

absl::Status RecordAct(CommitContext& context, const VerifiedStatement& verified, const referral::Decisions* decided,
                       const std::set<int>& holders, const std::set<int>& may_be_told, SenderAct& act) {
  EntryDraft entry = ActEntry(type::v1::EVENT_TYPE_STATEMENT, verified, act);
  auto& decisions = entry.decisions.emplace();
  if (decided != nullptr) {
    NameVersions(*decided, entry.event);
    for (const auto& decision : decided->decisions) *decisions.add_decisions() = decision;
    decisions.set_decision_digest(referral::DecisionDigest(*decided));
  }
  for (const int i : holders) {
    if (may_be_told.contains(i)) continue;
    auto& withheld = *decisions.add_decisions();
    withheld.set_recipient(act.stored.recipients(i).agency());
    withheld.set_verdict(type::v1::VERDICT_WITHHOLD);
    withheld.set_rule_id("always/protective-list");
    withheld.set_reason("A protective rule applies to this recipient: it is not told. Nothing more can be said here.");
  }
  if (decisions.decisions().empty()) entry.decisions.reset();
  ACCORD_ASSIGN_OR_RETURN(act.said.index, context.AddEntry(entry));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<StoredDelivery>> WaitingCopy(CommitContext& context, const StoredRecipient& recipient) {
  if (recipient.delivery_id().empty()) return std::optional<StoredDelivery>();
  ACCORD_ASSIGN_OR_RETURN(auto delivery, LoadDelivery(context, recipient.delivery_id()));
  if (!delivery.has_value()) return Error(Reason::kStoreCorrupt, "a referral's delivery is not stored");
  if (delivery->state() != storage::v1::DELIVERY_STATE_QUEUED) delivery.reset();
  return delivery;
}

absl::Status StopCopy(CommitContext& context, const VerifiedStatement& verified, const referral::Decisions* decided, int position,
                      StoredDelivery delivery, referral::Event event, SenderAct& act) {
  auto& recipient = *act.stored.mutable_recipients(position);
  EntryDraft entry = ActEntry(type::v1::EVENT_TYPE_COPY_STOPPED, verified, act);
  entry.referral->set_recipient(recipient.agency());
  entry.referral->set_desk(recipient.desk());
  entry.referral->set_delivery_id(recipient.delivery_id());
  if (decided != nullptr) {
    auto& decisions = entry.decisions.emplace();
    for (const auto& decision : decided->decisions) {
      if (decision.recipient() == recipient.agency()) *decisions.add_decisions() = decision;
    }
    decisions.set_decision_digest(referral::DecisionDigest(*decided));
  }
  ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(entry));
  BuryDelivery(context, recipient.delivery_id(), delivery, index);
  act.stopped_deliveries.push_back(recipient.delivery_id());
  if (act.holdings[position].since_ms > 0) return absl::OkStatus();  // One attempt had left: it is held, and only not made again.
  if (const auto next = referral::Next(recipient.state(), event); next.has_value()) {
    recipient.set_state(*next);
    recipient.set_since_ms(absl::ToUnixMillis(context.now()));
  }
  act.said.stopped.push_back(recipient.agency());
  return StopClocks(context, verified.statement.header_digest(), recipient);
}

absl::Status TellOfAct(CommitContext& context, const VerifiedStatement& verified, const std::set<int>& holders,
                         const std::set<int>& may_be_told, SenderAct& act) {
  if (holders.empty()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const std::string ordering_key, OrderingKeyOfDeliveries(context, act.stored));
  for (const int i : holders) {
    auto& holder = *act.stored.mutable_recipients(i);
    if (may_be_told.contains(i)) {
      ACCORD_RETURN_IF_ERROR(TellOne(context, verified, ordering_key, holder, act));
    } else {
      // A withdrawal changes nothing of what was asked for before.
      if (referral::AsksForAnswer(verified.statement.kind())) {
        ACCORD_RETURN_IF_ERROR(NoteNotTold(context, verified.statement.header_digest(), verified.digest, holder));
      }
      act.said.not_told.push_back(holder.agency());
    }
  }
  return absl::OkStatus();
}

absl::Status FinishAct(CommitContext& context, const VerifiedStatement& verified, const std::vector<type::v1::Opening>& openings,
                       SenderAct& act) {
  const std::string& digest = verified.statement.header_digest();
  act.stored.set_sender_statement(verified.digest);
  storage::v1::StoredStatement kept;
  *kept.mutable_statement() = verified.document;
  kept.set_index(act.said.index);
  for (const auto& opening : openings) *kept.add_openings() = opening;
  for (const auto& told : act.said.told) *kept.add_told() = told;
  for (const std::string& agency : act.said.not_told) kept.add_not_told(agency);
  for (const std::string& agency : act.said.stopped) kept.add_stopped(agency);
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOfChain(context, act.stored.chain()));
  ACCORD_RETURN_IF_ERROR(context.PutSealed(kFamilyStatement, StatementKey(digest, verified.digest), slot, kept.SerializeAsString()));
  ACCORD_RETURN_IF_ERROR(SaveReferral(context, digest, act.stored));
  storage::v1::StoredRequest request;
  request.set_digest(verified.digest);
  request.set_index(act.said.index);
  request.set_header_digest(digest);
  KeepRequest(context, verified.caller.principal, verified.statement.request_id(), request);
  return absl::OkStatus();
}

void PublishAct(Mailboxes& mailboxes, SenderAct& act) {
  // Queued first: what waits behind what was stopped must not go before it.
  for (auto& [mailbox, waiting] : act.queued) mailboxes.Add(mailbox, std::move(waiting));
  for (const std::string& delivery_id : act.stopped_deliveries) mailboxes.Remove(delivery_id);
}

absl::StatusOr<std::string> OrderingKeyOfDeliveries(CommitContext& context, const StoredReferral& stored) {
  if (stored.recipients().empty()) return OrderingKeyOf(stored);
  // A correction's deliveries follow those of what it corrects, whatever case it is linked to.
  ACCORD_ASSIGN_OR_RETURN(const auto delivery, LoadDelivery(context, stored.recipients(0).delivery_id()));
  if (!delivery.has_value()) return Error(Reason::kStoreCorrupt, "a referral's delivery is not stored");
  return delivery->ordering_key();
}

}  // namespace accord::broker
