// Goal: for every tree and every true root in it, the verifier accepts exactly the proof that RFC 9162 §2.1 defines.
// Method: an oracle that is the RFC's recursion, word for word, and shares only SHA-256 with the product. Leaves are all
// different, so that a proof is the oracle's or it is no proof: whatever is accepted must be equal to what the oracle says for
// the same index and sizes, and a mutation that does not give that must be refused. The largest trees are of one leaf repeated:
// their roots depend on lengths alone, so that sizes up to 2^64 - 1 need no more than 64 hashes.
#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <unordered_map>

#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/merkle.h"

namespace accord::ledger::merkle_property_test {
namespace {

using namespace std::string_view_literals;

Hash OracleHash(std::string_view bytes) { return *ToHash(crypto::Sha256(bytes)); }
Hash OracleNode(const Hash& left, const Hash& right) {
  return OracleHash(std::string("\x01"sv).append(View(left)).append(View(right)));
}

// The largest power of two smaller than n. REQUIRES: n > 1.
uint64_t K(uint64_t n) {
  uint64_t k = 1;
  while (k < n - k) k *= 2;
  return k;
}

// RFC 9162 §2.1 over leaves that a subclass knows: MTH(D[begin:end]), PATH and PROOF. Ranges never leave the tree.
class Oracle {
 public:
  virtual ~Oracle() = default;
  virtual Hash Mth(uint64_t begin, uint64_t end) = 0;
  Hash Leaf(uint64_t index) { return Mth(index, index + 1); }
  Hash Root(uint64_t size) { return size == 0 ? OracleHash("") : Mth(0, size); }

  // §2.1.3.1, PATH(m, D[begin:end]).
  Path Inclusion(uint64_t m, uint64_t begin, uint64_t end) {
    const uint64_t n = end - begin;
    if (n == 1) return {};
    const uint64_t k = K(n);
    Path path = m < k ? Inclusion(m, begin, begin + k) : Inclusion(m - k, begin + k, end);
    path.push_back(m < k ? Mth(begin + k, end) : Mth(begin, begin + k));
    return path;
  }
  Path Inclusion(uint64_t index, uint64_t size) { return Inclusion(index, 0, size); }

  // §2.1.4.1, PROOF(m, D_n); nothing from the empty tree, as c2sp.org/tlog-witness has it.
  Path Consistency(uint64_t m, uint64_t n) { return m == 0 ? Path{} : Subproof(m, 0, n, true); }

  // What the product reads: complete subtrees.
  absl::StatusOr<Hash> Node(int level, uint64_t index) {
    return Mth(index << level, (index + 1) << level);
  }

 protected:
  Path Subproof(uint64_t m, uint64_t begin, uint64_t end, bool b) {
    const uint64_t n = end - begin;
    if (m == n) return b ? Path{} : Path{Mth(begin, end)};
    const uint64_t k = K(n);
    Path path = m <= k ? Subproof(m, begin, begin + k, b) : Subproof(m - k, begin + k, end, false);
    path.push_back(m <= k ? Mth(begin + k, end) : Mth(begin, begin + k));
    return path;
  }
};

// Of different leaves: the hash of a range is computed once.
class DistinctOracle : public Oracle {
 public:
  Hash Mth(uint64_t begin, uint64_t end) override {
    const auto found = known_.find(begin << 32 | end);
    if (found != known_.end()) return found->second;
    const uint64_t n = end - begin;
    const Hash hash = n == 1 ? OracleHash(std::string("\0"sv).append("leaf ").append(std::to_string(begin)))
                             : OracleNode(Mth(begin, begin + K(n)), Mth(begin + K(n), end));
    known_.emplace(begin << 32 | end, hash);
    return hash;
  }

 private:
  std::unordered_map<uint64_t, Hash> known_;  // REQUIRES: sizes below 2^32.
};

// Of one leaf repeated: the hash of a range depends on its length.
class RepeatedOracle : public Oracle {
 public:
  Hash Mth(uint64_t begin, uint64_t end) override {
    const uint64_t n = end - begin;
    if (n == 1) return OracleHash("\0same"sv);
    const auto found = known_.find(n);
    if (found != known_.end()) return found->second;
    return known_.emplace(n, OracleNode(Mth(0, K(n)), Mth(0, n - K(n)))).first->second;
  }

 private:
  std::unordered_map<uint64_t, Hash> known_;
};

// Every test asks the oracle of its process for what another has computed already.
DistinctOracle& Distinct() {
  static auto* const oracle = new DistinctOracle;
  return *oracle;
}

bool Included(Oracle& oracle, uint64_t index, uint64_t size, uint64_t leaf, const Path& path) {
  return VerifyInclusion(index, size, oracle.Leaf(leaf), path, oracle.Root(size)).ok();
}
bool Consistent(Oracle& oracle, uint64_t m, uint64_t n, const Path& path) {
  return VerifyConsistency(m, n, oracle.Root(m), oracle.Root(n), path).ok();
}

// Calls `see` with `path` in other shapes: each hash dropped, doubled, swapped with the next or the last one or replaced by another
// of the tree, and each place with a hash put in.
void EveryReshaping(const Path& path, const Hash& foreign, const std::function<void(const Path&)>& see) {
  for (size_t at = 0; at <= path.size(); ++at) {
    Path more = path;
    more.insert(more.begin() + static_cast<ptrdiff_t>(at), foreign);
    see(more);
    if (at == path.size()) break;
    more[at] = path[at];
    see(more);  // Doubled.
    Path less = path;
    less.erase(less.begin() + static_cast<ptrdiff_t>(at));
    see(less);
    Path other = path;
    other[at] = foreign;
    see(other);
    for (const size_t with : {at + 1, path.size() - 1}) {
      if (with >= path.size()) continue;
      Path swapped = path;
      std::swap(swapped[at], swapped[with]);
      see(swapped);
    }
  }
  see({});
  see(Path(kPathHashesMax, foreign));
}

// Calls `see` with each of the 256 bits of each hash flipped.
void EveryFlippedBit(Path path, const std::function<void(const Path&)>& see) {
  for (Hash& hash : path) {
    for (size_t bit = 0; bit < 8 * hash.size(); ++bit) {
      const char before = hash[bit / 8];
      hash[bit / 8] = static_cast<char>(before ^ (1 << bit % 8));
      see(path);
      hash[bit / 8] = before;
    }
  }
}

void CheckInclusion(Oracle& oracle, uint64_t index, uint64_t size) {
  const auto nodes = [&](int level, uint64_t at) { return oracle.Node(level, at); };
  const Path path = oracle.Inclusion(index, size);
  ASSERT_EQ(ProveInclusion(index, size, nodes).value(), path) << index << " in " << size;
  ASSERT_TRUE(Included(oracle, index, size, index, path)) << index << " in " << size;
}

void CheckConsistency(Oracle& oracle, uint64_t m, uint64_t n) {
  const auto nodes = [&](int level, uint64_t at) { return oracle.Node(level, at); };
  const Path path = oracle.Consistency(m, n);
  ASSERT_EQ(ProveConsistency(m, n, nodes).value(), path) << m << " to " << n;
  ASSERT_TRUE(Consistent(oracle, m, n, path)) << m << " to " << n;
}

// The same proof for a neighbouring index or size, whose own root is another: accepted only where the RFC's proof is the same.
void CheckNeighbours(Oracle& oracle, uint64_t index, uint64_t size) {
  const Path path = oracle.Inclusion(index, size);
  for (const uint64_t other : {index - 1, index + 1, size, UINT64_MAX}) {
    if (other == index) continue;
    ASSERT_FALSE(VerifyInclusion(other, size, oracle.Leaf(index), path, oracle.Root(size)).ok()) << other << " in " << size;
  }
  for (const uint64_t leaf : {index - 1, index + 1}) {
    if (leaf >= size) continue;
    ASSERT_FALSE(Included(oracle, index, size, leaf, path)) << "leaf " << leaf << " for " << index << " in " << size;
  }
  for (const uint64_t other : {size - 1, size + 1}) {
    if (other == 0) continue;
    ASSERT_EQ(Included(oracle, index, other, index, path), index < other && path == oracle.Inclusion(index, other))
        << index << " of " << size << " in " << other;
  }
}

void CheckNeighboursOfConsistency(Oracle& oracle, uint64_t m, uint64_t n) {
  const Path path = oracle.Consistency(m, n);
  for (const auto& [from, to] : {std::pair(m - 1, n), std::pair(m + 1, n), std::pair(m, n - 1), std::pair(m, n + 1), std::pair(n, m)}) {
    if (from == UINT64_MAX || to == UINT64_MAX || (from == m && to == n)) continue;
    ASSERT_EQ(Consistent(oracle, from, to, path), from <= to && path == oracle.Consistency(from, to))
        << "the proof of " << m << " to " << n << " for " << from << " to " << to;
  }
  // Sizes that are true with a root that is not.
  if (m == n) return;
  ASSERT_FALSE(VerifyConsistency(m, n, oracle.Root(n), oracle.Root(n), path).ok()) << m << " to " << n;
  if (m > 0) {  // Every tree extends the empty one.
    ASSERT_FALSE(VerifyConsistency(m, n, oracle.Root(m), oracle.Root(m), path).ok()) << m << " to " << n;
    ASSERT_FALSE(VerifyConsistency(m, n, oracle.Root(m), oracle.Root(n + 1), path).ok()) << m << " to " << n;
  }
}

// Indices and older sizes that say something about the tree of `size`: around its edges and those of tiles, and a few between.
std::vector<uint64_t> Telling(uint64_t size) {
  std::vector<uint64_t> telling;
  for (const uint64_t centre : {uint64_t{0}, uint64_t{128}, uint64_t{256}, uint64_t{512}, uint64_t{32'768}, uint64_t{65'280}, size}) {
    for (uint64_t at = centre < 2 ? 0 : centre - 2; at <= centre + 2 && at <= size; ++at) telling.push_back(at);
  }
  for (uint64_t at = 1; at <= size; at += size / 50 + 1) telling.push_back(at);
  return telling;
}

constexpr uint64_t kTileEdges[] = {255, 256, 257, 65'535, 65'536, 65'537};

TEST(MerklePropertyTest, EveryProofUpTo300IsTheOracles) {
  constexpr uint64_t kSizeMax = 300;
  for (uint64_t n = 0; n <= kSizeMax; ++n) {
    ASSERT_EQ(RootAt(n, [](int level, uint64_t at) { return Distinct().Node(level, at); }).value(), Distinct().Root(n));
    for (uint64_t i = 0; i < n; ++i) CheckInclusion(Distinct(), i, n);
    for (uint64_t m = 0; m <= n; ++m) CheckConsistency(Distinct(), m, n);
    if (HasFatalFailure()) return;
  }
}

TEST(MerklePropertyTest, ProofsAroundTheEdgesOfTilesAreTheOracles) {
  for (const uint64_t n : kTileEdges) {
    ASSERT_EQ(RootAt(n, [](int level, uint64_t at) { return Distinct().Node(level, at); }).value(), Distinct().Root(n));
    for (const uint64_t at : Telling(n)) {
      if (at < n) CheckInclusion(Distinct(), at, n);
      CheckConsistency(Distinct(), at, n);
      if (at < n) CheckNeighbours(Distinct(), at, n);
      CheckNeighboursOfConsistency(Distinct(), at, n);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(MerklePropertyTest, AProofOfAnotherIndexOrSizeIsRefused) {
  constexpr uint64_t kSizeMax = 130;
  for (uint64_t n = 1; n <= kSizeMax; ++n) {
    for (uint64_t i = 0; i < n; ++i) CheckNeighbours(Distinct(), i, n);
    for (uint64_t m = 0; m <= n; ++m) CheckNeighboursOfConsistency(Distinct(), m, n);
    if (HasFatalFailure()) return;
  }
}

// Every index with every other's proof, every pair of sizes with every other's.
TEST(MerklePropertyTest, NoProofServesForAnother) {
  constexpr uint64_t kSizeMax = 17;
  for (uint64_t n = 1; n <= kSizeMax; ++n) {
    for (uint64_t i = 0; i < n; ++i) {
      for (uint64_t size = 1; size <= kSizeMax; ++size) {
        for (uint64_t index = 0; index < size; ++index) {
          const Path path = Distinct().Inclusion(index, size);
          ASSERT_EQ(Included(Distinct(), i, n, i, path), path == Distinct().Inclusion(i, n))
              << i << " in " << n << " by " << index << " in " << size;
          const Path steps = Distinct().Consistency(index, size);
          ASSERT_EQ(Consistent(Distinct(), i, n, steps), steps == Distinct().Consistency(i, n))
              << i << " to " << n << " by " << index << " to " << size;
        }
      }
    }
  }
}

TEST(MerklePropertyTest, EveryFlippedBitIsRefused) {
  const auto check = [](uint64_t at, uint64_t n) {
    EveryFlippedBit(Distinct().Inclusion(at, n), [&](const Path& path) {
      ASSERT_FALSE(Included(Distinct(), at, n, at, path)) << at << " in " << n;
    });
    EveryFlippedBit(Distinct().Consistency(at, n), [&](const Path& path) {
      ASSERT_FALSE(Consistent(Distinct(), at, n, path)) << at << " to " << n;
    });
    // Leaf and roots are hashes like those of the path.
    EveryFlippedBit({Distinct().Leaf(at), Distinct().Root(n), Distinct().Root(at)}, [&](const Path& hashes) {
      const bool all = hashes[2] == Distinct().Root(at);
      if (all) {
        ASSERT_FALSE(VerifyInclusion(at, n, hashes[0], Distinct().Inclusion(at, n), hashes[1]).ok()) << at << " in " << n;
      }
      if (hashes[0] == Distinct().Leaf(at) && (at > 0 || !all)) {
        ASSERT_FALSE(VerifyConsistency(at, n, hashes[2], hashes[1], Distinct().Consistency(at, n)).ok()) << at << " to " << n;
      }
    });
  };
  for (uint64_t n = 1; n <= 11; ++n) {
    for (uint64_t at = 0; at < n; ++at) check(at, n);
    if (HasFatalFailure()) return;
  }
  for (const uint64_t n : kTileEdges) {
    for (const uint64_t at : {n - 1, n / 3}) check(at, n);
    if (HasFatalFailure()) return;
  }
}

TEST(MerklePropertyTest, EveryReshapedPathIsRefused) {
  const auto check = [](uint64_t at, uint64_t n) {
    for (const Hash& foreign : {Distinct().Root(n), Distinct().Leaf(at), Hash{}}) {
      const Path inclusion = Distinct().Inclusion(at, n);
      EveryReshaping(inclusion, foreign, [&](const Path& path) {
        ASSERT_EQ(Included(Distinct(), at, n, at, path), path == inclusion) << at << " in " << n;
      });
      const Path consistency = Distinct().Consistency(at, n);
      EveryReshaping(consistency, foreign, [&](const Path& path) {
        ASSERT_EQ(Consistent(Distinct(), at, n, path), path == consistency) << at << " to " << n;
      });
    }
  };
  for (uint64_t n = 1; n <= 33; ++n) {
    for (uint64_t at = 0; at < n; ++at) check(at, n);
    if (HasFatalFailure()) return;
  }
  for (const uint64_t n : kTileEdges) {
    for (const uint64_t at : Telling(n)) {
      if (at % 7 == 0 && at < n) check(at, n);
    }
    if (HasFatalFailure()) return;
  }
}

// A root may be anything that somebody signed: a path of another length than the sizes demand is refused even where its hashes
// lead to the roots that are asked for.
TEST(MerklePropertyTest, AnotherLengthIsRefusedWhateverRootItLeadsTo) {
  Oracle& tree = Distinct();
  const Hash foreign = OracleHash("foreign");
  for (uint64_t n = 2; n <= 70; ++n) {
    const uint64_t k = K(n);
    for (uint64_t i = 0; i < n; ++i) {
      Path path = tree.Inclusion(i, n);
      path.pop_back();
      ASSERT_FALSE(VerifyInclusion(i, n, tree.Leaf(i), path, i < k ? tree.Mth(0, k) : tree.Mth(k, n)).ok()) << i << " in " << n;
      path = tree.Inclusion(i, n);
      path.push_back(foreign);
      for (const Hash& root : {OracleNode(foreign, tree.Root(n)), OracleNode(tree.Root(n), foreign)}) {
        ASSERT_FALSE(VerifyInclusion(i, n, tree.Leaf(i), path, root).ok()) << i << " in " << n;
      }
    }
    for (uint64_t m = 1; m < n; ++m) {
      const bool left = m <= k;
      const Hash old_root = left ? tree.Root(m) : tree.Mth(k, m);
      Path path = tree.Consistency(m, n);
      path.pop_back();
      ASSERT_FALSE(VerifyConsistency(m, n, old_root, left ? tree.Root(k) : tree.Mth(k, n), path).ok()) << m << " to " << n;
      path = tree.Consistency(m, n);
      path.push_back(foreign);
      ASSERT_FALSE(VerifyConsistency(m, n, OracleNode(foreign, tree.Root(m)), OracleNode(foreign, tree.Root(n)), path).ok());
      ASSERT_FALSE(VerifyConsistency(m, n, tree.Root(m), OracleNode(tree.Root(n), foreign), path).ok()) << m << " to " << n;
    }
  }
}

TEST(MerklePropertyTest, SizesZeroAndOne) {
  const Hash leaf = Distinct().Leaf(0);
  EXPECT_EQ(EmptyRoot(), OracleHash(""));
  EXPECT_TRUE(VerifyInclusion(0, 1, leaf, {}, leaf).ok());
  EXPECT_FALSE(VerifyInclusion(0, 1, leaf, Path{leaf}, leaf).ok());
  EXPECT_FALSE(VerifyInclusion(0, 1, leaf, {}, EmptyRoot()).ok());
  EXPECT_FALSE(VerifyInclusion(1, 1, leaf, {}, leaf).ok());
  for (const uint64_t index : {uint64_t{0}, uint64_t{1}, UINT64_MAX}) {  // Nothing is in the empty tree.
    EXPECT_FALSE(VerifyInclusion(index, 0, leaf, {}, leaf).ok());
    EXPECT_FALSE(VerifyInclusion(index, 0, EmptyRoot(), {}, EmptyRoot()).ok());
  }
  EXPECT_TRUE(VerifyConsistency(0, 0, EmptyRoot(), EmptyRoot(), {}).ok());
  EXPECT_FALSE(VerifyConsistency(0, 0, EmptyRoot(), leaf, {}).ok());
  EXPECT_TRUE(VerifyConsistency(0, 1, EmptyRoot(), leaf, {}).ok());
  EXPECT_FALSE(VerifyConsistency(0, 1, leaf, leaf, {}).ok());
  EXPECT_FALSE(VerifyConsistency(0, 1, EmptyRoot(), leaf, Path{leaf}).ok());
  EXPECT_TRUE(VerifyConsistency(1, 1, leaf, leaf, {}).ok());
  EXPECT_FALSE(VerifyConsistency(1, 0, leaf, EmptyRoot(), {}).ok());
}

TEST(MerklePropertyTest, EqualSizesTakeTheEmptyPathAlone) {
  for (const uint64_t n : {1u, 2u, 3u, 255u, 256u, 257u}) {
    const Hash root = Distinct().Root(n);
    EXPECT_TRUE(VerifyConsistency(n, n, root, root, {}).ok());
    for (const Path& path : {Path{root}, Path{Hash{}}, Path(kPathHashesMax, root), Distinct().Consistency(n, n + 1)}) {
      EXPECT_FALSE(VerifyConsistency(n, n, root, root, path).ok()) << n;
    }
    EXPECT_FALSE(VerifyConsistency(n, n, root, Distinct().Root(n + 1), {}).ok()) << n;
  }
}

// What other implementations loop on for ever (ledger notes A1). That it ends is the test's timeout.
TEST(MerklePropertyTest, SizesAbove2To62AreTheOraclesToo) {
  RepeatedOracle oracle;
  std::vector<uint64_t> sizes = {UINT64_MAX, UINT64_MAX - 1, 0xAAAA'AAAA'AAAA'AAAA};
  for (const int shift : {32, 61, 62, 63}) {
    const uint64_t power = uint64_t{1} << shift;
    sizes.insert(sizes.end(), {power - 1, power, power + 1, power + 255, power + (power >> 1)});
  }
  for (const uint64_t n : sizes) {
    const auto nodes = [&](int level, uint64_t at) { return oracle.Node(level, at); };
    ASSERT_EQ(RootAt(n, nodes).value(), oracle.Root(n)) << n;
    for (const uint64_t at : {uint64_t{0}, uint64_t{1}, n / 3, n / 2, n / 2 + 1, K(n) - 1, K(n), n - 2, n - 1}) {
      CheckInclusion(oracle, at, n);
      CheckConsistency(oracle, at, n);
      if (HasFatalFailure()) return;
      if (at != n / 3 && at != n - 1) continue;
      const Path inclusion = oracle.Inclusion(at, n);
      EveryReshaping(inclusion, oracle.Root(n), [&](const Path& path) {
        ASSERT_EQ(Included(oracle, at, n, at, path), path == inclusion) << at << " in " << n;
      });
      const Path consistency = oracle.Consistency(at, n);
      EveryReshaping(consistency, oracle.Root(n), [&](const Path& path) {
        ASSERT_EQ(Consistent(oracle, at, n, path), path == consistency) << at << " to " << n;
      });
      if (HasFatalFailure()) return;
    }
    EXPECT_FALSE(VerifyInclusion(n, n, oracle.Leaf(0), oracle.Inclusion(n - 1, n), oracle.Root(n)).ok()) << n;
    if (n < UINT64_MAX) {
      EXPECT_FALSE(VerifyConsistency(n + 1, n, oracle.Root(n + 1), oracle.Root(n), {}).ok()) << n;
    }
  }
}

}  // namespace
}  // namespace accord::ledger::merkle_property_test
