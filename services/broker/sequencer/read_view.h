// What handlers may read of the broker's state.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/storage/store.h"
#include "services/broker/ledger/key_slots.h"
#include "services/broker/ledger/ledger_reader.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// Committed state, and the signed tree it was last shown with. State may be newer than the tree
// by a batch that is fsynced and not yet signed; the tree never is newer than the state.
//
// Thread-safe. Hold it for one answer, never across a wait: the store cannot be opened anew while
// any view of it lives.
class ReadView {
 public:
  // `store` and `slots` must outlive this.
  ReadView(const storage::Store& store, const KeySlots& slots, std::shared_ptr<const LedgerEdge> edge,
           std::shared_ptr<const Committed> checkpoint, uint64_t epoch)
      : store_(store), slots_(slots), edge_(std::move(edge)), checkpoint_(std::move(checkpoint)), epoch_(epoch) {}

  // As Store's.
  absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key) const {
    return store_.Get(family, key);
  }
  absl::Status Scan(std::string_view family, const storage::Range& range,
                    absl::FunctionRef<bool(std::string_view key, std::string_view value)> visit) const {
    return store_.Scan(family, range, visit);
  }

  // The value as it was before it was sealed; nothing when absent or when its key was destroyed.
  absl::StatusOr<std::optional<std::string>> GetSealed(std::string_view family, std::string_view key) const;
  // The same of each of `keys`, in their order.
  absl::StatusOr<std::vector<std::optional<std::string>>> GetManySealed(std::string_view family, std::span<const std::string> keys) const;
  // The same of a stored value already read, such as in a scan.
  absl::StatusOr<std::optional<std::string>> Unseal(std::string_view family, std::string_view key,
                                                    std::string_view stored) const {
    return slots_.Unseal(family, key, stored);
  }

  // How often keys were destroyed: while it is the same, under the same epoch(), nothing that GetSealed gave before was erased since.
  uint64_t key_destructions() const { return slots_.destructions(); }

  // The tree of the newest signed checkpoint, and that checkpoint.
  LedgerReader ledger() const { return LedgerReader(store_, edge_); }
  const Committed& checkpoint() const { return *checkpoint_; }

  // Which opening of the store for writing this is, counted by the guard.
  uint64_t epoch() const { return epoch_; }

  const storage::Store& store() const { return store_; }

 private:
  const storage::Store& store_;
  const KeySlots& slots_;
  const std::shared_ptr<const LedgerEdge> edge_;
  const std::shared_ptr<const Committed> checkpoint_;
  const uint64_t epoch_;
};

}  // namespace accord::broker
