#include "common/storage/closed_store.h"

#include <fmt/format.h>
#include <rocksdb/env.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "common/base/file.h"
#include "common/base/status.h"

namespace accord::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLock = "LOCK", kCurrent = "CURRENT", kInfoLog = "LOG";

absl::Status Failed(std::string_view what, const fs::path& path, const std::error_code& error) {
  return Error(Reason::kStoreUnavailable, fmt::format("{} {}: {}", what, path.string(), error.message()));
}

}  // namespace

bool IsStore(const std::string& path) {
  std::error_code error;
  return fs::exists(fs::path(path) / kCurrent, error);
}

absl::StatusOr<std::unique_ptr<ClosedStore>> ClosedStore::Take(const std::string& path) {
  if (!IsStore(path)) return Error(Reason::kStoreUnavailable, fmt::format("no store is at {}", path));
  rocksdb::FileLock* lock = nullptr;
  const rocksdb::Status status = rocksdb::Env::Default()->LockFile(path + "/" + std::string(kLock), &lock);
  if (!status.ok()) {
    return Error(Reason::kStoreUnavailable, fmt::format("the store {} is open in another process: {}", path, status.ToString()));
  }
  return std::unique_ptr<ClosedStore>(new ClosedStore(path, lock));
}

ClosedStore::~ClosedStore() { rocksdb::Env::Default()->UnlockFile(lock_).PermitUncheckedError(); }

absl::Status ClosedStore::CopyTo(const std::string& to) const {
  std::error_code error;
  if (!fs::create_directory(to, error)) return Failed("make directory", to, error);
  fs::permissions(to, fs::perms::owner_all, error);
  for (fs::directory_iterator entry(path_, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path& from = entry->path();
    const std::string name = from.filename().string();
    std::error_code unknown;
    if (!entry->is_regular_file(unknown) || name == kLock || name.starts_with(kInfoLog)) continue;
    const fs::path target = fs::path(to) / name;
    if (from.extension() == ".sst" || from.extension() == ".blob") {
      std::error_code linked;
      fs::create_hard_link(from, target, linked);
      if (!linked) continue;
    }
    if (absl::Status status = CopyFileDurably(from.string(), target.string()); !status.ok()) {
      return Error(Reason::kStoreUnavailable, fmt::format("copy of the store: {}", status.ToString()));
    }
  }
  if (error) return Failed("read directory", path_, error);
  const absl::Status synced = SyncDirectory(to);
  return synced.ok() ? synced : Error(Reason::kStoreUnavailable, synced.ToString());
}

std::optional<std::string> ClosedStore::NewestLog() const {
  std::optional<std::string> newest;
  uint64_t highest = 0;
  std::error_code error;
  for (fs::directory_iterator entry(path_, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path& path = entry->path();
    const std::string number = path.stem().string();
    if (path.extension() != ".log" || number.empty() || number.find_first_not_of("0123456789") != std::string::npos) continue;
    const uint64_t value = std::strtoull(number.c_str(), nullptr, 10);
    std::error_code unknown;
    if (entry->file_size(unknown) == 0 || (newest.has_value() && value < highest)) continue;
    highest = value;
    newest = path.string();
  }
  return newest;
}

}  // namespace accord::storage
