#include "services/accordctl/record_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/base/status.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

absl::StatusOr<std::unique_ptr<RecordFile>> RecordFile::Open(const std::string& path) {
  const bool directory = path.ends_with('/') || std::filesystem::is_directory(path);
  if (directory) ACCORD_RETURN_IF_ERROR(MakeDirectory(path));
  const std::string file_path = directory ? (std::filesystem::path(path) / "records.jsonl").string() : path;
  ACCORD_ASSIGN_OR_RETURN(auto file, PositionedFile::Open(file_path, /*create=*/true));
  std::unique_ptr<RecordFile> records(new RecordFile(std::move(file), file_path));
  ACCORD_RETURN_IF_ERROR(records->GoToEnd());
  std::error_code error;  // Made by somebody else it may be open to others.
  std::filesystem::permissions(file_path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
  if (error) return absl::FailedPreconditionError(fmt::format("{}: its mode is not set: {}", file_path, error.message()));
  return records;
}

absl::Status RecordFile::GoToEnd() {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t size, file_->Size());
  const size_t tail_bytes = static_cast<size_t>(std::min<uint64_t>(size, 2 * kRecordLineBytesMax));
  ACCORD_ASSIGN_OR_RETURN(const std::string tail, file_->Read(size - tail_bytes, tail_bytes));
  const size_t last = tail.rfind('\n');
  if (last == std::string::npos) {  // At most the beginning of a first line.
    if (size > kRecordLineBytesMax || (size > 0 && !std::string_view("{\"position\":").starts_with(std::string_view(tail).substr(0, 12)))) {
      return absl::FailedPreconditionError(fmt::format("{} is no export", path_));
    }
    end_ = 0;
  } else {
    const size_t before = last == 0 ? std::string::npos : tail.rfind('\n', last - 1);
    const size_t first = before == std::string::npos ? 0 : before + 1;
    const auto line = nlohmann::json::parse(tail.substr(first, last - first), nullptr, /*allow_exceptions=*/false);
    if (!line.is_object() || !line.contains("position") || !line["position"].is_string()) {
      return absl::FailedPreconditionError(fmt::format("{} is no export", path_));
    }
    position_ = line["position"].get<std::string>();
    end_ = size - tail_bytes + last + 1;
  }
  if (end_ == size) return absl::OkStatus();
  std::error_code error;
  std::filesystem::resize_file(path_, end_, error);
  return error ? absl::FailedPreconditionError(fmt::format("{}: an unfinished line is not cut off: {}", path_, error.message())) : absl::OkStatus();
}

absl::Status RecordFile::Add(const agency::v1::ExportRecordsResponse& answer) {
  // `position` first, so that the beginning of a line tells what it is.
  const nlohmann::ordered_json line = {{"position", answer.position()}, {"record", ToJson(answer.record())}};
  const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  ACCORD_RETURN_IF_ERROR(file_->Write(end_, text));
  end_ += text.size();
  position_ = answer.position();
  return absl::OkStatus();
}

}  // namespace accord::accordctl
