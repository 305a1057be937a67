// Turns new leaves into what the store keeps of them.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/storage/batch.h"
#include "common/storage/store.h"
#include "services/broker/ledger/ledger_edge.h"

namespace accord::broker {

// The one maker of records of the ledger families but `checkpoint` and `opening`. It runs ahead of
// the store by the batch in hand: if that is not committed, this object is of no further use, and
// a new one is opened.
//
// Single-thread: owned by the sequencer.
class LedgerWriter {
 public:
  // Reads O(log n) records. `store` is read only here. An absent head is the empty log.
  //   DATA_LOSS (kStoreCorrupt)  leaves without a head, beyond it or missing; the root differs
  static absl::StatusOr<std::unique_ptr<LedgerWriter>> Open(const storage::Store& store, std::string origin);

  const std::string& origin() const { return origin_; }

  // Puts `leaf` and the tiles it fills into `batch`; returns its index.
  // REQUIRES: 1 to kLeafBytesMax bytes, which are a leaf of this origin (docs/formats.md §6).
  uint64_t Add(std::string_view leaf, storage::Batch& batch);
  // Puts the head. Once a batch, after its last leaf; nothing to do when it had none.
  void Finish(storage::Batch& batch);

  // With the leaves added so far.
  uint64_t size() const { return edge_.size(); }
  const LedgerEdge& edge() const { return edge_; }

 private:
  LedgerWriter(std::string origin, LedgerEdge edge)
      : origin_(std::move(origin)), edge_(std::move(edge)), finished_(edge_.size()) {}

  const std::string origin_;
  LedgerEdge edge_;
  uint64_t finished_;  // Size of the last head put.
};

}  // namespace accord::broker
