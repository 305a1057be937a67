// The entries of a trail's first page, read while the query's own entry waits for the disk.
#pragma once

#include <absl/synchronization/mutex.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/executor.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {

inline constexpr int kReadersAhead = 2;     // Threads that read ahead.
inline constexpr size_t kEntriesALook = 16;  // Read of the store at once, on one thread.
inline constexpr size_t kTrailPageBytesMax = 3u << 19;  // 1.5 MiB of leaves and openings; the answer has most twice.

// `indices`, in pieces that are read at once.
inline std::vector<std::span<const uint64_t>> LooksAt(std::span<const uint64_t> indices) {
  std::vector<std::span<const uint64_t>> looks;
  for (; !indices.empty(); indices = indices.subspan(looks.back().size())) looks.push_back(indices.first(std::min(indices.size(), kEntriesALook)));
  return looks;
}

// What is read is told to nobody, nor judged, before the query is on the record: it is taken afterwards, by whoever makes the answer, and only if
// nothing was erased since. An entry stays as it is but for that. Thread-safe.
class EntriesAhead {
 public:
  // Of the first `entries_max` entries of `chain`; none are read yet.
  EntriesAhead(std::shared_ptr<const ReadView> view, std::string chain, int entries_max)
      : epoch_(view->epoch()), key_destructions_(view->key_destructions()), chain_(std::move(chain)), entries_max_(entries_max), view_(std::move(view)) {}

  // Reads them, on this thread and on those of `executor` that are free; returns when all are read, they are a page's bytes, or they were taken. What
  // cannot be read is left for the answer to meet. At most once. Lets the view go.
  void Read(Executor& executor);

  struct Taken {
    std::vector<uint64_t> indices;  // Of the chain's first entries, by sequence from 0 on.
    std::unordered_map<uint64_t, StoredEntry> entries;  // Some of them, by index.
  };
  // Ends the reading; what was read, or nothing if a key was destroyed since or the store opened anew.
  Taken Take(const ReadView& view);

 private:
  // Nothing once the reading has ended.
  void ReadSome(const ReadView& view, std::span<const uint64_t> indices);

  const uint64_t epoch_, key_destructions_;
  const std::string chain_;
  const int entries_max_;

  absl::Mutex mu_;
  std::shared_ptr<const ReadView> view_ ABSL_GUARDED_BY(mu_);  // Until Read or Take.
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  Taken taken_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::broker
