// Who holds which section of a referral, in which version, since when and on what basis.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/delivery/telling.h"

namespace accord::broker {

// One section at one holder; the basis is that of its tag as it stands now.
struct HeldSection {
  std::string id;
  type::v1::Category category = type::v1::CATEGORY_UNSPECIFIED;
  std::string rule_id;  // Of its last release; empty when that was before rules were kept.
  type::v1::Article6Basis article6 = type::v1::ARTICLE6_BASIS_UNSPECIFIED;
  type::v1::ConfidentialityConsent consent = type::v1::CONFIDENTIALITY_CONSENT_UNSPECIFIED;
  type::v1::Gateway gateway = type::v1::GATEWAY_UNSPECIFIED;
};

// One desk that was released something of one version.
struct Holder {
  std::string header_digest;              // Of the version.
  storage::v1::StoredRecipient recipient;  // As it stands: state, and the newest change with its answer.
  int64_t since_ms = 0;
  std::vector<HeldSection> sections;
};

// A referral with the versions before and after it, at most kVersionsMax each way: its holders, the oldest version first, and the
// entry's part about the one that was asked for.
struct HoldersOfReferral {
  std::vector<Holder> holders;
  storage::v1::StoredReferral asked;
  type::v1::HeaderCore core;  // Of that.
};

// For `agency`, which asks with a certificate of `desk`. Thread-safe if the readers are.
//   NOT_PERMITTED  no such referral, or `agency` did not send it
//   ERASED         it was, and the agency knew of it
//   DATA_LOSS      what is stored does not parse
absl::StatusOr<HoldersOfReferral> FindHolders(SealedReader read, PlainReader read_plain, std::string_view header_digest,
                                              std::string_view agency, type::v1::Desk desk);

}  // namespace accord::broker
