// Notices that something is overdue: a gap not reviewed, a change not answered, a breach not assessed. They are for the people
// who see to it; here they are kept, listed, and told to the log of the service without naming anybody.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/broker/v1/mailbox_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "common/agent/agency_store.h"
#include "common/agent/log_watch.h"
#include "common/base/clock.h"

namespace accord::agent {

inline constexpr int kLinkNoticesScanned = 500;

// Thread-safe.
class Notices {
 public:
  Notices(AgencyStore& store, LogWatch& log, const Clock& clock) : store_(store), log_(log), clock_(clock) {}

  // Finds the place of the next arrival. Errors of the store.
  absl::Status Load();

  // Takes a delivery with a notice. As Inbox::Receive.
  absl::Status Receive(const broker::v1::Delivery& delivery);

  // With their order of arrival, the newest first; `before` 0 for the first page. REQUIRES: 1 ≤ limit ≤ 500.
  absl::StatusOr<std::vector<std::pair<uint64_t, storage::v1::StoredNotice>>> List(uint64_t before, int limit) const;

  // Notes that a pair of cases is answered, `links/…`. Durable.
  absl::Status SettleLink(std::string_view link);
  // Notices of pairs of cases that are not, of the newest kLinkNoticesScanned notices; the newest first.
  absl::StatusOr<std::vector<storage::v1::StoredNotice>> OpenLinks() const;

  // How many arrived so far.
  uint64_t count() const;

 private:
  AgencyStore& store_;
  LogWatch& log_;
  const Clock& clock_;
  mutable absl::Mutex mu_;
  uint64_t count_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace accord::agent
