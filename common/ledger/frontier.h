// The right edge of a growing tree: all that is needed to append and to tell the root.
#pragma once

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <span>
#include <vector>

#include "common/ledger/merkle.h"

namespace accord::ledger {

// Thread-compatible.
class Frontier {
 public:
  Frontier() = default;
  // Restores the edge of a tree of `size`: the roots of its complete subtrees, the largest first, one
  // for each one-bit of `size`. REQUIRES: as many as that.
  Frontier(uint64_t size, std::vector<Hash> edge);

  // Appends a leaf. `completed` is called with every subtree that it completes, the leaf itself first (level 0).
  void Append(const Hash& leaf_hash, absl::FunctionRef<void(int level, uint64_t index, const Hash&)> completed);
  void Append(const Hash& leaf_hash) {
    Append(leaf_hash, [](int, uint64_t, const Hash&) {});
  }

  uint64_t size() const { return size_; }
  Hash Root() const;
  std::span<const Hash> edge() const { return edge_; }

 private:
  uint64_t size_ = 0;
  std::vector<Hash> edge_;
};

}  // namespace accord::ledger
