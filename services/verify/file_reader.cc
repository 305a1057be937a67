#include "services/verify/file_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "common/base/descriptor.h"

namespace accord::verify {
namespace {

absl::Status Failed(const std::string& path) {
  const int error = errno;
  return absl::Status(error == ENOENT ? absl::StatusCode::kNotFound : absl::StatusCode::kInternal,
                      fmt::format("{}: {}", path, std::strerror(error)));
}

}  // namespace

// Three calls a file: open, one read into memory that was there before, one that finds the end.
absl::Status DirectoryReader::ReadInto(const std::string& path, size_t bytes_max, std::string& bytes) {
  const std::string full = directory_ + "/" + path;
  const Descriptor file(open(full.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return Failed(full);
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return Failed(full);
  if (!S_ISREG(facts.st_mode)) return absl::InvalidArgumentError(fmt::format("{} is not a plain file", full));
  const auto size = static_cast<uint64_t>(facts.st_size);
  if (size > bytes_max) return absl::InvalidArgumentError(fmt::format("{} is larger than {} bytes", full, bytes_max));
  bytes.resize(size);
  size_t done = 0;
  for (;;) {
    char after = 0;  // A file that grew since has more.
    const bool at_end = done == bytes.size();
    const ssize_t got = at_end ? read(file.get(), &after, 1) : read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0) {
      if (errno == EINTR) continue;
      return Failed(full);
    }
    if (got > 0 && !at_end) {
      done += static_cast<size_t>(got);
      continue;
    }
    if (got == 0 && at_end) return absl::OkStatus();
    return absl::InternalError(fmt::format("{} changed while it was read", full));
  }
}

// From a disk, not from memory, it is the wait for one small file after the other that a verification takes its time for.
void DirectoryReader::Expect(const std::string& path) {
  const Descriptor file(open((directory_ + "/" + path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() >= 0) posix_fadvise(file.get(), 0, 0, POSIX_FADV_WILLNEED);
}

FolderListing ListFolder(const std::string& directory, size_t files_max) {
  namespace fs = std::filesystem;
  FolderListing listing;
  const auto fault = [&](std::string where, std::string what) {
    if (listing.faults.size() < kFolderFaultsMax) listing.faults.push_back({std::move(where), std::move(what)});
  };
  std::error_code error;
  auto at = fs::recursive_directory_iterator(directory, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const std::string name = at->path().lexically_relative(directory).generic_string();
    const fs::file_type type = at->symlink_status(error).type();
    if (error) break;
    if (type == fs::file_type::symlink) {
      fault(name, "is a symbolic link: what it leads to is not here");
    } else if (type == fs::file_type::regular) {
      if (listing.files.size() == files_max) {
        fault(directory, fmt::format("has more than {} files", files_max));
        return listing;
      }
      listing.files.insert(name);
    } else if (type != fs::file_type::directory) {
      fault(name, "is no plain file");
    }
  }
  if (error) fault(directory, "not all that is in it can be listed: " + error.message());
  return listing;
}

}  // namespace accord::verify
