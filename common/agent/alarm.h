// What stops an agency service from sending: a broker that forked its log, gave a receipt that does not
// verify, or names a sealing key the area authority did not sign (design.md §5 "Ledger", §4 "Whose keys").
//
// An alarm is durable and stays over restarts, until a person who has kept the evidence clears it
// (`--clear-alarm` of the service; runbooks/fork.md).
#pragma once

#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/storage/v1/agent.pb.h"
#include "common/agent/agency_store.h"
#include "common/base/clock.h"

namespace accord::agent {

// Thread-safe.
class Alarm {
 public:
  Alarm(AgencyStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Reads a standing alarm. Errors of the store.
  absl::Status Load();
  // Raises an alarm with `status` as its reason; the first one stands. Returns `status`. If it cannot
  // be made durable it stands in memory all the same.
  absl::Status Raise(const absl::Status& status, std::vector<std::string> evidence);
  // OK, or the error for which sending is stopped.
  absl::Status Check() const;
  std::optional<storage::v1::StoredAlarm> standing() const;
  // Clears a standing alarm, durably.
  absl::Status Clear();

 private:
  AgencyStore& store_;
  const Clock& clock_;
  mutable absl::Mutex mu_;
  std::optional<storage::v1::StoredAlarm> standing_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::agent
