// The changes SetHold and LiftHold, as the directory's commands carry them out: proposed by one administrator, approved by another.
#pragma once

#include <string_view>
#include <utility>

#include "services/broker/directory/changes.h"
#include "services/broker/holds/hold_index.h"

namespace accord::broker {

// Thread-safe but for what takes a CommitContext.
class HoldChanges : public ChangeHandler {
 public:
  explicit HoldChanges(SubjectIndex index) : index_(std::move(index)) {}

  bool Handles(const admin::v1::Change& change) const override { return change.has_set_hold() || change.has_lift_hold(); }
  // Subjects by the broker's own HMAC: a token as it came is nowhere stored.
  admin::v1::Change Kept(admin::v1::Change change) const override;
  absl::Status Validate(const admin::v1::Change& change) const override;
  absl::Status Check(const admin::v1::Change& change, CommitContext& context) const override;
  absl::Status Write(uint64_t number, storage::v1::StoredChange& stored, const type::v1::EntryActor& actor,
                     CommitContext& context) const override;

 private:
  const SubjectIndex index_;
};

}  // namespace accord::broker
