#include "common/storage/fault_file_system.h"

#include <filesystem>
#include <utility>

namespace accord::storage {
namespace {

using rocksdb::FSDirectory;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class FaultyFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<FSWritableFile> target, FaultFileSystem& owner, std::string name)
      : FSWritableFileOwnerWrapper(std::move(target)), owner_(owner), name_(std::move(name)) {}

  // Both forms must be overridden: the wrapper hands each to the target itself.
  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return Append(data, options, rocksdb::DataVerificationInfo(), debug);
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& info,
                  IODebugContext* debug) override {
    if (IOStatus fault = owner_.Before(FaultFileSystem::Operation::kAppend, name_); !fault.ok()) return fault;
    IOStatus status = FSWritableFileOwnerWrapper::Append(data, options, info, debug);
    if (status.ok()) owner_.Grew(name_, data.size());
    return status;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus fault = owner_.Before(FaultFileSystem::Operation::kSync, name_); !fault.ok()) return fault;
    IOStatus status = FSWritableFileOwnerWrapper::Sync(options, debug);
    if (status.ok()) owner_.Synced(name_);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }

 private:
  FaultFileSystem& owner_;
  const std::string name_;
};

class FaultyDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  FaultyDirectory(std::unique_ptr<FSDirectory> target, FaultFileSystem& owner, std::string name)
      : FSDirectoryWrapper(std::move(target)), owner_(owner), name_(std::move(name)) {}

  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& how) override {
    if (IOStatus fault = owner_.Before(FaultFileSystem::Operation::kSync, name_); !fault.ok()) return fault;
    IOStatus status = FSDirectoryWrapper::FsyncWithDirOptions(options, debug, how);
    if (status.ok()) owner_.DirectorySynced(name_);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return FsyncWithDirOptions(options, debug, rocksdb::DirFsyncOptions());
  }

 private:
  FaultFileSystem& owner_;
  const std::string name_;
};

}  // namespace

FaultFileSystem::FaultFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

void FaultFileSystem::FailFrom(Operation operation, int nth, Fault fault, std::string suffix) {
  absl::MutexLock lock(&mu_);
  failing_ = true;
  operation_ = operation;
  countdown_ = nth;
  fault_ = fault;
  suffix_ = std::move(suffix);
}

void FaultFileSystem::Heal() {
  absl::MutexLock lock(&mu_);
  failing_ = false;
  power_ = true;
}

void FaultFileSystem::DeleteWhenSized(std::string name) {
  absl::MutexLock lock(&mu_);
  deleted_when_sized_ = std::move(name);
}

void FaultFileSystem::CutPower() {
  absl::MutexLock lock(&mu_);
  power_ = false;
}

void FaultFileSystem::Restore(Random* torn) {
  absl::MutexLock lock(&mu_);
  for (const auto& [name, file] : files_) {
    if (!std::filesystem::exists(name)) continue;
    if (!file.name_synced) {
      std::filesystem::remove(name);
    } else if (file.size > file.synced) {
      const uint64_t kept = torn == nullptr ? 0 : torn->Below(file.size - file.synced + 1);
      std::filesystem::resize_file(name, file.synced + kept);
    }
  }
  files_.clear();
  failing_ = false;
  power_ = true;
}

IOStatus FaultFileSystem::Before(Operation operation, const std::string& name) {
  absl::MutexLock lock(&mu_);
  if (!power_) return IOStatus::IOError("no power");
  if (!failing_ || operation != operation_ || !name.ends_with(suffix_)) return IOStatus::OK();
  if (--countdown_ > 0) return IOStatus::OK();
  return fault_ == Fault::kNoSpace ? IOStatus::NoSpace("disk full") : IOStatus::IOError("input/output error");
}

void FaultFileSystem::Grew(const std::string& name, uint64_t size) {
  absl::MutexLock lock(&mu_);
  files_[name].size += size;
}

void FaultFileSystem::Synced(const std::string& name) {
  absl::MutexLock lock(&mu_);
  files_[name].synced = files_[name].size;
}

void FaultFileSystem::DirectorySynced(const std::string& directory) {
  absl::MutexLock lock(&mu_);
  for (auto& [name, file] : files_) {
    if (std::filesystem::path(name).parent_path() == std::filesystem::path(directory)) file.name_synced = true;
  }
}

IOStatus FaultFileSystem::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                          std::unique_ptr<FSWritableFile>* result, IODebugContext* debug) {
  if (IOStatus fault = Before(Operation::kAppend, name); !fault.ok()) return fault;
  std::unique_ptr<FSWritableFile> file;
  if (IOStatus status = FileSystemWrapper::NewWritableFile(name, options, &file, debug); !status.ok()) return status;
  {
    absl::MutexLock lock(&mu_);
    files_[name] = File{};
  }
  *result = std::make_unique<FaultyFile>(std::move(file), *this, name);
  return IOStatus::OK();
}

IOStatus FaultFileSystem::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions&,
                                             std::unique_ptr<FSWritableFile>*, IODebugContext*) {
  // RocksDB appends to an existing file only for features we leave off.
  return IOStatus::NotSupported("reopen " + name);
}

IOStatus FaultFileSystem::NewDirectory(const std::string& name, const IOOptions& options,
                                       std::unique_ptr<FSDirectory>* result, IODebugContext* debug) {
  std::unique_ptr<FSDirectory> directory;
  if (IOStatus status = FileSystemWrapper::NewDirectory(name, options, &directory, debug); !status.ok()) return status;
  *result = std::make_unique<FaultyDirectory>(std::move(directory), *this, name);
  return IOStatus::OK();
}

IOStatus FaultFileSystem::GetFileSize(const std::string& name, const IOOptions& options, uint64_t* size, IODebugContext* debug) {
  bool deleted = false;
  {
    absl::MutexLock lock(&mu_);
    deleted = name == deleted_when_sized_;
    if (deleted) deleted_when_sized_.clear();
  }
  if (deleted) std::filesystem::remove(name);
  return FileSystemWrapper::GetFileSize(name, options, size, debug);
}

IOStatus FaultFileSystem::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                     IODebugContext* debug) {
  if (IOStatus fault = Before(Operation::kSync, to); !fault.ok()) return fault;
  IOStatus status = FileSystemWrapper::RenameFile(from, to, options, debug);
  absl::MutexLock lock(&mu_);
  if (const auto moved = files_.find(from); status.ok() && moved != files_.end()) {
    files_[to] = moved->second;
    files_[to].name_synced = true;  // A rename undone by the cut is not modelled.
    files_.erase(from);
  }
  return status;
}

IOStatus FaultFileSystem::DeleteFile(const std::string& name, const IOOptions& options, IODebugContext* debug) {
  // A process without power deletes nothing either.
  if (absl::MutexLock lock(&mu_); !power_) return IOStatus::IOError("no power");
  IOStatus status = FileSystemWrapper::DeleteFile(name, options, debug);
  absl::MutexLock lock(&mu_);
  if (status.ok()) files_.erase(name);
  return status;
}

}  // namespace accord::storage
