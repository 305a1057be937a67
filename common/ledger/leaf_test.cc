// Goal: a leaf is refused unless it is written the one way there is, above all where its order hangs on a late byte; and the two
// parsers are one.
#include "common/ledger/leaf.h"

#include <gtest/gtest.h>

#include "common/base/status.h"

namespace accord::ledger::leaf_test {
namespace {

Leaf Whole() {
  Leaf leaf{"accord.example/log", std::string(kLeafNonceBytes, 'n'), 1'800'000'000'000, {}, {}};
  for (const char last : {'a', 'b', 'c'}) {
    std::string pseudonym(kPseudonymBytes, '\x80');
    pseudonym.back() = last;
    leaf.chains.push_back({pseudonym, 0, kNoPreviousIndex});
  }
  for (size_t i = 0; i < kLeafCommitments; ++i) {
    leaf.commitments.emplace_back(32, '\x7f');
    leaf.commitments.back().back() = static_cast<char>(0x7c + i);  // Across the sign of a char.
  }
  return leaf;
}

// Both parsers say the same of `bytes`.
bool IsLeaf(const std::string& bytes) {
  const auto parsed = ParseLeaf(bytes);
  LeafView view;
  const absl::Status viewed = ParseLeafInto(bytes, view);
  EXPECT_EQ(parsed.status(), viewed);
  if (!parsed.ok()) return false;
  EXPECT_EQ(EncodeLeaf(*parsed), bytes);
  EXPECT_EQ(view.origin, parsed->origin);
  EXPECT_EQ(view.nonce, parsed->nonce);
  EXPECT_EQ(view.time_ms, parsed->time_ms);
  EXPECT_EQ(view.chains().size(), parsed->chains.size());
  for (size_t i = 0; i < view.chains().size(); ++i) {
    EXPECT_EQ(view.chain[i].pseudonym, parsed->chains[i].pseudonym);
    EXPECT_EQ(view.chain[i].sequence, parsed->chains[i].sequence);
    EXPECT_EQ(view.chain[i].previous_index, parsed->chains[i].previous_index);
  }
  std::string commitments;
  for (const std::string& commitment : parsed->commitments) commitments += commitment;
  EXPECT_EQ(view.commitments, commitments);
  return true;
}

TEST(LeafTest, OrderIsThatOfAllBytesWithoutSign) {
  ASSERT_TRUE(IsLeaf(EncodeLeaf(Whole())));
  for (size_t byte = 0; byte < kPseudonymBytes; ++byte) {
    Leaf leaf = Whole();
    leaf.chains[1].pseudonym[byte] = '\x81';  // Above the last: no longer before it.
    EXPECT_FALSE(IsLeaf(EncodeLeaf(leaf))) << byte;
    leaf.chains[2].pseudonym[byte] = '\x82';
    EXPECT_TRUE(IsLeaf(EncodeLeaf(leaf))) << byte;
  }
  for (size_t byte = 0; byte < 32; ++byte) {
    Leaf leaf = Whole();
    leaf.commitments[6][byte] = '\xf0';
    EXPECT_FALSE(IsLeaf(EncodeLeaf(leaf))) << byte;
    leaf.commitments[7][byte] = '\xf1';
    EXPECT_TRUE(IsLeaf(EncodeLeaf(leaf))) << byte;
  }
}

TEST(LeafTest, TwoOfAKindAreRefused) {
  Leaf leaf = Whole();
  leaf.chains[1].pseudonym = leaf.chains[0].pseudonym;
  EXPECT_FALSE(IsLeaf(EncodeLeaf(leaf)));
  leaf = Whole();
  leaf.commitments[4] = leaf.commitments[3];
  EXPECT_FALSE(IsLeaf(EncodeLeaf(leaf)));
}

TEST(LeafTest, EveryShorterOrLongerOneIsRefused) {
  const std::string bytes = EncodeLeaf(Whole());
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(IsLeaf(bytes.substr(0, size))) << size;
  EXPECT_FALSE(IsLeaf(bytes + '\0'));
  EXPECT_FALSE(IsLeaf(bytes + std::string(kLeafBytesMax, 'x')));
  Leaf leaf = Whole();
  leaf.chains.clear();
  EXPECT_FALSE(IsLeaf(EncodeLeaf(leaf)));
  for (char first = 'd'; leaf.chains.size() <= kLeafChainsMax; ++first) {
    leaf.chains.push_back({std::string(kPseudonymBytes, first), 0, kNoPreviousIndex});
  }
  EXPECT_FALSE(IsLeaf(EncodeLeaf(leaf)));
  leaf.chains.pop_back();
  EXPECT_TRUE(IsLeaf(EncodeLeaf(leaf)));
}

}  // namespace
}  // namespace accord::ledger::leaf_test
