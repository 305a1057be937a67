// What an agency received, and what its workers do with it.
//
// A delivery is verified whole before it is acknowledged: the sender's signature and certificate, every opening, every
// section's digest, binding and padding, the `released` receipt. Content stays sealed in the store and is opened when a
// worker reads. Every act of a worker is a signed statement, durable here before it is sent, and sent again, byte for
// byte, until the broker has answered.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/broker/v1/mailbox_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "common/agent/agency_keys.h"
#include "common/agent/agency_store.h"
#include "common/agent/alarm.h"
#include "common/agent/broker_link.h"
#include "common/agent/log_watch.h"
#include "common/agent/outbox.h"
#include "common/base/clock.h"
#include "common/referral/header.h"

namespace accord::agent {

inline constexpr int kStatementReceiptsMax = 16;  // Of one referral, the newest.

// A received referral with its header opened.
struct InboxEntry {
  std::string header_digest;
  storage::v1::StoredReceived stored;
  referral::OpenedHeader header;
};

// Thread-safe. Acts of workers are carried out one at a time, the call to the broker included, because each statement
// names the one before it.
class Inbox {
 public:
  Inbox(AgencyStore& store, const AgencyKeys& keys, BrokerLink& broker, LogWatch& log, Alarm& alarm, Outbox& outbox,
        const Clock& clock)
      : store_(store), keys_(keys), broker_(broker), log_(log), alarm_(alarm), outbox_(outbox), clock_(clock) {}

  // Finds the place of the next arrival and what waits for the broker. Errors of the store.
  absl::Status Load();

  // Takes a delivery. OK: durable, to be acknowledged; a repeated one changes nothing. An INVALID_ARGUMENT,
  // PERMISSION_DENIED or FAILED_PRECONDITION is for good and names what to reject it with; anything else is for later.
  absl::Status Receive(const broker::v1::Delivery& delivery);

  // The newest first; `before` 0 for the first page. REQUIRES: 1 ≤ limit ≤ 500.
  absl::StatusOr<std::vector<InboxEntry>> List(uint64_t before, int limit) const;
  // REFERRAL_NOT_FOUND when it was not received.
  absl::StatusOr<InboxEntry> Get(std::string_view header_digest) const;

  // The sections in clear, for `worker`. The first reading is the statement OPENED; it is sent now if the broker
  // answers and later if not: nobody waits for a network to read what the agency holds.
  absl::StatusOr<std::vector<agency::v1::OpenedSection>> Read(const std::string& request_id,
                                                              std::string_view header_digest,
                                                              const type::v1::Worker& worker);

  // Signs and sends a statement; `fill` adds what its kind needs. Returns the entry in its new state.
  //   TRANSITION_ILLEGAL   not in this state, or not this kind of agency; metadata has the state
  //   REQUEST_ID_REUSED    the id stands for another act on this referral
  //   BROKER_UNREACHABLE   signed and durable; it is sent again by itself
  absl::StatusOr<InboxEntry> Act(const std::string& request_id, std::string_view header_digest,
                                 const type::v1::Worker& worker, type::v1::StatementKind kind,
                                 absl::FunctionRef<void(type::v1::Statement&)> fill);

  // Sends again what waits for the broker's answer. Called periodically.
  void ResendPending();

  // True when the referral was received and not erased.
  absl::StatusOr<bool> Has(std::string_view header_digest) const;
  // Deletes a received referral; `fill` adds to the same write what is left of it. False when it was not received: nothing is
  // written. Whether it may be erased is the caller's to judge (holds.h), but for one thing:
  //   TRANSITION_ILLEGAL  an act on it waits for the broker
  absl::StatusOr<bool> Erase(std::string_view header_digest,
                             absl::FunctionRef<void(accord::storage::Batch& batch, const storage::v1::StoredReceived& erased)> fill);

 private:
  absl::StatusOr<InboxEntry> Open(std::string header_digest, storage::v1::StoredReceived stored) const;
  absl::StatusOr<std::vector<agency::v1::OpenedSection>> OpenSections(const InboxEntry& entry) const;
  absl::Status ReceiveReferral(const broker::v1::Delivery& delivery);
  absl::Status ReceiveStatement(const broker::v1::Delivery& delivery);
  absl::Status Save(const InboxEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::Status SendPending(InboxEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);
  absl::Status Say(InboxEntry& entry, type::v1::Statement statement) ABSL_EXCLUSIVE_LOCKS_REQUIRED(act_mu_);

  AgencyStore& store_;
  const AgencyKeys& keys_;
  BrokerLink& broker_;
  LogWatch& log_;
  Alarm& alarm_;
  Outbox& outbox_;
  const Clock& clock_;

  absl::Mutex act_mu_;  // Held over calls to the broker; taken before mu_, never after.
  std::set<std::string> pending_ ABSL_GUARDED_BY(act_mu_);  // Header digests whose statement waits for the broker.
  mutable absl::Mutex mu_;
  uint64_t sequence_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace accord::agent
