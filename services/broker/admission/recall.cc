#include "services/broker/admission/recall.h"

#include <utility>

#include "common/base/status.h"
#include "common/referral/states.h"
#include "services/broker/cases/events.h"
#include "services/broker/clocks/clocks.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/holds/hold_index.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/breach.h"

namespace accord::broker {

absl::Status RecallCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto first, FirstAnswer(context, verified_));
  if (first.has_value()) {
    act_.said = *std::move(first);
    return absl::OkStatus();
  }
  ACCORD_ASSIGN_OR_RETURN(act_, BeginAct(context, verified_, work_));
  act_.stored.set_recalled(true);
  ACCORD_RETURN_IF_ERROR(ChangeEvent(context, act_.stored, [](storage::v1::StoredCaseEvent& event) { event.set_recalled(true); }));
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const referral::HeaderParts judged_by, PartsForTelling(read, act_.stored, act_.header));
  const std::set<int> holders = HoldersOf(act_);
  const std::set<int> may_be_told = WhoMayBeTold(act_, holders, judged_by, context.now());
  ACCORD_RETURN_IF_ERROR(RecordAct(context, verified_, nullptr, holders, may_be_told, act_));
  for (int i = 0; i < act_.stored.recipients_size(); ++i) {
    ACCORD_ASSIGN_OR_RETURN(auto copy, WaitingCopy(context, act_.stored.recipients(i)));
    if (copy.has_value()) ACCORD_RETURN_IF_ERROR(StopCopy(context, verified_, nullptr, i, *std::move(copy), referral::Event::kRecall, act_));
  }
  ACCORD_RETURN_IF_ERROR(DeleteSections(context));
  if (!holders.empty()) {
    ACCORD_RETURN_IF_ERROR(RecordBreach(context, verified_.statement.header_digest(), act_.stored, act_.header.core.part,
                                        verified_.statement.recall_reason(), ActorOf(verified_.caller, verified_.statement.worker())));
  }
  ACCORD_RETURN_IF_ERROR(TellOfAct(context, verified_, holders, may_be_told, act_));
  for (auto& recipient : *act_.stored.mutable_recipients()) {
    ACCORD_RETURN_IF_ERROR(StopClocks(context, verified_.statement.header_digest(), recipient));
  }
  return FinishAct(context, verified_, {}, act_);
}

absl::Status RecallCommand::DeleteSections(CommitContext& context) const {
  const std::string& digest = verified_.statement.header_digest();
  const SubjectIndex index_of = [this](const type::v1::SubjectToken& token) { return linker_.Index(token); };
  ACCORD_ASSIGN_OR_RETURN(const HoldScope scope, ScopeOf(digest, act_.stored, index_of));
  ACCORD_ASSIGN_OR_RETURN(const auto hold, HoldCovering(context, scope));
  if (hold.has_value()) return absl::OkStatus();  // Kept, and never released again.
  for (const std::string& id : act_.stored.section_ids()) context.Delete(kFamilySection, SectionKey(digest, id));
  return absl::OkStatus();
}

void RecallCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(act_.said));
}

}  // namespace accord::broker
