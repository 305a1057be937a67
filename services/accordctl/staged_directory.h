// A directory that gets its name when all of it is written: before, it stands beside it as NAME.incoming.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace accord::accordctl {

// One kind of directory that is written so.
struct DirectoryKind {
  std::string_view what;  // "a bundle".
  // True for a path, relative and with `/`, that one of this kind has: of a plain file, or of a directory in it.
  bool (*has)(const std::string& path, bool is_directory);
};

// A usage error, and nothing is changed: for before a question is asked that is itself recorded. Reads the file system.
//   `directory` is empty, or is there already, unless it is an empty directory; a link is none, for no directory takes its place
//   NAME.incoming has anything in it, at any depth, that is not of this kind, such as a link
absl::Status CheckNewDirectory(const std::string& directory, const DirectoryKind& kind);

// Single-thread. Destroyed before Finish it leaves nothing behind.
class StagedDirectory {
 public:
  // Made anew, for its owner alone; what a run that was interrupted left is removed. Errors of CheckNewDirectory.
  static absl::StatusOr<StagedDirectory> Begin(const std::string& directory, const DirectoryKind& kind);
  StagedDirectory(StagedDirectory&& other) noexcept;
  ~StagedDirectory();

  // Writes a file, with the directories it lies in, without fsync: a file that a power cut spoilt is to be found otherwise, as by accord-verify.
  absl::Status Put(const std::string& path, std::string_view bytes,
                   std::filesystem::perms perms = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write) const;
  // Of a file in it, as it is now.
  std::string PathOf(const std::string& path) const { return (path_ / path).string(); }
  // Gives it its name, which is durable on OK. A usage error when the name has come to be another's; then nothing is left of it.
  absl::Status Finish();

 private:
  StagedDirectory(std::filesystem::path target, std::filesystem::path path);

  std::filesystem::path target_, path_;  // `path_` empty once moved from or finished.
};

}  // namespace accord::accordctl
