// A log of any size, far beyond what fits a disk: every leaf is the same one but for one odd leaf, so that each tile can be made
// when it is asked for. For tests of the levels that no test can fill with entries.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

#include "common/base/status.h"
#include "common/crypto/ed25519.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tile.h"
#include "services/verify/file_reader.h"

namespace accord::verify {

// Thread-safe to read while nobody changes it.
class SyntheticLog final : public FileReader {
 public:
  static constexpr char kOrigin[] = "accord.example/synthetic";
  static constexpr uint64_t kNoOddLeaf = UINT64_MAX;

  explicit SyntheticLog(uint64_t size, uint64_t odd_index = kNoOddLeaf) : size_(size), odd_index_(odd_index) {
    same_[0] = ledger::LeafHash(Leaf('s'));
    for (size_t level = 1; level < same_.size(); ++level) same_[level] = ledger::NodeHash(same_[level - 1], same_[level - 1]);
    odd_[0] = ledger::LeafHash(Leaf('o'));
    for (size_t level = 1; level < odd_.size(); ++level) {
      const bool right = (odd_index >> (level - 1) & 1) == 1;
      odd_[level] = right ? ledger::NodeHash(same_[level - 1], odd_[level - 1]) : ledger::NodeHash(odd_[level - 1], same_[level - 1]);
    }
  }

  uint64_t size() const { return size_; }
  ledger::Vkey vkey() const { return ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, signer_.verifier()); }
  ledger::Hash Node(int level, uint64_t index) const {
    const auto at = static_cast<size_t>(level);
    return odd_index_ != kNoOddLeaf && odd_index_ >> level == index ? odd_[at] : same_[at];
  }
  // Made by the RFC's recursion, not from tiles.
  ledger::Checkpoint CheckpointAt(uint64_t size) const {
    return {kOrigin, size, *ledger::RootAt(size, [this](int level, uint64_t index) -> absl::StatusOr<ledger::Hash> {
              return Node(level, index);
            })};
  }
  std::string SignedCheckpoint(uint64_t size) const { return ledger::SignCheckpoint(CheckpointAt(size), signer_); }

  absl::Status ReadInto(const std::string& path, size_t, std::string& bytes) override {
    if (missing.contains(path)) return absl::NotFoundError("no such file");
    bytes.clear();
    if (path == "checkpoint") {
      bytes = SignedCheckpoint(size_);
    } else if (const auto tile = ledger::ParseTilePath(path); tile.has_value()) {
      for (uint64_t i = 0; i < tile->width; ++i) {
        bytes.append(ledger::View(Node(tile->level * ledger::kTileHeight, tile->index * ledger::kTileWidth + i)));
      }
    } else if (const auto entries = ledger::ParseEntriesPath(path); entries.has_value()) {
      std::vector<std::string> leaves;
      for (uint64_t i = 0; i < entries->width; ++i) {
        leaves.push_back(Leaf(entries->index * ledger::kTileWidth + i == odd_index_ ? 'o' : 's'));
      }
      bytes = ledger::EncodeBundle(leaves);
    } else {
      return absl::NotFoundError("no such file");
    }
    if (const auto found = flipped.find(path); found != flipped.end()) bytes[found->second] ^= 1;
    return absl::OkStatus();
  }

  std::map<std::string, size_t> flipped;  // Path → byte of which a bit is flipped.
  std::set<std::string> missing;

 private:
  static std::string Leaf(char nonce) {
    ledger::Leaf leaf{kOrigin, std::string(ledger::kLeafNonceBytes, nonce), 1'700'000'000'000, {}, {}};
    leaf.chains.push_back({std::string(ledger::kPseudonymBytes, 'p'), 0, ledger::kNoPreviousIndex});
    for (size_t i = 0; i < ledger::kLeafCommitments; ++i) leaf.commitments.emplace_back(32, static_cast<char>('a' + i));
    return ledger::EncodeLeaf(leaf);
  }

  const uint64_t size_, odd_index_;
  std::array<ledger::Hash, 64> same_, odd_;  // By level.
  const crypto::Ed25519Signer signer_ = *crypto::Ed25519Signer::FromSeed(std::string(32, 'y'));
};

}  // namespace accord::verify
