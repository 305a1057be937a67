// Files that must be there after a power cut. All functions are thread-safe.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>

namespace accord {

// The whole file. NOT_FOUND when absent; INVALID_ARGUMENT when over `bytes_max`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max = 64u << 20);

// Replaces `path` by `bytes`: temporary file, fdatasync, rename, directory fsync.
// OK: durable. Error: the old file stands, or is absent as before. `mode` as in chmod.
absl::Status WriteFileDurably(const std::string& path, std::string_view bytes, int mode = 0600);

// Makes `path` and its parents, mode 0700; no error if it is there.
absl::Status MakeDirectory(const std::string& path);

// fsyncs a directory, so that names made in it survive.
absl::Status SyncDirectory(const std::string& path);

// Free bytes for us on the file system of `path`.
absl::StatusOr<uint64_t> FreeBytes(const std::string& path);

// An exclusive lock on a file, made if absent, held until destroyed or the process ends.
class FileLock {
 public:
  // FAILED_PRECONDITION when another process holds it.
  static absl::StatusOr<std::unique_ptr<FileLock>> Take(const std::string& path);
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace accord
