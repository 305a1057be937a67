// Leaves, tiles and proofs of a tree that is committed.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/storage/store.h"
#include "services/broker/ledger/ledger_edge.h"

namespace accord::broker {

// One tree, at the size of its edge; a small value made for one answer. Reads are
// O(log n). Sizes and indexes may come from peers: those beyond the tree are errors.
//
// Errors of all methods: FIELD_INVALID for a size or width beyond the tree, ENTRY_NOT_FOUND for
// an index beyond it, DATA_LOSS (kStoreCorrupt) when the store lacks what it must hold, those of
// the store. Thread-safe.
class LedgerReader {
 public:
  // `store` must outlive this.
  LedgerReader(const storage::Store& store, std::shared_ptr<const LedgerEdge> edge)
      : store_(store), edge_(std::move(edge)) {}

  uint64_t size() const { return edge_->size(); }

  // The stored bytes.
  absl::StatusOr<std::string> Leaf(uint64_t index) const;
  // Leaves [first, end) in order, until `visit` returns false.
  absl::Status Leaves(uint64_t first, uint64_t end,
                      absl::FunctionRef<bool(uint64_t index, std::string_view leaf)> visit) const;

  // The first `width` (1 to 256) hashes of a tile, joined, as tlog-tiles serves it.
  absl::StatusOr<std::string> Tile(uint8_t level, uint64_t index, uint64_t width) const;
  // The first `width` leaves of tile `index`, each u16 length ‖ bytes.
  absl::StatusOr<std::string> EntryBundle(uint64_t index, uint64_t width) const;

  // The tree of the first `size` leaves.
  absl::StatusOr<std::string> Root(uint64_t size) const;
  // RFC 9162 §2.1.3 and §2.1.4, hashes from leaf to root.
  absl::StatusOr<std::vector<std::string>> InclusionProof(uint64_t index, uint64_t size) const;
  absl::StatusOr<std::vector<std::string>> ConsistencyProof(uint64_t old_size, uint64_t size) const;

  // The stored note of exactly that size. ENTRY_NOT_FOUND when none was published.
  absl::StatusOr<std::string> Checkpoint(uint64_t size) const;

 private:
  // The hash over complete subtree `index` of 2^height leaves.
  absl::StatusOr<std::string> Subtree(int height, uint64_t index) const;
  // The hash over leaves [begin, end): RFC 9162's MTH.
  absl::StatusOr<std::string> Range(uint64_t begin, uint64_t end) const;
  absl::Status CheckSize(uint64_t size) const;

  const storage::Store& store_;
  const std::shared_ptr<const LedgerEdge> edge_;
};

}  // namespace accord::broker
