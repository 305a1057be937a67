// RocksDB's diagnostic log, kept so that a full disk cannot end the process.
//
// RocksDB's own writer of it asserts, in Debian's build, that no write follows one that failed. What fails first on a
// full disk is a write to the store, RocksDB says so in its log, that fails too, and the next word aborts the program: it
// could tell nobody that it refuses writes. This one drops what it cannot write.
#pragma once

#include <rocksdb/env.h>

#include <absl/synchronization/mutex.h>

#include <memory>
#include <string>

namespace accord::storage {

inline constexpr uint64_t kInfoLogBytesMax = 16u << 20;  // Of LOG, and of LOG.old, where the one before is kept.

// Thread-safe.
class InfoLog : public rocksdb::Logger {
 public:
  // Begins a new LOG in `directory`, which is there.
  static std::shared_ptr<rocksdb::Logger> Open(const std::string& directory);
  ~InfoLog() override;

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override;
  // Some two hundred lines for each family at each opening, which say what the OPTIONS file beside it says: left out.
  void LogHeader(const char* /*format*/, va_list /*arguments*/) override {}
  size_t GetLogFileSize() const override;

 private:
  explicit InfoLog(const std::string& directory) : path_(directory + "/LOG") {}
  void RollLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string path_;
  mutable absl::Mutex mu_;
  int fd_ ABSL_GUARDED_BY(mu_) = -1;  // -1 when LOG cannot be made: nothing is kept.
  uint64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace accord::storage
