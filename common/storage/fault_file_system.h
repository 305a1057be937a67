// A file system that loses power, fails and fills up when a test says so.
//
// What is modelled: bytes not synced are lost, wholly or in part (a torn tail); a file
// whose directory was not synced since it was made is lost; writes and syncs fail. Not
// modelled: a rename undone by the cut, a disk that lies about syncing.
#pragma once

#include <absl/synchronization/mutex.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <map>
#include <memory>
#include <string>

#include "common/base/random.h"

namespace accord::storage {

// Thread-safe.
class FaultFileSystem : public rocksdb::FileSystemWrapper {
 public:
  enum class Operation { kAppend, kSync };
  enum class Fault { kIoError, kNoSpace };

  // Over the machine's own file system. A store is given rocksdb::NewCompositeEnv of it.
  FaultFileSystem();

  // From the `nth` (1 is the next) such operation on a file ending in `suffix` onwards,
  // all of them fail, until Heal. A failed append writes nothing.
  void FailFrom(Operation operation, int nth, Fault fault, std::string suffix = ".log");
  void Heal();

  // `name` is deleted the next time its size is asked for, as by another thread just before.
  void DeleteWhenSized(std::string name);

  // From now on nothing reaches the disk and every write fails, as seen by a process
  // about to die. Close the store, call Restore, and open it as after a reboot.
  void CutPower();
  // Brings the disk to what a power cut leaves: each file cut to its synced length, or,
  // with `torn`, somewhere between that and its full length. Heals.
  void Restore(Random* torn = nullptr);

  // What the wrapped files report; for the implementation only.
  rocksdb::IOStatus Before(Operation operation, const std::string& name);
  void Grew(const std::string& name, uint64_t size);
  void Synced(const std::string& name);
  void DirectorySynced(const std::string& directory);

  const char* Name() const override { return "AccordFaultFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options, uint64_t* size,
                                rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

 private:
  struct File {
    uint64_t size = 0;
    uint64_t synced = 0;
    bool name_synced = false;
  };

  absl::Mutex mu_;
  std::map<std::string, File> files_ ABSL_GUARDED_BY(mu_);
  bool power_ ABSL_GUARDED_BY(mu_) = true;
  bool failing_ ABSL_GUARDED_BY(mu_) = false;
  Operation operation_ ABSL_GUARDED_BY(mu_) = Operation::kSync;
  Fault fault_ ABSL_GUARDED_BY(mu_) = Fault::kIoError;
  int countdown_ ABSL_GUARDED_BY(mu_) = 0;
  std::string suffix_ ABSL_GUARDED_BY(mu_);
  std::string deleted_when_sized_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::storage
