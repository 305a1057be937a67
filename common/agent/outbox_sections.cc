// What goes beside a submission: files that were uploaded for it, and sections too large for its row and its message. And finding it by its header.
#include <utility>

#include "common/agent/outbox.h"
#include "common/base/status.h"
#include "common/referral/states.h"

namespace accord::agent {

using storage::v1::StoredSubmission;

absl::Status Outbox::CheckFiles(const Draft& draft) const {
  const auto& ids = draft.options.attachments();
  if (ids.empty()) return absl::OkStatus();
  if (referral::IsRecordOnly(draft.core.type())) {
    return Error(Reason::kFieldInvalid, "files go to somebody: a record alone has none", {{"field", "options.attachments"}});
  }
  if (files_ == nullptr) return Error(Reason::kAttachmentNotFound, "this service keeps no files");
  return files_->Check(ids);
}

absl::Status Outbox::UploadSections(const std::string& request_id, const SealedList& sections) {
  for (const auto& section : sections) {
    if (section.uploaded().empty()) continue;
    ACCORD_ASSIGN_OR_RETURN(const std::string cms, sections_->BytesOf(SectionOwner::Sent(request_id), section));
    ACCORD_RETURN_IF_ERROR(broker_.UploadSection(request_id, section.uploaded(), cms));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Outbox::UploadNext(const std::string& request_id, const StoredSubmission& submission) {
  // What was sent before may be there still, or be stored: then it is not uploaded again, large as it is, until the broker asks for it.
  if (submission.attempts() > 0 && !uploaded_.contains(request_id)) return false;
  const auto& sections = submission.prepared().sections();
  int& next = uploaded_[request_id];
  while (next < sections.size() && sections[next].uploaded().empty()) ++next;
  if (next >= sections.size()) {
    uploaded_.erase(request_id);
    return false;
  }
  ACCORD_ASSIGN_OR_RETURN(const std::string cms, sections_->BytesOf(SectionOwner::Sent(request_id), sections[next]));
  ACCORD_RETURN_IF_ERROR(broker_.UploadSection(request_id, sections[next].uploaded(), cms));
  ++next;
  return true;
}

absl::StatusOr<std::optional<std::pair<std::string, StoredSubmission>>> Outbox::FindSent(std::string_view header_digest) const {
  using Found = std::optional<std::pair<std::string, StoredSubmission>>;
  absl::MutexLock lock(&mu_);
  const auto found = by_digest_.find(std::string(header_digest));
  if (found == by_digest_.end()) return Found();
  ACCORD_ASSIGN_OR_RETURN(auto submission, store_.Get<StoredSubmission>(kFamilyOutbox, found->second));
  if (!submission.has_value() || submission->header_digest() != header_digest) return Found();
  return Found(std::pair(found->second, *std::move(submission)));
}

absl::Status Outbox::TidySections(const std::string& request_id) {
  if (sections_ == nullptr) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const StoredSubmission submission, Get(request_id));
  SealedList left = submission.prepared().sections();
  left.MergeFrom(submission.pending_sections());
  accord::storage::Batch batch;
  ACCORD_RETURN_IF_ERROR(sections_->Drop(batch, SectionOwner::Sent(request_id), left));
  return batch.empty() ? absl::OkStatus() : store_.Commit(batch);
}

absl::Status Outbox::DropBeside(accord::storage::Batch& batch, const std::string& request_id, const StoredSubmission& erased) {
  if (sections_ == nullptr) return absl::OkStatus();
  ACCORD_RETURN_IF_ERROR(sections_->Drop(batch, SectionOwner::Sent(request_id), {}));
  return files_->Drop(batch, erased.draft().options().attachments(), request_id);
}

}  // namespace accord::agent
