// The one writer of the broker (ADR 0005): takes commands, forms batches, and answers a batch when
// it is durable, read back, guarded and signed.
//
//   handlers                sequencer thread                                   executor
//   Submit ──▶ queue ──▶ Apply… ──▶ Append (fsync) ──▶ ReadBack, hash again
//                          ▲            ──▶ guard ──▶ sign ──▶ publish epochs ──▶ Done…
//                          └── commands that came meanwhile are the next batch
//
// A batch whose command keeps a fork (family `fork`) is the last: it is committed and signed, so that its entry stands, and then
// every command is refused with LOG_FORKED, while readers keep their view until the process ends. The next opening refuses.
//
// Every batch is signed; every few seconds the newest signed note is published: stored with the next batch, or with one of its
// own when none comes, and shown to readers from the store alone, so never before it is durable.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/random.h"
#include "common/telemetry/metrics.h"
#include "services/broker/sequencer/batch_context.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/sequencer/store_session.h"

namespace accord::broker {

inline constexpr size_t kQueueCommandsMax = 8192;
inline constexpr size_t kBatchCommandsMax = 256;
inline constexpr size_t kBatchBytesMax = 1u << 20;        // Closes a batch; one command may be larger.
inline constexpr int kQueueFullRetryAfterMs = 250;
// Between two published checkpoints: often enough for a receipt at one, and seldom enough for witnesses to meet at the same.
inline constexpr absl::Duration kPublishInterval = absl::Seconds(3);
inline constexpr absl::Duration kReopenDelayMin = absl::Milliseconds(100);
inline constexpr absl::Duration kReopenDelayMax = absl::Seconds(10);

// What happens to a batch, in this order; for tests that crash in between.
enum class CommitStep { kAppended, kReadBack, kGuarded, kSigned, kPublished };

struct SequencerOptions {
  uint64_t disk_floor_bytes = 0;  // Below it, commands that may be refused are (DISK_FLOOR).
  size_t queue_max = kQueueCommandsMax;
  // Free bytes where the store is; absent: no floor.
  std::function<absl::StatusOr<uint64_t>()> free_bytes;
  // Called on the sequencer thread when the store opens (true) and when it begins to refuse
  // writes (false). Must not block.
  std::function<void(bool serving)> on_health;
  // Called on the sequencer thread with the state as it now is: at every opening, and after a batch
  // that moved the epochs, before its Done and before the next command is applied. An error
  // closes the store as a failed write does. Absent: nobody needs to know.
  std::function<absl::Status(const ReadView& view, const Epochs& epochs)> publish;
  // Called after each step, on the sequencer thread. For tests.
  std::function<void(CommitStep)> on_step;
  // No thread is started: whoever started the sequencer calls RunOnce, on one thread, which is then the sequencer thread. For simulations.
  bool stepped = false;
};

// Thread-safe.
class Sequencer : public CommandQueue {
 public:
  // Opens the store with all its start-up checks, publishes, and starts the thread. All references must outlive
  // this; `executor` runs every Done. Errors of `opener` and of `publish`: nothing is running.
  static absl::StatusOr<std::unique_ptr<Sequencer>> Start(StoreOpener opener, SequencerOptions options,
                                                          Executor& executor, const Clock& clock, Random& random,
                                                          telemetry::Metrics& metrics);
  // Shutdown().
  ~Sequencer() override;

  // Never blocks, and never calls Done itself unless the executor takes no more. While the store
  // is being opened anew commands wait, up to the bound.
  //   QUEUE_FULL         with retry_after_ms
  //   SHUTTING_DOWN      after Shutdown began
  //   DISK_FLOOR         free space is below the floor, and the command may be refused
  //   STORE_UNAVAILABLE  the write failed or its outcome is not known
  //   LOG_FORKED         a fork was put on the record; runbooks/fork.md
  void Submit(std::unique_ptr<Command> command) override;

  // Committed state with the newest signed tree. In a Done that is OK, the view covers at least what
  // that command wrote. STORE_UNAVAILABLE while the store is being opened anew.
  absl::StatusOr<std::shared_ptr<const ReadView>> View() const;

  // Publishes the newest signed tree, if kPublishInterval is over since the last one that was and no batch has done it. Called
  // every second; never blocks, and asks for nothing while there is nothing new.
  void PublishDue();

  // False while the store refuses writes, and for ever once the log has ended with a fork.
  bool serving() const;

  // Carries out one batch of what is queued, after opening the store anew if it is closed; never waits. False when there was nothing
  // to do, or the store does not open. REQUIRES: SequencerOptions::stepped.
  bool RunOnce();

  // Takes no more, carries out what is queued if the store lets it, closes the store. The executor
  // must still run. Idempotent. Not from a Done.
  void Shutdown();

 private:
  Sequencer(StoreOpener opener, SequencerOptions options, Executor& executor, const Clock& clock, Random& random,
            telemetry::Metrics& metrics);

  void Loop();
  // Opens the store if it is closed. An error: it stays so.
  absl::Status Reopen();
  // Waits for commands, or for PublishDue, and moves up to kBatchCommandsMax of them to pending_. False: shut down, and
  // nothing is left.
  bool TakeCommands();
  // The same without the wait. False: there is nothing to do.
  bool TakeQueued() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // RunBatch, and closes the store if that fails.
  void RunBatchOrClose();
  // Refuses what is left, and closes the store.
  void Leave();
  // Applies and commits one batch of pending_. An error: the store must be opened anew.
  absl::Status RunBatch();
  // Once the log has ended: refuses what waits, returns true.
  bool HasEnded();
  // Takes `context` through every step up to kPublished; with `publish` it stores the unpublished note too.
  absl::Status Commit(BatchContext& context, bool publish);
  absl::Status CheckSpace() const;
  // Opens the store; on OK it is signed for, published and shown. On an error, Close() is needed.
  absl::Status Open();
  // Gives out no more views, and tells health.
  void Hide();
  // Hide(), then closes the store, once no view of it lives.
  void Close();
  // Tells what depends on the epochs, and shows `checkpoint` and the state to readers.
  absl::Status Publish(const SignedCheckpoint& checkpoint, absl::Time time, bool epochs_moved);
  void Finish(std::unique_ptr<Command> command, absl::StatusOr<Committed> outcome);
  void Step(CommitStep step) const;

  const StoreOpener opener_;
  const SequencerOptions options_;
  Executor& executor_;
  const Clock& clock_;
  Random& random_;
  const telemetry::Histogram batch_commands_, commit_seconds_;
  const telemetry::Gauge tree_size_, published_size_, queue_length_;
  const telemetry::Counter reopenings_;

  // The sequencer thread's own.
  std::unique_ptr<StoreSession> session_;
  std::deque<std::unique_ptr<Command>> pending_;
  Epochs epochs_;
  std::optional<SignedCheckpoint> unpublished_;  // The newest signed one, unless it is published or of the empty tree.
  absl::Time published_at_ = absl::InfinitePast();  // When the last one was published.

  mutable absl::Mutex mu_;
  std::deque<std::unique_ptr<Command>> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool publish_asked_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status ended_ ABSL_GUARDED_BY(mu_);  // LOG_FORKED: nothing is signed any more.
  std::shared_ptr<const ReadView> view_ ABSL_GUARDED_BY(mu_);  // Null while the store is closed.
  int open_views_ ABSL_GUARDED_BY(mu_) = 0;                    // Views that live, view_ included.

  std::unique_ptr<Thread> thread_;  // Last: it uses all the others.
};

}  // namespace accord::broker
