#include "services/broker/scrub/scrubber.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/tile.h"
#include "common/telemetry/log.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/chains.h"

namespace accord::broker {
namespace {

using ledger::kTileHeight;
using ledger::kTileWidth;

constexpr uint8_t kLevels = 7;  // Of a tree of 2^56 entries.

// The entry about one damaged tile, unless there is one.
class ScrubFailedCommand : public Command {
 public:
  ScrubFailedCommand(TileKey tile, uint64_t first, uint64_t end) : key_(ScrubKey(EncodeTileKey(tile))), first_(first), end_(end) {}

  absl::Status Apply(CommitContext& context) override {
    ACCORD_ASSIGN_OR_RETURN(const auto before, context.Get(kFamilyMeta, key_));
    if (before.has_value()) return absl::OkStatus();
    EntryDraft draft;
    ACCORD_ASSIGN_OR_RETURN(std::string chain, AdministrationChain(context));
    draft.chains.push_back(std::move(chain));
    draft.event.set_type(type::v1::EVENT_TYPE_SCRUB_FAILED);
    draft.event.set_first_index(first_);
    draft.event.set_end_index(end_);
    draft.actor.emplace().set_principal("broker");
    ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(draft));
    context.Put(kFamilyMeta, key_, KeyU64(index));
    return absl::OkStatus();
  }
  // The next round tries again.
  void Done(const absl::StatusOr<Committed>& outcome) override {
    if (!outcome.ok()) telemetry::Log(telemetry::Level::kError, "scrub.not_recorded", {{"status", outcome.status()}});
  }

 private:
  const std::string key_;
  const uint64_t first_, end_;
};

}  // namespace

Scrubber::Scrubber(Sequencer& sequencer, const Clock& clock, telemetry::Metrics& metrics)
    : sequencer_(sequencer), clock_(clock),
      failures_total_(metrics.Counters("accord_scrub_failures_total", "Tiles that are not what was signed; not 0 is an alarm.").With()),
      rounds_total_(metrics.Counters("accord_scrub_rounds_total", "Rounds of scrubbing that ended.").With()),
      next_index_(metrics.Gauges("accord_scrub_next_index", "The next entry to be scrubbed.").With()),
      size_(metrics.Gauges("accord_scrub_size", "Entries that the present round of scrubbing covers.").With()),
      last_round_(metrics.Gauges("accord_scrub_last_round_seconds", "When the last round ended, in seconds since 1970.").With()),
      next_round_at_(clock.Now() + kScrubFirstAfter) {}

ScrubProgress Scrubber::progress() const {
  absl::MutexLock lock(&mu_);
  return progress_;
}

void Scrubber::Step() {
  if (!in_round_ && clock_.Now() < next_round_at_) return;
  const auto view = sequencer_.View();
  if (!view.ok()) return;
  const LedgerReader ledger = (*view)->ledger();
  if (!in_round_) {
    in_round_ = true;
    next_tile_ = 0, recorded_ = 0, tries_ = 0;
    tiles_ = ledger.size() / kTileWidth;
    size_.Set(static_cast<double>(ledger.size()));
    absl::MutexLock lock(&mu_);
    progress_.size = ledger.size();
  }
  for (const uint64_t end = std::min(tiles_, next_tile_ + kScrubTilesPerStep); next_tile_ < end; ++next_tile_) {
    // The tile, and each one above that it completes.
    uint64_t tile = next_tile_;
    for (uint8_t level = 0;; ++level, tile /= kTileWidth) {
      if (!Judge({level, tile}, ledger.size(), ledger.CheckTile(level, tile))) return;
      if (tile % kTileWidth != kTileWidth - 1) break;
    }
    absl::MutexLock lock(&mu_);
    progress_.next_index = (next_tile_ + 1) * kTileWidth;
    next_index_.Set(static_cast<double>(progress_.next_index));
  }
  if (next_tile_ < tiles_) return;
  for (uint8_t level = 0; level < kLevels && ledger.size() >> level * kTileHeight > 0; ++level) {
    const uint64_t unfinished = ledger.size() >> (level + 1) * kTileHeight;
    if (!Judge({level, unfinished}, ledger.size(), ledger.CheckEdge(level))) return;
  }
  EndRound();
}

bool Scrubber::Judge(Place place, uint64_t tree_size, const absl::Status& status) {
  if (!status.ok() && !absl::IsDataLoss(status) && ++tries_ < kScrubTriesMax) return false;
  tries_ = 0;
  if (!status.ok()) Fail(place, tree_size, status);
  return true;
}

void Scrubber::Fail(Place place, uint64_t tree_size, const absl::Status& status) {
  const auto [level, tile] = place;
  const int height = (level + 1) * kTileHeight;  // 2^height leaves below a tile.
  const uint64_t first = tile << height;
  const uint64_t end = std::min((tile + 1) << height, tree_size);
  telemetry::Log(telemetry::Level::kError, "scrub.failed",
                 {{"status", status}, {"level", static_cast<int>(level)}, {"tile", tile}, {"first", first}, {"end", end}});
  if (damaged_.size() < kScrubRecordedMax && damaged_.insert(place).second) {
    failures_total_.Add();
    absl::MutexLock lock(&mu_);
    if (progress_.failures++ == 0) progress_.first_failure = first;
  }
  if (++recorded_ > kScrubRecordedMax) return;
  sequencer_.Submit(std::make_unique<ScrubFailedCommand>(TileKey{level, tile}, first, end));
}

void Scrubber::EndRound() {
  in_round_ = false;
  const absl::Time now = clock_.Now();
  next_round_at_ = now + kScrubRoundEvery;
  rounds_total_.Add();
  last_round_.Set(static_cast<double>(absl::ToUnixSeconds(now)));
  ScrubProgress ended;
  {
    absl::MutexLock lock(&mu_);
    ++progress_.rounds;
    progress_.next_index = progress_.size;
    progress_.last_round_at_ms = absl::ToUnixMillis(now);
    ended = progress_;
  }
  next_index_.Set(static_cast<double>(ended.size));
  telemetry::Log(telemetry::Level::kInfo, "scrub.round_ended", {{"size", ended.size}, {"failures", ended.failures}});
}

}  // namespace accord::broker
