// Goal: nobody can alter a checkpoint, a receipt, a tile's path, a bundle or a leaf without being refused, except in ways that
// change nothing of what it says.
// Method: every bit flipped, every byte left out, doubled or put in, every line left out, doubled or moved, every end cut off and
// every byte after the end. What is refused is well; what is not must, encoded again, give exactly the altered bytes (so that no
// two texts are one value) and, where something is signed, say what the original says.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <regex>
#include <set>

#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/frontier.h"
#include "common/ledger/leaf.h"
#include "common/ledger/note.h"
#include "common/ledger/tile.h"
#include "common/ledger/tlog_proof.h"

namespace accord::ledger::format_property_test {
namespace {

using See = std::function<void(const std::string& altered)>;

void EveryFlippedBit(std::string bytes, const See& see) {
  for (char& byte : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      byte = static_cast<char>(byte ^ (1 << bit));
      see(bytes);
      byte = static_cast<char>(byte ^ (1 << bit));
    }
  }
}

// Every byte left out, doubled, and with each of `inserted` put in before it and at the end; every end cut off.
void EveryShift(const std::string& bytes, std::string_view inserted, const See& see) {
  for (size_t at = 0; at <= bytes.size(); ++at) {
    see(bytes.substr(0, at));
    for (const char c : inserted) see(bytes.substr(0, at) + c + bytes.substr(at));
    if (at == bytes.size()) break;
    see(bytes.substr(0, at) + bytes.substr(at + 1));
    see(bytes.substr(0, at) + bytes[at] + bytes.substr(at));
  }
}

// Every line left out, doubled, put behind each other one.
void EveryMovedLine(const std::string& text, const See& see) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at) + 1;
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  const auto join = [](const std::vector<std::string>& parts) {
    std::string joined;
    for (const std::string& part : parts) joined += part;
    return joined;
  };
  for (size_t at = 0; at < lines.size(); ++at) {
    std::vector<std::string> rest = lines;
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(at));
    see(join(rest));
    for (size_t to = 0; to <= rest.size(); ++to) {
      std::vector<std::string> moved = rest;
      moved.insert(moved.begin() + static_cast<ptrdiff_t>(to), lines[at]);
      see(join(moved));
    }
    lines.insert(lines.begin() + static_cast<ptrdiff_t>(at), lines[at]);
    see(join(lines));
    lines.erase(lines.begin() + static_cast<ptrdiff_t>(at));
  }
}

void EveryByteAfterTheEnd(const std::string& bytes, const See& see) {
  for (int c = 0; c < 256; ++c) see(bytes + static_cast<char>(c));
  see(bytes + bytes);
}

void EveryMutation(const std::string& bytes, const See& see) {
  EveryFlippedBit(bytes, see);
  EveryShift(bytes, std::string_view("\0\n 0A=\xff", 7), see);
  EveryByteAfterTheEnd(bytes, see);
}

// A log of 11 entries with a leaf of the product's form at index 6.
struct Log {
  Log() {
    FakeRandom random(3);
    const std::vector<crypto::Opening> openings = {crypto::MakeOpening(random, "event", "x")};
    leaf = EncodeLeaf(MakeLeaf(kName, 1'800'000'000'000, {{random.Bytes(16), 0, kNoPreviousIndex}, {random.Bytes(16), 3, 4}},
                               openings, random));
    Frontier frontier;
    std::map<std::pair<int, uint64_t>, Hash> nodes;
    for (uint64_t i = 0; i < kSize; ++i) {
      frontier.Append(LeafHash(i == kIndex ? leaf : std::to_string(i)),
                      [&](int level, uint64_t index, const Hash& hash) { nodes[{level, index}] = hash; });
    }
    checkpoint = {kName, kSize, frontier.Root()};
    note = SignCheckpoint(checkpoint, signer);
    cosigned = note + CosignatureLine(FormatCheckpoint(checkpoint), "witness", 1'800'000'001, witness);
    const Path path = *ProveInclusion(kIndex, kSize, [&](int level, uint64_t index) -> absl::StatusOr<Hash> {
      return nodes.at({level, index});
    });
    receipt = FormatTlogProof({leaf, kIndex, path, note});
    cosigned_receipt = FormatTlogProof({leaf, kIndex, path, cosigned});
  }
  static constexpr char kName[] = "log.test/x";
  static constexpr uint64_t kSize = 11, kIndex = 6;
  const crypto::Ed25519Signer signer = *crypto::Ed25519Signer::FromSeed(std::string(32, 's'));
  const crypto::Ed25519Signer witness = *crypto::Ed25519Signer::FromSeed(std::string(32, 'w'));
  const Vkey key = Vkey::Make(kName, kTypeEd25519, signer.verifier());
  const std::vector<Vkey> witnesses = {Vkey::Make("witness", kTypeCosignatureV1, witness.verifier())};
  std::string leaf, note, cosigned, receipt, cosigned_receipt;
  Checkpoint checkpoint;
};

// The text of a note may have blank lines: the last one ends it, so that what was signed cannot be read as signatures.
TEST(NotePropertyTest, TheTextEndsAtTheLastBlankLine) {
  const Log log;
  const std::vector<Vkey> keys = {log.key};
  for (const std::string text : {"a\n\nb\n", "\n", "\n\n\n", "a\n\n\u2014 log.test/x AAAAAAAA\n", "a\n\n\n"}) {
    const std::string bytes = SignNote(text, Log::kName, log.signer);
    const auto note = ParseNote(bytes);
    ASSERT_TRUE(note.ok()) << text;
    EXPECT_EQ(note->text, text);
    EXPECT_EQ(note->signatures.size(), 1u);
    EXPECT_TRUE(VerifyNote(*note, keys).ok()) << text;
  }
}

TEST(CheckpointPropertyTest, NoMutationOfASignedCheckpointVerifies) {
  const Log log;
  ASSERT_TRUE(VerifyCheckpoint(log.note, log.key).ok());
  const auto refused = [&](const std::string& altered) {
    if (altered == log.note) return;
    const auto verified = VerifyCheckpoint(altered, log.key);
    // The log's own line twice says nothing new.
    if (verified.ok() && altered.size() > log.note.size()) {
      const auto line = log.note.substr(log.note.find("\n\n") + 2);
      ASSERT_EQ(altered, log.note + line);
      ASSERT_EQ(verified->checkpoint, log.checkpoint);
      return;
    }
    ASSERT_FALSE(verified.ok()) << altered;
  };
  EveryMutation(log.note, refused);
  EveryMovedLine(log.note, refused);
}

TEST(CheckpointPropertyTest, AMutationOfACosignedCheckpointLosesTheCosignatureAtMost) {
  const Log log;
  ASSERT_EQ(VerifyCheckpoint(log.cosigned, log.key, log.witnesses)->cosigners, std::vector<std::string>{"witness"});
  const Note original = *ParseNote(log.cosigned);
  const std::set<std::string> known = {original.signatures[0].bytes, original.signatures[1].bytes};
  int lost = 0;
  const auto check = [&](const std::string& altered) {
    const auto verified = VerifyCheckpoint(altered, log.key, log.witnesses);
    if (!verified.ok()) return;
    ASSERT_EQ(verified->checkpoint, log.checkpoint) << altered;
    ASSERT_EQ(ParseNote(altered)->text, FormatCheckpoint(log.checkpoint));
    if (verified->cosigners.empty()) {
      ++lost;
    } else {
      // The same lines: both in either order, or one of them twice.
      ASSERT_EQ(verified->cosigners, std::vector<std::string>{"witness"});
      const Note note = *ParseNote(altered);
      for (const NoteSignature& signature : note.signatures) ASSERT_TRUE(known.contains(signature.bytes)) << altered;
    }
  };
  EveryMutation(log.cosigned, check);
  EveryMovedLine(log.cosigned, check);
  EXPECT_GT(lost, 0);  // A line under a name or id that nobody knows is ignored, as the format demands.
}

TEST(CheckpointPropertyTest, EveryMutationOfTheTextIsRefusedOrAnotherCheckpoint) {
  const Log log;
  const std::string text = FormatCheckpoint(log.checkpoint);
  const auto check = [&](const std::string& altered) {
    const auto parsed = ParseCheckpoint(altered);
    if (!parsed.ok() || altered == text) return;
    const std::string again = FormatCheckpoint(*parsed);
    ASSERT_EQ(altered.substr(0, again.size()), again);  // Behind it stand extension lines alone.
    ASSERT_TRUE(*parsed != log.checkpoint || altered.size() > text.size()) << altered;
  };
  EveryMutation(text, check);
  EveryMovedLine(text, check);
}

TEST(ReceiptPropertyTest, NoMutationOfAReceiptVerifies) {
  const Log log;
  ASSERT_TRUE(VerifyReceipt(log.receipt, log.key).ok());
  const std::string line = log.note.substr(log.note.find("\n\n") + 2);
  const auto refused = [&](const std::string& altered) {
    if (altered == log.receipt) return;
    ASSERT_EQ(VerifyReceipt(altered, log.key).ok(), altered == log.receipt + line) << altered;  // The log's own line twice.
  };
  EveryMutation(log.receipt, refused);
  EveryMovedLine(log.receipt, refused);
}

TEST(ReceiptPropertyTest, AMutationOfACosignedReceiptSaysTheSameOrIsRefused) {
  const Log log;
  const auto original = *VerifyReceipt(log.cosigned_receipt, log.key, log.witnesses);
  ASSERT_EQ(original.cosigners, std::vector<std::string>{"witness"});
  EveryMovedLine(log.cosigned_receipt, [&](const std::string& altered) {
    const auto verified = VerifyReceipt(altered, log.key, log.witnesses);
    if (!verified.ok()) return;
    ASSERT_EQ(verified->index, original.index);
    ASSERT_EQ(verified->leaf_bytes, original.leaf_bytes);
    ASSERT_EQ(verified->checkpoint, original.checkpoint);
  });
}

// The fields one by one, each with another value of its own form.
TEST(ReceiptPropertyTest, NoOtherWellFormedFieldVerifies) {
  const Log log;
  const TlogProof original = *ParseTlogProof(log.receipt);
  const auto refused = [&](auto change) {
    TlogProof proof = original;
    change(proof);
    ASSERT_FALSE(VerifyReceipt(FormatTlogProof(proof), log.key).ok()) << FormatTlogProof(proof);
  };
  for (uint64_t index = 0; index <= Log::kSize + 2; ++index) {
    if (index != Log::kIndex) refused([&](TlogProof& proof) { proof.index = index; });  // Log::kSize: the first that is not there.
  }
  for (const uint64_t index : {UINT64_MAX, UINT64_MAX - 1, (uint64_t{1} << 63) + Log::kIndex, (uint64_t{1} << 62) + Log::kIndex}) {
    refused([&](TlogProof& proof) { proof.index = index; });
  }

  Leaf leaf = *ParseLeaf(log.leaf);
  const auto with = [&](auto change) {
    Leaf other = leaf;
    change(other);
    return EncodeLeaf(other);
  };
  for (const std::string& extra :
       {with([](Leaf& l) { l.time_ms ^= 1; }), with([](Leaf& l) { l.nonce[0] ^= 1; }), with([](Leaf& l) { l.chains.pop_back(); }),
        with([](Leaf& l) { l.chains[0].sequence ^= 1, l.chains[0].previous_index = 2; }),
        with([](Leaf& l) { l.chains[1].previous_index = 3; }), with([](Leaf& l) { l.commitments[7][31] ^= 1; }),
        with([](Leaf& l) { l.origin += "y"; }), std::string(), std::string("6"), log.leaf + '\0', log.leaf.substr(1)}) {
    ASSERT_NE(extra, log.leaf);
    refused([&](TlogProof& proof) { proof.extra = extra; });
  }

  for (size_t at = 0; at <= original.path.size(); ++at) {
    for (const Hash& hash : {Hash{}, log.checkpoint.root, LeafHash(log.leaf)}) {
      refused([&](TlogProof& proof) { proof.path.insert(proof.path.begin() + static_cast<ptrdiff_t>(at), hash); });
      if (at < original.path.size()) refused([&](TlogProof& proof) { proof.path[at] = hash; });
    }
    if (at == original.path.size()) break;
    refused([&](TlogProof& proof) { proof.path.erase(proof.path.begin() + static_cast<ptrdiff_t>(at)); });
    if (at > 0) refused([&](TlogProof& proof) { std::swap(proof.path[at], proof.path[at - 1]); });
  }
  refused([](TlogProof& proof) { proof.path.clear(); });

  const auto stranger = *crypto::Ed25519Signer::FromSeed(std::string(32, 'o'));
  Checkpoint elsewhere = log.checkpoint, smaller = log.checkpoint, other_root = log.checkpoint;
  elsewhere.origin = "log.test/y";
  smaller.size = Log::kIndex;  // Index = size.
  other_root.root[0] ^= 1;
  Checkpoint none{Log::kName, 0, EmptyRoot()};
  for (const std::string& note : {SignCheckpoint(log.checkpoint, stranger), SignCheckpoint(elsewhere, log.signer),
                                  SignCheckpoint(smaller, log.signer), SignCheckpoint(other_root, log.signer),
                                  SignCheckpoint(none, log.signer)}) {
    refused([&](TlogProof& proof) { proof.checkpoint = note; });
  }
}

TEST(ReceiptPropertyTest, TheSmallestTrees) {
  const Log log;
  const Checkpoint one{Log::kName, 1, LeafHash(log.leaf)}, none{Log::kName, 0, EmptyRoot()}, false_none{Log::kName, 0, one.root};
  const auto verifies = [&](uint64_t index, const Path& path, const Checkpoint& checkpoint) {
    return VerifyReceipt(FormatTlogProof({log.leaf, index, path, SignCheckpoint(checkpoint, log.signer)}), log.key).ok();
  };
  EXPECT_TRUE(verifies(0, {}, one));
  EXPECT_FALSE(verifies(1, {}, one));
  EXPECT_FALSE(verifies(0, {one.root}, one));
  for (const Checkpoint& checkpoint : {none, false_none}) {  // Nothing is in the empty tree, whatever was signed.
    EXPECT_FALSE(verifies(0, {}, checkpoint));
    EXPECT_FALSE(verifies(0, {one.root}, checkpoint));
  }
}

// A line of one note below the text of another: by the same key, and by a key that lends its name.
TEST(CheckpointPropertyTest, NoSignatureServesForAnotherText) {
  const Log log;
  const auto stranger = *crypto::Ed25519Signer::FromSeed(std::string(32, 'o'));
  const auto line_of = [](const std::string& note) { return note.substr(note.find("\n\n") + 2); };
  const std::string text = FormatCheckpoint(log.checkpoint) + "\n";
  ASSERT_EQ(text + line_of(log.note), log.note);
  std::vector<Checkpoint> others(4, log.checkpoint);
  others[0].size += 1;
  others[1].size = 0;
  others[2].root[31] ^= 1;
  others[3].origin = "log.test/y";
  for (const Checkpoint& other : others) {
    EXPECT_FALSE(VerifyCheckpoint(text + line_of(SignCheckpoint(other, log.signer)), log.key).ok());
    EXPECT_FALSE(VerifyCheckpoint(FormatCheckpoint(other) + "\n" + line_of(log.note), log.key).ok());
  }
  EXPECT_FALSE(VerifyCheckpoint(SignCheckpoint(log.checkpoint, stranger), log.key).ok());
  // The stranger's bytes under the key id of the log: a known line that fails, alone and beside the right one.
  const std::string own = line_of(log.note);
  const std::string id = (*FromBase64(own.substr(own.rfind(' ') + 1, own.size() - own.rfind(' ') - 2))).substr(0, 4);
  const std::string forged = "\u2014 " + std::string(Log::kName) + " " + ToBase64(id + std::string(64, 's')) + "\n";
  EXPECT_FALSE(VerifyCheckpoint(text + forged, log.key).ok());
  EXPECT_FALSE(VerifyCheckpoint(text + own + forged, log.key).ok());
  EXPECT_FALSE(VerifyCheckpoint(text + forged + own, log.key).ok());
  EXPECT_FALSE(VerifyCheckpoint(text, log.key).ok());
  // A cosignature is over its time too: the same bytes at another time are a known line that fails.
  const std::string cosigned = log.cosigned.substr(log.note.size());
  std::string bytes = *FromBase64(cosigned.substr(cosigned.rfind(' ') + 1, cosigned.size() - cosigned.rfind(' ') - 2));
  bytes[11] = static_cast<char>(bytes[11] ^ 1);
  EXPECT_FALSE(VerifyCheckpoint(log.note + "\u2014 witness " + ToBase64(bytes) + "\n", log.key, log.witnesses).ok());
}

TEST(ReceiptPropertyTest, WhatParsesIsWrittenBackToTheSameBytes) {
  const Log log;
  const auto check = [](const std::string& altered) {
    const auto parsed = ParseTlogProof(altered);
    if (parsed.ok()) {
      ASSERT_EQ(FormatTlogProof(*parsed), altered);
    }
  };
  EveryMutation(log.cosigned_receipt, check);
  EveryMovedLine(log.cosigned_receipt, check);
}

// The grammar of c2sp.org/tlog-tiles, apart from the product: groups of three digits, all but the last behind an x, the first not
// x000; a width of 1 to 255; numbers without leading zeros.
bool IsPath(const std::string& path, const std::string& level) {
  static const auto* const with_level = new std::regex("tile/[0-7]/(x(?!000)[0-9]{3}/(x[0-9]{3}/)*)?([0-9]{3})([.]p/([1-9][0-9]{0,2}))?");
  static const auto* const entries = new std::regex("tile/entries/(x(?!000)[0-9]{3}/(x[0-9]{3}/)*)?([0-9]{3})([.]p/([1-9][0-9]{0,2}))?");
  std::smatch match;
  if (!std::regex_match(path, match, level.empty() ? *entries : *with_level)) return false;
  if (match[5].matched && std::stoi(match[5]) > 255) return false;
  std::string digits = match[1].str() + match[3].str();
  std::erase_if(digits, [](char c) { return c == 'x' || c == '/'; });
  digits.erase(0, digits.find_first_not_of('0'));
  constexpr std::string_view kMax = "18446744073709551615";
  return digits.size() < kMax.size() || (digits.size() == kMax.size() && digits <= kMax);
}

TEST(TilePropertyTest, APathIsParsedExactlyWhenTheGrammarHasIt) {
  for (const Tile& tile : {Tile{0, 5, 256}, Tile{7, 999, 255}, Tile{1, 1000, 1}, Tile{2, 1'234'067, 256}, Tile{0, 1'000'000, 10},
                           Tile{0, UINT64_MAX, 200}}) {
    const std::string path = TilePath(tile), entries = EntriesPath(tile.index, tile.width);
    ASSERT_TRUE(IsPath(path, "level") && IsPath(entries, "")) << path;
    ASSERT_EQ(ParseTilePath(path), tile);
    const auto check = [&](const std::string& altered) {
      const auto parsed = ParseTilePath(altered);
      ASSERT_EQ(parsed.has_value(), IsPath(altered, "level")) << altered;
      if (parsed.has_value()) {
        ASSERT_EQ(TilePath(*parsed), altered);
        ASSERT_EQ(*parsed == tile, altered == path) << altered;
      }
    };
    EveryMutation(path, check);
    EveryShift(path, "x/123.p+-\t", check);
    EveryMutation(entries, [&](const std::string& altered) {
      const auto parsed = ParseEntriesPath(altered);
      ASSERT_EQ(parsed.has_value(), IsPath(altered, "")) << altered;
      if (parsed.has_value()) {
        ASSERT_EQ(EntriesPath(parsed->index, parsed->width), altered);
      }
      ASSERT_FALSE(ParseTilePath(altered).has_value()) << altered;
    });
  }
}

TEST(TilePropertyTest, EveryMutationOfABundleIsRefusedOrHoldsOtherLeaves) {
  const std::vector<std::string> entries = {"first", "", std::string(300, 'z'), std::string("\0\1", 2)};
  const std::string bundle = EncodeBundle(entries);
  std::vector<Hash> hashes;
  for (const std::string& entry : entries) hashes.push_back(LeafHash(entry));
  const auto check = [&](const std::string& altered) {
    for (size_t count = 0; count <= entries.size() + 2; ++count) {
      const auto parsed = ParseBundle(altered, count);
      if (!parsed.has_value()) continue;
      ASSERT_EQ(parsed->size(), count);
      ASSERT_EQ(EncodeBundle(*parsed), altered);
      std::vector<Hash> others;
      for (const std::string& entry : *parsed) others.push_back(LeafHash(entry));
      ASSERT_EQ(others == hashes, altered == bundle);
    }
  };
  EveryMutation(bundle, check);
  for (size_t count = 0; count < 9; ++count) EXPECT_EQ(ParseBundle(bundle, count).has_value(), count == entries.size());
  EXPECT_TRUE(ParseBundle("", 0).has_value());
  EXPECT_FALSE(ParseBundle("", 1).has_value());
}

TEST(LeafPropertyTest, EveryMutationIsRefusedOrAnotherLeafWithAnotherHash) {
  const Log log;
  const Leaf leaf = *ParseLeaf(log.leaf);
  int accepted = 0;
  EveryMutation(log.leaf, [&](const std::string& altered) {
    const auto parsed = ParseLeaf(altered);
    if (!parsed.ok() || altered == log.leaf) return;
    ++accepted;  // Of the same form with another nonce, say.
    ASSERT_EQ(EncodeLeaf(*parsed), altered);
    ASSERT_TRUE(std::ranges::is_sorted(parsed->commitments, std::less_equal<>()));  // One order, so that it tells nothing.
    ASSERT_NE(*parsed, leaf);
    ASSERT_NE(LeafHash(altered), LeafHash(log.leaf));
    ASSERT_EQ(altered.size(), log.leaf.size());  // Only bits within it may differ.
  });
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace accord::ledger::format_property_test
