#include "services/broker/holds/hold_changes.h"

#include "common/base/status.h"

namespace accord::broker {

using admin::v1::Change;

Change HoldChanges::Kept(Change change) const {
  if (change.has_set_hold()) *change.mutable_set_hold() = WithIndexedSubjects(std::move(*change.mutable_set_hold()), index_);
  return change;
}

absl::Status HoldChanges::Validate(const Change& change) const {
  return change.has_set_hold() ? ValidateSetHold(change.set_hold()) : ValidateLiftHold(change.lift_hold());
}

absl::Status HoldChanges::Check(const Change& change, CommitContext& context) const {
  return change.has_set_hold() ? CheckSetHold(context, change.set_hold()) : CheckLiftHold(context, change.lift_hold());
}

absl::Status HoldChanges::Write(uint64_t number, storage::v1::StoredChange& stored, const type::v1::EntryActor& actor,
                                CommitContext& context) const {
  const Change& change = stored.change();
  ACCORD_RETURN_IF_ERROR(Check(change, context));
  if (change.has_set_hold()) {
    ACCORD_RETURN_IF_ERROR(ApplySetHold(context, change.set_hold(), number));
    return AddHoldEntry(context, type::v1::EVENT_TYPE_HOLD_SET, change.set_hold().id(), actor);
  }
  ACCORD_RETURN_IF_ERROR(ApplyLiftHold(context, change.lift_hold(), number));
  return AddHoldEntry(context, type::v1::EVENT_TYPE_HOLD_LIFTED, change.lift_hold().id(), actor);
}

}  // namespace accord::broker
