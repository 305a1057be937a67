#include "services/verify/ledger_verifier.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/ledger/checkpoint.h"
#include "services/verify/signed_tiles.h"
#include "services/verify/stretch.h"
#include "services/verify/tile_rows.h"

namespace accord::verify {
namespace {

using Text = std::pair<std::string, std::string>;

constexpr char kCheckpointFile[] = "checkpoint", kOlder[] = "the older checkpoint";

std::string Why(const absl::Status& status) { return std::string(FromAbsl(status.message())); }

// One pass over a log, or over a range of it.
class Pass {
 public:
  Pass(FileReader& files, const ledger::Vkey& log, Progress progress, int threads)
      : files_(files), log_(log), progress_(std::move(progress)), threads_(threads) {}

  LedgerReport Run(const RangeRequest& request, bool whole) {
    whole_ = whole;
    if (ReadCheckpoint() && SettleRange(request)) {
      ReadEntries();
      if (!broken_) FinishTree();
      report_.finished = !broken_ && !unproven_;
    }
    for (const Findings::Placed& placed : findings_.kept()) report_.findings.push_back(placed.finding);
    for (size_t i = 0; i < kChecks; ++i) report_.found[i] = findings_.found(static_cast<Check>(i));
    report_.chains = chains_.size();
    return std::move(report_);
  }

 private:
  struct ChainEnd {
    uint64_t sequence = 0, index = 0;
  };

  void Found(Check check, std::string where, std::string what) {
    findings_.Add({}, check, [&] { return Text(std::move(where), std::move(what)); });
  }

  bool ReadCheckpoint() {
    const auto note = files_.Read(kCheckpointFile, ledger::kNoteBytesMax);
    if (!note.ok()) return Found(Check::kCheckpoint, kCheckpointFile, "cannot be read: " + Why(note.status())), false;
    const auto verified = ledger::VerifyCheckpoint(*note, log_);
    if (!verified.ok()) return Found(Check::kCheckpoint, kCheckpointFile, Why(verified.status())), false;
    checkpoint_ = verified->checkpoint;
    report_.origin = checkpoint_.origin;
    report_.size = checkpoint_.size;
    report_.root = ToHex(ledger::View(checkpoint_.root));
    return true;
  }

  // Also holds the older checkpoint against this one. False: there is nothing to read.
  bool SettleRange(const RangeRequest& request) {
    std::optional<ledger::Checkpoint> older;
    if (request.older_checkpoint.has_value()) {
      const auto verified = ledger::VerifyCheckpoint(*request.older_checkpoint, log_);
      if (!verified.ok()) return Found(Check::kCheckpoint, kOlder, Why(verified.status())), false;
      older = verified->checkpoint;
      report_.older_size = older->size;
    }
    report_.from = request.from.value_or(older.has_value() ? std::min(older->size, checkpoint_.size) : 0);
    report_.to = request.to.value_or(std::max(report_.from, checkpoint_.size));
    if (report_.to > checkpoint_.size || report_.from > report_.to) {
      Found(Check::kCheckpoint, kCheckpointFile,
            fmt::format("signs {} entries, which are not all of {} to {}", checkpoint_.size, report_.from,
                        std::max(report_.to, report_.from + 1) - 1));
      return false;
    }
    if (older.has_value()) CheckConsistency(*older);
    return true;
  }

  void CheckConsistency(const ledger::Checkpoint& older) {
    const auto forked = [&](std::string_view why) {
      Found(Check::kConsistency, kOlder,
            fmt::format("signs {} entries with the root {}, and {}: the log's key signed two histories", older.size,
                        ToHex(ledger::View(older.root)), why));
    };
    if (older.size > checkpoint_.size) {
      // Not yet a fork: somebody may have put an older copy in place of this one.
      return Found(Check::kConsistency, kOlder,
                   fmt::format("signs {} entries, this one {}: it is the newer of the two, or the log was cut",
                               older.size, checkpoint_.size));
    }
    if (older.size == checkpoint_.size) {
      if (older.root != checkpoint_.root) forked("this one the same number with another");
      return;
    }
    // The path is made of hashes that are proven under this checkpoint's root: if it does not lead to the older root as well,
    // that is no damage to the copy.
    auto tiles = SignedTiles::Open(files_, checkpoint_);
    const auto path = tiles.ok() ? tiles->ProveConsistency(older.size) : tiles.status();
    if (!path.ok()) return Found(Check::kTiles, "the consistency of the two checkpoints", "cannot be told: " + Why(path.status()));
    const absl::Status consistent =
        ledger::VerifyConsistency(older.size, checkpoint_.size, older.root, checkpoint_.root, *path);
    if (!consistent.ok()) forked("the tree of this one has another there");
  }

  void ReadEntries() {
    const uint64_t from = report_.from, to = report_.to;
    if (from == to) return;
    const uint64_t first = from / kStretchEntries, count = (to - 1) / kStretchEntries - first + 1;
    std::vector<std::unique_ptr<StretchVerifier>> verifiers;
    for (int i = 0; i < threads_; ++i) {
      verifiers.push_back(std::make_unique<StretchVerifier>(files_, report_.origin, report_.size, [this, from, to](uint64_t entries) {
        const uint64_t done = done_.fetch_add(entries) + entries;
        if (progress_) progress_(done, to - from);
      }));
    }
    OrderedTasks<Stretch>::Run(
        threads_, count,
        [&](int thread, uint64_t i) {
          const uint64_t begin = (first + i) * kStretchEntries;
          return verifiers[static_cast<size_t>(thread)]->Verify(std::max(from, begin),
                                                                std::min(to - begin, kStretchEntries) + begin);
        },
        [this](Stretch stretch) { return JoinStretch(std::move(stretch)); });
  }

  // Called in the order of the log.
  bool JoinStretch(Stretch stretch) {
    report_.entries += stretch.entries;
    report_.bundles += stretch.bundles;
    report_.tiles += stretch.tiles;
    SettleTime(stretch);
    SettleChains(stretch);
    findings_.Append(std::move(stretch.findings));
    broken_ = !stretch.finished;
    if (broken_) return false;
    unproven_ = unproven_ || stretch.unproven;
    for (size_t level = 0; level < stretch.edges.size(); ++level) {
      if (!stretch.edges[level].empty()) edges_[level] = std::move(stretch.edges[level]);
    }
    if (stretch.top.has_value() && !unproven_) {
      Above().Push(stretch.begin / kStretchEntries, *stretch.top, stretch.end - 1);
      TakeAbove();
    }
    return true;
  }

  void SettleTime(Stretch& stretch) {
    if (!stretch.first_timed.has_value()) return;
    if (!timed_) report_.first_time_ms = stretch.first_time_ms;
    Findings settled;
    if (timed_ && stretch.first_time_ms < report_.last_time_ms) {
      settled.Add({*stretch.first_timed, kRankTime}, Check::kTime, [&] {
        return Text(fmt::format("entry {}", *stretch.first_timed),
                    fmt::format("is {} ms before the entry before it", report_.last_time_ms - stretch.first_time_ms));
      });
    }
    timed_ = true;
    report_.last_time_ms = stretch.last_time_ms;
    stretch.findings.Merge(std::move(settled));
  }

  void SettleChains(Stretch& stretch) {
    Findings settled;
    for (const ChainPiece& piece : stretch.chains) {
      const auto [at, is_new] = chains_.try_emplace(piece.pseudonym);
      const std::string_view pseudonym(piece.pseudonym.data(), piece.pseudonym.size());
      if (!is_new || whole_) {
        CheckLink(piece.first_index, piece.first_number, pseudonym, piece.first_sequence, piece.first_previous,
                  is_new ? ChainDue{0, ledger::kNoPreviousIndex} : ChainDue{at->second.sequence + 1, at->second.index}, settled);
      } else if (piece.first_sequence > 0 && piece.first_previous >= report_.from) {
        // It may have begun before the range; but an entry of it within the range would have been met.
        settled.Add({piece.first_index, kRankChain + piece.first_number}, Check::kChains, [&] {
          return Text(fmt::format("entry {}", piece.first_index),
                      fmt::format("names entry {} as the entry before it in chain {}, which that is not of",
                                  piece.first_previous, ToHex(pseudonym)));
        });
      }
      at->second = {piece.last_sequence, piece.last_index};
    }
    stretch.findings.Merge(std::move(settled));
  }

  TileRows& Above() {
    if (!above_.has_value()) above_.emplace(files_, report_.size, 2, ledger::kTileLevelMax);
    return *above_;
  }
  void TakeAbove() {
    findings_.Append(std::exchange(above_->findings, {}));
    unproven_ = unproven_ || above_->unproven;
  }

  void FinishTree() {
    if (!unproven_) {
      Above().Finish(report_.to - 1);
      TakeAbove();
      report_.tiles += above_->tiles;
      for (size_t level = 2; level < edges_.size(); ++level) edges_[level] = std::move(above_->edges[level]);
    }
    for (size_t level = 0; level < edges_.size() && !unproven_; ++level) ReadEdge(static_cast<int>(level));
    if (unproven_) return;
    const ledger::Hash root = ledger::RootOfEdge(edges_);
    if (root == checkpoint_.root) return;
    Found(Check::kRoot, kCheckpointFile,
          fmt::format("signs the root {}, the entries {}give {}", report_.root, whole_ ? "" : "and the tiles beside them ",
                      ToHex(ledger::View(root))));
  }

  // The partial tile of a level, as stored, where the range does not reach to the end of the log.
  void ReadEdge(int level) {
    const uint64_t hashes = report_.size >> (level * ledger::kTileHeight);
    const auto width = static_cast<uint32_t>(hashes % ledger::kTileWidth);
    auto& edge = edges_[static_cast<size_t>(level)];
    if (width == 0 || !edge.empty()) return;
    ++report_.tiles;
    auto row = ReadTile(files_, {level, hashes / ledger::kTileWidth, width});
    if (row.ok()) {
      edge = *std::move(row);
    } else {
      unproven_ = true;
      Found(Check::kTiles, ledger::TilePath({level, hashes / ledger::kTileWidth, width}), Why(row.status()));
    }
  }

  FileReader& files_;
  const ledger::Vkey& log_;
  const Progress progress_;
  const int threads_;
  bool whole_ = true;
  ledger::Checkpoint checkpoint_;
  std::atomic<uint64_t> done_ = 0;
  // Of what is joined; one thread at a time.
  LedgerReport report_;
  Findings findings_;
  bool broken_ = false, unproven_ = false, timed_ = false;
  absl::flat_hash_map<Pseudonym, ChainEnd> chains_;
  std::optional<TileRows> above_;  // Levels 2 and up.
  std::array<std::vector<ledger::Hash>, ledger::kTileLevelMax + 1> edges_;
};

}  // namespace

LedgerReport VerifyLedger(FileReader& files, const ledger::Vkey& log, Progress progress, int threads) {
  return Pass(files, log, std::move(progress), threads).Run({}, /*whole=*/true);
}

LedgerReport VerifyRange(FileReader& files, const ledger::Vkey& log, const RangeRequest& request, Progress progress,
                         int threads) {
  return Pass(files, log, std::move(progress), threads).Run(request, /*whole=*/false);
}

}  // namespace accord::verify
