#include "services/accordctl/staged_directory.h"

#include <fmt/format.h>

#include <fstream>
#include <system_error>
#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {
namespace {

namespace fs = std::filesystem;

// Without the slash that it may end with.
fs::path TargetOf(const std::string& directory) {
  const fs::path path = fs::path(directory).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

fs::path StagingOf(const fs::path& target) { return target.string() + ".incoming"; }

// What stands there, a link as such.
fs::file_type TypeOf(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type();
}

// True when all that is in it is what a run that was interrupted leaves.
bool HoldsOnly(const fs::path& directory, const DirectoryKind& kind) {
  if (TypeOf(directory) != fs::file_type::directory) return false;
  std::error_code error;
  fs::recursive_directory_iterator at(directory, error);  // Enters no link.
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const auto type = at->symlink_status(error).type();
    const bool is_directory = type == fs::file_type::directory;
    if (error || (!is_directory && type != fs::file_type::regular) || !kind.has(at->path().lexically_relative(directory).generic_string(), is_directory)) return false;
  }
  return !error;
}

}  // namespace

absl::Status CheckNewDirectory(const std::string& directory, const DirectoryKind& kind) {
  std::error_code error;
  const fs::path target = TargetOf(directory), staging = StagingOf(target);
  if (target.empty()) return UsageError("a directory is needed");
  const fs::file_type type = TypeOf(target);
  if (type != fs::file_type::not_found && !(type == fs::file_type::directory && fs::is_empty(target, error))) {
    return UsageError(fmt::format("{} is there already: {} is written whole, into a new directory", directory, kind.what));
  }
  if (TypeOf(staging) == fs::file_type::not_found || HoldsOnly(staging, kind)) return absl::OkStatus();
  return UsageError(fmt::format("{} is there already and is not what a run that was interrupted leaves: move it away", staging.string()));
}

absl::StatusOr<StagedDirectory> StagedDirectory::Begin(const std::string& directory, const DirectoryKind& kind) {
  ACCORD_RETURN_IF_ERROR(CheckNewDirectory(directory, kind));
  fs::path target = TargetOf(directory), staging = StagingOf(target);
  std::error_code error;
  fs::remove_all(staging, error);
  ACCORD_RETURN_IF_ERROR(MakeDirectory(staging.string()));
  return StagedDirectory(std::move(target), std::move(staging));
}

StagedDirectory::StagedDirectory(fs::path target, fs::path path) : target_(std::move(target)), path_(std::move(path)) {}

StagedDirectory::StagedDirectory(StagedDirectory&& other) noexcept
    : target_(std::move(other.target_)), path_(std::exchange(other.path_, {})) {}

StagedDirectory::~StagedDirectory() {
  std::error_code error;
  if (!path_.empty()) fs::remove_all(path_, error);
}

absl::Status StagedDirectory::Put(const std::string& path, std::string_view bytes, fs::perms perms) const {
  const fs::path whole = path_ / path;
  ACCORD_RETURN_IF_ERROR(MakeDirectory(whole.parent_path().string()));
  std::ofstream stream(whole, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  std::error_code error;
  if (stream) fs::permissions(whole, perms, error);
  if (!stream || error) return absl::InternalError(fmt::format("{}: cannot be written", whole.string()));
  return absl::OkStatus();
}

absl::Status StagedDirectory::Finish() {
  std::error_code error;
  fs::rename(path_, target_, error);  // Over an empty directory, and over nothing else.
  if (error) return UsageError(fmt::format("{}: {}", target_.string(), error.message()));
  path_.clear();
  return SyncDirectory(target_.has_parent_path() ? target_.parent_path().string() : ".");
}

}  // namespace accord::accordctl
