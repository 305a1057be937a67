// A small log in memory as `accordctl ledger export` writes it; for tests.
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/crypto/commitment.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tile_builder.h"
#include "services/verify/file_reader.h"

namespace accord::verify {

// Files by path. Thread-safe to read while nobody changes them.
class MemoryFiles final : public FileReader {
 public:
  absl::Status ReadInto(const std::string& path, size_t bytes_max, std::string& bytes) override {
    const auto found = files.find(path);
    if (found == files.end()) return absl::NotFoundError("no such file");
    if (found->second.size() > bytes_max) return absl::InvalidArgumentError("too large");
    bytes = found->second;
    return absl::OkStatus();
  }
  std::map<std::string, std::string> files;
};

// Leaves under a key of their own, and what is published of them. Single-thread.
class TestingLeaves {
 public:
  static constexpr char kOrigin[] = "accord.example/test";

  ledger::Vkey vkey() const { return ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, signer.verifier()); }

  // The signed checkpoint over the leaves as they are now.
  std::string Checkpoint(size_t size) const {
    ledger::TileBuilder builder;
    for (size_t i = 0; i < size; ++i)
      builder.Append(ledger::LeafHash(leaves[i]), [](const ledger::Tile&, std::string_view) {});
    return ledger::SignCheckpoint({kOrigin, size, builder.Root()}, signer);
  }

  // Every file, consistent with the leaves as they are now; of the first `size` of them.
  MemoryFiles Publish() const { return Publish(leaves.size()); }
  MemoryFiles Publish(size_t size) const {
    MemoryFiles out;
    ledger::TileBuilder builder;
    const auto put = [&](const ledger::Tile& tile, std::string_view hashes) { out.files[ledger::TilePath(tile)] = hashes; };
    for (size_t i = 0; i < size; ++i) builder.Append(ledger::LeafHash(leaves[i]), put);
    builder.EmitPartial(put);
    for (size_t first = 0; first < size; first += ledger::kTileWidth) {
      const size_t end = std::min<size_t>(first + ledger::kTileWidth, size);
      const std::vector<std::string> some(leaves.begin() + static_cast<ptrdiff_t>(first),
                                          leaves.begin() + static_cast<ptrdiff_t>(end));
      out.files[ledger::EntriesPath(first / ledger::kTileWidth, static_cast<uint32_t>(end - first))] =
          ledger::EncodeBundle(some);
    }
    out.files["checkpoint"] = Checkpoint(size);
    out.files["vkey"] = vkey().ToString() + "\n";
    return out;
  }

  // Changes leaf `index` by way of its decoded form.
  template <typename Change>
  void Alter(size_t index, Change change) {
    ledger::Leaf leaf = *ledger::ParseLeaf(leaves[index]);
    change(leaf);
    leaves[index] = ledger::EncodeLeaf(leaf);
  }

  std::vector<std::string> leaves;
  const crypto::Ed25519Signer signer = *crypto::Ed25519Signer::FromSeed(std::string(32, 's'));

 protected:
  // The place in the chain `pseudonym` that the next leaf takes.
  ledger::Chain Next(const std::string& pseudonym) {
    auto& [sequence, previous] = ends_.try_emplace(pseudonym, 0, ledger::kNoPreviousIndex).first->second;
    ledger::Chain chain{pseudonym, sequence, previous};
    ++sequence;
    previous = leaves.size();
    return chain;
  }

 private:
  std::map<std::string, std::pair<uint64_t, uint64_t>> ends_;  // Next sequence, last index.
};

// Leaves of three chains; entry 5 and every leaf after it can be made otherwise before Publish. Single-thread.
class TestingLog : public TestingLeaves {
 public:
  explicit TestingLog(size_t size) {
    FakeRandom random(7);
    for (size_t i = 0; i < size; ++i) {
      // Each leaf is in the chain of its number modulo 2, every fifth also in a third one.
      std::vector<ledger::Chain> chains = {Next(std::string(16, static_cast<char>('a' + i % 2)))};
      if (i % 5 == 0) chains.push_back(Next(std::string(16, 'z')));
      const crypto::Opening opening = crypto::MakeOpening(random, "event", "event " + std::to_string(i));
      leaves.push_back(ledger::EncodeLeaf(
          ledger::MakeLeaf(kOrigin, 1'700'000'000'000 + 1'000 * i, std::move(chains), std::vector{opening}, random)));
    }
  }
};

}  // namespace accord::verify
