#include "common/agent/attachments.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/referral/media_types.h"

namespace accord::agent {
namespace {

using storage::v1::StoredAttachment;
using type::v1::Attachment;

// A push that found it in time has this long to be durable before it is swept.
constexpr absl::Duration kSweepDelay = absl::Hours(1);

absl::Status NotFound() {
  return Error(Reason::kAttachmentNotFound, "no such file waits here; upload it first, or again: one is kept for a week");
}
absl::Status InvalidAttachment(std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", "info.file_name"}}); }

std::string IdOf(const Attachment& file) {
  return crypto::Sha256(ByteWriter().Lp16("accord/attachment/v1").Lp16(file.file_name()).Lp16(file.media_type()).Raw(file.data()).bytes());
}

bool IsControl(unsigned char c) { return c < 0x20 || c == 0x7f; }

size_t CharactersOf(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

absl::Status CheckFile(std::string_view file_name, uint64_t bytes) {
  if (file_name.empty() || !IsUtf8(file_name) || CharactersOf(file_name) > kFileNameCharactersMax) {
    return InvalidAttachment(fmt::format("a file name has 1 to {} characters", kFileNameCharactersMax));
  }
  if (file_name.find_first_of("/\\") != std::string_view::npos || file_name == "." || file_name == "..") return InvalidAttachment("a file name is without a path");
  // U+0080 to U+009F, and the marks that turn the direction of what follows, so that `exe.gpj` shows as `jpg.exe`.
  const bool hidden = file_name.find("\xe2\x80\xae") != std::string_view::npos || file_name.find("\xe2\x80\xad") != std::string_view::npos ||
                      file_name.find("\xe2\x81\xa6") != std::string_view::npos || file_name.find("\xe2\x81\xa7") != std::string_view::npos;
  bool controls = std::any_of(file_name.begin(), file_name.end(), [](char c) { return IsControl(static_cast<unsigned char>(c)); });
  for (size_t i = 0; i + 1 < file_name.size(); ++i) controls |= file_name[i] == '\xc2' && static_cast<unsigned char>(file_name[i + 1]) < 0xA0;
  if (hidden || controls) return InvalidAttachment("a file name is without control characters");
  if (bytes > kAttachmentBytesMax) {
    return Error(Reason::kAttachmentTooLarge, fmt::format("a file has at most {} bytes", kAttachmentBytesMax),
                 {{"limit_bytes", std::to_string(kAttachmentBytesMax)}});
  }
  if (bytes == 0) return Error(Reason::kFieldInvalid, "a file is not empty", {{"field", "info.bytes"}});
  return absl::OkStatus();
}

absl::Status Attachments::Load() {
  absl::MutexLock lock(&mu_);
  waiting_ = 0;
  return store_.raw().Scan(kFamilyAttachment, {}, [&](std::string_view, std::string_view) {
    mu_.AssertHeld();
    ++waiting_;
    return true;
  });
}

absl::StatusOr<std::string> Attachments::Keep(Attachment file) {
  ACCORD_RETURN_IF_ERROR(CheckFile(file.file_name(), file.data().size()));
  const std::string_view is = referral::MediaTypeOf(file.data());
  if (is.empty() || is != file.media_type()) {
    return Error(Reason::kAttachmentTypeRefused,
                 is.empty() ? "the file is of no type that is taken" : "the file is of another type than was said; nothing was kept",
                 {{"media_type", std::string(is)}});
  }
  if (free_bytes_) {
    const auto free = free_bytes_();
    if (free.ok() && *free < floor_bytes_) return Error(Reason::kDiskFloor, "there is no room for a file; push without it what cannot wait");
  }
  const std::string id = IdOf(file);
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(auto known, store_.Get<StoredAttachment>(kFamilyAttachment, id));
  if (!known.has_value() && waiting_ >= kAttachmentsWaitingMax) {
    return Error(Reason::kQueueFull, "too many files wait for the push they go with", {{"retry_after_ms", "60000"}});
  }
  StoredAttachment row = known.value_or(StoredAttachment());
  row.mutable_file()->set_file_name(file.file_name());  // Its bytes stand in a row of their own.
  row.mutable_file()->set_media_type(file.media_type());
  row.set_uploaded_at_ms(absl::ToUnixMillis(clock_.Now()));
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyAttachment, id, row);
  if (!known.has_value()) store_.Put(batch, kFamilyAttachmentData, id, file);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  waiting_ += known.has_value() ? 0 : 1;
  return ToHex(id);
}

absl::StatusOr<StoredAttachment> Attachments::Row(std::string_view id) const {
  const auto key = FromHex(id);
  if (!key.has_value() || key->size() != crypto::kDigestBytes) return NotFound();
  ACCORD_ASSIGN_OR_RETURN(auto row, store_.Get<StoredAttachment>(kFamilyAttachment, *key));
  if (!row.has_value()) return NotFound();
  return *std::move(row);
}

absl::Status Attachments::Check(const google::protobuf::RepeatedPtrField<std::string>& ids) const {
  const auto invalid = [](std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", "options.attachments"}}); };
  if (ids.size() > kAttachmentsPerPushMax) return invalid(fmt::format("at most {} files go with a push", kAttachmentsPerPushMax));
  if (std::set<std::string>(ids.begin(), ids.end()).size() != static_cast<size_t>(ids.size())) return invalid("a file goes with a push once");
  const int64_t since_ms = absl::ToUnixMillis(clock_.Now() - kAttachmentKept);
  for (const std::string& id : ids) {
    ACCORD_ASSIGN_OR_RETURN(const StoredAttachment row, Row(id));
    if (row.uploaded_at_ms() < since_ms) return NotFound();
  }
  return absl::OkStatus();
}

absl::Status Attachments::Take(accord::storage::Batch& batch, const google::protobuf::RepeatedPtrField<std::string>& ids,
                               const std::string& request_id) const {
  absl::MutexLock lock(&mu_);
  ACCORD_RETURN_IF_ERROR(Check(ids));
  for (const std::string& id : ids) {
    ACCORD_ASSIGN_OR_RETURN(StoredAttachment row, Row(id));
    row.add_pushes(request_id);
    store_.Put(batch, kFamilyAttachment, *FromHex(id), row);
  }
  return absl::OkStatus();
}

absl::Status Attachments::Drop(accord::storage::Batch& batch, const google::protobuf::RepeatedPtrField<std::string>& ids,
                               const std::string& request_id) {
  absl::MutexLock lock(&mu_);
  for (const std::string& id : ids) {
    const auto row = Row(id);
    if (HasReason(row.status(), Reason::kAttachmentNotFound)) continue;
    ACCORD_RETURN_IF_ERROR(row);
    const bool shared = std::any_of(row->pushes().begin(), row->pushes().end(), [&](const std::string& push) { return push != request_id; });
    if (shared) continue;
    batch.Delete(kFamilyAttachment, *FromHex(id));
    batch.Delete(kFamilyAttachmentData, *FromHex(id));
    --waiting_;
  }
  return absl::OkStatus();
}

absl::StatusOr<Attachment> Attachments::Get(std::string_view id) const {
  ACCORD_RETURN_IF_ERROR(Row(id).status());
  ACCORD_ASSIGN_OR_RETURN(auto file, store_.Get<Attachment>(kFamilyAttachmentData, *FromHex(id)));
  if (!file.has_value()) return Error(Reason::kStoreCorrupt, "the bytes of a file that waits are not there");
  return *std::move(file);
}

absl::Status Attachments::Sweep(absl::FunctionRef<bool(const std::string& request_id)> is_settled) {
  absl::MutexLock lock(&mu_);
  const int64_t before_ms = absl::ToUnixMillis(clock_.Now() - kAttachmentKept - kSweepDelay);
  std::vector<std::string> keys;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyAttachment, {}, [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }));
  for (const std::string& key : keys) {
    ACCORD_ASSIGN_OR_RETURN(const auto row, store_.Get<StoredAttachment>(kFamilyAttachment, key));
    if (!row.has_value() || row->uploaded_at_ms() >= before_ms) continue;
    if (!std::all_of(row->pushes().begin(), row->pushes().end(), is_settled)) continue;
    accord::storage::Batch batch;
    batch.Delete(kFamilyAttachment, key);
    batch.Delete(kFamilyAttachmentData, key);
    ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
    --waiting_;
  }
  return absl::OkStatus();
}

}  // namespace accord::agent
