// Finding what was received: by whom it is about, who sent it, where it stands, who has it, what is late.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "common/agent/inbox.h"
#include "common/agent/workers.h"

namespace accord::agent {

inline constexpr size_t kInboxRowsLookedAtMax = 1000;  // By one call; the page's token goes on from there.
inline constexpr int kSearchedSendersMax = 32;

// A page of what was found, and where the next begins.
struct InboxPage {
  std::vector<InboxEntry> entries;  // The newest first.
  uint64_t next = 0;                // `before` of the next page; 0: there is none.
};

// True when it was not opened, answered or fed back by its time, or a change of it was not answered. Thread-safe.
bool IsOverdue(const InboxEntry& entry, absl::Time now);

// What fits all that `request` asks for, of what arrived before the place `before` (0: all), without what its worker may not know of. A page
// may have fewer than `limit` entries, even none, and be followed by another. REQUIRES: 1 ≤ limit ≤ 500. Thread-safe.
//   FIELD_INVALID  a person of whom no token can be made, too many senders, or a time before 1970
//   errors of the store
absl::StatusOr<InboxPage> SearchInbox(const Inbox& inbox, const Workers& workers, const AgencyKeys& keys,
                                      const agency::v1::SearchInboxRequest& request, uint64_t before, int limit, absl::Time now);

}  // namespace accord::agent
