// Files that wait for the push they go with, and what is taken as one (docs/attachments.md).
//
// A file is kept for a week from its last upload, encrypted as all is here, and longer while a push that names it is not settled: what is
// sealed of it is the submission's by then. A push takes files by reference, so that its own row stays small.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>
#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "accord/storage/v1/agent.pb.h"
#include "accord/type/v1/section_content.pb.h"
#include "common/agent/agency_store.h"
#include "common/base/clock.h"

namespace accord::agent {

inline constexpr size_t kAttachmentBytesMax = 5'000'000;
inline constexpr int kAttachmentsPerPushMax = 8;
inline constexpr size_t kFileNameCharactersMax = 200;
inline constexpr size_t kAttachmentsWaitingMax = 1'000;  // Some 5 GB.
inline constexpr absl::Duration kAttachmentKept = absl::Hours(24 * 7);

// What a file is said to be.
//   FIELD_INVALID         the name is empty, over kFileNameCharactersMax, or has a path or control characters in it
//   ATTACHMENT_TOO_LARGE  `bytes` is over kAttachmentBytesMax; FIELD_INVALID when it is 0
// Thread-safe.
absl::Status CheckFile(std::string_view file_name, uint64_t bytes);

// Sole writer of the families `attachment` and `attachment_data`. Thread-safe.
class Attachments {
 public:
  // Both must outlive this.
  Attachments(AgencyStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // While `free_bytes` says fewer than `floor_bytes` no file is taken, so that what was pushed still goes (outbox.h). Before the first file.
  void KeepFree(uint64_t floor_bytes, std::function<absl::StatusOr<uint64_t>()> free_bytes) {
    floor_bytes_ = floor_bytes;
    free_bytes_ = std::move(free_bytes);
  }
  // Counts what waits. Errors of the store.
  absl::Status Load();

  // Keeps a file. OK: durable; its id, in hex, which is the same for the same name, type and bytes, and kept for a week from now. Blocks on fsync.
  //   ATTACHMENT_TYPE_REFUSED  the bytes are of no type that is taken, or of another than `file` says
  //   QUEUE_FULL               kAttachmentsWaitingMax wait
  //   DISK_FLOOR               there is no room for it
  // and those of CheckFile.
  absl::StatusOr<std::string> Keep(type::v1::Attachment file);
  // Whether a push may name these now: at most kAttachmentsPerPushMax (FIELD_INVALID), each once, and all here (ATTACHMENT_NOT_FOUND).
  absl::Status Check(const google::protobuf::RepeatedPtrField<std::string>& ids) const;
  // As Check, and adds to `batch`, which makes the push durable, that it has them.
  absl::Status Take(accord::storage::Batch& batch, const google::protobuf::RepeatedPtrField<std::string>& ids, const std::string& request_id) const;
  // Adds to `batch`, which erases a push, that its files go, but for those that another has too. Errors of the store.
  absl::Status Drop(accord::storage::Batch& batch, const google::protobuf::RepeatedPtrField<std::string>& ids, const std::string& request_id);
  // The file. ATTACHMENT_NOT_FOUND.
  absl::StatusOr<type::v1::Attachment> Get(std::string_view id) const;
  // Drops what is over its week and no push of which `is_settled` denies has. Errors of the store.
  absl::Status Sweep(absl::FunctionRef<bool(const std::string& request_id)> is_settled);

 private:
  absl::StatusOr<storage::v1::StoredAttachment> Row(std::string_view id) const;

  AgencyStore& store_;
  const Clock& clock_;
  uint64_t floor_bytes_ = 0;
  std::function<absl::StatusOr<uint64_t>()> free_bytes_;  // Null: nobody looks.
  mutable absl::Mutex mu_;
  size_t waiting_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace accord::agent
