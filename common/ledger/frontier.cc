#include "common/ledger/frontier.h"

#include <bit>
#include <utility>

#include "common/base/status.h"

namespace accord::ledger {

Frontier::Frontier(uint64_t size, std::vector<Hash> edge) : size_(size), edge_(std::move(edge)) {
  ACCORD_CHECK(edge_.size() == static_cast<size_t>(std::popcount(size)));
}

void Frontier::Append(const Hash& leaf_hash, absl::FunctionRef<void(int, uint64_t, const Hash&)> completed) {
  Hash hash = leaf_hash;
  uint64_t index = size_++;
  completed(0, index, hash);
  for (int level = 1; (index & 1) == 1; ++level) {
    hash = NodeHash(edge_.back(), hash);
    edge_.pop_back();
    index >>= 1;
    completed(level, index, hash);
  }
  edge_.push_back(hash);
}

Hash Frontier::Root() const {
  if (edge_.empty()) return EmptyRoot();
  Hash root = edge_.back();
  for (size_t i = edge_.size() - 1; i-- > 0;) root = NodeHash(edge_[i], root);
  return root;
}

}  // namespace accord::ledger
