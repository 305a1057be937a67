#include "common/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/base/bytes.h"
#include "common/base/descriptor.h"
#include "common/base/random.h"
#include "common/base/status.h"

namespace accord {
namespace {

absl::Status Failed(std::string_view what, const std::string& path) {
  const int error = errno;
  return absl::Status(error == ENOENT ? absl::StatusCode::kNotFound : absl::StatusCode::kInternal,
                      fmt::format("{} {}: {}", what, path, std::strerror(error)));
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return Failed("write", path);
    }
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return Failed("open", path);
  std::string bytes;
  char chunk[64 * 1024];
  for (;;) {
    const ssize_t got = read(file.get(), chunk, sizeof chunk);
    if (got < 0) {
      if (errno == EINTR) continue;
      return Failed("read", path);
    }
    if (got == 0) return bytes;
    bytes.append(chunk, static_cast<size_t>(got));
    if (bytes.size() > bytes_max) {
      return absl::InvalidArgumentError(fmt::format("{} is larger than {} bytes", path, bytes_max));
    }
  }
}

absl::Status WriteFileDurably(const std::string& path, std::string_view bytes, int mode) {
  // A name of its own for each writer: two never share a temporary file.
  SystemRandom random;
  const std::string temporary = fmt::format("{}.{}.tmp", path, ToHex(random.Bytes(6)));
  absl::Status status;
  {
    const Descriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file.get() < 0) return Failed("create", temporary);
    status = WriteAll(file.get(), bytes, temporary);
    if (status.ok() && fdatasync(file.get()) != 0) status = Failed("fdatasync", temporary);
  }
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) status = Failed("rename", temporary);
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return SyncDirectory(parent.empty() ? "." : parent);
}

absl::Status CopyFileDurably(const std::string& from, const std::string& to) {
  const Descriptor source(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (source.get() < 0) return Failed("open", from);
  const Descriptor target(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (target.get() < 0) return Failed("create", to);
  std::string chunk(1u << 20, '\0');
  for (;;) {
    const ssize_t got = read(source.get(), chunk.data(), chunk.size());
    if (got < 0) {
      if (errno == EINTR) continue;
      return Failed("read", from);
    }
    if (got == 0) break;
    ACCORD_RETURN_IF_ERROR(WriteAll(target.get(), std::string_view(chunk).substr(0, static_cast<size_t>(got)), to));
  }
  if (fdatasync(target.get()) != 0) return Failed("fdatasync", to);
  return absl::OkStatus();
}

absl::Status MakeDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return absl::InternalError(fmt::format("make directory {}: {}", path, error.message()));
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  return absl::OkStatus();
}

absl::Status SyncDirectory(const std::string& path) {
  const Descriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return Failed("open directory", path);
  if (fsync(directory.get()) != 0) return Failed("fsync directory", path);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> FreeBytes(const std::string& path) {
  struct statvfs facts {};
  if (statvfs(path.c_str(), &facts) != 0) return Failed("statvfs", path);
  return static_cast<uint64_t>(facts.f_bavail) * facts.f_frsize;
}

absl::StatusOr<std::unique_ptr<PositionedFile>> PositionedFile::Open(const std::string& path, bool create) {
  const bool absent = !std::filesystem::exists(path);
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
  if (fd < 0) return Failed("open", path);
  std::unique_ptr<PositionedFile> file(new PositionedFile(fd, path));
  if (absent) {
    const std::string parent = std::filesystem::path(path).parent_path().string();
    ACCORD_RETURN_IF_ERROR(SyncDirectory(parent.empty() ? "." : parent));
  }
  return file;
}

PositionedFile::~PositionedFile() { close(fd_); }

absl::StatusOr<uint64_t> PositionedFile::Size() const {
  struct stat facts {};
  if (fstat(fd_, &facts) != 0) return Failed("fstat", path_);
  return static_cast<uint64_t>(facts.st_size);
}

absl::StatusOr<std::string> PositionedFile::Read(uint64_t offset, size_t count) const {
  std::string bytes(count, '\0');
  size_t done = 0;
  while (done < count) {
    const ssize_t got = pread(fd_, bytes.data() + done, count - done, static_cast<off_t>(offset + done));
    if (got < 0) {
      if (errno == EINTR) continue;
      return Failed("read", path_);
    }
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

absl::Status PositionedFile::Write(uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return Failed("write", path_);
    }
    bytes.remove_prefix(static_cast<size_t>(wrote));
    offset += static_cast<uint64_t>(wrote);
  }
  return absl::OkStatus();
}

absl::Status PositionedFile::Sync() {
  if (fdatasync(fd_) != 0) return Failed("fdatasync", path_);
  return absl::OkStatus();
}

bool PositionedFile::IsAtItsPath() const {
  struct stat ours {}, there {};
  return fstat(fd_, &ours) == 0 && stat(path_.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
         ours.st_ino == there.st_ino;
}

absl::StatusOr<std::unique_ptr<FileLock>> FileLock::Take(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Failed("open", path);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return absl::FailedPreconditionError(fmt::format("{} is locked: another process uses it", path));
  }
  return std::unique_ptr<FileLock>(new FileLock(fd));
}

FileLock::~FileLock() { close(fd_); }

}  // namespace accord
