#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/frontier.h"
#include "common/ledger/leaf.h"
#include "common/ledger/merkle.h"
#include "common/ledger/note.h"
#include "common/ledger/tile.h"
#include "common/ledger/tlog_proof.h"

namespace accord::ledger::ledger_test {
namespace {

// Goal: the tree agrees with the published vectors and with the RFC's recursion written the plainest way.
const std::vector<std::string>& CtLeaves() {
  static const auto* leaves = new std::vector<std::string>{
      "", *FromHex("00"), *FromHex("10"), *FromHex("2021"), *FromHex("3031"), *FromHex("40414243"),
      *FromHex("5051525354555657"), *FromHex("606162636465666768696a6b6c6d6e6f")};
  return *leaves;
}

constexpr std::string_view kCtRoots[] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

Hash Oracle(const std::vector<Hash>& leaves, size_t begin, size_t end) {
  if (begin == end) return EmptyRoot();
  if (end - begin == 1) return leaves[begin];
  size_t k = 1;
  while (k * 2 < end - begin) k *= 2;
  return NodeHash(Oracle(leaves, begin, begin + k), Oracle(leaves, begin + k, end));
}

// A tree of `size` small leaves with every complete subtree by name.
struct Tree {
  explicit Tree(size_t size) {
    for (size_t i = 0; i < size; ++i) {
      leaves.push_back(LeafHash(std::to_string(i)));
      frontier.Append(leaves.back(), [&](int level, uint64_t index, const Hash& hash) { nodes[{level, index}] = hash; });
    }
  }
  absl::StatusOr<Hash> Node(int level, uint64_t index) const {
    const auto found = nodes.find({level, index});
    if (found == nodes.end()) return Error(Reason::kStoreCorrupt, "no such node");
    return found->second;
  }
  std::vector<Hash> leaves;
  std::map<std::pair<int, uint64_t>, Hash> nodes;
  Frontier frontier;
};

TEST(MerkleTest, PublishedVectorsHold) {
  Frontier frontier;
  EXPECT_EQ(ToHex(View(frontier.Root())), kCtRoots[0]);
  for (size_t i = 0; i < CtLeaves().size(); ++i) {
    frontier.Append(LeafHash(CtLeaves()[i]));
    EXPECT_EQ(ToHex(View(frontier.Root())), kCtRoots[i + 1]);
  }
}

TEST(MerkleTest, EveryProofUpTo66AgreesWithTheOracleAndEveryMutationIsRejected) {
  constexpr size_t kMax = 66;
  const Tree tree(kMax);
  const auto nodes = [&](int level, uint64_t index) { return tree.Node(level, index); };
  for (uint64_t n = 0; n <= kMax; ++n) {
    const Hash root = Oracle(tree.leaves, 0, n);
    ASSERT_EQ(*RootAt(n, nodes), root) << n;
    for (uint64_t i = 0; i < n; ++i) {
      Path path = *ProveInclusion(i, n, nodes);
      ASSERT_TRUE(VerifyInclusion(i, n, tree.leaves[i], path, root).ok()) << i << " in " << n;
      EXPECT_FALSE(VerifyInclusion(n, n, tree.leaves[i], path, root).ok());
      EXPECT_FALSE(VerifyInclusion(i, n, tree.leaves[(i + 1) % kMax], path, root).ok());
      if (i + 1 < n) {
        EXPECT_FALSE(VerifyInclusion(i + 1, n, tree.leaves[i], path, root).ok());
      }
      path.push_back(root);
      EXPECT_FALSE(VerifyInclusion(i, n, tree.leaves[i], path, root).ok());
      path.pop_back();
      for (size_t at = 0; at < path.size(); ++at) {
        Path altered = path;
        altered[at][0] ^= 1;
        EXPECT_FALSE(VerifyInclusion(i, n, tree.leaves[i], altered, root).ok());
      }
      if (!path.empty()) {
        path.pop_back();
        EXPECT_FALSE(VerifyInclusion(i, n, tree.leaves[i], path, root).ok());
      }
    }
    for (uint64_t m = 0; m <= n; ++m) {
      const Hash old_root = Oracle(tree.leaves, 0, m);
      Path path = *ProveConsistency(m, n, nodes);
      ASSERT_TRUE(VerifyConsistency(m, n, old_root, root, path).ok()) << m << " to " << n;
      Hash other = old_root;
      other[31] ^= 1;
      EXPECT_FALSE(VerifyConsistency(m, n, other, root, path).ok());
      other = root;
      other[31] ^= 1;
      if (m > 0) {  // From the empty tree every root follows.
        EXPECT_FALSE(VerifyConsistency(m, n, old_root, other, path).ok());
      }
      for (size_t at = 0; at < path.size(); ++at) {
        Path altered = path;
        altered[at][7] ^= 4;
        EXPECT_FALSE(VerifyConsistency(m, n, old_root, root, altered).ok());
      }
      path.push_back(root);
      EXPECT_FALSE(VerifyConsistency(m, n, old_root, root, path).ok());
    }
  }
}

TEST(MerkleTest, HugeSizesEnd) {
  const Hash hash = LeafHash("x");
  const Path path(kPathHashesMax, hash);
  for (const uint64_t size : {uint64_t{1} << 62, (uint64_t{1} << 62) + 1, uint64_t{1} << 63, UINT64_MAX}) {
    EXPECT_FALSE(VerifyInclusion(size - 1, size, hash, path, hash).ok());
    EXPECT_FALSE(VerifyConsistency(size - 1, size, hash, hash, path).ok());
    const auto proof = ProveInclusion(size / 3, size, [&](int, uint64_t) -> absl::StatusOr<Hash> { return hash; });
    EXPECT_LE(proof->size(), kPathHashesMax);
  }
}

TEST(FrontierTest, RestoredEdgeGoesOnAsIfNeverStopped) {
  for (const size_t size : {0u, 1u, 5u, 255u, 256u, 257u}) {
    Tree tree(size);
    Frontier restored(size, std::vector<Hash>(tree.frontier.edge().begin(), tree.frontier.edge().end()));
    for (int i = 0; i < 9; ++i) {
      restored.Append(LeafHash("more"));
      tree.frontier.Append(LeafHash("more"));
      EXPECT_EQ(restored.Root(), tree.frontier.Root());
    }
  }
}

TEST(TileTest, PathsAreThoseOfTheSpecification) {
  EXPECT_EQ(TilePath({0, 5}), "tile/0/005");
  EXPECT_EQ(TilePath({0, 999}), "tile/0/999");
  EXPECT_EQ(TilePath({1, 1000}), "tile/1/x001/000");
  EXPECT_EQ(TilePath({0, 1067, 12}), "tile/0/x001/067.p/12");
  EXPECT_EQ(TilePath({2, 1234067}), "tile/2/x001/x234/067");
  EXPECT_EQ(EntriesPath(1067, 256), "tile/entries/x001/067");
  for (const std::string_view good : {"tile/0/005", "tile/0/x001/067.p/12", "tile/2/x001/x234/067"}) {
    ASSERT_TRUE(ParseTilePath(good).has_value()) << good;
    EXPECT_EQ(TilePath(*ParseTilePath(good)), good);
  }
  for (const std::string_view bad : {"tile/0/5", "tile/00/005", "tile/0/001/067", "tile/0/x001", "tile/0/005.p/0", "tile/0/005.p/256",
                                     "tile/0/005.p/012", "tile/8/000", "tile/-1/000", "tile/0/", "tile/0/005/", "/tile/0/005", "tile/0/+05"}) {
    EXPECT_FALSE(ParseTilePath(bad).has_value()) << bad;
  }
  EXPECT_TRUE(ParseEntriesPath("tile/entries/000.p/3").has_value());
  EXPECT_FALSE(ParseEntriesPath("tile/entries/0").has_value());
}

TEST(TileTest, PartialWidthsAtTheBoundaries) {
  EXPECT_TRUE(TilesOf(0).empty());
  EXPECT_EQ(TilesOf(255), (std::vector<Tile>{{0, 0, 255}}));
  EXPECT_EQ(TilesOf(256), (std::vector<Tile>{{0, 0, 256}, {1, 0, 1}}));
  EXPECT_EQ(TilesOf(257), (std::vector<Tile>{{0, 0, 256}, {0, 1, 1}, {1, 0, 1}}));
  const auto tiles = TilesOf(70'000);
  EXPECT_EQ(tiles.size(), 273u + 1 + 1 + 1 + 1);
  EXPECT_EQ(tiles[273], (Tile{0, 273, 112}));
  EXPECT_EQ(tiles.back(), (Tile{2, 0, 1}));
}

TEST(TileTest, BundlesAreStrict) {
  const std::string bundle = EncodeBundle({"a", "", "bcd"});
  EXPECT_EQ(*ParseBundle(bundle, 3), (std::vector<std::string>{"a", "", "bcd"}));
  EXPECT_FALSE(ParseBundle(bundle, 2).has_value());
  EXPECT_FALSE(ParseBundle(bundle, 4).has_value());
  EXPECT_FALSE(ParseBundle(bundle.substr(0, bundle.size() - 1), 3).has_value());
}

// Third parties' vectors (ledger notes A3, A5).
constexpr std::string_view kNoteVkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr std::string_view kNote =
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

TEST(NoteTest, ThirdPartyVectorVerifiesAndEveryFlippedByteDoesNot) {
  const Vkey key = *Vkey::Parse(kNoteVkey);
  EXPECT_EQ(key.ToString(), kNoteVkey);
  const std::vector<Vkey> keys = {key};
  EXPECT_TRUE(VerifyNote(*ParseNote(kNote), keys).ok());
  for (size_t at = 0; at < kNote.size(); ++at) {
    std::string altered(kNote);
    altered[at] ^= 1;
    const auto note = ParseNote(altered);
    EXPECT_FALSE(note.ok() && VerifyNote(*note, keys).ok()) << at;
  }
}

TEST(NoteTest, VkeysAreStrict) {
  EXPECT_TRUE(Vkey::Parse("mirror.example.org+3fb148ef+BAAjjch9GyYz0sJsJx7ALhbdAtz2ov0unbzSl1vMp94O").ok());
  for (const std::string_view bad : {"", "a+b", "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
                                     "example com+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
                                     "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"}) {
    EXPECT_FALSE(Vkey::Parse(bad).ok()) << bad;
  }
}

TEST(NoteTest, UnknownLinesAreIgnoredAndKnownOnesThatFailReject) {
  const auto signer = *crypto::Ed25519Signer::FromSeed(std::string(32, 's'));
  const auto witness = *crypto::Ed25519Signer::FromSeed(std::string(32, 'w'));
  const std::string text = "text\n";
  std::string note = SignNote(text, "log", signer);
  const std::vector<Vkey> keys = {Vkey::Make("log", kTypeEd25519, signer.verifier()),
                                  Vkey::Make("w", kTypeCosignatureV1, witness.verifier())};
  note += CosignatureLine(text, "w", 1'800'000'000, witness);
  note += CosignatureLine(text, "stranger", 5, signer);
  EXPECT_EQ(*VerifyNote(*ParseNote(note), keys), (std::vector<std::string>{"log", "w"}));
  EXPECT_FALSE(VerifyNote(*ParseNote(note + CosignatureLine("other\n", "w", 6, witness)), keys).ok());
  const std::vector<Vkey> strangers = {Vkey::Make("nobody", kTypeEd25519, signer.verifier())};
  EXPECT_FALSE(VerifyNote(*ParseNote(note), strangers).ok());
}

TEST(CheckpointTest, FormIsStrict) {
  const std::string root = ToBase64(View(EmptyRoot()));
  EXPECT_TRUE(ParseCheckpoint("origin\n0\n" + root + "\n").ok());
  EXPECT_TRUE(ParseCheckpoint("origin\n18446744073709551615\n" + root + "\nextension\n").ok());
  for (const std::string& bad : std::vector<std::string>{std::string("\n0\n") + root + "\n", "origin\n00\n" + root + "\n", "origin\n+1\n" + root + "\n",
                                 "origin\n18446744073709551616\n" + root + "\n", "origin\n0\nAAAA\n", "origin\n0\n" + root,
                                 "origin\n0\n" + root + "\n\n", std::string("origin\n0\n")}) {
    EXPECT_FALSE(ParseCheckpoint(bad).ok()) << bad;
  }
}

Leaf SampleLeaf(Random& random) {
  const std::vector<crypto::Opening> openings = {crypto::MakeOpening(random, "event", "x")};
  return MakeLeaf("origin", 1'800'000'000'000, {{random.Bytes(16), 0, kNoPreviousIndex}, {random.Bytes(16), 3, 17}}, openings, random);
}

TEST(LeafBytesTest, RoundTripsAndRejectsEveryCutAndTrailingByte) {
  FakeRandom random(1);
  const Leaf leaf = SampleLeaf(random);
  const std::string bytes = EncodeLeaf(leaf);
  EXPECT_EQ(*ParseLeaf(bytes), leaf);
  for (size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(ParseLeaf(bytes.substr(0, cut)).ok()) << cut;
  EXPECT_FALSE(ParseLeaf(bytes + '\0').ok());
  Leaf unsorted = leaf;
  std::swap(unsorted.commitments[0], unsorted.commitments[1]);
  EXPECT_FALSE(ParseLeaf(EncodeLeaf(unsorted)).ok());
  Leaf twice = leaf;
  twice.chains[1] = twice.chains[0];
  EXPECT_FALSE(ParseLeaf(EncodeLeaf(twice)).ok());
}

TEST(LeafBytesTest, SizeTellsNothingOfWhatIsCommittedTo) {
  FakeRandom random(2);
  std::vector<crypto::Opening> openings;
  const auto size = [&] { return EncodeLeaf(MakeLeaf("o", 1, {{std::string(16, 'c'), 0, kNoPreviousIndex}}, openings, random)).size(); };
  const size_t empty = size();
  for (size_t i = 0; i < kLeafCommitments; ++i) openings.push_back(crypto::MakeOpening(random, "event", std::string(i * 100, 'e')));
  EXPECT_EQ(size(), empty);
}

TEST(TlogProofTest, ReceiptVerifiesAndEveryFlippedByteDoesNot) {
  FakeRandom random(3);
  const auto signer = *crypto::Ed25519Signer::FromSeed(std::string(32, 's'));
  const Vkey key = Vkey::Make("origin", kTypeEd25519, signer.verifier());
  const std::string leaf = EncodeLeaf(SampleLeaf(random));
  Frontier frontier;
  std::map<std::pair<int, uint64_t>, Hash> nodes;
  for (int i = 0; i < 11; ++i) {
    frontier.Append(LeafHash(i == 6 ? leaf : std::to_string(i)), [&](int level, uint64_t index, const Hash& hash) { nodes[{level, index}] = hash; });
  }
  const Path path = *ProveInclusion(6, 11, [&](int level, uint64_t index) -> absl::StatusOr<Hash> { return nodes.at({level, index}); });
  const std::string receipt = FormatTlogProof({leaf, 6, path, SignCheckpoint({"origin", 11, frontier.Root()}, signer)});
  const auto verified = VerifyReceipt(receipt, key);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->index, 6u);
  EXPECT_EQ(verified->leaf_bytes, leaf);
  EXPECT_EQ(verified->checkpoint.size, 11u);
  for (size_t at = 0; at < receipt.size(); ++at) {
    std::string altered = receipt;
    altered[at] ^= 1;
    EXPECT_FALSE(VerifyReceipt(altered, key).ok()) << at << " " << receipt[at];
  }
  EXPECT_FALSE(VerifyReceipt(receipt + "x", key).ok());
}

TEST(TlogProofTest, ALeafOfAnotherLogIsRefused) {
  FakeRandom random(4);
  const auto signer = *crypto::Ed25519Signer::FromSeed(std::string(32, 's'));
  const std::string leaf = EncodeLeaf(SampleLeaf(random));
  Frontier frontier;
  frontier.Append(LeafHash(leaf));
  const std::string receipt = FormatTlogProof({leaf, 0, {}, SignCheckpoint({"elsewhere", 1, frontier.Root()}, signer)});
  EXPECT_FALSE(VerifyReceipt(receipt, Vkey::Make("elsewhere", kTypeEd25519, signer.verifier())).ok());
}

}  // namespace
}  // namespace accord::ledger::ledger_test
