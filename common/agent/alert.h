// Calls somebody when an IMMEDIATE referral waits that no person has opened.
//
// The hook (alert_hook.h) is run at once for each that arrives, and again every `repeat` while one waits; one run is for all that
// wait then. Software that opens a referral ends nothing: a person does, or its sender who recalls or withdraws it. When the broker
// says that one is overdue the hook is run at once too. A run that fails is tried again after 5 s, then after twice as long, up to
// `repeat`. The first run that succeeds after an arrival is reported to the broker, which tells the sender.
//
// Nothing is stored: after a restart what waits is found in the inbox, and is alerted and reported anew. The broker counts the first
// report alone.
#pragma once

#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/agent/alert_hook.h"
#include "common/agent/broker_link.h"
#include "common/agent/inbox.h"
#include "common/base/clock.h"
#include "common/telemetry/metrics.h"

namespace accord::agent {

inline constexpr absl::Duration kAlertRepeatMin = absl::Seconds(30), kAlertRepeatMax = absl::Hours(1);
inline constexpr absl::Duration kAlertTimeoutMin = absl::Seconds(1), kAlertTimeoutMax = absl::Minutes(5);
inline constexpr absl::Duration kAlertRetryMin = absl::Seconds(5);     // After a run that failed.
inline constexpr absl::Duration kReportRetry = absl::Seconds(30);      // After a report that the broker did not take.

// Step is called by one thread; Note by any.
class Alert {
 public:
  // All references must outlive this. `repeat`: kAlertRepeatMin to kAlertRepeatMax.
  Alert(const Inbox& inbox, BrokerLink& broker, AlertCaller& hook, absl::Duration repeat, const Clock& clock,
        telemetry::Metrics& metrics);

  // Runs the hook if that is due, and reports to the broker what it did. Blocks while the hook runs, and on the broker. Returns when
  // it is to be called again; earlier when something arrived. InfiniteFuture: nothing waits.
  absl::Time Step();

  // Takes a notice of the broker. True: it says that nobody here has opened a referral in time, and Step is to be called now; it has no
  // effect unless that waits here. The later steps of an escalation are for others than this agency's duty worker.
  bool Note(const broker::v1::SharingNotice& notice);

 private:
  // What was done about a referral that waits.
  struct Done {
    bool called = false;    // The hook was run since it arrived, whatever came of it;
    bool alerted = false;   // and succeeded;
    bool reported = false;  // and the broker knows, or will never take it.
    bool hurried = false;   // The hook was run since it was noted to be overdue.
  };

  // Those that wait, and what was done about each; what no longer waits is forgotten.
  std::vector<Waiting> Look() ABSL_LOCKS_EXCLUDED(mu_);
  void Call(const std::vector<Waiting>& waiting, bool overdue);
  // When to report again; InfiniteFuture when all are.
  absl::Time Report(const std::vector<Waiting>& waiting);

  const Inbox& inbox_;
  BrokerLink& broker_;
  AlertCaller& hook_;
  const absl::Duration repeat_;
  const Clock& clock_;
  const telemetry::Family<telemetry::Counter> alerts_;

  // Of the one thread.
  std::map<std::string, Done> done_;  // By header digest.
  absl::Time next_ = absl::InfinitePast(), next_report_ = absl::InfinitePast();
  absl::Duration delay_ = kAlertRetryMin;
  bool told_later_ = false;  // That the broker does not take reports yet stands in the log.

  absl::Mutex mu_;
  std::set<std::string> overdue_ ABSL_GUARDED_BY(mu_);  // Noted, and waiting when last looked.
};

}  // namespace accord::agent
