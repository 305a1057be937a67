#include "common/agent/published_support.h"

#include <utility>

#include "accord/storage/v1/agent.pb.h"

#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/storage/batch.h"

namespace accord::agent {

absl::Status PublishedSupport::Load() {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, store_.Get<storage::v1::StoredOffers>(kFamilyMeta, kMetaOffers));
  if (!stored.has_value()) return absl::OkStatus();
  absl::MutexLock lock(&mu_);
  stored_ = stored->SerializeAsString();
  for (const auto& row : stored->offers()) offers_.emplace(row.agency(), row.support());
  return absl::OkStatus();
}

absl::StatusOr<admin::v1::PublishSupportResponse> PublishedSupport::Publish(const admin::v1::PublishSupportRequest& request) {
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  ACCORD_ASSIGN_OR_RETURN(auto response, broker_.PublishSupport(request));
  ACCORD_ASSIGN_OR_RETURN(const auto receipt, broker_.GetReceipt(response.index()));
  ACCORD_ASSIGN_OR_RETURN(const auto verified, log_.Verify(receipt, type::v1::EVENT_TYPE_SUPPORT_PUBLISHED, ""));
  admin::v1::SupportOffer offer = request.support();
  offer.clear_published_at_ms();  // The broker's to set, and not committed to.
  if (verified.event.change_digest() != crypto::Sha256(offer.SerializeAsString())) {
    return alarm_.Raise(Error(Reason::kReceiptInvalid, "the receipt is of another offer"), {receipt.SerializeAsString()});
  }
  return response;
}

absl::Status PublishedSupport::Learn(const std::vector<admin::v1::Agency>& directory) {
  std::map<std::string, admin::v1::SupportOffer, std::less<>> offers;
  for (const admin::v1::Agency& agency : directory) {
    if (agency.active() && agency.has_support()) offers.emplace(agency.id(), agency.support());
  }
  storage::v1::StoredOffers stored;
  for (const auto& [agency, offer] : offers) {
    auto& row = *stored.add_offers();
    row.set_agency(agency);
    *row.mutable_support() = offer;
  }
  std::string bytes = stored.SerializeAsString();
  {
    absl::MutexLock lock(&mu_);
    offers_ = std::move(offers);
    if (bytes == stored_) return absl::OkStatus();
  }
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyMeta, kMetaOffers, stored);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  absl::MutexLock lock(&mu_);
  stored_ = std::move(bytes);
  return absl::OkStatus();
}

std::optional<SupportService> PublishedSupport::Of(std::string_view agency, absl::Time now) const {
  absl::MutexLock lock(&mu_);
  const auto found = offers_.find(agency);
  if (found == offers_.end()) return std::nullopt;
  const admin::v1::SupportOffer& offer = found->second;
  if (offer.valid_until_ms() != 0 && offer.valid_until_ms() <= absl::ToUnixMillis(now)) return std::nullopt;
  return FromOffer(agency, offer);
}

}  // namespace accord::agent
