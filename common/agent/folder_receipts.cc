// What of a folder comes after its files have moved: results, and the receipts in them.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/agent/folder.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/telemetry/log.h"

namespace accord::agent {
namespace {

using storage::v1::StoredImportedRecord;

// Nothing more comes of it by itself or by a person.
bool IsAtItsEnd(agency::v1::SubmissionState state) {
  return state == agency::v1::SUBMISSION_STATE_SETTLED || state == agency::v1::SUBMISSION_STATE_WITHDRAWN || state == agency::v1::SUBMISSION_STATE_ERASED;
}

std::string SubmissionStateName(agency::v1::SubmissionState state) {
  constexpr std::string_view kPrefix = "SUBMISSION_STATE_";
  const std::string name = agency::v1::SubmissionState_Name(state);
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

bool WasPushed(const StoredImportedRecord& record) { return record.reason().empty() && record.state() != agency::v1::SUBMISSION_STATE_UNSPECIFIED; }

std::string KeyOf(uint64_t sequence, uint64_t number) { return KeyU64(sequence) + KeyU64(number); }

}  // namespace

records::RecordResult Folder::ResultOf(const StoredImportedRecord& record) const {
  records::RecordResult result;
  result.number = record.number();
  result.line = record.line();
  result.call = record.call();
  result.request_id = record.request_id();
  result.field = record.field();
  result.reason = record.reason();
  result.words = record.words();
  result.state = std::string(!record.reason().empty() ? records::kRefused : records::kNotPushed);
  if (!WasPushed(record)) return result;
  result.state = SubmissionStateName(record.state());
  const auto stored = pushes_.Get(record.request_id());
  if (!stored.ok()) return result;  // What was known of it stands.
  result.state = SubmissionStateName(stored->state());
  if (!stored->header_digest().empty()) result.referral = "referrals/" + ToHex(stored->header_digest());
  result.waiting_for = stored->waiting_for();
  result.warnings.assign(stored->warnings().begin(), stored->warnings().end());
  result.stored_index = stored->stored_index();
  result.receipt = stored->receipt();
  return result;
}

absl::Status Folder::WriteResult(uint64_t sequence) const {
  ACCORD_ASSIGN_OR_RETURN(const Import import, Load(sequence));
  records::FileResult result;
  result.file = import.row.name_there();
  result.sha256 = ToHex(import.row.sha256());
  result.state = import.row.folder() == "done" ? "DONE" : "REJECTED";
  result.taken_at_ms = import.row.taken_at_ms();
  for (const auto& [number, record] : import.records) {
    if (number > 0) {
      result.records.push_back(ResultOf(record));
      continue;
    }
    result.line = record.line();
    result.reason = record.reason();
    result.words = record.words();
  }
  return WriteFileDurably(PathOf(import.row.folder(), import.row.name_there() + std::string(records::kResultSuffix)), records::ResultJson(result));
}

absl::Status Folder::Follow(uint64_t sequence) {
  ACCORD_ASSIGN_OR_RETURN(const Import import, Load(sequence));
  const bool is_new = absl::ToUnixMillis(clock_.Now()) - import.row.taken_at_ms() < absl::ToInt64Milliseconds(kImportFollowedFor);
  Followed followed{sequence, {}, {}, clock_.Now()};
  size_t refused = 0;
  for (const auto& [number, record] : import.records) {
    if (WasPushed(record) && !IsAtItsEnd(record.state())) followed.open.push_back(record);
    refused += WasPushed(record) ? 0 : 1;
  }
  telemetry::Log(refused == 0 ? telemetry::Level::kInfo : telemetry::Level::kWarn, "folder.file_moved",
                 {{"folder", import.row.folder()}, {"file_sha256", ToHex(import.row.sha256())}, {"records", import.records.size()}, {"not_pushed", refused}});
  if (followed.open.empty() || !is_new) return Forget(sequence);
  followed_.push_back(std::move(followed));
  if (followed_.size() <= kImportsFollowedMax) return absl::OkStatus();
  const uint64_t oldest = followed_.front().sequence;
  followed_.pop_front();
  return Forget(oldest);
}

absl::Status Folder::FollowAll() {
  absl::Status first;
  size_t left = kFollowedPerStep;
  for (auto at = followed_.begin(); at != followed_.end();) {
    const absl::Status status = LookAfter(*at, left);
    if (first.ok()) first = status;
    at = status.ok() && at->open.empty() && at->changed.empty() ? followed_.erase(at) : std::next(at);
  }
  return first;
}

absl::Status Folder::LookAfter(Followed& followed, size_t& left) {
  for (size_t n = std::min(left, followed.open.size()); n > 0; --n, --left) {
    StoredImportedRecord record = std::move(followed.open.front());
    followed.open.pop_front();
    const auto stored = pushes_.Get(record.request_id());
    const auto before = record.state();
    if (stored.ok()) record.set_state(stored->state());
    if (record.state() != before) followed.changed.push_back(record);
    const bool gone = HasReason(stored.status(), Reason::kReferralNotFound);
    if (!gone && !IsAtItsEnd(record.state())) followed.open.push_back(std::move(record));
  }
  ACCORD_ASSIGN_OR_RETURN(const auto row, store_.Get<storage::v1::StoredImport>(kFamilyImport, KeyU64(followed.sequence)));
  const bool is_old = !row.has_value() || absl::ToUnixMillis(clock_.Now()) - row->taken_at_ms() >= absl::ToInt64Milliseconds(kImportFollowedFor);
  // Whoever took the result away does not want another.
  const bool is_unwanted = !row.has_value() || !std::filesystem::exists(PathOf(row->folder(), row->name_there() + std::string(records::kResultSuffix)));
  if (is_old || is_unwanted) followed.open.clear();
  const bool due = followed.open.empty() || clock_.Now() - followed.written >= kResultEvery;
  if (!followed.changed.empty() && due) {
    if (!is_unwanted) ACCORD_RETURN_IF_ERROR(WriteResult(followed.sequence));
    // Only now: what is noted as told was told.
    accord::storage::Batch batch;
    for (const StoredImportedRecord& record : followed.changed) store_.Put(batch, kFamilyImport, KeyOf(followed.sequence, record.number()), record);
    ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
    followed.changed.clear();
    followed.written = clock_.Now();
  }
  return followed.open.empty() ? Forget(followed.sequence) : absl::OkStatus();
}

}  // namespace accord::agent
