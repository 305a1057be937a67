#include "common/ledger/merkle.h"

#include <bit>
#include <cstring>

#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::ledger {
namespace {

// The largest power of two strictly below n. REQUIRES: n > 1. Right up to 2^64 - 1.
uint64_t SplitOf(uint64_t n) { return std::bit_floor(n - 1); }

// MTH(D[begin:end]), read from complete subtrees. REQUIRES: begin < end, and `begin` a multiple of the
// power of two at or above the length, which holds for every range that the RFC's recursion visits.
absl::StatusOr<Hash> RangeHash(uint64_t begin, uint64_t end, NodeReader nodes) {
  const uint64_t length = end - begin;
  if (std::has_single_bit(length)) {
    const int level = std::countr_zero(length);
    return nodes(level, begin >> level);
  }
  const uint64_t split = begin + SplitOf(length);
  ACCORD_ASSIGN_OR_RETURN(const Hash left, RangeHash(begin, split, nodes));
  ACCORD_ASSIGN_OR_RETURN(const Hash right, RangeHash(split, end, nodes));
  return NodeHash(left, right);
}

absl::Status AppendInclusion(uint64_t index, uint64_t begin, uint64_t end, NodeReader nodes, Path& path) {
  if (end - begin == 1) return absl::OkStatus();
  const uint64_t split = begin + SplitOf(end - begin);
  const bool left = index < split;
  ACCORD_RETURN_IF_ERROR(left ? AppendInclusion(index, begin, split, nodes, path)
                              : AppendInclusion(index, split, end, nodes, path));
  ACCORD_ASSIGN_OR_RETURN(const Hash sibling, left ? RangeHash(split, end, nodes) : RangeHash(begin, split, nodes));
  path.push_back(sibling);
  return absl::OkStatus();
}

// SUBPROOF of RFC 9162 §2.1.4.1 for the first `old_size` leaves, which end inside [begin, end).
absl::Status AppendConsistency(uint64_t old_size, uint64_t begin, uint64_t end, bool known, NodeReader nodes,
                               Path& path) {
  if (old_size == end) {
    if (known) return absl::OkStatus();
    ACCORD_ASSIGN_OR_RETURN(const Hash hash, RangeHash(begin, end, nodes));
    path.push_back(hash);
    return absl::OkStatus();
  }
  const uint64_t split = begin + SplitOf(end - begin);
  if (old_size <= split) {
    ACCORD_RETURN_IF_ERROR(AppendConsistency(old_size, begin, split, known, nodes, path));
    ACCORD_ASSIGN_OR_RETURN(const Hash right, RangeHash(split, end, nodes));
    path.push_back(right);
  } else {
    ACCORD_RETURN_IF_ERROR(AppendConsistency(old_size, split, end, false, nodes, path));
    ACCORD_ASSIGN_OR_RETURN(const Hash left, RangeHash(begin, split, nodes));
    path.push_back(left);
  }
  return absl::OkStatus();
}

absl::Status NotIncluded(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }
absl::Status Forked(std::string_view why) { return Error(Reason::kLogForked, why); }

}  // namespace

std::optional<Hash> ToHash(std::string_view bytes) {
  Hash hash;
  if (bytes.size() != hash.size()) return std::nullopt;
  std::memcpy(hash.data(), bytes.data(), hash.size());
  return hash;
}

Hash EmptyRoot() {
  Hash hash;
  crypto::Sha256Into({}, hash.data());
  return hash;
}

Hash LeafHash(std::string_view leaf) {
  Hash hash;
  crypto::Sha256Into({std::string_view("\x00", 1), leaf}, hash.data());
  return hash;
}

Hash NodeHash(const Hash& left, const Hash& right) {
  Hash hash;
  crypto::Sha256NodeInto(1, left.data(), right.data(), hash.data());
  return hash;
}

Hash RowRoot(std::span<const Hash> hashes) {
  ACCORD_CHECK(std::has_single_bit(hashes.size()) && hashes.size() <= kRowHashesMax);
  if (hashes.size() == 1) return hashes.front();
  std::array<Hash, kRowHashesMax / 2> row;
  for (size_t i = 0; i < hashes.size() / 2; ++i) row[i] = NodeHash(hashes[2 * i], hashes[2 * i + 1]);
  for (size_t width = hashes.size() / 2; width > 1; width /= 2) {
    for (size_t i = 0; i < width / 2; ++i) row[i] = NodeHash(row[2 * i], row[2 * i + 1]);
  }
  return row[0];
}

// RFC 9162 §2.1.3.2, step by step.
absl::Status VerifyInclusion(uint64_t index, uint64_t size, const Hash& leaf_hash, std::span<const Hash> path,
                             const Hash& root) {
  if (index >= size) return NotIncluded("the index is not in a tree of this size");
  uint64_t fn = index;
  uint64_t sn = size - 1;
  Hash running = leaf_hash;
  for (const Hash& sibling : path) {
    if (sn == 0) return NotIncluded("the inclusion path is too long");
    if ((fn & 1) == 1 || fn == sn) {
      running = NodeHash(sibling, running);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      running = NodeHash(running, sibling);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return NotIncluded("the inclusion path is too short");
  if (running != root) return NotIncluded("the inclusion path does not lead to the root: leaf, index or path was altered");
  return absl::OkStatus();
}

// RFC 9162 §2.1.4.2, step by step.
absl::Status VerifyConsistency(uint64_t old_size, uint64_t new_size, const Hash& old_root, const Hash& new_root,
                               std::span<const Hash> path) {
  if (old_size > new_size) return Forked("the newer tree is smaller than the older one");
  if (old_size == new_size) {
    if (!path.empty()) return Forked("the consistency path of equal sizes is not empty");
    return old_root == new_root ? absl::OkStatus() : Forked("two trees of one size have different roots");
  }
  if (old_size == 0) {
    if (!path.empty()) return Forked("the consistency path from the empty tree is not empty");
    return old_root == EmptyRoot() ? absl::OkStatus() : Forked("the root of the empty tree is wrong");
  }
  if (path.empty()) return Forked("the consistency path is empty");
  uint64_t fn = old_size - 1;
  uint64_t sn = new_size - 1;
  while ((fn & 1) == 1) {
    fn >>= 1;
    sn >>= 1;
  }
  // A power of two is a complete subtree: its root is not repeated in the path.
  const bool complete = std::has_single_bit(old_size);
  Hash old_running = complete ? old_root : path.front();
  Hash new_running = old_running;
  for (const Hash& hash : path.subspan(complete ? 0 : 1)) {
    if (sn == 0) return Forked("the consistency path is too long");
    if ((fn & 1) == 1 || fn == sn) {
      old_running = NodeHash(hash, old_running);
      new_running = NodeHash(hash, new_running);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      new_running = NodeHash(new_running, hash);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return Forked("the consistency path is too short");
  if (old_running != old_root) return Forked("the newer tree does not contain the older one");
  if (new_running != new_root) return Forked("the consistency path does not lead to the newer root");
  return absl::OkStatus();
}

absl::StatusOr<Hash> RootAt(uint64_t size, NodeReader nodes) {
  if (size == 0) return EmptyRoot();
  return RangeHash(0, size, nodes);
}

absl::StatusOr<Path> ProveInclusion(uint64_t index, uint64_t size, NodeReader nodes) {
  ACCORD_CHECK(index < size);
  Path path;
  ACCORD_RETURN_IF_ERROR(AppendInclusion(index, 0, size, nodes, path));
  return path;
}

absl::StatusOr<Path> ProveConsistency(uint64_t old_size, uint64_t new_size, NodeReader nodes) {
  ACCORD_CHECK(old_size <= new_size);
  Path path;
  if (old_size == 0 || old_size == new_size) return path;
  ACCORD_RETURN_IF_ERROR(AppendConsistency(old_size, 0, new_size, true, nodes, path));
  return path;
}

}  // namespace accord::ledger
