// The files of a store that nobody has open: copied before anything is tried that might change them.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rocksdb {
class FileLock;
}

namespace accord::storage {

// True when a store was made at `path`, whatever its state.
bool IsStore(const std::string& path);

// Holds RocksDB's own lock on the directory while it lives: no process, this one included, opens the store meanwhile.
// Thread-compatible.
class ClosedStore {
 public:
  // UNAVAILABLE (kStoreUnavailable): no store is there, or a process has it open.
  static absl::StatusOr<std::unique_ptr<ClosedStore>> Take(const std::string& path);
  ~ClosedStore();

  // Copies the store to `to`, whose parent is there and which is not. Tables and blobs, which RocksDB never writes again,
  // are hard links where the file system lets them; logs and manifests are files of their own, so that a copy may be
  // opened and changed. OK: durable. Error: part of a copy may be there. RocksDB's log for people is left behind.
  absl::Status CopyTo(const std::string& to) const;

  // The newest write-ahead log that is not empty: where damage by a power cut can be. Nothing when there is none.
  std::optional<std::string> NewestLog() const;

 private:
  ClosedStore(std::string path, rocksdb::FileLock* lock) : path_(std::move(path)), lock_(lock) {}
  const std::string path_;
  rocksdb::FileLock* const lock_;
};

}  // namespace accord::storage
