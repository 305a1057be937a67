// Tells the broker of a fork that this agency found, so that it stands in the log for everybody to read.
#pragma once

#include <absl/status/status.h>

#include <set>
#include <string>

#include "common/agent/alarm.h"
#include "common/agent/broker_link.h"

namespace accord::agent {

// Single-thread.
class ForkReport {
 public:
  ForkReport(const Alarm& alarm, BrokerLink& broker) : alarm_(alarm), broker_(broker) {}

  // While an alarm of LOG_FORKED stands: shows the broker each checkpoint of its evidence that it has not yet answered for, the one
  // held and the one shown. Best effort: an error is of a broker that did not answer, and the next call tries again. A start of
  // the service begins anew, which the broker takes for a repeat.
  absl::Status Step();

 private:
  const Alarm& alarm_;
  BrokerLink& broker_;
  std::set<std::string> answered_;  // At most the evidence of one alarm.
};

}  // namespace accord::agent
