#include "services/verify/compare_verifier.h"

#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tile.h"
#include "services/verify/signed_tiles.h"
#include "services/verify/stretch.h"

namespace accord::verify {
namespace {

std::string WhyNot(const absl::Status& status) { return std::string(FromAbsl(status.message())); }

absl::StatusOr<CopySide> ReadSide(FileReader& files, const ledger::Vkey& log) {
  auto note = files.Read("checkpoint", ledger::kNoteBytesMax);
  if (!note.ok()) return Error(Reason::kReceiptInvalid, "checkpoint: cannot be read: " + WhyNot(note.status()));
  const auto verified = ledger::VerifyCheckpoint(*note, log);
  if (!verified.ok()) return Error(Reason::kReceiptInvalid, "checkpoint: " + WhyNot(verified.status()));
  const ledger::Checkpoint& checkpoint = verified->checkpoint;
  return CopySide{*std::move(note), checkpoint.origin, checkpoint.size, checkpoint.root};
}

// The first leaf among the first `size` of which the two trees have different hashes. REQUIRES: there is one. Compares the largest
// complete subtrees, then halves the first that differs: two hashes a level.
absl::StatusOr<uint64_t> FirstDifference(uint64_t size, SignedTiles& a, SignedTiles& b) {
  const auto same = [&](int level, uint64_t index) -> absl::StatusOr<bool> {
    ACCORD_ASSIGN_OR_RETURN(const ledger::Hash left, a.Node(level, index));
    ACCORD_ASSIGN_OR_RETURN(const ledger::Hash right, b.Node(level, index));
    return left == right;
  };
  uint64_t begin = 0;
  while (begin < size) {
    int level = std::bit_width(size - begin) - 1;
    uint64_t index = begin >> level;
    ACCORD_ASSIGN_OR_RETURN(const bool equal, same(level, index));
    if (equal) {
      begin += uint64_t{1} << level;
      continue;
    }
    while (level-- > 0) {
      index *= 2;
      ACCORD_ASSIGN_OR_RETURN(const bool left_equal, same(level, index));
      if (left_equal) ++index;
    }
    return index;
  }
  return Error(Reason::kInternal, "two different roots over the same hashes");
}

absl::StatusOr<DifferentEntry> EntryAt(FileReader& files, SignedTiles& tiles, uint64_t index) {
  DifferentEntry entry;
  ACCORD_ASSIGN_OR_RETURN(entry.leaf_hash, tiles.Node(0, index));
  const uint64_t bundle = index / ledger::kTileWidth;
  const auto width = static_cast<uint32_t>(std::min(ledger::kTileWidth, tiles.size() - bundle * ledger::kTileWidth));
  const auto bytes = files.Read(ledger::EntriesPath(bundle, width), kBundleBytesMax);
  std::vector<std::string_view> entries;
  if (!bytes.ok() || !ledger::ParseBundleInto(*bytes, width, entries)) return entry;
  const std::string_view leaf = entries[index % ledger::kTileWidth];
  if (ledger::LeafHash(leaf) != entry.leaf_hash) return entry;
  entry.leaf = leaf;
  if (ledger::LeafView view; ledger::ParseLeafInto(leaf, view).ok()) entry.time_ms = view.time_ms;
  return entry;
}

ledger::Checkpoint CheckpointOf(const CopySide& side) { return {side.origin, side.size, side.root}; }

// Fills in where the two part, as far as the copies can tell.
void DescribeFork(std::array<FileReader*, 2> files, CompareReport& report) {
  const uint64_t common = std::min(report.sides[0].size, report.sides[1].size);
  const absl::Status told = [&]() -> absl::Status {
    if (common == 0) return Error(Reason::kReceiptInvalid, "one of them signs a wrong root of the empty tree");
    std::vector<SignedTiles> tiles;
    for (size_t i = 0; i < 2; ++i) {
      ACCORD_ASSIGN_OR_RETURN(SignedTiles opened, SignedTiles::Open(*files[i], CheckpointOf(report.sides[i])));
      tiles.push_back(std::move(opened));
    }
    ACCORD_ASSIGN_OR_RETURN(const uint64_t index, FirstDifference(common, tiles[0], tiles[1]));
    for (size_t i = 0; i < 2; ++i) {
      ACCORD_ASSIGN_OR_RETURN(report.different[i], EntryAt(*files[i], tiles[i], index));
    }
    report.first_difference = index;
    return absl::OkStatus();
  }();
  if (!told.ok()) report.no_difference = WhyNot(told);
}

}  // namespace

CompareReport CompareLogs(FileReader& first, FileReader& second, const ledger::Vkey& log) {
  const std::array<FileReader*, 2> files = {&first, &second};
  CompareReport report;
  const auto undecided = [&report](size_t side, const absl::Status& why) {
    report.wrong_side = side;
    report.wrong = WhyNot(why);
    return report;
  };
  for (size_t i = 0; i < 2; ++i) {
    auto side = ReadSide(*files[i], log);
    if (!side.ok()) return undecided(i, side.status());
    report.sides[i] = *std::move(side);
  }
  report.longer = report.sides[1].size > report.sides[0].size ? 1 : 0;
  const CopySide& longer = report.sides[report.longer];
  const CopySide& shorter = report.sides[1 - report.longer];
  ledger::Path path;
  // Of equal sizes the two signatures tell all; and from the empty tree there is no path.
  if (shorter.size > 0 && shorter.size < longer.size) {
    auto tiles = SignedTiles::Open(*files[report.longer], CheckpointOf(longer));
    if (!tiles.ok()) return undecided(report.longer, tiles.status());
    auto proven = tiles->ProveConsistency(shorter.size);
    if (!proven.ok()) return undecided(report.longer, proven.status());
    path = *std::move(proven);
  }
  // The path leads to the longer tree's root, for it is made of hashes proven under that. What it says of the shorter one's is the verdict.
  if (ledger::VerifyConsistency(shorter.size, longer.size, shorter.root, longer.root, path).ok()) {
    report.history = shorter.size == longer.size ? History::kSame : History::kExtended;
    return report;
  }
  report.history = History::kForked;
  DescribeFork(files, report);
  return report;
}

}  // namespace accord::verify
