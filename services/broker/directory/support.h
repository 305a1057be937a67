// Whom each agency takes, and whether it has room, as it publishes that itself.
//
// No decision depends on it: it moves no epoch, and whoever refers asks for the directory from time to time and routes by what it says.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

inline constexpr uint32_t kSupportAgeMax = 120;        // Years.
inline constexpr int kSupportListMax = 64;             // Rows of each of its lists.
inline constexpr size_t kSupportTextBytesMax = 32;     // Of a gender or language, UTF-8.
inline constexpr absl::Duration kSupportIntervalMin = absl::Seconds(1);  // Between two changes of one agency.

// OK when `offer` may be published at `now`; `published_at_ms` is of no account. Pure. Thread-safe.
//   FIELD_INVALID, ENUM_UNKNOWN or TEXT_NOT_UTF8, with metadata `field`
absl::Status ValidateSupport(const admin::v1::SupportOffer& offer, absl::Time now);

// What `agency` has published and what holds at `now`; nothing when it has published nothing, or what it did is past. Whether the agency
// is active is for the caller to know. Errors of `read`; STORE_CORRUPT.
absl::StatusOr<std::optional<storage::v1::StoredSupport>> SupportInForce(PlainReader read, std::string_view agency, absl::Time now);

struct SupportAct {
  std::string request_id;
  admin::v1::SupportOffer offer;
  type::v1::Worker worker;
};
using SupportDone = absl::AnyInvocable<void(absl::StatusOr<storage::v1::StoredSupport> standing) &&>;

// Puts the offer in place of the caller's earlier one, with the entry SUPPORT_PUBLISHED on the caller's chain, in one batch. What holds
// already, under whatever request id, is answered as it stands and writes nothing. The request id of the offer that stands is remembered
// and no earlier one: an agency has one offer, and the last that it asked for counts.
//   FIELD_INVALID      request id, or ValidateSupport
//   REQUEST_ID_REUSED  the offer that stands was published under this id, and is another
//   QUOTA_EXCEEDED     the last change is less than kSupportIntervalMin ago; with retry_after_ms
class PublishSupportCommand : public Command {
 public:
  PublishSupportCommand(Caller caller, SupportAct act, SupportDone done);

  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  absl::StatusOr<uint64_t> AddPublished(CommitContext& context, const std::string& offer) const;

  const Caller caller_;
  const SupportAct act_;
  storage::v1::StoredSupport standing_;
  SupportDone done_;
};

}  // namespace accord::broker
