#include "services/broker/admission/withdraw.h"

#include <utility>

#include "common/base/status.h"
#include "common/referral/states.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

absl::Status WithdrawCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto first, FirstAnswer(context, verified_));
  if (first.has_value()) {
    act_.said = *std::move(first);
    return absl::OkStatus();
  }
  ACCORD_ASSIGN_OR_RETURN(act_, BeginAct(context, verified_, work_));
  ACCORD_RETURN_IF_ERROR(CheckOpenSomewhere(act_));
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const referral::HeaderParts judged_by, PartsForTelling(read, act_.stored, act_.header));
  const std::set<int> holders = HoldersOf(act_);
  const std::set<int> may_be_told = WhoMayBeTold(act_, holders, judged_by, context.now());
  ACCORD_RETURN_IF_ERROR(RecordAct(context, verified_, nullptr, holders, may_be_told, act_));
  for (int i = 0; i < act_.stored.recipients_size(); ++i) {
    ACCORD_ASSIGN_OR_RETURN(auto copy, WaitingCopy(context, act_.stored.recipients(i)));
    if (copy.has_value()) ACCORD_RETURN_IF_ERROR(StopCopy(context, verified_, nullptr, i, *std::move(copy), referral::Event::kWithdraw, act_));
  }
  ACCORD_RETURN_IF_ERROR(MoveRecipients(context));
  ACCORD_RETURN_IF_ERROR(TellOfAct(context, verified_, holders, may_be_told, act_));
  return FinishAct(context, verified_, {}, act_);
}

absl::Status WithdrawCommand::MoveRecipients(CommitContext& context) {
  for (int i = 0; i < act_.stored.recipients_size(); ++i) {
    auto& recipient = *act_.stored.mutable_recipients(i);
    const Holding& holding = act_.holdings[i];
    // Now also for rows from before it was kept: by it a withdrawn copy that had left is told from one that had not.
    if (recipient.first_released_ms() == 0 && holding.since_ms > 0) {
      recipient.set_first_released_ms(holding.since_ms);
      for (const auto& section : holding.sections) {
        recipient.add_released_sections(section.id);
        recipient.add_released_rules(section.rule_id);
      }
    }
    ACCORD_RETURN_IF_ERROR(StopClocks(context, verified_.statement.header_digest(), recipient));
    const auto next = referral::Next(recipient.state(), referral::Event::kWithdraw);
    if (!next.has_value()) continue;  // It has come to an end there, or StopCopy has moved it.
    recipient.set_state(*next);
    recipient.set_since_ms(absl::ToUnixMillis(context.now()));
  }
  return absl::OkStatus();
}

void WithdrawCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(act_.said));
}

}  // namespace accord::broker
