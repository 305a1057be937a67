// What handlers may read of the broker's state.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>

#include "common/storage/store.h"
#include "services/broker/ledger/key_slots.h"

namespace accord::broker {

// Committed state of one opening of the store. It shows every batch as soon as it is fsynced,
// which is a moment before its checkpoint is signed; whoever hands out a receipt takes the tree
// size from Sequencer::checkpoint().
//
// Thread-safe. Hold it for one answer, never across a wait: the store cannot be opened anew while
// any view of it lives.
class ReadView {
 public:
  // Both must outlive this.
  ReadView(const storage::Store& store, const KeySlots& slots) : store_(store), slots_(slots) {}

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
  // The same of a stored value already read, such as in a scan.
  absl::StatusOr<std::optional<std::string>> Unseal(std::string_view family, std::string_view key,
                                                    std::string_view stored) const {
    return slots_.Unseal(family, key, stored);
  }

  const storage::Store& store() const { return store_; }
  const KeySlots& slots() const { return slots_; }

 private:
  const storage::Store& store_;
  const KeySlots& slots_;
};

}  // namespace accord::broker
