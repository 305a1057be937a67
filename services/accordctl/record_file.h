// The file of an export: JSON Lines, each `{"position": …, "record": …}`, mode 0600. Run again it goes on after its last whole line.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "accord/agency/v1/records_service.pb.h"
#include "common/base/file.h"

namespace accord::accordctl {

inline constexpr size_t kRecordLineBytesMax = 16u << 20;  // JSON of one record is some three times its message.

// Single-thread.
class RecordFile {
 public:
  // Opens the file, or `records.jsonl` in it when it is a directory; a line that an interrupted run left unfinished is cut off.
  //   FAILED_PRECONDITION  it is there and is no export
  // Errors of the file system.
  static absl::StatusOr<std::unique_ptr<RecordFile>> Open(const std::string& path);

  // Position of its last record; empty when it has none.
  const std::string& position() const { return position_; }
  const std::string& path() const { return path_; }
  // Adds a record. Not durable before Sync.
  absl::Status Add(const agency::v1::ExportRecordsResponse& answer);
  absl::Status Sync() { return file_->Sync(); }

 private:
  RecordFile(std::unique_ptr<PositionedFile> file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  // Finds the last whole line.
  absl::Status GoToEnd();

  const std::unique_ptr<PositionedFile> file_;
  const std::string path_;
  uint64_t end_ = 0;
  std::string position_;
};

}  // namespace accord::accordctl
