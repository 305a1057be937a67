// Where the verifier reads a log's files from: the one thing that keeps its checks apart from a disk.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

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

// What is below a folder whose every file is to be accounted for.
struct FolderListing {
  std::set<std::string> files;  // Plain ones, by path below the folder.
  struct Fault {
    std::string where, what;  // A path below the folder, or the folder itself; in plain English.
  };
  std::vector<Fault> faults;  // What is neither a plain file nor a folder, and why not all was looked at. At most kFolderFaultsMax.
};
inline constexpr size_t kFolderFaultsMax = 32;

// Follows no symbolic link: what one leads to is not in the folder, and can be another thing tomorrow. Ends at `files_max` files. Thread-safe.
FolderListing ListFolder(const std::string& directory, size_t files_max);

}  // namespace accord::verify
