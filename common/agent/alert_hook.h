// Runs a program of the agency's own when somebody must be called: a pager, a text message, a bell.
//
// The program is run without a shell, in a process group of its own, with no descriptor of the service and no environment but
// PATH and
//   ACCORD_ALERT    `immediate`, or `overdue` when one was not opened in time
//   ACCORD_AGENCY   the agency's id
//   ACCORD_WAITING  how many IMMEDIATE referrals no person has opened
//   ACCORD_SINCE    when the oldest of them arrived, RFC 3339, UTC
// None of it is personal data. What the program writes goes nowhere: its status alone counts.
#pragma once

#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "common/base/clock.h"

namespace accord::agent {

// What a run is told.
struct AlertCall {
  bool overdue = false;
  size_t waiting = 0;
  absl::Time since;
};

// How a run ended.
struct HookResult {
  enum class End { kExited, kSignalled, kTimedOut, kNotStarted, kStopped };
  End end = End::kNotStarted;
  int status = 0;  // The exit status, the signal, or errno of what did not start.

  bool alerted() const { return end == End::kExited && status == 0; }
};

// Whoever is asked to call somebody: a program, or a web address (common/webhook). Thread-safe; one run at a time.
class AlertCaller {
 public:
  virtual ~AlertCaller() = default;
  // Asks, and waits for the end. No personal data leaves.
  virtual HookResult Run(const AlertCall& call) = 0;
  // Ends a run that is under way; further ones end at once with kStopped.
  virtual void Stop() = 0;
};

// Thread-safe; one run at a time.
class AlertHook : public AlertCaller {
 public:
  // `command`: an absolute path and its arguments. `clock` must outlive this.
  AlertHook(std::vector<std::string> command, std::string agency, absl::Duration timeout, const Clock& clock);

  // Runs the program and waits for it. After `timeout` its whole process group is killed.
  HookResult Run(const AlertCall& call) override;
  // Kills a run that is under way; further ones end at once with kStopped.
  void Stop() override;

 private:
  std::vector<std::string> Environment(const AlertCall& call) const;
  // Kills the group when the program has not ended by `end`.
  HookResult Await(pid_t pid, absl::Time end);

  const std::vector<std::string> command_;
  const std::string agency_;
  const absl::Duration timeout_;
  const Clock& clock_;
  const std::string path_;  // The service's own PATH.

  absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace accord::agent
