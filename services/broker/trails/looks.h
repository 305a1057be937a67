// Who looked: what agencies may see of the queries that were made under warrants, once the warrant's embargo is over (docs/warrants.md).
//
// The rows are written with each query's entry (warrants/query_entry.h) and stand in the order in which they come out, so that one under an embargo
// is not even passed over.
//
// Thread-safe: all functions are pure but for what they read of the view.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accord/inspection/v1/warrant_service.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/warrants/query_entry.h"

namespace accord::broker {

inline constexpr int kCaseReferralsLookedAtMax = 1000;  // Of one case, for whom a look at it concerns.

// True when content or notice of the referral was released to `recipient`: before that it is no party that may know. DATA_LOSS when its delivery
// is not there.
absl::StatusOr<bool> WasReleased(PlainReader read, const storage::v1::StoredRecipient& recipient);
absl::StatusOr<bool> WasReleased(const ReadView& view, const storage::v1::StoredRecipient& recipient);

// Whom a look at the referral concerns: its sender, and the desks to which something of it was released. Errors of WasReleased.
absl::StatusOr<std::set<LookedAt>> PartiesOf(PlainReader read, const std::string& sender, const storage::v1::StoredReferral& referral);
absl::StatusOr<std::set<LookedAt>> PartiesOf(const ReadView& view, const std::string& sender, const storage::v1::StoredReferral& referral);

// The same of the newest kCaseReferralsLookedAtMax referrals of the case; none of them is told which it was. Errors of the view.
absl::StatusOr<std::set<LookedAt>> PartiesOfCase(const ReadView& view, std::string_view pseudonym);

// One page, those that came out last first.
struct LookPage {
  std::vector<inspection::v1::Look> looks;
  std::string next;  // Position at which the next page begins; empty on the last.
};

// Up to `size` looks that `agency` may see at `now`, after position `after`, empty for the first page. PAGE_TOKEN_INVALID for a position that is
// none. DATA_LOSS when a row does not parse.
absl::StatusOr<LookPage> ListLooks(const ReadView& view, const Caller& agency, std::string_view after, int size, absl::Time now);

}  // namespace accord::broker
