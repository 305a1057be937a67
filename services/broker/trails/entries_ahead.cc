#include "services/broker/trails/entries_ahead.h"

#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

constexpr size_t kReadersAhead = 2;  // Few: what the commit's end is handed to waits behind them.

}  // namespace

void EntriesAhead::Read(Executor& executor) {
  std::shared_ptr<const ReadView> view;
  {
    absl::MutexLock lock(&mu_);
    view = std::exchange(view_, nullptr);
  }
  if (view == nullptr) return;
  std::vector<uint64_t> indices;
  const storage::Range first{.lower = ChainEntryKey(chain_, 0), .upper = ChainEntryKey(chain_, static_cast<uint64_t>(entries_max_))};
  view->Scan(kFamilyChainEntry, first, [&](std::string_view, std::string_view value) {
        if (const auto index = U64FromKey(value); index.has_value()) indices.push_back(*index);
        return true;
      }).IgnoreError();
  InParallel(executor, indices.size(), kReadersAhead, [&](size_t i) { ReadOne(*view, indices[i]); });
}

void EntriesAhead::ReadOne(const ReadView& view, uint64_t index) {
  {
    absl::MutexLock lock(&mu_);
    if (ended_) return;
  }
  auto entry = ReadEntry(view, index);
  if (!entry.ok()) return;
  absl::MutexLock lock(&mu_);
  if (ended_) return;
  bytes_ += entry->leaf.size() + entry->openings.ByteSizeLong();
  entries_.emplace(index, *std::move(entry));
  ended_ = bytes_ >= kTrailPageBytesMax;
}

std::unordered_map<uint64_t, StoredEntry> EntriesAhead::Take(const ReadView& view) {
  absl::MutexLock lock(&mu_);
  ended_ = true;
  view_.reset();
  auto entries = std::exchange(entries_, {});
  if (view.epoch() != epoch_ || view.key_destructions() != key_destructions_) entries.clear();
  return entries;
}

}  // namespace accord::broker
