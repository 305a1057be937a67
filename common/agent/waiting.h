// What waits in an agency's service, since when, why, and what to do: for operators (docs/runbooks/outbox.md). Nothing in it says more of
// a person than a request id or the name of a referral does.
#pragma once

#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/storage/v1/agent.pb.h"

namespace accord::agent {

// One thing that waits.
struct Wait {
  agency::v1::WaitingKind kind = agency::v1::WAITING_KIND_UNSPECIFIED;
  std::string about;         // Request id, `referrals/…`, hold or number of a disclosure.
  int64_t since_ms = 0;      // 0: not kept.
  uint32_t attempts = 0;     // 0: not counted.
  std::string reason;        // Of docs/errors.md; empty: not tried yet.
  bool needs_person = false;
  std::string agency = {};   // Of a reseal: for whom.
};

// Reason and words of `status`, as `waiting_for` has them. What broke on the way to the broker, whose error has no reason of ours, is
// BROKER_UNREACHABLE. Thread-safe.
std::string WaitingWords(const absl::Status& status);
// The reason of such words; empty when there are none. Thread-safe.
std::string ReasonOfWords(std::string_view words);
// Whether the broker did not answer at all: what is said then is of the network, or of TLS, and not of what was asked. Thread-safe.
bool DidNotAnswer(const absl::Status& status);

// Whether a submission is on its way to the broker. Thread-safe.
bool IsWaiting(agency::v1::SubmissionState state);
// What of a submission waits. Pure. Thread-safe.
std::vector<Wait> WaitsOf(const std::string& request_id, const storage::v1::StoredSubmission& submission);

// As it is told: with the words of its reason and what to do. Thread-safe.
agency::v1::WaitingItem ToItem(const Wait& wait);
// By which the oldest come first and those whose age is not kept last; two waits have two. Thread-safe.
std::string AgeKey(const Wait& wait);
// The first `limit` of those whose key is after `after`, in that order; `next` is the last one's key where there are more, else empty.
struct WaitingPage {
  std::vector<Wait> waits;
  std::string next;
};
WaitingPage PageOf(const std::vector<Wait>& waits, std::string_view after, size_t limit);

// How many wait for each reason (`NOT_TRIED` where there is none), and since when the oldest of all does; 0: none, or not kept. Thread-safe.
struct WaitingSummary {
  std::map<std::string, size_t> by_reason;
  int64_t oldest_ms = 0;
};
WaitingSummary SummaryOf(const std::vector<Wait>& waits);

// How the calls to the broker go. Thread-safe.
class BrokerContact {
 public:
  // A call ended so at `now`: any answer of the broker, also a refusal, ends what was before.
  void Note(const absl::Status& ended, absl::Time now);
  // Since when it has not answered; InfiniteFuture while it does, or before the first call.
  absl::Time away_since() const;

 private:
  mutable absl::Mutex mu_;
  absl::Time away_since_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
};

// What stands of the service itself.
struct ServiceFacts {
  absl::Time now;
  absl::Status alarm;                                   // Not OK: it has stopped sending.
  bool store_refuses = false;                           // A write has failed.
  absl::Time away_since = absl::InfiniteFuture();       // As BrokerContact.
  absl::Time certificate_until = absl::InfiniteFuture();  // Of the call to the broker.
};

// Why what waits has not gone, `REASON: words` with what to do; empty when nothing waits, or it was not tried. What stops all of it counts
// before the reason that most of it has. Pure. Thread-safe.
std::string WaitingFor(const std::vector<Wait>& waits, const ServiceFacts& facts);

}  // namespace accord::agent
