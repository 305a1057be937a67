// The watched folder: a file of records that is renamed into `in/` is pushed once, and moves to `done/` or `rejected/` beside
// NAME.result.json (docs/files.md).
//
//   in/NAME ──read, mapped──▶ every record pushed ──▶ decided ──▶ result written ──▶ done/NAME ──each settled──▶ result written again
//              └── one is wrong: none is pushed ─────────▶ rejected/NAME
//
// Each push is durable in the outbox, and noted in the family `import`, before the next; whither the file goes is durable before its result
// is written, and that before it moves. After a crash between any two of these it goes on from what it finds: a record whose push was not
// noted yet is pushed again under the same request id, which the outbox answers with what the first led to.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <google/protobuf/message.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "common/agent/agency_store.h"
#include "common/base/clock.h"
#include "common/records/record_file.h"
#include "common/records/result_file.h"

namespace accord::agent {

inline constexpr size_t kFolderNameBytesMax = 200;                        // Of a file: room for `.result.json` behind it.
inline constexpr size_t kFolderFilesMax = 4096;                           // Looked at in one step; the rest in the next.
inline constexpr size_t kImportsFollowedMax = 1000;                       // Files whose receipts are waited for; beyond, the oldest is let go.
inline constexpr absl::Duration kImportFollowedFor = absl::Hours(7 * 24);  // So long a file's result is kept up to date.
inline constexpr absl::Duration kResultEvery = absl::Minutes(1);          // Between two writings of one result, but for the last.
inline constexpr size_t kFollowedPerStep = 256;                           // Pushes that are looked after in one step.

// What the folder stands on: the pushes of the service, as a call of it would make them.
class FolderPushes {
 public:
  virtual ~FolderPushes() = default;
  // An empty request of `call`; null when there is no such push.
  virtual std::unique_ptr<google::protobuf::Message> NewRequest(std::string_view call) const = 0;
  // Maps it, and keeps nothing. Errors of the mapping.
  virtual absl::Status Check(std::string_view call, const google::protobuf::Message& request) = 0;
  // Errors of the mapping and of AgencyRuntime::Push.
  virtual absl::StatusOr<agency::v1::PushResult> Push(std::string_view call, const google::protobuf::Message& request) = 0;
  // Errors of Outbox::Get.
  virtual absl::StatusOr<storage::v1::StoredSubmission> Get(const std::string& request_id) const = 0;
};

struct FolderOptions {
  std::string directory;  // With `in`, `done` and `rejected`.
  type::v1::Worker worker;  // Of records that name none; without a pseudonym such records are wrong.
};

// Sole writer of the family `import`, and of the files in `done/` and `rejected/`. Single-thread, but for Stop.
class Folder {
 public:
  // All must outlive this.
  Folder(FolderOptions options, AgencyStore& store, FolderPushes& pushes, const Clock& clock)
      : options_(std::move(options)), store_(store), pushes_(pushes), clock_(clock) {}

  // Makes the folders that are absent, with mode 0700, and finds what an earlier run left. Errors of the file system, with the path, and of
  // the store. Before anything else.
  absl::Status Open();

  // Takes every file that is in `in/` under a finished name, then looks after the receipts of those taken before. A file that cannot be
  // taken now (the store or the queue is full, the disk refuses) stays and is taken by a later step. Returns the first such error.
  absl::Status Step();

  // Makes a Step that is at work return after the record it is pushing. Thread-safe.
  void Stop() { stopping_ = true; }

  std::string in() const { return options_.directory + "/in"; }
  // Files that wait for receipts.
  size_t followed() const { return followed_.size(); }

 private:
  // One that was begun.
  struct Import {
    storage::v1::StoredImport row;
    std::map<uint64_t, storage::v1::StoredImportedRecord> records;  // By number; 0: the file itself was wrong.
  };
  struct Followed {
    uint64_t sequence = 0;
    std::deque<storage::v1::StoredImportedRecord> open;      // What has not come to its end.
    std::vector<storage::v1::StoredImportedRecord> changed;  // Since its result was written.
    absl::Time written;                                      // Its result.
  };
  // The file, as it was read.
  struct Taken {
    std::string name, bytes, sha256;
    uint64_t device = 0, inode = 0;
  };

  absl::StatusOr<std::vector<std::string>> Names() const;
  // Nothing when it is none that is taken, or still written.
  absl::StatusOr<std::optional<Taken>> Read(const std::string& name) const;
  absl::Status Take(const std::string& name);
  // Whether the mapping takes them all; what is wrong gets its status, and what is right its worker.
  bool CheckAll(std::vector<records::Record>& records);
  // The import of this file: one that was begun, or a new one.
  absl::StatusOr<uint64_t> Begin(const Taken& taken, uint64_t records);
  // Pushes what was not pushed yet, each noted before the next. An error that may pass: the rest was not pushed.
  absl::Status PushAll(uint64_t sequence, const std::vector<records::Record>& records);
  // Where it goes, and what of each record that was not pushed; `file` is what is wrong with the file as a whole. Durable.
  absl::Status Decide(uint64_t sequence, const absl::Status& file, const std::vector<records::Record>& records);
  // Writes the result, moves the file, and looks after its receipts.
  absl::Status Finish(uint64_t sequence, const Taken& taken);
  absl::Status Move(const storage::v1::StoredImport& row, const Taken& taken) const;
  // Of one whose file was taken away, or replaced, before it was through: its result is written for what was pushed.
  absl::Status Abandon(uint64_t sequence);
  absl::Status AbandonTakenAway();

  // The file is where it belongs.
  absl::Status Moved(uint64_t sequence);
  absl::Status Follow(uint64_t sequence);
  absl::Status FollowAll();
  absl::Status LookAfter(Followed& followed, size_t& left);
  absl::Status WriteResult(uint64_t sequence) const;
  records::RecordResult ResultOf(const storage::v1::StoredImportedRecord& record) const;
  // Deletes what is stored of it.
  absl::Status Forget(uint64_t sequence);

  absl::StatusOr<Import> Load(uint64_t sequence) const;
  absl::Status Save(uint64_t sequence, const storage::v1::StoredImport& row);
  std::string PathOf(std::string_view folder, std::string_view name) const;
  absl::StatusOr<std::string> FreeName(std::string_view folder, const std::string& name) const;

  const FolderOptions options_;
  AgencyStore& store_;
  FolderPushes& pushes_;
  const Clock& clock_;
  std::atomic<bool> stopping_ = false;
  uint64_t sequence_ = 0;  // The last that was given.
  std::map<uint64_t, storage::v1::StoredImport> begun_;  // Not moved yet.
  std::deque<Followed> followed_;                        // Moved, the oldest first.
};

}  // namespace accord::agent
