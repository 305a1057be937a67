// What falls due when: reviews, answers and assessments that are chased until they are there (docs/sharing.md).
//
// Family `due` is read from its beginning up to now, so that what is not due costs nothing; `due_at` says where in it a row stands,
// so that it can be moved and cleared without knowing the time. One row for each of kind, referral, agency and desk.
//
// Everything that happens when something falls due is a command of the sequencer: the old row deleted, the entry, the notices and the
// row of the next reminder are one durable batch. So a stop loses and repeats nothing. A clock that jumps forward makes rows due
// early by as much, one that jumps back makes them due late; neither skips or doubles one, for each fires once and asks its handler
// when the next is.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "accord/type/v1/vocabulary.pb.h"
#include "common/base/clock.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

// Lets the row of this kind, referral, agency and desk fall due at `when`, whatever its time was before; before 1970 counts as 1970.
// `overdue_since`: of a clock that was missed and whose sender was told (clocks/overdue.h). Errors of `context`. Sequencer thread.
absl::Status PutDue(CommitContext& context, DueKind kind, absl::Time when, std::string_view header_digest, std::string_view agency,
                    type::v1::Desk desk, absl::Time overdue_since = absl::InfiniteFuture());
// Takes it out; nothing happens when it is not there. Errors of `context`. Sequencer thread.
absl::Status ClearDue(CommitContext& context, DueKind kind, std::string_view header_digest, std::string_view agency,
                      type::v1::Desk desk);

// What fell due.
struct Due {
  DueKind kind = DueKind::kGap;
  absl::Time when;  // When it was to; context.now() may be later.
  std::string header_digest;
  std::string agency;
  type::v1::Desk desk = type::v1::DESK_MAIN;
};

// Acts on what fell due, on the sequencer thread: its row is out already; puts the next one where there is to be one, and leaves
// deliveries in `queued` for the mailboxes. Does nothing when what it is about is answered, or was erased. An error writes
// nothing, and the row is put off by kDueRetry.
using DueHandler = std::function<absl::Status(CommitContext& context, const Due& due, NewDeliveries& queued)>;
// One for each kind there is; a row of a kind without one is put off as if it had failed.
using DueHandlers = std::map<DueKind, DueHandler>;

inline constexpr absl::Duration kDueRetry = absl::Hours(1);
inline constexpr size_t kDueAtOnceMax = 64;     // Rows of one round.
inline constexpr size_t kDueRoundsMax = 256;    // Rounds that follow on one Tick.

// Asks every second what is due, and goes on in rounds while there is more. The rows of a round are commands in the sequencer's queue
// like any other, and the next round is queued once they are done: so what is submitted meanwhile waits for one round at most,
// however much falls due at one midnight.
//
// Thread-safe.
class DueClock {
 public:
  // All references must outlive the sequencer's last command.
  DueClock(Sequencer& sequencer, Mailboxes& mailboxes, const Clock& clock, DueHandlers handlers);

  // Begins a round, unless those of the last call are still under way. A round that a commit failed in is the last. Does not block
  // but for reading the store.
  void Tick();

  // Whether rounds are under way; for tests.
  bool under_way() const { return busy_; }

 private:
  class Command;
  // Submits a command for each of the first kDueAtOnceMax rows that are due. REQUIRES: no other is under way.
  void Round();
  void Act(const Due& due, bool put_off);
  void ActDone(bool committed);

  Sequencer& sequencer_;
  Mailboxes& mailboxes_;
  const Clock& clock_;
  const DueHandlers handlers_;
  std::atomic<bool> busy_ = false;
  // Of the rounds under way: commands of this one that are not done, whether it is the last, and which it is.
  std::atomic<size_t> left_ = 0;
  std::atomic<bool> last_ = false;
  size_t rounds_ = 0;
};

}  // namespace accord::broker
