// Files that must be there after a power cut. All functions are thread-safe.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace accord {

// The whole file. NOT_FOUND when absent; INVALID_ARGUMENT when over `bytes_max`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max = 64u << 20);

// Replaces `path` by `bytes`: temporary file, fdatasync, rename, directory fsync.
// OK: durable. Error: the old file stands, or is absent as before. `mode` as in chmod.
absl::Status WriteFileDurably(const std::string& path, std::string_view bytes, int mode = 0600);

// Copies a file to `to`, which must not be there, with mode 0600; holes are written out as zeros. OK: the bytes are
// durable, the name is once its directory is synced. Error: a part may be there. Blocks.
absl::Status CopyFileDurably(const std::string& from, const std::string& to);

// Makes `path` and its parents, mode 0700; no error if it is there.
absl::Status MakeDirectory(const std::string& path);

// fsyncs a directory, so that names made in it survive.
absl::Status SyncDirectory(const std::string& path);

// Free bytes for us on the file system of `path`.
absl::StatusOr<uint64_t> FreeBytes(const std::string& path);

// A file written in place. Thread-safe for ranges that do not overlap.
class PositionedFile {
 public:
  // An existing file, or with `create` also a new one whose name survives, mode 0600.
  // NOT_FOUND when absent.
  static absl::StatusOr<std::unique_ptr<PositionedFile>> Open(const std::string& path, bool create);
  ~PositionedFile();

  absl::StatusOr<uint64_t> Size() const;
  // Up to `count` bytes; fewer only at the end of the file.
  absl::StatusOr<std::string> Read(uint64_t offset, size_t count) const;
  absl::Status Write(uint64_t offset, std::string_view bytes);
  // Makes earlier writes durable. After an error nobody knows what the disk holds: open anew.
  absl::Status Sync();
  // Whether its path still leads to this file: false when it was removed or another was put in its place.
  bool IsAtItsPath() const;

 private:
  PositionedFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  const int fd_;
  const std::string path_;
};

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
