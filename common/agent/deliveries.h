// Deliveries that went wrong, at both ends, and catching up after a loss: what this agency's people have the broker do.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>

#include "accord/broker/v1/mailbox_service.pb.h"
#include "common/agent/alarm.h"
#include "common/agent/broker_link.h"
#include "common/agent/log_watch.h"
#include "common/base/clock.h"

namespace accord::agent {

// Every answer's receipt is verified; nothing is asked while an alarm stands. Errors are the broker's, and those of Alarm and LogWatch.
// Calls block. Thread-safe.
class Deliveries {
 public:
  Deliveries(BrokerLink& broker, LogWatch& log, Alarm& alarm, const Clock& clock)
      : broker_(broker), log_(log), alarm_(alarm), clock_(clock) {}

  // What could not be delivered to us, and of what we sent, page by page.
  absl::StatusOr<broker::v1::ListDeadLettersResponse> ListDeadLetters(const broker::v1::ListDeadLettersRequest& request) {
    return broker_.ListDeadLetters(request);
  }
  absl::Status Requeue(const broker::v1::RequeueDeadLetterRequest& request);
  absl::Status Discard(const broker::v1::DiscardDeadLetterRequest& request);

  // Has all delivered again that we had acknowledged at `since` or later, in as many calls as that takes. The result: how many deliveries
  // wait again. Asked again with the same request id it goes on where it was.
  //   DEADLINE_TOO_SHORT  `deadline` came first
  absl::StatusOr<uint64_t> Replay(const std::string& request_id, absl::Time since, const type::v1::Worker& worker, absl::Time deadline);

 private:
  absl::Status VerifyAct(const type::v1::Receipt& receipt, type::v1::EventType type, const std::string& delivery_id);

  BrokerLink& broker_;
  LogWatch& log_;
  Alarm& alarm_;
  const Clock& clock_;
};

}  // namespace accord::agent
