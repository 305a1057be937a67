#include "common/agent/published_support.h"

#include <utility>

#include "common/base/status.h"
#include "common/crypto/digest.h"

namespace accord::agent {

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

void PublishedSupport::Learn(const std::vector<admin::v1::Agency>& directory) {
  std::map<std::string, admin::v1::SupportOffer, std::less<>> offers;
  for (const admin::v1::Agency& agency : directory) {
    if (agency.active() && agency.has_support()) offers.emplace(agency.id(), agency.support());
  }
  absl::MutexLock lock(&mu_);
  offers_ = std::move(offers);
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
