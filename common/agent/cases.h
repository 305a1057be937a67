// Cases, as the broker tells this agency of them: their history, and pairs that may be one.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "accord/broker/v1/case_service.pb.h"
#include "common/agent/alarm.h"
#include "common/agent/broker_link.h"
#include "common/agent/log_watch.h"
#include "common/agent/notices.h"

namespace accord::agent {

// Nothing is kept here but that a proposal was answered. The receipt of an answer is verified; nothing is asked while an alarm stands.
// Errors are the broker's, and those of Alarm, LogWatch and Notices. Calls block. Thread-safe.
class Cases {
 public:
  Cases(BrokerLink& broker, LogWatch& log, Alarm& alarm, Notices& notices) : broker_(broker), log_(log), alarm_(alarm), notices_(notices) {}

  absl::StatusOr<broker::v1::GetCaseHistoryResponse> History(const broker::v1::GetCaseHistoryRequest& request) {
    return broker_.GetCaseHistory(request);
  }
  // Notices of what is answered, by whomever, wait for nobody any more.
  absl::StatusOr<broker::v1::ListLinkProposalsResponse> ListLinks(const broker::v1::ListLinkProposalsRequest& request);
  absl::Status Answer(const broker::v1::AnswerLinkProposalRequest& request);

 private:
  BrokerLink& broker_;
  LogWatch& log_;
  Alarm& alarm_;
  Notices& notices_;
};

}  // namespace accord::agent
