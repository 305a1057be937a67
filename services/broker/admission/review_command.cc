#include "services/broker/admission/review_command.h"

#include <algorithm>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/breach.h"
#include "services/broker/sharing/gap.h"

namespace accord::broker {

absl::Status ReviewCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto first, FirstAnswer(context, verified_));
  if (first.has_value()) {
    act_.said = *std::move(first);
    return absl::OkStatus();
  }
  ACCORD_ASSIGN_OR_RETURN(act_, BeginAct(context, verified_, work_));
  const auto& statement = verified_.statement;
  const auto& core = act_.header.core.part;
  const std::string& digest = statement.header_digest();
  if (statement.worker().pseudonym() == core.worker().pseudonym()) {
    return Error(Reason::kSelfReview, "who shared it may not review it; another worker of the agency does");
  }
  std::optional<referral::Decisions> decided;
  if (statement.kind() == type::v1::STATEMENT_KIND_BREACH_ASSESSED) {
    ACCORD_RETURN_IF_ERROR(AssessBreach(context, digest, act_.stored, statement.breach_assessment()));
  } else {
    ACCORD_RETURN_IF_ERROR(CloseGap(context, digest, act_.stored, statement.gap_review(), statement.worker().pseudonym()));
    if (statement.gap_review() == type::v1::GAP_REVIEW_COMPLETED) {
      ACCORD_ASSIGN_OR_RETURN(decided, Complete(context));
    }
  }
  ACCORD_RETURN_IF_ERROR(RecordAct(context, verified_, decided.has_value() ? &*decided : nullptr, {}, {}, act_));
  if (statement.gap_review() == type::v1::GAP_REVIEW_NOT_JUSTIFIED) {
    ACCORD_RETURN_IF_ERROR(RecordBreach(context, digest, act_.stored, core, type::v1::RECALL_REASON_UNSPECIFIED,
                                        ActorOf(verified_.caller, statement.worker())));
  }
  std::vector<type::v1::Opening> openings;
  for (const auto& tag : tags_) openings.push_back(tag.opening);
  return FinishAct(context, verified_, openings, act_);
}

absl::StatusOr<referral::Decisions> ReviewCommand::Complete(CommitContext& context) {
  ACCORD_RETURN_IF_ERROR(ChangeTags(act_.stored, act_.header, tags_));
  ACCORD_ASSIGN_OR_RETURN(const referral::HeaderParts parts, PartsNow(act_.stored, act_.header));
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const Cause cause, CauseOf(read, parts.core));
  referral::Decisions decisions = referral::Decide(act_.policy->compiled, parts, cause.facts(), context.now());
  for (const auto& now : decisions.decisions) {
    const bool permitted = now.verdict() == type::v1::VERDICT_PERMIT;
    const bool shared = std::any_of(act_.stored.decisions().begin(), act_.stored.decisions().end(), [&](const auto& then) {
      return then.emergency_gap() && then.section_id() == now.section_id() && then.recipient() == now.recipient();
    });
    if (!(shared && !permitted) && !now.emergency_gap()) continue;
    return Error(Reason::kGapNotCompleted, "a section would still not be permitted without the emergency schedule",
                 {{"section_id", ToHex(now.section_id())}, {"recipient", now.recipient()}});
  }
  return decisions;
}

void ReviewCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(act_.said));
}

}  // namespace accord::broker
