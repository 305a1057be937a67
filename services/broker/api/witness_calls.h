// What witnesses and whoever meets a fork send: the bodies of LedgerService's Cosign and ReportFork.
#pragma once

#include <absl/functional/any_invocable.h>

#include <string>

#include "accord/broker/v1/ledger_service.pb.h"
#include "common/base/clock.h"
#include "common/rpc/handler.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/witness/policy_witnesses.h"

namespace accord::broker {

// Thread-safe.
class WitnessCalls {
 public:
  // All must outlive this.
  WitnessCalls(Sequencer& sequencer, const PolicyWitnesses& witnesses, const Clock& clock)
      : sequencer_(sequencer), witnesses_(witnesses), clock_(clock) {}

  // Request and response live until `done`. A note of ours that our log contradicts is put on the record and answered with
  // LOG_FORKED.
  void Cosign(const Caller& caller, const v1::CosignRequest& request, v1::CosignResponse& response, rpc::Completion done);
  void ReportFork(const Caller& caller, const v1::ReportForkRequest& request, v1::ReportForkResponse& response, rpc::Completion done);

 private:
  // Has the fork that `note` shows on the record; `then` gets the leaf index of its entry.
  void Record(const Caller& caller, uint64_t size, const std::string& note,
              absl::AnyInvocable<void(const absl::StatusOr<uint64_t>& index) &&> then);

  Sequencer& sequencer_;
  const PolicyWitnesses& witnesses_;
  const Clock& clock_;
};

}  // namespace accord::broker
