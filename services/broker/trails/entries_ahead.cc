#include "services/broker/trails/entries_ahead.h"

#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {

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
  {
    absl::MutexLock lock(&mu_);
    if (ended_) return;
    taken_.indices = indices;
  }
  const auto looks = LooksAt(indices);
  InParallel(executor, looks.size(), kReadersAhead, [&](size_t i) { ReadSome(*view, looks[i]); });
}

void EntriesAhead::ReadSome(const ReadView& view, std::span<const uint64_t> indices) {
  {
    absl::MutexLock lock(&mu_);
    if (ended_) return;
  }
  auto entries = ReadEntries(view, indices);
  if (!entries.ok()) return;
  absl::MutexLock lock(&mu_);
  for (size_t i = 0; i < indices.size() && !ended_; ++i) {
    StoredEntry& entry = (*entries)[i];
    bytes_ += entry.leaf.size() + entry.openings.ByteSizeLong();
    taken_.entries.emplace(indices[i], std::move(entry));
    ended_ = bytes_ >= kTrailPageBytesMax;
  }
}

EntriesAhead::Taken EntriesAhead::Take(const ReadView& view) {
  absl::MutexLock lock(&mu_);
  ended_ = true;
  view_.reset();
  Taken taken = std::exchange(taken_, {});
  return view.epoch() == epoch_ && view.key_destructions() == key_destructions_ ? std::move(taken) : Taken();
}

}  // namespace accord::broker
