#include "services/verify/ledger_verifier.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/text.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tile_builder.h"

namespace accord::verify {
namespace {

constexpr size_t kBundleBytesMax = ledger::kTileWidth * (2 + ledger::kBundleEntryBytesMax);
constexpr size_t kHashBytes = sizeof(ledger::Hash);

std::string Entry(uint64_t index) { return fmt::format("entry {}", index); }

std::string Message(const absl::Status& status) { return std::string(FromAbsl(status.message())); }

// One pass over a log.
class Pass {
 public:
  Pass(FileReader& files, const ledger::Vkey& log) : files_(files), log_(log) {}

  LedgerReport Run(Progress progress) {
    ledger::Checkpoint checkpoint;
    if (!ReadCheckpoint(checkpoint)) return std::move(report_);
    for (uint64_t first = 0; first < checkpoint.size; first += ledger::kTileWidth) {
      const uint64_t width = std::min(ledger::kTileWidth, checkpoint.size - first);
      if (!ReadBundle(first, static_cast<uint32_t>(width))) return std::move(report_);
      if (progress != nullptr) progress(report_.entries, checkpoint.size);
    }
    tiles_.EmitPartial([this](const ledger::Tile& tile, std::string_view hashes) { CompareTile(tile, hashes); });
    if (tiles_.Root() != checkpoint.root) {
      Found(Check::kRoot, "checkpoint",
            fmt::format("signs the root {}, the entries give {}", report_.root, ToHex(ledger::View(tiles_.Root()))));
    }
    report_.finished = true;
    return std::move(report_);
  }

 private:
  struct ChainEnd {
    uint64_t sequence = 0, index = 0;
  };

  void Found(Check check, std::string where, std::string what) {
    ++report_.found[static_cast<size_t>(check)];
    if (report_.findings.size() < kFindingsMax) report_.findings.push_back({check, std::move(where), std::move(what)});
  }

  bool ReadCheckpoint(ledger::Checkpoint& checkpoint) {
    const auto note = files_.Read("checkpoint", ledger::kNoteBytesMax);
    if (!note.ok()) return Found(Check::kCheckpoint, "checkpoint", "cannot be read: " + Message(note.status())), false;
    const auto verified = ledger::VerifyCheckpoint(*note, log_);
    if (!verified.ok()) return Found(Check::kCheckpoint, "checkpoint", Message(verified.status())), false;
    checkpoint = verified->checkpoint;
    report_.origin = checkpoint.origin;
    report_.size = checkpoint.size;
    report_.root = ToHex(ledger::View(checkpoint.root));
    return true;
  }

  bool ReadBundle(uint64_t first, uint32_t width) {
    const std::string path = ledger::EntriesPath(first / ledger::kTileWidth, width);
    const auto bytes = files_.Read(path, kBundleBytesMax);
    if (!bytes.ok()) {
      Found(Check::kBundles, path, "cannot be read: " + Message(bytes.status()));
      return false;
    }
    const auto entries = ledger::ParseBundle(*bytes, width);
    if (!entries.has_value()) {
      Found(Check::kBundles, path,
            fmt::format("is not {} entries with their lengths: cut off, or something was added", width));
      return false;
    }
    ++report_.bundles;
    for (size_t i = 0; i < entries->size(); ++i) CheckEntry(first + i, (*entries)[i]);
    return true;
  }

  void CheckEntry(uint64_t index, const std::string& bytes) {
    if (const auto leaf = ledger::ParseLeaf(bytes); !leaf.ok()) {
      Found(Check::kLeaves, Entry(index), Message(leaf.status()));
    } else {
      if (leaf->origin != report_.origin) Found(Check::kLeaves, Entry(index), fmt::format("is of the log {}", leaf->origin));
      CheckTime(index, leaf->time_ms);
      for (const ledger::Chain& chain : leaf->chains) CheckChain(index, chain);
    }
    ++report_.entries;
    tiles_.Append(ledger::LeafHash(bytes),
                  [this](const ledger::Tile& tile, std::string_view hashes) { CompareTile(tile, hashes); });
  }

  void CheckTime(uint64_t index, uint64_t time_ms) {
    if (time_ms < report_.last_time_ms) {
      Found(Check::kTime, Entry(index), fmt::format("is {} ms before the entry before it", report_.last_time_ms - time_ms));
    }
    if (report_.first_time_ms == 0) report_.first_time_ms = time_ms;
    report_.last_time_ms = time_ms;
  }

  void CheckChain(uint64_t index, const ledger::Chain& chain) {
    const auto [at, is_new] = chains_.try_emplace(chain.pseudonym);
    report_.chains = chains_.size();
    const uint64_t sequence = is_new ? 0 : at->second.sequence + 1;
    const uint64_t previous = is_new ? ledger::kNoPreviousIndex : at->second.index;
    if (chain.sequence != sequence) {
      Found(Check::kChains, Entry(index), fmt::format("is number {} of chain {}, where number {} is due", chain.sequence,
                                                      ToHex(chain.pseudonym), sequence));
    } else if (chain.previous_index != previous) {
      // Neither is "none": ParseLeaf allows that for number 0 alone, and only for it.
      Found(Check::kChains, Entry(index), fmt::format("names {} as the entry before it in chain {}, which is {}",
                                                      Entry(chain.previous_index), ToHex(chain.pseudonym), Entry(previous)));
    }
    at->second = {chain.sequence, index};
  }

  void CompareTile(const ledger::Tile& tile, std::string_view hashes) {
    ++report_.tiles;
    const std::string path = ledger::TilePath(tile);
    const auto stored = files_.Read(path, ledger::kTileWidth * kHashBytes);
    if (!stored.ok()) return Found(Check::kTiles, path, "cannot be read: " + Message(stored.status()));
    if (*stored == hashes) return;
    if (stored->size() != hashes.size()) {
      return Found(Check::kTiles, path, fmt::format("is {} bytes long, not {}", stored->size(), hashes.size()));
    }
    uint64_t at = 0;
    while (stored->compare(at * kHashBytes, kHashBytes, hashes.substr(at * kHashBytes, kHashBytes)) == 0) ++at;
    const uint64_t hash = tile.index * ledger::kTileWidth + at;
    Found(Check::kTiles, path,
          tile.level == 0
              ? fmt::format("has another hash for entry {} than that entry gives: one of the two was altered", hash)
              : fmt::format("has another hash at {} than the entries {} to {} give", at,
                            hash << (tile.level * ledger::kTileHeight),
                            ((hash + 1) << (tile.level * ledger::kTileHeight)) - 1));
  }

  FileReader& files_;
  const ledger::Vkey& log_;
  LedgerReport report_;
  ledger::TileBuilder tiles_;
  absl::flat_hash_map<std::string, ChainEnd> chains_;  // By pseudonym.
};

}  // namespace

std::string_view Name(Check check) {
  switch (check) {
    case Check::kCheckpoint: return "checkpoint signed by the log's key";
    case Check::kBundles: return "entries all there";
    case Check::kLeaves: return "entries well formed, of this log";
    case Check::kTime: return "time never goes back";
    case Check::kChains: return "chains without a gap";
    case Check::kTiles: return "tiles as the entries give them";
    case Check::kRoot: return "root as signed";
  }
  return "";
}

LedgerReport VerifyLedger(FileReader& files, const ledger::Vkey& log, Progress progress) {
  return Pass(files, log).Run(progress);
}

}  // namespace accord::verify
