// Whom agencies take and whether they have room, as each publishes it: this agency's own goes to the broker, and of the others' what the
// broker's directory said when it was last asked is what this agency routes by, between two looks at the directory, while the broker
// is away, and after a restart.
#pragma once

#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "common/agent/agency_store.h"
#include "common/agent/alarm.h"
#include "common/agent/broker_link.h"
#include "common/agent/eligibility.h"
#include "common/agent/log_watch.h"

namespace accord::agent {

// It only routes: whom a push may go to at all is the broker's to decide. Thread-safe.
class PublishedSupport {
 public:
  // All must outlive this.
  PublishedSupport(AgencyStore& store, BrokerLink& broker, LogWatch& log, Alarm& alarm) : store_(store), broker_(broker), log_(log), alarm_(alarm) {}

  // Reads what was learnt last; before Learn. A store that learnt nothing yet: nothing is known. STORE_CORRUPT.
  absl::Status Load();

  // Publishes this agency's own, and verifies the receipt of its entry. Blocks. Errors of the broker, of Alarm::Check and
  // LogWatch::Verify; RECEIPT_INVALID, and the alarm is raised, when the entry is of another offer. Nothing is kept here: after
  // BROKER_UNREACHABLE it is asked again, under the same request id.
  absl::StatusOr<admin::v1::PublishSupportResponse> Publish(const admin::v1::PublishSupportRequest& request);

  // What the directory says now, in place of what it said before. OK: durable. UNAVAILABLE: it counts until the service ends. Written only
  // when it says something else. From one thread at a time.
  absl::Status Learn(const std::vector<admin::v1::Agency>& directory);

  // What `agency` published and what holds at `now`; nothing when it has published nothing, or is not active.
  std::optional<SupportService> Of(std::string_view agency, absl::Time now) const;

 private:
  AgencyStore& store_;
  BrokerLink& broker_;
  LogWatch& log_;
  Alarm& alarm_;

  mutable absl::Mutex mu_;
  std::map<std::string, admin::v1::SupportOffer, std::less<>> offers_ ABSL_GUARDED_BY(mu_);  // By agency; at most one for each of the directory.
  std::string stored_ ABSL_GUARDED_BY(mu_);  // The bytes that are durable.
};

}  // namespace accord::agent
