// Finds what a hold covers and tells its holders, after its approval and beside the work of the broker.
//
//   approved ──▶ FINDING (only with subjects) ──▶ TELLING ──▶ done ──▶ … lifted ──▶ LIFTING ──▶ done
//                 the cases of its subjects        the referrals, and who has them      holders told, the index forgotten
//
// Each step looks at a bounded number of rows on a worker, and what it finds is a small command. The place is kept in memory
// alone: after a restart a walk begins again, which changes nothing where it has been. A referral that is stored or released
// meanwhile is noted by its own command (hold_notices.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

#include "common/base/executor.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/holds/hold_index.h"
#include "services/broker/holds/hold_notices.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

inline constexpr size_t kHoldWalkRowsMax = 2000;  // Looked at in one step.

// Thread-safe.
class HoldWalker {
 public:
  // All must outlive this; `executor` must have been shut down before this goes.
  HoldWalker(Sequencer& sequencer, SubjectIndex index, Mailboxes& mailboxes, Executor& executor)
      : sequencer_(sequencer), index_(std::move(index)), mailboxes_(mailboxes), executor_(executor) {}

  // Walks on if there is anything to walk and nothing walks. Does not block. Called periodically.
  void Tick();

 private:
  // Where a walk is.
  struct Place {
    std::string hold;
    uint32_t round = 0;
    storage::v1::HoldWalk stage = storage::v1::HOLD_WALK_UNSPECIFIED;
    int pass = 0;             // FINDING: case_token, referral. LIFTING: hold_holder, hold_cover, hold_referral.
    std::string from;         // Key of the next row.
  };
  // What a step found: cases, referrals, holders or rows to be deleted, by stage and pass.
  struct Found {
    std::vector<std::string> keys;
    std::vector<MailboxId> desks;
    bool last = false;  // Nothing comes after it in this stage.
  };

  void Step();
  void Go();
  // Looks at the next rows of `place_`, and moves it on.
  absl::StatusOr<Found> Look(const ReadView& view, const storage::v1::StoredHold& hold);
  absl::Status LookAtPairs(const ReadView& view, const storage::v1::StoredHold& hold, Found& found);
  absl::Status LookAtReferrals(const ReadView& view, const storage::v1::StoredHold& hold, Found& found);
  absl::Status LookAtHolders(const ReadView& view, const storage::v1::StoredHold& hold, Found& found);
  absl::Status LookAtCovers(const ReadView& view, const storage::v1::StoredHold& hold, Found& found);
  absl::Status LookAtMembers(const ReadView& view, const storage::v1::StoredHold& hold, Found& found);

  Sequencer& sequencer_;
  const SubjectIndex index_;
  Mailboxes& mailboxes_;
  Executor& executor_;

  std::atomic<bool> walking_ = false;  // Whoever set it owns place_; it goes from task to command to task.
  Place place_;
};

}  // namespace accord::broker
