// Leaves, tiles and proofs of a tree that is committed.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
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
  // The same of each of `indices`, in their order.
  absl::StatusOr<std::vector<std::string>> LeavesAt(std::span<const uint64_t> indices) const;
  // Leaves [first, end) in order, until `visit` returns false.
  absl::Status Leaves(uint64_t first, uint64_t end,
                      absl::FunctionRef<bool(uint64_t index, std::string_view leaf)> visit) const;

  // The hashes of a tile, full or partial, joined, as tlog-tiles serves it.
  absl::StatusOr<std::string> Tile(const ledger::Tile& tile) const;
  // The leaves of an entry bundle, as ledger::EncodeBundle.
  absl::StatusOr<std::string> EntryBundle(const ledger::Entries& entries) const;

  // Computes full tile `tile` of `level` again, from the leaves or from the nodes of its level, and compares it and the node
  // that it is on the level above; what a scrubber calls for one tile after another. Every level, and then CheckEdge, lead
  // from each leaf to the root that was signed. DATA_LOSS says which.
  absl::Status CheckTile(uint8_t level, uint64_t tile) const;
  absl::Status CheckLeaves(uint64_t tile) const { return CheckTile(0, tile); }
  // The same of the unfinished tile of `level`, which is compared with the edge in memory, whose root was signed. OK when it
  // is empty.
  absl::Status CheckEdge(uint8_t level) const;

  // The tree of the first `size` leaves.
  absl::StatusOr<ledger::Hash> Root(uint64_t size) const;
  // As ledger::VerifyInclusion and VerifyConsistency take them.
  absl::StatusOr<ledger::Path> InclusionProof(uint64_t index, uint64_t size) const;
  absl::StatusOr<ledger::Path> ConsistencyProof(uint64_t old_size, uint64_t size) const;

  // The stored note of exactly that size. ENTRY_NOT_FOUND when none was published.
  absl::StatusOr<std::string> Checkpoint(uint64_t size) const;

 private:
  // The hash over complete subtree `index` of 2^height leaves. `tiles` keeps what one proof reads.
  absl::StatusOr<ledger::Hash> Subtree(int height, uint64_t index, std::map<std::string, std::string>& tiles) const;
  absl::Status CheckSize(uint64_t size) const;
  // The hashes [first, end) of `level`, joined, computed from the leaves or as the nodes are stored.
  absl::StatusOr<std::string> Hashes(uint8_t level, uint64_t first, uint64_t end) const;

  const storage::Store& store_;
  const std::shared_ptr<const LedgerEdge> edge_;
};

}  // namespace accord::broker
