// The Store over RocksDB, set up so that it refuses rather than forgets.
#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/storage/store.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Env;
class WriteBatch;
}  // namespace rocksdb

namespace accord::storage {

struct FamilySpec {
  std::string name;
  bool sealed = false;  // Large ciphertexts: kept in blob files, uncompressed.
  // Hardly ever asked for a key that is absent: its last level, which holds nearly all of it, has no filters, and a read passes none.
  bool always_there = false;
};

struct RocksStoreOptions {
  // What a damaged tail of the write-ahead log means. An ordinary power cut leaves a
  // torn last record, which every mode drops. Anything else refuses to open, but for
  // kPointInTime, which drops all that follows the damage: only for a *copy* whose
  // length is then judged against the guard (runbooks/ledger.md).
  enum class Recovery { kRefuseDamage, kPointInTime };

  bool create = false;  // Otherwise an absent store is an error, never a fresh one.
  Recovery recovery = Recovery::kRefuseDamage;
  rocksdb::Env* env = nullptr;  // Tests only: a faulty file system. Must outlive the store.
};

// Opens in constant time whatever the size. Holds RocksDB's own lock on the directory:
// one process, one object. Thread-safety as in Store.
class RocksStore : public Store {
 public:
  // `families` are those of `path`, all of them; new ones are added.
  //   DATA_LOSS (kStoreCorrupt)           bytes fail a check, or a log file is missing
  //   UNAVAILABLE (kStoreUnavailable)     absent, locked, disk error, or a family that
  //                                       only a newer version knows
  static absl::StatusOr<std::unique_ptr<RocksStore>> Open(const std::string& path,
                                                          const std::vector<FamilySpec>& families,
                                                          const RocksStoreOptions& options = {});
  ~RocksStore() override;

  absl::StatusOr<std::optional<std::string>> Get(std::string_view family, std::string_view key,
                                                 const Snapshot* at = nullptr) const override;
  absl::StatusOr<std::vector<std::optional<std::string>>> GetMany(std::string_view family, std::span<const std::string> keys) const override;
  absl::Status Scan(std::string_view family, const Range& range,
                    absl::FunctionRef<bool(std::string_view key, std::string_view value)> visit,
                    const Snapshot* at = nullptr) const override;
  std::unique_ptr<Snapshot> NewSnapshot() const override;
  absl::Status Write(const Batch& batch, bool sync) override;

  // A consistent copy in `path`, which must not exist, made of hard links where it can.
  absl::Status CopyTo(const std::string& path);

  // Rewrites `family` so that deleted and overwritten bytes are in no live file: the
  // physical half of an erasure. Slow, not from the writer's thread while it commits.
  // Once `cancelled`, it ends early with an error.
  absl::Status Purge(std::string_view family, std::atomic<bool>* cancelled = nullptr);

  // Writes what `family` holds in memory to its files, so that the log files of before are not
  // needed for it. Blocks. For kMetaFamily on the writer's thread alone, between two commits.
  absl::Status Flush(std::string_view family);

  // Writes out every family, so that the next opening has no log to replay, which may be 64 MiB; unless less than `bytes_min` of it is in memory, which is
  // replayed sooner than files are made of it, one for each family, that are compacted later. After the writer's last commit. Blocks.
  absl::Status FlushAll(uint64_t bytes_min = 0);

  // Once everything was purged and every family flushed: unlinks the files that are no longer needed, log files and
  // manifests among them. OK: no other file is there. UNAVAILABLE: somebody still reads one; call again. Not on the
  // writer's thread.
  absl::Status DropUnneededFiles();

  // Reads every block of every file and compares checksums. Slow. DATA_LOSS.
  absl::Status VerifyChecksums() const;

  // Syncs and closes; the error that an orderly stop should report. Idempotent. No
  // other call may be running, and none may follow.
  absl::Status Close();

 private:
  friend class RocksCommitLog;
  explicit RocksStore(std::string path);

  rocksdb::ColumnFamilyHandle* Handle(std::string_view family) const;
  // The one place that writes; refuses after the first failure.
  absl::Status Commit(rocksdb::WriteBatch& writes, bool sync);
  void AddTo(rocksdb::WriteBatch& writes, const Batch& batch) const;
  absl::Status Refusal() const;

  const std::string path_;
  std::map<std::string, rocksdb::ColumnFamilyHandle*, std::less<>> handles_;
  std::unique_ptr<rocksdb::DB> db_;
  std::atomic<bool> failed_ = false;
};

}  // namespace accord::storage
