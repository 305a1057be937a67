// Where the verifier reads a log's files from: the one thing that keeps its checks apart from a disk.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <utility>

namespace accord::verify {

class FileReader {
 public:
  virtual ~FileReader() = default;
  // The whole file at `path` below the log's directory. NOT_FOUND when absent; INVALID_ARGUMENT when over `bytes_max`.
  virtual absl::StatusOr<std::string> Read(const std::string& path, size_t bytes_max) = 0;
};

// A directory of files. Thread-safe.
class DirectoryReader final : public FileReader {
 public:
  explicit DirectoryReader(std::string directory) : directory_(std::move(directory)) {}
  absl::StatusOr<std::string> Read(const std::string& path, size_t bytes_max) override;

 private:
  const std::string directory_;
};

}  // namespace accord::verify
