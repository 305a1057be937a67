// The Merkle tree of RFC 9162 §2.1: hashes, proofs and their verification. Pure.
//
// A path does not authenticate the size of the tree: size and root must come from a signed
// checkpoint, never from a proof (ledger notes A1). All functions are thread-safe.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace accord::ledger {

using Hash = std::array<char, 32>;
using Path = std::vector<Hash>;

inline constexpr size_t kPathHashesMax = 64;

inline std::string_view View(const Hash& hash) { return {hash.data(), hash.size()}; }
// Nothing unless `bytes` are 32.
std::optional<Hash> ToHash(std::string_view bytes);

Hash EmptyRoot();                                       // SHA-256("")
Hash LeafHash(std::string_view leaf);                   // SHA-256(00 ‖ leaf)
Hash NodeHash(const Hash& left, const Hash& right);     // SHA-256(01 ‖ left ‖ right)

// The root of a complete subtree, made of its row of `hashes`. REQUIRES: a power of two, at most kRowHashesMax.
inline constexpr size_t kRowHashesMax = 256;
Hash RowRoot(std::span<const Hash> hashes);

// OK when the leaf with `leaf_hash` stands at `index` of the tree of `size` and `root`. RECEIPT_INVALID otherwise.
absl::Status VerifyInclusion(uint64_t index, uint64_t size, const Hash& leaf_hash, std::span<const Hash> path,
                             const Hash& root);

// OK when the tree of `new_size` extends the one of `old_size`. LOG_FORKED otherwise. For old_size 0 the path is
// empty and the old root that of the empty tree (c2sp.org/tlog-witness).
absl::Status VerifyConsistency(uint64_t old_size, uint64_t new_size, const Hash& old_root, const Hash& new_root,
                               std::span<const Hash> path);

// Gives the hash of a complete subtree: leaves [index·2^level, (index+1)·2^level).
using NodeReader = absl::FunctionRef<absl::StatusOr<Hash>(int level, uint64_t index)>;

// The root of the first `size` leaves.
absl::StatusOr<Hash> RootAt(uint64_t size, NodeReader nodes);
// The path that VerifyInclusion takes. REQUIRES: index < size.
absl::StatusOr<Path> ProveInclusion(uint64_t index, uint64_t size, NodeReader nodes);
// The path that VerifyConsistency takes. REQUIRES: old_size ≤ new_size.
absl::StatusOr<Path> ProveConsistency(uint64_t old_size, uint64_t new_size, NodeReader nodes);

}  // namespace accord::ledger
