// What is asked of the sequencer, and what a command may see and write.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/entry.pb.h"

namespace accord::broker {

// Versions of what decisions are taken under. A command carries those it was decided
// under and decides again when one has moved (design.md §5 "Commit").
struct Epochs {
  uint64_t agreement = 0;
  uint64_t directory = 0;
  uint64_t lists = 0;
  bool operator==(const Epochs&) const = default;
};

// One entry to be. Parts without a value become random commitments.
struct EntryDraft {
  // 1 to 4 chain pseudonyms (16 bytes); the first one's key slot seals the openings.
  std::vector<std::string> chains;
  // Chain whose slot seals the openings in place of the first one's; empty: the first one's. For an entry that is to be
  // read when its chains' own keys are destroyed.
  std::string sealed_by;
  accord::type::v1::EntryEvent event;
  std::optional<accord::type::v1::EntryActor> actor;
  std::optional<accord::type::v1::EntryReferral> referral;
  std::optional<accord::type::v1::EntryDecisions> decisions;
};

// The view a command has while it is applied: committed state plus what earlier
// commands of the same batch wrote. Lives on the sequencer thread only.
class CommitContext {
 public:
  virtual ~CommitContext() = default;

  // The value, or nullopt when absent. DATA_LOSS when stored bytes fail a check.
  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key) = 0;
  virtual void Put(std::string_view family, std::string_view key, std::string value) = 0;
  virtual void Delete(std::string_view family, std::string_view key) = 0;

  // As Get and Put, encrypted at rest under `slot` (docs/formats.md §8). GetSealed
  // finds the slot in the value; nullopt also when the key was destroyed.
  virtual absl::StatusOr<std::optional<std::string>> GetSealed(std::string_view family, std::string_view key) = 0;
  virtual absl::Status PutSealed(std::string_view family, std::string_view key, uint64_t slot,
                                 std::string_view value) = 0;

  // Opens a chain: a new random pseudonym with a key slot of its own. The chain exists
  // once its first entry is added.
  struct NewChain {
    std::string pseudonym;
    uint64_t slot = 0;
  };
  virtual absl::StatusOr<NewChain> OpenChain() = 0;
  // The same with the slot of a chain that was opened before and never had an entry.
  virtual NewChain OpenChainUnder(uint64_t slot) = 0;

  // Adds an entry; returns its leaf index. An unknown chain is DATA_LOSS.
  virtual absl::StatusOr<uint64_t> AddEntry(const EntryDraft& draft) = 0;

  // Random bytes, the batch's time (never before that of the last entry), the epochs in force.
  virtual std::string RandomBytes(size_t count) = 0;
  virtual absl::Time now() const = 0;
  virtual const Epochs& epochs() const = 0;

  // Declares that this command moves `epochs`: the batch ends with it, and the new state is
  // published before the next command is applied.
  virtual void MoveEpochs(const Epochs& epochs) = 0;
};

// The outcome of a batch: durable, read back, guarded, signed.
struct Committed {
  uint64_t tree_size = 0;
  std::string checkpoint;  // Signed note at tree_size.
  absl::Time time;
};

// One change. Owned by the sequencer from Submit to Done; carried out even if its caller has gone.
class Command {
 public:
  virtual ~Command() = default;

  // On the sequencer thread; no blocking but reads. Error: nothing of this command is
  // written, and Done receives that error.
  virtual absl::Status Apply(CommitContext& context) = 0;

  // True when it may be refused with DISK_FLOOR while free space is below the floor. Acks, erasures,
  // audit and IMMEDIATE say false and still fit (design.md §5). Constant.
  virtual bool MayBeRefusedForSpace() const { return false; }

  // True when Apply looks at a view of the store and not only through its context: all that was applied before it is committed, and in that
  // view, when it is. Constant.
  virtual bool BeginsBatch() const { return false; }

  // On the sequencer thread, in the order of the log, once what Apply wrote is durable, signed for and shown to readers, and
  // before Done. For what must happen in that order, such as queueing deliveries; must not block. Not called on an error.
  virtual void Published() {}

  // On a worker thread, exactly once, in no order among commands. OK: everything Apply wrote survives power loss and is under the
  // signed checkpoint. UNAVAILABLE (STORE_UNAVAILABLE): unknown; the idempotent retry finds out.
  virtual void Done(const absl::StatusOr<Committed>& outcome) = 0;
};

// Takes commands; implemented by Sequencer. Thread-safe.
class CommandQueue {
 public:
  virtual ~CommandQueue() = default;
  // Queues `command`; its Done is always called. QUEUE_FULL reaches Done as an error too.
  virtual void Submit(std::unique_ptr<Command> command) = 0;
};

}  // namespace accord::broker
