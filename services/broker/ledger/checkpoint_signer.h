// The last step of a commit: what the disk holds is verified again, and only then
// signed (design.md §5, Commit).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/crypto/ed25519.h"
#include "common/storage/commit_log.h"
#include "common/storage/store.h"
#include "services/broker/ledger/guard.h"
#include "services/broker/ledger/ledger_edge.h"
#include "services/broker/ledger/ledger_writer.h"

namespace accord::broker {

// A tree and our signed note for it.
struct SignedCheckpoint {
  uint64_t size = 0;
  ledger::Hash root{};
  std::string note;
};

enum class SigningStep { kReadBack, kGuarded, kSigned };

// Keeps a tree of its own, made from the bytes that were read back and from nothing that the writer
// computed. On any disagreement it returns DATA_LOSS (kStoreCorrupt) and keeps returning that;
// starting again does not help, runbooks/ledger.md does.
//
//   fsynced batch ─▶ read back ─▶ digest ─▶ leaves, tiles, head as computed here ─▶ guard ─▶ note
//
// Single-thread: owned by the sequencer.
class CheckpointSigner {
 public:
  // Start-up checks in O(log n) reads: the store's head is the tree of its leaves, is at least as
  // long as the guard, in entries and in batches, has the guard's root at the guard's size, and is not
  // contradicted by the newest note it holds, nor by any that was shown as a fork and kept. Then the
  // guard's epoch moves on: from here on only this object signs. `store` must outlive the result.
  //   DATA_LOSS (kStoreCorrupt)  one of them fails: perhaps an older copy was restored
  //   DATA_LOSS (kLogForked)     a note that the store holds contradicts it: runbooks/fork.md
  static absl::StatusOr<std::unique_ptr<CheckpointSigner>> Open(const storage::Store& store,
                                                                std::unique_ptr<Guard> guard,
                                                                crypto::Ed25519Signer key, std::string origin);

  // Verifies the batch that `log` has just committed and signs the tree it makes.
  //   DATA_LOSS    the disk disagrees
  //   UNAVAILABLE  it could not be read, or the guard not be written; reopen everything
  // `on_step` is called after each step; for tests that crash in between.
  absl::StatusOr<SignedCheckpoint> VerifyThenSign(storage::CommitLog& log, const storage::Committed& committed,
                                                  const std::function<void(SigningStep)>& on_step = nullptr);

  // Signs the tree as it was opened: a crash may have come between a commit and its note.
  absl::StatusOr<SignedCheckpoint> SignHead();

  // Judges a note shown by somebody else. One with our own valid signature that our tree
  // contradicts, or that is longer, stops signing for good: DATA_LOSS (kLogForked). Any other
  // note, and a bare number, means nothing: OK.
  absl::Status Confront(std::string_view note);

  // Counts the openings for writing; the term of the batches of this one.
  uint64_t epoch() const { return guard_->epoch(); }

  // The tree as last verified; what readers may serve once it is signed.
  std::shared_ptr<const LedgerEdge> edge() const { return edge_; }

 private:
  CheckpointSigner(const storage::Store& store, std::unique_ptr<Guard> guard, crypto::Ed25519Signer key,
                   std::unique_ptr<LedgerWriter> tree, std::shared_ptr<const LedgerEdge> edge, uint64_t sequence)
      : store_(store), guard_(std::move(guard)), key_(std::move(key)), tree_(std::move(tree)), edge_(std::move(edge)),
        sequence_(sequence) {}

  // Extends the tree by the leaves of a record, whose other ledger operations must be as computed.
  absl::Status Extend(std::string_view record);
  absl::StatusOr<SignedCheckpoint> GuardThenSign(const std::function<void(SigningStep)>& on_step);
  // Remembers a DATA_LOSS for ever, passes the rest.
  absl::Status Remember(absl::Status status);

  const storage::Store& store_;
  const std::unique_ptr<Guard> guard_;
  const crypto::Ed25519Signer key_;
  const std::unique_ptr<LedgerWriter> tree_;  // A writer of its own: what it would have put must be there.
  std::shared_ptr<const LedgerEdge> edge_;    // Of tree_, shared with readers.
  uint64_t sequence_;                         // Of the batch that made edge_.
  absl::Status refusal_;
};

}  // namespace accord::broker
