// A store whose disk can be full, for tests: over another that keeps what was written.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/storage/store.h"

namespace accord::agent {

// What the disk does, over openings of the store.
struct FakeDisk {
  bool full = false;            // Writes fail.
  bool keeps_failed = false;    // A write that is told to have failed is there all the same.
  uint64_t writes = 0;          // Carried out so far.
  uint64_t fails_after = ~0ull;  // Full from so many writes on.
};

// As RocksStore: after a failed write it refuses every other until it is opened anew. Thread-compatible.
class FullStore : public storage::Store {
 public:
  FullStore(storage::Store& store, FakeDisk& disk) : store_(store), disk_(disk) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key, const storage::Snapshot* at) const override {
    return store_.Get(family, key, at);
  }
  absl::Status Scan(std::string_view family, const storage::Range& range,
                    absl::FunctionRef<bool(std::string_view key, std::string_view value)> visit, const storage::Snapshot* at) const override {
    return store_.Scan(family, range, visit, at);
  }
  std::unique_ptr<storage::Snapshot> NewSnapshot() const override { return store_.NewSnapshot(); }
  absl::Status Write(const storage::Batch& batch, bool sync) override {
    if (failed_) return Refusal();
    if (!disk_.full && disk_.writes < disk_.fails_after) {
      ++disk_.writes;
      return store_.Write(batch, sync);
    }
    failed_ = true;
    if (disk_.keeps_failed) ACCORD_RETURN_IF_ERROR(store_.Write(batch, sync));
    return Refusal();
  }

 private:
  static absl::Status Refusal() { return Error(Reason::kStoreUnavailable, "no space left on the device"); }

  storage::Store& store_;
  FakeDisk& disk_;
  bool failed_ = false;
};

}  // namespace accord::agent
