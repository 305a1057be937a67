// The destroying half of an erasure, and the rules that erase by themselves (ADR 0016).
//
//   RECORDED ─ listed ─ keys destroyed ─▶ KEYS_DESTROYED ─ rows deleted ─▶ ROWS_DELETED ─ purged ─▶ PURGED
//
// Each arrow is one batch, and what is before it was durable before. All of it can be done again: a crash anywhere is
// finished by the first round after the next opening. Everything that is slow is off the sequencer thread; other referrals
// go on meanwhile. One purge serves all erasures that wait for it.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "accord/storage/v1/erasure.pb.h"
#include "common/base/clock.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/delivery/mailboxes.h"
#include "services/broker/erasure/erase.h"
#include "services/broker/erasure/erasure_site.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

inline constexpr absl::Duration kEraserPeriod = absl::Seconds(5);     // Between rounds that are not asked for.
inline constexpr absl::Duration kRetentionPeriod = absl::Hours(1);    // Between looks for what is due.
inline constexpr size_t kErasuresPerRound = 1000;
inline constexpr size_t kRetentionErasuresPerRound = 256;             // So many, then one purge, then the next.
inline constexpr size_t kRetentionRowsPerRound = 10'000;              // Looked at, due or not.
inline constexpr size_t kMappingsPerRound = 256;

// What was done, in this order; for tests.
enum class EraserStep { kBegun, kListed, kKeysDestroyed, kKeysRecorded, kRowsDeleted, kPurged, kPurgeRecorded };

// Run by one thread; the rest is thread-safe.
class Eraser {
 public:
  // All must outlive this; `on_step` may be null.
  Eraser(Sequencer& sequencer, ErasureSite& site, const CaseLinker& linker, Mailboxes& mailboxes, const Clock& clock,
         std::function<void(EraserStep)> on_step)
      : sequencer_(sequencer), site_(site), linker_(linker), mailboxes_(mailboxes), clock_(clock), on_step_(std::move(on_step)) {}

  // On the sequencer thread, once an erasure is published: from here on nothing of it opens. Does not block.
  void Recorded(const ErasureOutcome& outcome);

  // One round: looks for what is due, if the time has come, and takes every erasure as far as it goes. An error ends the round;
  // the next begins where it ended. Blocks for as long as it takes.
  absl::Status Run();

  // The round that runs ends soon. Not undone.
  void Stop() { stopping_ = true; }

 private:
  class RunCommand;
  // Runs `apply` as a command and waits. `published` as Command::Published.
  absl::Status Commit(std::function<absl::Status(CommitContext&)> apply, std::function<void()> published = nullptr);
  absl::StatusOr<std::vector<uint64_t>> Unfinished() const;

  // Takes over erasures that the list has and the store knows nothing of.
  absl::Status AdoptListed();
  absl::Status DestroyKeys(uint64_t index, const storage::v1::StoredErasure& erasure);
  absl::Status DeleteRows(uint64_t index);
  absl::Status Purge(const std::vector<uint64_t>& indexes);

  // The rules in force; nothing when there are none.
  absl::StatusOr<std::optional<admin::v1::PutRetention>> Rules() const;
  // Fills family `retention` with referrals of before it was kept. True when all of them are there.
  absl::StatusOr<bool> FillIndex();
  // True when it ended before all that is due was found.
  absl::StatusOr<bool> EraseDue(const admin::v1::PutRetention& rules);
  absl::Status EndMappings(uint32_t mapping_days);
  void Step(EraserStep step) const;

  Sequencer& sequencer_;
  ErasureSite& site_;
  const CaseLinker& linker_;
  Mailboxes& mailboxes_;
  const Clock& clock_;
  const std::function<void(EraserStep)> on_step_;
  std::atomic<bool> stopping_ = false;

  // The running thread's.
  bool adopted_ = false;
  absl::Time next_look_ = absl::InfinitePast();
  std::map<int, uint64_t> looked_to_;  // By type: the row before which all were looked at in this look.
};

}  // namespace accord::broker
