// Where the verifier reads a log's files from: the one thing that keeps its checks apart from a disk.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <utility>

namespace accord::verify {

// Thread-safe: several threads read at a time.
class FileReader {
 public:
  virtual ~FileReader() = default;
  // Replaces `bytes` by the whole file at `path` below the log's directory; the memory of `bytes` is used again. NOT_FOUND when
  // absent; INVALID_ARGUMENT when over `bytes_max`. On an error `bytes` holds anything.
  virtual absl::Status ReadInto(const std::string& path, size_t bytes_max, std::string& bytes) = 0;

  // The file will be read soon: fetching it may begin. Never an error.
  virtual void Expect(const std::string& path) { static_cast<void>(path); }

  absl::StatusOr<std::string> Read(const std::string& path, size_t bytes_max) {
    std::string bytes;
    if (absl::Status status = ReadInto(path, bytes_max, bytes); !status.ok()) return status;
    return bytes;
  }
};

// A directory of files. Reads plain files only: a copy comes from strangers, and a pipe in it would wait for ever. Thread-safe.
class DirectoryReader final : public FileReader {
 public:
  explicit DirectoryReader(std::string directory) : directory_(std::move(directory)) {}
  absl::Status ReadInto(const std::string& path, size_t bytes_max, std::string& bytes) override;
  void Expect(const std::string& path) override;

 private:
  const std::string directory_;
};

}  // namespace accord::verify
