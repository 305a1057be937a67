// A store in memory that loses power, fails, and forgets what was not synced, when the simulation says so.
//
//   MemoryDisk   what survives: rows, and which of the last writes no sync has covered yet
//   MemoryStore, MemoryCommitLog   one opening of it; refuse for good after a failed write or a power cut
#pragma once

#include <absl/container/btree_map.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/storage/commit_log.h"
#include "common/storage/store.h"

namespace accord::simulation {

// What happens to the next write.
enum class WriteFault {
  kNone,
  kRefused,        // It is known that nothing was written.
  kUnknownAbsent,  // Nobody knows; it was not.
  kUnknownThere,   // Nobody knows; it was.
  kUnreadable,     // It was, and cannot be read back. Of a commit log alone; else as kUnknownThere.
};

// Single-thread.
class MemoryDisk {
 public:
  using Rows = std::map<std::string, absl::btree_map<std::string, std::string, std::less<>>, std::less<>>;  // By family.

  MemoryDisk() = default;
  explicit MemoryDisk(Rows rows) : rows_(std::move(rows)) {}

  const Rows& rows() const { return rows_; }
  // Moves at every power cut: an opening of before refuses from then on.
  uint64_t opening() const { return opening_; }

  // Power is gone: of the writes that were not synced a tail is lost, as `chance` has it.
  void Cut(Random& chance);
  // The next write that is synced fares so.
  void FailNext(WriteFault fault) { fault_ = fault; }
  WriteFault TakeFault() { return std::exchange(fault_, WriteFault::kNone); }

  void Apply(const storage::Batch& batch, bool sync);
  // Loses a row behind everybody's back; for a simulation of a bug. False when there is none.
  bool Lose(std::string_view family, std::string_view key);

 private:
  struct Before {
    std::string family, key;
    std::optional<std::string> value;
  };

  Rows rows_;
  std::vector<std::vector<Before>> unsynced_;  // A write each, in order.
  uint64_t opening_ = 0;
  WriteFault fault_ = WriteFault::kNone;
};

// Thread-compatible. `disk` must outlive it.
class MemoryStore : public storage::Store {
 public:
  explicit MemoryStore(MemoryDisk& disk) : disk_(disk), opening_(disk.opening()) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key,
                                                 const storage::Snapshot* at = nullptr) const override;
  absl::Status Scan(std::string_view family, const storage::Range& range,
                    absl::FunctionRef<bool(std::string_view key, std::string_view value)> visit,
                    const storage::Snapshot* at = nullptr) const override;
  // Nobody whom the simulation runs takes one.
  std::unique_ptr<storage::Snapshot> NewSnapshot() const override { return nullptr; }
  absl::Status Write(const storage::Batch& batch, bool sync) override;

  // OK, or why this opening is over.
  absl::Status Alive() const;
  // Writes as the disk's next fault says; `fault` is set to what happened.
  absl::Status WriteFaulty(const storage::Batch& batch, bool sync, WriteFault& fault);

 private:
  MemoryDisk& disk_;
  const uint64_t opening_;
  bool failed_ = false;
};

// Thread-compatible. `store` must outlive it.
class MemoryCommitLog : public storage::CommitLog {
 public:
  static absl::StatusOr<std::unique_ptr<MemoryCommitLog>> Open(MemoryStore& store);

  const storage::Commit& head() const override { return head_; }
  storage::AppendOutcome Append(uint64_t term, uint64_t expected_sequence, uint64_t time_ms, const storage::Batch& batch) override;
  // What the rows of the disk say, each read again.
  absl::StatusOr<std::string> ReadBack(uint64_t sequence) override;

 private:
  MemoryCommitLog(MemoryStore& store, storage::Commit head) : store_(store), head_(std::move(head)) {}

  MemoryStore& store_;
  storage::Commit head_;
  storage::Batch last_;
  bool unreadable_ = false;
};

}  // namespace accord::simulation
