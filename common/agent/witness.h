// The agency as a witness of the log (c2sp.org/tlog-cosignature v1): it cosigns the published checkpoints that extend what it
// holds, so that whoever sees enough cosignatures knows that no other history was shown to these agencies.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <atomic>
#include <string>

#include "common/agent/alarm.h"
#include "common/agent/broker_link.h"
#include "common/agent/log_watch.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/crypto/ed25519.h"

namespace accord::agent {

// Between two looks at the newest published checkpoint, give or take kWitnessJitter: after one that was new, and otherwise.
inline constexpr absl::Duration kWitnessIntervalMoving = absl::Seconds(2);
inline constexpr absl::Duration kWitnessIntervalIdle = absl::Seconds(10);
inline constexpr double kWitnessJitter = 0.25;
// A checkpoint that stays the newest is cosigned again with a fresh time: an idle log is still watched.
inline constexpr absl::Duration kRecosignInterval = absl::Minutes(10);

struct WitnessKey {
  std::string name;  // Of the note key; a valid key name.
  crypto::Ed25519Signer signer;

  ledger::Vkey Vkey() const { return ledger::Vkey::Make(name, ledger::kTypeCosignatureV1, signer.verifier()); }
};
// The key of a PEM file that nobody but its owner may read. FIELD_INVALID for a name that may not name a key or a file that is
// no Ed25519 key; FAILED_PRECONDITION when others may read it.
absl::StatusOr<WitnessKey> LoadWitnessKey(const std::string& path, std::string name);

// Order, so that no crash makes the key sign two histories: held and noted as cosigned in one fsynced write (LogWatch), then
// signed, then sent. A checkpoint whose sending was not answered is cosigned again, at a time not earlier.
//
// Step from one thread; cosigned_size is thread-safe.
class Witness {
 public:
  // All references must outlive this.
  Witness(LogWatch& log, BrokerLink& broker, const Alarm& alarm, const Clock& clock, Random& random, WitnessKey key)
      : log_(log), broker_(broker), alarm_(alarm), clock_(clock), random_(random), key_(std::move(key)) {}

  // Looks once. OK too when there was nothing to cosign. Blocks.
  //   those of LogWatch::Verify   the broker shows what does not fit: the alarm is raised, and nothing is signed
  //   a standing alarm's          nothing is signed while it stands
  //   WITNESS_UNKNOWN and others of the broker  not taken; tried again
  absl::Status Step();
  // Until the next Step.
  absl::Duration NextDelay();

  // Of the newest checkpoint whose cosignature the broker took since the start; 0 before the first.
  uint64_t cosigned_size() const { return cosigned_size_; }

 private:
  LogWatch& log_;
  BrokerLink& broker_;
  const Alarm& alarm_;
  const Clock& clock_;
  Random& random_;
  const WitnessKey key_;

  bool moving_ = true;
  std::string taken_text_;  // Of the note that the broker took last.
  absl::Time taken_at_ = absl::InfinitePast();
  std::atomic<uint64_t> cosigned_size_ = 0;
};

}  // namespace accord::agent
