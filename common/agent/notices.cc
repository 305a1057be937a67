#include "common/agent/notices.h"

#include <algorithm>
#include <string>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/telemetry/log.h"

namespace accord::agent {

absl::Status Notices::Load() {
  accord::storage::Range newest;
  newest.descending = true;
  absl::MutexLock lock(&mu_);
  return store_.raw().Scan(kFamilyNotice, newest, [this](std::string_view key, std::string_view) {
    mu_.AssertHeld();
    count_ = U64FromKey(key).value_or(0);
    return false;
  });
}

absl::Status Notices::Receive(const broker::v1::Delivery& delivery) {
  const auto& notice = delivery.notice();
  if (delivery.delivery_id().size() != kIdBytes) {
    return Error(Reason::kFieldInvalid, "a delivery without its id", {{"field", "delivery_id"}});
  }
  if (notice.kind() == type::v1::NOTICE_KIND_UNSPECIFIED || notice.header_digest().size() != crypto::kDigestBytes || !IsAgencyId(notice.agency())) {
    return Error(Reason::kFieldInvalid, "a notice without its kind, referral or agency", {{"field", "notice"}});
  }
  ACCORD_RETURN_IF_ERROR(log_.Verify(delivery.released(), type::v1::EVENT_TYPE_RELEASED, notice.header_digest()));
  {
    absl::MutexLock lock(&mu_);
    ACCORD_ASSIGN_OR_RETURN(const auto known, store_.raw().Get(kFamilyDelivery, delivery.delivery_id()));
    if (known.has_value()) return absl::OkStatus();
    storage::v1::StoredNotice stored;
    *stored.mutable_notice() = notice;
    stored.set_received_at_ms(absl::ToUnixMillis(clock_.Now()));
    accord::storage::Batch batch;
    store_.Put(batch, kFamilyNotice, KeyU64(count_ + 1), stored);
    batch.Put(kFamilyDelivery, delivery.delivery_id(), KeyU64(static_cast<uint64_t>(stored.received_at_ms())));
    ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
    ++count_;
  }
  telemetry::Log(telemetry::Level::kWarn, "notice.received",
                 {{"kind", type::v1::NoticeKind_Name(notice.kind())}, {"agency", notice.agency()}, {"reminder", notice.reminder()}});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::pair<uint64_t, storage::v1::StoredNotice>>> Notices::List(uint64_t before, int limit) const {
  std::vector<uint64_t> places;
  accord::storage::Range range;
  range.descending = true;
  if (before != 0) range.upper = KeyU64(before);
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyNotice, range, [&](std::string_view key, std::string_view) {
    places.push_back(U64FromKey(key).value_or(0));
    return places.size() < static_cast<size_t>(limit);
  }));
  std::vector<std::pair<uint64_t, storage::v1::StoredNotice>> rows;
  for (const uint64_t place : places) {
    ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<storage::v1::StoredNotice>(kFamilyNotice, KeyU64(place)));
    if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "a notice that was listed is not there");
    rows.emplace_back(place, *std::move(stored));
  }
  return rows;
}

absl::Status Notices::SettleLink(std::string_view link) {
  const std::string key = std::string(kMetaLinkPrefix) + std::string(link);
  ACCORD_ASSIGN_OR_RETURN(const auto known, store_.raw().Get(kFamilyMeta, key));
  if (known.has_value()) return absl::OkStatus();
  accord::storage::Batch batch;
  batch.Put(kFamilyMeta, key, KeyU64(static_cast<uint64_t>(absl::ToUnixMillis(clock_.Now()))));
  return store_.Commit(batch);
}

absl::StatusOr<std::vector<storage::v1::StoredNotice>> Notices::OpenLinks() const {
  ACCORD_ASSIGN_OR_RETURN(const auto rows, List(0, kLinkNoticesScanned));
  std::vector<storage::v1::StoredNotice> open;
  for (const auto& [place, stored] : rows) {
    if (stored.notice().kind() != type::v1::NOTICE_KIND_LINK_PROPOSED) continue;
    ACCORD_ASSIGN_OR_RETURN(const auto settled, store_.raw().Get(kFamilyMeta, std::string(kMetaLinkPrefix) + stored.notice().link()));
    if (!settled.has_value()) open.push_back(stored);
  }
  return open;
}

uint64_t Notices::count() const {
  absl::MutexLock lock(&mu_);
  return count_;
}

}  // namespace accord::agent
