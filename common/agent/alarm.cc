#include "common/agent/alarm.h"

#include "common/base/text.h"

namespace accord::agent {

absl::Status Alarm::Load() {
  ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<storage::v1::StoredAlarm>(kFamilyMeta, kMetaAlarm));
  absl::MutexLock lock(&mu_);
  standing_ = std::move(stored);
  return absl::OkStatus();
}

absl::Status Alarm::Raise(const absl::Status& status, std::vector<std::string> evidence) {
  storage::v1::StoredAlarm alarm;
  alarm.set_reason(std::string(RowOf(DetailOf(status).reason).name));
  alarm.set_text(std::string(status.message()));
  alarm.set_raised_at_ms(absl::ToUnixMillis(clock_.Now()));
  for (std::string& piece : evidence) alarm.add_evidence(std::move(piece));
  {
    absl::MutexLock lock(&mu_);
    if (standing_.has_value()) return status;
    standing_ = alarm;
  }
  storage::Batch batch;
  store_.Put(batch, kFamilyMeta, kMetaAlarm, alarm);
  // A store that refuses this write refuses the next submission as well.
  if (const absl::Status written = store_.Commit(batch); !written.ok()) return status;
  return status;
}

absl::Status Alarm::Check() const {
  absl::MutexLock lock(&mu_);
  if (!standing_.has_value()) return absl::OkStatus();
  return Error(ReasonFromName(standing_->reason()), standing_->text());
}

std::optional<storage::v1::StoredAlarm> Alarm::standing() const {
  absl::MutexLock lock(&mu_);
  return standing_;
}

absl::Status Alarm::Clear() {
  storage::Batch batch;
  batch.Delete(kFamilyMeta, kMetaAlarm);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  absl::MutexLock lock(&mu_);
  standing_.reset();
  return absl::OkStatus();
}

}  // namespace accord::agent
