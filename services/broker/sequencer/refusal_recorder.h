// Puts refusals on the record, within a bound that no caller can push it over.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/clock.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr uint32_t kRefusalsPerMinuteMax = 20;   // Entries for each principal and reason.
inline constexpr size_t kRefusalWindowsMax = 4096;      // Principals × reasons held; beyond it nothing is lost:
                                                        // they are counted under the principal `unknown`.

// One refusal of an authenticated principal. Unauthenticated ones are metrics only.
struct Refusal {
  std::string principal;    // "agency/<id>" …, or kUnknownPrincipal when it is not enrolled.
  std::string certificate;  // SHA-256 of the client certificate.
  std::string method;       // "/package.Service/Method".
  absl::Status status;      // Its reason goes into the entry, its message does not.
  std::string signature_digest;  // Digest of a signed payload that was refused; empty when there is none.
};

// The first kRefusalsPerMinuteMax refusals of a principal and reason in a minute are entries on
// the principal's chain; the rest of that minute is one entry with their count. Entries are
// queued, not waited for: a refusal is answered at once.
//
// Thread-safe.
class RefusalRecorder {
 public:
  // Both must outlive this.
  RefusalRecorder(CommandQueue& queue, const Clock& clock) : queue_(queue), clock_(clock) {}

  void Record(const Refusal& refusal);
  // Queues the summaries of minutes that are over. Called every minute, and with `all` before
  // the sequencer stops, so that no count is lost in an orderly stop.
  void Flush(bool all = false);

 private:
  struct Window {
    int64_t minute = 0;
    uint64_t count = 0;
    std::string method;  // Of the last one.
  };
  using Key = std::pair<std::string, std::string>;  // Principal, reason.

  // Queues the summary of `window`, if it needs one.
  void SummariseLocked(const Key& key, const Window& window) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  CommandQueue& queue_;
  const Clock& clock_;

  // Held while a command is queued, so that a summary follows the entries it counts beyond;
  // Submit neither blocks nor calls back.
  absl::Mutex mu_;
  absl::flat_hash_map<Key, Window> windows_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::broker
