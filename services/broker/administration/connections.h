// What the broker has seen of each agency's calls since it started: for administrators who ask why one does not answer.
//
// In memory alone, one row for each enrolled agency and so as many as the directory has; nothing of it decides anything.
//
// Thread-safe.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <optional>
#include <string>
#include <string_view>

namespace accord::broker {

class ConnectionRegister {
 public:
  static constexpr size_t kAgenciesSeenMax = 10'000;

  struct Seen {
    std::optional<absl::Time> last_call, last_refused, last_alert;  // Absent: none.
    std::string last_refusal;                                       // Reason of the last refusal.
    std::optional<absl::Time> certificate_until;                    // Of the last call.
  };

  // Notes a call of an enrolled agency that was let in, or refused with `status`; of one that reported its duty alert, that too. Nothing is noted of
  // agencies beyond kAgenciesSeenMax.
  void Note(std::string_view agency, std::string_view method, const absl::Status& status, absl::Time certificate_until, absl::Time now);

  // Of `agency`; nothing noted: all absent.
  Seen Of(std::string_view agency) const;

 private:
  mutable absl::Mutex mu_;
  absl::flat_hash_map<std::string, Seen> seen_ ABSL_GUARDED_BY(mu_);
};

}  // namespace accord::broker
