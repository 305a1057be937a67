// What one batch will write: an overlay over committed state, command by command.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/storage/batch.h"
#include "common/storage/store.h"
#include "services/broker/ledger/key_slots.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr size_t kBatchReadBytesMax = 1 << 20;  // Keys and values that a batch remembers; what it reads beyond is asked for each time.

// Turns entries into leaves with chains, commitments and sealed openings (docs/formats.md §6, §8), and
// keeps the families `chain`, `chain_entry` and `opening` and the key `epochs` in step with them.
//
// Single-thread: the sequencer's.
class BatchContext : public CommitContext {
 public:
  // All references must outlive this. `first_index` is the size of the tree before the batch.
  BatchContext(const storage::Store& store, KeySlots& slots, Random& random, std::string_view origin,
               uint64_t first_index, absl::Time now, const Epochs& epochs);

  // Applies `command`. On an error it is as if the command had never been: only key slots that
  // it took stay taken.
  absl::Status Run(Command& command);

  // What was written, each key once, ordered by family and key; and the leaves, which are not
  // in it: the ledger adds them with their tiles.
  storage::Batch TakeState();
  std::vector<std::string> TakeLeaves() { return std::move(leaves_); }

  bool empty() const { return written_.empty() && leaves_.empty(); }
  size_t bytes() const { return bytes_; }
  // True when a command moved the epochs: nothing more may be applied to this batch.
  bool epochs_moved() const { return epochs_moved_; }
  // The note that a command kept in family `fork`: the batch and the log end with that command.
  const std::optional<std::string>& fork() const { return fork_; }

  // CommitContext.
  absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key) override;
  void Put(std::string_view family, std::string_view key, std::string value) override;
  void Delete(std::string_view family, std::string_view key) override;
  absl::StatusOr<std::optional<std::string>> GetSealed(std::string_view family, std::string_view key) override;
  absl::Status PutSealed(std::string_view family, std::string_view key, uint64_t slot,
                         std::string_view value) override;
  absl::StatusOr<NewChain> OpenChain() override;
  NewChain OpenChainUnder(uint64_t slot) override;
  absl::StatusOr<uint64_t> AddEntry(const EntryDraft& draft) override;
  std::string RandomBytes(size_t count) override { return random_.Bytes(count); }
  absl::Time now() const override { return now_; }
  const Epochs& epochs() const override { return epochs_; }
  void MoveEpochs(const Epochs& epochs) override;

 private:
  using Key = std::pair<std::string, std::string>;  // Family, key.
  using KeyView = std::pair<std::string_view, std::string_view>;
  struct Before {
    using is_transparent = void;
    static KeyView Of(const Key& key) { return {key.first, key.second}; }
    static KeyView Of(const KeyView& key) { return key; }
    bool operator()(const auto& one, const auto& other) const { return Of(one) < Of(other); }
  };
  using Overlay = std::map<Key, std::optional<std::string>, Before>;  // No value: deleted.

  const storage::Store& store_;
  KeySlots& slots_;
  Random& random_;
  const std::string origin_;
  const uint64_t first_index_;
  const absl::Time now_;

  // Of the batch so far.
  Overlay written_;
  Overlay read_;  // Of the store, as it stands until the batch is written: asked once, however many steps and commands need it.
  size_t read_bytes_ = 0;
  std::vector<std::string> leaves_;
  size_t bytes_ = 0;
  Epochs epochs_;
  bool epochs_moved_ = false;
  std::optional<std::string> fork_;

  // Of the command that is being applied.
  Overlay scratch_;
  std::map<std::string, uint64_t> opened_;  // Chains without an entry yet: pseudonym → slot.
  size_t scratch_bytes_ = 0;
};

}  // namespace accord::broker
