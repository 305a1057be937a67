// Holds the broker to its log: verifies every receipt, keeps the last checkpoint, and accepts a newer one
// only with a proof that it extends the one held. A fork shown to this agency raises the alarm.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "accord/type/v1/entry.pb.h"
#include "common/agent/agency_store.h"
#include "common/agent/alarm.h"
#include "common/agent/broker_link.h"
#include "common/ledger/note.h"

namespace accord::agent {

// What a verified receipt says.
struct VerifiedReceipt {
  uint64_t index = 0;
  type::v1::EntryEvent event;
  type::v1::EntryReferral referral;    // Empty when that part was not opened; so the next.
  type::v1::EntryDecisions decisions;
};

// Whose referral an entry must be about.
struct OfRequest {
  std::string_view sender;
  std::string_view request_id;
};

// Thread-safe; one verification at a time.
class LogWatch {
 public:
  // `log_vkey`: the log's verification key as configured by this agency itself.
  static absl::StatusOr<std::unique_ptr<LogWatch>> Open(AgencyStore& store, BrokerLink& broker, Alarm& alarm,
                                                        std::string_view log_vkey);

  // Verifies `receipt` against the log key, its openings against the leaf, and its checkpoint against the
  // one held; then holds the newer of the two. `type` is the event the entry must record, `header_digest`
  // the referral it must be about, `request` who sent it under which id, where the caller knows.
  //   RECEIPT_INVALID, LOG_FORKED  the alarm is raised and sending stops
  //   BROKER_UNREACHABLE           consistency could not be asked for; nothing is held against anybody
  absl::StatusOr<VerifiedReceipt> Verify(const type::v1::Receipt& receipt, type::v1::EventType type,
                                         std::string_view header_digest, std::optional<OfRequest> request = std::nullopt);

  // Fetches the newest checkpoint and holds it, if it extends the one held. Errors as Verify.
  absl::Status Poll();

  // Size of the checkpoint held; 0 before the first.
  uint64_t size() const;

 private:
  LogWatch(AgencyStore& store, BrokerLink& broker, Alarm& alarm, ledger::Vkey log_key)
      : store_(store), broker_(broker), alarm_(alarm), log_key_(std::move(log_key)) {}
  absl::Status HoldLocked(const std::string& note) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  AgencyStore& store_;
  BrokerLink& broker_;
  Alarm& alarm_;
  const ledger::Vkey log_key_;

  mutable absl::Mutex mu_;
  std::string held_note_ ABSL_GUARDED_BY(mu_);  // Empty before the first.
  uint64_t held_size_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace accord::agent
