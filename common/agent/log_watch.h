// Holds the broker to its log: verifies every receipt, keeps the last checkpoint, and accepts a newer one
// only with a proof that it extends the one held. A fork shown to this agency raises the alarm.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "accord/storage/v1/witness.pb.h"
#include "accord/type/v1/entry.pb.h"
#include "common/agent/agency_store.h"
#include "common/agent/alarm.h"
#include "common/agent/broker_link.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/note.h"

namespace accord::agent {

// What a verified receipt says.
struct VerifiedReceipt {
  uint64_t index = 0;
  type::v1::EntryEvent event;
  type::v1::EntryReferral referral;    // Empty when that part was not opened; so the next.
  type::v1::EntryDecisions decisions;
};

// What a receipt says it is of, unproven: empty where it does not say. Pure. Thread-safe.
std::pair<type::v1::EntryEvent, type::v1::EntryReferral> WhatOf(const type::v1::Receipt& receipt);

// Whose referral an entry must be about.
struct OfRequest {
  std::string_view sender;
  std::string_view request_id;
};

// The checkpoint held moves by compare-and-swap: consistency is asked for and verified against what was held then, without a
// lock, and the new one takes its place, in one fsynced write, only if that is still held.
//
//   Verify:  held A ── proof A→C ── swap A→C: lost, B is held ── proof B→C ── swap B→C
//   Poll:    held A ── proof A→B ── swap A→B
//
// What was cosigned last moves in the same write, so nothing is signed that the store would not remember.
//
// Thread-safe.
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

  // Holds `note`, if it extends the one held or the one held extends it, and in the same write notes that it is about to be
  // cosigned. Returns the time to cosign at, in POSIX seconds: `now`, or the time of the last cosignature when that is later.
  // Nothing when a larger one was cosigned already. Errors as Verify.
  absl::StatusOr<std::optional<uint64_t>> HoldToCosign(const std::string& note, absl::Time now);

  // Size of the checkpoint held; 0 before the first.
  uint64_t size() const;
  const ledger::Vkey& log_key() const { return log_key_; }

 private:
  LogWatch(AgencyStore& store, BrokerLink& broker, Alarm& alarm, ledger::Vkey log_key)
      : store_(store), broker_(broker), alarm_(alarm), log_key_(std::move(log_key)) {}

  // For HoldToCosign: in, the present time; out, the time to cosign at.
  struct Cosigning {
    uint64_t now_s = 0;
    std::optional<uint64_t> time_s;
  };
  absl::Status Hold(const std::string& note, Cosigning* cosigning);
  // That `next` and the checkpoint of `held`, a note, are of one history. Raises the alarm when they are not.
  absl::Status CheckConsistent(const ledger::Checkpoint& next, const std::string& note, const std::string& held);
  // Puts `next` in the place of `held`. False: something else is held by now.
  absl::StatusOr<bool> Swap(const std::string& held, const ledger::Checkpoint& next, const std::string& note,
                            Cosigning* cosigning);

  AgencyStore& store_;
  BrokerLink& broker_;
  Alarm& alarm_;
  const ledger::Vkey log_key_;

  mutable absl::Mutex mu_;
  std::string held_note_ ABSL_GUARDED_BY(mu_);  // Empty before the first.
  uint64_t held_size_ ABSL_GUARDED_BY(mu_) = 0;
  storage::v1::StoredCosigned cosigned_ ABSL_GUARDED_BY(mu_);  // Size 0 before the first.
};

}  // namespace accord::agent
