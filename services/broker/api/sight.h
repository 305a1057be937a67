// Which of its parties may see a referral, and as what.
#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string_view>

#include "accord/storage/v1/broker.pb.h"
#include "common/referral/header.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// What `caller` may see of a referral; nothing when it may not know of it. A recipient is told from the release on. Thread-safe.
struct Sight {
  bool sender = false;
  const storage::v1::StoredRecipient* recipient = nullptr;  // Of the referral that was asked of.
};
std::optional<Sight> SightOf(const storage::v1::StoredReferral& stored, const referral::OpenedHeader& header, const Caller& caller);

// A referral that the caller is a party to.
struct Seen {
  storage::v1::StoredReferral stored;
  referral::OpenedHeader header;
  bool sender = false;
  storage::v1::StoredDelivery delivery;  // Of a recipient: its own.

  // What SightOf says of it.
  Sight sight(const Caller& caller) const;
};

// NOT_PERMITTED when there is no such referral, or `caller` may not know of it; ERASED when it knew. DATA_LOSS when what is stored does
// not parse. Thread-safe.
absl::StatusOr<Seen> SeeReferral(const ReadView& view, std::string_view header_digest, const Caller& caller);

}  // namespace accord::broker
