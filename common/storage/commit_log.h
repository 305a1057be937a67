// The one way the broker's state changes: whole batches, in sequence, under a term.
//
// The local RocksDB is the first implementation; one over a replicated engine has the
// same three outcomes and carries the same records (design.md §5, Commit).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "common/storage/batch.h"

namespace rocksdb {
class TransactionLogIterator;
}

namespace accord::storage {

class RocksStore;

inline constexpr std::string_view kMetaFamily = "meta";
inline constexpr std::string_view kCommitKey = "commit";

// SHA-256 in production; handed in because storage may not use common/crypto.
using DigestFunction = std::function<std::string(std::string_view)>;

// The last committed batch: the value of key `commit` of family `meta`.
struct Commit {
  uint64_t term = 0;
  uint64_t sequence = 0;
  uint64_t time_ms = 0;
  std::string digest;  // 32 bytes; all zero before the first commit.
  bool operator==(const Commit&) const = default;
};
std::string EncodeCommit(const Commit& commit);
absl::StatusOr<Commit> DecodeCommit(std::string_view bytes);  // Strict; DATA_LOSS.

// Durable: survives power loss, and every reader sees it.
struct Committed {
  uint64_t sequence = 0;
  std::string digest;
};
// Nothing was written: another writer has moved on, or a later term rules.
struct Fenced {
  uint64_t term = 0;  // Where the log really stands.
  uint64_t sequence = 0;
};
// The batch may or may not be there, or may appear at the next opening.
struct Unknown {
  absl::Status cause;  // UNAVAILABLE (kStoreUnavailable): fit to be answered to callers.
};
using AppendOutcome = std::variant<Committed, Fenced, Unknown>;

// Single-thread: owned by the sequencer.
class CommitLog {
 public:
  virtual ~CommitLog() = default;

  // Where the log stands.
  virtual const Commit& head() const = 0;

  // Commits `batch` as number `expected_sequence` + 1, where `expected_sequence` is the
  // last the caller knows of. Blocks on fsync. After Unknown this object answers
  // Unknown to everything until the log is opened anew.
  // REQUIRES: the record is at most kRecordBytesMax.
  virtual AppendOutcome Append(uint64_t term, uint64_t expected_sequence, uint64_t time_ms,
                               const Batch& batch) = 0;

  // The canonical record of the last committed batch, rebuilt from what the disk holds
  // and not from memory, so that the caller can hash it again before it signs.
  // Called after every Committed; each call moves one batch on.
  // REQUIRES: `sequence` is that of the last Committed of this object.
  //   DATA_LOSS    what is there is not that batch
  //   UNAVAILABLE  it cannot be read now; nothing may be signed, open anew
  virtual absl::StatusOr<std::string> ReadBack(uint64_t sequence) = 0;
};

// One fsynced RocksDB write for each batch, with key `commit` in it.
class RocksCommitLog : public CommitLog {
 public:
  // Reads one key. `store` must have been opened with kMetaFamily, must outlive the
  // result, and nobody else may write to it, or purge kMetaFamily: the last batch stays
  // in the WAL because that family's part of it is not flushed yet. DATA_LOSS when the
  // key does not decode.
  static absl::StatusOr<std::unique_ptr<RocksCommitLog>> Open(RocksStore& store, DigestFunction digest);
  ~RocksCommitLog() override;

  const Commit& head() const override { return head_; }
  AppendOutcome Append(uint64_t term, uint64_t expected_sequence, uint64_t time_ms,
                       const Batch& batch) override;
  absl::StatusOr<std::string> ReadBack(uint64_t sequence) override;

 private:
  RocksCommitLog(RocksStore& store, DigestFunction digest, Commit head);

  // Brings wal_ to the batch after the one it stands on.
  absl::Status SeekWal();

  RocksStore& store_;
  const DigestFunction digest_;
  std::map<uint32_t, std::string> names_;  // Of families, by RocksDB's number.
  Commit head_;
  uint64_t wal_sequence_ = 0;  // RocksDB's own number of the last batch's first operation.
  // Stays open from commit to commit: finding a place in the WAL reads it from its start.
  std::unique_ptr<rocksdb::TransactionLogIterator> wal_;
};

}  // namespace accord::storage
