#include "services/broker/admission/regrade.h"

#include <set>
#include <string>

#include "common/base/status.h"
#include "common/referral/risk.h"
#include "common/referral/states.h"
#include "services/broker/cases/events.h"
#include "services/broker/clocks/checks.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

absl::Status RegradeCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto first, FirstAnswer(context, verified_));
  if (!first.has_value()) return Regrade(context);
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, verified_.statement.header_digest()));
  if (!stored.has_value()) return Error(Reason::kReferralNotFound, "the referral was erased");
  act_.stored = *std::move(stored);
  ACCORD_ASSIGN_OR_RETURN(act_.header, OpenStored(act_.stored));
  act_.said = *std::move(first);
  return absl::OkStatus();
}

absl::Status RegradeCommand::Regrade(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(act_, BeginAct(context, verified_, work_));
  ACCORD_RETURN_IF_ERROR(CheckOpenSomewhere(act_));
  const type::v1::Risk before = RiskNow(act_.stored, act_.header.core.part);
  const referral::CaseRules& rules = act_.policy->compiled.CaseRules(context.now());
  ACCORD_RETURN_IF_ERROR(referral::CheckLowered(before, verified_.statement.regraded(), rules.ric));
  *act_.stored.mutable_regraded() = verified_.statement.regraded();
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const referral::HeaderParts judged_by, PartsForTelling(read, act_.stored, act_.header));
  const std::set<int> holders = HoldersOf(act_);
  const std::set<int> may_be_told = WhoMayBeTold(act_, holders, judged_by, context.now());
  ACCORD_RETURN_IF_ERROR(RecordAct(context, verified_, nullptr, holders, may_be_told, act_));
  ACCORD_RETURN_IF_ERROR(NoteInCases(context, before, rules.version));
  ACCORD_RETURN_IF_ERROR(MoveClocks(context));
  for (const auto& recipient : act_.stored.recipients()) ACCORD_RETURN_IF_ERROR(MoveCopy(context, before, recipient));
  ACCORD_RETURN_IF_ERROR(TellOfAct(context, verified_, holders, may_be_told, act_));
  return FinishAct(context, verified_, {}, act_);
}

absl::Status RegradeCommand::NoteInCases(CommitContext& context, const type::v1::Risk& before, const std::string& rules_version) {
  const type::v1::Risk& now = act_.stored.regraded();
  ACCORD_RETURN_IF_ERROR(ChangeEvent(context, act_.stored, [&](storage::v1::StoredCaseEvent& event) { *event.mutable_risk() = now; }));
  if (now.grade() == before.grade()) return absl::OkStatus();
  // As when a referral of another grade is stored: the trail says in which direction it changed and why.
  EntryDraft entry;
  entry.chains = ChainsOf(act_.stored);
  entry.event.set_type(type::v1::EVENT_TYPE_CASE_FLAGGED);
  entry.event.add_case_flags(now.grade() > before.grade() ? type::v1::CASE_FLAG_GRADE_RAISED : type::v1::CASE_FLAG_GRADE_LOWERED);
  entry.event.set_case_rules_version(rules_version);
  entry.event.set_risk_change_reason(now.change_reason());
  entry.actor = ActorOf(verified_.caller, verified_.statement.worker());
  auto& about = entry.referral.emplace();
  about.set_header_digest(verified_.statement.header_digest());
  about.set_sender(act_.header.core.part.sender());
  about.set_request_id(act_.header.core.part.request_id());
  about.set_statement_digest(verified_.digest);
  return context.AddEntry(entry).status();
}

absl::Status RegradeCommand::MoveClocks(CommitContext& context) {
  const std::string& digest = verified_.statement.header_digest();
  type::v1::HeaderCore core = act_.header.core.part;
  *core.mutable_risk() = act_.stored.regraded();
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const referral::Clocked clocked, ClockedOf(read, core, absl::FromUnixMillis(act_.stored.stored_at_ms())));
  const auto directory = work_.directory.Get();
  for (auto& recipient : *act_.stored.mutable_recipients()) {
    if (StandsIn(act_.header, recipient)) continue;  // Its clocks are those of the other.
    if (recipient.delivery_id().empty()) continue;  // Only named by another, and nothing sealed for it: no clock runs yet.
    ACCORD_RETURN_IF_ERROR(RestartClocks(context, *act_.policy, *directory, clocked, digest, recipient));
  }
  return MoveCheck(context, digest, core, act_.stored);
}

absl::Status RegradeCommand::MoveCopy(CommitContext& context, const type::v1::Risk& before, const storage::v1::StoredRecipient& recipient) {
  const type::v1::HeaderCore& core = act_.header.core.part;
  const type::v1::Lane from = referral::LaneOf(core.type(), core.urgency(), before.grade());
  const type::v1::Lane to = referral::LaneOf(core.type(), core.urgency(), act_.stored.regraded().grade());
  ACCORD_ASSIGN_OR_RETURN(auto copy, WaitingCopy(context, recipient));
  // What rides in another lane than its grade's was put there for another reason, such as a safe contact that changed.
  if (!copy.has_value() || copy->lane() != from || from == to) return absl::OkStatus();
  const std::string place = MailboxKey(copy->agency(), copy->desk(), to, copy->mailbox_sequence());
  ACCORD_ASSIGN_OR_RETURN(const auto taken, context.Get(kFamilyMailbox, place));
  if (taken.has_value()) return absl::OkStatus();  // What tells of its requeueing stands there.
  context.Delete(kFamilyMailbox, MailboxKey(copy->agency(), copy->desk(), copy->lane(), copy->mailbox_sequence()));
  copy->set_lane(to);
  context.Put(kFamilyMailbox, place, recipient.delivery_id());
  context.Put(kFamilyDelivery, recipient.delivery_id(), copy->SerializeAsString());
  moved_.push_back(WaitingOf(recipient.delivery_id(), *copy));
  return absl::OkStatus();
}

void RegradeCommand::Published() {
  for (Waiting& waiting : moved_) work_.mailboxes.Move(std::move(waiting));
  PublishAct(work_.mailboxes, act_);
}

void RegradeCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(Regraded{std::move(act_.said),
                            {act_.stored.recipients().begin(), act_.stored.recipients().end()},
                            act_.header.core.part.urgency() == type::v1::URGENCY_IMMEDIATE});
}

}  // namespace accord::broker
