#include "services/broker/admission/consent_change.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/referral/decision.h"
#include "common/referral/states.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

absl::Status ChangeConsentCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(auto first, FirstAnswer(context, verified_));
  if (first.has_value()) {
    act_.said = *std::move(first);
    return absl::OkStatus();
  }
  ACCORD_ASSIGN_OR_RETURN(act_, BeginAct(context, verified_, work_));
  ACCORD_ASSIGN_OR_RETURN(const referral::HeaderParts old_parts, PartsNow(act_.stored, act_.header));
  ACCORD_RETURN_IF_ERROR(ChangeTags(act_.stored, act_.header, tags_));
  ACCORD_ASSIGN_OR_RETURN(const referral::HeaderParts new_parts, PartsNow(act_.stored, act_.header));
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const Cause cause, CauseOf(read, act_.header.core.part));
  const referral::Facts facts = cause.facts();
  const referral::Decisions before = referral::Decide(act_.policy->compiled, old_parts, facts, context.now());
  const referral::Decisions after = referral::Decide(act_.policy->compiled, new_parts, facts, context.now());
  ACCORD_ASSIGN_OR_RETURN(const referral::HeaderParts judged_by, PartsForTelling(read, act_.stored, act_.header));
  const std::set<int> concerned = Concerned();
  const std::set<int> may_be_told = WhoMayBeTold(act_, concerned, judged_by, context.now());
  ACCORD_RETURN_IF_ERROR(RecordAct(context, verified_, &after, concerned, may_be_told, act_));
  ACCORD_RETURN_IF_ERROR(StopCopies(context, before, after));
  ACCORD_RETURN_IF_ERROR(TellOfAct(context, verified_, concerned, may_be_told, act_));
  std::vector<type::v1::Opening> openings;
  for (const auto& tag : tags_) openings.push_back(tag.opening);
  return FinishAct(context, verified_, openings, act_);
}

std::set<int> ChangeConsentCommand::Concerned() const {
  std::set<std::string> changed;
  for (const auto& section : act_.header.sections) {
    const bool under = std::any_of(tags_.begin(), tags_.end(), [&](const auto& tag) { return tag.part.tag_id() == section.part.tag_id(); });
    if (under) changed.insert(section.part.section_id());
  }
  std::set<int> concerned;
  for (const int i : HoldersOf(act_)) {
    const auto& held = act_.holdings[i].sections;
    if (std::any_of(held.begin(), held.end(), [&](const auto& section) { return changed.contains(section.id); })) concerned.insert(i);
  }
  return concerned;
}

absl::Status ChangeConsentCommand::StopCopies(CommitContext& context, const referral::Decisions& before, const referral::Decisions& after) {
  for (int i = 0; i < act_.stored.recipients_size(); ++i) {
    const std::string agency = act_.stored.recipients(i).agency();
    ACCORD_ASSIGN_OR_RETURN(auto copy, WaitingCopy(context, act_.stored.recipients(i)));
    if (!copy.has_value()) continue;
    const auto had = referral::PermittedSections(before, agency), has = referral::PermittedSections(after, agency);
    if (has.empty()) {
      ACCORD_RETURN_IF_ERROR(StopCopy(context, verified_, &after, i, *std::move(copy), referral::Event::kDie, act_));
    } else if (act_.holdings[i].since_ms == 0 && !std::includes(has.begin(), has.end(), had.begin(), had.end())) {
      act_.said.stopped.push_back(agency);  // In part: the rest leaves when it is released.
    }
  }
  return absl::OkStatus();
}

void ChangeConsentCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(std::move(act_.said));
}

}  // namespace accord::broker
